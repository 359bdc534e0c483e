"""Corrections that stay away until galaxies ask for them.

The module has the prior, its fit, and the gain that cross-validation shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Members = npt.NDArray[np.bool_]

FOLDS = 5

FEWEST = 20
"""Fewer independent galaxies than this say too little to correct anything"""

DOUBT = 1.5
"""Standard errors, of 25 galaxies, that one number alone must be from no correction before it is corrected at all"""

DOUBT_GALAXIES = 25

LEAST = 1e-8
"""Information of a galaxy on a number is at least this, so that each can be scaled by it"""

SETTLED = 1e-5
"""A number that is nearer than this to no correction, in root information, is none"""


@dataclass(frozen=True)
class Gain:
    """By how much a correction lowers the loss of galaxies that it was not fitted to, in nats per galaxy.

    Parameters
    ----------
    value
        The mean over galaxies; below 0 where the correction raises it.
    low, high
        Its 95% interval (Student's t, over independent groups).
    n
        Galaxies that it was measured on.
    """

    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    n: int = 0


def fit_shrunk(
    loss_and_slope: Callable[[Values], tuple[float, Values]],
    information: Values,
    bounds: list[tuple[float, float]],
) -> Values:
    r"""Return the numbers (number,) of a correction that are most probable a posteriori.

    All are 0 where nothing asks for one. Number :math:`j` has the prior density
    :math:`\propto \exp(-\lambda \sqrt{I_j} |\theta_j|)`, with :math:`I_j` the information that one galaxy holds on it
    (Laplace's prior, in units of its own standard error: the lasso, Tibshirani 1996, JRSS B 58, 267). With
    :math:`\lambda = 5 \sqrt{1.5^2 + 2 \ln P}` for :math:`P` numbers it stays at 0 while 25 galaxies put it less than
    :math:`\sqrt{1.5^2 + 2 \ln P}` standard errors from there (the universal threshold of Donoho & Johnstone 1994,
    Biometrika 81, 425, and 1.5 for one number alone); what :math:`n` galaxies ask for beyond :math:`\lambda / \sqrt n`
    standard errors is granted.

    Parameters
    ----------
    loss_and_slope
        The negative log likelihood of all galaxies for numbers (number,), and its derivatives.
    information
        (number,) that of one galaxy where nothing is corrected.
    bounds
        Of each number; 0 lies within.
    """
    from scipy.optimize import minimize

    count = len(information)
    scale = 1 / np.sqrt(np.maximum(information, LEAST))
    doubt = np.sqrt(DOUBT_GALAXIES) * np.sqrt(DOUBT**2 + 2 * np.log(count))

    def penalized(halves: Values) -> tuple[float, Values]:
        loss, slope = loss_and_slope(scale * (halves[:count] - halves[count:]))
        return loss + doubt * float(halves.sum()), np.concatenate([scale * slope + doubt, doubt - scale * slope])

    above = [(0.0, high / one) for (_, high), one in zip(bounds, scale, strict=True)]
    below = [(0.0, -low / one) for (low, _), one in zip(bounds, scale, strict=True)]
    halves = minimize(penalized, np.zeros(2 * count), jac=True, method="L-BFGS-B", bounds=[*above, *below]).x
    found: Values = halves[:count] - halves[count:]
    found[np.abs(found) < SETTLED] = 0
    return scale * found


def measure_gain(before: Values, after: Values, groups: Groups) -> Gain:
    """Return the mean gain of losses (galaxy,) with its 95% interval; galaxies of one group count together."""
    from scipy.stats import t

    gains = before - after
    mean = float(gains.mean())
    half = float(t.ppf(0.975, groups.degrees) * np.sqrt(groups.variance((gains - mean) / len(gains))))
    return Gain(mean, mean - half, mean + half, len(gains))


def folds_of(groups: Groups, seed: int) -> Iterator[tuple[Members, Members]]:
    """Yield which galaxies to fit and which to try, for each of five folds; groups stay whole."""
    fold = groups.dealt(FOLDS, np.random.default_rng(seed))
    for held_out in range(FOLDS):
        yield fold != held_out, fold == held_out


def weight_of(groups: Groups) -> float:
    """Return what each galaxy counts: the effective number of groups, over that of galaxies."""
    return groups.effective / len(groups.codes)
