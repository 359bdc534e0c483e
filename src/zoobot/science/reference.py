"""What a model remembers of its training galaxies: features, names and labels of some, to compare other galaxies with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoobot.errors import CatalogError, ModelFileError, OutputError
from zoobot.files import write_whole

if TYPE_CHECKING:
    import numpy.typing as npt

REFERENCE_FILE = "reference.safetensors"
"""Its name, beside the model"""

MOST_KEPT = 2000
"""Galaxies that are kept"""

FAR_QUANTILE = 0.99
"""Training galaxies' quantile of the distance to the nearest other: farther ones are far"""


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
    """

    features: npt.NDArray[np.float16]
    ids: tuple[str, ...]
    file_locs: tuple[str, ...]
    labels: tuple[str, ...]
    far: float

    @classmethod
    def of(
        cls,
        features: npt.NDArray[np.floating],
        ids: Sequence[str],
        file_locs: Sequence[str],
        labels: Sequence[str] | None = None,
        *,
        seed: int = 0,
    ) -> Reference:
        """Give the reference of training galaxies, of which 2,000 are drawn where there are more; rows with NaN are left out.

        Raises
        ------
        CatalogError
            Fewer than three galaxies, or another number of names than of rows.
        """
        labels = [""] * len(ids) if labels is None else labels
        if not len(features) == len(ids) == len(file_locs) == len(labels):
            msg = (
                f"{len(features)} rows of features, {len(ids)} ids, {len(file_locs)} files and {len(labels)} labels were given: "
                "give one of each a galaxy."
            )
            raise CatalogError(msg)
        rows = np.flatnonzero(np.isfinite(features).all(axis=1))
        if len(rows) < 3:
            msg = f"{len(rows)} training galaxies have features. At least 3 are needed to say what is far from them."
            raise CatalogError(msg)
        if len(rows) > MOST_KEPT:
            rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_KEPT, replace=False))
        largest = float(np.finfo(np.float16).max)
        kept = features[rows].clip(-largest, largest).astype(np.float16)
        nearest = distances(kept, kept, leave_out_self=True).min(axis=1)
        far = float(np.quantile(nearest, FAR_QUANTILE))
        names = [tuple(str(values[row]) for row in rows.tolist()) for values in (ids, file_locs, labels)]
        return cls(kept, names[0], names[1], names[2], far)

    def save(self, folder: str | Path) -> Path:
        """Write ``reference.safetensors`` into a folder and give its path.

        Raises
        ------
        OutputError
            A folder that can't be written.
        """
        from safetensors.numpy import save

        about = {name: json.dumps(getattr(self, name)) for name in ("ids", "file_locs", "labels", "far")}
        path = Path(folder) / REFERENCE_FILE
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, save({"features": np.ascontiguousarray(self.features)}, about))
        except OSError as err:
            msg = f"{path} can't be written: {err.strerror or err}. Choose a folder that you may write to."
            raise OutputError(msg) from err
        return path

    @classmethod
    def load(cls, folder: str | Path) -> Reference | None:
        """Give the reference that lies beside a saved model, or None where there is none.

        Raises
        ------
        ModelFileError
            A file that is damaged.
        """
        from safetensors import SafetensorError, safe_open

        path = Path(folder) / REFERENCE_FILE
        if not path.is_file():
            return None
        try:
            with safe_open(path, "np") as file:
                about = file.metadata() or {}
                features = file.get_tensor("features")
            ids, file_locs, labels = (
                tuple(map(str, json.loads(about[name]))) for name in ("ids", "file_locs", "labels")
            )
            far = float(json.loads(about["far"]))
            if features.ndim != 2 or not len(features) == len(ids) == len(file_locs) == len(labels):
                raise ValueError("its columns differ in length")
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as err:
            msg = f"{path} can't be read ({err}): delete it to go on without it, or finetune again."
            raise ModelFileError(msg) from err
        return cls(features.astype(np.float16), ids, file_locs, labels, far)


def distances(
    features: npt.NDArray[np.floating], others: npt.NDArray[np.floating], *, leave_out_self: bool = False
) -> npt.NDArray[np.float32]:
    """Give the chord between the directions of features (galaxy, other), ``sqrt(2 - 2 cos)``, in 0 to 2.

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
    """Give features (galaxy, feature) scaled to norm 1; zeros stay zeros."""
    rows = features.astype(np.float32)
    scaled: npt.NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled
