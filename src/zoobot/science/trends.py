"""How one number goes with another, in bins of about as many galaxies each, and how differences are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from zoobot.science.intervals import share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

MOST_BINS = 8
"""Bins, of as many galaxies each"""

FEWEST_A_BIN = 8

NORMAL = 1.4826
"""Standard deviations of a normal distribution that its median absolute deviation is"""


class Spread(NamedTuple):
    """Center and spread that a few far values do not move.

    They are median, scaled median absolute deviation, and share beyond 3 of these.
    """

    median: float
    sigma_mad: float
    beyond: float
    """NaN where more than half of the values are the same"""


def spread_of(values: Values) -> Spread:
    """Return the center and spread of values (galaxy,)."""
    median = float(np.median(values))
    sigma = NORMAL * float(np.median(np.abs(values - median)))
    return Spread(median, sigma, float((np.abs(values - median) > 3 * sigma).mean()) if sigma else float("nan"))


def bins_of(values: Values, fewest: int = FEWEST_A_BIN, least: int = 1) -> list[NDArray[np.int64]]:
    """Return the rows of bins of about as many galaxies each, in rising order.

    There are up to 8 bins, of ``fewest`` each, and at least ``least`` bins.
    """
    count = int(np.clip(len(values) // fewest, least, MOST_BINS))
    return [rows for rows in np.array_split(np.argsort(values, kind="stable"), count) if len(rows)]


def trend(x: Values, y: Values) -> pd.DataFrame:
    """Return the medians of ``x`` and ``y``, percentiles of ``y``, and ``n``, in bins of ``x``.

    Percentiles are the 16th (``low``) and the 84th (``high``).
    """
    rows = []
    for own in bins_of(x):
        low, median, high = np.percentile(y[own], [16, 50, 84])
        rows.append({"x": float(np.median(x[own])), "low": low, "median": median, "high": high, "n": len(own)})
    return pd.DataFrame(rows)


def mean_trend(x: Values, y: Values) -> tuple[list[float], list[float]]:
    """Return the mean ``x`` and ``y`` in 2 to 8 bins of ``x`` of 10 galaxies or more."""
    bins = bins_of(x, fewest=10, least=2)
    return [float(x[own].mean()) for own in bins], [float(y[own].mean()) for own in bins]


def coverage_trend(predicted: Values, within: NDArray[np.bool_], groups: NDArray[np.int64] | None) -> pd.DataFrame:
    """Return how often intervals hold the truth (galaxy,), in bins of the prediction (galaxy,).

    95% intervals of that are added. See `zoobot.science.intervals.share` for the groups (galaxy,).
    """
    rows = []
    for own in bins_of(predicted):
        held = share(within[own], None if groups is None else groups[own])
        rows.append(
            {
                "predicted": predicted[own].mean(),
                "coverage": held.value,
                "low": held.low,
                "high": held.high,
                "n": len(own),
            }
        )
    return pd.DataFrame(rows)
