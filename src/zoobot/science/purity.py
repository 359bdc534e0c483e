"""What labelled galaxies say of the purity and completeness above thresholds: estimates, intervals, and bounds to choose by.

With the shares t of labelled positives and f of labelled negatives at or above a threshold, and the prevalence pi, the purity is
pi t / (pi t + (1 - pi) f). It is known as draws:

- t and f from Beta distributions (Jeffreys: of k among n, Beta(k + 1/2, n - k + 1/2)), which say something also where no negative is above;
- pi as `estimate_prevalence` draws it;
- all three put into the order of the same bootstrap samples (Schaake shuffle: Clark et al. 2004, J. Hydrometeorology 5, 243), for
  galaxies that happen to make the shares err make the prevalence err too;
- and of the galaxies that are selected a binomial number is of the class, so that few galaxies have wide intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.conformal import exact_binomial_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoobot.science.prevalence import Prevalence

    Values = NDArray[np.float64]

SURE = 0.05
"""Thresholds whose purity is above, or below, the wanted one but for this probability are not ones to be mistaken about"""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.value:{spec}} ({self.low:{spec}} to {self.high:{spec}})"

    def times(self, factor: float) -> Estimate:
        """Give the estimate in another unit."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


class Rates:
    """Shares of labelled galaxies above thresholds.

    Parameters
    ----------
    positives, negatives, targets
        Sorted scores (galaxy,) of labelled galaxies of the class, of others, and of the galaxies to select from.
    prevalence
        Of the class among the targets.
    seed
        Of the draws.
    """

    def __init__(
        self, positives: Values, negatives: Values, targets: Values, prevalence: Prevalence, seed: int
    ) -> None:
        self.positives, self.negatives, self.targets, self.prevalence = positives, negatives, targets, prevalence
        self.seed = seed
        self.ties = np.random.default_rng(seed).random((2, len(prevalence.draws)))
        with np.errstate(divide="ignore"):
            self.odds = prevalence.draws / (1 - prevalence.draws)

    def counts(self, threshold: float) -> tuple[int, int]:
        """Give how many labelled positives and negatives are at or above a threshold."""
        return above(self.positives, threshold), above(self.negatives, threshold)

    def purity_bounds(self, thresholds: Values, wanted: float, confidence: float) -> Values:
        """Give lower bounds (threshold,) of the purity, all of which hold together with about a probability of ``confidence``.

        They are quantiles of the draws, the same at each threshold, at that probability below which a draw falls somewhere in
        ``1 - confidence`` of draws: the lowest of its ranks over the thresholds, as in a simultaneous credible band. Only thresholds count
        where the wanted purity is in doubt. Where it rises steeply that is a narrow range and costs little; where it is flat, one of many
        thresholds would else be promised by luck.
        """
        drawn = np.stack([self._draws(one) for one in thresholds])
        low, high = np.quantile(drawn, [SURE, 1 - SURE], axis=1)
        tail = 1 - confidence
        doubtful = drawn[(low < wanted) & (high >= wanted)]
        if len(doubtful) > 1:
            ranks = doubtful.argsort(axis=1).argsort(axis=1)
            tail = min(tail, float(np.quantile((ranks.min(axis=0) + 1) / drawn.shape[1], tail)))
        noisy = [self._of_selected(draws, one) for draws, one in zip(drawn, thresholds, strict=True)]
        return np.asarray(np.quantile(noisy, tail, axis=1))

    def purity_estimate(self, threshold: float, level: float) -> Estimate:
        """Give the expected purity of the targets at or above a threshold, and its interval."""
        drawn = self._of_selected(self._draws(threshold), threshold)
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        return Estimate(float(drawn.mean()), float(low), float(high))

    def completeness_bounds(self, thresholds: Values, tail: float) -> Values:
        """Give exact lower bounds (threshold,) of the completeness (Clopper & Pearson 1934)."""
        from scipy.special import betaincinv

        kept = np.array([self.counts(one)[0] for one in thresholds])
        return np.asarray(betaincinv(kept, len(self.positives) - kept + 1, tail))

    def completeness_estimate(self, threshold: float, level: float) -> Estimate:
        """Give the share of labelled positives at or above a threshold, with its exact interval."""
        kept = self.counts(threshold)[0]
        return Estimate(kept / len(self.positives), *exact_binomial_interval(kept, len(self.positives), level))

    def _draws(self, threshold: float) -> Values:
        """Give draws (draw,) of the purity of very many galaxies: of the same random numbers at each threshold."""
        rng = np.random.default_rng(self.seed)
        shares = []
        for k, scores, drawn, ties in zip(
            self.counts(threshold), (self.positives, self.negatives), self.prevalence.resampled_above(threshold), self.ties, strict=True
        ):  # fmt: skip
            share = np.empty(len(drawn))
            share[np.argsort(drawn + ties)] = np.sort(rng.beta(k + 0.5, len(scores) - k + 0.5, size=len(drawn)))
            shares.append(share)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(1 / (1 + shares[1] / (shares[0] * self.odds)))

    def _of_selected(self, draws: Values, threshold: float) -> Values:
        """Give the purity that the selected galaxies happen to have, of draws of its expectation."""
        n = above(self.targets, threshold)
        return np.asarray(np.random.default_rng(self.seed + 1).binomial(n, draws) / n if n else draws)


def above(ranked: Values, threshold: float) -> int:
    """Give how many of sorted values are at or above a threshold."""
    return len(ranked) - int(np.searchsorted(ranked, threshold))
