"""Fill values: numbers that software writes where an image has no data, as beyond the edge of a survey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FAR = 5
"""A repeated number this many times as far from its neighbor as that is from the median is no brightness"""

SMALLEST_SHARE = 0.002
"""Share of the pixels below which a border of whole numbers is taken for what it looks like"""
LARGEST_SHARE = 0.8
"""Share of the pixels above which the rest is the exception: a few photons on a dark sky, not a survey's edge"""

_MOST_VALUES = 3
"""How many fill values are looked for in one band"""
_MOST_SAID = 4
_FEWEST = 3
_SAMPLE = 4096
_MOSTLY = 0.95
_TWO_SIDED = 0.02
_APART = 2.0


class FillCount:
    """How many images hold pixels without data, with which values, and how much of an image they take."""

    def __init__(self) -> None:
        self.n_images = 0
        self.n_filled = 0
        self.images: Counter[str] = Counter()
        """Images by the value that stands for no data"""
        self.largest: dict[str, float] = {}
        """The largest share of an image's pixels (of one band) that a value takes"""

    def add(self, shares: Mapping[str, float]) -> None:
        """Take one more image: the share of its pixels by value, as `shares_of_fills` returns it.

        The share is empty where the image has no fill values.
        """
        self.n_images += 1
        self.n_filled += bool(shares)
        self.images.update(shares.keys())
        for value, share in shares.items():
            self.largest[value] = max(share, self.largest.get(value, 0.0))

    def sentences(self) -> list[str]:
        """Return a sentence on all images, none where no image has such pixels."""
        if not self.n_filled:
            return []
        common = self.images.most_common(_MOST_SAID)
        each = [
            f"{value} in {n:,} (up to {100 * self.largest[value]:.2g}% of "
            f"{'an image' if value == common[0][0] else 'one'})"
            for value, n in common
        ]
        more = ", ..." if len(self.images) > len(common) else ""
        return [
            f"{self.n_filled:,} of {self.n_images:,} images have pixels without data: {', '.join(each)}{more}. They "
            "do not count for the contrast of the rest."
        ]


def shares_of_fills(band: npt.NDArray[Any], usable: Mask, filled: Mask) -> dict[str, float]:
    """Return the share of a band's pixels by the value that stands for no data there: 'NaN', '-9999', '0', ...

    Parameters
    ----------
    band
        (y, x)
    usable
        Pixels that are finite.
    filled
        Those that `find_fills` finds.
    """
    nothing = float(np.isnan(band).mean())
    values, counts = np.unique(band[(filled | ~usable) & ~np.isnan(band)], return_counts=True)
    shares = {f"{value:.6g}": float(n / band.size) for value, n in zip(values, counts, strict=True)}
    return ({"NaN": nothing} if nothing else {}) | shares


def find_fills(band: npt.NDArray[Any], usable: Mask) -> tuple[Mask, Mask]:
    """Return which pixels of a band (y, x) hold no data, and which are only filled.

    Both are left out of the limits of a stretch. No data: a value that several pixels share exactly, and that is far
    beyond all others: more than 5 times as far from the nearest other value as that is from the median, on the same
    side. -9999 and 1e20 are, also where the sky is far from 0, 0 itself.

    Filled: where hardly any two pixels are equal, any value that many share. In images of whole numbers, a value that
    fills a border, in stripes, wedges or frames, and meets the rest in a sharp edge: pixels beside it lie on both sides
    of it, as noise about a sky of 0 does, or away from it by twice what neighbors usually differ. A dark sky that fades
    into a galaxy is not filled, nor is one with scattered photons.

    Parameters
    ----------
    band
        (y, x)
    usable
        Pixels that are finite.

    Returns
    -------
    absent, filled : ndarray of bool
        (y, x), no pixel in both.
    """
    absent = _far_away(band, usable)
    good = usable & ~absent
    filled = np.zeros(band.shape, bool)
    shared = _shared_values(band[good], band.shape[1])
    for value in dict.fromkeys([*_border_values(band, good), *(shared or ())]):
        equal = (band == value) & good & ~filled
        if shared is not None:
            is_fill = equal.mean() <= LARGEST_SHARE
        else:
            equal = _solid(equal)
            is_fill = SMALLEST_SHARE <= equal.mean() <= LARGEST_SHARE
            is_fill = is_fill and _ends_sharply(band, equal, good & ~filled & ~equal, value)
        if is_fill:
            filled |= equal
    return absent, filled


