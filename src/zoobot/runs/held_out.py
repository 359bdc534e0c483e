"""What a run and each of its folds do with galaxies held out of training.

They choose the best model by them, calibrate it, and predict them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from zoobot.data.splits import group_codes
from zoobot.predictions import Evaluation, evaluate
from zoobot.report.contents import PARTS
from zoobot.settings import ComputeSettings, RunSettings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from zoobot.data import GalaxyDataModule
    from zoobot.finetune import FinetuneableZoobotAbstract


def labelled_galaxies(datamodule: GalaxyDataModule) -> pd.DataFrame:
    """Return the labelled galaxies of all parts, one part below the other, with its name in the column ``part``."""
    return pd.concat([datamodule.frames[part].assign(part=part) for part in PARTS], ignore_index=True)


def groups_of(datamodule: GalaxyDataModule, galaxies: pd.DataFrame) -> npt.NDArray[np.int64] | None:
    """Return the group of each galaxy (galaxy,), as the data module split them; None where each galaxy stands alone."""
    column = grouping(datamodule, galaxies)["group_col"]
    return None if column is None else group_codes(galaxies[column])


def grouping(datamodule: GalaxyDataModule, galaxies: pd.DataFrame) -> dict[str, Any]:
    """Return the options of `zoobot.evaluate` for a part of a catalog.

    They are its column of groups, if any, and that it has been checked.
    """
    return {"group_col": datamodule.group_col if datamodule.group_col in galaxies else None, "checked": True}


def best_model(trained: FinetuneableZoobotAbstract, checkpoint: str | Path) -> FinetuneableZoobotAbstract:
    """Return the model of a checkpoint.

    Its encoder is the trained one's where that was frozen, or where timm can't build it again.
    """
    in_memory = trained.n_blocks == 0 or trained.encoder.config.architecture is None
    return type(trained).load_from_checkpoint(checkpoint, encoder=trained.encoder if in_memory else None)


def evaluation_options(settings: RunSettings, model: FinetuneableZoobotAbstract) -> dict[str, Any]:
    """Return how `zoobot.evaluate` and `zoobot.represent` run.

    Features of a frozen encoder are kept, for training has them already.
    """
    return {
        "keep": settings.feature_cache and model.n_blocks == 0,
        "num_workers": settings.num_workers,
        **vars(ComputeSettings.of(settings)),
    }


def calibrate(model: FinetuneableZoobotAbstract, validation: pd.DataFrame, options: dict[str, Any]) -> Evaluation:
    """Calibrate a model on validation galaxies, and return their evaluation from before."""
    evaluation = evaluate(validation, model, **options)
    model.calibrate(torch.from_numpy(evaluation.values), torch.from_numpy(evaluation.labels), evaluation.groups)
    return evaluation
