"""Text in tables: what counts as missing, white space, bytes, and numbers written as text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

MISSING_WORDS = frozenset(
    {
        "",
        "--",
        "na",
        "n/a",
        "#na",
        "#n/a",
        "#n/a n/a",
        "<na>",
        "nan",
        "-nan",
        "null",
        "\\n",
        "indef",
        "1.#ind",
        "-1.#ind",
    }
    | {"1.#qnan", "-1.#qnan"}
)
"""Text that means "no value" in every format, in any letter case: blanks, and what pandas, R, astropy, IRAF and databases write."""

MISSING_EXACTLY = "None"
"""As Python writes it; ``none`` is a word like any other, and may be a class."""

_LONGEST = max(map(len, MISSING_WORDS))
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\0\u200b\u2060\ufeff"
"""Characters without ink: spaces of any width, line ends, and marks of order and width that other programs leave"""
_TRUTH = {"true": True, "false": False}

EXACT = 2**53
"""float64 holds every whole number up to this one exactly"""


def is_missing_text(text: str) -> bool:
    """Return whether text means that there is no value: see `MISSING_WORDS`.

    Examples
    --------
    >>> [is_missing_text(text) for text in ("", " ", "NaN", "None", "none", "ring")]
    [True, True, True, True, False, False]
    """
    text = text.strip()
    return len(text) <= _LONGEST and (text.casefold() in MISSING_WORDS or text == MISSING_EXACTLY)


def is_text(column: pd.Series[Any]) -> bool:
    """Return whether a column may hold text: strings, categories or objects."""
    return column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype)


def tidy_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column with its text tidied: no white space at the ends, bytes decoded, None where text says "missing".

    Columns of numbers are returned as they are.
    """
    if not is_text(column):
        return column
    tidied = np.empty(len(column), dtype=object)  # filled one by one, for values may be lists of files
    for row, value in enumerate(column.astype(object)):
        tidied[row] = _tidied(value)
    return pd.Series(tidied, index=column.index, name=column.name, dtype=object)


def _tidied(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            value = value.decode("latin-1")
    if isinstance(value, str):
        value = value.strip(_BLANKS)
        return None if is_missing_text(value) else value
    return None if value is None or value is np.ma.masked or value is pd.NA or value is pd.NaT else value


def as_numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of text as numbers where all of its values are numbers, or all true or false; else as it is.

    Missing values stay missing. Whole numbers stay exact.
    """
    if not is_text(column):
        return column
    known = column.dropna()
    if not len(known) or not all(isinstance(value, str) for value in known):
        return column
    if all(value.lower() in _TRUTH for value in known):
        return column.map(lambda value: _TRUTH[value.lower()], na_action="ignore")
    try:
        numbers = pd.to_numeric(known)
    except (ValueError, TypeError):
        return column
    if not all(value[0] in "+-.0123456789" for value in known):  # 'inf' and 'infinity' are words
        return column
    if pd.api.types.is_integer_dtype(numbers) and len(known) < len(column):
        return exact_integers(column)
    return numbers.reindex(column.index)


def exact_integers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return whole numbers (or text of them), some missing, as float64 where that is exact, else as pandas' nullable integers."""
    whole = [None if pd.isna(value) else int(value) for value in column]
    known = [value for value in whole if value is not None]
    smallest, largest = min(known, default=0), max(known, default=0)
    kind: Any = object
    if smallest >= -EXACT and largest <= EXACT:
        kind = float
    elif smallest >= -(2**63) and largest < 2**63:
        kind = "Int64"
    elif smallest >= 0 and largest < 2**64:
        kind = "UInt64"
    return pd.Series(whole, index=column.index, name=column.name, dtype=kind)


def decimal_commas(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of numbers with decimal commas (``0,5``), all or some, as numbers; any other column as it is."""
    known = column.dropna()
    if not is_text(column) or not len(known) or not all(isinstance(value, str) for value in known):
        return column
    if not all(_DECIMAL_COMMA.fullmatch(value) for value in known) or not any("," in value for value in known):
        return column
    return column.map(lambda value: float(value.replace(",", ".")), na_action="ignore").astype(float)
