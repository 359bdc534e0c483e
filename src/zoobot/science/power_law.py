"""A power law through a learning curve, and what it says of more labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.files import json_ready
from zoobot.ranges import check_ranges

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

POWERS = np.concatenate([-np.geomspace(1.0, 0.02, 100), np.geomspace(0.02, 2.0, 200)])
"""Exponents that are tried: learning curves of networks and of linear heads have 0.2 to 1 (Hestness et al. 2017;
Viering & Loog 2022). Below 0 the score rises faster than the logarithm of the labels, as it may where features
outnumber labels; -1 is a straight line.
"""

FEWEST_SIZES = 4
FARTHEST = 3.0
"""Times the labels of the last point, to which the curve is continued at most"""

FLAT = 0.001
"""Probability up to which a flat curve is refuted, without which nothing is promised"""

MISFIT = 0.05
"""Probability below which the law misses its points"""

LEAST_SPREAD, NUGGET = 0.25, 0.02
"""Standard deviation of a point, at least, in units of the largest; share of each variance that no other point has"""

BENT = 0.10
"""By how much curves are off a power law, in units of the whole rise, for each factor of e below the last point"""

LEVELS_OFF = 4.0
"""Exponent with which a curve may level off beyond its last point: errors of linear heads fall as fast as 1 / (n - d)
above d features
"""

INSIDE = 3.84
"""By how much chi-square may rise above its minimum within the 95% interval (one degree of freedom)"""


@dataclass(frozen=True)
class PowerLaw:
    """``error(n) = floor + b n^-c`` through the mean of a learning curve, and what ``more`` labels would change.

    Attributes
    ----------
    floor, b, c : float
        Of the curve; c is -1 to 2, and b has its sign.
    n_now, more : int
        Labels there are, and that might be added.
    error_now, error_then : float
        Of the law, at ``n_now`` and with ``more`` added.
    gain, gain_low, gain_high : float
        By how much the error falls between them, with its 95% interval; NaN where ``reason`` says why not.
    flat_p, fit_p : float
        Probability of points that rise as much where the curve is flat, and of points as far from the law where the law
        is true.
    reason : str
        Why the curve is not continued; empty where it is.
    """

    floor: float
    b: float
    c: float
    n_now: int
    more: int
    error_now: float
    error_then: float
    gain: float
    gain_low: float
    gain_high: float
    flat_p: float
    fit_p: float
    reason: str

    @property
    def determined(self) -> bool:
        """Whether the data say what more labels would bring."""
        return not self.reason

    def error(self, n: ArrayLike) -> Values:
        """Return the error at numbers of labels, which is never below 0."""
        return np.asarray(np.maximum(self.floor + self.b * np.asarray(n, dtype=np.float64) ** -self.c, 0))

    def refused(self, reason: str) -> PowerLaw:
        """Return the law without a gain, and with the reason for that."""
        nan = float("nan")
        return replace(self, gain=nan, gain_low=nan, gain_high=nan, reason=reason)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it: NaN become null."""
        content: dict[str, Any] = json_ready(asdict(self))
        return content


