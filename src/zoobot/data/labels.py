"""Labels: what kind they are, which classes there are, and the numbers they become. The one place that decides this."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from zoobot.data.catalog import check_labels, label_columns
from zoobot.data.sentinels import Sentinel, class_sentinels, find_sentinels, is_named
from zoobot.data.text import as_numbers, is_text, tidy_text
from zoobot.data.unlabelled import are_labelled
from zoobot.errors import LabelError

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

logger = logging.getLogger(__name__)

LabelKind = Literal["classes", "flags", "numbers", "votes"]
"""Exclusive classes in one column; independent 0/1 columns; measurements; vote counts on a decision tree"""

MOST_CLASSES = 50
"""A column of whole numbers with more different values than this is taken for a measurement, not for classes."""

_FEW_ODD, _RARELY = 2, 0.2
"""Columns are said to be nearly of 0 and 1 where as many other values at most, in this share of the galaxies at most,
are not
"""

NO_CLASS = -1
"""Place of a label that is none of the classes"""

_TRUTH = {"true": "1", "false": "0"}


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of a catalog's galaxies.

    Attributes
    ----------
    kind : str
        What they are; see `LabelKind`.
    columns : tuple of str
        The label columns.
    classes : tuple of str
        The classes in order, where the kind is 'classes'; else empty.
    values : ndarray
        float64 (galaxy, column): places among the classes, 0 and 1, measurements, or counts.
    """

    kind: LabelKind
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    values: Values

    def strata(self) -> npt.NDArray[np.int64] | None:
        """Return the stratum of each galaxy (galaxy,): its class, or its combination of flags; None for other kinds.

        Combinations that occur less than three times are one stratum together; None where they are too few for that.
        """
        if self.kind == "classes":
            return self.values[:, 0].astype(np.int64)
        if self.kind != "flags":
            return None
        combined = np.unique(self.values, axis=0, return_inverse=True)[1].ravel()
        rare = np.bincount(combined)[combined] < 3
        return np.where(rare, combined.max() + 1, combined) if not rare.any() or rare.sum() >= 3 else None

    def counts(self) -> dict[str, int]:
        """Return how many galaxies each class has, or each flag; empty for other kinds."""
        if self.kind == "classes":
            each = np.bincount(self.values[:, 0].astype(np.int64), minlength=len(self.classes))
            return dict(zip(self.classes, each.tolist(), strict=True))
        if self.kind != "flags":
            return {}
        return {column: int(own.sum()) for column, own in zip(self.columns, self.values.T, strict=True)}


def read_labels(
    frame: pd.DataFrame,
    columns: str | Sequence[str],
    *,
    kind: LabelKind | None = None,
    classes: Sequence[str] = (),
) -> Labels:
    """Return the labels in columns of a catalog.

    Classes are names, in sorted order, or whole numbers, in numeric order: any whole numbers, as 1 and 2, years, or
    T-types from -5 to
    10. Only those that occur are classes. Numbers written as text are numbers, and true and false are 1 and 0.

    Parameters
    ----------
    frame
        A catalog; see `read_catalog`.
    columns
        The label columns.
    kind
        What the labels are. Default: see `infer_kind`.
    classes
        The classes in order, where they are known, as of a trained model. Default: those that occur.

    Raises
    ------
    CatalogError
        A column that is absent.
    LabelError
        A label that is missing or infinite; names where numbers are expected; a fractional class, one that is not among
        ``classes``, a sentinel such as -99, or -1 beside classes counted from 0.
    """
    columns = label_columns(frame, columns)
    given = [as_numbers(tidy_text(frame[column])) for column in columns]
    for column, values in zip(columns, given, strict=True):
        _refuse_other_types(column, values)
        check_labels(
            frame, column, values.isna(), "no label (empty or NaN)",
            "Label them, or leave them out with --drop-unlabelled (drop_unlabelled=True). Blanks and words such as "
            "NA, NaN and None mean that a label is missing.",
        )  # fmt: skip
    kind = kind or infer_kind(frame, columns)
    if kind == "classes":
        names = tuple(classes) or _find_classes(frame, columns[0], given[0])
        return Labels(kind, tuple(columns), names, _places(frame, columns[0], names)[:, None])
    numbers = [_numbers(frame, column, values) for column, values in zip(columns, given, strict=True)]
    return Labels(kind, tuple(columns), (), np.stack(numbers, axis=1))


def infer_kind(frame: pd.DataFrame, columns: Sequence[str]) -> LabelKind:
    """Return what labels look like; missing ones are left aside.

    One column of names, or of at most 50 different whole numbers, holds classes; several columns of names, or of at
    most two different whole numbers in all, hold flags; any others hold measurements.
    """
    given = [as_numbers(tidy_text(frame[column])).dropna() for column in columns]
    most, kind = (MOST_CLASSES, "classes") if len(columns) == 1 else (2, "flags")
    if any(is_names(values) for values in given):
        return kind  # type: ignore[return-value]
    numbers = np.concatenate([values.to_numpy(np.float64) for values in given])
    whole = bool(np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all())
    return kind if whole and len(np.unique(numbers)) <= most else "numbers"  # type: ignore[return-value]


