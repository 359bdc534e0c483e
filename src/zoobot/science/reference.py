"""What a model remembers of its training galaxies.

It is features, names, labels and groups, to compare other galaxies with.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoobot.errors import CatalogError, ModelFileError
from zoobot.files import is_file
from zoobot.layout import REFERENCE_FILE
from zoobot.sealing import check_seal, write_sealed

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_KEPT = 2000
"""Galaxies that are kept"""

FAR_QUANTILE = 0.99
"""Training galaxies' quantile of the distance to the nearest other: farther ones are far"""


ARRAYS = ("features", "groups", "held_out", "held_out_groups")
"""What is kept as arrays, where it is there"""


@dataclass(frozen=True)
class Reference:
    """Features of at most 2,000 training galaxies, with their names and labels.

    Parameters
    ----------
    features
        (galaxy, feature), float16.
    ids, file_locs, labels
        (galaxy,) names, files, and labels as they are shown (empty where there are none).
    far
        The 99th percentile of these galaxies' distance to the nearest other one among them; see `distances`.
    groups
        (galaxy,) the number of each galaxy's group (one object, one tile); None where each galaxy stands alone.
    held_out
        (galaxy, feature), float16, of galaxies that the encoder was not finetuned on (the validation part), where it
        was finetuned on those above: new galaxies are then compared with these.
    held_out_groups
        (galaxy,) their groups, or None.
    """

    features: npt.NDArray[np.float16]
    ids: tuple[str, ...]
    file_locs: tuple[str, ...]
    labels: tuple[str, ...]
    far: float
    groups: npt.NDArray[np.int64] | None = None
    held_out: npt.NDArray[np.float16] | None = None
    held_out_groups: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls,
        features: npt.NDArray[np.floating],
        ids: Sequence[str],
        file_locs: Sequence[str],
        labels: Sequence[str] | None = None,
        *,
        groups: npt.NDArray[np.int64] | None = None,
        held_out: npt.NDArray[np.floating] | None = None,
        held_out_groups: npt.NDArray[np.int64] | None = None,
        seed: int = 0,
    ) -> Reference:
        """Return the reference of training galaxies, of which 2,000 are drawn where there are more.

        Rows with NaN are left out. The same holds for those that are held out.

        Raises
        ------
        CatalogError
            Fewer than three galaxies, or another number of names than of rows.
        """
        labels = [""] * len(ids) if labels is None else labels
        if not len(features) == len(ids) == len(file_locs) == len(labels):
            msg = (
                f"{len(features)} rows of features, {len(ids)} ids, {len(file_locs)} files and {len(labels)} labels "
                "were given: give one of each a galaxy."
            )
            raise CatalogError(msg)
        rows = _drawn(features, seed)
        if len(rows) < 3:
            msg = f"{len(rows)} training galaxies have features. At least 3 are needed to say what is far from them."
            raise CatalogError(msg)
        kept = _halved(features[rows])
        others = None if held_out is None else _drawn(held_out, seed)
        nearest = distances(kept, kept, leave_out_self=True).min(axis=1)
        far = float(np.quantile(nearest, FAR_QUANTILE))
        names = [tuple(str(values[row]) for row in rows.tolist()) for values in (ids, file_locs, labels)]
        return cls(
            kept, names[0], names[1], names[2], far,
            groups=None if groups is None else groups[rows],
            held_out=None if held_out is None or others is None else _halved(held_out[others]),
            held_out_groups=None if held_out_groups is None or others is None else held_out_groups[others],
        )  # fmt: skip

    def save(self, folder: str | Path) -> Path:
        """Write ``reference.safetensors`` into a folder and give its path.

        Raises
        ------
        OutputError
            A folder that can't be written.
        """
        from safetensors.numpy import save

        about = {name: json.dumps(getattr(self, name)) for name in ("ids", "file_locs", "labels", "far")}
        arrays = {name: array for name in ARRAYS if (array := getattr(self, name)) is not None}
        path = Path(folder) / REFERENCE_FILE
        write_sealed(path, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, about))
        return path

    @classmethod
    def load(cls, folder: str | Path) -> Reference | None:
        """Return the reference that lies beside a saved model, or None where there is none.

        Raises
        ------
        ModelFileError
            A file that is damaged.
        """
        from safetensors import SafetensorError, safe_open

        path = Path(folder) / REFERENCE_FILE
        if not is_file(path, ModelFileError):
            return None
        check_seal(path)
        try:
            with safe_open(path, "np") as file:
                about = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys() if name in ARRAYS}  # noqa: SIM118
            ids, file_locs, labels = (
                tuple(map(str, json.loads(about[name]))) for name in ("ids", "file_locs", "labels")
            )
            far = float(json.loads(about["far"]))
            features = arrays.pop("features")
            if features.ndim != 2 or not len(features) == len(ids) == len(file_locs) == len(labels):
                raise ValueError("its columns differ in length")
            for one, groups in ((features, "groups"), (arrays.get("held_out"), "held_out_groups")):
                if groups in arrays and (one is None or len(arrays[groups]) != len(one)):
                    raise ValueError("its columns differ in length")
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as err:
            msg = f"{path} can't be read ({err}): delete it to go on without it, or finetune again."
            raise ModelFileError(msg) from err
        return cls(features.astype(np.float16), ids, file_locs, labels, far, **arrays)


def distances(
    features: npt.NDArray[np.floating], others: npt.NDArray[np.floating], *, leave_out_self: bool = False
) -> npt.NDArray[np.float32]:
    """Return the chord between the directions of features (galaxy, other), ``sqrt(2 - 2 cos)``, in 0 to 2.

    Parameters
    ----------
    features, others
        (galaxy, feature) and (other, feature).
    leave_out_self
        Both are the same galaxies: the distance of one to itself is infinite.
    """
    cosine = unit_rows(features) @ unit_rows(others).T
    found: npt.NDArray[np.float32] = np.sqrt(np.maximum(2 - 2 * cosine, 0))
    if leave_out_self:
        np.fill_diagonal(found, np.inf)
    return found


def unit_rows(features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return features (galaxy, feature) scaled to norm 1; zeros stay zeros."""
    rows = features.astype(np.float32)
    scaled: npt.NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled


def _drawn(features: npt.NDArray[np.floating], seed: int) -> npt.NDArray[np.int64]:
    """Return the rows that are kept, in ascending order: those without NaN, or as many of them as are kept at most."""
    rows = np.flatnonzero(np.isfinite(features).all(axis=1))
    if len(rows) <= MOST_KEPT:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_KEPT, replace=False))


def _halved(features: npt.NDArray[np.floating]) -> npt.NDArray[np.float16]:
    """Return features in half precision, those beyond its range at its ends."""
    largest = float(np.finfo(np.float16).max)
    return features.clip(-largest, largest).astype(np.float16)
