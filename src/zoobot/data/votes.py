"""Vote tables: published Galaxy Zoo catalogs as the vote-count columns of a decision tree."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from zoobot.data.catalog import check_labels, listed
from zoobot.data.labels import judge_numbers
from zoobot.data.tables import read_source
from zoobot.data.text import tidy_text
from zoobot.errors import CatalogError
from zoobot.trees import Question, Schema, load

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data.tables import CatalogSource
    from zoobot.trees.library import TreeSource

    Floats: TypeAlias = npt.NDArray[np.float64]

logger = logging.getLogger(__name__)

WHOLE = 0.05
"""A fraction of a whole total gives a whole count where it is this near to one: published fractions have few digits."""

ROUNDING = 1e-3
"""How far a published fraction may stray from [0, 1]."""

_FEWEST_SUMS = 5
"""Galaxies from which on votes that all sum to 100 are worth a word"""

SHARES = 0.02
"""How far the rounded fractions of a question may be from 1 together."""

GZ2_ANSWERS = {
    "smooth-or-featured-gz2": {1: "smooth", 2: "featured-or-disk", 3: "artifact"},
    "disk-edge-on-gz2": {4: "yes", 5: "no"},
    "bar-gz2": {6: "yes", 7: "no"},
    "has-spiral-arms-gz2": {8: "yes", 9: "no"},
    "bulge-size-gz2": {10: "no", 11: "just-noticeable", 12: "obvious", 13: "dominant"},
    "something-odd-gz2": {14: "yes", 15: "no"},
    "how-rounded-gz2": {16: "round", 17: "in-between", 18: "cigar"},
    "bulge-shape-gz2": {25: "round", 26: "boxy", 27: "no-bulge"},
    "spiral-winding-gz2": {28: "tight", 29: "medium", 30: "loose"},
    "spiral-arm-count-gz2": {31: "1", 32: "2", 33: "3", 34: "4", 36: "more-than-4", 37: "cant-tell"},
}
"""Answer numbers of the original Galaxy Zoo 2 tables, ``t01_smooth_or_features_a01_smooth_count`` (Willett et al. 2013,
MNRAS 435, 2835; Hart et al. 2016, MNRAS 461, 3663), as tasks t01 to t07 and t09 to t11. The tree ``gz2`` leaves out
t08, the kind of odd feature (a19 to a24 and a38); there is no a35.
"""

_GZ2_NAMES = {number: f"{question}_{name}" for question, names in GZ2_ANSWERS.items() for number, name in names.items()}
_GZ2_COLUMN = re.compile(r"t\d\d_.+_a(\d\d)_.+_(count|weight)", re.IGNORECASE)


@dataclass(frozen=True)
class _Form:
    """One way to write a question's votes: how the keys of its columns end, and how errors write them."""

    endings: tuple[str, ...]
    written: str = "{}"
    fractions: bool = False


_WEIGHTS = _Form(("|weight",), "{} (GZ2's t.._a.._.._weight)")
_FORMS = (
    _Form(("",)),
    _Form(("-count",), "{}_count"),
    _Form(("-fraction", "-frac"), "{}_fraction", fractions=True),
    _Form(("|count",), "{} (GZ2's t.._a.._.._count)"),
    _WEIGHTS,
)


