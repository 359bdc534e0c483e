"""Plots of a classifier's outcomes: confusion, probabilities by true class, conformal sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.report.theme import (
    BLUE,
    FAINT,
    INK,
    ORANGE,
    Plot,
    new_figure,
    panels,
    plain_log,
    series,
    short,
    shorts,
    style,
)
from zoobot.science.intervals import share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoobot.report.outcomes import ClassOutcomes, Event, Probabilities


@dataclass(frozen=True)
class Confusion:
    """What was drawn of the confusion table.

    It says which numbers are in the cells, how many predictions are wrong, and which rows have no galaxies.
    """

    numbered: bool
    wrong: int
    empty_rows: bool


@dataclass(frozen=True)
class Histograms:
    """What was drawn of probabilities.

    It says whether they are calibrated, how many panels of how many, and with which scale.
    """

    calibrated: bool
    logarithmic: int
    panels: int
    left_out: int


@dataclass(frozen=True)
class ConformalSets:
    """What was drawn of conformal sets.

    It is the promised level, the coverage to be expected, and how many classes beside all galaxies.
    """

    level: float | None
    expected: bool
    chose_epoch: bool
    classes: int


MOST_NUMBERED = 16
"""Classes up to which the confusion table's cells have numbers"""
MOST_PANELS = 12
BINS = 25


def confusion_plot(outcomes: ClassOutcomes) -> Plot:
    """Draw counts and row fractions of true against predicted classes."""
    from matplotlib.patches import Rectangle

    counts = outcomes.confusion()
    totals = counts.sum(axis=1, keepdims=True)
    rows = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    k = len(counts)
    size = float(np.clip(0.75 * k + 1.6, 3.5, 9.0))
    with style():
        figure = new_figure(size + 1.1, size)
        ax = figure.subplots()
        ax.grid(visible=False)
        for true in range(k):
            for predicted in range(k):
                color = BLUE if true == predicted else ORANGE
                ax.add_patch(
                    Rectangle(
                        (predicted - 0.5, true - 0.5),
                        1,
                        1,
                        color=color,
                        alpha=0.75 * rows[true, predicted],
                        linewidth=0,
                    )
                )
                if k <= MOST_NUMBERED and totals[true, 0]:
                    text = (
                        f"{counts[true, predicted]:,}\n{rows[true, predicted]:.0%}" if counts[true, predicted] else "0"
                    )
                    ax.text(
                        predicted,
                        true,
                        text,
                        ha="center",
                        va="center",
                        fontsize=float(np.clip(46 / k, 5, 11)),
                        color=INK,
                    )
        names = shorts(outcomes.names, 18)
        turned: dict[str, Any] = (
            {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 4 else {}
        )
        ax.set_xticks(range(k), names, **turned)
        ax.set_yticks(range(k), [f"{name}  (n={int(n):,})" for name, n in zip(names, totals[:, 0], strict=True)])
        ax.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5), xlabel="predicted", ylabel="true", aspect="equal")
        ax.tick_params(length=0)
        for side in ax.spines.values():
            side.set_visible(True)
    table = pd.DataFrame(counts, columns=outcomes.names).assign(true=outcomes.names)
    drawn = Confusion(k <= MOST_NUMBERED, int(counts.sum() - np.trace(counts)), bool((totals == 0).any()))
    return Plot("confusion", figure, table[["true", *outcomes.names]], wide=k > 6, drawn=drawn)


def histograms(outcomes: Probabilities) -> Plot:
    """Draw the probabilities of galaxies that are and that are not of each class, or have each label."""
    events = outcomes.shown_events()
    shown, alone = events[:MOST_PANELS], len(events) == 1
    rows = []
    with style():
        if alone:
            figure = new_figure()
            axes = [figure.subplots()]
        else:
            figure, axes = panels(len(shown), "probability of the class", "galaxies", shared=False, heading=0.3)
        for ax, event in zip(axes, shown, strict=True):
            rows.append(_histogram(ax, event, alone=alone))
        if alone:
            axes[0].legend(loc="upper center")
            axes[0].set(xlabel=f"P({short(shown[0].name, 16)})", ylabel="galaxies")
        else:
            figure.legend(*axes[0].get_legend_handles_labels(), loc="upper right", ncols=2)
    drawn = Histograms(
        calibrated=outcomes.calibration_kept,
        logarithmic=sum(ax.get_yscale() == "log" for ax in axes),
        panels=len(shown),
        left_out=len(events) - len(shown),
    )
    return Plot("histograms", figure, pd.concat(rows), wide=not alone, drawn=drawn)


