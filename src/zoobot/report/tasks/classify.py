"""The view of exclusive classes: completeness and purity of each, confusion, rankings, reliability, conformal sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoobot.report.classifier_plots import conformal_plot, confusion_plot, histograms
from zoobot.report.findings.figures import figure
from zoobot.report.findings.parts import Counted
from zoobot.report.galleries import MOST_CLASSES, UNCERTAIN, About, Gallery, highest
from zoobot.report.outcome_tables import class_outcomes
from zoobot.report.outcomes import ClassOutcomes
from zoobot.report.ranking_plots import events_of, ranking_plots
from zoobot.report.reliability_plots import reliability_plot
from zoobot.report.sentences import galleries, plots_classes, scores
from zoobot.report.sentences.scores import is_score
from zoobot.report.sentences.table import Sentence, always
from zoobot.report.summary import Table
from zoobot.report.view import Display, View
from zoobot.report.words import DASH, UNKNOWN, number
from zoobot.science.figures import calibration_figure, class_figures
from zoobot.science.label_check import judging_figure
from zoobot.science.metric import ACCURACY, AUROC, AVERAGE_PRECISION, BALANCED_ACCURACY, BRIER, ECE, LOG_LOSS
from zoobot.science.reliability import headline_events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from zoobot.report.contents import RunContents
    from zoobot.report.findings.parts import Part
    from zoobot.report.findings.run import Findings
    from zoobot.report.galleries import Cutout, Mark, Pictures
    from zoobot.report.outcomes import Probabilities
    from zoobot.report.sentences import Words
    from zoobot.report.summary import Measure
    from zoobot.report.view import Calibration
    from zoobot.science.figure import Figure
    from zoobot.science.figures import Figures
    from zoobot.science.metric import Metric
    from zoobot.science.predicted import Predicted

    Values = NDArray[np.float64]


def _of_two(name: str) -> Callable[[Measure], bool]:
    return lambda row: is_score(name)(row) and len(row.run.contents.class_names) == 2


def _of_more(name: str) -> Callable[[Measure], bool]:
    return lambda row: is_score(name)(row) and len(row.run.contents.class_names) > 2


def _second(row: Measure) -> str:
    return f"“{row.run.contents.shown_classes[1]}”"


TITLE: tuple[Sentence[Findings], ...] = (Sentence("title.classify", always, lambda run: f"Classifier of {run.labels}"),)

MEASURES: tuple[Sentence[Measure], ...] = (
    Sentence("measure.accuracy", is_score("accuracy"), "share of galaxies whose most probable class is their label"),
    Sentence(
        "measure.balanced",
        is_score("balanced_accuracy"),
        "mean over classes of the share found, so that rare classes count as much as common ones; guessing gives "
        "1 / (number of classes)",
    ),
    Sentence(
        "measure.auroc_two",
        _of_two("auroc"),
        lambda row: (
            f"probability that a galaxy of {_second(row)} is ranked above one of the other class; guessing gives 0.5"
        ),
    ),
    Sentence(
        "measure.auroc_more",
        _of_more("auroc"),
        "mean over classes of the probability that a galaxy of the class is ranked above one that is not; guessing "
        "gives 0.5",
    ),
    Sentence(
        "measure.precision_two",
        _of_two("average_precision"),
        lambda row: f"mean purity of {_second(row)} over all completenesses; guessing gives the share of the class",
    ),
    Sentence(
        "measure.precision_more",
        _of_more("average_precision"),
        "mean over classes of the mean purity over all completenesses; guessing gives their mean share",
    ),
    Sentence("measure.log_loss", is_score("log_loss"), "mean −ln P(label), in nats; lower is better"),
    Sentence(
        "measure.brier_two",
        _of_two("brier"),
        lambda row: f"mean squared error of P({_second(row)}); lower is better",
    ),
    Sentence(
        "measure.brier_more",
        _of_more("brier"),
        "mean over galaxies of the squared errors of the probabilities, summed over classes; lower is better",
    ),
    Sentence(
        "measure.ece_two",
        _of_two("ece"),
        lambda row: (
            f"mean distance between P({_second(row)}) and the observed fraction, in bins, less what chance adds"
        ),
    ),
    Sentence(
        "measure.ece_more",
        _of_more("ece"),
        "mean distance between the probability of the most probable class and the observed fraction, in bins, less "
        "what chance adds",
    ),
)
"""What each score is"""


class ProbabilitiesView(View):
    """Probabilities of classes, or of labels."""

    probabilities = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        ACCURACY,
        BALANCED_ACCURACY,
        AUROC,
        AVERAGE_PRECISION,
        LOG_LOSS,
        BRIER,
        ECE,
    )
    by_epoch = "auroc"
    unjudged = ""
    words: ClassVar[Mapping[str, Words[Any]]] = {
        "roc": plots_classes.ROC,
        "purity_completeness": plots_classes.PURITY,
        "thresholds": plots_classes.THRESHOLDS,
        "histograms": plots_classes.HISTOGRAMS,
        "reliability": plots_classes.RELIABILITY,
    }

    def calibration(self, contents: RunContents, outcomes: Probabilities | None) -> Calibration:
        """Return what became of a calibration: a table has its probabilities where one was tried."""
        if outcomes is None:
            return "unknown"
        if outcomes.calibrated is None:
            return "none"
        return "kept" if outcomes.calibration_kept else "rejected"


class ClassesView(ProbabilitiesView):
    """Exclusive classes."""

    kind = "classify"
    saved_as = "FinetuneableZoobotClassifier"
    exclusive = True
    headline = "accuracy"
    title = TITLE
    measures = MEASURES
    outcomes_type: ClassVar[type[ClassOutcomes]] = ClassOutcomes
    words: ClassVar[Mapping[str, Words[Any]]] = {
        **ProbabilitiesView.words,
        "confusion": plots_classes.CONFUSION,
        "conformal": plots_classes.CONFORMAL,
        "classes": scores.CLASSES,
        "class_right": galleries.CLASS_RIGHT,
        "class_wrong": galleries.CLASS_WRONG,
        "least_certain": galleries.LEAST_CERTAIN,
    }

    def recognizes(self, contents: RunContents) -> bool:
        """Say whether there is a confusion table, or a column of predicted classes."""
        predicted = {f"{name}_predicted" for name in contents.label_cols}
        return contents.has_score("confusion") or bool(predicted & contents.columns)

    def outcomes(self, table: pd.DataFrame, contents: RunContents) -> ClassOutcomes | None:
        """Read probabilities, predicted and true classes."""
        return class_outcomes(table, contents.label_cols[0], contents.class_names, self.outcomes_type)

    def of_arrays(self, kept: Predicted, contents: RunContents) -> ClassOutcomes | None:
        """Return probabilities, predicted and true classes; None where they are of other classes than the folder's."""
        places, sets = np.arange(len(contents.class_names)), kept.derived.get("sets")
        if not kept.has_widths(len(places), 1) or not np.isin(kept.labels, places).all():
            return None
        return self.outcomes_type(
            contents.label_cols[0], contents.class_names, kept.frame, kept.values.astype(np.float64),
            kept.of("calibrated"), kept.labels[:, 0].astype(np.int64), None if sets is None else sets[:, 0],
            kept.left_out,
        )  # fmt: skip

    def measured(self, outcomes: ClassOutcomes, groups: NDArray[np.int64] | None) -> Figures:
        """Return the figures of `zoobot.science.class_figures`."""
        return class_figures(outcomes.raw, outcomes.truth, groups, names=outcomes.names)

    def figures(self, saved: Figures, contents: RunContents, part: str) -> Figures:
        """Return the figures of a part; those of classes are under ``classes``, by the names that a reader sees."""
        outcomes = contents.outcomes(part)
        if outcomes is None:
            return saved
        names = dict(zip(contents.class_names, contents.shown_classes, strict=True))
        if "classes" in saved:
            return saved | {"classes": {names.get(name, name): own for name, own in saved["classes"].items()}}
        return self.measured(outcomes, contents.groups(part)) | saved  # type: ignore[arg-type]  # which it read

    def counted(self, part: Part) -> list[Counted]:
        """Return the classes, with how many galaxies of each are found."""
        contents = part.run.contents
        own, confusion = contents.class_counts.get(part.part, {}), contents.scores(part.part).get("confusion")
        hits = np.diagonal(confusion).tolist() if confusion else []
        found = dict(zip(contents.shown_classes, hits, strict=False))
        figures = part.run.figures(part.part).get("classes") or {}
        ends = {name: (one.low, one.high) for name in own if (one := figure(figures, name, "completeness")) is not None}
        return [Counted(f"“{name}”", n, found.get(name), ends.get(name, UNKNOWN)) for name, n in own.items()]

    def rivals(self, counted: list[Counted]) -> list[list[Counted]]:
        """Return all classes together."""
        return [counted]

    def judging(
        self, each: Sequence[ClassOutcomes], *, groups: NDArray[np.int64] | None, folds: bool
    ) -> dict[str, Figure]:
        """Return the figure of `zoobot.science.label_check.judging_figure`."""
        p, truth = np.concatenate([one.raw for one in each]), np.concatenate([one.truth for one in each])
        return {each[0].label: judging_figure(p, truth, groups=groups, folds=folds)}

    def calibration_error(self, outcomes: ClassOutcomes, groups: NDArray[np.int64] | None) -> Figure | None:
        """Return that of the second of two classes, of more of the most probable class."""
        return calibration_figure(*headline_events(outcomes.probabilities, outcomes.truth), groups)

    def tables(self, run: Findings) -> list[Table | None]:
        """Return the table by class."""
        return [_table(run)]

    def shown(self, run: Findings, outcomes: ClassOutcomes) -> Display:
        """Draw confusion, rankings, histograms, reliability and conformal sets."""
        contents, groups = run.contents, run.contents.groups("test")
        conformal = contents.scores("test").get("conformal") or {}
        return Display(
            [
                confusion_plot(outcomes),
                *ranking_plots(events_of(outcomes, groups)),
                histograms(outcomes),
                None if run.part("test").one_class else reliability_plot(outcomes, groups),
                None
                if run.too_few_for_conformal
                else conformal_plot(outcomes, conformal, groups, chose_epoch=run.chose_epoch),
            ]
        )

    def galleries(self, outcomes: ClassOutcomes, pictures: Pictures) -> list[Gallery]:
        """Show, of each class, the surest right and the surest wrong predictions, and then the least certain ones."""
        p, names = outcomes.probabilities, outcomes.names
        predicted = outcomes.predicted
        surest = np.take_along_axis(p, predicted[:, None], axis=1)[:, 0]
        right = predicted == outcomes.truth
        found = []
        kinds: tuple[tuple[Mark, NDArray[np.bool_]], ...] = (("right", right), ("wrong", ~right))
        for place, name in enumerate(names[:MOST_CLASSES]):
            for kind, chosen in kinds:
                rows = highest(surest, chosen & (predicted == place))
                cutouts = _cutouts(outcomes, pictures, rows, surest)
                found.append(Gallery(f"class_{kind}", cutouts, About(name)))
        least = np.argsort(surest, kind="stable")[:UNCERTAIN]
        about = About(shown=len(least), total=len(surest))
        found.append(Gallery("least_certain", _cutouts(outcomes, pictures, least, surest), about))
        return found


