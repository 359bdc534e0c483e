"""Plots of predicted votes against those that volunteers gave: coverage, PIT, and fractions answer by answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.report.theme import BLUE, FAINT, ORANGE, Plot, cloud, panels, short, style
from zoobot.science import LEVELS, PIT_BINS, VoteScores, exact_binomial_interval, score_votes
from zoobot.science.trends import mean_trend

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from zoobot.report.outcomes import VoteOutcomes
    from zoobot.trees import Question, VotePosterior

    Values = NDArray[np.float64]

FEWEST_VOTES = 5
"""Observed fractions of fewer votes are too coarse to plot"""
FEWEST_GALAXIES = 20
"""Asked of fewer, a question's figures say next to nothing"""
CELLS = ((-0.03, 1.03), (-0.03, 1.03))


@dataclass(frozen=True)
class Fractions:
    """What was drawn of vote fractions.

    It says for galaxies with how many votes, and whether means in bins are drawn for any answer.
    """

    fewest_votes: int
    means: bool


def plot_votes(posterior: VotePosterior, votes: ArrayLike, folder: Path) -> list[Path]:
    """Write ``coverage.png``, ``pit.png`` and ``fractions.png`` into a folder, and return their paths.

    They are of labelled galaxies. Questions that nobody was asked have no panel. See `zoobot.science.VoteScores` for
    what is plotted; the numbers are written beside them.

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
    plots = vote_plots(posterior, counts, score_votes(posterior, counts))
    for plot in plots:
        plot.save(folder)
    return [folder / f"{plot.name}.png" for plot in plots]


def vote_plots(posterior: VotePosterior, counts: Values, scores: Mapping[str, VoteScores]) -> list[Plot]:
    """Draw coverage, PIT and fractions of the questions that somebody was asked.

    Parameters
    ----------
    posterior, counts
        What was predicted, and votes (galaxy, answer).
    scores
        What `score_votes` gives of them.
    """
    asked = {question: one for question, one in scores.items() if one.n_asked}
    return [_coverage(asked), _pit(asked), _fractions(posterior, counts, list(asked))]


def saved_scores(scores: Mapping[str, Any], outcomes: VoteOutcomes) -> dict[str, VoteScores] | None:
    """Return the scores of questions that ``metrics.json`` holds, None where it lacks any.

    They take long to compute anew.
    """
    known = {item.name for item in fields(VoteScores)}
    found = {}
    for question in outcomes.posterior.tree.questions:
        one = (scores.get("questions") or {}).get(question.text) or {}
        if not known <= set(one) or scores.get("n") != len(outcomes.counts):
            return None
        values: dict[str, Any] = {name: float("nan") if one[name] is None else one[name] for name in known}
        found[question.text] = VoteScores(**values)
    return found


def question_table(scores: Mapping[str, VoteScores]) -> pd.DataFrame:
    """Return one row per question, with the figures that say how well its votes are predicted."""
    rows = [
        {
            "question": question, "galaxies": one.n_asked, "skill": one.skill, "error of fractions": one.fraction_mae,
            "largest bias": one.fraction_bias, "leading answer right": one.accuracy,
            "of clear galaxies": one.n_confident, "90% intervals hold": one.coverage["0.9"],
        }
        for question, one in scores.items()
        if one.n_asked
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _coverage(scores: dict[str, VoteScores]) -> Plot:
    """Draw the share of counts within each interval against its level.

    The bars are exact binomial intervals, a galaxy counted once.
    """
    rows = []
    with style():
        figure, axes = panels(len(scores), "level of the interval", "share within", titles=2)
        for (name, one), ax in zip(scores.items(), axes, strict=True):
            seen = np.array(list(one.coverage.values()))
            ends = np.array([exact_binomial_interval(share * one.n_asked, one.n_asked) for share in seen])
            error = np.abs(ends - seen[:, None]).T
            ax.plot([0.4, 1], [0.4, 1], color=FAINT, linewidth=0.9, linestyle=":")
            ax.errorbar(LEVELS, seen, error, color=BLUE, marker="o", markersize=3.5, linewidth=1, capsize=2)
            ax.set(xlim=(0.42, 1.02), ylim=(0, 1.05))
            _title(ax, name, f"{one.n_asked:,} galaxies")
            rows += [
                {"question": name, "level": level, "share": share, "galaxies": one.n_asked}
                for level, share in zip(LEVELS, seen, strict=True)
            ]
    return Plot("coverage", figure, pd.DataFrame(rows), wide=True, kind="vote_coverage")


def _pit(scores: dict[str, VoteScores]) -> Plot:
    """Draw the histogram of the probability integral transform."""
    edges = np.linspace(0, 1, PIT_BINS + 1)
    top = max(2.0, 1.1 * max((max(one.pit) for one in scores.values()), default=0))
    with style():
        figure, axes = panels(len(scores), "probability integral transform", "density", titles=2)
        for (name, one), ax in zip(scores.items(), axes, strict=True):
            ax.stairs(one.pit, edges, fill=True, color=BLUE, alpha=0.7)
            ax.axhline(1, color=FAINT, linewidth=0.9, linestyle=":")
            ax.set(xlim=(0, 1), ylim=(0, top))
            _title(ax, name, f"{one.n_asked:,} galaxies")
    numbers = {"edges": edges.tolist(), "density": {name: one.pit for name, one in scores.items()}}
    return Plot("pit", figure, numbers, wide=True)


def _fractions(posterior: VotePosterior, counts: Values, questions: Sequence[str]) -> Plot:
    """Draw expected against observed fractions of each answer, for galaxies with enough votes."""
    tree = posterior.tree
    answers = [
        (question, answer)
        for name in questions
        for question in [tree.get_question(name)]
        for answer in question.answers
    ]
    expected = posterior.fractions()
    rows = []
    with style():
        figure, axes = panels(len(answers), "predicted", "observed", titles=2)
        for (question, answer), ax in zip(answers, axes, strict=True):
            totals = _totals(counts, question)
            shown = totals >= FEWEST_VOTES
            x, y = expected[shown, answer.index], counts[shown, answer.index] / totals[shown]
            ax.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=":")
            cloud(ax, x, y, CELLS, sizes=np.clip(totals[shown] / 3, 2, 30))
            ax.set(xlim=CELLS[0], ylim=CELLS[1])
            bias = float(np.average(x - y, weights=totals[shown])) if shown.any() else float("nan")
            _title(
                ax,
                answer.text,
                f"{len(x):,} galaxies, bias {bias:+.3f}" if len(x) else f"none with {FEWEST_VOTES} votes",
            )
            if len(x) >= FEWEST_GALAXIES:
                ax.plot(*mean_trend(x, y), color=ORANGE, linewidth=1.2, marker="o", markersize=2.5)
            rows.append({"answer": answer.text, "galaxies": len(x), "bias": bias})
    means = any((_totals(counts, question) >= FEWEST_VOTES).sum() >= FEWEST_GALAXIES for question, _ in answers)
    return Plot("fractions", figure, pd.DataFrame(rows), wide=True, drawn=Fractions(FEWEST_VOTES, means))


def _totals(counts: Values, question: Question) -> Values:
    totals: Values = counts[:, question.columns].sum(axis=1)
    return totals


def _title(ax: Axes, name: str, below: str) -> None:
    ax.set_title(f"{short(name, 30)}\n{below}", fontsize=7.5)
