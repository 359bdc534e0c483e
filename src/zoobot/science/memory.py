"""What a model remembers of all its labelled galaxies.

It is their names, parts, digests of their files, and small pictures of some.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoobot.errors import CatalogError, ModelFileError
from zoobot.files import is_file
from zoobot.layout import MEMORY_FILE
from zoobot.science.same_sky import THUMBNAIL
from zoobot.sealing import check_seal, write_sealed

if TYPE_CHECKING:
    import numpy.typing as npt

ROLES = ("train", "val", "test")
"""What a galaxy was to the model: it trained on the first, chose its epoch and was calibrated by the second, was tested
on the third
"""

MOST_PICTURES = 20_000
"""Galaxies whose picture is kept"""

_DAMAGED = f"the model's {MEMORY_FILE} is damaged: delete it to go on without it, or finetune again."

_LONGEST_NAME = 8192  # bytes of a galaxy's id and file, as a limit on what a file may unpack to


@dataclass(frozen=True, eq=False)
class Memory:
    """Which galaxies a model has been trained, validated and tested on; see `find_seen`.

    Parameters
    ----------
    roles
        (galaxy,) places in `ROLES`.
    digests
        (galaxy, 2) of the content of their files; 0 where it is not known. See `zoobot.data.pixels.file_digests`.
    pictured
        (picture,) the galaxies whose picture is kept, in ascending order.
    packed_names, packed_pictures
        Compressed, for `ids`, `file_locs` and `pictures`.
    """

    roles: npt.NDArray[np.uint8]
    digests: npt.NDArray[np.uint64]
    pictured: npt.NDArray[np.int64]
    packed_names: bytes
    packed_pictures: bytes

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        file_locs: Sequence[str],
        roles: Sequence[str],
        digests: npt.NDArray[np.uint64],
        pictured: npt.NDArray[np.int64],
        pictures: npt.NDArray[np.uint8],
    ) -> Memory:
        """Return the memory of labelled galaxies.

        Parameters
        ----------
        ids, file_locs, roles
            (galaxy,) names, files, and 'train', 'val' or 'test'.
        digests
            (galaxy, 2)
        pictured, pictures
            Rows of the galaxies whose picture is given, in ascending order, and these (picture, channel, 64, 64); their
            grey is kept.

        Raises
        ------
        CatalogError
            Lengths that differ.
        """
        if not len(ids) == len(file_locs) == len(roles) == len(digests) or len(pictured) != len(pictures):
            msg = (
                f"{len(ids)} ids, {len(file_locs)} files, {len(roles)} roles, {len(digests)} digests and "
                f"{len(pictures)} pictures of {len(pictured)} galaxies were given: give one of each for a galaxy."
            )
            raise CatalogError(msg)
        names = json.dumps([list(ids), list(file_locs)]).encode()
        grey = as_grey(pictures)
        return cls(
            np.array([ROLES.index(role) for role in roles], np.uint8),
            digests,
            pictured,
            zlib.compress(names),
            zlib.compress(np.diff(grey, axis=3, prepend=np.uint8(0)).tobytes()),  # differences take a seventh less room
        )

    def __len__(self) -> int:
        return len(self.roles)

    @cached_property
    def ids(self) -> list[str]:
        """Names of the galaxies."""
        return self._names[0]

    @cached_property
    def file_locs(self) -> list[str]:
        """Where their files were."""
        return self._names[1]

    @cached_property
    def pictures(self) -> npt.NDArray[np.uint8]:
        """Grey pictures (picture, 1, 64, 64), of the galaxies `pictured`."""
        size = len(self.pictured) * THUMBNAIL**2
        content = np.frombuffer(_unpacked(self.packed_pictures, size), np.uint8)
        if len(content) != size:
            raise ModelFileError(_DAMAGED)
        steps = content.reshape(-1, 1, THUMBNAIL, THUMBNAIL)
        return np.cumsum(steps, axis=3, dtype=np.uint8)

    @property
    def learned(self) -> npt.NDArray[np.bool_]:
        """Which galaxies (galaxy,) had a part in what the model is: those of training and validation."""
        found: npt.NDArray[np.bool_] = self.roles < ROLES.index("test")
        return found

    @property
    def copied(self) -> int:
        """How many test galaxies have the file of a galaxy that the model learned from."""
        contents = np.array([row.tobytes() for row in self.digests], dtype=object)
        known = self.digests.any(axis=1)
        return int(np.isin(contents[~self.learned & known], contents[self.learned & known]).sum())

    @cached_property
    def _names(self) -> list[list[str]]:
        content = _unpacked(self.packed_names, 4096 + _LONGEST_NAME * len(self))
        try:
            ids, file_locs = json.loads(content)
            named = len(ids) == len(file_locs) == len(self)
        except (ValueError, TypeError) as err:
            raise ModelFileError(_DAMAGED) from err
        if not named:
            raise ModelFileError(_DAMAGED)
        return [[str(one) for one in names] for names in (ids, file_locs)]

    def save(self, folder: str | Path) -> Path:
        """Write ``memory.safetensors`` into a folder and return its path.

        Raises
        ------
        OutputError
            A folder that can't be written.
        """
        from safetensors.numpy import save

        tensors = {
            "roles": self.roles,
            "digests": self.digests.view(np.int64),
            "pictured": self.pictured,
            "names": np.frombuffer(self.packed_names, np.uint8),
            "pictures": np.frombuffer(self.packed_pictures, np.uint8),
        }
        path = Path(folder) / MEMORY_FILE
        write_sealed(path, save({name: np.ascontiguousarray(one) for name, one in tensors.items()}))
        return path

    @classmethod
    def load(cls, folder: str | Path) -> Memory | None:
        """Return the memory that lies beside a saved model, or None where there is none.

        Raises
        ------
        ModelFileError
            A file that is damaged.
        """
        from safetensors import SafetensorError, safe_open

        path = Path(folder) / MEMORY_FILE
        if not is_file(path, ModelFileError):
            return None
        check_seal(path)
        try:
            with safe_open(path, "np") as file:
                roles, digests, pictured, names, pictures = (
                    file.get_tensor(name) for name in ("roles", "digests", "pictured", "names", "pictures")
                )
            known = cls(
                roles.astype(np.uint8),
                digests.view(np.uint64),
                pictured.astype(np.int64),
                names.tobytes(),
                pictures.tobytes(),
            )
            known._check()
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as err:
            msg = f"{path} can't be read ({err}): delete it to go on without it, or finetune again."
            raise ModelFileError(msg) from err
        return known

    def _check(self) -> None:
        """Raise a ValueError where columns differ in length or hold what they can't."""
        n, pictured = len(self.roles), self.pictured
        if self.roles.shape != (n,) or self.digests.shape != (n, 2) or self.roles.max(initial=0) >= len(ROLES):
            msg = "its columns differ in length, or hold unknown parts"
            raise ValueError(msg)
        if pictured.ndim != 1 or (np.diff(pictured, prepend=-1) <= 0).any() or pictured.max(initial=-1) >= n:
            msg = "its pictures are of galaxies that it doesn't have"
            raise ValueError(msg)


