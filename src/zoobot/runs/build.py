"""Data module and model of a run, from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoobot.data import Augmentation, GalaxyDataModule
from zoobot.data.catalog import label_columns, read_catalog
from zoobot.data.labels import infer_kind
from zoobot.data.votes import tree_votes, vote_notes
from zoobot.errors import OptionError
from zoobot.finetune import FinetuneableZoobotAbstract
from zoobot.finetune.base import FinetuneOptions
from zoobot.finetune.registry import task_for_labels, task_of_kind
from zoobot.finetune.table_names import refuse_own
from zoobot.runs.trained import Given
from zoobot.settings import BALANCED, FinetuneSettings, ImageSettings, LoadSettings, RunSettings, SplitSettings
from zoobot.trees import load as load_tree

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from zoobot.encoders import Encoder
    from zoobot.trees import Schema

    TaskClass = type[FinetuneableZoobotAbstract]


def build(settings: RunSettings, given: Given) -> tuple[GalaxyDataModule, FinetuneableZoobotAbstract]:
    """Return the data module, its catalogs read and checked, and the model.

    What is ``given`` stands for what settings name.
    """
    frame = read_catalog(settings.catalog if given.catalog is None else given.catalog)
    own: dict[str, Any] = {
        "val_catalog": settings.val_catalog if given.val_catalog is None else given.val_catalog,
        "test_catalog": settings.test_catalog if given.test_catalog is None else given.test_catalog,
    }
    tree = load_tree(settings.tree) if settings.tree else None
    if settings.task is not None:
        task_of_kind(settings.task).check_tree(tree)
    label_cols = list(settings.label_cols) or ([] if tree is None else tree.label_cols)
    refuse_own(label_cols, "label column")
    refuse_own([] if settings.group_col is None else [settings.group_col], "column of groups")
    notes = []
    if tree is not None:
        own |= {part: read_catalog(one) for part, one in own.items() if one is not None}
        notes = [note for one in (frame, *own.values()) if one is not None for note in vote_notes(one, tree)]
        own |= {part: tree_votes(one, tree) for part, one in own.items() if one is not None}
        frame = tree_votes(frame, tree)
    label_columns(frame, label_cols)
    task = choose_task(settings.task, frame, label_cols, tree, settings.classes)
    encoder = build_encoder(settings, given)
    datamodule = GalaxyDataModule(
        label_cols,
        frame,
        **own,
        classes=settings.classes,
        **data_options(settings, encoder, task),
    )
    datamodule.judges_images = False  # those of all parts are judged together, when the run ends
    datamodule.note(notes)
    datamodule.read_catalogs()
    model = build_model(settings, task, datamodule, encoder, tree)
    return datamodule, model


def build_encoder(settings: RunSettings, given: Given) -> Encoder:
    """Return the encoder to finetune."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # for weights that are not pretrained
        return given.new_encoder(settings)


def data_options(settings: RunSettings, encoder: Encoder, task: TaskClass) -> dict[str, Any]:
    """Return how a data module reads and splits catalogs for these settings."""
    return {
        **vars(ImageSettings.of(settings)),
        **vars(LoadSettings.of(settings)),
        **vars(SplitSettings.of(settings)),
        "image_size": settings.image_size or encoder.image_size,
        "crop": settings.crop,
        "augment": Augmentation(flip=settings.flip),
        "label_kind": task.takes,
        "stratify": task.takes in ("classes", "flags"),
    }


def build_model(
    settings: RunSettings,
    task: TaskClass,
    datamodule: GalaxyDataModule,
    encoder: Encoder,
    tree: Schema | None = None,
) -> FinetuneableZoobotAbstract:
    """Return an untrained model for a data module that has read its catalogs."""
    options = FinetuneOptions(encoder=encoder, **vars(FinetuneSettings.of(settings)))  # type: ignore[typeddict-item]
    own = {name: getattr(settings, name) for name in task.run_options}
    if own.get("class_weights") == BALANCED:
        own["class_weights"] = _balanced(datamodule.labels["train"])
    model = task.for_data(datamodule, tree, **own, **options)
    model.learn_from(datamodule)
    return model


def choose_task(
    name: str | None, frame: pd.DataFrame, label_cols: Sequence[str], tree: Schema | None, classes: Sequence[str] = ()
) -> TaskClass:
    """Return the task of a name, or the one that the labels ask for; classes in several columns are independent labels.

    Raises
    ------
    OptionError
        No such task, or ``classes`` of several columns.
    """
    if classes and len(label_cols) != 1:
        msg = f"classes are those of one label column, and there are {len(label_cols)}. Leave --class out."
        raise OptionError(msg)
    if name is None:
        return task_for_labels("votes" if tree else "classes" if classes else infer_kind(frame, label_cols))
    return task_for_labels("flags") if name == "classify" and len(label_cols) > 1 else task_of_kind(name)


def _balanced(labels: npt.NDArray[np.float32]) -> list[float]:
    """Return the factors by which the rare ones of classes or flags count as much as the others.

    Classes are (galaxy, 1), flags (galaxy, label).
    """
    counts = np.bincount(labels[:, 0].astype(int)) if labels.shape[1] == 1 else labels.sum(axis=0)
    return [float(weight) for weight in counts.sum() / len(counts) / np.maximum(counts, 1)]
