"""Whether predictions can be told from those of a model that knows nothing of the galaxies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoobot.report.findings.figures import figure
from zoobot.report.findings.suspects import judging_figures
from zoobot.report.words import PART_NAMES, count
from zoobot.science.chance import holm
from zoobot.science.conformal import coverage_p_value
from zoobot.science.figure import SIGNIFICANCE
from zoobot.science.metric import METRICS

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings
    from zoobot.science.figure import Figure

COVERED = "0.9"
"""Level of the intervals of vote counts whose coverage is looked at"""
FEWEST_ASKED = 30
"""Galaxies of which a question must be asked before anything is said of its skill and its intervals"""


@dataclass(frozen=True)
class Guess:
    """One thing that is predicted, beside what guessing would give.

    Attributes
    ----------
    name : str
        The label or target; empty for a classifier, and for votes.
    measure : str
        What the figure is: the AUROC of classes and labels, Spearman's rank correlation of numbers, the skill of votes.
    part : str
        Name of the part that was scored.
    figure : Figure
        The measure with its test.
    r2 : float
        Of numbers; else NaN.
    several : bool
        Whether p-values are adjusted for several labels or targets.
    folds : Figure or None
        Of classes and labels: the AUROC of predictions by the models of folds; None where there are none.
    """

    name: str
    measure: str
    part: str
    figure: Figure
    r2: float = float("nan")
    several: bool = False
    folds: Figure | None = None

    @property
    def where(self) -> str:
        """The galaxies, such as "50 test galaxies", with their groups where they are fewer."""
        galaxies = count(self.figure.n, f"{self.part} galaxy")
        grouped = 0 < self.figure.n_groups < self.figure.n
        return f"{galaxies} in {count(self.figure.n_groups, 'group')}" if grouped else galaxies


def guesses(run: Findings) -> list[Guess]:
    """Return what is predicted, each label and target by itself, with its test against guessing.

    It is that of the test part where it is known.
    """
    part = "test" if run.outcomes is not None or run.contents.scores("test") else "val"
    figures = run.figures(part)
    folds = judging_figures(run, "folds")
    found = []
    for key, measure in (("labels", "auroc"), ("targets", "spearman")):
        each = figures.get(key) or {}
        for name, own in each.items():
            one, r2 = figure(own, measure), figure(own, "r2")
            if one is not None:
                value = float("nan") if r2 is None else r2.value
                found.append(
                    Guess(name, METRICS[measure].name, PART_NAMES[part], one, value, len(each) > 1, folds.get(name))
                )
    for measure in ("auroc", "skill"):
        one = figure(figures, measure)
        if one is not None and not found:
            found.append(
                Guess("", METRICS[measure].name, PART_NAMES[part], one, folds=next(iter(folds.values()), None))
            )
    return found


@dataclass(frozen=True)
class Questions:
    """Questions of a decision tree that were asked of 30 galaxies or more.

    Attributes
    ----------
    asked : list of str
        All of them.
    without_skill : list of str
        Those predicted no better than by one constant prediction.
    overconfident : list of str
        Those whose 90% intervals hold so few vote counts as chance gives with a probability of at most 0.01, adjusted
        for the number of questions (Holm 1979).
    """

    asked: list[str]
    without_skill: list[str]
    overconfident: list[str]


def questions(run: Findings) -> list[Questions]:
    """Return the questions of a tree, where the scores tell of them."""
    scores = run.contents.scores("test").get("questions") or {}
    each = {name: one for name, one in scores.items() if (one.get("n_asked") or 0) >= FEWEST_ASKED}
    part, level = run.part("test"), float(COVERED)
    covered = [(one.get("coverage") or {}).get(COVERED, 1.0) for one in each.values()]
    independent = [part.independent(int(one["n_asked"])) for one in each.values()]
    p_values = holm([coverage_p_value(share, level, n) for share, n in zip(covered, independent, strict=True)])
    narrow = [name for name, p in zip(each, p_values, strict=True) if p <= SIGNIFICANCE]
    without = [name for name, one in each.items() if (one.get("skill") or 0) <= 0]
    return [Questions(list(each), without, narrow)] if each else []
