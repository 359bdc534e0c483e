"""Ordered classes as ordered and as any classes: the same galaxies, encoder and training, with several seeds.

    python benchmarks/ordinal.py ../shared/data/pretrain_real --labels 100 --labels 400
    python benchmarks/ordinal.py ../shared/data/pretrain_real --question featured

Questions of SDSS galaxies: how ``flat`` is a smooth one (round, in between, cigar-shaped), and how ``featured`` do
volunteers call it, in six steps of their vote fraction. Each seed draws its own training and test galaxies.
"""

import statistics
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from PIL import Image

from zoobot import GalaxyDataModule, evaluate, get_trainer, load_encoder
from zoobot.finetune import FinetuneableZoobotAbstract, FinetuneableZoobotClassifier, FinetuneableZoobotOrdinal
from zoobot.runs import prepare_process
from zoobot.science.ordered import ordered_scores

CLASSES = ("completely_round_smooth", "in_between_smooth", "cigar_shaped_smooth")
STEPS = (0.1, 0.25, 0.4, 0.6, 0.8)
FIGURES = ("class_mae", "quadratic_kappa", "accuracy", "balanced_accuracy", "log_loss")
VALIDATION = 100


def main(
    data: Annotated[Path, typer.Argument(help="Folder with gz2_sdss_0.parquet and others.")],
    labels: Annotated[list[int], typer.Option(help="Training galaxies; repeat for several.")] = [100],  # noqa: B006
    question: Annotated[str, typer.Option(help="flat or featured.")] = "flat",
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 5,
    test: Annotated[int, typer.Option(help="Test galaxies.")] = 1500,
    learning_rate: Annotated[float, typer.Option(help="Of the head.")] = 1e-2,
    encoder: Annotated[str, typer.Option(help="What load_encoder takes.")] = "bundled",
) -> None:
    """Train both kinds of head on the same galaxies and print the table."""
    prepare_process()
    with tempfile.TemporaryDirectory() as folder:
        catalog = write_galaxies(data, question, Path(folder), max(labels) + VALIDATION + test)
        for n in labels:
            found: dict[str, list[dict[str, float]]] = {}
            for seed in range(seeds):
                shuffled = catalog.sample(frac=1, random_state=seed)
                parts = {
                    "train_catalog": shuffled[test : test + n],
                    "val_catalog": shuffled[test + n : test + n + VALIDATION],
                }
                for kind in (FinetuneableZoobotClassifier, FinetuneableZoobotOrdinal):
                    scores = run(kind, parts, shuffled[:test], Path(folder) / "run", learning_rate, encoder, seed)
                    found.setdefault(kind.kind, []).append(scores)
            print(f"{n} training galaxies, {test} test galaxies, median (range) of {seeds} seeds")
            for name in FIGURES:
                cells = [spread([scores[name] for scores in own]) for own in found.values()]
                better = [a[name] - b[name] for a, b in zip(found["ordinal"], found["classify"], strict=True)]
                print(f"{name:20s} " + "  ".join(cells) + f"  ordinal - classify {spread(better)}")


def write_galaxies(data: Path, question: str, folder: Path, count: int) -> pd.DataFrame:
    """Write pictures, and return a catalog with their class as 0, 1, ..."""
    labels = "gz2_class" if question == "flat" else "smooth-or-featured_featured-or-disk"
    files = sorted(data.glob("gz2_sdss_*.parquet"))
    table = pd.concat([pd.read_parquet(file, columns=["image", "id_str", labels]).dropna() for file in files])
    if question == "flat":
        table = table[table[labels].isin(CLASSES)]
        table["class"] = table[labels].map(CLASSES.index)
    else:
        table["class"] = np.digitize(table[labels], STEPS)
    table = table.sample(count, random_state=0)
    rows = []
    for image, name, place in table[["image", "id_str", "class"]].itertuples(index=False):
        file = folder / f"{name}.jpg"
        Image.open(BytesIO(image["bytes"])).convert("RGB").save(file, quality=95)
        rows.append({"id_str": name, "file_loc": str(file), "class": place})
    return pd.DataFrame(rows)


def run(
    kind: type[FinetuneableZoobotAbstract],
    parts: dict[str, Any],
    test: pd.DataFrame,
    folder: Path,
    learning_rate: float,
    encoder: str,
    seed: int,
) -> dict[str, Any]:
    """Train a head, and return its scores on the test galaxies."""
    loaded = load_encoder(encoder)
    galaxies = GalaxyDataModule(
        label_cols=["class"], image_size=loaded.image_size, seed=seed, label_kind="classes", **parts
    )
    galaxies.read_catalogs()
    model = kind.for_data(galaxies, encoder=loaded, learning_rate=learning_rate, seed=seed)
    trainer = get_trainer(folder, max_epochs=100, enable_progress_bar=False, logger=False)
    trainer.fit(model, galaxies)
    path = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    best = type(model).load_from_checkpoint(path, encoder=model.encoder)
    found = evaluate(test, best, keep=True)
    return found.scores | ordered_scores(found.values.argmax(axis=1), np.asarray(found.labels)[:, 0])


def spread(values: list[float]) -> str:
    """Write a median and the range."""
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    typer.run(main)
