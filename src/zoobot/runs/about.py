"""What a run was: command, machine, versions and galaxies, for its folder and its report."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoobot.data.labels import Labels
from zoobot.errors import CatalogError
from zoobot.files import read_json, write_json
from zoobot.layout import ABOUT_FILE, GROUP_COLUMN, PARTS_FILE, RUN_FORMAT, VERSION_KEY
from zoobot.machine import cpu_name
from zoobot.predictions import write_table
from zoobot.report.contents import PARTS
from zoobot.report.looked import Look, looked_of
from zoobot.report.words import count
from zoobot.runs.held_out import labelled_galaxies
from zoobot.settings import RunSettings
from zoobot.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from zoobot.data import GalaxyDataModule
    from zoobot.finetune import FinetuneableZoobotAbstract

PACKAGES = ("torch", "torchvision", "timm", "lightning", "numpy")


def about_model(model: FinetuneableZoobotAbstract, encoder: str, started: str) -> dict[str, Any]:
    """Return what is known of a model, and of this command, machine and software."""
    return {
        VERSION_KEY: RUN_FORMAT,
        "command": shlex.join(["zoobot", *sys.argv[1:]]) if Path(sys.argv[0]).name == "zoobot" else None,
        "started": started,
        "machine": _machine(),
        "versions": {"zoobot": __version__, "python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        "task": model.kind,
        "label_cols": model.label_cols,
        "class_names": model.known_classes(),
        "schema": model.task_options().get("schema"),
        "encoder": encoder,
        "n_blocks": model.n_blocks,
        "image_size": None if model.preprocessing is None else model.preprocessing.image_size,
        "preprocessing": None if model.preprocessing is None else model.preprocessing.to_dict(),
    }


def write_about(
    settings: RunSettings, datamodule: GalaxyDataModule, model: FinetuneableZoobotAbstract, out: Path, started: str
) -> None:
    """Write ``about.json`` and ``parts.csv``: which galaxy was in which part."""
    parts = labelled_galaxies(datamodule)
    about = about_model(model, settings.encoder, started) | {
        "counts": {part: len(datamodule.frames[part]) for part in PARTS},
        "class_counts": _class_counts(datamodule, model),
        "simulated": any(is_simulated(datamodule.frames[part]) for part in PARTS),
        "catalog_notes": datamodule.notes,
    }
    write_json(out / ABOUT_FILE, about)
    columns = ["id_str", "file_loc", "part", *model.label_cols]
    if datamodule.group_col is not None and datamodule.group_col in parts:
        parts = parts.assign(**{GROUP_COLUMN: parts[datamodule.group_col]})
        columns.append(GROUP_COLUMN)
    write_table(parts[columns], out / PARTS_FILE)


def _class_counts(datamodule: GalaxyDataModule, model: FinetuneableZoobotAbstract) -> dict[str, dict[str, int]] | None:
    """Return how many galaxies of each class, or with each independent label, a part has.

    It is None where labels are neither.
    """
    if model.label_kind not in ("classes", "flags"):
        return None
    columns, classes = tuple(model.label_cols), tuple(model.known_classes())
    return {
        part: Labels(model.label_kind, columns, classes, datamodule.labels[part].astype(np.float64)).counts()
        for part in PARTS
    }


def write_looked(folder: Path, looks: Mapping[str, Look]) -> None:
    """Write what was looked at into ``about.json`` of a run's folder, beside what it says of other looks."""
    try:
        about = read_json(folder / ABOUT_FILE, CatalogError, "It is written anew.")
    except CatalogError:
        about = {}
    both = looked_of(about) | dict(looks)
    write_json(folder / ABOUT_FILE, about | {"looked": {name: asdict(look) for name, look in both.items()}})


def is_simulated(frame: pd.DataFrame) -> bool:
    """Say whether a catalog says that its galaxies are simulated."""
    return "simulated" in frame and bool(frame["simulated"].astype(bool).any())


def _machine() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {platform.system()}"
    return f"{cpu_name()}, {count(torch.get_num_threads(), 'thread')}, {platform.system()}"
