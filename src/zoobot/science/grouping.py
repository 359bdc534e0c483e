"""Galaxies that come in groups (one object, one tile): their numbers, and how many independent galaxies they are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Codes = npt.NDArray[np.int64]


def own_codes(groups: Codes | None, n_galaxies: int) -> Codes:
    """Return the groups (galaxy,) numbered from 0 without gaps; where there are none, each galaxy is its own."""
    return np.arange(n_galaxies) if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)


def effective_number(groups: Codes) -> float:
    """Return how many independent galaxies weigh as much as galaxies in these groups (Kish 1965); 0 of none."""
    counts = np.bincount(groups)
    return float(counts.sum() ** 2 / (counts.astype(float) ** 2).sum()) if len(groups) else 0.0
