"""What a model predicted of labelled galaxies, as arrays.

A run's folder keeps them, and tables and reports are made from them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.errors import ModelFileError
from zoobot.files import is_file, open_regular, write_whole
from zoobot.sealing import digest_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

DERIVED = ("calibrated", "sets", "low", "high")
"""Arrays that follow from predictions and the model's calibration"""


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions of one part's galaxies beside their labels; rows are the galaxies of which both are known.

    Parameters
    ----------
    ids, file_locs
        (galaxy,) names and files.
    values
        (galaxy, value) what the model's ``predictions`` give, in the labels' units: probabilities, targets or
        concentrations.
    labels
        (galaxy, label) places of classes, 0 or 1, numbers or vote counts.
    derived
        By the names of `DERIVED`, where there are such: ``calibrated`` (galaxy, value) probabilities; ``sets`` (galaxy,
        set, class), whether each class is in each conformal set; ``low`` and ``high`` (galaxy, target), the ends of
        conformal intervals.
    left_out
        Galaxies without a finite prediction, which are not among the rows.
    """

    ids: Sequence[str]
    file_locs: Sequence[str]
    values: Array
    labels: Array
    derived: Mapping[str, Array] = field(default_factory=dict)
    left_out: int = 0

    @cached_property
    def frame(self) -> pd.DataFrame:
        """``id_str`` and ``file_loc``, one row per galaxy."""
        return pd.DataFrame({"id_str": list(self.ids), "file_loc": list(self.file_locs)}, dtype=object)

    def of(self, name: str) -> NDArray[np.float64] | None:
        """Return a derived array as float64; None where there is none."""
        return self.derived[name].astype(np.float64) if name in self.derived else None

    def has_widths(self, values: int, labels: int) -> bool:
        """Return whether there are so many values and labels of each galaxy, in derived arrays too."""
        per_value = [one for name, one in self.derived.items() if name != "sets"]
        return self.labels.shape[1] == labels and all(one.shape[1] == values for one in (self.values, *per_value))

    def check(self) -> None:
        """Raise a ValueError where arrays differ in length or have other shapes than they should."""
        n = len(self.ids)
        arrays = {"values": self.values, "labels": self.labels, **self.derived}
        wrong = [
            name for name, one in arrays.items() if one.shape[:1] != (n,) or one.ndim != (3 if name == "sets" else 2)
        ]
        if wrong or len(self.file_locs) != n:
            msg = f"its {wrong[0] if wrong else 'file_locs'} are not of {n} galaxies"
            raise ValueError(msg)


def joined(parts: Sequence[Predicted]) -> Predicted:
    """Return several parts as one, one below the other; of derived arrays those that all have."""
    common = [name for name in DERIVED if all(name in one.derived for one in parts)]
    return Predicted(
        [name for one in parts for name in one.ids],
        [file for one in parts for file in one.file_locs],
        np.concatenate([one.values for one in parts]),
        np.concatenate([one.labels for one in parts]),
        {name: np.concatenate([one.derived[name] for one in parts]) for name in common},
        sum(one.left_out for one in parts),
    )


def save_predicted(path: Path, parts: Mapping[str, Predicted]) -> None:
    """Write parts into one safetensors file, with the digest of what it holds.

    Raises
    ------
    OutputError
        It can't be written.
    """
    from safetensors.numpy import save

    arrays = {
        f"{part}.{name}": np.ascontiguousarray(array)
        for part, one in parts.items()
        for name, array in {"values": one.values, "labels": one.labels, **one.derived}.items()
    }
    names = {
        part: {"ids": list(one.ids), "file_locs": list(one.file_locs), "left_out": one.left_out}
        for part, one in parts.items()
    }
    about = json.dumps({"digest": _digest(arrays, names), "parts": names})
    write_whole(path, save(arrays, {"about": about}))  # one entry: safetensors writes several in any order


def load_predicted(path: Path) -> dict[str, Predicted]:
    """Return the parts that a file holds; none where there is no file.

    Raises
    ------
    ModelFileError
        A file that is damaged, or was changed after it was written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if not is_file(path, ModelFileError):
        return {}
    try:
        with open_regular(path, ModelFileError) as file:
            content = file.read()
        arrays = load(content)
        length = int.from_bytes(content[:8], "little")
        about = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["about"])
        names = about["parts"]
        if _digest(arrays, names) != about["digest"]:
            raise ValueError("its digest is another than when it was written")
        found = {}
        for part, own in names.items():
            mine = {name.removeprefix(f"{part}."): one for name, one in arrays.items() if name.startswith(f"{part}.")}
            derived = {name: mine[name] for name in DERIVED if name in mine}
            one = Predicted(own["ids"], own["file_locs"], mine["values"], mine["labels"], derived, own["left_out"])
            one.check()
            found[part] = one
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as err:
        msg = (
            f"{path} can't be read ({err}): delete it to go on with the tables of predictions, or repeat the command "
            "that wrote it."
        )
        raise ModelFileError(msg) from err
    return found


def _digest(arrays: Mapping[str, Array], names: Any) -> str:
    """Return the SHA-256 of arrays and names together."""
    each = {name: [str(one.dtype), list(one.shape), digest_of(one.tobytes())] for name, one in arrays.items()}
    return digest_of([each, names])
