"""Predictions beside the truth, read from the columns of a table: classes, independent labels, numbers, or votes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.data.labels import NO_CLASS, places_of
from zoobot.errors import ZoobotError
from zoobot.report.outcomes import ClassOutcomes, MultiLabelOutcomes, NumberOutcomes, VoteOutcomes
from zoobot.science.conformal import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zoobot.trees import Schema

    Values = NDArray[np.float64]


def class_outcomes(
    table: pd.DataFrame, label: str, names: Sequence[str], of: type[ClassOutcomes] = ClassOutcomes
) -> ClassOutcomes | None:
    """Read the outcomes of a classifier's table, None where it lacks a column that they take.

    Without ``names`` the classes are what follows ``<label>_`` in the names of columns.
    """
    names = list(names) or _classes_of(table, label)
    columns = [f"{label}_{name}" for name in names]
    if not names or f"true_{label}" not in table or not set(columns) <= set(table.columns):
        return None
    truth = places_of(table[f"true_{label}"], names)
    raw = _numbers(table, columns)
    calibrated = _numbers(table, [f"{column}_calibrated" for column in columns])
    if raw is None:
        return None
    known = (truth != NO_CLASS) & np.isfinite(raw if calibrated is None else raw + calibrated).all(axis=1)
    if not known.any():
        return None
    sets = _sets(table[f"{label}_set"], names) if f"{label}_set" in table else None
    return of(
        label, names, _rows(table, known), raw[known], None if calibrated is None else calibrated[known],
        truth[known], None if sets is None else sets[known], int((~known).sum()),
    )  # fmt: skip


def label_outcomes(table: pd.DataFrame, names: list[str]) -> MultiLabelOutcomes | None:
    """Read the outcomes of a multi-label classifier's table, None where it lacks a column that they take."""
    raw, truth = _numbers(table, names), _numbers(table, [f"true_{name}" for name in names])
    if raw is None or truth is None:
        return None
    calibrated = _numbers(table, [f"{name}_calibrated" for name in names])
    known = np.isfinite(raw).all(axis=1) & np.isfinite(truth).all(axis=1)
    if not known.any():
        return None
    return MultiLabelOutcomes(
        names, _rows(table, known), raw[known], None if calibrated is None else calibrated[known],
        truth[known] > 0.5, int((~known).sum()),
    )  # fmt: skip


def number_outcomes(table: pd.DataFrame, names: list[str]) -> NumberOutcomes | None:
    """Read the outcomes of a regressor's table, None where it lacks a column that they take."""
    predicted, truth = _numbers(table, names), _numbers(table, [f"true_{name}" for name in names])
    if predicted is None or truth is None:
        return None
    low, high = (_numbers(table, [f"{name}_{end}" for name in names]) for end in ("low", "high"))
    known = np.isfinite(predicted).all(axis=1) & np.isfinite(truth).all(axis=1)
    if not known.any():
        return None
    if low is not None and high is not None:
        low, high = low[known], high[known]
    else:
        low = high = None
    return NumberOutcomes(names, _rows(table, known), predicted[known], truth[known], low, high, int((~known).sum()))


def vote_outcomes(table: pd.DataFrame, tree: Schema | None) -> VoteOutcomes | None:
    """Read the outcomes of a tree's table, None where it lacks a column that they take.

    Concentrations are the expected fractions times the volunteers that each question's belief is worth: exact for a
    single pass. Without ``tree`` the questions are found from the names of columns; which is asked after which stays
    unknown.
    """
    from zoobot.trees import VotePosterior

    schema = _tree_of(table) if tree is None else tree
    if schema is None:
        return None
    columns = schema.label_cols
    fractions, counts = _numbers(table, columns), _numbers(table, [f"true_{column}" for column in columns])
    volunteers = _numbers(table, [f"{question.text}_volunteers" for question in schema.questions])
    if fractions is None or counts is None or volunteers is None:
        return None
    sizes = [len(question.answers) for question in schema.questions]
    concentrations = fractions * np.repeat(volunteers, sizes, axis=1)
    known = (concentrations > 0).all(axis=1) & np.isfinite(counts).all(axis=1)
    if not known.any():
        return None
    posterior = VotePosterior(schema, concentrations[known])
    return VoteOutcomes(
        _rows(table, known), posterior, counts[known], int((~known).sum()), knows_paths=tree is not None
    )


def _rows(table: pd.DataFrame, known: Any) -> pd.DataFrame:
    """Return the known rows, numbered anew."""
    rows: pd.DataFrame = table.loc[known].reset_index(drop=True)
    return rows


def _numbers(table: pd.DataFrame, columns: Sequence[str]) -> Values | None:
    """Return columns as numbers (row, column), NaN where they are none; None where a column is absent."""
    if not columns or not set(columns) <= set(table.columns):
        return None
    words = {"true": 1.0, "false": 0.0}
    found = []
    for column in columns:
        values = table[column]
        if values.dtype == object or not pd.api.types.is_numeric_dtype(values):
            values = values.astype(str).map(lambda text: words.get(text.lower(), text))
        found.append(pd.to_numeric(values, errors="coerce").to_numpy(np.float64))
    return np.stack(found, axis=1)


def _classes_of(table: pd.DataFrame, label: str) -> list[str]:
    """Find the classes of a table whose ``metrics.json`` is lost: its columns up to ``<label>_predicted``."""
    columns = list(table.columns)
    end = f"{label}_predicted"
    if end not in columns:
        return []
    start = f"{label}_"
    return [name.removeprefix(start) for name in columns[: columns.index(end)] if name.startswith(start)]


def _sets(column: pd.Series[Any], names: Sequence[str]) -> NDArray[np.bool_]:
    """Return which classes each set holds, as (galaxy, class)."""
    texts = column.fillna("").astype(str)  # none where the image could not be read
    split = {text: text.split(SEPARATOR) for text in texts.unique()}
    held = {text: [name in parts for name in names] for text, parts in split.items()}
    return np.array([held[text] for text in texts], dtype=bool)


def _tree_of(table: pd.DataFrame) -> Schema | None:
    """Find the questions from ``<question>_volunteers`` and their answers from ``true_<question>_<answer>``."""
    from zoobot.trees import Schema

    ending = "_volunteers"
    questions = [name.removesuffix(ending) for name in table.columns if name.endswith(ending)]
    pairs: dict[str, list[str]] = {question: [] for question in questions}
    for name in table.columns:
        column = name.removeprefix("true_")
        owners = [question for question in questions if column.startswith(f"{question}_")]
        if name.startswith("true_") and owners:
            owner = max(owners, key=len)
            pairs[owner].append(column.removeprefix(f"{owner}_"))
    try:
        return Schema({question: answers for question, answers in pairs.items() if answers})
    except ZoobotError:
        return None
