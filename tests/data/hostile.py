"""Files that would hang, or fill the memory of, a reader that trusts them; each maker writes one at a path."""

import bz2
import gzip
import io
import os
import socket
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
from astropy.io import fits
from PIL import Image
from pyarrow import parquet

GB = 10**9


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def socket_file(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path has to be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def packed(start: bytes, zeros: int, letter: bytes) -> bytes:
    """Return what gzip makes of some bytes and very many equal ones, quickly: 3 MB for 3 GB."""
    block = letter * (10**7 // len(letter))
    return gzip.compress(start) + gzip.compress(block) * (zeros // len(block))


def bomb(start: bytes = b"", letter: bytes = b"\0", zeros: int = GB) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(packed(start, zeros, letter)) and None


def header(*shape: int, bits: int = -32) -> bytes:
    """Return the header of a FITS image that says it has a shape."""
    made = fits.Header(
        [("SIMPLE", True), ("BITPIX", bits), ("NAXIS", len(shape))]
        + [(f"NAXIS{axis + 1}", length) for axis, length in enumerate(reversed(shape))]
    )
    return made.tostring().encode()


def table_header(rows: int) -> bytes:
    """Return the start of a FITS file whose table says it has so many rows of ``file_loc``."""
    content = io.BytesIO()
    column = fits.Column("file_loc", "20A", array=np.array(["a.jpg"]))
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column])]).writeto(content)
    return content.getvalue()[: 2 * 2880].replace(b"NAXIS2  =                    1", f"NAXIS2  = {rows:>20}".encode())


def many_rows(path: Path) -> None:
    """Write a parquet file of a few kB with 10^8 equal rows."""
    value = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**7, np.int8)), pa.array([1.0]))
    with parquet.ParquetWriter(path, pa.schema([("a", pa.float64())])) as writer:
        for _ in range(10):
            writer.write_table(pa.table({"a": value.cast(pa.float64())}))


def long_text(path: Path) -> None:
    """Write a parquet file that has one text of 10^6 letters, once, for 10^4 rows."""
    values = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**4, np.int32)), pa.array(["x" * 10**6]))
    parquet.write_table(pa.table({"file_loc": values}), path, store_schema=False, compression="zstd")


def never_written(path: Path) -> None:
    """Write an hdf5 file of a few kB that says it holds 10^12 rows."""
    with h5py.File(path, "w") as file:
        file.create_dataset("table", (10**12,), np.dtype([("a", "f8")]), chunks=(10**6,))


def from_elsewhere(path: Path) -> None:
    """Write an hdf5 file whose values are in a pipe."""
    os.mkfifo(path.with_name("elsewhere"))
    with h5py.File(path, "w") as file:
        kind = np.dtype([("a", "f8")])
        file.create_dataset("table", (10,), kind, external=[("unused", 0, 80)])
    content = path.read_bytes()
    path.write_bytes(content.replace(b"unused", b"elsewhe"[:6]))
    path.with_name("elsewhere").rename(path.with_name("elsewh"))


def linked(path: Path) -> None:
    """Write an hdf5 file whose table is in another file."""
    with h5py.File(path.with_name("other.hdf5"), "w") as file:
        file["table"] = np.zeros(3, np.dtype([("a", "f8")]))
    with h5py.File(path, "w") as file:
        file["table"] = h5py.ExternalLink("other.hdf5", "table")


def votable(stream: str) -> bytes:
    return (
        '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        f'<FIELD name="a" datatype="double"/><DATA><BINARY2>{stream}</BINARY2></DATA></TABLE></RESOURCE></VOTABLE>'
    ).encode()


def streamed(path: Path) -> None:
    """Write a VOTable whose values are in a pipe."""
    os.mkfifo(path.with_name("values"))
    path.write_bytes(votable(f'<STREAM\n href="file://{path.with_name("values")}" encoding="gzip"/>'))


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


def laughing(path: Path) -> None:
    """Write a VOTable with entities that stand for 10^11 others."""
    content = votable("<STREAM>&l11;</STREAM>").decode()
    path.write_text(content.replace("<VOTABLE", f'<!DOCTYPE VOTABLE [<!ENTITY l0 "l">{LAUGHS}]><VOTABLE'))


NO_FILES = {"pipe": pipe, "device": device, "socket": socket_file}
UNPACKS = "unpacks to more than [0-9,]+ MB, the most allowed"

