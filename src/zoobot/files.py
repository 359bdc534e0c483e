"""Writing files so that they are never seen half written."""

import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is never seen half written."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON, whole, for people to read too."""
    write_whole(path, json.dumps(content, indent=2).encode())
