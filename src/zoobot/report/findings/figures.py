"""The figures of a part: each score with its interval and its test, from ``metrics.json``, or of older runs from the predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoobot.report.outcomes import ClassOutcomes, MultiLabelOutcomes, NumberOutcomes, VoteOutcomes
from zoobot.science.figure import Figure
from zoobot.science.figures import class_figures, figures_from_dict, label_figures, number_figures, vote_figures
from zoobot.science.vote_scores import constant_optimism

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents
    from zoobot.science.figures import Figures


def figures_of(contents: RunContents, part: str) -> Figures:
    """Return the figures of a part by the names of its scores, as `zoobot.science.figures` has them; empty where there are none.

    Those of classes are under ``classes``, by the names that a reader sees; those of labels and targets under ``labels`` and ``targets``.
    """
    saved = _saved(contents.scores(part).get("figures"))
    outcomes = contents.outcomes(part)
    if isinstance(outcomes, ClassOutcomes):
        names = dict(zip(contents.class_names, contents.shown_classes, strict=True))
        if "classes" in saved:
            shown = {names.get(name, name): own for name, own in saved["classes"].items()}
            return saved | {"classes": shown}
        found = class_figures(outcomes.raw, outcomes.truth, contents.groups(part), names=outcomes.names)
        return found | saved
    return saved or _measured(contents, part)


def _saved(content: Any) -> Figures:
    """Return the figures that ``metrics.json`` holds; empty where it holds none, or another version's."""
    if not isinstance(content, dict):
        return {}
    try:
        return figures_from_dict(content)
    except (TypeError, KeyError, ValueError):
        return {}


def _measured(contents: RunContents, part: str) -> Figures:
    outcomes, groups = contents.outcomes(part), contents.groups(part)
    if isinstance(outcomes, MultiLabelOutcomes):
        return label_figures(outcomes.raw, outcomes.truth, groups, names=outcomes.names)
    if isinstance(outcomes, NumberOutcomes):
        return number_figures(outcomes.predicted, outcomes.truth, groups, names=outcomes.names)
    if isinstance(outcomes, VoteOutcomes):
        questions = outcomes.posterior.tree.questions
        optimism = constant_optimism(questions, outcomes.counts, groups)
        return vote_figures(outcomes.losses, groups, optimism=optimism)
    return {}


def figure(figures: Figures, *path: str) -> Figure | None:
    """Return the figure at a path of names, None where there is none."""
    found: Any = figures
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, Figure) else None
