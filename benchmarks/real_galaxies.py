"""Scores on held-out real galaxies.

Finetune on each set's train catalog with several seeds, and score once on its test catalog.

    python benchmarks/imagenet_encoder.py imagenet_lite0
    python benchmarks/real_galaxies.py ../shared/data --encoder imagenet_lite0 --sets rings,sdss_gz1,mirabest_fits

Prints one line per run and a table of medians and ranges over seeds; ``--out`` keeps each run's folder.
"""

import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from zoobot.precision import is_fast_in_bfloat16
from zoobot.runs import RunSettings, finetune_with, prepare_process
from zoobot.settings import Precision

LABELS = {"rings": "ring", "sdss_gz1": "label", "mirabest_fits": "label"}
FIGURES = ("auroc", "average_precision", "accuracy", "balanced_accuracy", "log_loss")


def main(
    data: Annotated[Path, typer.Argument(help="Folder with one folder per set, each with train.csv and test.csv.")],
    encoder: Annotated[str, typer.Option(help="What load_encoder takes.")],
    sets: Annotated[str, typer.Option(help="Which sets, with commas between.")] = ",".join(LABELS),
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 5,
    blocks: Annotated[int, typer.Option(help="Blocks to finetune; -1 for all.")] = 0,
    epochs: Annotated[int, typer.Option(help="At most.")] = 100,
    learning_rate: Annotated[float, typer.Option(help="Of the head.")] = 1e-4,
    image_size: Annotated[int | None, typer.Option(help="Default: the encoder's.")] = None,
    crop: Annotated[float, typer.Option(help="Centre share of the image's width.")] = 0.8,
    views: Annotated[int | None, typer.Option(help="Augmented views of each galaxy.")] = None,
    precision: Annotated[
        Precision, typer.Option(help="'float32' is exact; 'auto' is bfloat16 where that is fast.")
    ] = "auto",
    out: Annotated[Path | None, typer.Option(help="Keep the runs here.")] = None,
) -> None:
    """Run every set with every seed and print the table."""
    prepare_process()
    source = str(Path(encoder).absolute()) if Path(encoder).exists() else encoder
    rows = []
    for name in sets.split(","):
        found = []
        for seed in range(seeds):
            settings = RunSettings(
                catalog=str(data / name / "train.csv"),
                test_catalog=str(data / name / "test.csv"),
                label_cols=(LABELS[name],),
                encoder=source,
                n_blocks=blocks,
                max_epochs=epochs,
                learning_rate=learning_rate,
                image_size=image_size,
                crop=crop,
                views=views,
                precision=precision,
                channels=3,
                flip=name != "sdss_gz1",  # two of its classes are mirror images
                seed=seed,
            )
            folder = Path(tempfile.mkdtemp()) if out is None else out / name / f"blocks{blocks}_seed{seed}"
            start = time.perf_counter()
            run = finetune_with(settings, folder, overwrite=True, trainer_options={"enable_progress_bar": False})
            scores = run.metrics["test"]
            found.append(scores)
            figures = {figure: round(scores[figure], 3) for figure in FIGURES}
            print(f"{name} seed {seed} {time.perf_counter() - start:.0f} s {json.dumps(figures)}", flush=True)
        rows.append((name, found))
    computed = "bfloat16" if precision == "auto" and is_fast_in_bfloat16(torch.device("cpu")) else "float32"
    print(
        f"\nencoder {encoder} in {computed}, blocks {blocks}, views {views}, epochs <= {epochs}, {seeds} seeds, "
        f"{os.cpu_count()} cores:"
    )
    print("median [lowest, highest]")
    print(f"| set | test galaxies | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    for name, found in rows:
        cells = []
        for figure in FIGURES:
            values = [scores[figure] for scores in found]
            cells.append(f"{statistics.median(values):.3f} [{min(values):.3f}, {max(values):.3f}]")
        print(f"| {name} | {found[0]['n']} | {' | '.join(cells)} |")


if __name__ == "__main__":
    typer.run(main)
