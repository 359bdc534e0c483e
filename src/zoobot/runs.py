"""One finetuning run from a catalog to a folder of results: what ``zoobot finetune`` and ``zoobot demo`` do."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from zoobot import trees
from zoobot.data import Augmentation, GalaxyDataModule
from zoobot.data.catalog import is_names, label_columns, read_catalog
from zoobot.data.datamodule import MOST_CLASSES
from zoobot.data.votes import tree_votes
from zoobot.encoders import load_encoder
from zoobot.encoders.saved import read_pickled
from zoobot.errors import LabelError, OptionError
from zoobot.files import write_whole
from zoobot.finetune import (
    FinetuneableZoobotAbstract,
    FinetuneableZoobotClassifier,
    FinetuneableZoobotRegressor,
    FinetuneableZoobotTree,
    get_trainer,
)
from zoobot.finetune.base import FinetuneOptions
from zoobot.finetune.feature_cache import FeatureCache
from zoobot.finetune.trainer import CHECKPOINTS, LAST_CHECKPOINT, MONITOR, check_unchanged, clear_or_keep
from zoobot.precision import Precision, keep_freed_memory, peak_memory_gb
from zoobot.predictions import evaluate, write_table
from zoobot.predictions.evaluation import json_ready
from zoobot.report import plot_votes

if TYPE_CHECKING:
    import pandas as pd

    from zoobot.data.catalog import CatalogSource
    from zoobot.data.images import Stretch
    from zoobot.finetune.heads import HeadKind

logger = logging.getLogger(__name__)

Task = Literal["classify", "regress", "tree"]

RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.csv"
MODEL_FOLDER = "model"
PLOTS_FOLDER = "plots"

FREE_ON_RESUME = ("epochs", "patience", "num_workers")
"""Settings that may differ when a run is resumed: the others would make it another run."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What a finetuning run was asked for; written to ``run.json``. See `GalaxyDataModule` and `FinetuneableZoobotAbstract`."""

    catalog: str
    label_cols: tuple[str, ...]
    task: Task | None = None
    tree: tuple[str, ...] = ()
    test: str | None = None
    encoder: str = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano"
    pretrained: bool = True
    blocks: int = 0
    epochs: int = 100
    patience: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-4
    head: HeadKind = "linear"
    image_size: int | None = None
    crop: float = 0.8
    channels: int = 3
    stretch: Stretch | None = None
    flip: bool = True
    class_balance: Literal["none", "sampler"] = "none"
    group_col: str | None = None
    feature_cache: bool = True
    views: int | None = None
    precision: Precision = "auto"
    accumulate: int = 1
    ema_decay: float | None = None
    num_workers: int | None = None
    seed: int = 42


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What a run took; ``metrics.json`` holds it under ``timing``.

    Parameters
    ----------
    fit_seconds
        Training, with decoding the images and running the frozen blocks; 0 where a resumed run had nothing left to train.
    frozen_pass_seconds
        The share of it that the frozen blocks took: near 0 where their features were kept from an earlier run.
    total_seconds
        The whole run: reading catalogs and weights, training, evaluating, writing.
    images_per_second
        Training galaxies, counted anew each epoch, a second of ``fit_seconds``; None where nothing was trained.
    peak_memory_gb
        The most memory that this process has held so far, of the GPU where it trained on one (10^9 bytes).
    """

    fit_seconds: float
    frozen_pass_seconds: float
    total_seconds: float
    images_per_second: float | None
    peak_memory_gb: float


def finetune_run(
    settings: RunSettings,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    trainer_options: dict[str, Any] | None = None,
    say: Callable[[str], object] = logger.info,
) -> dict[str, Any]:
    """Finetune, evaluate and save; give what ``metrics.json`` holds.

    ``out`` gets ``model/`` (the best by validation loss, then calibrated on the validation part), ``checkpoints/``, ``log.csv``,
    ``metrics.json`` (scores of the validation part before calibration, of the test part, and ``timing``: see `Timing`),
    ``predictions.csv`` (of the test part), ``run.json`` (the settings) and, for votes, ``plots/``.

    Parameters
    ----------
    settings
        What to do.
    out
        Where to write.
    resume
        Go on from the newest checkpoint of an interrupted run in ``out``, to the same weights; start where there is none.
    overwrite
        Delete an earlier run in ``out`` first.
    trainer_options
        Handed to `get_trainer`.
    say
        Called with a sentence on what is being done.

    Raises
    ------
    OutputError
        ``out`` holds a run and neither resume nor overwrite is set, or can't be written.
    OptionError
        Resuming with other settings than those the run was started with, or with fewer epochs than it has done; resuming and
        overwriting at once.
    """
    start = time.perf_counter()
    last = out / CHECKPOINTS / LAST_CHECKPOINT
    _check_folder(settings, out, resume=resume, overwrite=overwrite)
    datamodule, model = build(settings)
    say(_summary(settings, datamodule, model))
    trainer = get_trainer(
        out,
        max_epochs=settings.epochs,
        patience=settings.patience,
        feature_cache=settings.feature_cache and FeatureCache(views=settings.views, precision=settings.precision),
        precision=settings.precision,
        ema_decay=settings.ema_decay,
        accumulate_grad_batches=settings.accumulate,
        **(trainer_options or {}),
    )
    write_whole(out / RUN_FILE, json.dumps(asdict(settings), indent=2).encode())
    resuming = resume and last.is_file()
    epochs_before = read_pickled(last)["epoch"] + 1 if resuming else 0
    if not (resuming and _stopped_early(last, settings.patience)):
        trainer.fit(model, datamodule, ckpt_path=last if resuming else None)
        best = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    else:
        best = _best_of(last)
    model = type(model).load_from_checkpoint(best, encoder=_in_memory(model))
    evaluation = evaluate(
        datamodule.frames["val"], model, num_workers=settings.num_workers, precision=settings.precision
    )
    scores = {"val": evaluation.scores}
    model.calibrate(torch.from_numpy(evaluation.values), torch.from_numpy(evaluation.labels))
    model.save(out / MODEL_FOLDER)
    evaluation = evaluate(
        datamodule.frames["test"], model, num_workers=settings.num_workers, precision=settings.precision
    )
    scores["test"] = evaluation.scores
    write_table(evaluation.table, out / PREDICTIONS_FILE)
    if isinstance(model, FinetuneableZoobotTree):
        plot_votes(evaluation.posterior(model), evaluation.labels, out / PLOTS_FOLDER)
    timing = Timing(
        fit_seconds=round(trainer.fit_seconds, 3),
        frozen_pass_seconds=round(trainer.frozen_pass_seconds, 3),
        total_seconds=round(time.perf_counter() - start, 3),
        images_per_second=_rate(
            (trainer.current_epoch - epochs_before) * len(datamodule.frames["train"]), trainer.fit_seconds
        ),
        peak_memory_gb=round(peak_memory_gb(trainer.strategy.root_device), 3),
    )
    metrics: dict[str, Any] = json_ready(scores) | {"timing": asdict(timing)}
    write_whole(out / METRICS_FILE, json.dumps(metrics, indent=2).encode())
    return metrics


def build(settings: RunSettings) -> tuple[GalaxyDataModule, FinetuneableZoobotAbstract]:
    """Give the data module, its catalogs read and checked, and the model."""
    frame = read_catalog(settings.catalog)
    test: CatalogSource | None = settings.test
    tree = trees.load(settings.tree) if settings.tree else None
    if settings.task == "tree" and tree is None:
        msg = f"--task tree needs the tree: --tree with one of {', '.join(trees.names())}, or the path of a YAML file."
        raise OptionError(msg)
    label_cols = list(settings.label_cols) or ([] if tree is None else tree.label_cols)
    if tree is not None:
        frame = tree_votes(frame, tree)
        test = None if test is None else tree_votes(read_catalog(test), tree)
    label_columns(frame, label_cols)
    task = settings.task or ("tree" if tree else infer_task(frame, label_cols))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # for weights that are not pretrained
        encoder = load_encoder(settings.encoder, settings.channels, pretrained=settings.pretrained)
    datamodule = GalaxyDataModule(
        label_cols,
        frame,
        test_catalog=test,
        batch_size=settings.batch_size,
        image_size=settings.image_size or encoder.image_size,
        crop=settings.crop,
        num_workers=settings.num_workers,
        stretch=settings.stretch,
        channels=settings.channels,
        augment=Augmentation(flip=settings.flip),
        class_balance=settings.class_balance,
        group_col=settings.group_col,
        stratify=task == "classify",
        seed=settings.seed,
    )
    datamodule.read_catalogs()
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
        model = FinetuneableZoobotClassifier(num_classes, multi_label=multi_label, **options)
    elif task == "regress":
        model = FinetuneableZoobotRegressor(num_targets=len(label_cols), **options)
    else:
        assert tree is not None  # checked above
        model = FinetuneableZoobotTree(tree, **options)
    model.learn_from(datamodule)
    return datamodule, model


def infer_task(frame: pd.DataFrame, label_cols: Sequence[str]) -> Task:
    """Say which task label columns ask for: names and few whole numbers are classes, other numbers are regressed on."""
    values = [frame[column].dropna() for column in label_cols]
    if any(is_names(column) for column in values):
        return "classify"
    numbers = np.concatenate([column.to_numpy(float) for column in values])
    whole = bool((numbers == np.floor(numbers)).all() and (numbers >= 0).all())
    most = 2 if len(label_cols) > 1 else MOST_CLASSES
    return "classify" if whole and len(np.unique(numbers)) <= most else "regress"


def _count_classes(datamodule: GalaxyDataModule) -> int:
    """Give the number of classes of a data module's one label column."""
    column = datamodule.label_cols[0]
    if column in datamodule.class_names:
        names = datamodule.class_names[column]
        if len(names) < 2:
            msg = f"all galaxies have the same label {names[0]!r} in column {column!r}. Two classes or more are needed to learn from."
            raise LabelError(msg)
        return len(names)
    return max(2, int(max(labels.max() for labels in datamodule.labels.values())) + 1)