def _shared_values(values: npt.NDArray[Any], width: int) -> list[Any] | None:
    """Return the values that many pixels share, where hardly any other two are equal; None where many are."""
    step = max(1, values.size // _SAMPLE)
    while np.gcd(step, width) > 1:  # so that the sample is of all columns
        step += 1
    unique, counts = np.unique(values[::step], return_counts=True)
    often = np.flatnonzero(counts >= _FEWEST)
    others = counts.sum() - counts[often].sum()
    if len(unique) - len(often) < _MOSTLY * others or others < _MOSTLY * (1 - LARGEST_SHARE) * counts.sum():
        return None
    return [unique[place] for place in often[np.argsort(-counts[often], kind="stable")][:_MOST_VALUES]]


def _far_away(band: npt.NDArray[Any], usable: Mask) -> Mask:
    """Return pixels whose value is repeated and far beyond the others, in either direction."""
    absent = np.zeros(band.shape, bool)
    for sign in (1, -1):
        for _ in range(_MOST_VALUES):
            good = usable & ~absent
            values = band[good] * sign
            if values.size <= _FEWEST:
                return absent
            lowest = values.min()
            others = values[values > lowest]
            if values.size - others.size < _FEWEST or others.size < values.size / 2:
                break
            nearest, median = float(others.min()), float(np.median(others))
            if not nearest - float(lowest) > FAR * (median - nearest) > 0:
                break
            absent |= good & (band * sign == lowest)
    return absent


def _border_values(band: npt.NDArray[Any], usable: Mask) -> list[Any]:
    """Return the values that occur most often along the border, and the lowest and highest.

    Values count as far as they are repeated there.
    """
    border = np.concatenate([band[0], band[-1], band[1:-1, 0], band[1:-1, -1]])
    known = np.concatenate([usable[0], usable[-1], usable[1:-1, 0], usable[1:-1, -1]])
    values, counts = np.unique(border[known], return_counts=True)
    often = np.flatnonzero(counts >= _FEWEST)
    commonest = often[np.argsort(-counts[often], kind="stable")][:_MOST_VALUES]
    return [values[place] for place in dict.fromkeys([*commonest, *often[:1], *often[-1:]])]


def _ends_sharply(band: npt.NDArray[Any], region: Mask, rest: Mask, value: Any) -> bool:
    """Return whether a region of one value has a short outline, and differs from what is beside it as a fill does."""
    beside, length = _beside(region, rest)
    if length > 2 * sum(band.shape) or not beside.any():
        return False
    differences = band[beside].astype(np.float64) - float(value)
    if _TWO_SIDED < (differences > 0).mean() < 1 - _TWO_SIDED:
        return True
    return bool(np.median(np.abs(differences)) > _APART * _usual_difference(band, rest) > 0)


def _solid(equal: Mask) -> Mask:
    """Return the pixels in blocks of 3 x 3 of one value, beyond the border too, that reach the border."""
    from scipy import ndimage

    padded = np.pad(equal, 2, constant_values=True)
    blocks = ndimage.binary_erosion(padded, np.ones((3, 3)), border_value=1)
    grown = ndimage.binary_dilation(blocks, np.ones((3, 3))) & padded
    labels, _ = ndimage.label(grown, np.ones((3, 3)))
    region: Mask = (labels == labels[0, 0])[2:-2, 2:-2] & equal  # the pixels beyond the border are one region
    return region


def _beside(region: Mask, rest: Mask) -> tuple[Mask, int]:
    """Return the other pixels that share a side with a region, and how many sides that is."""
    beside = np.zeros(region.shape, bool)
    length = 0
    for ours, theirs in (
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
    ):
        touching = rest[ours] & region[theirs]
        beside[ours] |= touching
        length += int(touching.sum())
    return beside, length


def _usual_difference(band: npt.NDArray[Any], rest: Mask) -> float:
    """Return the median difference between neighbors in a row."""
    both = rest[:, 1:] & rest[:, :-1]
    differences = np.abs(np.diff(np.where(rest, band, 0).astype(np.float64), axis=1))[both]
    return float(np.median(differences)) if differences.size else 0.0
