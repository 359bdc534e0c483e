"""The table of sentences: everything that a report says, each with the condition under which it is true.

One file for each place of the page. `Sentence` is an entry: a key, the condition, the words.
"""

from typing import Any

from zoobot.report.sentences import galleries, head, looks, plots_other, scores, sections, trained
from zoobot.report.sentences.causes import CAUSES
from zoobot.report.sentences.table import Cause, Sentence, Words, said

PLOTS: dict[str, Words[Any]] = {
    "loss": plots_other.LOSS,
    "score_by_epoch": plots_other.SCORE_BY_EPOCH,
    "folds": plots_other.FOLDS,
    "learning_curve": plots_other.LEARNING_CURVE,
    "breakdown": plots_other.BREAKDOWN,
}
"""Words of each kind of plot"""

TABLES: dict[str, Words[Any]] = {
    "headlines": scores.HEADLINES,
    "folds": sections.FOLDS_TABLE,
    "shift": sections.SHIFT,
    "counts": sections.COUNTS,
}
"""Words of each kind of table"""

ROWS: dict[str, tuple[Sentence[Any], ...]] = {"headlines": scores.MEASURES, "shift": sections.SHIFT_ROWS}
"""Words of the rows of a table, where they are explained"""

GALLERIES: dict[str, Words[Any]] = {
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
