"""Delimited text (csv, tsv, txt, dat) as people and programs write it.

Separator, encoding, comments and spaces are found out.
"""

from __future__ import annotations

import codecs
import csv
import io
import logging
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import pandas as pd

from zoobot.data.text import EXACT, as_numbers, exact_integers, plain_numbers, tidy_text
from zoobot.errors import CatalogError
from zoobot.files import open_regular

logger = logging.getLogger(__name__)

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Characters that may separate the fields of a row, and what messages call them"""

BLANKS = " "
"""Separator of tables whose fields one blank or several set apart: taken where no other one makes sense of the names"""

_BLANK_FIELD = re.compile(r'"((?:[^"]|"")*)"(?=\s|$)|(\S+)')

KEPT_AS_TEXT = ("id_str", "file_loc")
"""Names of galaxies and files can look like numbers: they stay text, with their leading zeros."""

_SEPARATOR_LINE = re.compile(r"sep=([,;|\t])", re.IGNORECASE)
_OPENING = re.compile(r'(^|[,;|\t])\s*"')
"""A quote is one at the start of a field only"""
_ONLY_WINDOWS, _NO_WINDOWS = re.compile(rb"[\x80-\x9f]"), re.compile(rb"[\x81\x8d\x8f\x90\x9d]")

READ_AS = "read_as"
"""Entry of ``frame.attrs`` that says with which separator and encoding a table was read"""


@dataclass(frozen=True)
class Dialect:
    """How a file of delimited text is written."""

    encoding: str
    separator: str
    names: list[str]
    """The columns' names as they stand in the file"""
    comments: frozenset[int]
    """Lines to leave out, counted from 0: those that start with #"""
    late_comments: int
    """How many of them come after the names"""

    def __str__(self) -> str:
        return f"separator {SEPARATORS.get(self.separator, 'blanks')}, encoding {self.encoding}"


def read_delimited(path: Path) -> pd.DataFrame:
    """Return the table in a file of delimited text.

    Separator (comma, semicolon, tab, bar, or blanks) and encoding (UTF-8, UTF-16, else Latin-1) are found from the
    file. Spaces around fields, and lines that start with ``#``, are left out; names in such a line are taken where no
    other line has them. With other separators than the comma, numbers may have decimal commas; see `plain_numbers`.
    ``id_str`` and ``file_loc`` stay text.

    Raises
    ------
    CatalogError
        Rows that don't fit the names, or a quote that is not closed: the message names separator and encoding.
    """
    dialect = _find_dialect(path)
    if dialect is None:
        return pd.DataFrame()
    try:
        frame = _read(path, dialect)
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeError) as err:
        msg = (
            f"{path} can't be read as a table with {dialect}: {str(err).strip()}. The names are: "
            f"{', '.join(dialect.names[:10])}. Check that every row has one field per name, and put quotes around "
            "text that holds the separator."
        )
        raise CatalogError(msg) from err
    if dialect.late_comments:
        logger.warning("%d lines of %s start with # and are left out.", dialect.late_comments, path)
    if dialect.separator != "," or dialect.encoding not in ("utf-8", "utf-8-sig"):
        logger.info("%s is read with %s.", path, dialect)
    frame.attrs[READ_AS] = str(dialect)
    return frame


