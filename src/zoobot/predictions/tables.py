"""Writing tables as csv, parquet, FITS or hdf5, by the file's ending; a table is never seen half written."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from zoobot.errors import OutputError
from zoobot.files import replacing

if TYPE_CHECKING:
    import pandas as pd

WRITERS = {".csv": "csv", ".parquet": "parquet", ".fits": "fits", ".fit": "fits", ".hdf5": "hdf5", ".h5": "hdf5"}


def check_output(path: str | Path) -> Path:
    """Give the path that a table is to be written to, before any work is done for it; makes its folder.

    Raises
    ------
    OutputError
        An ending that says no known format, or a folder that can't be written.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        msg = f"{path} doesn't end in a known format. Expected one of {', '.join(WRITERS)}."
        raise OutputError(msg)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as err:
        msg = f"{path.parent} can't be written: {err.strerror or err}. Choose a folder that you may write to."
        raise OutputError(msg) from err
    return path


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table in the format that the path's ending names, and give the path.

    Text that is absent becomes an empty string in FITS and hdf5, where text can't be missing.

    Raises
    ------
    OutputError
        See `check_output`.
    """
    path = check_output(path)
    form = WRITERS[path.suffix.lower()]
    try:
        with replacing(path) as part:
            if form == "csv":
                table.to_csv(part, index=False)
            elif form == "parquet":
                table.to_parquet(part, index=False)
            else:
                _write_astropy(table, part, form)
    except OSError as err:
        msg = f"{path} can't be written: {err.strerror or err}. Choose another place, or make room on the disk."
        raise OutputError(msg) from err
    return path


def _write_astropy(table: pd.DataFrame, path: Path, form: str) -> None:
    import pandas as pd
    from astropy.table import Table

    columns = {
        name: values.fillna("").astype(str).to_numpy(str)
        if not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        else values.to_numpy()
        for name, values in table.items()
    }
    options = {"path": "table", "serialize_meta": False} if form == "hdf5" else {}
    if form == "hdf5":
        columns = {name: values.astype("S") if values.dtype.kind == "U" else values for name, values in columns.items()}
    Table(columns).write(path, format=form, overwrite=True, **options)
