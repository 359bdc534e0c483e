"""Names of galaxies: exact from the catalog to the table of predictions, whatever type the column has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.data.text import EXACT
from zoobot.errors import CatalogError

if TYPE_CHECKING:
    import numpy.typing as npt

SHOWN = 3

_WHOLE = re.compile(r"-?\d+\.0*")
_SPREADSHEET = re.compile(r"-?\d([.,]\d+)?[eE]\+\d+|-?\d[.,]\d{4,}[eE]\d+")
_FORMULA = re.compile(r'="(.*)"')
"""As text of digits is exported for spreadsheets: ``="007"``"""

_REMEDY = (
    "Their last digits are lost. Make the catalog again from a source that has them, as text or as 64 bit integers "
    "(in pandas: dtype={'id_str': str}; in a spreadsheet: format the column as text before loading)."
)


def exact_names(column: pd.Series[Any]) -> list[str]:
    """Return ids as text, none of them missing.

    Whole numbers lose what only their type added: 7.0 becomes '7', also where a program wrote a column of such numbers
    as text.

    Raises
    ------
    CatalogError
        Ids that have been rounded: float64 above 2^53 (float32 above 2^24, float16 above 2^11), or text such as
        '1.23E+18'.

    Examples
    --------
    >>> exact_names(pd.Series([7.0, 8.0])), exact_names(pd.Series(["7.0", "8.0"]))
    (['7', '8'], ['7', '8'])
    >>> exact_names(pd.Series(["7.0", "M31"]))
    ['7.0', 'M31']
    """
    if pd.api.types.is_float_dtype(column):
        numbers = column.to_numpy(np.float64)
        exact = _exact(column)
        _refuse(
            column, np.abs(numbers) >= exact, f"{column.dtype} numbers, which hold whole numbers only below {exact}"
        )
        return [_number(float(value)) for value in numbers]
    values = column.tolist()
    if all(isinstance(value, float) for value in values):
        return exact_names(column.astype(float))
    names = [_number(value) if isinstance(value, float) else _FORMULA.sub(r"\1", str(value)) for value in values]
    _refuse(
        column,
        np.array([_SPREADSHEET.fullmatch(name) is not None for name in names]),
        "numbers that a program has rounded",
    )
    if all(_WHOLE.fullmatch(name) for name in names):
        whole = [name.split(".")[0] for name in names]
        _refuse(column, np.array([abs(int(name)) >= EXACT for name in whole]), "float64 numbers written as text")
        return whole
    return names


def file_names(files: Sequence[Sequence[str]], folder: Path) -> list[str]:
    """Return ids for galaxies without any.

    An id is the first file's name without its ending, or its path in the folder where names repeat. Images of one name
    in several folders, as ``spiral/1.png`` and ``merger/1.png``, become ``spiral/1`` and ``merger/1``; those that
    differ only in their ending keep it.
    """
    firsts = [names[0] for names in files]
    stems = [Path(_without_ending(first)).name for first in firsts]
    if len(set(stems)) == len(stems):
        return stems
    relative = [_relative(first, folder) for first in firsts]
    paths = [_without_ending(path) for path in relative]
    return paths if len(set(paths)) == len(paths) else relative


def refuse_rounded(column: pd.Series[Any], what: str) -> None:
    """Refuse float numbers that name something, such as a group, and are too large to be exact.

    Raises
    ------
    CatalogError
        Numbers above 2^53 (2^24 in float32).
    """
    if pd.api.types.is_float_dtype(column):
        exact = _exact(column)
        large = np.abs(column.to_numpy(np.float64, na_value=0.0)) >= exact
        _refuse(column, large, f"{column.dtype} numbers, which hold whole numbers only below {exact}", what)


def _refuse(column: pd.Series[Any], bad: npt.NDArray[np.bool_], why: str, what: str = "id_str") -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        shown = ", ".join(map(repr, column.iloc[rows[:SHOWN]].tolist())) + (", ..." if len(rows) > SHOWN else "")
        msg = f"{len(rows)} of {len(column)} values of {what} are {why}: {shown}. {_REMEDY}"
        raise CatalogError(msg)


def _exact(column: pd.Series[Any]) -> int:
    """Return the number below which a column of floats holds all whole numbers."""
    if isinstance(column.dtype, np.dtype):
        return {2: 2**11, 4: 2**24}.get(column.dtype.itemsize, EXACT)
    return 2**24 if str(column.dtype).lower() in ("float32", "float[pyarrow]") else EXACT


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _relative(file: str, folder: Path) -> str:
    path = Path(file)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _without_ending(file: str) -> str:
    """Return a file's path without its ending (both endings, of ``.fits.gz`` and ``.fits.fz``)."""
    path = Path(file)
    path = path.with_suffix("") if path.suffix.lower() in (".gz", ".fz") else path
    return str(path.with_suffix(""))