def _read(path: Path, dialect: Dialect) -> pd.DataFrame:
    options: dict[str, Any] = {
        "sep": dialect.separator, "encoding": dialect.encoding, "skiprows": dialect.comments, "skipinitialspace": True,
        "header": None, "names": range(len(dialect.names)), "index_col": False, "low_memory": False,
    }  # fmt: skip
    opened: Callable[[], IO[bytes]] = partial(_bytes_of, path)
    if dialect.separator == BLANKS:
        options |= {"sep": ",", "encoding": "utf-8", "skiprows": None}
        opened = partial(io.BytesIO, _with_commas(path, dialect))
    names = [name.strip() for name in dialect.names]
    text = {place: str for place, name in enumerate(names) if name in KEPT_AS_TEXT}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # that fields would be lost
        with opened() as file:
            frame: pd.DataFrame = pd.read_csv(file, dtype=text, **options)
    rounded = [place for place in frame.columns if _is_rounded(frame[place])]
    if rounded:
        with opened() as file:
            exact = pd.read_csv(file, dtype=str, usecols=rounded, **options)
        for place in rounded:
            frame[place] = _integers(exact[place], frame[place])
    columns = [tidy_text(frame[place]) for place in range(len(names))]
    distinct = _distinct(names, path)
    columns = [
        column if place in text else _as_numbers(column.rename(distinct[place]), path, dialect)
        for place, column in enumerate(columns)
    ]
    return pd.DataFrame(dict(zip(distinct, columns, strict=True)), index=frame.index)


def _as_numbers(column: pd.Series[Any], path: Path, dialect: Dialect) -> pd.Series[Any]:
    plain, note = plain_numbers(column, decimal_commas=dialect.separator != ",")
    if note:
        logger.warning("%s: %s", path, note)
    return as_numbers(plain)


