"""The demonstration: a finetuning run, start to end, on galaxies that the package simulates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoobot import simulate
from zoobot.runs import RunSettings, finetune_run

N_GALAXIES = 400
IMAGE_SIZE = 64
EPOCHS = 15


def run_demo(out: Path) -> dict[str, Any]:
    """Simulate ringed and ringless galaxies in ``out/galaxies`` and learn to tell them apart; give the metrics.

    No pretrained encoder comes with the package yet, so a small ResNet learns from random weights, whole; a user would start from a
    pretrained encoder and train the head. The galaxies are simulated: the scores say that the machinery works, not how well it does on
    real ones.
    """
    galaxies = out / "simulated_galaxies"
    if not (galaxies / "catalog.csv").is_file():
        simulate.rings(galaxies, N_GALAXIES)
    settings = RunSettings(
        catalog=str((galaxies / "catalog.csv").absolute()),
        label_cols=("ring",),
        encoder="resnet10t",
        pretrained=False,
        blocks=-1,
        epochs=EPOCHS,
        learning_rate=1e-3,
        image_size=IMAGE_SIZE,
    )
    return finetune_run(settings, out, overwrite=True)