def tree_votes(frame: pd.DataFrame, tree: Schema) -> pd.DataFrame:
    """Return a copy of the table in which every column of ``tree.label_cols`` holds vote counts.

    Counts are floats of 0 or more. Each question's columns may have one of these forms; the first that has all of the
    question's answers is taken:

    - ``<question>_<answer>``, the tree's own columns: counts
    - ``<question>_<answer>_count``
    - ``<question>_<answer>_fraction`` (or ``_frac``) with ``<question>_total-votes`` (or ``_total``): count is fraction
      times total, made whole where the total is whole and the product within 0.05 of a whole number
    - the original Galaxy Zoo 2 columns ``t.._.._a.._.._count``, else ``_weight`` (see :data:`GZ2_ANSWERS`)

    ``-`` and ``_`` are equal, case doesn't matter, and the suffix that all questions of a tree share (``-dr5`` of
    ``bar-dr5``) may be left out. Blank counts, and blank fractions of a total of 0 (or blank), are 0 votes. A question
    without any column has 0 votes, which is logged as a warning.

    Raises
    ------
    CatalogError
        No question has columns, a question lacks some of its columns, or two columns fit one answer.
    LabelError
        A count or total that is negative, infinite or text, a fraction outside [0, 1], or a blank where the total says
        that there are votes.
    """
    columns = _Columns(frame, tree)
    votes: dict[str, Floats] = {}
    unasked = []
    for question in tree.questions:
        found = columns.find_question(question)
        if found is None:
            unasked.append(question.text)
            counts = np.zeros((len(frame), len(question.answers)))
        elif found[0].fractions:
            counts = _counts_of_fractions(frame, found[1], str(columns.find_total(question)))
        else:
            blank = frame[found[1]].isna().any(axis=None)
            counts = _counts(frame, found[1], columns.find_total(question) if blank else None)
        votes |= {answer.text: counts[:, place] for place, answer in enumerate(question.answers)}
    if len(unasked) == len(tree.questions):
        tree.check_columns(map(str, frame.columns))
    if unasked:
        logger.warning(
            "%d of the %d questions of tree %r have no columns in the table and count as 0 votes: %s",
            *(len(unasked), len(tree.questions), tree.name, listed(unasked)),
        )
    result = frame.copy()
    for column in [column for column in tree.label_cols if column in frame.columns]:
        result[column] = votes.pop(column)
    return pd.concat([result, pd.DataFrame(votes, index=frame.index)], axis=1)


def vote_notes(frame: pd.DataFrame, tree: Schema) -> list[str]:
    """Return what is odd about a table that `tree_votes` can read.

    Counts and totals may be sentinels, and totals may be no sums.

    Raises
    ------
    LabelError
        Fractions or percentages in the columns of counts; counts or totals that are sentinels for certain.
    """
    columns = _Columns(frame, tree)
    table = frame if "id_str" in frame.columns else frame.assign(id_str=[f"row {row}" for row in frame.index])
    said = []
    for question in tree.questions:
        found, total = columns.find_question(question), None
        with contextlib.suppress(CatalogError):  # two that fit, of which neither is needed
            total = columns.find_total(question)
        names = found[1] if found is not None and not found[0].fractions else []
        for name in names if total is None else [*names, total]:
            said += judge_numbers(table, name, pd.Series(numbers_of(table, name), name=name))
        if found is None or found[0].fractions:
            continue
        counts = np.nan_to_num(np.stack([numbers_of(table, name) for name in names], axis=1))
        if found[0] is not _WEIGHTS:
            _refuse_shares(table, names, counts)
            said += _whole_percentages(question.text, counts)
        if total is not None:
            said += _other_totals(table, total, counts.sum(axis=1))
    return said


def _refuse_shares(frame: pd.DataFrame, names: Sequence[str], counts: Floats) -> None:
    """Refuse columns of counts (galaxy, answer) that hold shares of the votes instead."""
    fractional = (counts != np.rint(counts)).any(axis=1)
    sums = counts.sum(axis=1)
    voted = sums[sums > 0]
    for whole, what in ((1, "vote fractions"), (100, "percentages of the votes")):
        if fractional.any() and (np.abs(voted - whole) <= SHARES * whole).all():
            remedy = (
                "Give counts, or name the columns <question>_<answer>_fraction and add the votes as "
                "<question>_total-votes."
            )
            check_votes(frame, names[0], fractional, f"{what}, where counts are expected,", remedy)


