"""The Lightning trainer that finetunes.

It has best and last checkpoints, early stopping, a progress bar, and a CSV log of one row per epoch.
"""

from __future__ import annotations

import contextlib
import csv
import logging
import sys
import time
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, EMAWeightAveraging, LearningRateMonitor
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from zoobot.errors import OutputError
from zoobot.files import check_writable, output_path, replacing
from zoobot.finetune.base import FinetuneableZoobotAbstract
from zoobot.finetune.checkpoints import BestCheckpoint, NewestCheckpoint, be_patient
from zoobot.finetune.feature_cache import CachedData, FeatureCache, cached_data
from zoobot.layout import CHECKPOINTS, LAST_CHECKPOINT, LOG_FILE
from zoobot.precision import find_device, one_thread, training_pass
from zoobot.ranges import bounded
from zoobot.settings import Precision
from zoobot.stopping import workers_watched

logger = logging.getLogger(__name__)

MONITOR = "finetuning/val_loss"


@bounded()
def get_trainer(
    save_dir: str | Path,
    file_template: str = "{epoch}",
    save_top_k: int = 1,
    max_epochs: int = 100,
    patience: int = 10,
    devices: Any = "auto",
    accelerator: str = "auto",
    logger: Any = None,
    *,
    feature_cache: bool | FeatureCache = True,
    precision: str = "auto",
    accumulate_grad_batches: int = 1,
    ema_decay: float | None = None,
    **trainer_kwargs: Any,
) -> FinetuneTrainer:
    """Return a trainer that keeps the best model by validation loss and stops once it no longer improves.

    ``save_dir`` gets ``checkpoints/`` (the best, by ``file_template``, and ``last.ckpt`` with the full state after the
    newest epoch, from which ``trainer.fit(..., ckpt_path='last')`` goes on exactly) and ``log.csv``, one row per epoch.

    Parameters
    ----------
    save_dir
        Where to write.
    file_template
        Name of the best checkpoints; may use ``{epoch}`` and logged names.
    save_top_k
        How many of the best checkpoints to keep.
    max_epochs
        Stop after this many epochs.
    patience
        Stop once ``finetuning/val_loss`` has not fallen for this many epochs.
    devices, accelerator
        As Lightning takes them.
    logger
        Another Lightning logger than the CSV file; False for none.
    feature_cache
        Run the frozen blocks once over a few views of each galaxy and train from their output, which takes seconds
        where running them in every step takes minutes. A `FeatureCache` says how many views, and how; False turns it
        off.
    precision
        'auto': the encoder's blocks train in bfloat16 and channels-last where the hardware is fast at it, the head and
        the loss in float32; 'float32' is float32 throughout. Anything else is handed to Lightning.
    accumulate_grad_batches
        Add up the gradients of this many batches before each step.
    ema_decay
        Keep an exponential moving average of the weights with this decay a step (0.999, say); it is what is validated
        and saved.
    **trainer_kwargs
        Anything else that ``lightning.Trainer`` takes (``strategy``, ``gradient_clip_val``, ...). ``callbacks`` are
        added to those here.

    Raises
    ------
    OutputError
        ``save_dir`` can't be written.
    OptionError
        A number outside its range.
    """
    folder = output_path(save_dir)
    check_writable(folder)
    best = BestCheckpoint(
        dirpath=folder / CHECKPOINTS,
        filename=file_template,
        monitor=MONITOR,
        mode="min",
        save_top_k=save_top_k,
        save_on_train_epoch_end=True,
    )
    newest = NewestCheckpoint(
        dirpath=folder / CHECKPOINTS,
        filename=Path(LAST_CHECKPOINT).stem,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
    )
    callbacks: list[Callback] = [
        best,
        newest,
        EarlyStopping(MONITOR, mode="min", patience=patience, check_on_train_epoch_end=True),
        *(trainer_kwargs.pop("callbacks", None) or []),
    ]
    if ema_decay is not None:
        callbacks.append(EMAWeightAveraging(decay=ema_decay))
    log = EpochCsvLog(folder / LOG_FILE) if logger is None else logger
    if log:
        callbacks.append(LearningRateMonitor(logging_interval="epoch"))
    if trainer_kwargs.setdefault("enable_progress_bar", sys.stderr.isatty()):
        from lightning.pytorch.callbacks import RichProgressBar

        callbacks.append(RichProgressBar())
    quiet = {"enable_model_summary": False, "num_sanity_val_steps": 0, "log_every_n_steps": 1}
    leave_out_advice()
    cache = FeatureCache() if feature_cache is True else feature_cache or None
    ours = precision in ("auto", "float32")
    return FinetuneTrainer(
        cache,
        "auto" if precision == "auto" else "float32",
        ema_decay,
        precision="32-true" if ours else precision,
        default_root_dir=folder,
        max_epochs=max_epochs,
        accumulate_grad_batches=accumulate_grad_batches,
        devices=devices,
        accelerator=accelerator,
        logger=log,
        callbacks=callbacks,
        **{**quiet, **trainer_kwargs},
    )


