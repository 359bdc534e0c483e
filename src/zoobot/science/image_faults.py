"""Images that can't teach anything: blank, saturated, truncated or crossed by a chip gap, unreadable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.errors import CatalogError

if TYPE_CHECKING:
    import numpy.typing as npt

BLANK = 1.5
"""Standard deviation of the grey values (of 255) below which an image is blank"""

SATURATED = 0.2
"""Share of pixels at the largest value, in all channels, from which on an image is saturated"""

STRIP, BLOCK = 1 / 16, 1 / 4
"""Least width of a constant strip across the whole image, and of a constant square, as a share of the image's width"""

RAGGED = 0.5
"""Most pixels of the same value outside such rectangles, as a share of those inside: clipped sky is ragged, a gap has
straight edges
"""

FRAMED = 0.75
"""Share of the image's outermost pixels from which on the constant value is a masked sky around the galaxy, not a gap
"""


def image_faults(
    frame: pd.DataFrame,
    thumbnails: npt.NDArray[np.uint8],
    errors: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the images that are likely worthless, with the fault and its extent.

    It errs on the side of not listing an image.

    - 'unreadable': it could not be decoded.
    - 'blank': the standard deviation of its grey values is below 1.5 of 255.
    - 'saturated': 20% of its pixels or more have the largest value (254 or 255 of 255) in all channels.
    - 'gap': truncated, or crossed by a gap: its most frequent value fills (to 1 of 255, in all channels) strips across
      the whole image of 1/16 of its width or squares of 1/4 of it; at most half as many pixels have it elsewhere, as
      they would in clipped sky, and it does not surround the galaxy (at most 75% of the outermost pixels have it), as
      masked sky does.

    Parameters
    ----------
    frame
        One row per image: ``id_str`` and ``file_loc``.
    thumbnails
        (image, channel, y, x), uint8, each the whole image made small by averaging.
    errors
        Why an image could not be read; empty for those that could.

    Returns
    -------
    DataFrame
        ``id_str``, ``file_loc``, ``fault``, ``extent`` (the share of the image that is constant or saturated; 1 if
        blank or unreadable), ``reason``; the worst first.

    Raises
    ------
    CatalogError
        Another number of rows than thumbnails.
    """
    if len(frame) != len(thumbnails) or (errors is not None and len(errors) != len(frame)):
        msg = f"the table has {len(frame)} rows, but there are {len(thumbnails)} thumbnails: give one per image."
        raise CatalogError(msg)
    found = []
    for row, image in enumerate(thumbnails):
        fault = ("unreadable", 1.0, errors[row]) if errors is not None and errors[row] else _fault(image)
        if fault is not None:
            found.append((frame["id_str"].iloc[row], frame["file_loc"].iloc[row], *fault))
    table = pd.DataFrame(found, columns=["id_str", "file_loc", "fault", "extent", "reason"])
    return table.sort_values("extent", ascending=False, kind="stable").reset_index(drop=True)


def _fault(image: npt.NDArray[np.uint8]) -> tuple[str, float, str] | None:
    """Return an image's (channel, y, x) fault, extent and reason, or None."""
    spread = float(image.mean(axis=0).std())
    if spread < BLANK:
        return "blank", 1.0, f"grey values differ by {spread:.1f} of 255 (standard deviation)"
    bright = float((image >= 254).all(axis=0).mean())
    if bright >= SATURATED:
        return "saturated", round(bright, 3), f"{bright:.0%} of the pixels have the largest value"
    gap = _gap(image)
    if gap:
        return "gap", round(gap, 3), f"{gap:.0%} of the image is a rectangle of one value"
    return None


def _gap(image: npt.NDArray[np.uint8]) -> float:
    """Return the share of the image in constant rectangles of straight edges; 0 where there are none."""
    from scipy.ndimage import grey_opening

    channels, height, width = image.shape
    grey = image.astype(np.int16)
    packed = (grey.reshape(channels, -1).T @ (256 ** np.arange(channels, dtype=np.int64))).astype(np.int64)
    values, counts = np.unique(packed, return_counts=True)
    if counts.max() < STRIP * height * width / 2:
        return 0.0
    usual = grey.reshape(channels, -1)[:, packed == values[counts.argmax()]][:, :1, None]
    constant = (np.abs(grey - usual) <= 1).all(axis=0)
    strips = (round(STRIP * height), width), (height, round(STRIP * width))
    rectangles = np.zeros_like(constant)
    for shape in (*strips, (round(BLOCK * height), round(BLOCK * width))):
        rectangles |= grey_opening(constant.astype(np.uint8), shape, mode="constant", cval=0) > 0
    inside = rectangles.sum()
    edge = np.concatenate([constant[0], constant[-1], constant[1:-1, 0], constant[1:-1, -1]]).mean()
    if not inside or (constant & ~rectangles).sum() > RAGGED * inside or edge > FRAMED:
        return 0.0
    return float(rectangles.mean())
