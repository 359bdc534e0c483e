"""What is said of a run once its model is trained: checks, the learning curve, shift, and the report on it all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.data.labels import read_labels
from zoobot.errors import LabelError
from zoobot.files import write_json
from zoobot.layout import LEARNING_CURVE_FILE, MODEL_FOLDER, SHIFT_FILE
from zoobot.predictions import feature_array, represent
from zoobot.predictions.memory import memory_of
from zoobot.predictions.thumbnails import Thumbnails, make_thumbnails
from zoobot.report.looked import Look
from zoobot.runs.about import write_looked
from zoobot.runs.check import check_run
from zoobot.runs.held_out import evaluation_options, groups_of, labelled_galaxies
from zoobot.science import Reference, measure_shift
from zoobot.science.learning_curve import learning_curve
from zoobot.settings import RunSettings

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data import GalaxyDataModule
    from zoobot.finetune import FinetuneableZoobotAbstract
    from zoobot.science import Memory, Shift

logger = logging.getLogger(__name__)


def write_aftermath(
    settings: RunSettings,
    datamodule: GalaxyDataModule,
    model: FinetuneableZoobotAbstract,
    out: Path,
    say: Callable[[str], object],
) -> None:
    """Write what a run's report shows beside its scores.

    ``out`` gets ``model/memory.safetensors`` (see `remember`), ``model/reference.safetensors`` (features of training
    galaxies, which others are compared with), ``shift.json`` (are the test galaxies like those?),
    ``learning_curve.json`` (what would more labels buy? of a frozen encoder, for one label), ``checks/`` (see
    `check_run`) and ``report.html``; ``about.json`` learns what was looked at.

    Parameters
    ----------
    settings, datamodule, model
        Of the run, the model trained.
    out
        The run's folder, with all that `finetune_run` has written before.
    say
        Called with a sentence on what is being done.
    """
    parts = labelled_galaxies(datamodule)
    thumbnails = make_thumbnails(parts["file_loc"].tolist(), datamodule.preprocessing, num_workers=settings.num_workers)
    remember(settings, datamodule, model, out, thumbnails)
    features = feature_array(represent(parts, model, checked=True, **evaluation_options(settings, model)))
    groups = groups_of(datamodule, parts)
    model.reference = _reference_of(parts, features, groups, model)
    model.reference.save(out / MODEL_FOLDER)
    test = (parts["part"] == "test").to_numpy()
    shift = measure_shift(
        model.reference,
        features[test],
        groups=None if groups is None else groups[test],
        finetuned=model.n_blocks > 0,
    )
    write_json(out / SHIFT_FILE, shift.to_dict())
    curve = _write_learning_curve(parts, features, groups, model, out)
    checks = check_run(out, features, model=model, thumbnails=thumbnails, num_workers=settings.num_workers, say=say)
    write_looked(out, {"shift": look_at_shift(shift), "learning_curve": curve})
    for sentence in (shift.sentence("The test galaxies"), *checks.sentences()):
        if sentence is not None:
            say(sentence)


def remember(
    settings: RunSettings,
    datamodule: GalaxyDataModule,
    model: FinetuneableZoobotAbstract,
    out: Path,
    thumbnails: Thumbnails | None = None,
) -> Memory:
    """Return the memory of all labelled galaxies of its run, and write it beside the model.

    The model holds it too; see `memory_of`.
    """
    model.memory = memory = memory_of(
        labelled_galaxies(datamodule),
        datamodule.preprocessing,
        thumbnails=thumbnails,
        num_workers=settings.num_workers,
    )
    memory.save(out / MODEL_FOLDER)
    return memory


def look_at_shift(shift: Shift) -> Look:
    """Return whether a shift could be measured."""
    return Look(not shift.reason, shift.n_target, f"Shift was not measured: {shift.reason}." if shift.reason else "")


def _write_learning_curve(
    parts: pd.DataFrame,
    features: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64] | None,
    model: FinetuneableZoobotAbstract,
    out: Path,
) -> Look:
    """Write ``learning_curve.json`` where there is a curve, and return whether there is one, or why not.

    Its gain is counted from the labels that train: those of the training part.
    """
    if model.n_blocks:
        reason = "the encoder was finetuned, and its features know the labels already"
    else:
        n_now = int((parts["part"] == "train").sum())
        try:
            task, column = model.curve_task(), model.label_cols[0]
            labels = read_labels(parts, [column], kind=model.label_kind, classes=model.known_classes()).values[:, 0]
            curve = learning_curve(features, labels, task, groups=groups, n_now=n_now)
        except LabelError as err:
            reason = str(err).rstrip(".")
        else:
            write_json(out / LEARNING_CURVE_FILE, curve.to_dict())
            return Look(True, len(labels))
    return Look(False, why=f"Whether more labels would help was not measured: {reason}.")


def _reference_of(
    parts: pd.DataFrame,
    features: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64] | None,
    model: FinetuneableZoobotAbstract,
) -> Reference:
    """Return the reference of the training galaxies, with their labels as one reads them (none for votes).

    Where the encoder was finetuned on them, it holds the validation galaxies' features too.
    """
    train, val = ((parts["part"] == part).to_numpy() for part in ("train", "val"))
    frame = parts[train]
    return Reference.of(
        features[train],
        frame["id_str"].tolist(),
        frame["file_loc"].tolist(),
        frame[model.label_cols[0]].astype(str).tolist() if len(model.label_cols) == 1 else None,
        groups=None if groups is None else groups[train],
        held_out=features[val] if model.n_blocks else None,
        held_out_groups=groups[val] if model.n_blocks and groups is not None else None,
    )
