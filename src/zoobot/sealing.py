"""Digests of a saved model's files, kept in its ``config.json``.

A byte that has changed is found when the model is loaded.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from zoobot.errors import ModelFileError
from zoobot.files import is_file, open_regular, read_json, write_json, write_whole
from zoobot.layout import CONFIG_FILE

DIGESTS = "digests"
"""The entry of ``config.json`` that holds each file's SHA-256, by name"""

DAMAGED = "copy, download or save the model again"


def digest_of(content: Any) -> str:
    """Return the SHA-256 of bytes, or of plain values as sorted JSON."""
    if not isinstance(content, bytes):
        content = json.dumps(content, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def write_sealed(path: Path, content: bytes) -> None:
    """Write a file of a saved model, and its digest into the ``config.json`` beside it.

    It is written where there is one with digests.

    Raises
    ------
    OutputError
        Either can't be written.
    """
    write_whole(path, content)
    config = path.with_name(CONFIG_FILE)
    if is_file(config, ModelFileError):
        settings = read_json(config, ModelFileError, f"It is damaged: {DAMAGED}.")
        if isinstance(settings.get(DIGESTS), dict):
            settings[DIGESTS][path.name] = digest_of(content)
            write_json(config, settings)


def check_seal(path: Path) -> None:
    """Refuse a file of a saved model that is not as it was saved.

    One without a digest, as older versions wrote, is taken as it is.

    Raises
    ------
    ModelFileError
        The file's digest is another than the one in the ``config.json`` beside it.
    """
    config = path.with_name(CONFIG_FILE)
    if not is_file(config, ModelFileError):
        return
    digests = read_json(config, ModelFileError, f"It is damaged: {DAMAGED}.").get(DIGESTS)
    known = digests.get(path.name) if isinstance(digests, dict) else None
    if known is None:
        return
    with open_regular(path, ModelFileError) as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != known:
        msg = (
            f"{path} is damaged, or was changed after it was saved (its digest is another than in {CONFIG_FILE}): "
            f"{DAMAGED}."
        )
        raise ModelFileError(msg)
