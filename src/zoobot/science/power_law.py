"""A power law through a learning curve, and what it says of more labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

POWERS = np.geomspace(0.1, 2.0, 40)
"""Exponents that are tried: learning curves of networks and of linear heads have 0.2 to 1 (Hestness et al. 2017; Viering & Loog 2022)"""

FEWEST_SIZES = 4
FARTHEST = 3.0
"""Times the labels there are, to which the curve is continued at most"""

CERTAIN = 0.975
"""Share of the draws in which the error must fall from the fewest to the most labels"""


@dataclass(frozen=True)
class PowerLaw:
    """``error(n) = floor + b n^-c`` through the mean of a learning curve, and what ``more`` labels would change.

    Attributes
    ----------
    floor, b, c : float
        Of the curve; floor and b are at least 0, c 0.1 to 2.
    n_now, more : int
        Labels there are, and that might be added.
    error_now, error_then : float
        Of the law, at ``n_now`` and with ``more`` added.
    gain, gain_low, gain_high : float
        By how much the error falls between them, with its interval (95%, over the draws); NaN where ``reason`` says why not.
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
    reason: str

    @property
    def determined(self) -> bool:
        """Whether the data say what more labels would bring."""
        return not self.reason

    def error(self, n: ArrayLike) -> Values:
        """Give the error at numbers of labels."""
        return np.asarray(self.floor + self.b * np.asarray(n, dtype=np.float64) ** -self.c)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON can hold it: NaN become null."""
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in asdict(self).items()
        }


def fit_power_law(sizes: ArrayLike, errors: ArrayLike, draws: ArrayLike, *, n_now: int, more: int = 100) -> PowerLaw:
    r"""Fit :math:`e(n) = e_\infty + b n^{-c}` with :math:`e_\infty, b \ge 0` by least squares, weighted by the draws' variance.

    For each of 40 exponents from 0.1 to 2 the other two follow in closed form; the exponent with the smallest residual counts. The same fit
    to each draw gives the interval.

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
    The law. It is not continued (see ``reason``) with fewer than four sizes, beyond three times the labels there are, where the error
    doesn't fall for certain from the fewest to the most labels, or where the gain's interval is wider than that fall.
    """
    n, mean = np.asarray(sizes, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    drawn = np.asarray(draws, dtype=np.float64)
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    nan = float("nan")
    reason = ""
    if len(n) < FEWEST_SIZES or len(drawn) < 2:
        return PowerLaw(nan, nan, nan, n_now, more, nan, nan, nan, nan, nan, "there are too few labels for a curve")
    weights = 1 / np.maximum(drawn.var(axis=0), 1e-3 * max(drawn.var(axis=0).max(), 1e-12))
    (floor,), (b,), (c,) = _fit(n, mean[None], weights)
    law = np.array([floor + b * n_now**-c, floor + b * (n_now + more) ** -c])
    falls = drawn[:, 0] - drawn[:, -1]
    _, bs, cs = _fit(n, drawn, weights)
    gains = bs * (n_now**-cs - (n_now + more) ** -cs)
    low, high = np.quantile(gains, [0.025, 0.975])
    if n_now + more > FARTHEST * n_now:
        reason = f"{more} more are too many to foresee from {n_now}"
    elif (falls > 0).mean() < CERTAIN:
        reason = (
            f"between {n[0]:.0f} and {n[-1]:.0f} labels the score doesn't rise beyond chance "
            f"(by {mean[0] - mean[-1]:+.3f}, 95% interval {np.quantile(falls, 0.025):+.3f} to {np.quantile(falls, 0.975):+.3f})"
        )
    elif high - low > mean[0] - mean[-1]:
        reason = "the curve is too uncertain to be continued"
    gain = (nan, nan, nan) if reason else (float(law[0] - law[1]), float(low), float(high))
    return PowerLaw(float(floor), float(b), float(c), n_now, more, float(law[0]), float(law[1]), *gain, reason)


def _fit(n: Values, errors: Values, weights: Values) -> tuple[Values, Values, Values]:
    """Give floor, b and c (draw,) of curves (draw, size)."""
    found = np.zeros((len(POWERS), 2, len(errors)))
    residuals = np.zeros((len(POWERS), len(errors)))
    w = weights / weights.sum()
    mean = errors @ w
    for place, power in enumerate(POWERS):
        x = n**-power
        x_mean = x @ w
        b = np.maximum(((errors - mean[:, None]) * w) @ (x - x_mean) / (w @ (x - x_mean) ** 2), 0)
        floor = mean - b * x_mean
        through_zero = floor < 0
        b = np.where(through_zero, np.maximum((errors * w) @ x / (w @ x**2), 0), b)
        found[place] = np.where(through_zero, 0, floor), b
        residuals[place] = ((errors - found[place, 0][:, None] - b[:, None] * x) ** 2) @ w
    best = residuals.argmin(axis=0)
    floors, bs = found[best, :, np.arange(len(errors))].T
    return floors, bs, POWERS[best]
