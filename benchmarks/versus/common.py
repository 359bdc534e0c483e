"""What the jobs of both packages share: the network, and the clock of a fit."""

import time
from pathlib import Path
from typing import Any

import lightning as L
import timm
import torch
from lightning.pytorch.callbacks import Callback
from spec import Spec
from torch import Tensor, nn

FEATURE_SEED = 7


class Clock(Callback):
    """Notes when the epochs of a Lightning fit, and their last training steps, began and ended."""

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.stepped: list[float] = []
        self.steps: list[int] = []
        self.start = self.end = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin an epoch."""
        self.begun.append(time.perf_counter())
        self.stepped.append(self.begun[-1])
        self.steps.append(0)

    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Note the step."""
        self.stepped[-1] = time.perf_counter()
        self.steps[-1] += 1

    def fit(self, trainer: L.Trainer, model: L.LightningModule, datamodule: L.LightningDataModule) -> dict[str, Any]:
        """Run ``trainer.fit``; return its seconds, those of each epoch, and those of a step in each epoch.

        An epoch includes its validation.
        """
        trainer.callbacks.append(self)  # type: ignore[attr-defined]
        self.start = time.perf_counter()
        trainer.fit(model, datamodule=datamodule)
        self.end = time.perf_counter()
        ends = [*self.begun[1:], self.end]
        return {
            "fit_seconds": self.end - self.start,
            "epoch_seconds": [end - begin for begin, end in zip(self.begun, ends, strict=True)],
            "step_seconds": [
                (last - begin) / steps for begin, last, steps in zip(self.begun, self.stepped, self.steps, strict=True)
            ],
            "steps": self.steps[0],
            "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        }


class Normalised(nn.Module):
    """A network that takes images in [0, 1] and normalises them itself."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean.reshape(-1, 1, 1))
        self.register_buffer("std", std.reshape(-1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return features (batch, feature) of images (batch, channel, height, width)."""
        features: Tensor = self.network((image - self.mean) / self.std)
        return features


def encoder_of(spec: Spec) -> nn.Module:
    """Return the network, from a file of pretrained weights or with random weights.

    Random weights of an architecture are the same on every side.
    """
    if spec.encoder_file:
        saved = torch.load(spec.encoder_file, weights_only=True)
        network = timm.create_model(saved["architecture"], num_classes=0)
        network.load_state_dict(saved["state"])
        return Normalised(network, saved["mean"], saved["std"])
    torch.manual_seed(0)
    module: nn.Module = timm.create_model(spec.architecture, num_classes=0)
    return module


def feature_sum(encoder: nn.Module) -> float:
    """Return a fingerprint of an encoder in eval mode: its mean absolute feature of a fixed batch of noise."""
    images = torch.rand(4, 3, 224, 224, generator=torch.Generator().manual_seed(FEATURE_SEED))
    was_training = encoder.training
    encoder.eval()
    with torch.no_grad():
        mean = encoder(images).abs().mean().item()
    encoder.train(was_training)
    return float(mean)


def run_folder(spec: Spec) -> Path:
    """Return an empty place for a run's checkpoints."""
    folder = Path(spec.folder) / "run"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
