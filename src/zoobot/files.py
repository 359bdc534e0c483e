"""Writing files so that they are never seen half written."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is never seen half written."""
    with replacing(path) as part:
        part.write_bytes(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside a file to write its new content to; it takes the file's place at the end, and is gone where writing fails.

    Its name ends like the file's, for some writers go by that.
    """
    part = path.with_name(f".{os.getpid()}.part.{path.name}")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON, whole, for people to read too."""
    write_whole(path, json.dumps(content, indent=2).encode())
