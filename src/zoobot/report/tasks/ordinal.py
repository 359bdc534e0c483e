"""The view of ordered classes, such as T-types: that of classes, and how far off a wrong class is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoobot.report.sentences.scores import is_score
from zoobot.report.sentences.table import Sentence, always
from zoobot.report.tasks.classify import ClassesView
from zoobot.science.metric import ACCURACY
from zoobot.science.ordered import ORDERED_SCORES

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents
    from zoobot.report.findings.run import Findings
    from zoobot.report.summary import Measure

TITLE: tuple[Sentence[Findings], ...] = (
    Sentence("title.ordinal", always, lambda run: f"Classifier of {run.labels}, in order"),
)

MEASURES: tuple[Sentence[Measure], ...] = (
    Sentence(
        "measure.class_mae",
        is_score("class_mae"),
        "mean distance between the most probable class and the label, counted in classes",
    ),
    Sentence(
        "measure.within_one",
        is_score("within_one"),
        "share of galaxies whose most probable class is their label or next to it",
    ),
    Sentence(
        "measure.quadratic_kappa",
        is_score("quadratic_kappa"),
        "1 − mean squared distance between predicted class and label / that of the same predictions and labels, paired at random "
        "(Cohen 1968); guessing gives 0",
    ),
)
"""What each score is that other classes don't have"""


class OrderedView(ClassesView):
    """Ordered classes."""

    kind = "ordinal"
    saved_as = "FinetuneableZoobotOrdinal"
    metrics = (ACCURACY, *ORDERED_SCORES, *(metric for metric in ClassesView.metrics if metric != ACCURACY))
    title = TITLE
    measures = (*ClassesView.measures, *MEASURES)

    def recognizes(self, contents: RunContents) -> bool:
        """Say whether there are scores of ordered classes."""
        return contents.has_score("class_mae")
