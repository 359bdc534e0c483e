"""Plots of choices: where to cut, and which encoder learns most from how many labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.report.theme import BLUE, FAINT, INK, ORANGE, WIDE, Plot, new_figure, plain_log, series, short, style
from zoobot.science.metric import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoobot.science import LearningCurve, Selection

    Values = NDArray[np.float64]


def selection_plot(selection: Selection, targets: Values, name: str = "the class") -> Plot:
    """Draw purity and completeness against the threshold and each other, and the targets' scores.

    The chosen threshold is marked.

    Parameters
    ----------
    selection
        What `choose_threshold` found.
    targets
        Scores (target,) that it selects from.
    name
        What is selected.
    """
    curve = {key: np.asarray(values, dtype=np.float64) for key, values in selection.curve.items()}
    with style():
        figure = new_figure(WIDE, 3.5)
        left, middle, right = figure.subplots(1, 3)
        for key, color in (("purity", BLUE), ("completeness", ORANGE)):
            left.fill_between(
                curve["threshold"], curve[f"{key}_low"], curve[f"{key}_high"], color=color, alpha=0.18, linewidth=0
            )
            left.plot(curve["threshold"], curve[key], color=color, label=key)
        wanted = {"color": FAINT, "linestyle": ":", "linewidth": 1}
        left.axvline(selection.threshold, color=INK, linewidth=1)
        left.axhline(selection.wanted, **wanted)
        left.set(xlabel="threshold on the score", ylabel="share", xlim=(-0.02, 1.02), ylim=(0, 1.02))
        left.legend(loc="lower center")
        middle.fill_between(
            curve["completeness"], curve["purity_low"], curve["purity_high"], color=BLUE, alpha=0.18, linewidth=0
        )
        middle.plot(curve["completeness"], curve["purity"], color=BLUE)
        _point(middle, selection)
        if selection.goal == "purity":
            middle.axhline(selection.wanted, **wanted)
        else:
            middle.axvline(selection.wanted, **wanted)
        middle.set(xlabel="completeness", ylabel="purity", xlim=(0, 1.02), ylim=(0, 1.02))
        known = targets[np.isfinite(targets)]
        counts, edges = np.histogram(known, 40, (0, 1))
        right.stairs(counts, edges, fill=True, color=BLUE, alpha=0.45)
        right.axvline(selection.threshold, color=INK, linewidth=1)
        plain_log(right)
        right.set(xlabel="score", ylabel="target galaxies", xlim=(-0.02, 1.02))
        figure.suptitle(
            f"{short(name, 40)}: score {selection.threshold:.3g} and above, {selection.n_selected:,} of "
            f"{selection.n_target:,} galaxies; purity {selection.purity:.2f}, completeness "
            f"{selection.completeness:.2f}\n"
            f"a {selection.goal} of {selection.wanted:g} is {'' if selection.reached else 'not '}promised",
            fontsize=9,
        )
    return Plot("selection", figure, pd.DataFrame(selection.curve), wide=True)


def _point(ax: Axes, selection: Selection) -> None:
    x, y = selection.completeness, selection.purity
    ax.errorbar(
        [x.value], [y.value], yerr=[[y.value - y.low], [y.high - y.value]],
        xerr=[[x.value - x.low], [x.high - x.value]], fmt="o", color=INK, markersize=5, linewidth=1, capsize=2,
    )  # fmt: skip


def comparison_plot(curves: Mapping[str, LearningCurve]) -> Plot:
    """Draw the learning curves of several encoders on the same axes, one panel per score."""
    first = next(iter(curves.values()))
    frames = []
    with style():
        figure = new_figure(WIDE, 4.0)
        for ax, score in zip(figure.subplots(1, len(first.scores)), first.scores, strict=True):
            for place, (name, curve) in enumerate(curves.items()):
                mean, (low, high) = curve.scores[score].mean(axis=0), curve.interval(score)
                look = series(place)
                nudge = 1.02 ** (place - (len(curves) - 1) / 2)  # so that bars don't hide each other
                ax.errorbar(
                    curve.sizes * nudge, mean, np.clip([mean - low, high - mean], 0, None), fmt="o", markersize=3.5,
                    capsize=2, elinewidth=1, color=look["color"], label=short(name, 30),
                )  # fmt: skip
                law = curve.laws[score]
                if law.determined:
                    last = curve.sizes[-1]
                    for start, stop, dashes in ((curve.sizes[0], last, "-"), (last, law.n_now + law.more, "--")):
                        n = np.geomspace(float(start), float(stop), 40)
                        line = {"color": look["color"], "linestyle": dashes, "linewidth": 1.2}
                        ax.plot(n * nudge, METRICS[score].score(law.error(n)), **line)
                else:
                    ax.plot(curve.sizes * nudge, mean, color=look["color"], linewidth=1.0, alpha=0.5)
                frames.append(
                    pd.DataFrame(
                        {"encoder": name, "score": score, "labels": curve.sizes, "mean": mean, "low": low, "high": high}
                    )
                )
            ax.axvline(first.n_now, color=FAINT, linestyle=":", linewidth=1)
            ax.set_xscale("log")
            ax.set_xticks(first.sizes, [f"{size:,}" for size in first.sizes])
            ax.minorticks_off()
            ax.set(xlabel="labelled galaxies", ylabel=METRICS[score].name)
        figure.legend(
            *ax.get_legend_handles_labels(), loc="outside upper center", ncols=min(3, len(curves)), fontsize=8
        )
    return Plot("comparison", figure, pd.concat(frames, ignore_index=True), wide=True)