def _histogram(ax: Axes, event: Event, *, alone: bool) -> pd.DataFrame:
    edges = np.linspace(0, 1, BINS + 1)
    yes, no = (np.histogram(event.probability[chosen], edges)[0] for chosen in (event.so, ~event.so))
    is_not = f"is {short(event.other, 14)}" if alone and event.other else "is not"
    is_so = f"is {short(event.name, 14)}" if alone else "is"
    for counts, color, text in ((no, ORANGE, is_not), (yes, BLUE, is_so)):
        ax.stairs(counts, edges, color=color, fill=True, alpha=0.3, linewidth=0)
        ax.stairs(counts, edges, color=color, linewidth=1.3, label=text)
    if max(yes.max(), no.max()) > 20 * max(1, min(yes.max(), no.max())):
        plain_log(ax)
    ax.set_xlim(0, 1)
    if not alone:
        ax.set_title(short(event.name))
    return pd.DataFrame({"class": event.name, "from": edges[:-1], "to": edges[1:], "is": yes, "is_not": no})


def conformal_plot(
    outcomes: ClassOutcomes, scores: dict[str, Any], groups: NDArray[np.int64] | None = None, *, chose_epoch: bool
) -> Plot | None:
    """Draw how often conformal sets hold the true class, and how large they are; None where there are no sets.

    Parameters
    ----------
    outcomes
        With the sets.
    scores
        What ``metrics.json`` has under ``conformal``: the ``level`` that sets promise and the ``expected`` coverage, if
        known.
    groups
        Group of each galaxy (galaxy,); None where each stands alone.
    chose_epoch
        Whether the validation galaxies, which sets are made with, chose the epoch too.
    """
    if outcomes.sets is None:
        return None
    held = np.take_along_axis(outcomes.sets, outcomes.truth[:, None], axis=1)[:, 0]
    rows = [_covered("all", held, np.ones(len(held), bool), groups)]
    rows += [
        _covered(name, held, outcomes.truth == place, groups)
        for place, name in enumerate(outcomes.names)
        if (outcomes.truth == place).any()
    ]
    table = pd.DataFrame(rows)
    sizes = np.bincount(outcomes.sets.sum(axis=1), minlength=len(outcomes.names) + 1)
    with style():
        figure = new_figure(9.2, float(np.clip(0.35 * len(rows) + 1.6, 3, 9)))
        left, right = figure.subplots(1, 2)
        y = np.arange(len(rows))
        error = np.clip([table["coverage"] - table["low"], table["high"] - table["coverage"]], 0, None)
        left.errorbar(table["coverage"], y, xerr=error, fmt="o", color=BLUE, markersize=4, capsize=2, elinewidth=1)
        level, expected = scores.get("level"), scores.get("expected")
        if expected:
            left.axvspan(*expected, ymin=1 - 1 / len(rows), color=ORANGE, alpha=0.18, linewidth=0)
        if level is not None:
            left.axvline(level, color=FAINT, linestyle=":", linewidth=1.2)
        left.set_yticks(y, [f"{short(row['class'])} (n={row['n']:,})" for row in rows])
        left.set(xlabel="share of sets that hold the true class", ylim=(len(rows) - 0.5, -0.5))
        left.set_xlim(right=1.01)
        right.bar(np.arange(len(sizes)), sizes, color=series(0)["color"], alpha=0.75)
        right.set(xlabel="classes in the set", ylabel="galaxies")
        right.set_xticks(range(len(sizes)))
    numbers = {"coverage": rows, "sizes": sizes.tolist(), "level": level}
    drawn = ConformalSets(level, expected=bool(expected), chose_epoch=chose_epoch, classes=len(rows) - 1)
    return Plot("conformal", figure, numbers, wide=True, drawn=drawn)


def _covered(
    name: str, held: NDArray[np.bool_], rows: NDArray[np.bool_], groups: NDArray[np.int64] | None
) -> dict[str, object]:
    found = share(held[rows], None if groups is None else groups[rows])
    return {"class": name, "coverage": found.value, "low": found.low, "high": found.high, "n": int(rows.sum())}
