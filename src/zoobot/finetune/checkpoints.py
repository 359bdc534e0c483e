"""Checkpoints that cost little.

The best model so far waits in memory and is written with the newest state, every few seconds at most.
"""

from __future__ import annotations

import contextlib
import copy
import math
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy, Strategy

from zoobot.encoders.saved import read_pickled
from zoobot.errors import ModelFileError, OutputError
from zoobot.files import replacing
from zoobot.finetune.base import FinetuneableZoobotAbstract
from zoobot.folders import RunFolder

SECONDS_BETWEEN_SAVES = 5.0


class PatientCheckpointIO(TorchCheckpointIO):
    """Writes checkpoint files whole or not at all.

    Inside `waiting`, it holds them (and what they replace) back until `write`. Epochs from kept features take less time
    than writing a model: a best model that the next epoch replaces is never written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pending: dict[str, dict[str, Any]] = {}
        self.replaced: list[Any] = []
        self.constant: Collection[str] | None = None

    @contextlib.contextmanager
    def waiting(self, constant: Collection[str]) -> Iterator[None]:
        """Hold back what is saved or removed inside.

        Entries of the state dict named in ``constant`` don't change, and aren't copied.
        """
        self.constant = constant
        try:
            yield
        finally:
            self.constant = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write the file, or keep a copy of what it would hold."""
        if self.constant is None:
            _write(checkpoint, Path(path))
            return
        state = {
            name: tensor if name in self.constant else tensor.to("cpu", copy=True)
            for name, tensor in checkpoint["state_dict"].items()
        }
        rest = {name: copy.deepcopy(value) for name, value in checkpoint.items() if name != "state_dict"}
        self.pending[str(path)] = {**rest, "state_dict": state}

    def remove_checkpoint(self, path: Any) -> None:
        """Forget what was held back, or remove the file: later, if that is to wait."""
        if self.pending.pop(str(path), None) is not None:
            return
        if self.constant is None:
            super().remove_checkpoint(path)
        else:
            self.replaced.append(path)

    def write(self) -> None:
        """Write what was held back."""
        while self.pending:
            path, checkpoint = self.pending.popitem()
            _write(checkpoint, Path(path))

    def remove_replaced(self) -> None:
        """Remove the files that newer ones have replaced."""
        while self.replaced:
            super().remove_checkpoint(self.replaced.pop())

    def teardown(self) -> None:
        """Leave nothing behind in memory when training ends, however it does.

        After an error the newest state names the files that were to be replaced, so that they stay. A run that was told
        to stop is resumed from that state, and makes anew what was held back.
        """
        failure = sys.exc_info()[1]
        if failure is None:
            self.write()
            self.remove_replaced()
        elif isinstance(failure, Exception | KeyboardInterrupt):
            with contextlib.suppress(OutputError):  # of a disk that is full, as the failure says
                self.write()
        self.pending.clear()
        self.replaced.clear()


class MovableCheckpoint(ModelCheckpoint):
    """Keeps what it knew of the best models when the run's folder has moved.

    Files are found by name in the present folder.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what an earlier process knew."""
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved: dict[str, Any] = {name: self._here(state_dict[name]) for name in paths if name in state_dict}
        moved["best_k_models"] = {
            self._here(path): score for path, score in state_dict.get("best_k_models", {}).items()
        }
        super().load_state_dict({**state_dict, **moved, "dirpath": self.dirpath})

    def _here(self, path: str) -> str:
        return str(Path(self.dirpath, Path(path).name)) if path and self.dirpath else path


class BestCheckpoint(MovableCheckpoint):
    """Keeps the best models, of which those that wait are written by `NewestCheckpoint`."""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save, if this epoch's model is among the best."""
        io = trainer.strategy.checkpoint_io
        constant = pl_module.frozen_names() if isinstance(pl_module, FinetuneableZoobotAbstract) else ()
        with io.waiting(constant) if isinstance(io, PatientCheckpointIO) else contextlib.nullcontext():
            super().on_train_epoch_end(trainer, pl_module)


class NewestCheckpoint(MovableCheckpoint):
    """Keeps the newest epoch's full state.

    It is written after every epoch, but not more often than every few seconds, and always after the last. The best
    models are written before it and what they replace is removed after it, so that it names files that are there
    whenever the process is killed. A resumed run repeats the epochs since the last one exactly.
    """

    saved_at = -math.inf

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save, where it is time to."""
        is_last = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        due = is_last or time.monotonic() - self.saved_at >= SECONDS_BETWEEN_SAVES
        if not trainer.strategy.broadcast(due):  # all processes must agree, for saving makes them wait for each other
            return
        io = trainer.strategy.checkpoint_io
        if isinstance(io, PatientCheckpointIO):
            io.write()
        super().on_train_epoch_end(trainer, pl_module)
        if isinstance(io, PatientCheckpointIO):
            io.remove_replaced()
        self.saved_at = time.monotonic()


@dataclass(frozen=True)
class Newest:
    """What a run's newest checkpoint says of its training.

    Attributes
    ----------
    epochs
        How many are done.
    waited
        For how many the validation loss has not fallen.
    best
        The checkpoint of the best model so far.
    """

    epochs: int
    waited: int
    best: Path

    @classmethod
    def read(cls, path: Path, monitor: str) -> Newest:
        """Read a checkpoint.

        Raises
        ------
        ModelFileError
            It is damaged, or none of a finetuning run.
        """
        content = read_pickled(path)
        states = content.get("callbacks")
        known = [state for state in states.values() if isinstance(state, dict)] if isinstance(states, dict) else []
        best = next((one.get("best_model_path") for one in known if one.get("monitor") == monitor), None)
        waited = max((one["wait_count"] for one in known if isinstance(one.get("wait_count"), int)), default=0)
        if not isinstance(content.get("epoch"), int) or not isinstance(best, str):
            msg = (
                f"{path} is no checkpoint of a finetuning run (it says neither its epoch nor its best model): use "
                "--overwrite."
            )
            raise ModelFileError(msg)
        return cls(content["epoch"] + 1, waited, path.with_name(Path(best).name))  # the run's folder may have moved


class DropEarlier(Callback):
    """Deletes the run that this one overwrites once there is a checkpoint to go on from.

    Parameters
    ----------
    folder
        Of the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder: RunFolder | None = folder

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Look whether the checkpoint is there."""
        if self.folder is not None and self.folder.newest.is_file():
            if trainer.is_global_zero:
                self.folder.drop_earlier()
            self.folder = None


def be_patient(strategy: Strategy) -> None:
    """Let a strategy that writes plain files through Lightning's own plugin use `PatientCheckpointIO`."""
    plain = isinstance(strategy, SingleDeviceStrategy | DDPStrategy)
    if plain and type(strategy.checkpoint_io) is TorchCheckpointIO:
        strategy.checkpoint_io = PatientCheckpointIO()


def _write(checkpoint: dict[str, Any], path: Path) -> None:
    with replacing(path) as part, part.open("wb") as file:
        try:
            torch.save(checkpoint, file)
        except RuntimeError as err:  # of torch's own archive, in which the system's error is lost
            if isinstance(err.__context__, OSError):
                raise err.__context__ from err
            raise
