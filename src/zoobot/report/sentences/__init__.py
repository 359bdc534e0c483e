"""The table of sentences: everything that a report says, each with the condition under which it is true.

One file for each place of the page. `Sentence` is an entry: a key, the condition, the words.
"""

from typing import Any

from zoobot.report.sentences import galleries, head, looks, plots_classes, plots_other, scores, sections, trained
from zoobot.report.sentences.causes import CAUSES
from zoobot.report.sentences.table import Cause, Sentence, Words, said

PLOTS: dict[str, Words[Any]] = {
    "confusion": plots_classes.CONFUSION,
    "roc": plots_classes.ROC,
    "purity_completeness": plots_classes.PURITY,
    "thresholds": plots_classes.THRESHOLDS,
    "histograms": plots_classes.HISTOGRAMS,
    "reliability": plots_classes.RELIABILITY,
    "conformal": plots_classes.CONFORMAL,
    "one_to_one": plots_other.ONE_TO_ONE,
    "residuals": plots_other.RESIDUALS,
    "residual_histogram": plots_other.RESIDUAL_HISTOGRAM,
    "interval_coverage": plots_other.INTERVAL_COVERAGE,
    "vote_coverage": plots_other.VOTE_COVERAGE,
    "pit": plots_other.PIT,
    "fractions": plots_other.FRACTIONS,
    "loss": plots_other.LOSS,
    "score_by_epoch": plots_other.SCORE_BY_EPOCH,
    "folds": plots_other.FOLDS,
    "learning_curve": plots_other.LEARNING_CURVE,
    "breakdown": plots_other.BREAKDOWN,
}
"""Words of each kind of plot"""

TABLES: dict[str, Words[Any]] = {
    "headlines": scores.HEADLINES,
    "classes": scores.CLASSES,
    "labels": scores.LABELS,
    "targets": scores.TARGETS,
    "questions": sections.QUESTIONS,
    "folds": sections.FOLDS_TABLE,
    "shift": sections.SHIFT,
    "counts": sections.COUNTS,
}
"""Words of each kind of table"""

ROWS: dict[str, tuple[Sentence[Any], ...]] = {"headlines": scores.MEASURES, "shift": sections.SHIFT_ROWS}
"""Words of the rows of a table, where they are explained"""

GALLERIES: dict[str, Words[Any]] = {
    "class_right": galleries.CLASS_RIGHT,
    "class_wrong": galleries.CLASS_WRONG,
    "least_certain": galleries.LEAST_CERTAIN,
    "label_right": galleries.LABEL_RIGHT,
    "label_not_so": galleries.LABEL_NOT_SO,
    "label_is_so": galleries.LABEL_IS_SO,
    "number_too_high": galleries.NUMBER_TOO_HIGH,
    "number_too_low": galleries.NUMBER_TOO_LOW,
    "number_highest": galleries.NUMBER_HIGHEST,
    "number_lowest": galleries.NUMBER_LOWEST,
    "votes_highest": galleries.VOTES_HIGHEST,
    "votes_errors": galleries.VOTES_ERRORS,
    "check_labels": galleries.CHECK_LABELS,
    "check_duplicates": galleries.CHECK_DUPLICATES,
    "check_images": galleries.CHECK_IMAGES,
}
"""Words of each kind of gallery"""

__all__ = [
    "CAUSES",
    "GALLERIES",
    "PLOTS",
    "ROWS",
    "TABLES",
    "Cause",
    "Sentence",
    "Words",
    "galleries",
    "head",
    "looks",
    "said",
    "sections",
    "trained",
]
