"""Writing tables as csv, parquet, FITS or hdf5, by the file's ending, and reading a command's results.

A table is never seen half written.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.data.catalog import listed
from zoobot.data.tables import ESCAPED
from zoobot.errors import CatalogError, OutputError
from zoobot.files import check_replaceable, check_writable, end_of_link, open_regular, output_path, replacing

if TYPE_CHECKING:
    import numpy.typing as npt
    from astropy.table import Table

WRITERS = {".csv": "csv", ".parquet": "parquet", ".fits": "fits", ".fit": "fits", ".hdf5": "hdf5", ".h5": "hdf5"}


MOST_FITS_COLUMNS = 999

VARYING = re.compile(r"error|.*_(std|sample_\d+|calibrated|set|low|high)")
"""Columns that options and calibration add to a table of predictions, or leave out"""
PREDICTED = re.compile(r".*_(predicted|leading|calibrated|set|low|high)")
"""Columns that no catalog of labels has"""
FEATURE = re.compile(r"feature_\d+")


def check_output(path: str | Path) -> Path:
    """Return the path that a table is to be written to, before any work is done for it; makes its folder.

    Raises
    ------
    OutputError
        An ending that says no known format, a folder that can't be written, or see `check_replaceable`.
    """
    path = output_path(path)
    if path.suffix.lower() not in WRITERS:
        msg = f"{path} doesn't end in a known format. Expected one of {', '.join(WRITERS)}."
        raise OutputError(msg)
    check_replaceable(path)
    check_writable(end_of_link(path).parent)
    return path


def check_columns_fit(table: pd.DataFrame, path: Path) -> None:
    """Refuse, before any work, a table that the format of ``path`` can't hold; one row of it is enough.

    Raises
    ------
    OutputError
        Too many columns for FITS (999) or hdf5 (about 900), or a column's name too long for FITS (68 characters); see
        `check_earlier` too.
    """
    form = WRITERS[path.suffix.lower()]
    if form in ("fits", "hdf5"):
        _astropy_bytes(table, form, path)
    check_earlier(path, partial(_are_alike, list(map(str, table.columns))))


def check_earlier(path: Path, is_own: Callable[[Sequence[str]], bool]) -> None:
    """Refuse to replace a file that an earlier call of the command did not plainly write; an empty one is replaced.

    Parameters
    ----------
    path
        The file.
    is_own
        Tells by the names of a table's columns whether the command writes such tables.

    Raises
    ------
    OutputError
        Saying what is there.
    """
    if not path.exists() or not path.stat().st_size:
        return
    form = WRITERS[path.suffix.lower()]
    names = _column_names(path, form)
    if names and is_own(names):
        return
    what = f"a table with the columns {listed(names)}" if names else f"no {form} table that can be read"
    msg = (
        f"{path} is there already, and is {what}, not an earlier result: it would be lost. Move it, or give another "
        "name."
    )
    raise OutputError(msg)


def _are_alike(own: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether a file has the columns of a table.

    Those that options, calibration and the encoder's width decide are left aside. Where the table has such that no
    catalog of labels has, the file must have one too.
    """
    if any(map(PREDICTED.fullmatch, own)) and not any(map(PREDICTED.fullmatch, names)):
        return False
    return _fixed(names) in (_fixed(own), _fixed(map(_escaped, own)))


def _fixed(names: Iterable[str]) -> set[str]:
    """Return the columns that do not depend on options and calibration, all features as one."""
    return {FEATURE.sub("feature", name) for name in names if not VARYING.fullmatch(name)}