class FinetuneTrainer(L.Trainer):
    """A Lightning trainer that trains from kept features where part of the encoder is frozen.

    Attributes
    ----------
    fit_seconds, frozen_pass_seconds : float
        How long the last `fit` took, and how much of that went into running the frozen part of the encoder.
    """

    def __init__(
        self, feature_cache: FeatureCache | None, block_precision: Precision, ema_decay: float | None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.feature_cache = feature_cache
        self.block_precision = block_precision
        self.ema_decay = ema_decay
        self.fit_seconds = self.frozen_pass_seconds = 0.0
        be_patient(self.strategy)

    @workers_watched()
    def fit(  # type: ignore[override]  # the rest of its options differ between versions of Lightning
        self,
        model: L.LightningModule,
        train_dataloaders: Any = None,
        val_dataloaders: Any = None,
        datamodule: L.LightningDataModule | None = None,
        **options: Any,
    ) -> None:
        """Train as ``lightning.Trainer.fit`` does.

        Features are kept for models and data modules of ours, and for other data modules.
        """
        start = time.perf_counter()
        self.frozen_pass_seconds = 0.0
        if isinstance(train_dataloaders, L.LightningDataModule):
            train_dataloaders, datamodule = None, train_dataloaders
        device = self.strategy.root_device
        if not isinstance(model, FinetuneableZoobotAbstract):
            super().fit(model, train_dataloaders, val_dataloaders, datamodule, **options)
            return
        if self.feature_cache and datamodule is not None:
            cached = cached_data(model, datamodule, self.feature_cache, device=device, epochs=self.max_epochs)
            if cached is not None:
                datamodule, self.frozen_pass_seconds = cached, cached.frozen_pass_seconds
        try:
            with contextlib.ExitStack() as stack:
                head_alone = isinstance(datamodule, CachedData) and model.n_blocks == 0
                if not head_alone:
                    model.trains_in = stack.enter_context(training_pass(model.encoder, device, self.block_precision))
                elif device.type == "cpu":
                    stack.enter_context(one_thread())
                super().fit(model, train_dataloaders, val_dataloaders, datamodule, **options)
        finally:
            model.trains_in = torch.float32
        self.fit_seconds = time.perf_counter() - start


class EpochCsvLog(Logger):
    """Writes every metric into a CSV file with one row per epoch; a resumed run goes on in the same file.

    Parameters
    ----------
    path
        The file.
    stage
        What metrics' names start with, before a slash.
    """

    def __init__(self, path: Path, stage: str = "finetuning") -> None:
        super().__init__()
        self.path = path
        self.stage = stage
        self.rows: dict[int, dict[str, Any]] = {}
        self.pending: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Lightning asks for a name."""
        return "zoobot"

    @property
    def version(self) -> int:
        """Lightning asks for a version."""
        return 0

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Keep nothing: the model's configuration is saved with it."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add metrics of training and validation to the row of their epoch.

        Metrics logged before the epoch is named wait for it.
        """
        if any(name.startswith(f"{self.stage}/test_") for name in metrics):
            return
        epoch = metrics.get("epoch")
        self.pending |= {name: value for name, value in metrics.items() if name != "epoch"}
        if epoch is None or not any(name.startswith(f"{self.stage}/") for name in metrics):
            return
        if not self.rows:
            self.rows = self._kept_before(int(epoch))
        row = self.rows.setdefault(int(epoch), {"epoch": int(epoch)})
        row |= self.pending
        self.pending = {}

    @rank_zero_only
    def save(self) -> None:
        """Write the file anew."""
        if not self.rows:
            return
        names = list(dict.fromkeys(name for row in self.rows.values() for name in row))
        with replacing(self.path) as part, part.open("w", newline="") as file:
            table = csv.DictWriter(file, names)
            table.writeheader()
            table.writerows(self.rows[epoch] for epoch in sorted(self.rows))

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write the file a last time.

        After a failure, as of a full disk, an error of this last writing is not what is to be said.
        """
        with contextlib.suppress(*() if status == "success" else (OutputError,)):
            self.save()

    def _kept_before(self, epoch: int) -> dict[int, dict[str, Any]]:
        """Return the rows that an interrupted run wrote for the epochs before this one."""
        if epoch == 0 or not self.path.exists():
            return {}
        with self.path.open(newline="") as file:
            return {int(row["epoch"]): dict(row) for row in csv.DictReader(file) if int(row["epoch"]) < epoch}


def lightning_device(device: str) -> dict[str, Any]:
    """Return the trainer's ``accelerator`` and ``devices`` for a device by its name in torch, or 'auto'."""
    if device == "auto":
        return {"accelerator": "auto", "devices": "auto"}
    found = find_device(device)
    accelerator = {"cuda": "gpu"}.get(found.type, found.type)
    return {"accelerator": accelerator, "devices": [found.index or 0] if accelerator == "gpu" else 1}


def leave_out_advice() -> None:
    """Silence advice that doesn't apply.

    Kept pixels need no workers, resuming keeps the folder, and frozen blocks are in eval mode.
    """
    for advice in (
        ".*does not have many workers.*",
        ".*Checkpoint directory.*exists and is not empty.*",
        r".*module\(s\) in eval mode at the start of training.*",
        ".*isinstance\\(treespec, LeafSpec\\).*",
    ):
        warnings.filterwarnings("ignore", message=advice)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
