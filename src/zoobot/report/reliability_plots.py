"""Plots of whether probabilities mean what they say, before and after calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.report.theme import BLUE, FAINT, ORANGE, Plot, new_figure, panels, short, style
from zoobot.science.reliability import reliability_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoobot.report.outcomes import Probabilities

    Values = NDArray[np.float64]
    Codes = NDArray[np.int64]
    Panel = tuple[str, Values, Values | None, NDArray[np.bool_]]

COLUMNS = 3
MOST_PANELS = 12
HISTOGRAM = 20

SAME = 0.002
"""Probabilities that calibration changes by no more are drawn once"""

STRIP = (-0.33, -0.06)
"""Below the curves, where the numbers of galaxies are drawn"""


@dataclass(frozen=True)
class Reliability:
    """What was drawn of how probabilities compare with what is so.

    Attributes
    ----------
    both : bool
        Whether probabilities before and after calibration are drawn; else those after it, where one was kept.
    calibrated : bool
        Whether a calibration was kept.
    n, fewest : int
        Galaxies, of all and of the smallest bin.
    left_out : int
        Classes or labels without a panel.
    """

    both: bool
    calibrated: bool
    n: int
    fewest: int
    left_out: int


def reliability_plot(outcomes: Probabilities, groups: Codes | None = None) -> Plot:
    """Draw the reliability of each class or label.

    Of two classes it is the second's, of more also that of the most probable class.
    """
    best, events = outcomes.most_probable(), outcomes.shown_events()
    events = events if best is None else [best, *events]
    shown: list[Panel] = [(one.name, one.raw, one.calibrated, one.so) for one in events[:MOST_PANELS]]
    x = f"P({short(events[0].name, 16)})" if len(events) == 1 else "predicted probability"
    left_out = len(events) - len(shown)
    return _plot(shown, x, groups, calibrated=outcomes.calibration_kept, left_out=left_out)


def _plot(list_of: list[Panel], x: str, groups: Codes | None, *, calibrated: bool, left_out: int = 0) -> Plot:
    count = len(list_of)
    both = any(after is not None and np.abs(after - before).max() > SAME for _, before, after, _ in list_of)
    if not both:  # the same curve twice would hide itself
        list_of = [
            (name, before if after is None else after, None, happened) for name, before, after, happened in list_of
        ]
    tables = []
    with style():
        if count == 1:
            figure = new_figure(4.6, 4.2)
            axes = [figure.subplots()]
            axes[0].set(xlabel=x, ylabel="observed fraction")
        else:
            figure, axes = panels(count, x, "observed fraction", columns=COLUMNS)
        for ax, (name, before, after, happened) in zip(axes, list_of, strict=True):
            tables += _panel(ax, name, before, after, happened, groups)
            if count > 1:
                ax.set_title(short(name))
        if both:
            axes[0].legend(loc="upper left")
    fewest = min(int(table["count"].min()) for table in tables)
    drawn = Reliability(both=both, calibrated=calibrated, n=len(list_of[0][1]), fewest=fewest, left_out=left_out)
    return Plot("reliability", figure, pd.concat(tables), wide=count > 1, drawn=drawn)


def _panel(
    ax: Axes, name: str, before: Values, after: Values | None, happened: NDArray[np.bool_], groups: Codes | None
) -> list[pd.DataFrame]:
    """Draw one event's curves, and below them the numbers of galaxies; give what is drawn."""
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=":", zorder=0)
    ax.axhline(0, color=FAINT, linewidth=0.6)
    tables = []
    kinds = [("predicted", before, BLUE, 0.0)]
    if after is not None:
        kinds = [("before calibration", before, ORANGE, -0.004), ("after", after, BLUE, 0.004)]
    for when, values, color, shift in kinds:
        curve = reliability_curve(values, happened, groups=groups)
        error = np.clip([curve.observed - curve.low, curve.high - curve.observed], 0, None)
        look: dict[str, Any] = {"color": color, "marker": "o", "markersize": 3.5, "linewidth": 1.2, "elinewidth": 0.9}
        ax.errorbar(curve.predicted + shift, curve.observed, error, label=when, capsize=1.5, **look)
        counts, edges = np.histogram(values, HISTOGRAM, (0, 1))
        bars = STRIP[0] + (STRIP[1] - STRIP[0]) * counts / counts.max()
        ax.stairs(bars, edges, baseline=STRIP[0], color=color, fill=after is None, alpha=0.75, linewidth=1.2)
        tables.append(curve.to_frame().assign(event=name, when=when))
    ax.text(0.5, STRIP[1], f"at most {counts.max():,} galaxies", fontsize=7, color=FAINT, ha="center", va="top")
    ax.set(xlim=(-0.03, 1.03), ylim=(STRIP[0], 1.03))
    ax.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    return tables
