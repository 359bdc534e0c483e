"""Features kept on disk between runs, galaxy by galaxy.

Files are only ever added, so that processes can share them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy
import numpy as np
import PIL
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from zoobot.data import Augmentation, Preprocessing
from zoobot.data.pixels import file_digests
from zoobot.encoders import Encoder
from zoobot.errors import OutputError
from zoobot.files import is_file, sweep, write_whole
from zoobot.places import kept_features

if TYPE_CHECKING:
    import numpy.typing as npt

logger = logging.getLogger(__name__)

KEPT_PER_FILE = 256
"""Galaxies after which features are written to disk, so that an interrupted pass loses little"""

VERSION = 4
"""Raised when images, views or features are made differently, so that what older versions kept is not used."""


SEAL = "seal"
"""Entry of a file of features that tells whether it is as it was written, and where it belongs"""


def cache_size() -> tuple[int, int]:
    """Return how many sets of features are kept, and their size in bytes."""
    folder = kept_features()
    sets = [entry for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
    return len(sets), sum(file.stat().st_size for entry in sets for file in entry.iterdir())


def clear_cache() -> int:
    """Delete all kept features and give the bytes that this freed."""
    freed = cache_size()[1]
    shutil.rmtree(kept_features(), ignore_errors=True)
    return freed


class FeatureStore:
    """The features that one frozen network, preprocessing and augmentation give, for any galaxies.

    A file that can't be read, is damaged or belongs elsewhere is left out with a warning, and deleted: its features are
    computed anew.

    Each file holds some galaxies of one view: digests of their images' files, and features. Files are written whole
    under a name of their own and never changed: an interrupted pass keeps what it had written, and two processes can do
    no worse than write the same twice.

    Parameters
    ----------
    key
        Names everything that decides the features apart from the image files; see `feature_key`.
    """

    def __init__(self, key: str) -> None:
        self.folder = kept_features() / key
        sweep(self.folder)

    def read(self, view: int, digests: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], Tensor | None]:
        """Return the rows of ``digests`` whose features of this view are kept, and these features.

        Shapes are (galaxy, 2) for digests, and (row, ...) for features.
        """
        wanted = {(int(a), int(b)): row for row, (a, b) in enumerate(digests)}
        twins = [(row, wanted[int(a), int(b)]) for row, (a, b) in enumerate(digests) if wanted[int(a), int(b)] != row]
        found: dict[int, Tensor] = {}
        for path in sorted(self.folder.glob(f"view{view}_*.safetensors")):
            try:
                found |= self._read_file(path, wanted)
            except (SafetensorError, OSError, ValueError) as err:
                logger.warning("Kept features in %s can't be read (%s): they are computed anew.", path, err)
                if not isinstance(err, OSError):
                    with contextlib.suppress(OSError):
                        path.unlink(missing_ok=True)
        found |= {row: found[twin] for row, twin in twins if twin in found}
        rows = np.array(sorted(found), np.int64)
        return rows, torch.stack([found[row] for row in rows.tolist()]) if len(rows) else None

    def _read_file(self, path: Path, wanted: Mapping[tuple[int, int], int]) -> dict[int, Tensor]:
        """Return the features that a file holds of the galaxies wanted, by their rows.

        It looks no further where the file holds none of them.
        """
        if not is_file(path, OutputError):
            msg = "it is no regular file"
            raise OSError(msg)
        with safe_open(path, "pt") as file:
            digests = file.get_tensor("digests")
            if digests.dtype != torch.int64 or digests.ndim != 2 or digests.shape[1] != 2:
                msg = "it holds something else"
                raise ValueError(msg)
            names = digests.numpy().view(np.uint64)
            places = [(place, wanted.get((int(a), int(b)))) for place, (a, b) in enumerate(names)]
            if not any(row is not None for _, row in places):
                return {}
            features = file.get_tensor("features")
            if (file.metadata() or {}).get(SEAL) != self._seal(digests, features):
                msg = "it is damaged, or of something else"
                raise ValueError(msg)
            return {row: features[place] for place, row in places if row is not None}

    def _seal(self, digests: Tensor, features: Tensor) -> str:
        """Return the digest of a file's content and of what the features were made by."""
        content = hashlib.blake2b(
            f"{self.folder.name} {features.dtype} {tuple(features.shape)}".encode(), digest_size=16
        )
        for tensor in (digests, features):
            content.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
        return content.hexdigest()

    def write(self, view: int, digests: npt.NDArray[np.uint64], features: Tensor) -> None:
        """Keep the features (galaxy, ...) of one view; a disk that is full is said once and stops nothing."""
        tensors = {"digests": torch.from_numpy(digests.view(np.int64).copy()), "features": features.contiguous()}
        content = save(tensors, {SEAL: self._seal(**tensors)})
        name = f"view{view}_{uuid.uuid4().hex}.safetensors"
        try:
            write_whole(self.folder / name, content)
        except OutputError as err:
            logger.warning("features can't be kept: %s", err)