def _column_names(path: Path, form: str) -> list[str] | None:
    """Return the names of a table's columns; None where it is no file of this format, or holds more than a table."""
    try:
        if form == "csv":
            return list(map(str, pd.read_csv(path, nrows=0).columns))
        if form == "parquet":
            from pyarrow import parquet

            return list(parquet.read_schema(path).names)
        if form == "hdf5":
            import h5py

            with h5py.File(path) as file:
                return list(file["table"].dtype.names) if list(file) == ["table"] else None
        from astropy.io import fits

        with fits.open(path) as hdus:
            return list(map(str, hdus[1].columns.names)) if len(hdus) == 2 else None
    except Exception:  # whatever is there, it is damaged, or no table
        return None


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    r"""Write a table in the format that the path's ending names, and give the path.

    Text that is absent becomes an empty string in FITS and hdf5, where text can't be missing. FITS knows ASCII only: a
    table with other characters is written with Python's escapes (``\xe9``), says so in its header (`ESCAPED`), and
    `read_source` takes them back.

    Raises
    ------
    OutputError
        See `check_output` and `check_columns_fit`.
    """
    path = check_output(path)
    form = WRITERS[path.suffix.lower()]
    with replacing(path) as part:
        if form == "csv":
            table.to_csv(part, index=False)
        elif form == "parquet":
            table.to_parquet(part, index=False)
        else:
            part.write_bytes(_astropy_bytes(table, form, path))
    return path


def read_results(path: Path, needs: Sequence[str] = ("id_str",)) -> pd.DataFrame:
    """Return a csv of results that a command wrote, its ids and files as text.

    Parameters
    ----------
    path
        The file.
    needs
        Columns that it has where it is whole.

    Raises
    ------
    CatalogError
        It is missing or damaged.
    """
    remedy = "Repeat the command that wrote it, or copy it again."
    try:
        with open_regular(path, CatalogError) as file:
            table: pd.DataFrame = pd.read_csv(file, dtype={"id_str": str, "file_loc": str}, low_memory=False)
    except FileNotFoundError as err:
        msg = f"{path} is missing. {remedy}"
        raise CatalogError(msg) from err
    except ValueError as err:
        if isinstance(err, CatalogError):
            raise
        msg = f"{path} is damaged ({str(err).strip()}). {remedy}"
        raise CatalogError(msg) from err
    missing = [name for name in needs if name not in table]
    if missing:
        msg = f"{path} is damaged: it has no column {missing[0]}. {remedy}"
        raise CatalogError(msg)
    return table


def _astropy_bytes(table: pd.DataFrame, form: str, path: Path) -> bytes:
    """Return the content of a FITS or hdf5 file, made in memory.

    On a full disk the hdf5 library takes the process down.
    """
    import h5py
    from astropy.io.fits.verify import VerifyError, VerifyWarning
    from astropy.table import Table

    columns = {str(name): _plain(values) for name, values in table.items()}
    file = io.BytesIO()
    try:
        if form == "hdf5":
            encoded = {name: np.char.encode(v, "utf-8") if v.dtype.kind == "U" else v for name, v in columns.items()}
            with h5py.File(file, "w") as hdf5:
                Table(encoded).write(hdf5, format=form, path="table", serialize_meta=False)
        else:
            if len(columns) > MOST_FITS_COLUMNS:
                msg = f"FITS has at most {MOST_FITS_COLUMNS}"
                raise ValueError(msg)
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", VerifyWarning
                )  # that names have other characters than letters and digits
                _ascii_table(columns).write(file, format=form)
    except (ValueError, AssertionError, VerifyError) as err:
        reason = str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
        msg = f"{path} can't hold a table of these {len(columns)} columns: {reason}. Write parquet or csv."
        raise OutputError(msg) from err
    return file.getvalue()


def _plain(values: pd.Series[Any]) -> npt.NDArray[Any]:
    """Return a column as numbers, or as text where it holds anything else."""
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        if pd.api.types.is_extension_array_dtype(values.dtype) and values.isna().any():
            return values.to_numpy(np.float64, na_value=np.nan)
        return values.to_numpy(getattr(values.dtype, "numpy_dtype", None))
    return np.array(["" if pd.isna(value) else str(value) for value in values], dtype=str)


def _ascii_table(columns: dict[str, npt.NDArray[Any]]) -> Table:
    """Return a table for FITS: with escapes, and a header that says so, where any of its text needs them."""
    from astropy.table import Table

    text = [*columns, *(value for column in columns.values() if column.dtype.kind == "U" for value in column)]
    if all(value.isascii() and value.isprintable() for value in text):
        return Table(columns)
    escaped = {
        _escaped(name): np.array([_escaped(value) for value in v], dtype=str) if v.dtype.kind == "U" else v
        for name, v in columns.items()
    }
    return Table(escaped, meta={ESCAPED: "unicode_escape"})


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")
