"""What happens beside a step: the moving average of the weights, and checkpoints by steps or minutes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint, WeightAveraging
from torch import Tensor

STEPS_BETWEEN_LOOKS = 10
"""How often processes agree on whether it is time for a checkpoint: in between, none waits for another."""


class AverageWeights(WeightAveraging):
    """Keeps an exponential moving average of the weights, which is what is validated and saved.

    Parameters
    ----------
    decay
        The share that the average keeps in each step; at step t it is at most (1 + t) / (10 + t), so that the first
        weights, which are random, are soon forgotten.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(multi_avg_fn=partial(_average, decay))


@torch.no_grad()
def _average(decay: float, averages: Sequence[Tensor], currents: Sequence[Tensor], n_averaged: Tensor | int) -> None:
    steps = int(n_averaged)
    weight = 1 - min(decay, (1 + steps) / (10 + steps))
    if averages[0].is_floating_point():
        torch._foreach_lerp_(list(averages), list(currents), weight)
        return
    for average, current in zip(averages, currents, strict=True):
        average.copy_(current)


class StepCheckpoint(Checkpoint):
    """Writes the full state every so many steps or minutes, and at the end of every epoch.

    Parameters
    ----------
    path
        The file, which is always whole.
    minutes
        Write it once the last one is so old.
    steps
        Write it every so many steps instead.
    """

    def __init__(self, path: Path, *, minutes: float, steps: int | None) -> None:
        self.path = path
        self.minutes = minutes
        self.steps = steps
        self.saved_at = time.monotonic()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write, where it is time to; after an epoch's last step, validation comes first."""
        if batch_idx + 1 < trainer.num_training_batches and self._is_due(trainer):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write."""
        self._save(trainer)

    def _is_due(self, trainer: L.Trainer) -> bool:
        if self.steps is not None:
            return trainer.global_step % self.steps == 0
        if trainer.global_step % STEPS_BETWEEN_LOOKS:
            return False
        due = time.monotonic() - self.saved_at >= 60 * self.minutes
        return bool(trainer.strategy.broadcast(due))

    def _save(self, trainer: L.Trainer) -> None:
        trainer.save_checkpoint(self.path)
        self.saved_at = time.monotonic()
