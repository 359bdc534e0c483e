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
"""Text that means "no value" in every format, in any letter case: blanks, and what pandas, R, astropy, IRAF and
databases write.
"""

MISSING_EXACTLY = "None"
"""As Python writes it; ``none`` is a word like any other, and may be a class."""

_LONGEST = max(map(len, MISSING_WORDS))
_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_BY_COMMAS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_BY_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?")
_GAP = "[ '’\u00a0\u2009\u202f]"
_BY_GAPS = re.compile(rf"[+-]?[1-9]\d{{0,2}}({_GAP}\d{{3}})+([.,]\d*)?")
"""Numbers with a decimal point, or a comma (or point); and with thousands set apart by commas, points, or blanks and
apostrophes
"""

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

    Missing values stay missing. Whole numbers stay exact. Thousands may be set apart: see `plain_numbers`.
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
        plain = plain_numbers(column)[0]
        return column if plain is column else as_numbers(plain)
    if not all(value[0] in "+-.0123456789" for value in known):  # 'inf' and 'infinity' are words
        return column
    if pd.api.types.is_integer_dtype(numbers) and len(known) < len(column):
        return exact_integers(column)
    return numbers.reindex(column.index)


def exact_integers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return whole numbers (or text of them), some missing, as float64 where that is exact.

    Otherwise they are pandas' nullable integers.
    """
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


def plain_numbers(column: pd.Series[Any], *, decimal_commas: bool = False) -> tuple[pd.Series[Any], str]:
    """Return a column of numbers with decimal commas or thousands set apart as plain ones, in text.

    Also returned is what may be wrong with them. Thousands may be set apart by commas (``1,234.5``), points
    (``1.234,5``), blanks or apostrophes, in all or some of the numbers. Any other column is returned as it is.

    Parameters
    ----------
    column
        Any column.
    decimal_commas
        Commas are taken for decimal ones where they may be either (``1,234``), and where they can be nothing else
        (``1,5``).

    Returns
    -------
    column
        The column.
    note
        A sentence for the user, where commas may mean something else; else empty.

    Examples
    --------
    >>> plain_numbers(pd.Series(["1,234.5", "999"]))[0].tolist()
    ['1234.5', '999']
    >>> plain_numbers(pd.Series(["0,5", "1.234,5"]), decimal_commas=True)[0].tolist()
    ['0.5', '1234.5']
    """
    known = column.dropna()
    if not is_text(column) or not len(known) or not all(isinstance(value, str) for value in known):
        return column, ""
    together = column.map(_without_gaps, na_action="ignore")
    values = together.dropna().tolist()
    commas = [value for value in values if "," in value]
    if not commas:
        return (together, "") if values != known.tolist() and all(map(_POINT.fullmatch, values)) else (column, "")
    as_thousands = all(_POINT.fullmatch(value) or _BY_COMMAS.fullmatch(value) for value in values)
    as_decimals = all(_COMMA.fullmatch(value) or _BY_POINTS.fullmatch(value) for value in values)
    what = f"Column {column.name!r} has numbers with commas, such as {commas[0]!r}"
    if as_thousands and (not as_decimals or not decimal_commas or any("." in value for value in values)):
        is_sure = not as_decimals or any("." in value for value in values)
        meant = commas[0].replace(",", "")
        note = f"{what}: it is taken for {meant}. If commas are decimal ones, write points."
        return together.map(lambda value: value.replace(",", ""), na_action="ignore"), "" if is_sure else note
    if not as_decimals:
        return column, ""
    if not decimal_commas:
        return (
            column,
            f"{what}, which are left as text. If they are decimal ones, write points, or semicolons between fields.",
        )
    note = f"{what}: it is taken for {_with_point(commas[0])}. If commas set thousands apart, leave them out."
    grouped = any(_BY_POINTS.fullmatch(value) and ("," in value or value.count(".") > 1) for value in values)
    plain = together.map(lambda value: _with_point(value, grouped=grouped), na_action="ignore")
    return plain, note if as_thousands else ""


def _without_gaps(value: str) -> str:
    return re.sub(_GAP, "", value) if _BY_GAPS.fullmatch(value) else value


def _with_point(value: str, *, grouped: bool = False) -> str:
    """Return a number with a decimal comma with a decimal point alone.

    Points may set its thousands apart (``grouped``).
    """
    return (value.replace(".", "") if grouped and _BY_POINTS.fullmatch(value) else value).replace(",", ".")
