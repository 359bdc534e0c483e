"""`View`: what the page of a run shows of one task.

Each task has its view in a file of ``report/tasks/``, found by the task's kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from zoobot.errors import OptionError
from zoobot.science.metric import Metric, metric_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from zoobot.report.contents import RunContents
    from zoobot.report.findings.parts import Counted, Part
    from zoobot.report.findings.run import Findings
    from zoobot.report.galleries import Gallery, Pictures
    from zoobot.report.outcomes import Outcomes
    from zoobot.report.sentences import Sentence, Words
    from zoobot.report.summary import Measure, Table
    from zoobot.report.theme import Plot
    from zoobot.science.figure import Figure
    from zoobot.science.figures import Figures
    from zoobot.science.predicted import Predicted

Calibration = Literal["kept", "rejected", "none", "unknown"]
"""What became of a calibration of probabilities: kept, rejected because it gained nothing, or none tried"""

VIEWS: dict[str, View] = {}
"""By the kind of the task: filled by the files of ``report/tasks/``"""


@dataclass
class Display:
    """What is shown of predictions beside the truth: tables, plots, and texts that are set as they are."""

    plots: Sequence[Plot | None] = ()
    tables: list[Table] = field(default_factory=list)
    listings: list[str] = field(default_factory=list)


class View:
    """What a page shows of a task.

    As it is, it serves tasks of which nothing is known. It shows scores, training and counts, and no guess. A subclass
    with a ``kind`` of its own is the view of that task; it takes what it doesn't override from the view above it.
    """

    kind: ClassVar[str] = ""
    """Of the task, as ``about.json`` has it"""
    saved_as: ClassVar[str] = ""
    """Name of the task's class, as saved models have it"""

    exclusive: ClassVar[bool] = False
    """Whether labels are classes, of which each galaxy has one"""
    probabilities: ClassVar[bool] = False
    """Whether probabilities of classes, or of labels, are predicted, and sets of them"""
    numbers: ClassVar[bool] = False
    """Whether labels are numbers, which are predicted with intervals"""
    questions: ClassVar[bool] = False
    """Whether labels are votes on questions"""

    metrics: ClassVar[tuple[Metric, ...]] = ()
    """The scores of the headline table, in its order"""
    headline: ClassVar[str] = ""
    """Key of the score that stands for a run"""
    by_epoch: ClassVar[str] = ""
    """Key of the score that is drawn beside the loss"""
    unjudged: ClassVar[str] = "whether predictions of this task can judge them is not known"
    """Why labels are not judged by predictions; empty where they are"""

    title: ClassVar[Sequence[Sentence[Findings]]] = ()
    measures: ClassVar[Sequence[Sentence[Measure]]] = ()
    """What each score of the headline table is"""
    words: ClassVar[Mapping[str, Words[Any]]] = {}
    """Heading and caption of each kind of plot, table and gallery"""

    def __init_subclass__(cls, **options: Any) -> None:
        """Register the view of a kind.

        Raises
        ------
        OptionError
            Another view has it.
        """
        super().__init_subclass__(**options)
        if "kind" not in vars(cls):
            return
        there = VIEWS.get(cls.kind)
        if there is not None and (type(there).__module__, type(there).__qualname__) != (
            cls.__module__,
            cls.__qualname__,
        ):
            msg = (
                f"two views are of the kind {cls.kind!r}: {type(there).__qualname__} of {type(there).__module__}, and "
                f"{cls.__qualname__}."
            )
            raise OptionError(msg)
        VIEWS[cls.kind] = cls()

    def recognizes(self, contents: RunContents) -> bool:
        """Say whether a folder that names no task is of this one.

        It is told by the keys of its scores and the names of its columns.
        """
        return False

    def metric(self, key: str) -> Metric:
        """Return a score by its key."""
        return next((metric for metric in self.metrics if metric.key == key), None) or metric_of(key)

    def shown_metrics(self, scores: Mapping[str, Any]) -> Sequence[Metric]:
        """Return the scores of the headline table, in its order.

        Of a task of which nothing is known, they are all that are numbers.
        """
        numbers = [key for key, value in scores.items() if isinstance(value, int | float) and key != "n"]
        return self.metrics or [metric_of(key) for key in numbers]

    # What predictions are.

    def outcomes(self, table: pd.DataFrame, contents: RunContents) -> Outcomes | None:
        """Read predictions beside the truth from a table; None where it lacks a column that they take."""
        return None

    def of_arrays(self, kept: Predicted, contents: RunContents) -> Outcomes | None:
        """Return predictions beside the truth from the arrays that a run's folder keeps.

        `outcomes` are those of earlier versions.
        """
        return None

    def measured(self, outcomes: Any, groups: NDArray[np.int64] | None) -> Figures:
        """Return scores with their intervals and tests, for runs of earlier versions.

        Their ``metrics.json`` has none.
        """
        return {}

    def figures(self, saved: Figures, contents: RunContents, part: str) -> Figures:
        """Return the figures of a part: those that ``metrics.json`` has, else `measured` ones."""
        outcomes = contents.outcomes(part)
        return saved or ({} if outcomes is None else self.measured(outcomes, contents.groups(part)))

    def counted(self, part: Part) -> list[Counted]:
        """Return the kinds of galaxies that a part has, such as classes, with their numbers.

        There are none where that is not known.
        """
        return []

    def rivals(self, counted: list[Counted]) -> list[list[Counted]]:
        """Return those of `counted` that exclude one another, whose numbers are compared."""
        return []

    def judging(self, each: Sequence[Any], *, groups: NDArray[np.int64] | None, folds: bool) -> dict[str, Figure]:
        """Return what says whether predictions can judge each label, from the outcomes of one or several parts."""
        return {}

    def calibration(self, contents: RunContents, outcomes: Any) -> Calibration:
        """Return what became of a calibration."""
        return "unknown" if outcomes is None else "none"

    def calibration_error(self, outcomes: Any, groups: NDArray[np.int64] | None) -> Figure | None:
        """Return the calibration error of the best probabilities there are; None where there are none."""
        return None

    # What is shown of them.

    def tables(self, run: Findings) -> list[Table | None]:
        """Return tables of the test part's scores, such as by class."""
        return []

    def shown(self, run: Findings, outcomes: Any) -> Display:
        """Return what is shown of the test part's predictions beside the truth."""
        return Display()

    def galleries(self, outcomes: Any, pictures: Pictures) -> list[Gallery]:
        """Return cutouts of test galaxies, such as the surest of each class; those without cutouts are left out."""
        return []


PLAIN = View()


def view_of(kind: str | None) -> View:
    """Return the view of a task; a plain one where there is none."""
    return VIEWS.get(kind or "", PLAIN)