def is_names(column: pd.Series[Any]) -> bool:
    """Return whether a label column holds class names rather than numbers.

    True and false, and text of numbers, are numbers.
    """
    values = as_numbers(tidy_text(column)).dropna()
    if not is_text(values):
        return False
    numeric = ("integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty")
    return pd.api.types.infer_dtype(values) not in numeric


def class_name(label: Any) -> str:
    """Return what a label is called as a class.

    A name is called as it is, a number without a fraction of 0, and true and false are called 1 and 0.

    Examples
    --------
    >>> [class_name(label) for label in ("ring", " ring ", 1, 1.0, "1.0", -5, 2.0**53, True, "false")]
    ['ring', 'ring', '1', '1', '1', '-5', '9007199254740992', '1', '0']
    """
    if isinstance(label, bool | np.bool_):
        return str(int(label))
    text = str(label).strip()
    text = _TRUTH.get(text.lower(), text)
    if re.fullmatch(r"[+-]?\d+", text) is not None:
        return str(int(text))
    number = _as_number(text)
    return text if number is None or not number.is_integer() else str(int(number))


def places_of(labels: pd.Series[Any], classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the place of each label among the classes (label,), -1 where it is none of them.

    Labels may be written as the class is, or in any other way that `class_name` makes the same.
    """
    place = {name: number for number, name in enumerate(classes)}
    known = {label: place.get(str(label), place.get(class_name(label), NO_CLASS)) for label in labels.unique()}
    return labels.map(known).fillna(NO_CLASS).to_numpy(np.int64)


def check_values(frame: pd.DataFrame, columns: Sequence[str], kind: LabelKind) -> list[str]:
    """Return what is odd about labels that can be read: sentences for the user.

    Classes that differ only in case, spaces, ``-`` or ``_``, or are numbers such as 999 among names; measurements that
    are probably none (see `find_sentinels`); columns of 0 and 1 but for a few other values; galaxies without any vote.
    See `zoobot.data.votes.vote_notes` for more on votes.

    Raises
    ------
    LabelError
        Measurements that are sentinels for certain.
    """
    said = []
    for column in columns:
        values = as_numbers(tidy_text(frame[column]))
        if kind == "classes":
            said += _variants(column, values.dropna()) + _numeric_names(column, values.dropna())
        elif kind == "numbers" and not is_names(values):
            said += judge_numbers(frame, column, values)
    if kind == "numbers" and len(columns) > 1:
        said += _nearly_flags(frame, columns)
    if kind == "votes":
        without = int((~are_labelled(frame, columns, votes=True)).sum())
        if without:
            said.append(
                f"{without} of {len(frame)} galaxies have no votes: a model can't learn from them or be scored on "
                "them. --drop-unlabelled (drop_unlabelled=True) leaves them out."
            )
    return said


def sentinel_note(column: pd.Series[Any], use: str) -> list[str]:
    """Return a sentence on the sentinels in a column of numbers, where there are any.

    ``use`` says what is done with them.

    Examples
    --------
    >>> sentinel_note(pd.Series([0.1, 0.3, 0.2, -99], name="redshift"), "They are binned as they are")
    ["Column 'redshift' has values that may stand for 'not measured': -99 (1 times). They are binned as they are."]
    """
    values = as_numbers(tidy_text(column)).dropna()
    if not pd.api.types.is_numeric_dtype(values):
        return []
    found = find_sentinels(values.to_numpy(np.float64))
    what = f"Column {column.name!r} has values that may stand for 'not measured'"
    return [f"{what}: {_all_of(found)}. {use}."] if found else []


def judge_numbers(frame: pd.DataFrame, column: str, values: pd.Series[Any]) -> list[str]:
    """Return a sentence on the sentinels in a label column whose ``values`` are numbers, where there are any.

    Raises
    ------
    LabelError
        Some are sentinels for certain.
    """
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    certain = [one for one in find_sentinels(numbers) if one.is_certain]
    what = f"a value that stands for 'not measured', {_all_of(certain)},"
    remedy = "Leave those labels blank, or drop the rows."
    check_labels(frame, column, np.isin(numbers, [one.value for one in certain]), what, remedy)
    return sentinel_note(values, "They are taken as they are; leave them blank if they are no measurements")


def _refuse_other_types(column: str, values: pd.Series[Any]) -> None:
    """Refuse labels that are neither names nor numbers, such as dates."""
    known = values.dropna()
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_complex_dtype(known):
        return
    other = [one for one in known if isinstance(one, complex) or not isinstance(one, str | Number | np.bool_)]
    if other:
        msg = (
            f"label column {column!r} holds {type(other[0]).__name__} ({other[0]}), where names or numbers were "
            "expected."
        )
        raise LabelError(msg)


def _find_classes(frame: pd.DataFrame, column: str, values: pd.Series[Any]) -> tuple[str, ...]:
    """Return the classes that occur: names sorted as text, whole numbers by size."""
    if is_names(values):
        names = sorted({str(value) for value in values})
        numeric = [name for name in names if _as_number(name) is not None]
        certain = [
            name
            for name in numeric
            if len(numeric) < len(names) and class_sentinels([0, float(name)]) and float(name) < 0
        ]
        _refuse_sentinels(frame, column, values.astype(str).isin(certain), certain)
        return tuple(names)
    numbers = values.to_numpy(np.float64)
    check_labels(frame, column, ~np.isfinite(numbers), "an infinite label", "Correct or drop them.")
    remedy = "Classes are whole numbers; for measurements use a regressor."
    check_labels(frame, column, numbers != np.floor(numbers), "a fractional class", remedy)
    sentinels = class_sentinels(numbers)
    _refuse_sentinels(frame, column, np.isin(numbers, sentinels), [f"{value:.0f}" for value in sentinels])
    unique = np.unique(numbers)
    if unique[0] == -1 and len(unique) > 2 and (unique == np.arange(len(unique)) - 1).all():
        remedy = (
            "Classes are counted from 0. If -1 says that the label is not known, drop the rows; if it is a class, "
            "give it a name."
        )
        check_labels(frame, column, numbers == -1, "a negative class", remedy)
    exact = sorted({int(value) for value in values})
    return tuple(map(str, exact))


def _refuse_sentinels(frame: pd.DataFrame, column: str, bad: npt.ArrayLike, names: Sequence[str]) -> None:
    what = f"a class that stands for 'no label', {' and '.join(names)},"
    check_labels(frame, column, bad, what, "Drop the rows, or give the class another name.")


def _places(frame: pd.DataFrame, column: str, classes: Sequence[str]) -> Values:
    """Return the place of each label among the classes (galaxy,)."""
    places = places_of(as_numbers(tidy_text(frame[column])), classes)
    what = f"a class that is not one of {list(classes)}"
    check_labels(frame, column, places == NO_CLASS, what, "Correct the spelling or drop the rows.")
    return places.astype(np.float64)


def _numbers(frame: pd.DataFrame, column: str, values: pd.Series[Any]) -> Values:
    if is_names(values):
        msg = f"label column {column!r} holds names ({values.iloc[0]!r}), where numbers were expected, as in training."
        raise LabelError(msg)
    numbers = pd.to_numeric(values.astype(object)).to_numpy(np.float64)
    check_labels(frame, column, ~np.isfinite(numbers), "an infinite label", "Correct or drop them.")
    return numbers


def _variants(column: str, values: pd.Series[Any]) -> list[str]:
    """Say which names differ only in how they are written."""
    if not is_names(values):
        return []
    counts = values.astype(str).value_counts()
    alike: dict[str, list[str]] = {}
    for name in sorted(counts.index):
        alike.setdefault(re.sub(r"[\s_-]+", "", name).casefold(), []).append(f"{name!r} ({counts[name]} galaxies)")
    return [
        f"Column {column!r} has classes that differ only in spelling: {', '.join(names)}. They are different classes; "
        "if they mean the same, write them alike."
        for names in alike.values()
        if len(names) > 1
    ]


def _numeric_names(column: str, values: pd.Series[Any]) -> list[str]:
    """Say which class names are numbers that may stand for "no label".

    Those below 0 are refused where classes are found.
    """
    if not is_names(values):
        return []
    counts = values.astype(str).value_counts()
    numbers = {name: number for name in sorted(counts.index) if (number := _as_number(name)) is not None}
    suspects = [name for name, number in numbers.items() if np.isfinite(number) and (number == -1 or is_named(number))]
    return [
        f"Column {column!r} has a class among names that may stand for 'no label': {name!r} ({counts[name]} "
        "galaxies). It is taken as it is; leave those labels blank if it is no class."
        for name in suspects
    ]


def _nearly_flags(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Say which values make measurements of columns that hold 0 and 1 otherwise."""
    given = {column: as_numbers(tidy_text(frame[column])).dropna() for column in columns}
    if any(is_names(values) for values in given.values()):
        return []
    others = []
    for column, values in given.items():
        numbers = values.to_numpy(np.float64)
        odd, counts = np.unique(numbers[(numbers != 0) & (numbers != 1)], return_counts=True)
        if len(odd) > _FEW_ODD or counts.sum() > _RARELY * len(numbers):
            return []
        others += [f"{value:g} ({count} galaxies) in {column!r}" for value, count in zip(odd, counts, strict=True)]
    return [
        f"Columns {', '.join(columns)} hold 0 and 1, but for {', '.join(others)}: they are taken for measurements. "
        "Leave those labels blank if the columns are independent labels."
    ] if others else []  # fmt: skip


def _all_of(sentinels: Sequence[Sentinel]) -> str:
    return ", ".join(map(str, sentinels))


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
