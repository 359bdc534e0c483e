"""Reading parquet, hdf5, ecsv and VOTable files, none of which may take more memory than a file of its size may."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoobot.errors import CatalogError
from zoobot.files import open_regular
from zoobot.unpacking import most_unpacked, too_large

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

_ELSEWHERE = re.compile(rb"STREAM\b[^>]*\bhref\s*=", re.IGNORECASE)
"""A VOTable whose values are in another file, or on the network"""


def read_parquet(path: Path) -> pa.Table:
    """Return the table in a parquet file; text that is stored once for many rows is measured before it is written out.

    Raises
    ------
    CatalogError
        No regular file, or one that unpacks to more than `most_unpacked`.
    """
    import pyarrow as pa
    from pyarrow import compute, parquet

    size = path.stat().st_size
    with open_regular(path, CatalogError) as file:
        stored = parquet.ParquetFile(file)
        about = stored.metadata
        groups = [about.row_group(place) for place in range(about.num_row_groups)]
        _check(path, size, max(sum(group.total_byte_size for group in groups), 8 * about.num_rows * about.num_columns))
        text = [field.name for field in stored.schema_arrow if pa.types.is_string(field.type)]
        table = parquet.ParquetFile(file, read_dictionary=text).read()
    columns = {}
    for name in text:
        chunks = [chunk for chunk in table[name].chunks if pa.types.is_dictionary(chunk.type)]
        lengths = (compute.sum(compute.binary_length(chunk.dictionary).take(chunk.indices)) for chunk in chunks)
        columns[name] = sum(total.as_py() or 0 for total in lengths)
    _check(path, size, sum(columns.values()))
    for name in text:
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.string()))
    return table


def read_stored(path: Path, form: str) -> Table:
    """Return the table in an hdf5, ecsv or VOTable file, with values of its own only.

    None are read from other files or the network.

    Parameters
    ----------
    path
        The file.
    form
        astropy's name of the format: ``hdf5``, ``ascii.ecsv`` or ``votable``.

    Raises
    ------
    CatalogError
        No regular file, one that unpacks to more than `most_unpacked`, or one whose values are elsewhere.
    """
    from astropy.table import Table

    if form == "hdf5":
        return _read_hdf5(path)
    with open_regular(path, CatalogError, unpack=True) as file:
        content = file.read()
    if form == "votable":
        if _ELSEWHERE.search(content):
            raise CatalogError(_elsewhere(path))
        return Table.read(io.BytesIO(content), format=form)
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig").read().split("\n")
    return Table.read(lines, format=form)


def _read_hdf5(path: Path) -> Table:
    import h5py
    from astropy.table import Table

    with open_regular(path, CatalogError) as file, h5py.File(file, "r") as stored:
        declared = 0

        def look(_: str, item: Any) -> None:
            nonlocal declared
            if isinstance(item, h5py.Dataset):
                if item.is_virtual or item.external:
                    raise CatalogError(_elsewhere(path))
                declared += item.nbytes

        stored.visititems(look)
        if any(isinstance(stored.get(name, getlink=True), h5py.ExternalLink) for name in stored):
            raise CatalogError(_elsewhere(path))
        _check(path, path.stat().st_size, declared)
        return Table.read(stored, format="hdf5")


def _check(path: Path, size: int, declared: int) -> None:
    if declared > most_unpacked(size):
        raise CatalogError(too_large(str(path), size))


def _elsewhere(path: Path) -> str:
    return f"{path} has its values in other files, which are not read. Write them into one file."
