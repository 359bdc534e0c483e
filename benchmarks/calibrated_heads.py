"""What a temperature does to heads that are about right, too cautious, and too sure.

The galaxies are spirals and ellipticals of Galaxy Zoo 1.

    python benchmarks/calibrated_heads.py ../shared/data/sdss_gz1

Linear heads on the features of an encoder are trained on 300 galaxies, calibrated on others, and scored on the rest, in
several draws; prints a table.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zoobot.data import read_catalog
from zoobot.predictions import feature_array, represent
from zoobot.science import fit_temperature, log_loss

HEADS = {"about right": 1e-3, "too cautious": 1e-4, "too sure": 1e-1, "much too sure": 10.0}
"""Inverse strengths of the regularization"""
TRAIN, CALIBRATE = 300, (25, 100, 300)


def main(
    data: Annotated[Path, typer.Argument(help="Folder with train.csv and test.csv of sdss_gz1.")],
    encoder: Annotated[str, typer.Option(help="What load_encoder takes.")] = "bundled",
    draws: Annotated[int, typer.Option(help="How often galaxies are drawn anew.")] = 40,
) -> None:
    """Print the table."""
    frame = pd.concat([read_catalog(data / f"{part}.csv") for part in ("train", "test")], ignore_index=True)
    frame = frame[frame["is_spiral"].notna()].reset_index(drop=True)
    features, labels = feature_array(represent(frame, encoder)), frame["is_spiral"].to_numpy(int)
    print("| head | calibrated on | log loss | change: mean, worst | shown |\n|---|---|---|---|---|")
    for head, strength in HEADS.items():
        for count in CALIBRATE:
            found = np.array([drawn(features, labels, strength, count, seed) for seed in range(draws)])
            before, change, shown = found.T
            print(
                f"| {head} | {count} | {before.mean():.3f} | {change.mean():+.3f}, {change.max():+.3f} | "
                f"{shown.mean():.0%} |",
                flush=True,
            )


def drawn(
    features: np.ndarray, labels: np.ndarray, strength: float, count: int, seed: int
) -> tuple[float, float, bool]:
    """Return a head's log loss, what a temperature adds to it, and whether that was called shown to help."""
    rows = np.random.default_rng(seed).permutation(len(labels))
    train, held_out, test = np.split(rows, [TRAIN, TRAIN + count])
    test = test[CALIBRATE[-1] - count :]
    head = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
    head.fit(features[train], labels[train])
    scaling = fit_temperature(head.predict_proba(features[held_out]), labels[held_out])
    p = head.predict_proba(features[test])
    before = log_loss(p, labels[test])
    return before, log_loss(scaling.apply(p), labels[test]) - before, scaling.evidence == "shown"


if __name__ == "__main__":
    typer.run(main)
