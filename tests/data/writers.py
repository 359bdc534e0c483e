"""Writers of small tables in every format that a catalog may have, with missing values as each format has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from astropy.io import fits
from astropy.table import Column, MaskedColumn, Table

Columns = dict[str, list[Any]]
"""Values by column, None where one is missing: all text, all whole numbers, all numbers, or all true and false"""


def as_pandas(columns: Columns, folder: Path) -> pd.DataFrame:
    """Make a frame in which integers stay Python's own where one is missing: pandas would round them to float64."""
    frame = as_objects(columns)
    kept = [name for name, values in columns.items() if None in values and _kind(values) is int]
    return frame.assign(**{name: column.infer_objects() for name, column in frame.items() if name not in kept})


def as_objects(columns: Columns) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def as_nullable_pandas(columns: Columns, folder: Path) -> pd.DataFrame:
    kinds = {str: "string", int: "Int64", float: "Float64", bool: "boolean"}
    return pd.DataFrame({name: pd.array(values, dtype=kinds[_kind(values)]) for name, values in columns.items()})


def as_categories(columns: Columns, folder: Path) -> pd.DataFrame:
    frame = as_pandas(columns, folder)
    return frame.assign(**{name: frame[name].astype("category") for name in columns if name != "file_loc"})


def as_arrow(columns: Columns, folder: Path) -> pa.Table:
    return pa.table(columns)


def as_astropy(columns: Columns, folder: Path) -> Table:
    return Table({name: _column(values) for name, values in columns.items()})


def as_parquet(columns: Columns, folder: Path) -> Path:
    pa.parquet.write_table(pa.table(columns), folder / "table.parquet")
    return folder / "table.parquet"


def as_ecsv(columns: Columns, folder: Path) -> Path:
    as_astropy(columns, folder).write(folder / "table.ecsv", format="ascii.ecsv", overwrite=True)
    return folder / "table.ecsv"


def as_votable(columns: Columns, folder: Path) -> Path:
    as_astropy(columns, folder).write(folder / "table.vot", format="votable", overwrite=True)
    return folder / "table.vot"


def as_fits(columns: Columns, folder: Path) -> Path:
    """Write a FITS table; undefined logicals are bytes of 0, as the standard has it and astropy can't write it."""
    made = []
    for name, values in columns.items():
        known = [value for value in values if value is not None]
        if isinstance(known[0], bool):
            made.append(fits.Column(name, "L", array=np.array([bool(value) for value in values])))
        elif isinstance(known[0], str):
            text = np.array([value or "" for value in values], dtype="S")
            made.append(fits.Column(name, f"{text.itemsize}A", array=text))
        elif isinstance(known[0], int):
            made.append(fits.Column(name, "K", null=-77, array=np.array([-77 if v is None else v for v in values])))
        else:
            made.append(fits.Column(name, "D", array=np.array([np.nan if v is None else v for v in values])))
    path = folder / "table.fits"
    fits.BinTableHDU.from_columns(made).writeto(path, overwrite=True)
    with fits.open(path, memmap=False) as hdus:
        stored = np.asarray(hdus[1].data).copy()
    for name, values in columns.items():
        if _kind(values) is bool:
            stored[name] = [0 if value is None else ord("T" if value else "F") for value in values]
    content = bytearray(path.read_bytes())
    start = len(content) - -(-stored.nbytes // 2880) * 2880
    content[start : start + stored.nbytes] = stored.tobytes()
    path.write_bytes(bytes(content))
    return path


def as_hdf5(columns: Columns, folder: Path) -> Path:
    """Write an hdf5 table, in which text and logicals can't be missing other than by what they say."""
    made = {}
    for name, values in columns.items():
        column = _column(["" if v is None and _kind(values) is str else v for v in values])
        made[name] = Column(np.char.encode(np.asarray(column), "utf-8")) if _kind(values) is str else column
    Table(made).write(folder / "table.hdf5", path="table", serialize_meta=True, overwrite=True)
    return folder / "table.hdf5"


def as_csv(columns: Columns, folder: Path) -> Path:
    as_objects(columns).to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


def as_csv_gz(columns: Columns, folder: Path) -> Path:
    as_objects(columns).to_csv(folder / "table.csv.gz", index=False)
    return folder / "table.csv.gz"


def as_spaced_csv(columns: Columns, folder: Path) -> Path:
    rows = zip(*columns.values(), strict=True)
    lines = [" , ".join("" if value is None else f"{value} " for value in row) for row in rows]
    (folder / "spaced.csv").write_text("\n".join([" , ".join(columns), *lines]) + "\n")
    return folder / "spaced.csv"


def as_tsv(columns: Columns, folder: Path) -> Path:
    as_objects(columns).to_csv(folder / "table.tsv", sep="\t", index=False)
    return folder / "table.tsv"


def as_blanks(columns: Columns, folder: Path) -> Path:
    """Write a table in which runs of blanks set fields apart, and text with blanks stands in quotes."""
    rows = zip(*columns.values(), strict=True)
    text = [["" if value is None else str(value) for value in row] for row in rows]
    quoted = [
        [f'"{value}"' if not value or value.split() != [value] else value for value in row]
        for row in [list(columns), *text]
    ]
    (folder / "table.dat").write_text("\n".join("   ".join(f"{value:14}" for value in row) for row in quoted) + "\n")
    return folder / "table.dat"


WRITERS: dict[str, Callable[[Columns, Path], Any]] = {
    writer.__name__.removeprefix("as_"): writer
    for writer in (
        as_pandas, as_nullable_pandas, as_categories, as_arrow, as_astropy, as_parquet, as_ecsv, as_votable, as_fits,
        as_hdf5, as_csv, as_csv_gz, as_spaced_csv, as_tsv, as_blanks,
    )
}  # fmt: skip


def _kind(values: list[Any]) -> type:
    return type(next(value for value in values if value is not None))


def _column(values: list[Any]) -> MaskedColumn | Column:
    missing = [value is None for value in values]
    filler = next(value for value in values if value is not None)
    filled = [filler if value is None else value for value in values]
    return MaskedColumn(filled, mask=missing) if any(missing) else Column(filled)
