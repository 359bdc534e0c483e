"""The view of ordered classes, such as T-types: that of classes, and how far off a wrong class is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoobot.report.outcomes import ClassOutcomes, Event
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
        "1 − mean squared distance between predicted class and label / that of the same predictions and labels, "
        "paired at random (Cohen 1968); guessing gives 0",
    ),
)
"""What each score is that other classes don't have"""


class OrderedOutcomes(ClassOutcomes):
    """Ordered classes, of which all from one on, or up to one, can be selected together."""

    def selectable(self) -> list[Event]:
        """Return each class, and of three or more "at least" and "at most" each class between."""
        count = len(self.classes)
        inner = range(1, count - 1)
        several = [(f"at least {self.classes[at]}", range(at, count)) for at in inner]
        several += [(f"at most {self.classes[at]}", range(at + 1)) for at in inner]
        return self.events() + [self._together(name, places) for name, places in several]

    def _together(self, name: str, places: range) -> Event:
        """Return the event of being of one of several neighboring classes."""
        each = [self.events()[place] for place in places]
        calibrated = None if self.calibrated is None else self.calibrated[:, places].sum(axis=1)
        return Event(
            name, self.label, name, tuple(column for one in each for column in one.columns),
            self.raw[:, places].sum(axis=1), calibrated, np.isin(self.truth, places), np.isin(self.predicted, places),
        )  # fmt: skip


class OrderedView(ClassesView):
    """Ordered classes."""

    kind = "ordinal"
    saved_as = "FinetuneableZoobotOrdinal"
    metrics = (ACCURACY, *ORDERED_SCORES, *(metric for metric in ClassesView.metrics if metric != ACCURACY))
    title = TITLE
    outcomes_type = OrderedOutcomes
    measures = (*ClassesView.measures, *MEASURES)

    def recognizes(self, contents: RunContents) -> bool:
        """Say whether there are scores of ordered classes."""
        return contents.has_score("class_mae")
