"""Words of the tables of scores: what each row is, how intervals were found, what a dash means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoobot.report.sentences.table import Sentence, Words, always
from zoobot.report.words import joined, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoobot.report.summary import ByClass, ByLabel, Headlines, Measure


def _is(name: str, task: str = "", classes: int = 0) -> Callable[[Measure], bool]:
    """Return what is true of the row of a score, of one task, of two classes (2) or of more (3)."""

    def is_it(row: Measure) -> bool:
        k = len(row.run.contents.class_names)
        of_classes = not classes or (k == 2 if classes == 2 else k > 2)
        return row.name == name and not row.calibrated and task in ("", row.run.task) and of_classes

    return is_it


def _second(row: Measure) -> str:
    return f"“{row.run.contents.shown_classes[1]}”"


MEASURES: tuple[Sentence[Measure], ...] = (
    Sentence(
        "measure.accuracy", _is("accuracy", "classify"), "share of galaxies whose most probable class is their label"
    ),
    Sentence(
        "measure.accuracy_labels",
        _is("accuracy", "multi_label"),
        "share of labels predicted right, at a probability of 0.5",
    ),
    Sentence(
        "measure.balanced",
        _is("balanced_accuracy", "classify"),
        "mean over classes of the share found, so that rare classes count as much as common ones; guessing gives 1 / (number of classes)",
    ),
    Sentence(
        "measure.balanced_labels",
        _is("balanced_accuracy", "multi_label"),
        "mean over labels of the balanced accuracy; guessing gives 0.5",
    ),
    Sentence(
        "measure.auroc_two",
        _is("auroc", "classify", 2),
        lambda row: (
            f"probability that a galaxy of {_second(row)} is ranked above one of the other class; guessing gives 0.5"
        ),
    ),
    Sentence(
        "measure.auroc_more",
        _is("auroc", "classify", 3),
        "mean over classes of the probability that a galaxy of the class is ranked above one that is not; guessing gives 0.5",
    ),
    Sentence(
        "measure.auroc_labels",
        _is("auroc", "multi_label"),
        "mean over labels of the probability that a galaxy with the label is ranked above one without; guessing gives 0.5",
    ),
    Sentence(
        "measure.precision_two",
        _is("average_precision", "classify", 2),
        lambda row: f"mean purity of {_second(row)} over all completenesses; guessing gives the share of the class",
    ),
    Sentence(
        "measure.precision_more",
        _is("average_precision", "classify", 3),
        "mean over classes of the mean purity over all completenesses; guessing gives their mean share",
    ),
    Sentence(
        "measure.precision_labels",
        _is("average_precision", "multi_label"),
        "mean over labels of the mean purity over all completenesses; guessing gives the mean share of the labels",
    ),
    Sentence("measure.log_loss", _is("log_loss", "classify"), "mean −ln P(label), in nats; lower is better"),
    Sentence(
        "measure.log_loss_labels",
        _is("log_loss", "multi_label"),
        "mean over galaxies and labels of −ln P(label), in nats; lower is better",
    ),
    Sentence(
        "measure.brier_two",
        _is("brier", "classify", 2),
        lambda row: f"mean squared error of P({_second(row)}); lower is better",
    ),
    Sentence(
        "measure.brier_more",
        _is("brier", "classify", 3),
        "mean over galaxies of the squared errors of the probabilities, summed over classes; lower is better",
    ),
    Sentence(
        "measure.brier_labels",
        _is("brier", "multi_label"),
        "mean over labels of the mean squared error of the probability; lower is better",
    ),
    Sentence(
        "measure.ece_two",
        _is("ece", "classify", 2),
        lambda row: f"mean distance between P({_second(row)}) and the share that is so, in bins, less what chance adds",
    ),
    Sentence(
        "measure.ece_more",
        _is("ece", "classify", 3),
        "mean distance between the probability of the most probable class and the share that is so, in bins, less what "
        "chance adds",
    ),
    Sentence(
        "measure.ece_labels",
        _is("ece", "multi_label"),
        "mean over labels of the mean distance between probability and the share that is so, in bins, less what chance adds",
    ),
    Sentence(
        "measure.rmse",
        lambda row: row.name == "rmse" and _targets(row) == 1,
        "root mean squared error, in the label's unit",
    ),
    Sentence(
        "measure.rmse_targets",
        lambda row: row.name == "rmse" and _targets(row) > 1,
        "root mean squared error, each target's in its own unit, averaged over targets",
    ),
    Sentence(
        "measure.mae", lambda row: row.name == "mae" and _targets(row) == 1, "mean absolute error, in the label's unit"
    ),
    Sentence(
        "measure.mae_targets",
        lambda row: row.name == "mae" and _targets(row) > 1,
        "mean absolute error, each target's in its own unit, averaged over targets",
    ),
    Sentence(
        "measure.r2",
        lambda row: row.name == "r2" and _targets(row) == 1,
        "1 − mean squared error / variance of the true values; always predicting their mean gives 0",
    ),
    Sentence(
        "measure.r2_targets",
        lambda row: row.name == "r2" and _targets(row) > 1,
        "mean over targets of 1 − mean squared error / variance of the true values; always predicting their mean gives 0",
    ),
    Sentence("measure.skill", _is("skill"), "1 − loss / loss of one constant prediction for all galaxies, which has 0"),
    Sentence("measure.loss", _is("loss"), "mean negative log likelihood of the votes, summed over questions, in nats"),
    Sentence("measure.fractions", _is("fraction_mae"), "mean absolute error of vote fractions"),
    Sentence("measure.calibrated", lambda row: row.calibrated, "the same of the calibrated probabilities"),
    Sentence(
        "measure.ece_chance",
        lambda row: row.name == "ece" and row.figure is not None and row.figure.chance is not None,
        lambda row: (
            f"(perfectly calibrated probabilities have about {number(row.figure.chance)}, and as much as this or more with a "
            f"probability of {row.figure.p_value:.2g})"
            if row.figure
            else ""
        ),
    ),
    Sentence(
        "measure.known",
        lambda row: row.known is not None,
        lambda row: (
            f"(over the {row.known} of {len(row.run.contents.label_cols)} labels that some but not all galaxies have)"
        ),
    ),
)


def _targets(row: Measure) -> int:
    return len(row.run.contents.label_cols)


def _grouped(by_reason: dict[str, list[str]]) -> str:
    """List names with what they have in common."""
    return "; ".join(f"{joined(names)}: {reason}" for reason, names in by_reason.items())


def _validated(table: Headlines) -> bool:
    """Say whether scores of the validation part stand in the table."""
    return bool(table.run.contents.scores("val"))


HEADLINES: Words[Headlines] = Words(
    caption=(
        Sentence(
            "headlines.intervals",
            lambda table: table.methods,
            lambda table: (
                "Intervals are for the score of this model on very many galaxies like these. How they were found: "
                f"{_grouped(table.methods)}."
            ),
        ),
        Sentence(
            "headlines.groups",
            lambda table: table.methods and table.run.part("test").n_groups,
            "Galaxies of one group count as one.",
        ),
        Sentence(
            "headlines.without",
            lambda table: table.reasons,
            lambda table: f"Without an interval: {_grouped(table.reasons)}.",
        ),
        Sentence(
            "headlines.undefined",
            lambda table: table.undefined,
            lambda table: f"These galaxies don't define {joined(table.undefined)}.",
        ),
        Sentence(
            "headlines.chose_epoch",
            lambda table: _validated(table) and table.run.chose_epoch and not table.run.calibrated,
            "The validation part chose the epoch, so that its scores are optimistic.",
        ),
        Sentence(
            "headlines.chose_and_calibrated",
            lambda table: _validated(table) and table.run.chose_epoch and table.run.calibrated,
            "The validation part chose the epoch and the calibration was fitted to it, so that its scores are optimistic.",
        ),
        Sentence(
            "headlines.calibrated",
            lambda table: _validated(table) and table.run.calibrated and not table.run.chose_epoch,
            "The calibration was fitted to the validation part, so that its calibrated scores are optimistic.",
        ),
        Sentence(
            "headlines.seen",
            lambda table: table.run.contents.scores("seen"),
            "Seen galaxies had a part in the model, so that their scores are optimistic.",
        ),
        Sentence(
            "headlines.seen_alone",
            lambda table: table.first == "seen",
            "Their intervals hold for such galaxies alone.",
        ),
    ),
)

CLASSES: Words[ByClass] = Words(
    title=(Sentence("classes.title", always, "By class"),),
    caption=(
        Sentence(
            "classes.completeness",
            always,
            "Completeness: the share of the galaxies labelled so that is predicted so.",
        ),
        Sentence(
            "classes.purity",
            lambda table: not table.one_class,
            "Purity: the share of the galaxies predicted so that is labelled so, at this test set's mixture of classes. F1: the "
            "harmonic mean of both.",
        ),
        Sentence(
            "classes.intervals",
            lambda table: table.methods,
            lambda table: f"In brackets: 95% intervals, {joined(table.methods)}.",
        ),
        Sentence(
            "classes.auroc",
            lambda table: table.auroc and table.classes > 2,
            "AUROC: the class against the rest.",
        ),
        Sentence(
            "classes.auroc_two",
            lambda table: table.auroc and table.classes == 2,
            "AUROC: the same for both of two classes.",
        ),
        Sentence(
            "classes.ece",
            lambda table: table.ece,
            "ECE: expected calibration error of the probability of the class.",
        ),
        Sentence(
            "classes.absent",
            lambda table: table.absent and not table.one_class,
            "Classes without test galaxies have no completeness, purity or F1.",
        ),
        Sentence(
            "classes.one_class",
            lambda table: table.one_class,
            "All test galaxies are of one class: there is no completeness of the others, and no purity, F1 or AUROC at all.",
        ),
        Sentence(
            "classes.unpredicted",
            lambda table: table.unpredicted and not table.one_class,
            "A class that is never predicted has no purity.",
        ),
    ),
)

LABELS: Words[ByLabel] = Words(
    title=(Sentence("labels.title", always, "By label"),),
    caption=(
        Sentence(
            "labels.galaxies",
            always,
            lambda table: f"Galaxies: those of the {table.n:,} that have the label. In brackets: 95% intervals.",
        ),
        Sentence(
            "labels.reasons",
            lambda table: table.reasons,
            lambda table: (
                f"Some scores have no interval: {'; '.join(f'“{name}”, {reason}' for name, reason in table.reasons.items())}."
            ),
        ),
        Sentence(
            "labels.one_sided",
            lambda table: table.one_sided,
            "Where all galaxies have a label, or none has it, there is no balanced accuracy, AUROC or average precision.",
        ),
    ),
)

TARGETS: Words[list[str]] = Words(
    title=(Sentence("targets.title", always, "By target"),),
    caption=(
        Sentence("targets.intervals", lambda reasons: not reasons, "In brackets: 95% intervals."),
        Sentence(
            "targets.reasons",
            lambda reasons: reasons,
            lambda reasons: f"Some scores have no interval: {joined(reasons)}.",
        ),
    ),
)