def fit_power_law(sizes: ArrayLike, errors: ArrayLike, draws: ArrayLike, *, n_now: int, more: int = 100) -> PowerLaw:
    r"""Fit :math:`e(n) = e_0 + b n^{-c}` with :math:`b c \ge 0` to a curve whose points depend on one another.

    Generalized least squares: :math:`\chi^2 = r^T \Sigma^{-1} r` with the residuals :math:`r` and the covariance
    :math:`\Sigma` of the draws, with two additions. No point counts as known to better than a quarter of the least
    certain one: a head that calls everything one class has no spread at all, and says nothing for it. And no curve is a
    power law throughout: points count as off by 10% of the whole rise for each factor of e below the last, so that the
    end of the curve has the say. For each of 300 exponents from -1 to 2 the others follow in closed form. The floor
    :math:`e_0` may come out below 0: the law is then close to a straight line against
    :math:`\log n`, for a curve that has not begun to level off; below 0, the exponent makes it fall faster than that.

    The interval of the gain is its profile likelihood's: all gains for which some law has a :math:`\chi^2` of at most
    3.84 above the best one's, both in units of :math:`\max(1, \chi^2 / \nu)` (Birge 1932), with :math:`\nu` the points
    less three. Its lower end allows for a curve that bends beyond the last point: from there on, with the least slope
    of these laws, it may level off as :math:`n^{-4}`.

    Parameters
    ----------
    sizes
        (size,) numbers of labels, rising.
    errors
        (size,) mean error at each: what falls as labels are added.
    draws
        (draw, size) the same from bootstrap samples. NaN rows are left out.
    n_now
        Labels there are.
    more
        Labels to add.

    Returns
    -------
    The law. It is not continued (see ``reason``) with fewer than four sizes, beyond three times the labels of the last
    point, where a flat curve can't be ruled out at the 0.1% level, where the law misses its points (at the 5% level, or
    the last one by more than half of its 95% interval), or where the gain's interval is wider than what the labels have
    bought so far.
    """
    check_ranges(more=more)
    from scipy.stats import chi2

    n, mean = np.asarray(sizes, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    drawn = np.asarray(draws, dtype=np.float64)
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    nan = float("nan")
    empty = PowerLaw(nan, nan, nan, n_now, more, nan, nan, nan, nan, nan, nan, nan, "")
    if len(n) < FEWEST_SIZES or len(drawn) < 2 or not np.isfinite(mean).all():
        return empty.refused("there are too few labels for a curve")
    covariance = _covariance(n, mean, drawn)
    precision = np.linalg.inv(covariance)
    ones, own = precision.sum(axis=0), precision @ mean
    flat = float(mean @ own - own.sum() ** 2 / ones.sum())  # chi-square of a flat curve
    signs = np.sign(POWERS)
    x = signs[:, None] * n ** -POWERS[:, None]  # falls with n, for either sign
    curved = np.einsum("ps,st,pt->p", x, precision, x) - (x @ ones) ** 2 / ones.sum()
    slope = x @ own - (x @ ones) * own.sum() / ones.sum()
    bs = np.maximum(slope / curved, 0)  # with the best floor, chi-square is flat - 2 slope b + curved b^2
    best = int((flat - 2 * slope * bs + curved * bs**2).argmin())
    b, c = signs[best] * bs[best], POWERS[best]
    floor = (own.sum() - bs[best] * (x[best] @ ones)) / ones.sum()
    least = float(flat - 2 * slope[best] * bs[best] + curved[best] * bs[best] ** 2)
    freedom = len(n) - 3
    scale = max(1.0, least / freedom)
    room = slope**2 - curved * (flat - least - INSIDE * scale)
    ends = (slope + [[-1.0], [1.0]] * np.sqrt(np.maximum(room, 0))) / curved  # of b, for each exponent
    gains = signs * (float(n_now) ** -POWERS - float(n_now + more) ** -POWERS)  # of b = 1
    inside = (room >= 0) & (ends[1] >= 0)
    low, high = (float(one((gains * np.maximum(ends, 0))[:, inside])) for one in (np.min, np.max))
    steepness = float(
        (np.abs(POWERS) * n[-1] ** -POWERS * np.maximum(ends[0], 0))[inside].min()
    )  # at the last point, by log n
    fall = (n_now / n[-1]) ** -LEVELS_OFF - ((n_now + more) / n[-1]) ** -LEVELS_OFF
    low = min(low, steepness / LEVELS_OFF * fall)
    now = max(float(floor + b * n_now**-c), 0.0)
    gain, low, high = (min(one, now) for one in (float(bs[best] * gains[best]), low, high))
    law = replace(
        empty, floor=float(floor), b=float(b), c=float(c), error_now=now, error_then=now - gain, gain=gain,
        gain_low=low, gain_high=high, flat_p=float(chi2.sf((flat - least) / scale, 2)),
        fit_p=float(chi2.sf(least, freedom)),
    )  # fmt: skip
    reason = _reason(law, n, mean, drawn, covariance)
    return law.refused(reason) if reason else law


def _reason(law: PowerLaw, n: Values, mean: Values, drawn: Values, covariance: Values) -> str:
    """Return why a law is not continued; empty where it is."""
    off, fall = abs(float(law.error(n[-1]) - mean[-1])), float(mean[0] - mean[-1])
    most = int(FARTHEST * n[-1]) - law.n_now
    if law.more > most:
        return (
            f"{law.more} more are too many to predict the gain from heads of at most {n[-1]:.0f} labels"
            + f" ({most} are not)" * (most > 0)
        )
    if law.fit_p < MISFIT or off > np.sqrt(INSIDE * covariance[-1, -1]):
        return f"no power law passes through the points: the best one misses the last by {off:.3g}"
    low, high = np.quantile(drawn[:, 0] - drawn[:, -1], [0.025, 0.975])
    change = f"improves by {fall:.3g}" if fall > 0 else f"gets worse by {-fall:.3g}"
    measured = (
        f"between {n[0]:.0f} and {n[-1]:.0f} labels the score {change} (95% interval of the improvement {low:.3g} to "
        f"{high:.3g})"
    )
    if fall <= 0:
        return f"it has not improved so far: {measured}"
    if not law.flat_p <= FLAT and low > 0:
        return (
            f"the last points of the curve, which count most, can't be told from a flat one (p = {law.flat_p:.2g}), "
            f"though {measured}"
        )
    if not law.flat_p <= FLAT:
        return f"a flat curve can't be ruled out (p = {law.flat_p:.2g}): {measured}"
    return "the curve is too uncertain to be continued" if law.gain_high - law.gain_low > fall else ""


def _covariance(n: Values, mean: Values, drawn: Values) -> Values:
    """Return the covariance (size, size) of the points about a power law.

    It is that of draws (draw, size), and what is added to it.
    """
    found = np.cov(drawn.T)
    variances = np.diag(found)
    least = np.maximum(variances, max(LEAST_SPREAD**2 * variances.max(), 1e-12))
    bent = BENT * (mean[0] - mean[-1]) * np.log(n[-1] / n)
    return np.asarray(found + np.diag(least - variances + NUGGET * least + bent**2))