def _whole_percentages(question: str, counts: Floats) -> list[str]:
    """Say that whole numbers (galaxy, answer), which sum to 100 for every galaxy with votes, may be percentages."""
    sums = counts.sum(axis=1)
    voted = sums[sums > 0]
    if len(voted) < _FEWEST_SUMS or (np.abs(voted - 100) > 1).any() or (counts != np.rint(counts)).any():
        return []
    return [
        f"The votes for question {question!r} sum to 100 for every galaxy. They are taken for counts; if they are "
        "percentages, give counts, or fractions with the total votes."
    ]


def _other_totals(frame: pd.DataFrame, name: str, sums: Floats) -> list[str]:
    """Say how many totals in a column are not the sum (galaxy,) of the question's answers."""
    totals = numbers_of(frame, name)
    other = np.flatnonzero(np.abs(totals - sums) > 0.5)  # false for NaN
    if not len(other):
        return []
    first = other[0]
    return [
        f"The total votes in column {name!r} are not the sum of the answers for {len(other)} of {len(frame)} galaxies "
        f"({frame['id_str'].iloc[first]}: {totals[first]:g}, and the answers have {sums[first]:g}). The answers' "
        "votes are taken."
    ]


def read_votes(source: CatalogSource, tree: TreeSource | Sequence[TreeSource]) -> pd.DataFrame:
    """Return a vote table with the tree's vote-count columns.

    It is any table that :func:`read_catalog` reads, with or without images. ``tree`` is anything
    :func:`zoobot.trees.load` takes. See :func:`tree_votes` for the columns and ``Raises``.
    """
    frame, _ = read_source(source)
    if len(frame) == 0:
        msg = "the vote table has no rows. Expected one row per galaxy with the votes for each answer."
        raise CatalogError(msg)
    schema = load(tree)
    for note in vote_notes(frame, schema):
        logger.warning(note)
    return tree_votes(frame, schema)


class _Columns:
    """The columns of a vote table, found whatever their spelling."""

    def __init__(self, frame: pd.DataFrame, tree: Schema) -> None:
        self.by_key: dict[str, list[str]] = {}
        for name in frame.columns:
            original = _GZ2_COLUMN.fullmatch(str(name))
            answer = _GZ2_NAMES.get(int(original[1])) if original else None
            key = f"{spelled(answer)}|{original[2].lower()}" if original and answer else spelled(str(name))
            self.by_key.setdefault(key, []).append(name)
        endings = {question.text.rpartition("-")[2] if "-" in question.text else "" for question in tree.questions}
        self.suffix = f"-{endings.pop()}" if len(endings) == 1 else ""

    def find(self, column: str, question: str, endings: Iterable[str]) -> str | None:
        """Return the column that fits ``<question>_<...>`` with one of the endings, if any.

        CatalogError is raised if several do.
        """
        if "" in endings and self.by_key.get(spelled(column), []).count(column) == 1:
            return column
        short = question.removesuffix(self.suffix) + column.removeprefix(question)
        keys = dict.fromkeys(spelled(stem) + ending for stem in (column, short) for ending in endings)
        fitting = [name for key in keys for name in self.by_key.get(key, [])]
        if len(fitting) > 1:
            msg = (
                f"columns {' and '.join(map(repr, fitting))} both fit {column!r}. "
                "Expected one of them: drop or rename the "
                f"others{', or name the counts ' + repr(column) if '' in endings else ''}."
            )
            raise CatalogError(msg)
        return fitting[0] if fitting else None

    def find_total(self, question: Question) -> str | None:
        """Return the column of a question's total votes, if any."""
        return self.find(question.text, question.text, ("-total-votes", "-total"))

    def find_question(self, question: Question) -> tuple[_Form, list[str]] | None:
        """Return the form and the answers' columns of a question; None where it has no columns."""
        partial: list[list[str]] = []
        for form in _FORMS:
            found = [self.find(answer.text, question.text, form.endings) for answer in question.answers]
            names = [name for name in found if name is not None]
            if not names:
                continue
            answers = zip(question.answers, found, strict=True)
            missing = [form.written.format(answer.text) for answer, name in answers if name is None]
            if form.fractions and self.find_total(question) is None:
                missing.append(f"{question.text}_total-votes")
            if not missing:
                return form, names
            partial.append(missing)
        if not partial:
            return None
        missing = min(partial, key=len)
        msg = (
            f"question {question.text!r} lacks {len(missing)} of the columns of its votes: {listed(missing)}. "
            "Expected one column for each answer, all counts or all fractions with the total votes: "
            "add them (0 where nobody voted), or choose the tree they belong to."
        )
        raise CatalogError(msg)