def as_grey(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the mean over channels of pictures (picture, channel, y, x), as (picture, 1, y, x)."""
    grey: npt.NDArray[np.uint8] = np.rint(pictures.mean(axis=1, keepdims=True, dtype=np.float32)).astype(np.uint8)
    return grey


def choose_pictured(roles: Sequence[str], *, seed: int = 0) -> npt.NDArray[np.int64]:
    """Return the galaxies whose picture is to be kept.

    They are at most 20,000, those that the model learned from before those of its test.
    """
    order = np.random.default_rng(seed).permutation(len(roles))
    is_test = np.array([role == "test" for role in roles], bool)[order]
    chosen: npt.NDArray[np.int64] = np.sort(order[np.argsort(is_test, kind="stable")][:MOST_PICTURES])
    return chosen


def _unpacked(packed: bytes, most: int) -> bytes:
    """Return what was compressed, which must not be longer than ``most`` bytes.

    Raises
    ------
    ModelFileError
        It is longer, or damaged.
    """
    unpack = zlib.decompressobj()
    try:
        content = unpack.decompress(packed, most + 1)
    except zlib.error as err:
        raise ModelFileError(_DAMAGED) from err
    if len(content) > most or not unpack.eof:
        raise ModelFileError(_DAMAGED)
    return content
