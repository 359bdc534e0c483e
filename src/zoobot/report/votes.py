"""Plots of predicted votes against those that volunteers gave: coverage, PIT, and fractions answer by answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoobot.errors import OutputError
from zoobot.science import LEVELS, PIT_BINS, VoteScores, score_votes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from zoobot.trees import VotePosterior

COLUMNS = 4
PANEL = 2.3
"""Width and height of a panel, in inches"""

SEEN, PROMISED = "#2f6db3", "0.55"
FEWEST_VOTES = 5
"""Observed fractions of fewer votes are too coarse to plot"""


def plot_votes(posterior: VotePosterior, votes: ArrayLike, folder: Path) -> list[Path]:
    """Write ``coverage.png``, ``pit.png`` and ``fractions.png`` of labelled galaxies into a folder, and give their paths.

    Questions that nobody was asked have no panel. See `zoobot.science.VoteScores` for what is plotted.

    Parameters
    ----------
    posterior
        What was predicted.
    votes
        Counts (galaxy, answer).
    folder
        Made where it is not there.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    counts = np.asarray(votes, dtype=np.float64)
    scores = {question: one for question, one in score_votes(posterior, counts).items() if one.n_asked}
    figures = {
        "coverage.png": _coverage(scores),
        "pit.png": _pit(scores),
        "fractions.png": _fractions(posterior, counts, list(scores)),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(folder / name, dpi=120)
    except OSError as err:
        msg = f"plots can't be written to {folder}: {err.strerror or err}. Choose a folder that you may write to."
        raise OutputError(msg) from err
    return [folder / name for name in figures]


def _coverage(scores: dict[str, VoteScores]) -> Figure:
    """Draw the share of counts within each interval against its level; the bars are two binomial standard errors."""
    figure, panels = _panels(
        scores, "Vote counts within the predicted interval", "level of the interval", "share within"
    )
    for (name, ax), one in zip(panels, scores.values(), strict=True):
        seen = np.array(list(one.coverage.values()))
        error = 2 * np.sqrt(np.array(LEVELS) * (1 - np.array(LEVELS)) / one.n_asked)
        ax.plot([0.4, 1], [0.4, 1], color=PROMISED, linewidth=0.8, linestyle="--")
        ax.errorbar(LEVELS, seen, error, color=SEEN, marker="o", markersize=3.5, linewidth=1, capsize=2)
        ax.set(xlim=(0.42, 1.02), ylim=(0, 1.05))
        _title(ax, name, f"{one.n_asked} galaxies")
    return figure


def _pit(scores: dict[str, VoteScores]) -> Figure:
    """Draw the histogram of the probability integral transform."""
    title = "Where counts fall in their predicted distribution (flat: right; U: overconfident)"
    figure, panels = _panels(scores, title, "probability integral transform", "density")
    edges = np.linspace(0, 1, PIT_BINS + 1)
    for (name, ax), one in zip(panels, scores.values(), strict=True):
        ax.stairs(one.pit, edges, fill=True, color=SEEN, alpha=0.75)
        ax.axhline(1, color=PROMISED, linewidth=0.8, linestyle="--")
        ax.set(xlim=(0, 1), ylim=(0, max(2.0, 1.1 * max(one.pit))))
        _title(ax, name, f"{one.n_asked} galaxies")
    return figure


def _fractions(posterior: VotePosterior, counts: NDArray[np.float64], questions: Sequence[str]) -> Figure:
    """Draw expected against observed fractions of each answer, for galaxies with enough votes."""
    tree = posterior.tree
    answers = [answer for question in questions for answer in tree.get_question(question).answers]
    figure, panels = _panels(
        [answer.text for answer in answers],
        f"Vote fractions of galaxies with {FEWEST_VOTES} votes or more; area shows how many",
        "predicted",
        "observed",
    )
    expected = posterior.fractions()
    owner = {answer.text: question for question in tree.questions for answer in question.answers}
    for (name, ax), answer in zip(panels, answers, strict=True):
        question = owner[answer.text]
        totals = counts[:, question.start_index : question.end_index + 1].sum(axis=1)
        shown = totals >= FEWEST_VOTES
        x, y = expected[shown, answer.index], counts[shown, answer.index] / totals[shown]
        ax.plot([0, 1], [0, 1], color=PROMISED, linewidth=0.8, linestyle="--")
        ax.scatter(x, y, s=totals[shown] / 3, color=SEEN, alpha=_alpha(len(x)), linewidths=0)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        bias = np.average(x - y, weights=totals[shown]) if shown.any() else float("nan")
        _title(ax, name, f"{len(x)} galaxies, bias {bias:+.3f}")
    return figure


def _panels(
    names: Sequence[str] | dict[str, VoteScores], title: str, x: str, y: str
) -> tuple[Figure, Iterator[tuple[str, Axes]]]:
    """Give a figure with a panel for each name, and the panels one after the other."""
    from matplotlib.figure import Figure

    columns = min(COLUMNS, max(len(names), 1))
    rows = max(1, -(-len(names) // columns))
    figure = Figure(figsize=(max(PANEL * columns, 5), PANEL * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=False)
    for ax in grid.flat[len(names) :]:
        ax.axis("off")
    for column in range(columns):  # the lowest panel of a column, which may be above an empty place, has the numbers
        lowest = (len(names) - 1 - column) // columns
        grid[lowest, column].tick_params(labelbottom=True)
    for ax in grid.flat:
        ax.tick_params(labelsize=6)
    figure.suptitle(title, fontsize=9)
    figure.supxlabel(x, fontsize=8)
    figure.supylabel(y, fontsize=8)
    return figure, zip(names, grid.flat, strict=False)


def _title(ax: Axes, name: str, below: str) -> None:
    ax.set_title(f"{name}\n{below}", fontsize=6.5)


def _alpha(points: int) -> float:
    return float(np.clip(30 / max(points, 1), 0.08, 0.7))
