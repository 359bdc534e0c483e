"""Make what is in this folder with zoobot as of commit b9a7a53.

It is never run again, or the tests would only compare zoobot with itself.

    git worktree add --detach /tmp/b9a7a53 b9a7a53
    PYTHONPATH=/tmp/b9a7a53/src OMP_NUM_THREADS=1 python tests/old/make.py

Written: ``galaxies/`` (simulated galaxies, 32 pixels wide, with labels for each task), and for each task a folder that
``zoobot finetune`` left (``runs/TASK``), without its page and pictures, and its model's predictions of all galaxies
(``predictions/TASK.csv``). The validation galaxies are too few for a calibration that pays, so ``models/`` holds models
that were calibrated on more, simulated ones (temperature, and isotonic for several labels).
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import timm
import torch
from PIL import Image
from timm.models import save_for_hf

import zoobot

HERE = Path(__file__).parent
WORK = Path("/tmp/zoobot_b9a7a53")  # the absolute paths in the run folders start with it: conftest.py replaces it
SHAPES = ("disk", "ring", "bar")
WIDTH = 32
N_GALAXIES = 99
SMALL = {"depths": [1, 1, 1, 1], "dims": [4, 4, 8, 8]}
TREE = """
questions:
  feature: {answers: [ringed, barred, smooth]}
  size: {answers: [large, small], asked_after: feature_smooth}
"""
QUICK = ("--encoder", "encoder", "--image-size", 32, "--epochs", 3, "--learning-rate", 0.01, "--batch-size", 16)
RUNS = {
    "classify": ("--label", "shape", "--folds", 2),
    "multi_label": ("--label", "has_ring", "--label", "is_large", "--blocks", 1, "--no-report"),
    "regress": ("--label", "radius", "--blocks", 1, "--ema-decay", 0.5, "--no-report"),
    "tree": ("--tree", "tree.yaml", "--concentrations", "softplus", "--no-report"),
}
TO_LOOK_AT = ("plots", "*.html", "*.png", "*.jpg")


def picture(shape: str, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Return flux in [0, 1], (WIDTH, WIDTH): a disk, a disk with a ring around it, or a bar at some angle."""
    y, x = np.mgrid[:WIDTH, :WIDTH] - (WIDTH - 1) / 2
    distance, angle = np.hypot(x, y), rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    flux = {
        "disk": np.exp(-0.5 * (distance / radius) ** 2),
        "ring": np.exp(-0.5 * (distance / 2) ** 2) + np.exp(-0.5 * ((distance - radius) / 1.2) ** 2),
        "bar": np.exp(-0.5 * (along / radius) ** 2 - 0.5 * (across / 1.2) ** 2),
    }[shape]
    noisy: np.ndarray = np.clip(flux + rng.normal(0, 0.02, flux.shape), 0, 1)
    return noisy


def make_galaxies(folder: Path) -> None:
    """Write ``catalog.csv`` and its pictures: shape (names), two flags, radius, and votes for a small tree."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    (folder / "tree.yaml").write_text(TREE)
    rows = []
    for place in range(N_GALAXIES):
        shape, radius = SHAPES[place % 3], float(rng.uniform(4, 10))
        name = f"images/{place:02}.png"
        Image.fromarray((255 * picture(shape, radius, rng)).astype(np.uint8) // 8 * 8).save(folder / name)
        votes = rng.multinomial(20, [0.8 if shape == kind else 0.1 for kind in ("ring", "bar", "disk")])
        large = rng.binomial(votes[2], 0.9 if radius > 7 else 0.1)
        row = {"id_str": f"simulated_{place:02}", "file_loc": name, "shape": shape, "has_ring": int(shape == "ring")}
        row |= {
            "is_large": int(radius > 7),
            "radius": round(radius, 3),
            "redshift": round(float(rng.uniform(0, 0.2)), 3),
        }
        row |= dict(zip(("feature_ringed", "feature_barred", "feature_smooth"), votes, strict=True))
        rows.append(row | {"size_large": large, "size_small": votes[2] - large})
    pd.DataFrame(rows).to_csv(folder / "catalog.csv", index=False)


def make_encoder(folder: Path) -> None:
    """Write a ConvNeXt of a few thousand random weights, as timm saves it."""
    torch.manual_seed(0)
    save_for_hf(timm.create_model("convnext_femto", num_classes=0, **SMALL), str(folder), model_args=SMALL)


def calibrate(model: zoobot.FinetuneableZoobotAbstract) -> None:
    """Calibrate a model on simulated probabilities that are overconfident."""
    assert isinstance(model, zoobot.FinetuneableZoobotClassifier)
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (200, model.num_classes))
    if model.multi_label:
        labels = rng.binomial(1, 1 / (1 + np.exp(-logits)))
        predictions = 1 / (1 + np.exp(-3 * logits))
    else:
        labels = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
        predictions = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
    model.calibrate(torch.from_numpy(predictions.astype(np.float32)), torch.from_numpy(labels.astype(np.float32)))


def command(*arguments: object) -> None:
    """Run a command in the folder of the galaxies."""
    subprocess.run([sys.executable, "-m", "zoobot.cli", *map(str, arguments)], cwd=WORK / "galaxies", check=True)


def main() -> None:
    """Make galaxies, runs and predictions, and copy them here."""
    shutil.rmtree(WORK, ignore_errors=True)
    make_galaxies(WORK / "galaxies")
    make_encoder(WORK / "galaxies" / "encoder")
    (WORK / "predictions").mkdir()
    for task, options in RUNS.items():
        run = WORK / "runs" / task
        command("finetune", "catalog.csv", "--out", run, *QUICK, *options)
        command("predict", "catalog.csv", "--model", run / "model", "--out", WORK / "predictions" / f"{task}.csv")
    for task in ("classify", "multi_label"):
        model = zoobot.load(WORK / "runs" / task / "model")
        calibrate(model)
        model.save(WORK / "models" / task)
        zoobot.predict(WORK / "galaxies/catalog.csv", model, WORK / f"predictions/{task}_calibrated.csv", num_workers=0)
    for name in ("galaxies", "runs", "models", "predictions"):
        left_out = TO_LOOK_AT if name == "runs" else ()
        shutil.copytree(WORK / name, HERE / name, ignore=shutil.ignore_patterns(*left_out))


if __name__ == "__main__":
    main()