@dataclass(frozen=True)
class ByClass:
    """What the table of classes holds.

    Attributes
    ----------
    classes : int
        How many.
    auroc, ece : bool
        Whether it has these columns.
    absent, unpredicted : bool
        Whether any class has no galaxies, or is never predicted.
    one_class : bool
        Whether all galaxies are of one class.
    methods : list of str
        How intervals of completeness and purity were found.
    """

    classes: int
    auroc: bool
    ece: bool
    absent: bool
    unpredicted: bool
    one_class: bool
    methods: list[str]


def _table(run: Findings) -> Table | None:
    """Return completeness, purity and F1 of each class in the test part, with intervals.

    Classes without galaxies have neither completeness nor purity nor F1; where one class only is there, purity says
    nothing either.
    """
    contents = run.contents
    confusion = contents.scores("test").get("confusion")
    if not confusion:
        return None
    counts = np.asarray(confusion)
    one_class = int((counts.sum(axis=1) > 0).sum()) < 2
    ece = (contents.scores("test").get("calibrated") or contents.scores("test")).get("ece_by_class") or {}
    ece = {} if one_class else ece
    figures = run.figures("test").get("classes") or {}
    areas = {name: one for name in contents.shown_classes if (one := figure(figures, name, "auroc")) is not None}
    areas = {} if one_class else areas
    methods: set[str] = set()
    rows = []
    for place, name in enumerate(contents.shown_classes):
        hits, true, predicted = counts[place, place], counts[place].sum(), counts[:, place].sum()
        told = bool(true) and not one_class
        both = [figure(figures, name, kind) for kind in ("completeness", "purity")]
        methods |= {one.method for one in both if one is not None and one.has_interval}
        f1 = number(float(2 * hits / (true + predicted))) if told else DASH
        pure = _with(hits, predicted, both[1]) if told else DASH
        row = [name, number(int(true)), _with(hits, true, both[0]), number(int(predicted)), pure, f1]
        row += [number(areas[name].value) if name in areas else DASH] if areas else []
        rows.append([*row, number(ece.get(contents.class_names[place]))] if ece else row)
    columns = ["class", "labelled", "completeness", "predicted", "purity", "F1"]
    columns += [*(["AUROC"] if areas else []), *(["ECE"] if ece else [])]
    about = ByClass(
        classes=len(rows),
        auroc=bool(areas),
        ece=bool(ece),
        absent=bool((counts.sum(axis=1) == 0).any()),
        unpredicted=bool((counts.sum(axis=0) == 0).any()),
        one_class=one_class,
        methods=sorted(methods),
    )
    return Table("classes", columns, rows, about)


def _with(hits: int, total: int, one: Figure | None) -> str:
    if not total:
        return DASH
    known = f" ({one.low:.2f}–{one.high:.2f})" if one is not None and one.has_interval else ""
    return f"{hits / total:.2f}{known}"


def _cutouts(outcomes: ClassOutcomes, pictures: Pictures, rows: NDArray[np.int64], surest: Values) -> list[Cutout]:
    """Return cutouts of rows with the predicted class, its probability and the label."""
    names = outcomes.names
    lines = []
    marks: list[Mark] = []
    for row in rows:
        predicted, true = names[outcomes.predicted[row]], names[outcomes.truth[row]]
        lines.append((f"{predicted}: {surest[row]:.2f}", f"label: {true}"))
        marks.append("right" if predicted == true else "wrong")
    return pictures.cutouts(outcomes.frame, rows.tolist(), lines, marks)
