"""Comparing encoders: the same galaxies and folds for all, differences pair by pair."""

import json

import numpy as np
import pandas as pd
import pytest
from tests.galaxies import make_catalog, tiny_encoder
from timm.models import save_for_hf

from zoobot.errors import CatalogError, LabelError, OptionError
from zoobot.runs import compare_encoders, compare_features
from zoobot.runs.compare import read_label

QUICK = {"n_repeats": 2, "n_draws": 80}


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(0)
    labels = np.arange(160) % 2
    good = rng.normal(0, 1, (160, 10)) + 0.5 * labels[:, None]
    return {
        "good": good,
        "turned": good @ np.linalg.qr(rng.normal(size=(10, 10)))[0],
        "noise": rng.normal(size=(160, 8)),
    }, labels


def test_same_features_do_not_differ_and_worse_ones_are_told_apart(features):
    sets, labels = features
    comparison = compare_features({"good": sets["good"], "same": sets["good"], "noise": sets["noise"]}, labels, **QUICK)
    same, noise = (comparison.final().set_index("encoder").loc[name] for name in ("same", "noise"))
    assert same["better"] == same["better_low"] == same["better_high"] == 0
    assert noise["better_high"] < 0
    first, worst = comparison.curves["good"], comparison.curves["noise"]
    assert noise["better"] == pytest.approx(
        (worst.scores["balanced_accuracy"] - first.scores["balanced_accuracy"])[:, -1].mean()
    )
    said = comparison.sentences()
    assert "not told apart from good" in said[1] and "worse than good" in said[2] and said[-1].startswith("With good")