def _rate(count: int, seconds: float) -> float | None:
    return round(count / seconds, 1) if seconds else None


def _in_memory(model: FinetuneableZoobotAbstract) -> Any:
    """Give the encoder's module where timm can't build it again."""
    return model.encoder if model.encoder.config.architecture is None else None


def _check_folder(settings: RunSettings, out: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse to mix two runs in one folder, to resume with other settings, or with fewer epochs than are done."""
    last = out / CHECKPOINTS / LAST_CHECKPOINT
    made = (MODEL_FOLDER, CHECKPOINTS, PLOTS_FOLDER, METRICS_FILE, PREDICTIONS_FILE, "log.csv")
    if not clear_or_keep(out, RUN_FILE, last, made, resume=resume, overwrite=overwrite, elsewhere="another --out"):
        return
    check_unchanged(out, json.loads((out / RUN_FILE).read_text()), asdict(settings), FREE_ON_RESUME)
    done = read_pickled(last)["epoch"] + 1
    if done > settings.epochs:
        msg = f"the run in {out} has done {done} epochs, more than --epochs {settings.epochs}. Give --epochs {done} or more."
        raise OptionError(msg)


def _stopped_early(last: Path, patience: int) -> bool:
    """Say whether an interrupted run's training had come to its end by early stopping."""
    callbacks = read_pickled(last).get("callbacks", {})
    return any(
        name.startswith("EarlyStopping") and state["wait_count"] >= patience for name, state in callbacks.items()
    )


def _best_of(last: Path) -> Path:
    callbacks = read_pickled(last)["callbacks"]
    best = next(state["best_model_path"] for state in callbacks.values() if state.get("monitor") == MONITOR)
    return last.with_name(Path(best).name)  # the run's folder may have moved


def _summary(settings: RunSettings, datamodule: GalaxyDataModule, model: FinetuneableZoobotAbstract) -> str:
    """Say in a sentence or two what will be trained on what."""
    parts = ", ".join(f"{len(datamodule.frames[part])} {part}" for part in ("train", "val", "test"))
    labels = model.schema.name if isinstance(model, FinetuneableZoobotTree) else ", ".join(model.label_cols)
    trained = (
        "its head alone"
        if model.n_blocks == 0
        else f"its head and top {model.n_blocks} of {model.encoder.num_blocks} blocks"
    )
    classes = f" (classes {', '.join(model.class_names)})" if model.class_names else ""
    task = type(model).__name__.removeprefix("FinetuneableZoobot").lower()
    return f"{parts} galaxies; {task} of {labels}{classes}; {settings.encoder}, {trained}."


def prepare_process() -> None:
    """Ready this process for a command: memory that is kept once touched, and none of torch's advice to its developers."""
    keep_freed_memory()
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
