"""Tables of every format as one kind of frame.

Numbers are exact, text has no padding, and there is one rule for what is missing.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from zoobot.data.delimited import KEPT_AS_TEXT, read_delimited
from zoobot.data.fits import check_packing
from zoobot.data.folders import read_folder
from zoobot.data.stored import read_parquet, read_stored
from zoobot.data.text import exact_integers, tidy_text
from zoobot.errors import CatalogError
from zoobot.files import home, is_folder, look, open_regular

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

    CatalogSource: TypeAlias = pd.DataFrame | Table | pa.Table | str | os.PathLike[str]

DELIMITED = (".csv", ".tsv", ".txt", ".dat")
ASTROPY_FORMATS = {".fits": "fits", ".fit": "fits", ".ecsv": "ascii.ecsv", ".vot": "votable", ".votable": "votable"}
ASTROPY_FORMATS |= {".xml": "votable", ".hdf5": "hdf5", ".h5": "hdf5"}
TABLE_SUFFIXES = (*DELIMITED, ".parquet", *ASTROPY_FORMATS)
GZIPPED = (*DELIMITED, ".fits")
"""Kinds of table that may be compressed: ``catalog.csv.gz``"""

ESCAPED = "TXTESC"
"""Header keyword of FITS tables whose text is escaped, since FITS knows ASCII only: see `zoobot.predictions.tables`."""


def read_source(source: CatalogSource) -> tuple[pd.DataFrame, Path]:
    """Return a table as it stands, and the folder that relative paths start from.

    Every source gives the same frame: names and text lose white space at their ends, byte strings are text, and a
    missing value is missing however it was written (see `zoobot.data.text.MISSING_WORDS`). Integers stay exact where
    others of their column are missing. Columns of arrays are left out.

    Raises
    ------
    CatalogError
        No such table, a kind that is not known, a damaged file, or two columns of one name.
    """
    if isinstance(source, pd.DataFrame):
        return tidy(source), Path.cwd()
    if isinstance(source, (str, os.PathLike)):
        path = home(source)
        if is_folder(path, CatalogError):
            listing = read_folder(path)
            if "label" in listing:
                listing["label"] = tidy_text(listing["label"])
            return listing, path.absolute()
        return tidy(_read_file(path)), path.absolute().parent
    if hasattr(source, "to_pandas"):
        return tidy(_from_astropy(source) if hasattr(source, "itercols") else _from_arrow(source)), Path.cwd()
    msg = (
        f"a catalog can't be read from {type(source).__name__}. "
        "Expected a pandas DataFrame, an astropy or pyarrow Table, or the path of a table or folder."
    )
    raise CatalogError(msg)


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a table with tidy names and text; an index named ``id_str`` or ``file_loc`` becomes a column.

    Raises
    ------
    CatalogError
        Two columns of one name.
    """
    if any(name in ("id_str", "file_loc") and name not in frame.columns for name in frame.index.names):
        frame = frame.reset_index()
    names = [name.strip() if isinstance(name, str) else name for name in frame.columns]
    repeated = sorted({str(name) for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        msg = (
            f"the catalog has several columns named {', '.join(map(repr, repeated))}. Give each column a name of its "
            "own."
        )
        raise CatalogError(msg)
    columns = [tidy_text(frame.iloc[:, place]) for place in range(len(names))]
    tidied = pd.DataFrame(dict(zip(names, columns, strict=True)), index=frame.index)
    tidied.attrs = dict(frame.attrs)
    return tidied


def _read_file(path: Path) -> pd.DataFrame:
    if look(path, CatalogError) is None:
        msg = (
            f"there is no catalog at {path}. Give the path of a table ({', '.join(TABLE_SUFFIXES)}) or of a folder of "
            "images."
        )
        raise CatalogError(msg)
    inner = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    suffix = inner.suffix.lower()
    if suffix not in TABLE_SUFFIXES or (inner is not path and suffix not in GZIPPED):
        msg = (
            f"{path} is not a kind of table that can be read. Expected one of {', '.join(TABLE_SUFFIXES)} (also "
            f"{', '.join(f'{suffix}.gz' for suffix in GZIPPED)}), or a folder of images."
        )
        raise CatalogError(msg)
    try:
        if suffix in DELIMITED:
            return read_delimited(path)
        if suffix == ".parquet":
            return _from_arrow(read_parquet(path))
        if ASTROPY_FORMATS[suffix] == "fits":
            return _read_fits_table(path)
        return _from_astropy(read_stored(path, ASTROPY_FORMATS[suffix]))
    except CatalogError:
        raise
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except Exception as err:
        msg = (
            f"{path} can't be read as a {suffix[1:]} table: {err}. Check that the file is whole and that its ending "
            "says what it is."
        )
        raise CatalogError(msg) from err


def _read_fits_table(path: Path) -> pd.DataFrame:
    """Read the first table of a FITS file; undefined logicals are missing (astropy makes them false)."""
    from astropy.io import fits
    from astropy.table import Table
    from astropy.utils.exceptions import AstropyUserWarning

    with open_regular(path, CatalogError, unpack=True) as file, _opened_fits(file) as hdus:
        hdu = next((one for one in hdus if isinstance(one, fits.BinTableHDU | fits.TableHDU)), None)
        if hdu is None:
            msg = "it holds no table"
            raise ValueError(msg)
        stored = np.asarray(hdu.data)
        formats = zip(hdu.columns.names, hdu.columns.formats, strict=True)
        undefined = {
            name: stored[name] == 0
            for name, form in formats
            if form in ("L", "1L") and isinstance(hdu, fits.BinTableHDU)
        }
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyUserWarning)  # of undefined logicals, which are seen to here
            frame = _from_astropy(Table.read(hdu))
        escaped = hdu.header.get(ESCAPED) == "unicode_escape"
    for name, absent in undefined.items():
        if absent.any():
            frame[name] = frame[name].astype(object).mask(absent, None)
    return _unescaped(frame) if escaped else frame


def _opened_fits(file: io.BufferedReader) -> Any:
    from astropy.io import fits

    check_packing(file)
    return fits.open(file, memmap=False)


def _from_astropy(table: Any) -> pd.DataFrame:
    """Return an astropy Table as a frame, without its columns of arrays."""
    flat = [name for name in table.colnames if len(getattr(table[name], "shape", (0,))) <= 1]
    arrays = [name for name in table.colnames if name not in flat and name.strip() in KEPT_AS_TEXT]
    if arrays:
        msg = f"the column {arrays[0]} of the catalog holds an array in each row, where one name is expected."
        raise CatalogError(msg)
    frame: pd.DataFrame = table[flat].to_pandas() if len(flat) < len(table.colnames) else table.to_pandas()
    return frame


def _from_arrow(table: Any) -> pd.DataFrame:
    """Return a pyarrow Table as a frame; integers stay integers where some are missing (pandas makes them float64)."""
    import pyarrow as pa

    frame: pd.DataFrame = table.to_pandas()
    for name in table.column_names:
        column = table[name]
        if pa.types.is_integer(column.type) and column.null_count and name in frame.columns:
            frame[name] = exact_integers(pd.Series(column.to_pylist(), index=frame.index, dtype=object))
    return frame


def _unescaped(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the text that `zoobot.predictions.write_table` escaped for FITS."""
    frame = frame.rename(columns=_unescape)
    for name in frame.columns:
        if frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name]):
            frame[name] = [_unescape(value) if isinstance(value, str | bytes) else value for value in frame[name]]
    return frame


def _unescape(text: str | bytes) -> str:
    return (text.encode("ascii") if isinstance(text, str) else text).decode("unicode_escape")