TABLES: dict[str, dict[str, tuple[Callable[[Path], None], str]]] = {
    "csv": {
        **{name: (make, "not a regular file") for name, make in NO_FILES.items()},
    },
    "csv.gz": {
        "one line": (bomb(), UNPACKS),
        "many lines": (bomb(b"file_loc,label\n", b"a.jpg,0\n"), UNPACKS),
        "comments": (bomb(b"# a\n", b"#\n"), UNPACKS),
        "3 GB of 3 MB": (bomb(zeros=3 * GB), UNPACKS),
    },
    "tsv.gz": {"many lines": (bomb(b"file_loc\tlabel\n", b"a.jpg\t0\n"), UNPACKS)},
    "fits": {
        "many rows": (lambda path: path.write_bytes(table_header(10**11)) and None,
            "truncated|can't be read as a fits table"),
        "packed": (bomb(table_header(10**9)), UNPACKS),
    },
    "fits.gz": {
        "many rows": (bomb(table_header(10**9)), UNPACKS),
        "many headers": (bomb(header(2, 2), b" "), UNPACKS),
    },
    "ecsv": {"packed": (bomb(b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\na\n", b"1\n"),
        UNPACKS)},
    "votable": {
        "packed": (bomb(votable("")[:-60], b" "), UNPACKS),
        "values elsewhere": (streamed, "has its values in other files"),
        "entities": (laughing, "can't be read as a votable table"),
    },
    "parquet": {"many rows": (many_rows, UNPACKS), "long text": (long_text, UNPACKS)},
    "hdf5": {
        "many rows": (never_written, UNPACKS),
        "values elsewhere": (from_elsewhere, "has its values in other files"),
        "table elsewhere": (linked, "has its values in other files"),
    },
}  # fmt: skip
"""By ending: makers of files, and what is said of them"""
for name in ("tsv", "fits", "ecsv", "votable", "parquet", "hdf5", "csv.gz", "fits.gz"):
    TABLES.setdefault(name, {}).update({kind: (make, "not a regular file") for kind, make in NO_FILES.items()})


def png(width: int, height: int) -> Callable[[Path], None]:
    """Return a maker of a PNG that is white all over, 100 rows of it at most: it is not to be read so far."""

    def make(path: Path) -> None:
        image = io.BytesIO()
        Image.new("1", (8, 8), 1).save(image, "PNG")
        start = image.getvalue()

        def chunk(kind: bytes, content: bytes) -> bytes:
            checked = kind + content
            return len(content).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")

        compressor = zlib.compressobj(9)
        row = b"\0" + b"\xff" * (width // 8 + (width % 8 > 0))
        data = compressor.compress(row * min(height, 100)) + compressor.flush()
        head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x01\0\0\0\0"
        path.write_bytes(start[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))

    return make


def saved(form: str, width: int, **options: object) -> Callable[[Path], None]:
    return lambda path: Image.new("1" if form == "TIFF" else "L", (width, width)).save(path, form, **options)


def resized_tiff(path: Path) -> None:
    """Write a TIFF of 8 x 8 pixels that says it has 60,000 x 60,000."""
    content = io.BytesIO()
    Image.new("L", (8, 8)).save(content, "TIFF")
    raw = bytearray(content.getvalue())
    start = int.from_bytes(raw[4:8], "little")
    for place in range(int.from_bytes(raw[start : start + 2], "little")):
        entry = start + 2 + 12 * place
        if int.from_bytes(raw[entry : entry + 2], "little") in (256, 257):
            raw[entry + 2 : entry + 12] = (
                (4).to_bytes(2, "little") + (1).to_bytes(4, "little") + (60_000).to_bytes(4, "little")
            )
    path.write_bytes(bytes(raw))


def tiled_fits(path: Path) -> None:
    """Write a FITS file of a tile-compressed image that says it is 10^6 x 10^6."""
    fits.CompImageHDU(np.zeros((64, 64), np.float32)).writeto(path)
    raw = path.read_bytes()
    for axis in "12":
        raw = raw.replace(f"ZNAXIS{axis} =                   64".encode(), f"ZNAXIS{axis} = {10**6:>20}".encode())
    path.write_bytes(raw)


def bzipped(path: Path) -> None:
    """Write a FITS file whose pixels unpack to 400 MB."""
    path.write_bytes(bz2.compress(header(9000, 9000) + bytes(10**7)) + bz2.compress(bytes(10**7)) * 40)


PIXELS = "pixels are more than 100,000,000, the most allowed"
IMAGES: dict[str, dict[str, tuple[Callable[[Path], None], str]]] = {
    "png": {"20,000 px": (png(20_000, 20_000), PIXELS), "2^24 px": (png(2**24, 7), PIXELS)},
    "jpg": {"65,500 px": (saved("JPEG", 12_000), PIXELS)},
    "tif": {"60,000 px": (resized_tiff, PIXELS), "deflated": (saved("TIFF", 20_000, compression="tiff_adobe_deflate"),
        PIXELS)},
    "fits": {
        "10^6 px": (lambda path: path.write_bytes(header(10**6, 10**6)) and None, PIXELS),
        "10^5 bands": (lambda path: path.write_bytes(header(10**5, 100, 100)) and None,
            "pixels are more than 400,000,000"),
        "cut short": (lambda path: path.write_bytes(header(9000, 9000)) and None, "truncated|damaged"),
        "packed": (bomb(header(9000, 9000)), UNPACKS),
        "tiles": (tiled_fits, PIXELS),
        "bzip2": (bzipped, UNPACKS),
    },
    "fits.gz": {"9000 px": (bomb(header(9000, 9000)), UNPACKS), "headers": (bomb(header(2, 2), b" "), UNPACKS)},
}  # fmt: skip
"""As `TABLES`"""
for name in ("png", "jpg", "tif", "webp", "fits", "fits.gz", "fits.fz"):
    IMAGES.setdefault(name, {}).update({kind: (make, "not a regular file") for kind, make in NO_FILES.items()})


def cases(files: dict[str, dict[str, tuple[Callable[[Path], None], str]]]) -> list[tuple[str, str]]:
    return [(ending, kind) for ending, kinds in files.items() for kind in kinds]
