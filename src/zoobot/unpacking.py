"""Streams of compressed files that end in an error where more comes out than a file of that size may hold."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
from typing import Any

from zoobot.errors import ZoobotError

UNPACKED_BYTES, UNPACKED_TIMES = 256_000_000, 100
"""A compressed file may unpack to this size, or to so many times its own where that is more; beyond it, it is taken for
hostile.
"""

_UNPACKERS: tuple[tuple[bytes, Any], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ", lzma.open),
)


def most_unpacked(packed: int) -> int:
    """Return how many bytes a compressed file may unpack to, from its size."""
    return max(UNPACKED_BYTES, UNPACKED_TIMES * packed)


def too_large(path: str, packed: int) -> str:
    """Word that a file unpacks to more than it may."""
    return (
        f"{path} unpacks to more than {most_unpacked(packed) / 1e6:,.0f} MB, the most allowed for a file of its size: "
        "it is damaged or hostile. Unpack it yourself if it is what it should be."
    )


def unpacked(file: io.BufferedReader, size: int, path: str, wrong: type[ZoobotError]) -> io.BufferedReader:
    """Return a stream of what gzip, bzip2 or xz compressed, up to `most_unpacked`.

    It is the file itself where that is not compressed.

    Parameters
    ----------
    file
        The open file, of ``size`` bytes. Closing the stream closes it.
    path, wrong
        Name of the file, and class of the error, for what is beyond the limit.
    """
    start = file.peek(6)
    for magic, unpacker in _UNPACKERS:
        if start.startswith(magic):
            return io.BufferedReader(_Limited(unpacker(file), file, size, path, wrong))
    return file


class _Limited(io.RawIOBase):
    """A stream of what was compressed, which ends in an error once more than the limit comes out of it."""

    def __init__(self, stream: Any, file: io.BufferedReader, size: int, path: str, wrong: type[ZoobotError]) -> None:
        self.stream, self.file, self.size, self.path, self.wrong = stream, file, size, path, wrong

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self.stream.read(len(buffer))
        self._check(self.stream.tell())
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            while self.stream.read(1 << 20):
                self._check(self.stream.tell())
            offset += self.stream.tell()
        elif whence == os.SEEK_CUR:
            offset += self.stream.tell()
        self._check(offset)
        return int(self.stream.seek(offset))

    def tell(self) -> int:
        return int(self.stream.tell())

    def close(self) -> None:
        if not self.closed:
            self.stream.close()
            self.file.close()
        super().close()

    def _check(self, position: int) -> None:
        if position > most_unpacked(self.size):
            raise self.wrong(too_large(self.path, self.size))
