"""Reports of other tasks, and of all that a run may have beside its test."""

import json

import numpy as np
import pandas as pd
import pytest
from tests.report.folders import classifier_folder, labels_folder, numbers_folder, votes_folder
from tests.report.reader import read, said

from zoobot.report import write_report


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            numbers_folder,
            ["Regression of size", "Predicted against true", "What intervals cover", "predicted most too high"],
        ),
        (
            labels_folder,
            ["Multi-label classifier of bar, ring", "By label", "Predictions of “ring” can't be told from guessing"],
        ),
        (votes_folder, ["By question", "Where counts fall", "highest predicted fraction of “smooth”"]),
    ],
)
def test_other_tasks(make, expected, tmp_path, no_files):
    make(tmp_path)
    text = said(read(write_report(tmp_path)))
    for part in expected:
        assert part in text


def test_many_targets_and_classes(tmp_path, no_files):
    numbers_folder(tmp_path / "numbers", names=("a", "b", "c", "d"))
    assert "By target" in said(read(write_report(tmp_path / "numbers")))
    classifier_folder(tmp_path / "classes", n=140, names=tuple(f"class_{k}" for k in range(14)))
    page = read(write_report(tmp_path / "classes"))
    assert "class_13" in said(page)


def test_what_a_run_may_have_beside_its_test(tmp_path):
    """Folds, learning curve, breakdown, shift and checks, as the functions that make them write them."""
    from zoobot.science.breakdown import breakdown
    from zoobot.science.learning_curve import learning_curve
    from zoobot.science.shift import Shift

    table = classifier_folder(tmp_path, n=160)
    rng = np.random.default_rng(0)
    truth = (table["true_shape"] == "ring").to_numpy(int)
    (tmp_path / "folds").mkdir()
    folds = [{"accuracy": 0.8 + 0.01 * fold, "auroc": 0.9, "n": 50} for fold in range(5)]
    summary = {"folds": folds, "mean": {"accuracy": 0.82, "auroc": 0.9}, "std": {"accuracy": 0.016, "auroc": 0.0}}
    (tmp_path / "folds" / "metrics.json").write_text(json.dumps(summary))
    curve = learning_curve(rng.normal(0, 1, (160, 3)) + truth[:, None], truth, n_repeats=2, n_draws=50)
    (tmp_path / "learning_curve.json").write_text(json.dumps(curve.to_dict()))
    bins = breakdown(
        pd.Series(rng.uniform(14, 20, 160), name="mag"),
        table[["shape_smooth", "shape_ring"]],
        truth,
        class_names=["smooth", "ring"],
    )
    bins.insert(0, "column", "mag_r")
    bins.to_csv(tmp_path / "breakdown.csv", index=False)
    (tmp_path / "shift.json").write_text(
        json.dumps(Shift(0.97, 0.95, 0.99, 0.4, 0.3, 0.5, 500, 160, far_p=0.0, auroc_p=0.0).to_dict())
    )
    (tmp_path / "checks").mkdir()
    wrong = table.head(30)[["id_str", "file_loc"]].assign(
        label="shape", given="ring", suggested="smooth", score=0.1, probability=0.97
    )
    wrong.to_csv(tmp_path / "checks" / "labels.csv", index=False)
    pair = {
        f"{name}_{side}": value
        for side in "ab"
        for name, value in (("id_str", f"twin_{side}"), ("file_loc", table["file_loc"][0]))
    }
    pd.DataFrame([pair | {"part_a": "train", "part_b": "test", "kind": "same", "similarity": 0.999}]).to_csv(
        tmp_path / "checks" / "duplicates.csv", index=False
    )
    bad = table.head(2)[["id_str", "file_loc"]].assign(fault="saturated", extent=0.3, reason="")
    bad.to_csv(tmp_path / "checks" / "images.csv", index=False)
    text = said(read(write_report(tmp_path)))
    assert (
        "0.820" in text
        and curve.sentence() in text
        and "Balanced accuracy by mag_r" in text.replace("balanced", "Balanced")
    )
    assert "Labels that disagree with predictions (24 of 30)" in text and "twin_a" in text and "saturated" in text
    for title in (
        "The same galaxies in several parts",
        "Test galaxies differ from those that the model knows",
        "Images that look bad",
    ):
        assert title in text
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"folds.csv", "learning_curve_balanced_accuracy.csv", "breakdown_0.csv"} <= names
