"""Features kept on disk between runs, galaxy by galaxy: files that are only ever added, so that processes can share them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from zoobot.encoders import Encoder

if TYPE_CHECKING:
    import numpy.typing as npt

logger = logging.getLogger(__name__)

VERSION = 1
"""Raised when views or features are made differently, so that what older versions kept is not used."""


def cache_folder() -> Path:
    """Give the folder of kept features: ``$ZOOBOT_CACHE``, else ``zoobot`` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ZOOBOT_CACHE") or Path(home) / "zoobot") / "features"


def cache_size() -> tuple[int, int]:
    """Give how many sets of features are kept, and their size in bytes."""
    folder = cache_folder()
    sets = [entry for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
    return len(sets), sum(file.stat().st_size for entry in sets for file in entry.iterdir())


def clear_cache() -> int:
    """Delete all kept features and give the bytes that this freed."""
    freed = cache_size()[1]
    shutil.rmtree(cache_folder(), ignore_errors=True)
    return freed


class FeatureStore:
    """The features that one frozen network, preprocessing and augmentation give, for any galaxies.

    Each file holds some galaxies of one view: their pixels' digests and their features. Files are written whole under a name of their
    own and never changed: an interrupted pass keeps what it had written, and two processes can do no worse than write the same twice.

    Parameters
    ----------
    key
        Names everything that decides the features apart from the pixels; see `feature_key`.
    """

    def __init__(self, key: str) -> None:
        self.folder = cache_folder() / key

    def read(self, view: int, digests: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], Tensor | None]:
        """Give the rows of ``digests`` (galaxy, 2) whose features of this view are kept, and these features (row, ...)."""
        wanted = {(int(a), int(b)): row for row, (a, b) in enumerate(digests)}
        twins = [(row, wanted[int(a), int(b)]) for row, (a, b) in enumerate(digests) if wanted[int(a), int(b)] != row]
        found: dict[int, Tensor] = {}
        for path in sorted(self.folder.glob(f"view{view}_*.safetensors")):
            try:
                with safe_open(path, "pt") as file:
                    names = file.get_tensor("digests").numpy().view(np.uint64)
                    places = [(place, wanted.get((int(a), int(b)))) for place, (a, b) in enumerate(names)]
                    if any(row is not None for _, row in places):
                        features = file.get_tensor("features")
                        found |= {row: features[place] for place, row in places if row is not None}
            except (SafetensorError, OSError) as err:
                logger.warning("kept features in %s can't be read (%s): they are computed anew", path, err)
        found |= {row: found[twin] for row, twin in twins if twin in found}
        rows = np.array(sorted(found), np.int64)
        return rows, torch.stack([found[row] for row in rows.tolist()]) if len(rows) else None

    def write(self, view: int, digests: npt.NDArray[np.uint64], features: Tensor) -> None:
        """Keep the features (galaxy, ...) of one view; a disk that is full is said once and stops nothing."""
        content = save({"digests": torch.from_numpy(digests.view(np.int64).copy()), "features": features.contiguous()})
        name = f"view{view}_{uuid.uuid4().hex}.safetensors"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.folder / f".{name}.part"
            part.write_bytes(content)
            part.replace(self.folder / name)
        except OSError as err:
            logger.warning("features can't be kept in %s: %s", self.folder, err.strerror or err)


def feature_key(encoder: Encoder, first_trainable: int, settings: Sequence[Any]) -> str:
    """Give the name of what decides features: the frozen weights and norm statistics, the architecture, and ``settings`` (JSON)."""
    content = hashlib.blake2b(digest_size=16)
    described = [VERSION, first_trainable, encoder.config.to_dict(), *settings]
    content.update(json.dumps(described, sort_keys=True).encode())
    for name, tensor in encoder.state_dict().items():
        if encoder.block_of(name) < first_trainable:
            content.update(name.encode())
            content.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return content.hexdigest()
