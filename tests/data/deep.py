"""Pictures of kinds that Pillow can't write: color of 16 bit, TIFF of any type of numbers."""

import struct
import zlib
from pathlib import Path

import numpy as np


def deep_png(path: Path, pixels: np.ndarray, key: tuple[int, ...] = ()) -> None:
    """Write a PNG of 16 bit, which Pillow can do for grey alone.

    It is grey or color, with transparency, a transparent ``key``, or without.
    """
    pixels = np.atleast_3d(pixels)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    transparent = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)) if key else b""
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + transparent
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    path.write_bytes(png)


def deep_tiff(
    path: Path,
    pixels: np.ndarray,
    order: str,
    compression: int,
    planes: int = 1,
    photometric: int = 2,
    extras: tuple[int, ...] = (),
) -> None:
    """Write a TIFF of any type of numbers and of up to 4 bands, in one strip or one a plane.

    It is little or big-endian, plain or deflated. ``photometric`` is 0 where 0 is white, 1 where it is black, 2 for
    color; ``extras`` say what bands beyond the colors are, 0 unknown.
    """
    pixels = np.atleast_3d(pixels)
    height, width, channels = pixels.shape
    kind, bits = "uif".index(pixels.dtype.kind) + 1, 8 * pixels.dtype.itemsize
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    strips = [one.tobytes() for one in (stored.transpose(2, 0, 1) if planes == 2 else [stored])]
    strips = [zlib.compress(strip) if compression == 8 else strip for strip in strips]
    offsets = [0] * len(strips)
    for _ in range(2):  # where the strips start is known once all else is written
        numbers = [
            (256, 4, [width]),
            (257, 4, [height]),
            (258, 3, [bits] * channels),
            (259, 3, [compression]),
            (262, 3, [photometric]),
            (273, 4, offsets),
            (277, 3, [channels]),
            (278, 4, [height]),
            (279, 4, [len(strip) for strip in strips]),
            (284, 3, [planes]),
            *([(338, 3, list(extras))] if extras else []),
            (339, 3, [kind] * channels),
        ]
        entries, further = b"", b""
        start = 8 + 2 + 12 * len(numbers) + 4
        for tag, size, values in numbers:
            packed = struct.pack(f"{order}{len(values)}{'H' if size == 3 else 'I'}", *values)
            if len(packed) > 4:
                packed, further = struct.pack(f"{order}I", start + len(further)), further + packed
            entries += struct.pack(f"{order}HHI", tag, size, len(values)) + packed.ljust(4, b"\0")
        offsets = [start + len(further) + sum(map(len, strips[:place])) for place in range(len(strips))]
    head = (
        (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8) + struct.pack(f"{order}H", len(numbers))
    )
    path.write_bytes(head + entries + struct.pack(f"{order}I", 0) + further + b"".join(strips))