def _counts(frame: pd.DataFrame, names: Sequence[str], total: str | None) -> Floats:
    """Counts (galaxy, answer) from columns of counts, with 0 where they are blank."""
    counts = np.stack([numbers_of(frame, name) for name in names], axis=1)
    if total is not None:
        lost = numbers_of(frame, total) - np.nansum(counts, axis=1) > 0.5
        for name, column in zip(names, counts.T, strict=True):
            what = f"no count, though {total!r} has more votes than the question's other answers,"
            check_votes(frame, name, np.isnan(column) & lost, what, "Fill in the counts or drop the rows.")
    return np.nan_to_num(counts)


def _counts_of_fractions(frame: pd.DataFrame, names: Sequence[str], total: str) -> Floats:
    """Counts (galaxy, answer) from columns of fractions and one of totals, with 0 where the total is 0."""
    totals = numbers_of(frame, total)
    fractions = np.stack([numbers_of(frame, name, fraction=True) for name in names], axis=1)
    for name, column in zip(names, fractions.T, strict=True):
        what = f"no fraction, though {total!r} says that there are votes,"
        check_votes(frame, name, np.isnan(column) & (totals > 0), what, "Fill it in or drop the rows.")
    lost = np.isnan(totals) & (np.nan_to_num(fractions) > 0).any(axis=1)
    check_votes(frame, total, lost, "vote fractions but no total", "Fill it in or drop the rows.")
    totals = np.nan_to_num(totals)[:, np.newaxis]
    counts = np.clip(np.nan_to_num(fractions), 0, 1) * totals
    whole = (np.abs(counts - np.rint(counts)) <= WHOLE) & (totals == np.rint(totals))
    return np.where(whole, np.rint(counts), counts)


def numbers_of(frame: pd.DataFrame, name: str, *, fraction: bool = False) -> Floats:
    """Return one column as numbers, NaN where blank.

    LabelError is raised where it holds text, a negative or infinite count, or no fraction.
    """
    column = tidy_text(frame[name])
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    blank = np.isnan(values)
    check_votes(frame, name, blank & column.notna(), "no number", "Correct them or leave them blank.")
    if fraction:
        outside = (values < -ROUNDING) | (values > 1 + ROUNDING)
        check_votes(
            frame, name, outside, "a vote fraction outside [0, 1]", "Divide counts by the votes for the question."
        )
    else:
        check_votes(
            frame, name, (values < 0) | np.isinf(values), "a negative or infinite count", "Votes are 0 or more."
        )
    return values


def check_votes(frame: pd.DataFrame, name: str, bad: npt.ArrayLike, what: str, remedy: str) -> None:
    """As `check_labels`, for tables that may have no ``id_str``: there the index names the rows."""
    if np.any(bad):
        ids = frame["id_str"] if "id_str" in frame.columns else [f"row {row}" for row in frame.index]
        check_labels(pd.DataFrame({"id_str": list(ids), name: list(frame[name])}), name, bad, what, remedy)


def spelled(text: str) -> str:
    """Text without what spellings differ in: case, and ``-``, ``_`` or space between words."""
    return re.sub(r"[\s_]", "-", text.strip()).casefold()
