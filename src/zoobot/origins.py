"""What work that is kept was made of, as digests: it is gone on with only where nothing of that has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoobot.errors import CatalogError, ModelFileError
from zoobot.files import read_json

if TYPE_CHECKING:
    from torch import Tensor

ORIGIN_FILE = "origin.json"
"""Beside the checkpoints of a run: the digest of each thing that they were made of"""


def short_digest(content: bytes) -> str:
    """Return 128 bits that change with the content (blake2b)."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def digest_of_weights(weights: Mapping[str, Tensor]) -> str:
    """Return 128 bits that change with the names and values of a state dict."""
    found = hashlib.blake2b(digest_size=16)
    for name, tensor in weights.items():
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def check_same(folder: Path, now: Mapping[str, str], why: str) -> str | None:
    """Refuse to go on with what was made of something else; return a sentence where that can't be known.

    Parameters
    ----------
    folder
        Which holds `ORIGIN_FILE`, in the run's folder.
    now
        Digests by what they are of.
    why
        What going on would do, in a sentence.

    Raises
    ------
    CatalogError
        Something has changed: what.
    """
    record = folder / ORIGIN_FILE
    if not record.exists():
        return (
            "The run was started by an earlier version: whether its galaxies, labels and encoder have changed can't "
            "be checked."
        )
    before = read_json(record, ModelFileError, "Use --overwrite to start anew.")
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if changed:
        msg = (
            f"what the run in {folder.parent} was started with has changed since: {', '.join(changed)}. {why} Put it "
            "back as it was, or start anew with --overwrite or another folder."
        )
        raise CatalogError(msg)
    return None
