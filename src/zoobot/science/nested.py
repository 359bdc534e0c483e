"""Folds of galaxies and nested random subsets of what remains, both by whole groups.

Copies of a galaxy stay together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.science.resampling import bootstrap_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Units:
    """What is drawn as a whole: groups of galaxies, or single galaxies.

    Attributes
    ----------
    codes : ndarray
        (galaxy,) the unit of each, from 0.
    strata : ndarray
        (unit,) its class: the rarest among its galaxies'. A class with one such unit counts as the commonest one's.
    """

    codes: Rows
    strata: Rows

    @classmethod
    def of(cls, classes: Rows, groups: NDArray[Any] | None) -> Units:
        """Return the units of galaxies with these classes (galaxy,) and groups (galaxy,).

        Without groups each galaxy stands alone.
        """
        if groups is None:
            return cls(np.arange(len(classes)), classes)
        codes = np.unique(groups, return_inverse=True)[1].astype(np.int64)
        rank = np.argsort(np.argsort(np.bincount(classes), kind="stable"))  # of each class, the rarest first
        rarest = np.full(codes.max(initial=-1) + 1, len(rank))
        np.minimum.at(rarest, codes, rank[classes])
        strata = np.argsort(rank)[rarest]
        counts = np.bincount(strata)
        return cls(codes, np.where(counts[strata] < 2, counts.argmax(), strata))

    def __len__(self) -> int:
        return len(self.strata)

    def deal(self, folds: int, seed: int) -> Rows:
        """Return the fold (unit,) of each unit, classes in proportion."""
        from sklearn.model_selection import StratifiedKFold

        dealt = np.empty(len(self), np.int64)
        split = StratifiedKFold(folds, shuffle=True, random_state=seed).split(self.strata[:, None], self.strata)
        for fold, (_, test) in enumerate(split):
            dealt[test] = fold
        return dealt

    def order(self, units: Rows, seed: Sequence[int]) -> Rows:
        """Return units in a random order of which each beginning has the classes in proportion.

        One unit of each class comes first.
        """
        rng = np.random.default_rng(seed)
        strata = self.strata[units]
        place = np.empty(len(units))
        for one in np.unique(strata):
            own = rng.permutation(np.flatnonzero(strata == one))
            place[own] = (np.arange(len(own)) + rng.random()) / len(own)
            place[own[0]] = -rng.random()
        return np.asarray(units[np.argsort(place)])

    def rows(self, units: Rows) -> Rows:
        """Return the galaxies of some units."""
        wanted = np.zeros(len(self), np.bool_)
        wanted[units] = True
        return np.flatnonzero(wanted[self.codes])

    def bootstrap(self, n_draws: int, seed: int) -> Iterator[Values]:
        """Return how often each galaxy is in bootstrap samples of units.

        Units are drawn within their classes, and samples come as blocks (draw, galaxy).
        """
        for counts in bootstrap_counts(n_draws, self.strata, seed=seed):
            yield counts[:, self.codes]
