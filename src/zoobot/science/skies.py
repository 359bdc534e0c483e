"""Two sets of images, compared pair by pair: which of one set show the same sky as those of the other?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoobot.progress import track_steps
from zoobot.science.same_sky import (
    ANGLES,
    BLOCK,
    COMPARED,
    RADII,
    SAME_SKY,
    WORTH_ALIGNING,
    amplitudes,
    compare,
    correlate_turns,
    details_of,
    distance_from_middle,
    has_details,
    spectra_of,
    waves_of,
)

if TYPE_CHECKING:
    import numpy.typing as npt

SAME_LIGHT = 0.995
"""Correlation of the light of two images of the same name, from which on they may be one image, compressed out of
recognition
"""


@dataclass(frozen=True, eq=False)
class Skies:
    """Images of the sky, made ready to be compared with those of another set; see `compare_skies`.

    Parameters
    ----------
    images
        (image, channel, 64, 64), as for `near_duplicates`.
    spectra
        (image, radius, angle), float16.
    usable
        (image,) False where an image has no details or can't be read: it is like no other.
    """

    images: npt.NDArray[np.uint8]
    spectra: npt.NDArray[np.float16]
    usable: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, images: npt.NDArray[np.uint8]) -> Skies:
        """Return images with what it takes to compare them."""
        spectra = np.zeros((len(images), RADII, ANGLES), np.float16)
        usable = np.zeros(len(images), bool)
        for start in _blocks(len(images), "Preparing images", "images"):
            details = details_of(images[start : start + BLOCK])
            usable[start : start + BLOCK] = has_details(details)
            spectra[start : start + BLOCK] = spectra_of(details)
        return cls(images, spectra, usable)

    def signatures(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return what neither turning nor mirroring nor shifting changes of some images (row, value).

        Candidates are found by it.
        """
        return amplitudes(self.spectra[rows].astype(np.float32))


def compare_skies(
    first: Skies, second: Skies, pairs: npt.NDArray[np.int64], *, threshold: float = SAME_SKY
) -> npt.NDArray[np.float64]:
    """Return the similarity of pairs of images, one of each set, as `near_duplicates` defines it.

    Parameters
    ----------
    first, second
        The sets.
    pairs
        (pair, 2) rows of ``first`` and of ``second``, all usable.
    threshold
        Pairs that can't reach it are left at 0, which saves most of the work.

    Returns
    -------
    ndarray
        (pair,) in 0 to 1.
    """
    similarity = np.zeros(len(pairs))
    for start in _blocks(len(pairs), "Comparing images", "pairs"):
        block = pairs[start : start + BLOCK]
        waves = [waves_of(side.spectra[rows]) for side, rows in zip((first, second), block.T, strict=True)]
        along = np.maximum(*(correlate_turns(*waves, mirror=mirror).max(axis=1) for mirror in (False, True)))
        worth = np.flatnonzero(along > WORTH_ALIGNING - 0.01)  # float16 is that exact
        details = np.concatenate(
            [details_of(side.images[block[worth, place]]) for place, side in enumerate((first, second))]
        )
        places = np.stack([np.arange(len(worth)), np.arange(len(worth)) + len(worth)], axis=1)
        similarity[start + worth] = compare(details, spectra_of(details), places, threshold)[0]
    return similarity


def correlate_light(first: Skies, second: Skies, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return Pearson's correlation (pair,) of pairs of images as they lie.

    It is that of their light, blurred by 1.5 pixels, around the middle. Unlike the similarity it survives any
    compression, but no turn or shift; different galaxies of one survey rarely reach `SAME_LIGHT`.
    """
    from scipy.ndimage import gaussian_filter

    inside = distance_from_middle() < COMPARED
    found = np.zeros(len(pairs))
    for start in range(0, len(pairs), BLOCK):
        light = []
        for side, rows in zip((first, second), pairs[start : start + BLOCK].T, strict=True):
            grey = side.images[rows].mean(axis=1, dtype=np.float32)
            values = gaussian_filter(grey, (0, 1.5, 1.5))[:, inside].astype(np.float64)
            values -= values.mean(axis=1, keepdims=True)
            light.append(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9))
        found[start : start + BLOCK] = (light[0] * light[1]).sum(axis=1)
    return found


def _blocks(count: int, description: str, unit: str) -> Iterator[int]:
    """Return the first place of each block of ``count`` things, showing progress as `track_steps` does."""
    steps = ((start, min(BLOCK, count - start)) for start in range(0, count, BLOCK))
    return track_steps(steps, description, count, unit)
