"""What is said of a run once its model is trained: checks, the learning curve, shift, and the report on it all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.files import write_whole
from zoobot.predictions import represent
from zoobot.report import check_run, write_report
from zoobot.runs.settings import MODEL_FOLDER, SHIFT_FILE, RunSettings
from zoobot.science import Reference, measure_shift

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data import GalaxyDataModule
    from zoobot.finetune import FinetuneableZoobotAbstract


def write_aftermath(
    settings: RunSettings,
    datamodule: GalaxyDataModule,
    model: FinetuneableZoobotAbstract,
    out: Path,
    say: Callable[[str], object],
) -> None:
    """Write what a run's report shows beside its scores, and the report.

    ``out`` gets ``model/reference.safetensors`` (features of training galaxies, which others are compared with), ``shift.json`` (are the
    test galaxies like those?), ``checks/`` (see `check_run`) and ``report.html``.

    Parameters
    ----------
    settings, datamodule, model
        Of the run, the model trained.
    out
        The run's folder, with all that `finetune_run` has written before.
    say
        Called with a sentence on what is being done.
    """
    parts = pd.concat(
        [datamodule.frames[part].assign(part=part) for part in ("train", "val", "test")], ignore_index=True
    )
    features = _features(settings, parts, model)
    train, test = features[parts["part"] == "train"], features[parts["part"] == "test"]
    model.reference = _remember(datamodule.frames["train"], train, model.label_cols)
    model.reference.save(out / MODEL_FOLDER)
    shift = measure_shift(model.reference, test).to_dict()
    write_whole(out / SHIFT_FILE, json.dumps(shift, indent=2).encode())
    check_run(out, features, model=model, num_workers=settings.num_workers, say=say)
    write_report(out)


def _features(settings: RunSettings, parts: pd.DataFrame, model: FinetuneableZoobotAbstract) -> npt.NDArray[np.float32]:
    """Give the features (galaxy, feature) of all labelled galaxies, which training has computed already where it froze the encoder."""
    keep = settings.feature_cache and model.n_blocks == 0
    options: dict[str, Any] = {"num_workers": settings.num_workers, "precision": settings.precision}
    table = represent(parts, model, keep=keep, **options)
    return table.filter(regex=r"^feature_\d+$").to_numpy(np.float32)


def _remember(frame: pd.DataFrame, features: npt.NDArray[np.float32], label_cols: list[str]) -> Reference:
    """Give the reference of the training galaxies, with their labels as one reads them (none for votes)."""
    labels = frame[label_cols[0]].astype(str).tolist() if len(label_cols) == 1 else None
    return Reference.of(features, frame["id_str"].tolist(), frame["file_loc"].tolist(), labels)
