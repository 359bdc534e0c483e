"""Views of galaxies: seeded random views to train on and one fixed view to evaluate on.

They are made batch by batch on the device. Rotation, flips, zoom and shift are one affine map, so each pixel is
interpolated once. The random numbers of a view depend on nothing but the seed, the epoch and the galaxy's pixels: not
on the catalog, the batch size, the number of workers or machines, or what came before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zoobot.errors import OptionError
from zoobot.ranges import RANGES, check_fields, check_range

if TYPE_CHECKING:
    import numpy.typing as npt

Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How training views differ from the evaluation view.

    Parameters
    ----------
    rotate
        Rotate by any angle, uniform in 0 to 360 degrees.
    flip
        Mirror half of the views. Turn it off where handedness is the label: a mirrored clockwise spiral is an
        anticlockwise one.
    zoom
        The range, log-uniform, of the factor by which the galaxy grows or shrinks.
    shift
        The largest shift along each axis, as a fraction of the view's width; uniform in -shift to shift.
    erase
        The probability of greying out a random rectangle of 2 to 20% of the view (Zhong et al. 2020).
    noise
        The standard deviation of Gaussian noise added to the pixels, which are in [0, 1].
    seed
        Another seed gives other views. It is apart from the run's seed, so that runs with several seeds can share kept
        features.

    Raises
    ------
    OptionError
        An option outside its range.
    """

    rotate: bool = True
    flip: bool = True
    zoom: tuple[float, float] = (0.9, 1.1)
    shift: float = 0.03
    erase: float = 0.0
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "zoom", tuple(self.zoom))
        if len(self.zoom) != 2 or self.zoom[0] > self.zoom[1]:
            msg = f"zoom={self.zoom} must be two factors above 0, the smaller first, such as (0.9, 1.1)."
            raise OptionError(msg)
        for factor in self.zoom:
            check_range("zoom", factor, RANGES["zoom_factor"])
        check_fields(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain values, for JSON."""
        return asdict(self)


def random_views(
    pixels: Tensor,
    keys: npt.ArrayLike,
    epochs: npt.ArrayLike,
    *,
    size: int,
    crop: float,
    augmentation: Augmentation,
) -> Tensor:
    """Return one random view (batch, channel, size, size) in [0, 1] of each image.

    Parameters
    ----------
    pixels
        (batch, channel, height, width), uint8 in 0 to 255 or float in [0, 1], on any device.
    keys
        (batch,) whole numbers that tell the galaxies apart.
    epochs
        (batch,) whole numbers: together with the key and ``augmentation.seed`` they decide all that is random about a
        view.
    size
        The view's height and width in pixels.
    crop
        The share of the image's width that the view would show without zoom, 0 to 1.
    augmentation
        What is varied.
    """
    draws = uniforms(augmentation.seed, epochs, keys, 12)
    spin = draws[:, 0] * 2 * np.pi if augmentation.rotate else np.zeros(len(draws))
    mirror = np.where(augmentation.flip & (draws[:, 1] < 0.5), -1.0, 1.0)
    low, high = np.log(augmentation.zoom)
    scale = crop / np.exp(low + draws[:, 2] * (high - low))
    shift = (2 * draws[:, 3:5] - 1) * augmentation.shift * 2 * crop
    maps = np.empty((len(draws), 2, 3))
    maps[:, 0] = np.stack([mirror * scale * np.cos(spin), -scale * np.sin(spin), shift[:, 0]], axis=1)
    maps[:, 1] = np.stack([mirror * scale * np.sin(spin), scale * np.cos(spin), shift[:, 1]], axis=1)
    views = _affine(pixels, torch.from_numpy(maps), size)
    if augmentation.erase > 0:
        views = _erase(views, draws[:, 5:10], augmentation.erase)
    if augmentation.noise > 0:
        views = (views + augmentation.noise * _normals(draws[:, 10], views)).clamp(0, 1)
    return views


def centre_views(pixels: Tensor, *, size: int, crop: float) -> Tensor:
    """Return the fixed view (batch, channel, size, size) in [0, 1].

    It is the centre ``crop`` of each image, resized to ``size``. Where the crop is ``size`` pixels wide already, as in
    images kept by the data module, the view holds those pixels unchanged.
    """
    kept = crop * pixels.shape[-1]
    margin = (pixels.shape[-1] - size) // 2
    if abs(kept - size) < 1e-3 and pixels.shape[-1] - size == 2 * margin:
        return unit(pixels[..., margin : margin + size, margin : margin + size])
    maps = torch.tensor([[crop, 0.0, 0.0], [0.0, crop, 0.0]], dtype=torch.float64).expand(len(pixels), 2, 3)
    return _affine(pixels, maps, size)


def custom_views(
    pixels: Tensor, keys: npt.ArrayLike, epochs: npt.ArrayLike, *, transform: Transform, size: int, seed: int
) -> Tensor:
    """Return what the user's own ``transform`` makes of each image, as (batch, channel, size, size) in [0, 1].

    The transform (torchvision v2, kornia, any function) gets one image at a time, float (channel, height, width) in [0,
    1], so that each has random numbers of its own, drawn from torch's generator seeded by seed, epoch and key.

    Raises
    ------
    OptionError
        The transform gives another shape than (channel, size, size).
    """
    views = []
    seeds = mixed(seed, np.asarray(epochs), np.asarray(keys))
    devices = [pixels.device] if pixels.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        for image, image_seed in zip(unit(pixels), seeds, strict=True):
            torch.manual_seed(int(image_seed))
            view = transform(image)
            view = view[0] if view.ndim == 4 else view  # kornia answers with a batch of one
            if tuple(view.shape) != (pixels.shape[1], size, size):
                msg = (
                    f"the augmentation gave an image of shape {tuple(view.shape)}, where "
                    f"{(pixels.shape[1], size, size)} was expected (channel, image_size, image_size). Let it end with "
                    "a resize, or set image_size."
                )
                raise OptionError(msg)
            views.append(view)
    return torch.stack(views).clamp(0, 1)


def uniforms(seed: int, epochs: npt.ArrayLike, keys: npt.ArrayLike, count: int) -> npt.NDArray[np.float64]:
    """Return (key, count) numbers, uniform in [0, 1), that depend on seed, epoch, key and place only.

    The generator is splitmix64 (Steele et al. 2014).
    """
    keys = mixed(seed, np.asarray(epochs), np.asarray(keys))
    return (mixed(0, keys[:, None], np.arange(count)[None]) >> np.uint64(11)) / 2.0**53


def mixed(seed: int, first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return a well mixed 64-bit number for each (seed, first, second); the arrays broadcast."""
    with np.errstate(over="ignore"):
        key = _splitmix(np.asarray(seed % 2**64, np.uint64))
        key = _splitmix(key ^ first.astype(np.uint64))
        return _splitmix(key ^ second.astype(np.uint64))


def _splitmix(key: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    key = key + np.uint64(0x9E3779B97F4A7C15)
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed_key: npt.NDArray[np.uint64] = key ^ (key >> np.uint64(31))
    return mixed_key


def unit(pixels: Tensor) -> Tensor:
    """Return pixels as float32 in [0, 1]."""
    return pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()


def _affine(pixels: Tensor, maps: Tensor, size: int) -> Tensor:
    """Sample each image once, bilinearly, where its map (batch, 2, 3) points; beyond the edge the sky is mirrored."""
    grid = _grid(maps.to(pixels.device, torch.float32), size)
    views = F.grid_sample(pixels.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return (views.mul_(1 / 255) if pixels.dtype == torch.uint8 else views).clamp_(0, 1)


def _grid(maps: Tensor, size: int) -> Tensor:
    """Return what `torch.nn.functional.affine_grid` returns, by sums.

    Its matrix products take longer than the sampling.
    """
    along = (2 * torch.arange(size, device=maps.device, dtype=maps.dtype) + 1) / size - 1
    grid = maps.new_empty(len(maps), size, size, 2)
    for axis in (0, 1):
        by_x, by_y, offset = maps[:, axis].unbind(1)
        down = by_y[:, None] * along + offset[:, None]
        torch.addcmul(down[:, :, None], by_x[:, None, None], along, out=grid[..., axis])
    return grid


def _erase(views: Tensor, draws: npt.NDArray[np.float64], probability: float) -> Tensor:
    """Replace a rectangle of some views by the view's mean."""
    size = views.shape[-1]
    area = (0.02 + 0.18 * draws[:, 1]) * size**2
    aspect = np.exp((2 * draws[:, 2] - 1) * np.log(3))
    height, width = np.minimum(np.sqrt(area * aspect), size), np.minimum(np.sqrt(area / aspect), size)
    top, left = draws[:, 3] * (size - height), draws[:, 4] * (size - width)

    def inside(start: npt.NDArray[np.float64], length: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        place = np.arange(size)[None]
        covered: npt.NDArray[np.bool_] = (place >= start[:, None]) & (place < (start + length)[:, None])
        return covered

    box = inside(top, height)[:, :, None] & inside(left, width)[:, None, :] & (draws[:, 0] < probability)[:, None, None]
    return torch.where(torch.from_numpy(box).to(views.device)[:, None], views.mean(dim=(2, 3), keepdim=True), views)


def _normals(draws: npt.NDArray[np.float64], views: Tensor) -> Tensor:
    """Return standard normal noise like ``views``, each image's from a seed of its own."""
    noise = torch.empty_like(views)
    generator = torch.Generator(device=views.device)
    for image, draw in zip(noise, draws, strict=True):
        generator.manual_seed(int(draw * 2**53))
        image.normal_(generator=generator)
    return noise
