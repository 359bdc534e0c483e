"""By how much a score falls where the hottest quarter of a heat map is hidden.

It is compared with the central quarter and random places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.science.figure import Figure
from zoobot.science.groups import Groups
from zoobot.science.intervals import mean, skewness, spread
from zoobot.science.shuffles import flipped

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MaskComparison:
    """Mean falls of a score where a quarter of the image is hidden, below 0 where it rises.

    Attributes
    ----------
    hottest, center, random : Figure
        The quarter where a map is hottest, the central quarter, and as much at random places.
    against_center, against_random : Figure
        By how much more it falls for the hottest quarter than for the others, tested against 0.
    """

    hottest: Figure
    center: Figure
    random: Figure
    against_center: Figure
    against_random: Figure

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {name: figure.to_dict() for name, figure in vars(self).items()}


def compare_masks(
    hottest: ArrayLike, center: ArrayLike, random: ArrayLike, *, groups: ArrayLike | None = None, seed: int = 0
) -> MaskComparison:
    """Compare falls of a score where quarters of the same galaxies' images are hidden.

    Differences are paired by galaxies. Intervals are those of `zoobot.science.intervals.mean`. The p-value of a
    difference is the larger of two: that at which its interval just reaches 0, and that of flipping the signs of
    galaxies' or groups' differences (Fisher 1935; all flips of up to 12, 1,999 of more). Flips alone are wrong too
    often where differences are skewed. It is 1 of galaxies or groups that are too few for an interval.

    Parameters
    ----------
    hottest, center, random : array_like of shape (galaxy,)
        By how much the score falls.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    seed : int
        Of the flips.

    Examples
    --------
    >>> found = compare_masks([2, 3, 4, 2, 3, 4, 2, 3, 2, 3], [1] * 10, [0, 1] * 5)
    >>> found.against_center.value, found.against_center.verdict
    (1.8, 'better')
    """
    hot, middle, anywhere = (np.asarray(values, dtype=np.float64) for values in (hottest, center, random))
    own = Groups.of(groups, len(hot))
    return MaskComparison(
        hottest=_mean(hot, own),
        center=_mean(middle, own),
        random=_mean(anywhere, own),
        against_center=_mean(hot - middle, own, seed),
        against_random=_mean(hot - anywhere, own, seed),
    )


def _mean(values: Values, groups: Groups, seed: int | None = None) -> Figure:
    """Return a mean with its interval, tested against 0 where there is a seed."""
    found = mean(values, groups.codes)
    tested: dict[str, Any] = {}
    if seed is not None:
        chance = flipped(values, groups, seed)
        p_value, smallest = (1.0, 1.0) if found.reason else (_interval_p(values, groups), chance.smallest_p)
        tested = {"chance": 0.0, "p_value": max(chance.p_value, p_value), "smallest_p": smallest}
    return Figure(
        value=found.value,
        low=found.low,
        high=found.high,
        method=found.method,
        n=len(values),
        n_groups=groups.count,
        reason=found.reason,
        **tested,
    )


def _interval_p(values: Values, groups: Groups) -> float:
    """Return 1 less the level at which the interval of a mean just reaches 0."""
    from scipy.special import stdtr

    value = float(values.mean())
    sums = groups.sums((values - value) / len(values))
    error, gamma = spread(sums), skewness(sums)
    if not error > 0:
        return float(value == 0)
    distance = value / error
    skewed = distance if abs(gamma) < 1e-6 else gamma / 6 + ((1 + gamma * distance / 3) ** 3 - 1) / gamma
    nearest = min(distance, skewed) if distance > 0 else min(-distance, -skewed)
    return float(2 * stdtr(groups.degrees, -max(nearest, 0.0)))
