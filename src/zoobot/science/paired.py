"""Differences between several curves measured on the same galaxies, with intervals that hold for all pairs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Differences:
    """By how much each curve exceeds each other one.

    Attributes
    ----------
    value, low, high : ndarray
        (curve, curve, size): the second less the first, and its interval, which holds for all pairs together at a size.
    level : float
        Probability with which all pairs' true differences lie in their intervals.
    """

    value: Values
    low: Values
    high: Values
    level: float

    def told_apart(self, first: int, second: int, size: int = -1) -> bool:
        """Return whether two curves differ at a size."""
        return bool(self.low[first, second, size] > 0 or self.high[first, second, size] < 0)

    def best(self, size: int = -1) -> int | None:
        """Return the curve that exceeds each other one at a size; None where there is no such."""
        lowest = np.where(np.eye(len(self.low), dtype=np.bool_), np.inf, self.low[:, :, size]).min(axis=0)
        return int(lowest.argmax()) if len(self.low) > 1 and lowest.max() > 0 else None


def simultaneous_differences(means: Values, draws: Values, *, level: float = 0.95) -> Differences:
    r"""Return the differences of all pairs of curves with simultaneous intervals.

    Of K curves there are K (K - 1) / 2 pairs. The interval of each is :math:`d \pm q s` with its bootstrap standard
    deviation :math:`s`;
    :math:`q` is the quantile of :math:`\max |d^* - d| / s` over all pairs of a draw (Romano & Wolf 2005), so that with
    K equal curves no pair is told apart in 95 of 100 cases. With two curves it is the interval of one difference.

    Parameters
    ----------
    means
        (curve, size): higher is better.
    draws
        (curve, draw, size): the same from bootstrap samples, each draw of the same galaxies for all curves. NaN are
        left out.
    level
        Of the intervals, together.
    """
    value = means[None] - means[:, None]
    drawn = draws[None] - draws[:, None] - value[:, :, None]  # (curve, curve, draw, size)
    spread = np.sqrt(np.nanmean(drawn**2, axis=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        away = np.where(spread[:, :, None] > 0, np.abs(drawn) / spread[:, :, None], 0)
    half = spread * np.nanquantile(away.max(axis=(0, 1)), level, axis=0)
    return Differences(value, value - half, value + half, level)
