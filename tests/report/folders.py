"""Folders as `zoobot finetune` leaves them, made up: predictions of a known quality, for the report's tests."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from tests.galaxies import make_catalog

from zoobot.data import Preprocessing
from zoobot.finetune.metrics import Scores


def classifier_folder(
    folder: Path,
    *,
    n: int = 120,
    names: tuple[str, ...] = ("smooth", "ring"),
    label: str = "shape",
    skill: float = 2.0,
    calibrated: bool = True,
    images: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    """Write a run's folder of a classifier, and give its test predictions; ``skill`` 0 knows nothing of the labels."""
    from torch import from_numpy

    from zoobot.finetune.metrics import classification_scores
    from zoobot.science import calibration_scores

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    k = len(names)
    scores: dict[str, Scores] = {}
    for part, file, count in (("val", "val_predictions.csv", n // 2), ("test", "predictions.csv", n)):
        truth = rng.permutation(np.arange(count) % k)
        logits = (rng.normal(0, 1, (count, k)) + skill * np.eye(k)[truth]) * (
            skill or 1
        )  # then probabilities are right
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        table = pd.DataFrame(
            {"id_str": [f"{part}_{row:05d}" for row in range(count)], "file_loc": files_of(folder, count, images)}
        )
        table[[f"{label}_{name}" for name in names]] = p
        table[f"{label}_predicted"] = np.array(names, dtype=object)[p.argmax(axis=1)]
        if calibrated:
            table[[f"{label}_{name}_calibrated" for name in names]] = p
            table[f"{label}_set"] = ["|".join(names) if row.max() < 0.7 else names[row.argmax()] for row in p]
        table[f"true_{label}"] = np.array(names, dtype=object)[truth]
        table.to_csv(folder / file, index=False)
        one = classification_scores(from_numpy(p.astype(np.float32)), from_numpy(truth), list(names))
        scores[part] = one | calibration_scores(p, truth, list(names))
        if calibrated:
            scores[part]["calibrated"] = {"log_loss": one["log_loss"]} | calibration_scores(p, truth, list(names))
            scores[part]["conformal"] = {"level": 0.9, "coverage": 0.95, "expected": [0.85, 0.96]}
    counts = {
        part: {name: int(sum(row)) for name, row in zip(names, scores[part]["confusion"], strict=True)}
        for part in ("val", "test")
    }
    write_common(
        folder,
        "classify",
        [label],
        scores,
        class_names=list(names),
        class_counts=counts | {"train": dict.fromkeys(names, 100)},
    )
    return pd.read_csv(folder / "predictions.csv")


def files_of(folder: Path, count: int, images: bool) -> list[str]:
    """Return a file for each galaxy: a few made-up pictures in turn, or none that exist."""
    if not images:
        return [f"/nowhere/galaxy_{row}.jpg" for row in range(count)]
    if not (folder / "galaxies").is_dir():
        make_catalog(folder / "galaxies", n_galaxies=6)
    files = sorted((folder / "galaxies" / "images").glob("*.jpg"))
    return [str(files[row % len(files)]) for row in range(count)]


def write_common(folder: Path, task: str, label_cols: list[str], scores: dict[str, Scores], **about: object) -> None:
    """Write ``run.json``, ``about.json``, ``metrics.json``, ``log.csv`` and ``model/config.json``."""
    from zoobot.files import json_ready

    settings = {
        "catalog": "/data/survey/train.csv",
        "label_cols": label_cols,
        "test": None,
        "encoder": "bundled",
        "blocks": 0,
        "epochs": 30,
    }
    settings |= {"batch_size": 32, "learning_rate": 0.001, "seed": 7, "group_col": None}
    about |= {
        "task": task,
        "label_cols": label_cols,
        "encoder": "bundled",
        "n_blocks": 0,
        "command": "zoobot finetune train.csv",
    }
    about = {
        "multi_label": False,
        "simulated": False,
        "machine": "a laptop",
        "versions": {"zoobot": "3", "torch": "2"},
    } | about
    timing = {"fit_seconds": 3.0, "total_seconds": 5.0, "peak_memory_gb": 1.0}
    (folder / "run.json").write_text(json.dumps(settings))
    (folder / "about.json").write_text(json.dumps(about))
    (folder / "metrics.json").write_text(json.dumps(json_ready(scores) | {"timing": timing}))
    loss = 0.3 + np.exp(-np.arange(12.0)) + 0.01 * np.arange(12)
    log = pd.DataFrame(
        {
            "epoch": range(12),
            "finetuning/train_loss": loss,
            "finetuning/val_loss": loss,
            "finetuning/val_auroc": 1 - loss / 3,
        }
    )
    log.to_csv(folder / "log.csv", index=False)
    (folder / "model").mkdir(exist_ok=True)
    config = {
        "preprocessing": Preprocessing(image_size=32).to_dict(),
        "label_cols": label_cols,
        "class_names": about.get("class_names", []),
    }
    (folder / "model" / "config.json").write_text(json.dumps(config))


def numbers_folder(
    folder: Path, *, n: int = 80, names: tuple[str, ...] = ("size",), skill: float = 1.0, seed: int = 0
) -> pd.DataFrame:
    """Write a run's folder of a regressor, and give its test predictions."""
    from torch import from_numpy

    from zoobot.finetune.metrics import regression_scores

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    truth = rng.normal(10, 3, (n, len(names)))
    guess = skill * truth + (1 - skill) * 10 + rng.normal(0, 1, truth.shape)
    table = pd.DataFrame({"id_str": [f"g{row}" for row in range(n)], "file_loc": files_of(folder, n, True)})
    for place, name in enumerate(names):
        table[name], table[f"{name}_low"], table[f"{name}_high"] = (
            guess[:, place],
            guess[:, place] - 1.6,
            guess[:, place] + 1.6,
        )
        table[f"true_{name}"] = truth[:, place]
    table.to_csv(folder / "predictions.csv", index=False)
    scores = regression_scores(from_numpy(guess), from_numpy(truth), list(names))
    targets = {name: {"coverage": 0.9, "expected": [0.8, 0.97]} for name in names}
    write_common(
        folder,
        "regress",
        list(names),
        {"test": scores | {"conformal": {"level": 0.9, "coverage": 0.9, "targets": targets}}},
    )
    return table


def labels_folder(
    folder: Path, *, n: int = 150, names: tuple[str, ...] = ("bar", "ring"), seed: int = 0
) -> pd.DataFrame:
    """Write a run's folder of a multi-label classifier, and give its test predictions; the last label is guessed."""
    from torch import from_numpy

    from zoobot.finetune.metrics import multi_label_scores

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    truth = rng.random((n, len(names))) < 0.4
    knows = np.where(np.arange(len(names)) < len(names) - 1, 2.0, 0.0)
    p = 1 / (1 + np.exp(-(rng.normal(0, 1, truth.shape) + knows * (truth - 0.5))))
    table = pd.DataFrame({"id_str": [f"g{row}" for row in range(n)], "file_loc": files_of(folder, n, True)})
    for place, name in enumerate(names):
        table[name], table[f"{name}_calibrated"], table[f"true_{name}"] = (
            p[:, place],
            p[:, place],
            truth[:, place].astype(int),
        )
    table.to_csv(folder / "predictions.csv", index=False)
    scores = multi_label_scores(from_numpy(p.astype(np.float32)), from_numpy(truth.astype(np.float32)), list(names))
    write_common(folder, "classify", list(names), {"test": scores}, multi_label=True)
    return table


def votes_folder(folder: Path, *, n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Write what `zoobot evaluate` leaves of a tree's model, and give its predictions; votes are drawn from them."""
    from zoobot import trees
    from zoobot.files import json_ready
    from zoobot.finetune.tree_table import vote_table
    from zoobot.science import score_votes

    folder.mkdir(parents=True, exist_ok=True)
    tree = trees.load("gz2")
    rng = np.random.default_rng(seed)
    posterior = trees.VotePosterior(tree, np.exp(rng.normal(1.5, 1, (n, len(tree.label_cols)))))
    votes = np.zeros((n, len(tree.label_cols)))
    for question in tree.questions:
        own = slice(question.start_index, question.end_index + 1)
        for row in range(n):
            votes[row, own] = rng.multinomial(12, rng.dirichlet(posterior.concentrations[row, 0, own]))
    table = pd.DataFrame({"id_str": [f"g{row}" for row in range(n)], "file_loc": files_of(folder, n, True)})
    truth = pd.DataFrame(votes, columns=[f"true_{name}" for name in tree.label_cols])
    table = pd.concat([table, vote_table(posterior), truth], axis=1)
    table.to_csv(folder / "predictions.csv", index=False)
    scores = {question: one.to_dict() for question, one in score_votes(posterior, votes).items()}
    (folder / "metrics.json").write_text(
        json.dumps(json_ready({"test": {"questions": scores, "skill": 0.3, "loss": 20.0, "n": n}}))
    )
    return table
