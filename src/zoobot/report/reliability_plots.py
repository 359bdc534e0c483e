"""Plots of whether probabilities mean what they say, before and after calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.report.theme import BLUE, FAINT, INK, ORANGE, Plot, new_figure, short, style
from zoobot.science.reliability import headline_events, reliability_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoobot.report.outcomes import Classes, Labels

    Values = NDArray[np.float64]
    Panel = tuple[str, Values, Values | None, NDArray[np.bool_]]

COLUMNS = 3
MOST_PANELS = 12
HISTOGRAM = 20


def reliability_of_classes(outcomes: Classes) -> Plot:
    """Draw the reliability of a classifier: of two classes that of the second, of more that of the most probable and then of each."""
    k = len(outcomes.names)
    calibrated = outcomes.calibrated
    one_hot = outcomes.truth[:, None] == np.arange(k)
    if k == 2:
        list_of = [
            (outcomes.names[1], outcomes.raw[:, 1], None if calibrated is None else calibrated[:, 1], one_hot[:, 1])
        ]
        return _plot(list_of, f"P({short(outcomes.names[1], 16)})")
    before, right = headline_events(outcomes.raw, outcomes.truth)
    if calibrated is None:
        after = None
    else:
        after = np.take_along_axis(calibrated, outcomes.predicted[:, None], axis=1)[:, 0]
    list_of = [("most probable class", before, after, right > 0)]
    for place, name in enumerate(outcomes.names[: MOST_PANELS - 1]):
        list_of.append(
            (name, outcomes.raw[:, place], None if calibrated is None else calibrated[:, place], one_hot[:, place])
        )
    return _plot(list_of, "predicted probability")


def reliability_of_labels(outcomes: Labels) -> Plot:
    """Draw the reliability of each label."""
    calibrated = outcomes.calibrated
    list_of = [
        (name, outcomes.raw[:, place], None if calibrated is None else calibrated[:, place], outcomes.truth[:, place])
        for place, name in enumerate(outcomes.names[:MOST_PANELS])
    ]
    return _plot(list_of, "predicted probability")


def _plot(list_of: list[Panel], x: str) -> Plot:
    count = len(list_of)
    across = min(COLUMNS, count)
    down = -(-count // across)
    both = any(after is not None for _, _, after, _ in list_of)
    tables = []
    with style():
        figure = new_figure() if count == 1 else new_figure(2.9 * across, 3.2 * down + 0.3)
        if count == 1:
            figure.set_size_inches(4.6, 4.4)
        grid = figure.subplots(2 * down, across, squeeze=False, height_ratios=[4, 1] * down, sharex=True)
        for place, (name, before, after, happened) in enumerate(list_of):
            row, column = divmod(place, across)
            above, below = grid[2 * row, column], grid[2 * row + 1, column]
            tables += _panel(above, below, name, before, after, happened)
            if count > 1:
                above.set_title(short(name))
        for place in range(count, across * down):
            row, column = divmod(place, across)
            grid[2 * row, column].axis("off")
            grid[2 * row + 1, column].axis("off")
        grid[0, 0].legend(loc="upper left")
        figure.supxlabel(x, fontsize=9, color=INK)
        grid[0, 0].set_ylabel("share that is so")
        grid[1, 0].set_ylabel("galaxies")
    which = "before and after calibration on the validation galaxies" if both else "as the network gives them"
    n = len(list_of[0][1])
    caption = (
        f"Probabilities {which}, in bins of about as many galaxies each (10 or more), against the share of the bin "
        "of which it was so; bars are Wilson's 95% intervals. On the dotted line a probability of 0.7 is right 7 "
        "times in 10; below it the model is overconfident. Bars should cross the line 19 times in 20 where the "
        f"probabilities are right. Lower panels: how many of the {n:,} test galaxies have each probability. The "
        "expected calibration error (ECE) among the figures above is the mean distance from the line, less what "
        "chance adds to it (Kumar et al. 2019)."
    )
    return Plot(
        "reliability", "Do probabilities mean what they say?", caption, figure, pd.concat(tables), wide=count > 1
    )


def _panel(
    above: Axes, below: Axes, name: str, before: Values, after: Values | None, happened: NDArray[np.bool_]
) -> list[pd.DataFrame]:
    above.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=":", zorder=0)
    tables = []
    for values, color, when, shift in (
        (before, ORANGE, "before" if after is not None else "predicted", -0.004),
        (after, BLUE, "after", 0.004),
    ):
        if values is None:
            continue
        own = BLUE if after is None else color
        curve = reliability_curve(values, happened)
        error = np.clip([curve.observed - curve.low, curve.high - curve.observed], 0, None)
        look: dict[str, Any] = {
            "color": own,
            "marker": "o",
            "markersize": 3.5,
            "linewidth": 1.2,
            "elinewidth": 0.9,
            "capsize": 1.5,
        }
        above.errorbar(curve.predicted + shift, curve.observed, error, label=when, **look)
        counts, edges = np.histogram(values, HISTOGRAM, (0, 1))
        below.stairs(counts, edges, color=own, fill=after is None, alpha=0.75 if after is None else 1, linewidth=1.2)
        tables.append(curve.to_frame().assign(event=name, when=when))
    above.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    below.tick_params(labelbottom=True)
    below.set_ylim(bottom=0)
    return tables
