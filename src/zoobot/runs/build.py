"""Data module and model of a run, from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from zoobot import trees
from zoobot.data import Augmentation, GalaxyDataModule
from zoobot.data.catalog import label_columns, read_catalog
from zoobot.data.labels import LabelKind, infer_kind
from zoobot.data.votes import tree_votes, vote_notes
from zoobot.encoders import load_encoder
from zoobot.errors import LabelError, OptionError
from zoobot.finetune import (
    FinetuneableZoobotAbstract,
    FinetuneableZoobotClassifier,
    FinetuneableZoobotRegressor,
    FinetuneableZoobotTree,
)
from zoobot.finetune.base import FinetuneOptions
from zoobot.finetune.table_names import refuse_own
from zoobot.runs.settings import RunSettings, Task

if TYPE_CHECKING:
    import pandas as pd

    from zoobot.data.tables import CatalogSource
    from zoobot.encoders import Encoder


def build(settings: RunSettings) -> tuple[GalaxyDataModule, FinetuneableZoobotAbstract]:
    """Return the data module, its catalogs read and checked, and the model."""
    frame = read_catalog(settings.catalog)
    test: CatalogSource | None = settings.test
    tree = trees.load(settings.tree) if settings.tree else None
    if settings.task == "tree" and tree is None:
        msg = f"--task tree needs the tree: --tree with one of {', '.join(trees.names())}, or the path of a YAML file."
        raise OptionError(msg)
    label_cols = list(settings.label_cols) or ([] if tree is None else tree.label_cols)
    refuse_own(label_cols, "label column")
    refuse_own([] if settings.group_col is None else [settings.group_col], "column of groups")
    notes = []
    if tree is not None:
        given = [frame] if test is None else [frame, read_catalog(test)]
        notes = [note for one in given for note in vote_notes(one, tree)]
        frame, *tests = [tree_votes(one, tree) for one in given]
        test = tests[0] if tests else None
    label_columns(frame, label_cols)
    task = settings.task or ("tree" if tree else infer_task(frame, label_cols))
    encoder = build_encoder(settings)
    datamodule = GalaxyDataModule(
        label_cols,
        frame,
        test_catalog=test,
        **data_options(settings, encoder, task, label_cols),
    )
    datamodule.judges_images = False  # those of all parts are judged together, when the run ends
    datamodule.note(notes)
    datamodule.read_catalogs()
    model = build_model(settings, task, datamodule, encoder)
    return datamodule, model


def build_encoder(settings: RunSettings) -> Encoder:
    """Return the encoder to finetune."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # for weights that are not pretrained
        return load_encoder(settings.encoder, settings.channels, pretrained=settings.pretrained)


def data_options(settings: RunSettings, encoder: Encoder, task: Task, label_cols: Sequence[str]) -> dict[str, Any]:
    """Return how a data module reads and splits catalogs for these settings."""
    return {
        "batch_size": settings.batch_size,
        "image_size": settings.image_size or encoder.image_size,
        "crop": settings.crop,
        "num_workers": settings.num_workers,
        "stretch": settings.stretch,
        "hdu": settings.hdu,
        "channels": settings.channels,
        "augment": Augmentation(flip=settings.flip),
        "class_balance": settings.class_balance,
        "group_col": settings.group_col,
        "drop_unlabelled": settings.drop_unlabelled,
        "label_kind": label_kind(task, label_cols),
        "stratify": task == "classify",
        "seed": settings.seed,
    }


def build_model(
    settings: RunSettings, task: Task, datamodule: GalaxyDataModule, encoder: Encoder
) -> FinetuneableZoobotAbstract:
    """Return an untrained model for a data module that has read its catalogs."""
    label_cols = datamodule.label_cols
    options = FinetuneOptions(
        encoder=encoder,
        n_blocks=settings.blocks,
        learning_rate=settings.learning_rate,
        head=settings.head,
        seed=settings.seed,
    )
    model: FinetuneableZoobotAbstract
    if task == "classify":
        multi_label = len(label_cols) > 1
        num_classes = len(label_cols) if multi_label else _count_classes(datamodule)
        model = FinetuneableZoobotClassifier(
            num_classes, multi_label=multi_label, calibration=settings.calibration, **options
        )
    elif task == "regress":
        model = FinetuneableZoobotRegressor(num_targets=len(label_cols), **options)
    else:
        model = FinetuneableZoobotTree(trees.load(settings.tree), concentrations=settings.concentrations, **options)
    model.learn_from(datamodule)
    return model


def infer_task(frame: pd.DataFrame, label_cols: Sequence[str]) -> Task:
    """Return the task that label columns ask for: see `zoobot.data.labels.infer_kind`."""
    return "regress" if infer_kind(frame, label_cols) == "numbers" else "classify"


def label_kind(task: Task, label_cols: Sequence[str]) -> LabelKind:
    """Return what the labels of a task are."""
    if task == "classify":
        return "classes" if len(label_cols) == 1 else "flags"
    return "numbers" if task == "regress" else "votes"


def _count_classes(datamodule: GalaxyDataModule) -> int:
    """Return the number of classes of a data module's one label column."""
    column = datamodule.label_cols[0]
    names = datamodule.class_names[column]
    if len(names) < 2:
        msg = f"all galaxies have the same label {names[0]!r} in column {column!r}. Two classes or more are needed to learn from."
        raise LabelError(msg)
    return len(names)
