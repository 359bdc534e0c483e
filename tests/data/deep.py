"""Color pictures of 16 bit, which Pillow can't write."""

import struct
import zlib
from pathlib import Path

import numpy as np


def deep_png(path: Path, pixels: np.ndarray) -> None:
    """Write a PNG of 16 bit, which Pillow can do for grey alone: grey or color, with transparency or without."""
    pixels = np.atleast_3d(pixels)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(png)


def deep_tiff(path: Path, pixels: np.ndarray, order: str, compression: int, planes: int = 1) -> None:
    """Write a color TIFF of 16 bit, in one strip: little or big-endian, plain or deflated."""
    height, width, channels = pixels.shape
    body = pixels.astype(f"{order}u2").tobytes()
    body = zlib.compress(body) if compression == 8 else body
    start = 8 + 2 + 10 * 12 + 4
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, start),
        (259, 3, 1, compression),
        (262, 3, 1, 2),
    ]
    entries += [
        (273, 4, 1, start + 8),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, 1, len(body)),
        (284, 3, 1, planes),
    ]
    packed = [
        struct.pack(f"{order}HHI", tag, kind, count)
        + (struct.pack(f"{order}HH", value, 0) if kind == 3 and count == 1 else struct.pack(f"{order}I", value))
        for tag, kind, count, value in entries
    ]
    head = (
        (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8) + struct.pack(f"{order}H", len(entries))
    )
    depths = struct.pack(f"{order}4H", 16, 16, 16, 16)
    path.write_bytes(head + b"".join(packed) + struct.pack(f"{order}I", 0) + depths + body)