def _with_commas(path: Path, dialect: Dialect) -> bytes:
    """Return a table whose fields blanks set apart as one with commas, in UTF-8, without names and comments.

    Raises
    ------
    ParserError
        A row that has not one field per name: with blanks between fields, a missing value would shift those after it.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    with _opened(path, dialect.encoding) as file:
        for number, line in enumerate(file):
            fields = _fields(line, BLANKS)
            if number in dialect.comments or not fields:
                continue
            if len(fields) != len(dialect.names):
                msg = (
                    f"line {number + 1} has {len(fields)} fields for {len(dialect.names)} names. Write NaN for "
                    "missing values"
                )
                raise pd.errors.ParserError(msg)
            writer.writerow(fields)
    return table.getvalue().encode()


def _is_rounded(column: pd.Series[Any]) -> bool:
    """Return whether integers beyond what float64 holds exactly have been made float64.

    Pandas does so where some are missing.
    """
    return bool(pd.api.types.is_float_dtype(column) and column.isna().any() and (column.abs() > EXACT).any())


def _integers(text: pd.Series[Any], rounded: pd.Series[Any]) -> pd.Series[Any]:
    """Return the exact integers that text holds; the numbers as they were read where it holds others."""
    text = tidy_text(text)
    if not all(value.lstrip("+-").isdigit() for value in text.dropna()):
        return rounded
    return exact_integers(text)


def _distinct(names: list[str], path: Path) -> list[str]:
    """Return names that differ, as pandas makes them: of several ``ra`` the second is called ``ra.1``."""
    found: list[str] = []
    for place, name in enumerate(names):
        name = name or f"unnamed_{place}"
        count = names[:place].count(name)
        found.append(f"{name}.{count}" if count else name)
    repeated = sorted(set(found) - set(names) - {f"unnamed_{place}" for place in range(len(names))})
    if repeated:
        logger.warning("%s names columns twice; the later ones are called %s.", path, ", ".join(repeated))
    return found


def _find_dialect(path: Path) -> Dialect | None:
    """Return how a file is written, None where it has no line of names."""
    encoding = _encoding(path)
    try:
        lines = _scan(path, encoding)
    except UnicodeError:
        encoding = _western(path)
        lines = _scan(path, encoding)
    commented = lines.above.lstrip("#").strip()
    in_comment = _names_file_loc(commented, lines.first) and not _names_file_loc(lines.first, lines.first)
    header = commented if in_comment else lines.first
    if not header.strip():
        return None
    separator = lines.separator or _separator(header, path)
    skipped = lines.comments if in_comment else [*lines.comments, lines.number]
    late = sum(number > lines.number for number in lines.comments)
    return Dialect(encoding, separator, _fields(header, separator), frozenset(skipped), late)


@dataclass(frozen=True)
class _Lines:
    first: str
    """The first line with anything on it that is no comment"""
    number: int
    """Its place in the file"""
    above: str
    """The last comment before it"""
    comments: list[int]
    """Places of all comments, and of a line ``sep=;`` as spreadsheets write it"""
    separator: str | None = None
    """What such a line says"""


def _scan(path: Path, encoding: str) -> _Lines:
    """Look through all rows of a file for comments; a row whose quotes hold line ends has several lines."""
    first, number, above, separator = "", -1, "", None
    comments: list[int] = []
    place, is_quoted = 0, False
    with _opened(path, encoding) as file:
        for line in file:
            if not is_quoted and line.startswith("#"):
                comments.append(place)
                above = line if number < 0 else above
            elif number < 0 and (said := _SEPARATOR_LINE.fullmatch(line.strip("\ufeff\r\n"))):
                comments.append(place)
                separator = said[1]
            else:
                if number < 0 and line.strip():
                    first, number = line, place
                is_quoted ^= line.count('"') % 2 == 1 and (is_quoted or _OPENING.search(line) is not None)
            place += not is_quoted
    return _Lines(first, number, above, comments, separator)


def _opened(path: Path, encoding: str) -> IO[str]:
    return io.TextIOWrapper(_bytes_of(path), encoding=encoding)


def _bytes_of(path: Path) -> io.BufferedReader:
    """Return a file's bytes, unpacked where its name ends as a compressed file's, within limits.

    The limits are those of `open_regular`.
    """
    return open_regular(path, CatalogError, unpack=path.suffix.lower() == ".gz")


def _encoding(path: Path) -> str:
    """Return the encoding that a file's first bytes tell: a byte order mark, or UTF-16's zeros; else UTF-8."""
    with _bytes_of(path) as file:
        start = file.read(256)
        if path.suffix.lower() == ".gz":
            file.seek(0, os.SEEK_END)  # too large a file ends here, before its lines are looked at one by one
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = start[::2], start[1::2]
    if len(start) > 3 and odd.count(0) > len(odd) / 2:
        return "utf-16-le"
    return "utf-16-be" if len(start) > 3 and even.count(0) > len(even) / 2 else "utf-8"


def _western(path: Path) -> str:
    """Return the encoding of a file that is not UTF-8.

    It is Latin-1, or Windows' own where the file has quotes or dashes that Latin-1 lacks.
    """
    with _bytes_of(path) as file:
        return (
            "cp1252" if any(_ONLY_WINDOWS.search(line) and not _NO_WINDOWS.search(line) for line in file) else "latin-1"
        )


def _fields(line: str, separator: str) -> list[str]:
    if separator == BLANKS:
        return [field[2] if field[1] is None else field[1].replace('""', '"') for field in _BLANK_FIELD.finditer(line)]
    return [
        name.strip() for name in next(csv.reader([line.strip("\r\n")], delimiter=separator, skipinitialspace=True), [])
    ]


def _names_file_loc(line: str, first: str) -> bool:
    """Return whether a line names the column file_loc.

    With blanks between names, the line has to have as many fields as the first line.
    """
    if any("file_loc" in _fields(line, separator) for separator in SEPARATORS):
        return True
    fields = _fields(line, BLANKS)
    return "file_loc" in fields and len(fields) == len(_fields(first, BLANKS))


def _separator(header: str, path: Path) -> str:
    """Return the separator of a line of names: that which sets file_loc apart, else that which makes most names.

    Blanks are one only where no other sets file_loc apart, or, in files that are not called csv or tsv, where no other
    makes two names.
    """
    best = max(SEPARATORS, key=lambda one: ("file_loc" in _fields(header, one), len(_fields(header, one))))
    names = _fields(header, best)
    is_table = {".csv", ".tsv"} & {suffix.lower() for suffix in path.suffixes[-2:]}
    by_blanks = "file_loc" in _fields(header, BLANKS) or (not is_table and len(names) == 1)
    return BLANKS if "file_loc" not in names and by_blanks else best
