"""Catalogs: reading a table or a folder of galaxies, and checking it as a whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.data.delimited import READ_AS
from zoobot.data.ids import exact_names, file_names
from zoobot.data.tables import read_source
from zoobot.errors import CatalogError, LabelError

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data.tables import CatalogSource

SHOWN = 5
"""How many bad rows an error message names."""


def read_catalog(source: CatalogSource, *, check_files: bool = True) -> pd.DataFrame:
    """Return a catalog as a table with unique ``id_str``, absolute ``file_loc`` and every other column of the source.

    Parameters
    ----------
    source
        A pandas DataFrame, an astropy or pyarrow Table, the path of a table (csv, tsv, parquet, FITS, ecsv, VOTable,
        hdf5), a folder with one subfolder per class (the subfolder's name becomes the column ``label``), or a plain
        folder of images. All are read to the same table: see `zoobot.data.tables.read_source`. ``file_loc`` is required
        in a table; relative paths are taken from the table's own folder (from the working folder for a table in
        memory). A list, or one string such as ``g.fits;r.fits``, names several files that are the bands of one galaxy.
        ``id_str`` defaults to the file's name without its ending, or its path where names repeat; numbers are written
        without a fraction of 0 (7.0 becomes '7').
    check_files
        Look whether every file is there. Prediction turns it off where missing images are to be skipped.

    Raises
    ------
    CatalogError
        No such catalog, an unknown kind of table, no rows, no ``file_loc``, empty ``file_loc``, repeated or rounded
        ``id_str``, or missing files.
    """
    frame, folder = read_source(source)
    if len(frame) == 0:
        msg = f"{_name(source)} has no rows. Expected one row per galaxy with at least the column file_loc."
        raise CatalogError(msg)
    if "file_loc" not in frame.columns:
        read_as = f" (read with {frame.attrs[READ_AS]})" if READ_AS in frame.attrs else ""
        msg = (
            f"{_name(source)} has no column file_loc (the path of each galaxy's image). "
            f"Its columns are: {', '.join(map(str, frame.columns))}{read_as}. Add file_loc or rename the column that "
            "holds the paths."
        )
        raise CatalogError(msg)
    frame = frame.reset_index(drop=True)
    files = [_split_files(value) for value in frame["file_loc"]]
    _check_rows(
        frame,
        [not names for names in files],
        "have no file_loc",
        "Give each galaxy the path of its image, or drop the rows.",
    )
    _check_rows(
        frame,
        [not all(map(_is_unicode, names)) for names in files],
        "have a file whose name is no Unicode text",
        "Rename the files, or their folders.",
    )
    files = [tuple(_absolute(name, folder) for name in names) for names in files]
    frame["file_loc"] = [";".join(names) for names in files]
    frame["id_str"] = _ids(frame, files, folder)
    repeated = frame["id_str"].duplicated(keep=False)
    _check_rows(
        frame,
        repeated,
        "share their id_str with another row",
        "id_str must be unique: drop the copies, or give them names.",
    )
    if check_files:
        _check_files(files)
    return frame[["id_str", "file_loc", *(c for c in frame.columns if c not in ("id_str", "file_loc"))]]


def label_columns(frame: pd.DataFrame, label_cols: str | Sequence[str]) -> list[str]:
    """Return ``label_cols`` as a list, once all are known to be columns of ``frame`` that can hold labels.

    Raises
    ------
    CatalogError
        A column that is missing, named twice, or that says which file or galaxy a row is.
    """
    columns = [label_cols] if isinstance(label_cols, str) else list(label_cols)
    if not columns:
        msg = "label_cols is empty. Name the column, or the columns, that hold the labels."
        raise CatalogError(msg)
    if len(set(columns)) < len(columns):
        msg = f"label_cols names a column twice: {columns}. Name each once."
        raise CatalogError(msg)
    for column in columns:
        if column in ("file_loc", "id_str"):
            msg = (
                f"label column {column!r} says which galaxy a row is, not what it looks like. Name the column that "
                "holds the labels."
            )
            raise CatalogError(msg)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        msg = (
            f"the catalog lacks {len(missing)} of {len(columns)} label columns: {listed(missing)}. "
            f"Its columns are: {listed(list(frame.columns), 30)}."
        )
        raise CatalogError(msg)
    return columns


def check_labels(frame: pd.DataFrame, column: str, bad: npt.ArrayLike, what: str, remedy: str) -> None:
    """Raise a LabelError that names the first few rows where ``bad`` is true; ``what`` says what they have."""
    rows = np.flatnonzero(np.asarray(bad))
    if len(rows):
        shown = listed([f"{frame['id_str'].iloc[r]} ({frame[column].iloc[r]})" for r in rows[:SHOWN]], total=len(rows))
        msg = f"{len(rows)} of {len(frame)} galaxies have {what} in column {column!r}: {shown}. {remedy}"
        raise LabelError(msg)


def _split_files(value: object) -> tuple[str, ...]:
    """Return the file names of one ``file_loc`` value: none where it is empty or NaN."""
    if isinstance(value, (str, os.PathLike)):
        return tuple(name.strip() for name in str(value).split(";") if name.strip())
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(str(name) for name in value)
    return ()


def _is_unicode(name: str) -> bool:
    """Return whether a name can be written to a table: the bytes of some file names are no text in UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _absolute(name: str, folder: Path) -> str:
    # a million rows: Path is slow
    return os.path.normpath(os.path.join(folder, os.path.expanduser(name)))  # noqa: PTH111, PTH118