class KeptFeatures:
    """The features of image files' evaluation views: those that are kept, and a place for those that are not.

    Attributes
    ----------
    missing : ndarray of int
        The rows of ``files`` whose features are not kept.
    """

    def __init__(self, store: FeatureStore, files: Sequence[str]) -> None:
        self.store = store
        self.digests = file_digests(files)
        self.rows, self.features = store.read(-1, self.digests)
        self.missing = np.setdiff1d(np.arange(len(files)), self.rows)
        self.new: list[tuple[npt.NDArray[np.int64], Tensor]] = []

    def known(self, batch_size: int) -> Iterator[tuple[npt.NDArray[np.int64], Tensor]]:
        """Return rows and features (row, feature) that are kept, batch by batch."""
        if self.features is not None:
            for start in range(0, len(self.rows), batch_size):
                yield self.rows[start : start + batch_size], self.features[start : start + batch_size]

    def add(self, rows: npt.NDArray[np.int64], features: Tensor) -> None:
        """Keep features (row, feature) that were missing, once there are enough for a file."""
        self.new.append((rows, features.float().cpu()))
        if sum(len(rows) for rows, _ in self.new) >= KEPT_PER_FILE:
            self.write()

    def write(self) -> None:
        """Write what was added."""
        if self.new:
            rows = np.concatenate([rows for rows, _ in self.new])
            self.store.write(-1, self.digests[rows], torch.cat([features for _, features in self.new]))
            self.new = []


def evaluation_store(
    encoder: Encoder, preprocessing: Preprocessing, computed_in: torch.dtype, runtime: str
) -> FeatureStore:
    """Return where the whole encoder's features of evaluation views are kept."""
    settings = view_settings(preprocessing, None, torch.float32, computed_in, runtime)
    return FeatureStore(feature_key(encoder, encoder.num_blocks, settings))


def view_settings(
    preprocessing: Preprocessing,
    augmentation: Augmentation | None,
    kept_as: torch.dtype,
    computed_in: torch.dtype,
    runtime: str,
) -> list[Any]:
    """Return what decides features beside the encoder and the files, for `feature_key`.

    Views are those of evaluation, without augmentation.
    """
    augmented = None if augmentation is None else augmentation.to_dict()
    return [preprocessing.to_dict(), augmented, str(kept_as), str(computed_in), runtime]


def feature_key(encoder: Encoder, first_trainable: int, settings: Sequence[Any]) -> str:
    """Return the name of what decides features.

    It covers the frozen weights and norm statistics, the architecture, ``settings`` (JSON), and decoders.
    """
    content = hashlib.blake2b(digest_size=16)
    decoders = [PIL.__version__, astropy.__version__]
    described = [VERSION, decoders, first_trainable, encoder.config.to_dict(), *settings]
    content.update(json.dumps(described, sort_keys=True).encode())
    for name, tensor in encoder.state_dict().items():
        if encoder.block_of(name) < first_trainable:
            content.update(name.encode())
            content.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return content.hexdigest()