@pytest.mark.parametrize("seed", [4, 13, 25, 26, 27])
def test_equal_encoders_are_not_told_apart(seed):
    """Five encoders that know the same, partly from the same.

    Without adjustment, one page in five had a better or worse one.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(60) % 2
    shared = rng.normal(0, 1, (60, 6)) + 0.45 * labels[:, None]
    sets = {
        f"e{i}": np.concatenate([shared, rng.normal(0, 1, (60, 6)) + 0.45 * labels[:, None]], axis=1) for i in range(5)
    }
    comparison = compare_features(sets, labels, n_repeats=2, n_draws=100, seed=seed)
    said = comparison.sentences()
    assert not any("better than" in one or "worse than" in one for one in said)
    assert all("adjusted for comparing 5 encoders" in one for one in said[1:5])
    assert comparison.best is None and "Which is the best can't be told" in said[5]


def test_the_best_is_named_where_it_is_told_apart(features, tmp_path):
    sets, labels = features
    rng = np.random.default_rng(5)
    comparison = compare_features(
        {"noise": sets["noise"], "good": sets["good"] + labels[:, None], "other": rng.normal(size=(160, 5))},
        labels,
        **QUICK,
    )
    assert comparison.best == "good" and "good is the best of the 3" in comparison.sentences()[3]
    comparison.write(tmp_path)
    content = json.loads((tmp_path / "comparison.json").read_text())
    assert content["best"] == "good" and content["adjusted"] == "adjusted for comparing 3 encoders"
    two = compare_features({"noise": sets["noise"], "good": sets["good"] + labels[:, None]}, labels, **QUICK)
    assert "adjusted" not in " ".join(two.sentences()) and two.best == "good"


def test_copies_and_too_few_of_a_class(features):
    sets, labels = features
    tripled = {name: np.repeat(own, 3, axis=0) for name, own in sets.items()}
    groups = np.repeat(np.arange(160), 3)
    comparison = compare_features(tripled, np.repeat(labels, 3), groups=groups, **QUICK)
    single = compare_features(sets, labels, **QUICK)
    widths = [(one.final()["better_high"] - one.final()["better_low"]).iloc[2] for one in (comparison, single)]
    assert widths[0] == pytest.approx(widths[1], rel=0.25)
    assert comparison.table["labels"].tolist() == (3 * comparison.table["groups"]).tolist()
    rare = compare_features(sets, (np.arange(160) < 6).astype(int), **QUICK)
    assert rare.final()["better_low"].isna().all() and rare.best is None
    assert all("the rarest class has 6 galaxies" in one for one in rare.sentences()[:3])


def test_paired_differences_are_narrower_than_those_of_separate_galaxies(features):
    sets, labels = features
    comparison = compare_features({"good": sets["good"], "turned": sets["turned"]}, labels, **QUICK)
    row = comparison.final("auroc").iloc[1]
    unpaired = np.hypot(row["high"] - row["low"], row["high"] - row["low"])
    assert row["better_high"] - row["better_low"] < 0.6 * unpaired


def test_errors_count_the_other_way_round():
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 1, 100)
    sets = {"bad": rng.normal(0, 1, (100, 4)), "good": np.stack([truth, truth], axis=1) + rng.normal(0, 0.3, (100, 2))}
    comparison = compare_features(sets, truth, "regress", **QUICK)
    assert comparison.final("rmse")["better"].iloc[1] > 0 and comparison.final("r2")["better"].iloc[1] > 0


def test_rows_with_nan_in_any_set_are_left_out_of_all(features):
    sets, labels = features
    holes = sets["noise"].copy()
    holes[:5] = np.nan
    comparison = compare_features({"good": sets["good"], "noise": holes}, labels, **QUICK)
    assert {curve.n_labels for curve in comparison.curves.values()} == {155}
    with pytest.raises(OptionError, match="don't agree"):
        compare_features({"good": sets["good"][:10]}, labels)
    with pytest.raises(OptionError, match="none"):
        compare_features({}, labels)


def test_labels_are_read_as_for_finetuning():
    frame = pd.DataFrame(
        {"id_str": list("abc"), "name": ["x", "y", "x"], "zero_one": [0, 1, 1], "size": [0.5, 1.0, 2.0]}
    )
    truth, task, told = read_label(frame, "name")
    assert truth.tolist() == [0, 1, 0] and (task, told) == ("classify", "x: 2, y: 1")
    assert read_label(frame, "zero_one")[1:] == ("classify", "0: 1, 1: 2")
    assert read_label(frame, "size")[1] == "regress"


def test_encoders_of_a_catalog(tmp_path):
    frame = make_catalog(tmp_path, 60)
    frame.loc[3, "label"] = None
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    for name in ("one", "two"):
        save_for_hf(tiny_encoder(), str(tmp_path / name))
    encoders = [str(tmp_path / name) for name in ("one", "two")]
    said = []
    comparison = compare_encoders(
        tmp_path / "catalog.csv", "label", encoders, image_size=32, num_workers=0, say=said.append, **QUICK
    )
    assert said[:2] == [
        "1 of 60 galaxies have no label, and are left out.",
        "59 labelled galaxies; label (a: 30, b: 29).",
    ]
    assert list(comparison.curves) == encoders and comparison.curves[encoders[0]].n_labels == 59
    assert {path.name for path in comparison.write(tmp_path / "out")} == {
        f"comparison.{e}" for e in ("csv", "json", "png")
    }
    content = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert content["sentences"] == comparison.sentences() and set(content["curves"]) == set(encoders)
    assert len(pd.read_csv(tmp_path / "out" / "comparison.csv")) == len(comparison.table)
    with pytest.raises(OptionError, match="each once"):
        compare_encoders(tmp_path / "catalog.csv", "label", [encoders[0]] * 2)
    with pytest.raises(CatalogError, match="lacks"):
        compare_encoders(tmp_path / "catalog.csv", "shape", encoders)
    with pytest.raises(CatalogError, match="no column 'tile' to group by"):
        compare_encoders(tmp_path / "catalog.csv", "label", encoders, group_col="tile")
    frame.assign(tile=[*range(57), 56, 56, None]).to_csv(tmp_path / "grouped.csv", index=False)
    grouped = compare_encoders(
        tmp_path / "grouped.csv", "label", encoders[:1], group_col="tile", image_size=32, num_workers=0, **QUICK
    )
    assert (grouped.first.n_labels, grouped.first.n_groups) == (59, 57)
    with pytest.raises(LabelError, match="too few"):
        compare_encoders(
            frame.head(20).assign(file_loc=str(tmp_path) + "/" + frame["file_loc"]), "label", encoders, num_workers=0
        )
