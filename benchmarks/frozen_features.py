"""How much sooner head-only training ends when the frozen encoder runs once instead of in every step.

    python benchmarks/frozen_features.py

Simulated galaxies, an encoder of random weights (its speed is that of trained ones), this package against itself in one
process on one machine. The whole-network time is of a few epochs, measured, and scaled to as many as the others run.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import timm
import torch
import typer

from zoobot import GalaxyDataModule, simulate
from zoobot.finetune import FeatureCache, FinetuneableZoobotClassifier, get_trainer
from zoobot.runs import prepare_process


def main(
    architecture: Annotated[str, typer.Option(help="Any timm architecture.")] = "convnext_nano",
    galaxies: Annotated[int, typer.Option(help="Labelled galaxies; 80% are trained on and validated.")] = 500,
    epochs: Annotated[int, typer.Option(help="Epochs to train.")] = 30,
    whole_epochs: Annotated[int, typer.Option(help="Epochs of the whole network to measure.")] = 2,
    blocks: Annotated[int, typer.Option(help="Blocks to finetune.")] = 0,
) -> None:
    """Print the table."""
    prepare_process()
    torch.manual_seed(0)
    encoder = timm.create_model(architecture, pretrained=False, num_classes=0)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZOOBOT_CACHE"] = str(Path(folder) / "cache")
        simulate.rings(Path(folder) / "sims", galaxies)
        datamodule = GalaxyDataModule("ring", Path(folder) / "sims" / "catalog.csv")
        datamodule.setup("fit")

        def seconds(cache: FeatureCache | bool, n_epochs: int) -> float:
            model = FinetuneableZoobotClassifier(2, encoder=encoder, n_blocks=blocks)
            trainer = get_trainer(
                Path(folder) / "run",
                accelerator="cpu",
                max_epochs=n_epochs,
                patience=n_epochs,
                feature_cache=cache,
                enable_progress_bar=False,
            )
            start = time.perf_counter()
            trainer.fit(model, datamodule=datamodule)
            return time.perf_counter() - start

        whole = seconds(False, whole_epochs) / whole_epochs * epochs
        count = len(datamodule.frames["train"])
        print(
            f"\n{architecture}, top {blocks} blocks, {count} training galaxies, {epochs} epochs, {os.cpu_count()} cores"
        )
        print("| fit | seconds | times faster |\n|---|---|---|")
        print(f"| whole network in every step, float32 ({whole_epochs} epochs measured) | {whole:.1f} | 1 |")
        for views in (1, 2, 4, 8):
            for name in ("first run", "again"):
                taken = seconds(FeatureCache(views=views), epochs)
                print(f"| {views} views, {name} | {taken:.1f} | {whole / taken:.0f} |", flush=True)
            for file in Path(os.environ["ZOOBOT_CACHE"]).rglob("*.safetensors"):
                file.unlink()


if __name__ == "__main__":
    typer.run(main)