def _ids(frame: pd.DataFrame, files: list[tuple[str, ...]], folder: Path) -> list[str]:
    if "id_str" not in frame.columns:
        return file_names(files, Path(os.path.normpath(folder)))
    _check_rows(
        frame.assign(id_str=frame.index),
        frame["id_str"].isna(),
        "have no id_str",
        "Name them, or drop the column to use the file names.",
    )
    return exact_names(frame["id_str"])


def _check_rows(frame: pd.DataFrame, bad: npt.ArrayLike, what: str, remedy: str) -> None:
    rows = np.flatnonzero(np.asarray(bad))
    if len(rows):
        names = frame["id_str"] if "id_str" in frame.columns else frame.index.to_series()
        shown = listed([f"row {r} ({names.iloc[r]})" for r in rows[:SHOWN]], total=len(rows))
        msg = f"{len(rows)} of {len(frame)} rows {what}: {shown}. {remedy}"
        raise CatalogError(msg)


def _check_files(files: list[tuple[str, ...]]) -> None:
    names = [name for group in files for name in group]
    # a name that is too long is missing too
    missing = [name for name in names if not os.path.isfile(name)]  # noqa: PTH113
    if missing:
        msg = (
            f"{len(missing)} of {len(names)} image files are missing: {listed(missing)}. Check file_loc: "
            "relative paths are taken from the catalog's own folder (from the working folder for a table in memory)."
        )
        raise CatalogError(msg)


def check_columns(frame: pd.DataFrame, columns: Sequence[str], purpose: str) -> None:
    """Refuse columns that a catalog lacks; ``purpose`` says what they are for, as "to break scores down by".

    Raises
    ------
    CatalogError
        Naming one of them, and the columns that there are.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        msg = (
            f"the catalog has no column {missing[0]!r} {purpose}. Its columns are: "
            f"{', '.join(map(str, frame.columns))}."
        )
        raise CatalogError(msg)


def listed(names: Sequence[object], most: int = SHOWN, total: int | None = None) -> str:
    """Write the first ``most`` names in a row, with dots where there are more."""
    total = len(names) if total is None else total
    return ", ".join(map(str, names[:most])) + (", ..." if total > most else "")


def _name(source: CatalogSource) -> str:
    return f"the catalog {source}" if isinstance(source, (str, os.PathLike)) else "the catalog"
