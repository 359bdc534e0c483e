"""Plots of predicted numbers against true ones: the one-to-one plot, residuals, and what intervals cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.report.theme import BLUE, FAINT, MOST_POINTS, ORANGE, Plot, cloud, new_figure, panels, short, style
from zoobot.science.intervals import share
from zoobot.science.trends import bins_of, coverage_trend, spread_of, trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from zoobot.report.outcomes import NumberOutcomes

    Values = NDArray[np.float64]

MOST_PANELS = 12
BINS = 30


@dataclass(frozen=True)
class Scatter:
    """What was drawn of predicted and true numbers.

    Attributes
    ----------
    galaxies, bins : int
        Galaxies, and bins of them in which trends are taken.
    shaded : bool
        Whether galaxies are too many to be drawn one by one.
    bands : int
        Panels with the conformal interval about a prediction.
    left_out : int
        Targets without a panel.
    level : float or None
        The coverage that intervals promise, where it is drawn.
    """

    galaxies: int
    bins: int
    shaded: bool
    bands: int
    left_out: int
    level: float | None


def regression_plots(
    outcomes: NumberOutcomes, level: float | None, groups: NDArray[np.int64] | None = None
) -> list[Plot]:
    """Draw what can be seen of a regressor's outcomes; ``level`` is the coverage that intervals promise, if known.

    What intervals cover is drawn where any of them is finite.
    """
    plots = [_one_to_one(outcomes), _residuals(outcomes), _histogram(outcomes)]
    if outcomes.low is None or not np.isfinite(outcomes.low).any():
        return plots
    return [*plots, _coverage(outcomes, level, groups)]


def _one_to_one(outcomes: NumberOutcomes) -> Plot:
    """Draw predicted against true numbers."""
    with style():
        figure, axes = _axes(outcomes, "true", "predicted")
        for place, ax in enumerate(axes):
            true, predicted = outcomes.truth[:, place], outcomes.predicted[:, place]
            low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
            margin = 0.04 * (high - low or 1)
            span = (low - margin, high + margin)
            half = _half_width(outcomes, place)
            if half is not None:
                ax.fill_between(span, np.subtract(span, half), np.add(span, half), color=FAINT, alpha=0.16, linewidth=0)
            ax.plot(span, span, color=FAINT, linewidth=1, linestyle=":")
            cloud(ax, true, predicted, (span, span))
            middle = trend(true, predicted)
            ax.plot(middle["x"], middle["median"], color=ORANGE, marker="o", markersize=3.5, linewidth=1.2)
            ax.set(xlim=span, ylim=span, aspect="equal")
    return Plot("one_to_one", figure, _table(outcomes), wide=len(axes) > 1, drawn=_drawn(outcomes, axes))


def _residuals(outcomes: NumberOutcomes) -> Plot:
    """Draw residuals against the prediction, which is what one knows of a new galaxy."""
    tables = []
    with style():
        figure, axes = _axes(outcomes, "predicted", "predicted − true")
        for place, ax in enumerate(axes):
            predicted = outcomes.predicted[:, place]
            residual = predicted - outcomes.truth[:, place]
            reach = 1.05 * (np.abs(residual).max() or 1)
            span = _span(predicted)
            ax.axhline(0, color=FAINT, linewidth=1, linestyle=":")
            cloud(ax, predicted, residual, (span, (-reach, reach)))
            middle = trend(predicted, residual)
            for name, dashes in (("low", "--"), ("median", "-"), ("high", "--")):
                ax.plot(middle["x"], middle[name], color=ORANGE, linewidth=1.2, linestyle=dashes)
            ax.set(xlim=span, ylim=(-reach, reach))
            tables.append(middle.assign(target=outcomes.names[place]))
    return Plot("residuals", figure, pd.concat(tables), wide=len(axes) > 1, drawn=_drawn(outcomes, axes))


def _histogram(outcomes: NumberOutcomes) -> Plot:
    """Draw the distribution of residuals with its center and spread."""
    rows = []
    with style():
        figure, axes = _axes(outcomes, "predicted − true", "galaxies")
        for place, ax in enumerate(axes):
            residual = outcomes.predicted[:, place] - outcomes.truth[:, place]
            counts, edges = np.histogram(residual, min(BINS, max(6, int(2 * len(residual) ** 0.5))))
            ax.stairs(counts, edges, fill=True, color=BLUE, alpha=0.6)
            center, spread, far = spread_of(residual)
            ax.set_ylim(0, 1.3 * counts.max())
            ax.axvline(0, color=FAINT, linewidth=1, linestyle=":")
            ax.axvspan(center - spread, center + spread, color=ORANGE, alpha=0.14, linewidth=0)
            ax.axvline(center, color=ORANGE, linewidth=1.2)
            text = f"median {center:.3g}\nσ(MAD) {spread:.3g}\nbeyond 3σ {far:.1%}"
            ax.text(0.97, 0.96, text, transform=ax.transAxes, ha="right", va="top", fontsize=8)
            rows.append({"target": outcomes.names[place], "median": center, "sigma_mad": spread, "beyond_3_sigma": far})
    drawn = _drawn(outcomes, axes)
    return Plot("residual_histogram", figure, {"targets": rows}, wide=len(axes) > 1, drawn=drawn)


def _coverage(outcomes: NumberOutcomes, level: float | None, groups: NDArray[np.int64] | None) -> Plot:
    """Draw the share of true values within the intervals, over all and by prediction."""
    assert outcomes.low is not None  # asked by the caller
    assert outcomes.high is not None
    tables = []
    with style():
        figure, axes = _axes(outcomes, "predicted", "share within its interval")
        for place, ax in enumerate(axes):
            truth, predicted = outcomes.truth[:, place], outcomes.predicted[:, place]
            within = (outcomes.low[:, place] <= truth) & (truth <= outcomes.high[:, place])
            table = coverage_trend(predicted, within, groups)
            error = np.clip([table["coverage"] - table["low"], table["high"] - table["coverage"]], 0, None)
            ax.errorbar(
                table["predicted"], table["coverage"], error, fmt="o", color=BLUE, markersize=4, capsize=2, elinewidth=1
            )
            found = share(within, groups)
            ax.axhspan(found.low, found.high, color=ORANGE, alpha=0.16, linewidth=0)
            ax.axhline(found.value, color=ORANGE, linewidth=1.2)
            if level is not None:
                ax.axhline(level, color=FAINT, linestyle=":", linewidth=1.2)
            ax.set_ylim(min(0.45, float(table["low"].min()) - 0.03), 1.02)
            ax.text(
                0.03,
                0.05,
                f"{int(within.sum()):,} of {len(within):,} within: {found.value:.1%}",
                transform=ax.transAxes,
                fontsize=8,
            )
            tables.append(table.assign(target=outcomes.names[place]))
    drawn = _drawn(outcomes, axes, level)
    return Plot("interval_coverage", figure, pd.concat(tables), wide=len(axes) > 1, drawn=drawn)


def _drawn(outcomes: NumberOutcomes, axes: list[Axes], level: float | None = None) -> Scatter:
    return Scatter(
        galaxies=len(outcomes.truth),
        bins=len(bins_of(outcomes.truth[:, 0])),
        shaded=len(outcomes.truth) > MOST_POINTS,
        bands=sum(_half_width(outcomes, place) is not None for place in range(len(axes))),
        left_out=len(outcomes.names) - len(axes),
        level=level,
    )


def _axes(outcomes: NumberOutcomes, x: str, y: str) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each target, with names on the axes."""
    count = min(len(outcomes.names), MOST_PANELS)
    if count > 1:
        figure, axes = panels(count, x, y, columns=3, shared=False)
        for ax, name in zip(axes, outcomes.names, strict=False):
            ax.set_title(short(name))
        return figure, axes
    figure = new_figure(4.6, 4.0)
    ax = figure.subplots()
    name = short(outcomes.names[0], 20)
    ax.set(xlabel=f"{x} {name}" if x in ("true", "predicted") else x, ylabel=f"{y} {name}" if y == "predicted" else y)
    return figure, [ax]


def _half_width(outcomes: NumberOutcomes, place: int) -> float | None:
    """Return half the width of a target's intervals where all have about the same, finite one."""
    if outcomes.low is None or outcomes.high is None:
        return None
    widths = (outcomes.high[:, place] - outcomes.low[:, place]) / 2
    typical = float(np.median(widths))
    return typical if np.isfinite(typical) and np.allclose(widths, typical, rtol=0.01) else None


def _span(values: Values) -> tuple[float, float]:
    margin = 0.04 * (np.ptp(values) or 1)
    return float(values.min() - margin), float(values.max() + margin)


def _table(outcomes: NumberOutcomes) -> pd.DataFrame:
    columns = {"id_str": outcomes.frame["id_str"].to_numpy()}
    for place, name in enumerate(outcomes.names):
        columns |= {f"true_{name}": outcomes.truth[:, place], name: outcomes.predicted[:, place]}
    return pd.DataFrame(columns)
