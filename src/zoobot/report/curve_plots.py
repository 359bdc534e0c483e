"""Plots of scores against something else: the number of labels, and bins of a catalog's column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.report.theme import BLUE, FAINT, ORANGE, Plot, new_figure, short, style
from zoobot.science.metric import metric_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

BROKEN_DOWN = ("balanced_accuracy", "accuracy", "r2", "mae")
"""Drawn by bin: the first that the table has figures of"""


@dataclass(frozen=True)
class CurveDrawn:
    """What was drawn of a learning curve.

    It says which score and head, whether with the fitted law, how many repeats, and intervals.
    """

    score: str
    head: str
    law: bool
    repeats: int
    intervals: bool


@dataclass(frozen=True)
class Breakdown:
    """What was drawn by bins of a column: of which score, whether with that of all galaxies, and in how many bins."""

    score: str
    column: str
    all_galaxies: bool
    bins: int


def learning_curve_plots(curve: dict[str, Any]) -> list[Plot]:
    """Draw each score of ``learning_curve.json`` against the number of labels, with the fitted power law.

    No law is drawn where it holds none.
    """
    sizes, scores = curve.get("sizes") or [], curve.get("scores") or {}
    names = [
        name for name in scores if isinstance(scores[name], dict) and len(scores[name].get("mean") or []) == len(sizes)
    ]
    head = str(curve.get("head") or "a linear head on frozen features")
    return [_learning_curve(np.asarray(sizes, dtype=float), name, scores[name], head) for name in names if sizes]


def _learning_curve(sizes: Values, name: str, score: dict[str, Any], head: str) -> Plot:
    mean, low, high = (_numbers(score.get(key), len(sizes)) for key in ("mean", "low", "high"))
    law = score.get("power_law") or {}
    title = metric_of(name).title
    has_law = not law.get("reason") and all(
        isinstance(law.get(key), int | float) for key in ("floor", "b", "c", "n_now", "more")
    )
    with style():
        figure = new_figure()
        ax = figure.subplots()
        for repeat in score.get("repeats") or []:
            ax.plot(sizes, _numbers(repeat, len(sizes)), color=BLUE, alpha=0.25, linewidth=0.8)
        error = np.clip([mean - low, high - mean], 0, None)
        ax.errorbar(sizes, mean, error, fmt="o", color=BLUE, markersize=4, capsize=2, elinewidth=1, label="measured")
        if has_law:
            n = np.geomspace(sizes[0], law["n_now"] + law["more"], 80)
            errors = np.maximum(law["floor"] + law["b"] * n ** -law["c"], 0)
            ax.plot(n, metric_of(name).score(errors), color=ORANGE, linewidth=1.3, label="power law")
            ax.axvline(law["n_now"], color=FAINT, linestyle=":", linewidth=1)
        ax.set_xscale("log")
        ax.set_xticks(
            sizes[:: max(1, len(sizes) // 5)], [f"{int(size):,}" for size in sizes[:: max(1, len(sizes) // 5)]]
        )
        ax.minorticks_off()
        ax.set(xlabel="labelled galaxies", ylabel=title)
        ax.legend()
    table = pd.DataFrame({"labels": sizes, name: mean, f"{name}_low": low, f"{name}_high": high})
    drawn = CurveDrawn(
        title, head, law=has_law, repeats=len(score.get("repeats") or []), intervals=bool(np.isfinite(error).any())
    )
    return Plot(f"learning_curve_{name}", figure, table, drawn=drawn, kind="learning_curve")


def breakdown_plots(table: pd.DataFrame) -> list[Plot]:
    """Draw scores by bins of each column of ``breakdown.csv``.

    See `zoobot.science.breakdown`; ``column`` is put before its columns.
    """
    plots = []
    for place, (column, own) in enumerate(table.groupby("column", sort=False)):
        name = next((one for one in BROKEN_DOWN if one in own and own[one].notna().sum() > 1), None)
        if name is not None:
            plots.append(_breakdown(str(column), own, name, f"breakdown_{place}"))
    return plots


def _breakdown(column: str, table: pd.DataFrame, name: str, file: str) -> Plot:
    bins = table[table["bin"].astype(str) != "all"]
    everything = table[table["bin"].astype(str) == "all"]
    title = metric_of(name).title
    with style():
        figure = new_figure(height=float(np.clip(0.4 * len(bins) + 1.2, 2.4, 7)))
        ax = figure.subplots()
        value, low, high = (bins[key].to_numpy(float) for key in (name, f"{name}_low", f"{name}_high"))
        error = np.nan_to_num(np.clip([value - low, high - value], 0, None))
        places = np.arange(len(bins))
        ax.errorbar(value, places, xerr=error, fmt="o", color=BLUE, markersize=4, capsize=2, elinewidth=1)
        if len(everything):
            ax.axvspan(
                *everything[[f"{name}_low", f"{name}_high"]].iloc[0].to_numpy(float),
                color=ORANGE,
                alpha=0.15,
                linewidth=0,
            )
            ax.axvline(float(everything[name].iloc[0]), color=ORANGE, linewidth=1.2)
        ax.set_yticks(places, [f"{short(one)} (n={int(n):,})" for one, n in zip(bins["bin"], bins["n"], strict=True)])
        ax.set(xlabel=title, ylabel=short(column), ylim=(len(bins) - 0.5, -0.5))
    drawn = Breakdown(title, column, all_galaxies=bool(len(everything)), bins=len(bins))
    return Plot(file, figure, table, drawn=drawn, kind="breakdown")


def _numbers(values: Any, count: int) -> Values:
    """Return a list of numbers and nulls as floats, NaN where there are none."""
    found = np.array([np.nan if value is None else value for value in values or []], dtype=np.float64)
    return found if len(found) == count else np.full(count, np.nan)
