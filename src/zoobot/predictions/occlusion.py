"""Occlusion: by how much a score falls where parts of the image are hidden, and where a heat map is hottest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

Score = Callable[[Tensor, Tensor], Tensor]
"""From images (image, channel, height, width) and the column to explain of each (image,) to what is explained, (image,)
"""

CELLS = 8
"""Rows and columns of a map"""

SQUARES = (2, 4)
"""Widths, in cells, of the squares that are hidden: a quarter and a half of the image's width"""

RANDOM_PLACES = 4
"""Places of each galaxy that the hottest quarter is moved to, to compare with"""


def blurred(images: Tensor) -> Tensor:
    """Return images without detail: blurred by a Gaussian whose standard deviation is an eighth of their width.

    A blur hides what is there and adds little that is new; a square of one color would add edges.
    """
    sigma = min(images.shape[2:]) / CELLS
    reach = int(2 * sigma)
    x = torch.arange(-reach, reach + 1, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, 1, -1)
    padded = F.pad(images, (reach,) * 4, mode="reflect")
    rows = F.conv2d(padded, kernel, groups=images.shape[1])
    return F.conv2d(rows, kernel.transpose(2, 3), groups=images.shape[1])


def edge_colored(images: Tensor) -> Tensor:
    """Return images of one color each, the median of their outermost pixels.

    It is the sky's color, where the galaxy leaves the edge free.
    """
    edges = [images[:, :, 0], images[:, :, -1], images[..., 0], images[..., -1]]
    return torch.cat(edges, dim=-1).median(dim=-1).values[:, :, None, None].expand_as(images)


def occlusion(score: Score, image: Tensor, column: Tensor, batch_size: int = 16) -> Tensor:
    """Return by how much a score falls where a cell is blurred (Zeiler & Fergus 2014, ECCV, 818), (row, column).

    Squares of a quarter and of half the width are hidden one after the other, in steps of an eighth: 74 images. A cell
    has the mean fall over the squares that hide it, averaged over both sizes: small squares say where, large ones find
    what only hiding much takes away. No square is smaller than 2 x 2 cells: neighboring cells share most of what they
    show.

    Parameters
    ----------
    score
        What falls.
    image
        (channel, height, width).
    column
        Scalar: the column to explain.
    batch_size
        Images a step.
    """
    images = image[None]
    hidden, whole = blurred(images), score(images, column[None])
    falls = torch.zeros(CELLS, CELLS)
    for width in SQUARES:
        squares = _squares(width)
        masks = F.interpolate(squares[:, None], image.shape[1:], mode="nearest") > 0
        found = [
            whole - score(torch.where(some, hidden, images), column.expand(len(some)))
            for some in torch.split(masks, batch_size)
        ]
        falls += torch.einsum("s,srk->rk", torch.cat(found).float(), squares) / squares.sum(dim=0) / len(SQUARES)
    return falls


def enlarged(falls: Tensor, images: Tensor) -> Tensor:
    """Return maps (galaxy, row, column) in the size of the images, (galaxy, height, width)."""
    return F.interpolate(falls[:, None], images.shape[2:], mode="bilinear", align_corners=False)[:, 0]


def falls_by_quarters(
    score: Score, images: Tensor, hidden: Tensor, columns: Tensor, maps: Tensor, rng: np.random.Generator
) -> tuple[Values, Values, Values]:
    """Return by how much a score falls (galaxy,) where a quarter of the image is hidden.

    The quarter is the hottest, the central one, or at random places. The last moves the hottest quarter by random
    numbers of rows and columns, around the image's edges: as many pixels of much the same shape, each part of the image
    as often as any other. It is the mean over four such places.

    Parameters
    ----------
    score
        What falls.
    images, hidden
        (galaxy, channel, height, width): galaxies, and what is shown where they are hidden.
    columns
        (galaxy,): the column to explain of each.
    maps
        (galaxy, height, width): the hottest quarter has the highest values, cells at random among equal ones.
    rng
        Draws the places.
    """
    n, height, width = maps.shape
    whole = score(images, columns)

    def fall(masks: Tensor) -> Values:
        return (whole - score(torch.where(masks[:, None], hidden, images), columns)).double().numpy()

    noise = torch.from_numpy(rng.random((n, 1, CELLS, CELLS)))
    ties = F.interpolate(noise, (height, width), mode="nearest").reshape(n, -1)
    order = torch.from_numpy(np.lexsort((ties.numpy(), -maps.reshape(n, -1).numpy())))
    hottest = torch.zeros(n, height * width, dtype=torch.bool)
    hottest = hottest.scatter_(1, order[:, : (height // 2) * (width // 2)], True).reshape(maps.shape)
    central = torch.zeros_like(hottest)
    top, left = height // 4, width // 4
    central[:, top : top + height // 2, left : left + width // 2] = True
    anywhere = []
    for _ in range(RANDOM_PLACES):
        moves = rng.integers(0, (height, width), (n, 2)).tolist()
        anywhere.append(
            fall(torch.stack([mask.roll(move, dims=(0, 1)) for mask, move in zip(hottest, moves, strict=True)]))
        )
    return fall(hottest), fall(central), np.mean(anywhere, axis=0)


def _squares(width: int) -> Tensor:
    """Return masks (square, row, column) of cells, 1 in a square of a width."""
    places = range(CELLS - width + 1)
    masks = torch.zeros(len(places), len(places), CELLS, CELLS)
    for top in places:
        for left in places:
            masks[top, left, top : top + width, left : left + width] = 1
    return masks.flatten(0, 1)
