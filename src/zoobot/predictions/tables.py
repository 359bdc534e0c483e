"""Writing tables as csv, parquet, FITS or hdf5, by the file's ending; a table is never seen half written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from zoobot.errors import OutputError
from zoobot.files import check_writable, replacing

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
    check_writable(path.parent)
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
    with replacing(path) as part:
        if form == "csv":
            table.to_csv(part, index=False)
        elif form == "parquet":
            table.to_parquet(part, index=False)
        else:
            part.write_bytes(_astropy_bytes(table, form))
    return path


def _astropy_bytes(table: pd.DataFrame, form: str) -> bytes:
    """Return the content of a FITS or hdf5 file, made in memory: on a full disk the hdf5 library takes the process down."""
    import h5py
    import pandas as pd
    from astropy.table import Table

    columns = {
        name: values.fillna("").astype(str).to_numpy(str)
        if not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        else values.to_numpy()
        for name, values in table.items()
    }
    file = io.BytesIO()
    if form == "hdf5":
        columns = {name: values.astype("S") if values.dtype.kind == "U" else values for name, values in columns.items()}
        with h5py.File(file, "w") as hdf5:
            Table(columns).write(hdf5, format=form, path="table", serialize_meta=False)
    else:
        Table(columns).write(file, format=form)
    return file.getvalue()
