"""Words of the tables of scores: what each row is, how intervals were found, what a dash means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoobot.report.sentences.table import Sentence, Words, always
from zoobot.report.words import joined, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoobot.report.summary import Headlines, Measure
    from zoobot.report.tasks.classify import ByClass
    from zoobot.report.tasks.multi_label import ByLabel


def is_score(name: str) -> Callable[[Measure], bool]:
    """Return what is true of the row of a score, but for that of calibrated probabilities."""
    return lambda row: row.name == name and not row.calibrated


MEASURES: tuple[Sentence[Measure], ...] = (
    Sentence("measure.calibrated", lambda row: row.calibrated, "the same of the calibrated probabilities"),
    Sentence(
        "measure.ece_chance",
        lambda row: row.name == "ece" and row.figure is not None and row.figure.chance is not None,
        lambda row: (
            f"(perfectly calibrated probabilities have about {number(row.figure.chance)}, and as much as this or more "
            f"with a probability of {row.figure.p_value:.2g})"
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
"""What is said of any row; what a score is says the view of its task"""


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
            "The validation part chose the epoch and the calibration was fitted to it, so that its scores are "
            "optimistic.",
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
            "Purity: the share of the galaxies predicted so that is labelled so, at this test set's mixture of "
            "classes. F1: the harmonic mean of both.",
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
            "All test galaxies are of one class: there is no completeness of the others, and no purity, F1 or AUROC "
            "at all.",
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
                "Some scores have no interval: "
                f"{'; '.join(f'“{name}”, {reason}' for name, reason in table.reasons.items())}."
            ),
        ),
        Sentence(
            "labels.one_sided",
            lambda table: table.one_sided,
            "Where all galaxies have a label, or none has it, there is no balanced accuracy, AUROC or average "
            "precision.",
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
