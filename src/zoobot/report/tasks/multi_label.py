"""The view of independent labels: scores of each, rankings, histograms, reliability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoobot.report.classifier_plots import histograms
from zoobot.report.findings.figures import figure
from zoobot.report.findings.parts import Counted
from zoobot.report.galleries import MOST_CLASSES, About, Gallery, highest
from zoobot.report.outcome_tables import label_outcomes
from zoobot.report.outcomes import CUT, MultiLabelOutcomes
from zoobot.report.ranking_plots import events_of, ranking_plots
from zoobot.report.reliability_plots import reliability_plot
from zoobot.report.sentences import galleries, scores
from zoobot.report.sentences.scores import is_score
from zoobot.report.sentences.table import Sentence, always
from zoobot.report.summary import Table, with_ends
from zoobot.report.tasks.classify import ProbabilitiesView
from zoobot.report.view import Display
from zoobot.report.words import number
from zoobot.science.figures import calibration_figure, label_figures
from zoobot.science.intervals import share
from zoobot.science.label_check import judging_figures
from zoobot.science.metric import metric_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from zoobot.report.contents import RunContents
    from zoobot.report.findings.parts import Part
    from zoobot.report.findings.run import Findings
    from zoobot.report.galleries import Mark, Pictures
    from zoobot.report.sentences import Words
    from zoobot.report.summary import Measure
    from zoobot.science.figure import Figure
    from zoobot.science.figures import Figures
    from zoobot.science.predicted import Predicted

    Codes = NDArray[np.int64]

TITLE: tuple[Sentence[Findings], ...] = (
    Sentence("title.multi_label", always, lambda run: f"Multi-label classifier of {run.labels}"),
)

MEASURES: tuple[Sentence[Measure], ...] = (
    Sentence(
        "measure.accuracy_labels",
        is_score("accuracy"),
        "share of labels predicted right, at a probability of 0.5",
    ),
    Sentence(
        "measure.balanced_labels",
        is_score("balanced_accuracy"),
        "mean over labels of the balanced accuracy; guessing gives 0.5",
    ),
    Sentence(
        "measure.auroc_labels",
        is_score("auroc"),
        "mean over labels of the probability that a galaxy with the label is ranked above one without; guessing gives "
        "0.5",
    ),
    Sentence(
        "measure.precision_labels",
        is_score("average_precision"),
        "mean over labels of the mean purity over all completenesses; guessing gives the mean share of the labels",
    ),
    Sentence(
        "measure.log_loss_labels",
        is_score("log_loss"),
        "mean over galaxies and labels of −ln P(label), in nats; lower is better",
    ),
    Sentence(
        "measure.brier_labels",
        is_score("brier"),
        "mean over labels of the mean squared error of the probability; lower is better",
    ),
    Sentence(
        "measure.ece_labels",
        is_score("ece"),
        "mean over labels of the mean distance between probability and the observed fraction, in bins, less what "
        "chance adds",
    ),
)
"""What each score is"""


class LabelsView(ProbabilitiesView):
    """Independent labels."""

    kind = "multi_label"
    saved_as = "FinetuneableZoobotMultiLabel"
    headline = "auroc"
    title = TITLE
    measures = MEASURES
    words: ClassVar[Mapping[str, Words[Any]]] = {
        **ProbabilitiesView.words,
        "labels": scores.LABELS,
        "label_right": galleries.LABEL_RIGHT,
        "label_not_so": galleries.LABEL_NOT_SO,
        "label_is_so": galleries.LABEL_IS_SO,
    }

    def recognizes(self, contents: RunContents) -> bool:
        """Say whether there are scores of labels."""
        return contents.has_score("labels")

    def outcomes(self, table: pd.DataFrame, contents: RunContents) -> MultiLabelOutcomes | None:
        """Read the probability of each label, and whether galaxies have it."""
        return label_outcomes(table, contents.label_cols)

    def of_arrays(self, kept: Predicted, contents: RunContents) -> MultiLabelOutcomes | None:
        """Return the probability of each label, and whether galaxies have it; None where they are of other labels."""
        if not kept.has_widths(len(contents.label_cols), len(contents.label_cols)):
            return None
        values, truth = kept.values.astype(np.float64), kept.labels > 0.5
        return MultiLabelOutcomes(contents.label_cols, kept.frame, values, kept.of("calibrated"), truth, kept.left_out)

    def measured(self, outcomes: MultiLabelOutcomes, groups: Codes | None) -> Figures:
        """Return the figures of `zoobot.science.figures.label_figures`."""
        return label_figures(outcomes.raw, outcomes.truth, groups, names=outcomes.names)

    def counted(self, part: Part) -> list[Counted]:
        """Return the galaxies with and without each label, one after the other."""
        return [one for name in part.run.contents.label_cols for one in _sides(part, name)]

    def rivals(self, counted: list[Counted]) -> list[list[Counted]]:
        """Return both sides of each label."""
        return [counted[at : at + 2] for at in range(0, len(counted), 2)]

    def judging(self, each: Sequence[MultiLabelOutcomes], *, groups: Codes | None, folds: bool) -> dict[str, Figure]:
        """Return the figures of `zoobot.science.label_check.judging_figures`."""
        p, truth = np.concatenate([one.raw for one in each]), np.concatenate([one.truth for one in each])
        return judging_figures(p, truth.astype(np.int64), each[0].names, groups=groups, folds=folds)

    def calibration_error(self, outcomes: MultiLabelOutcomes, groups: Codes | None) -> Figure | None:
        """Return the mean over labels."""
        return calibration_figure(outcomes.probabilities, outcomes.truth, groups)

    def tables(self, run: Findings) -> list[Table | None]:
        """Return the table by label."""
        return [_table(run)]

    def shown(self, run: Findings, outcomes: MultiLabelOutcomes) -> Display:
        """Draw rankings, histograms and reliability."""
        groups = run.contents.groups("test")
        rankings = ranking_plots(events_of(outcomes, groups))
        return Display([*rankings, histograms(outcomes), reliability_plot(outcomes, groups)])

    def galleries(self, outcomes: MultiLabelOutcomes, pictures: Pictures) -> list[Gallery]:
        """Show, of each label, the surest right and the surest wrong ones of both kinds."""
        found = []
        for place, name in enumerate(outcomes.names[:MOST_CLASSES]):
            p, true = outcomes.probabilities[:, place], outcomes.truth[:, place]
            kinds: tuple[tuple[str, NDArray[np.int64], Mark], ...] = (
                ("label_right", highest(p, true & (p >= CUT)), "right"),
                ("label_not_so", highest(p, ~true & (p >= CUT)), "wrong"),
                ("label_is_so", highest(-p, true & (p < CUT)), "wrong"),
            )
            for kind, rows, mark in kinds:
                lines = [(f"P {p[row]:.2f}", f"label: {int(true[row])}") for row in rows]
                cutouts = pictures.cutouts(outcomes.frame, rows.tolist(), lines, [mark] * len(rows))
                found.append(Gallery(kind, cutouts, About(name)))
        return found


def _sides(part: Part, name: str) -> list[Counted]:
    """Return the galaxies with and without a label."""
    contents = part.run.contents
    outcomes = contents.outcomes(part.part)
    event = next((one for one in outcomes.events() if one.name == name), None) if outcomes is not None else None
    if event is not None:
        right, groups = event.predicted == event.so, contents.groups(part.part)
        return [_counted(f"“{name}”", event.so, right, groups), _counted(f"not “{name}”", ~event.so, right, groups)]
    confusion = ((contents.scores(part.part).get("labels") or {}).get(name) or {}).get("confusion")
    positive = contents.class_counts.get(part.part, {}).get(name)
    positive = sum(confusion[1]) if confusion else positive
    if positive is None or not part.n:
        return []
    return [Counted(f"“{name}”", positive), Counted(f"not “{name}”", part.n - positive)]


def _counted(name: str, rows: NDArray[np.bool_], right: NDArray[np.bool_], groups: Codes | None) -> Counted:
    """Count rows (galaxy,) and those of them that are right."""
    found = share(right[rows], None if groups is None else groups[rows])
    return Counted(name, int(rows.sum()), int(right[rows].sum()), (found.low, found.high))


@dataclass(frozen=True)
class ByLabel:
    """What the table of labels holds.

    Attributes
    ----------
    n : int
        Galaxies in all.
    one_sided : bool
        Whether any label lacks galaxies of one kind.
    reasons : dict
        Why some scores of a label have no interval.
    """

    n: int
    one_sided: bool
    reasons: dict[str, str]


def _table(run: Findings) -> Table | None:
    """Return the scores of each independent label in the test part, with intervals of two of them."""
    tested = run.contents.scores("test")
    each = tested.get("labels")
    if not isinstance(each, dict):
        return None
    names = ("accuracy", "balanced_accuracy", "auroc", "average_precision", "log_loss")
    figures = run.figures("test").get("labels") or {}
    rows, one_sided, reasons = [], False, {}
    for label, own in each.items():
        sides = [sum(side) for side in own["confusion"]] if own.get("confusion") else []
        one_sided |= 0 in sides
        shown = {name: None if 0 in sides and name == "balanced_accuracy" else own.get(name) for name in names}
        cells = []
        for name in names:
            one = figure(figures, label, name)
            cells.append(with_ends(shown[name], one))
            if shown[name] is not None and one is not None and not one.has_interval:
                reasons[label] = one.reason
        rows.append([label, number(sides[1] if sides else None), *cells])
    columns = ["label", "galaxies", *(metric_of(name).name for name in names)]
    return Table("labels", columns, rows, ByLabel(int(tested.get("n") or 0), one_sided, reasons))
