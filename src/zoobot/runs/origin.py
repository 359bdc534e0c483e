"""What a run's checkpoints and folds were made of, as digests: a resumed run goes on with the same galaxies, labels and weights only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoobot.data.pixels import file_digests
from zoobot.errors import CatalogError, ModelFileError
from zoobot.files import read_json
from zoobot.finetune import FinetuneableZoobotTree
from zoobot.report.contents import PARTS

if TYPE_CHECKING:
    from zoobot.data import GalaxyDataModule
    from zoobot.finetune import FinetuneableZoobotAbstract

ORIGIN_FILE = "origin.json"


def origin(datamodule: GalaxyDataModule, model: FinetuneableZoobotAbstract) -> dict[str, str]:
    """Return digests of what decides a run beside its settings, by what they are of.

    Parameters
    ----------
    datamodule
        Its catalogs read; ids, the content of image files, labels and groups count, part by part, and where files lie does not.
    model
        Before it is trained: the encoder's weights and the tree count.
    """
    found = {}
    for part in PARTS:
        frame = datamodule.frames[part]
        found[f"ids of the {part} part"] = _digest("\n".join(frame["id_str"].astype(str)).encode())
        found[f"images of the {part} part"] = _digest(file_digests(frame["file_loc"].tolist()).tobytes())
        found[f"labels of the {part} part"] = _digest(
            np.ascontiguousarray(datamodule.labels[part], np.float64).tobytes()
        )
        if datamodule.group_col is not None and datamodule.group_col in frame:
            groups = frame[datamodule.group_col].astype(str)
            found[f"groups of the {part} part"] = _digest("\n".join(groups).encode())
    weights = hashlib.blake2b(digest_size=16)
    for name, tensor in model.encoder.state_dict().items():
        weights.update(name.encode())
        weights.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    found["weights of the encoder"] = weights.hexdigest()
    found["names of classes"] = _digest(json.dumps(list(model.class_names)).encode())
    if isinstance(model, FinetuneableZoobotTree):
        found["tree"] = _digest(json.dumps(model.schema.to_dict(), sort_keys=True).encode())
    return found


def check_same(checkpoints: Path, now: Mapping[str, str]) -> str | None:
    """Refuse to go on with checkpoints that were made of something else; return a sentence where that can't be known.

    Raises
    ------
    CatalogError
        Something has changed: what.
    """
    record = checkpoints / ORIGIN_FILE
    if not record.exists():
        return "The run was started by an earlier version: whether its galaxies, labels and encoder have changed can't be checked."
    before = read_json(record, ModelFileError, "Use --overwrite to start anew.")
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if changed:
        msg = (
            f"what the run in {checkpoints.parent} was started with has changed since: {', '.join(changed)}. Galaxies that trained the "
            "model could be tested on. Put the catalog back as it was, or start anew with --overwrite or another --out."
        )
        raise CatalogError(msg)
    return None


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
