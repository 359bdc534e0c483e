"""What labelled galaxies say of the purity and completeness above thresholds.

It is estimates, intervals, and bounds to choose by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.exceedances import above_each, bound_ranks, bounds_above, exceedances, fewest_others

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoobot.science.prevalence import Prevalence

    Values = NDArray[np.float64]

RARE = 0.1
"""Share of runs that must end in a promise of purity for the confidence to hold among those promises"""

MOST_THRESHOLDS = 200
"""That are tried"""

DOUBT = 4
"""How many times too large the estimated number of positives among the targets may be: for rare classes, the worst in
simulations
"""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.value:{spec}} ({self.low:{spec}} to {self.high:{spec}})"

    def times(self, factor: float) -> Estimate:
        """Return the estimate in another unit."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, eq=False)
class Promises:
    """Lower bounds on a purity or completeness, each at its threshold."""

    thresholds: Values
    """(threshold,) that which selects most at the end where a purity is promised, that which selects fewest where a
    completeness is
    """
    bounds: Values

    def best(self, wanted: float) -> int | None:
        """Return the place of the best threshold whose bound is as much as wanted; None where none is."""
        enough = np.flatnonzero(self.bounds >= wanted)
        return int(enough[-1]) if len(enough) else None


class Rates:
    r"""Shares of labelled galaxies above thresholds, and what follows for the targets there.

    The estimate of the purity is :math:`\pi t / (\pi t + (1 - \pi) f)`, with the shares t of positives and f of
    negatives at or above the threshold as Jeffreys' prior makes them, (k + 1/2) / (n + 1), so that something is said
    where no negative is above. Its interval is

    .. math::

        1 - N_{most} / G \quad\text{to}\quad 1 - N_{fewest} / G,

    with the number G of targets at or above the threshold and the most and fewest negatives that can be among them
    (`exceedances`), for any distribution of scores. Where the estimate lies outside, the interval reaches to it. The
    completeness is that of as many positives as there are among the targets; of a quarter as many where that is an
    estimate, which may be too high: shares of fewer scatter more.

    Parameters
    ----------
    positives, negatives, targets
        Sorted scores (galaxy,) of labelled galaxies of the class, of others, and of the galaxies to select from.
    prevalence
        Of the class among the targets.
    level
        Of the intervals.
    """

    def __init__(
        self, positives: Values, negatives: Values, targets: Values, prevalence: Prevalence, level: float
    ) -> None:
        self.positives, self.negatives, self.targets = positives, negatives, targets
        self.prevalence, self.level = prevalence, level
        self.n_class = round(prevalence.value * len(targets))
        self._n_counted = max(self.n_class if prevalence.method == "given" else self.n_class // DOUBT, 1)
        self._third = (1 - level) / 3  # of what may fail: the number of negatives, the most above, the fewest above
        self._fewest, self._most = self._negatives_among_targets(self._third)
        self.ranks, self.shares = bound_ranks(len(negatives))

    def counts(self, threshold: float) -> tuple[int, int]:
        """Return how many labelled positives and negatives are at or above a threshold."""
        return above(self.positives, threshold), above(self.negatives, threshold)

    def expected_purities(self, thresholds: Values) -> Values:
        """Return the estimates (threshold,) of the purity alone."""
        t, f = ((at_least(own, thresholds) + 0.5) / (len(own) + 1) for own in (self.positives, self.negatives))
        share = self.prevalence.value
        return np.asarray(share * t / (share * t + (1 - share) * f))

    def purities(self, thresholds: Values, *, together: bool = False) -> list[Estimate]:
        """Return the purity of the targets at or above each of some thresholds.

        Parameters
        ----------
        thresholds
            (threshold,) of the score.
        together
            Whether intervals hold at all thresholds together, as one must that was chosen by the labelled negatives'
            scores.
        """
        wrong, n = at_least(self.negatives, thresholds), at_least(self.targets, thresholds)
        values = self.expected_purities(thresholds)
        behind, before = wrong, wrong + 1
        tails = [np.full(len(wrong), self._third)] * 2
        if together:
            place = np.searchsorted(self.ranks, wrong, side="right")
            behind, before = np.r_[0, self.ranks][place], np.r_[self.ranks, len(self.negatives) + 1][place]
            tails = [self._third * np.r_[1, self.shares][place], self._third * np.r_[self.shares, 1][place]]
        most_positive = len(self.targets) - self._fewest  # there are no more of the class above a threshold than in all
        fewest = np.maximum(
            bounds_above(len(self.negatives), self._fewest, behind, tails[0], most=False), n - most_positive
        )
        most = bounds_above(len(self.negatives), self._most, before, tails[1], most=True)
        some = np.maximum(n, 1)
        low = np.where(n > 0, np.clip(1 - most / some, 0, values), 0)
        high = np.where(n > 0, np.clip(1 - fewest / some, values, 1), 1)
        return [Estimate(float(v), float(a), float(b)) for v, a, b in zip(values, low, high, strict=True)]

    def completenesses(self, thresholds: Values) -> list[Estimate]:
        """Return the shares of labelled positives at or above thresholds, with intervals for the targets' positives."""
        n, m = len(self.positives), self._n_counted
        kept = at_least(self.positives, thresholds)
        tail = (1 - self.level) / 2
        low, high = (bounds_above(n, m, kept + most, tail, most=most) / m for most in (False, True))
        return [Estimate(float(k / n), float(a), float(b)) for k, a, b in zip(kept, low, high, strict=True)]

    def promised_purities(self, tail: float) -> Promises:
        """Return lower bounds of the purity of the targets at or above thresholds.

        They fail together with probability ``tail``. A threshold lies just above each of the labelled negatives of
        `bound_ranks`, as many as have targets above. No positive counts: what is above and can't be negative is
        positive.
        """
        _, most = self._negatives_among_targets(tail)
        scores = self.negatives[len(self.negatives) - self.ranks]
        wrong = exceedances(len(self.negatives), most, self.ranks, tail * self.shares, most=True)
        selected = above_each(scores, self.targets)
        some = selected > 0
        thresholds = self.targets[len(self.targets) - selected[some]]
        return Promises(thresholds, np.maximum(1 - wrong[some] / selected[some], 0))

    def promised_completenesses(self, tail: float) -> Promises:
        """Return lower bounds of the completeness at the labelled positives' scores.

        Each of them fails with probability ``tail``.
        """
        thresholds = thinned(np.unique(self.positives), MOST_THRESHOLDS)
        kept = at_least(self.positives, thresholds)
        least = exceedances(len(self.positives), self._n_counted, kept, tail, most=False)
        return Promises(thresholds, least / self._n_counted)

    def _negatives_among_targets(self, tail: float) -> tuple[int, int]:
        """Return the fewest and the most targets that are not of the class.

        Each bound fails with probability ``tail``.
        """
        n = len(self.targets)
        if self.prevalence.method == "given":
            return n - self.n_class, n - self.n_class
        fewest = fewest_others(-self.positives[::-1], -self.targets[::-1], tail)
        return fewest, n - fewest_others(self.negatives, self.targets, tail)


def negatives_needed(prevalence: float, purity: float, tail: float) -> int:
    r"""Return how many labelled negatives a promise of a purity takes, even where scores separate the classes wholly.

    With all positives selected, up to :math:`x = \pi (1 - w) / (w (1 - \pi))` of the negatives may be. The highest of n
    labelled negatives has more than a share x of all above it with probability :math:`(1 - x)^n`, which must be at most
    half of ``tail`` (`bound_ranks`).
    """
    share = min(prevalence * (1 - purity) / (purity * (1 - prevalence)), 1.0)
    return 1 if share == 1 else int(np.ceil(np.log(tail / 2) / np.log1p(-share)))


def positives_needed(completeness: float, tail: float) -> int:
    """Return how many labelled positives the promise of a completeness takes, of very many targets.

    Of such n it is the lowest with w^n <= tail.
    """
    return int(np.ceil(np.log(tail) / np.log(completeness)))


def at_least(ranked: Values, thresholds: Values) -> NDArray[np.int64]:
    """Return how many of sorted values are at or above each of some thresholds."""
    return np.asarray(len(ranked) - np.searchsorted(ranked, thresholds), dtype=np.int64)


def above(ranked: Values, threshold: float) -> int:
    """Return how many of sorted values are at or above a threshold."""
    return len(ranked) - int(np.searchsorted(ranked, threshold))


def thinned(values: Values, most: int) -> Values:
    """Return at most so many of sorted values, evenly among them, first and last included."""
    if len(values) <= most:
        return values
    return values.take(np.unique(np.linspace(0, len(values) - 1, most).round().astype(int)))
