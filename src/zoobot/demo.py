"""The demonstration: a finetuning run, start to end, on galaxies that the package simulates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoobot import simulate
from zoobot.encoders.imagenet import IMAGENET
from zoobot.runs import RunSettings, finetune_run

N_GALAXIES = 400


def run_demo(out: Path, *, say: Callable[[str], object]) -> dict[str, Any]:
    """Simulate ringed and ringless galaxies in ``out/simulated_galaxies`` and learn to tell them apart; give the metrics.

    No encoder pretrained on galaxies comes with the package yet, so the head is trained on a network that learned from ImageNet's
    photographs. The galaxies are simulated: the scores say that the machinery works, not how well it does on real ones.

    Raises
    ------
    EncoderError
        If the package with the ImageNet weights is not installed.
    """
    say("Simulated galaxies: the scores below say that the machinery works, not how well it does on real ones.")
    galaxies = out / "simulated_galaxies"
    if not (galaxies / "catalog.csv").is_file():
        simulate.rings(galaxies, N_GALAXIES)
    settings = RunSettings(
        catalog=str((galaxies / "catalog.csv").absolute()),
        label_cols=("ring",),
        encoder=IMAGENET,
        learning_rate=1e-3,
    )
    return finetune_run(settings, out, overwrite=True, say=say)
