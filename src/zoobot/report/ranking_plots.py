"""Plots of how well probabilities rank galaxies: ROC, purity against completeness, and both against the threshold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.report.outcomes import CUT
from zoobot.report.theme import BLUE, FAINT, HEIGHT, ORANGE, Plot, new_figure, panels, series, short, style
from zoobot.science.ranking_curves import (
    Bands,
    Ranking,
    chosen_rates,
    grid,
    ranking,
    ranking_bands,
    threshold_table,
)
from zoobot.science.ranking_intervals import auroc, average_precision

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoobot.report.outcomes import Probabilities
    from zoobot.science.intervals import Measured

    Values = NDArray[np.float64]

MOST_BANDS = 4
"""Curves in one plot that each get a band: more would hide each other"""
MOST_INSIDE = 2
"""Curves whose legend has room beside them"""
MOST_PANELS = 12
MOST_POINTS = 600
"""Of a curve"""
SIDE_BY_SIDE = 3
POINT: dict[str, Any] = {
    "marker": "o",
    "markersize": 5,
    "markeredgecolor": "white",
    "markeredgewidth": 0.8,
    "zorder": 4,
}


@dataclass(frozen=True, eq=False)
class Events:
    """What is ranked.

    Of two classes the event is the second class, of more each class against the rest, and of independent labels each
    label.

    Attributes
    ----------
    names : list of str
        Of the events.
    scores : ndarray
        Probabilities (galaxy, event) as the network gives them, which the scores of ``metrics.json`` are taken from.
    cuts : ndarray
        Probabilities (galaxy, event) that one would cut at: calibrated, where they are.
    positive : ndarray
        Whether it is so (galaxy, event).
    predicted : ndarray
        Whether it is so by the network: the most probable class, or a label with a probability of 0.5 or more (galaxy,
        event).
    exclusive : bool
        Whether a galaxy is of one class only.
    groups : ndarray or None
        Group of each galaxy (galaxy,); None where each stands alone.
    """

    names: list[str]
    scores: Values
    cuts: Values
    positive: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    exclusive: bool
    groups: NDArray[np.int64] | None = None

    @cached_property
    def bands(self) -> Bands:
        """What resampling the galaxies makes of the curves."""
        return ranking_bands(self.scores, self.positive, self.groups)

    @cached_property
    def curves(self) -> list[Ranking]:
        """The measured curve of each event."""
        found = [ranking(self.scores[:, place], self.positive[:, place]) for place in range(len(self.names))]
        return [curve for curve in found if curve is not None]

    def operating_point(self, place: int) -> tuple[float, float, float]:
        """Return the false positive rate, completeness and purity of what is predicted to be of an event.

        Purity is NaN where nothing is.
        """
        return chosen_rates(self.predicted[:, place], self.positive[:, place])

    @cached_property
    def measured(self) -> list[tuple[Measured, Measured]]:
        """AUROC and average precision of each event, with their intervals."""
        return [
            (auroc(score, so, self.groups), average_precision(score, so, self.groups))
            for score, so in zip(self.scores.T, self.positive.T, strict=True)
        ]

    def legend(self, place: int, area: int) -> str:
        """Name an event with the area below its curve, and the interval of that.

        ``area`` is 0 for the AUROC and 1 for the average precision.
        """
        found = self.measured[place][area]
        known = "" if found.reason else f" ({found.low:.2f}–{found.high:.2f})"
        return f"{short(self.names[place], 18)}: {found.value:.3f}{known}"


@dataclass(frozen=True)
class Curves:
    """What was drawn of how events are ranked.

    Attributes
    ----------
    shares : dict
        Share of the galaxies that each event is true of.
    exclusive : bool
        Whether the events are classes, of which each galaxy has one.
    bands : bool
        Whether bands are drawn about the curves.
    method : str
        How the intervals of areas in the legend were found; empty where there are none.
    grouped : bool
        Whether galaxies come in groups.
    """

    shares: dict[str, float]
    exclusive: bool
    bands: bool
    method: str
    grouped: bool


@dataclass(frozen=True)
class Thresholds:
    """What was drawn against the threshold.

    It is the events shown and left out, and whether 0.5 is the cut of what is predicted.
    """

    shown: int
    left_out: int
    cut_is_predicted: bool


def events_of(outcomes: Probabilities, groups: NDArray[np.int64] | None = None) -> Events:
    """Return what probabilities rank: the classes or labels that some but not all galaxies have."""
    events = [one for one in outcomes.shown_events() if 0 < one.so.sum() < len(one.so)]

    def columns(each: list[NDArray[Any]]) -> NDArray[Any]:
        return np.stack(each, axis=1) if each else np.empty((len(outcomes.raw), 0))

    return Events(
        [one.name for one in events],
        columns([one.raw for one in events]),
        columns([one.probability for one in events]),
        columns([one.so for one in events]),
        columns([one.predicted for one in events]),
        exclusive=outcomes.exclusive,
        groups=groups,
    )


def ranking_plots(events: Events) -> list[Plot]:
    """Draw ROC curves, purity against completeness, and both against the threshold."""
    if not events.names:
        return []
    return [_roc(events), _purity(events), _thresholds(events)]


def _roc(events: Events) -> Plot:
    """Draw the true against the false positive rate."""
    tables = []
    with style():
        axes = _axes(events, "false positive rate", "true positive rate (completeness)")
        for place, (ax, curve) in enumerate(zip(axes.each, events.curves, strict=True)):
            look = axes.look(place)
            x, y = _thinned(np.append(0, curve.fpr), np.append(0, curve.tpr))
            ax.plot(x, y, label=events.legend(place, 0), drawstyle="default", **look)
            false, complete, _ = events.operating_point(place)
            ax.plot(false, complete, color=look["color"], **POINT)
            if axes.banded and not events.measured[place][0].reason:
                ax.fill_between(
                    grid(),
                    events.bands.tpr_low[:, place],
                    events.bands.tpr_high[:, place],
                    color=look["color"],
                    alpha=0.16,
                    linewidth=0,
                )
            tables.append(
                pd.DataFrame({"event": events.names[place], "false_positive_rate": x, "true_positive_rate": y})
            )
        for ax in axes.unique:
            ax.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
            axes.finish(ax, "AUROC")
    return Plot("roc", axes.figure, pd.concat(tables), wide=axes.wide, drawn=_drawn(events, axes, 0))


def _purity(events: Events) -> Plot:
    """Draw purity against completeness."""
    tables = []
    with style():
        axes = _axes(events, "completeness (recall)", "purity (precision)")
        for place, (ax, curve) in enumerate(zip(axes.each, events.curves, strict=True)):
            look = axes.look(place)
            x, y = _thinned(curve.tpr, curve.purity)
            ax.plot(x, y, label=events.legend(place, 1), **look)
            _, complete, pure = events.operating_point(place)
            ax.plot(complete, pure, color=look["color"], **POINT)
            if axes.banded and not events.measured[place][1].reason:
                ax.fill_between(
                    grid(), events.bands.purity_low[:, place], events.bands.purity_high[:, place], color=look["color"],
                    alpha=0.16, linewidth=0,
                )  # fmt: skip
            ax.axhline(events.positive[:, place].mean(), color=look["color"], linewidth=0.8, linestyle=":", zorder=0)
            tables.append(pd.DataFrame({"event": events.names[place], "completeness": x, "purity": y}))
        for ax in axes.unique:
            axes.finish(ax, "average precision")
    drawn = _drawn(events, axes, 1)
    return Plot("purity_completeness", axes.figure, pd.concat(tables), wide=axes.wide, drawn=drawn)


def _thresholds(events: Events) -> Plot:
    """Draw purity and completeness against the threshold, each event in a panel."""
    shown = min(len(events.names), MOST_PANELS)
    tables = []
    with style():
        if shown == 1:
            figure = new_figure()
            axes = [figure.subplots()]
        else:
            figure, axes = panels(shown, "threshold on the probability", "", heading=0.3)
        for place, ax in enumerate(axes):
            table = threshold_table(events.cuts[:, place], events.positive[:, place], events.groups)
            for name, color in (("purity", BLUE), ("completeness", ORANGE)):
                ax.plot(table["threshold"], table[name], color=color, label=name)
                ax.fill_between(
                    table["threshold"],
                    table[f"{name}_low"],
                    table[f"{name}_high"],
                    color=color,
                    alpha=0.16,
                    linewidth=0,
                )
            ax.axvline(CUT, color=FAINT, linestyle=":", linewidth=1)
            ax.set(xlim=(0, 1), ylim=(0, 1.03))
            if shown > 1:
                ax.set_title(short(events.names[place]))
            tables.append(table.assign(event=events.names[place]))
        if shown == 1:
            axes[0].legend(loc="lower left")
            axes[0].set_xlabel(f"threshold on P({short(events.names[0], 16)})")
        else:
            figure.legend(*axes[0].get_legend_handles_labels(), loc="upper right", ncols=2)
    cut_is_predicted = bool(((events.cuts >= CUT) == events.predicted).all())
    drawn = Thresholds(shown, len(events.names) - shown, cut_is_predicted)
    return Plot("thresholds", figure, pd.concat(tables), wide=shown > 1, drawn=drawn)


@dataclass(frozen=True, eq=False)
class _Axes:
    """Axes of the events' curves: one for all, or a panel each where labels are independent."""

    figure: Any
    each: list[Axes]
    unique: list[Axes]
    wide: bool
    banded: bool
    x: str
    y: str

    def look(self, place: int) -> dict[str, Any]:
        return series(place if len(self.unique) == 1 else 0)

    def finish(self, ax: Axes, heading: str) -> None:
        ax.set(xlim=(-0.01, 1.01), ylim=(0, 1.03))
        corner: Any = "lower right" if "false" in self.x else "lower left"
        if len(self.unique) > 1:
            ax.legend(loc=corner)
            return
        ax.set(xlabel=self.x, ylabel=self.y)
        if len(self.each) <= MOST_INSIDE:
            legend = ax.legend(loc=corner, title=heading)
        else:
            legend = self.figure.legend(
                *ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, title=heading
            )
        legend.get_title().set_fontsize(8)


def _axes(events: Events, x: str, y: str) -> _Axes:
    count = len(events.names)
    if events.exclusive or count == 1:
        figure = new_figure(height=HEIGHT if count <= MOST_INSIDE else HEIGHT + 0.2 * (count // 2 + 2))
        ax = figure.subplots()
        return _Axes(figure, [ax] * count, [ax], wide=False, banded=count <= MOST_BANDS, x=x, y=y)
    figure, axes = panels(count, x, y, columns=SIDE_BY_SIDE)
    return _Axes(figure, axes, axes, wide=True, banded=True, x=x, y=y)


def _drawn(events: Events, axes: _Axes, area: int) -> Curves:
    found = [pair[area] for pair in events.measured]
    return Curves(
        shares=dict(zip(events.names, events.positive.mean(axis=0).tolist(), strict=True)),
        exclusive=events.exclusive,
        bands=axes.banded and any(not one.reason for one in found),
        method=next((one.method for one in found if not one.reason), ""),
        grouped=events.groups is not None,
    )


def _thinned(x: Values, y: Values) -> tuple[Values, Values]:
    """Leave out points of a long curve that can't be told apart."""
    if len(x) <= MOST_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int))
    return x[kept], y[kept]
