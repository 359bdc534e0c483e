"""How long the report takes, and how large it is, with very many predictions.

Run ``python benchmarks/report_speed.py [--galaxies N]``. The predictions are made up, of a classifier of five classes,
of a regressor, and of a decision tree; a few pictures stand for all images.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from zoobot import simulate, trees
from zoobot.files import json_ready
from zoobot.finetune.metrics import classification_scores, regression_scores
from zoobot.finetune.tree_table import vote_table
from zoobot.report import write_report
from zoobot.science import calibration_scores, score_votes

CLASSES = ["elliptical", "spiral", "edge_on", "merger", "artifact"]
SHARES = [0.45, 0.35, 0.15, 0.04, 0.01]


def classifier(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return columns and scores of a classifier of five classes of very different size."""
    truth = rng.choice(len(CLASSES), n, p=SHARES)
    logits = np.log(SHARES) + rng.normal(0, 1, (n, len(CLASSES))) + 3 * np.eye(len(CLASSES))[truth]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table = pd.DataFrame(p, columns=[f"kind_{name}" for name in CLASSES])
    names = np.array(CLASSES, dtype=object)
    table = table.assign(kind_predicted=names[p.argmax(axis=1)], true_kind=names[truth])
    scores = classification_scores(torch.from_numpy(p.astype(np.float32)), torch.from_numpy(truth), CLASSES)
    return table, scores | calibration_scores(p, truth, CLASSES)


def regressor(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return columns and scores of a regressor with intervals."""
    truth = rng.normal(10, 3, (n, 1))
    guess = truth + rng.normal(0, 1, (n, 1))
    table = pd.DataFrame({"size": guess[:, 0], "size_low": guess[:, 0] - 1.64, "size_high": guess[:, 0] + 1.64})
    return table.assign(true_size=truth[:, 0]), regression_scores(
        torch.from_numpy(guess), torch.from_numpy(truth), ["size"]
    )


def votes(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return columns and scores of a decision tree's votes."""
    tree = trees.load("gz2")
    posterior = trees.VotePosterior(tree, np.exp(rng.normal(1.5, 1, (n, len(tree.label_cols)))))
    counts = rng.binomial(8, np.clip(posterior.fractions() + rng.normal(0, 0.1, (n, len(tree.label_cols))), 0, 1))
    truth = pd.DataFrame(counts, columns=[f"true_{name}" for name in tree.label_cols])
    questions = {name: one.to_dict() for name, one in score_votes(posterior, counts).items()}
    return pd.concat([vote_table(posterior), truth], axis=1), {
        "questions": questions,
        "skill": 0.2,
        "loss": 9.0,
        "n": n,
    }


def main() -> None:
    """Print seconds and megabytes of each report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--galaxies", type=int, default=100_000)
    parser.add_argument("--only", choices=["classifier", "regressor", "votes"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        simulate.rings(Path(work) / "galaxies", 24)
        files = sorted(map(str, (Path(work) / "galaxies" / "images").iterdir()))
        for make in (classifier, regressor, votes):
            if options.only not in (None, make.__name__):
                continue
            rng = np.random.default_rng(0)
            table, scores = make(options.galaxies, rng)
            folder = Path(work) / make.__name__
            folder.mkdir()
            ids = {"id_str": [f"galaxy_{row}" for row in range(len(table))]}
            galaxies = pd.DataFrame(ids | {"file_loc": np.resize(np.array(files, dtype=object), len(table))})
            pd.concat([galaxies, table], axis=1).to_csv(folder / "predictions.csv", index=False)
            (folder / "metrics.json").write_text(json.dumps(json_ready({"test": scores})))
            start, used = time.perf_counter(), time.process_time()
            path = write_report(folder)
            seconds, processor = time.perf_counter() - start, time.process_time() - used
            size = path.stat().st_size / 1e6
            print(
                f"{make.__name__:>10}: {options.galaxies} galaxies, {seconds:.1f} s ({processor:.1f} s of processor), "
                f"{size:.1f} MB"
            )


if __name__ == "__main__":
    main()
