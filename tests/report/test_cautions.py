"""Cautions are given where there is reason to, and not where there is none."""

import json

import numpy as np
import pandas as pd
import pytest
from tests.report.cases import change, change_scores
from tests.report.folders import classifier_folder, labels_folder, numbers_folder, votes_folder

from zoobot.report import cautions as module
from zoobot.report.contents import read_run
from zoobot.report.findings import Findings
from zoobot.report.findings.promises import coverages
from zoobot.report.words import number
from zoobot.science import exact_binomial_interval, expected_calibration_error


def cautions(folder):
    return module.cautions(Findings(read_run(folder)))


def titles(folder) -> dict[str, str]:
    return {one.title: one.text for one in cautions(folder)}


def test_a_good_run_of_many_galaxies_has_none(tmp_path):
    classifier_folder(tmp_path, n=600, images=False)
    assert titles(tmp_path) == {}


@pytest.mark.parametrize("names", [("smooth", "ring"), ("a", "b", "c", "d")])
def test_shuffled_labels(names, tmp_path):
    classifier_folder(tmp_path, n=400, names=names, skill=0, images=False)
    found = cautions(tmp_path)
    assert found[0].gravity == "grave" and found[0].title == "Predictions can't be told from guessing"
    assert "AUROC on 400 test galaxies is 0." in found[0].text


def test_shuffled_numbers_and_labels(tmp_path):
    numbers_folder(tmp_path / "a", skill=0.0)
    assert "Predictions of “size” can't be told from guessing" in titles(tmp_path / "a")
    numbers_folder(tmp_path / "b", skill=1.0)
    assert set(titles(tmp_path / "b")) == {"A small test part"}
    labels_folder(tmp_path / "c")
    assert "Predictions of “ring” can't be told from guessing" in titles(tmp_path / "c")
    assert "Predictions of “bar” can't be told from guessing" not in titles(tmp_path / "c")


def test_votes_with_and_without_skill(tmp_path):
    table = votes_folder(tmp_path)
    assert set(titles(tmp_path)) == {"A small test part"}
    truths = [name for name in table.columns if name.startswith("true_")]
    table[truths] = table[truths].sample(frac=1, random_state=0).to_numpy()
    table.to_csv(tmp_path / "predictions.csv", index=False)
    assert "Predictions are worse than guessing" in titles(tmp_path)


def test_few_galaxies_of_a_class_with_the_interval_that_follows(tmp_path):
    classifier_folder(tmp_path, n=300, images=False)
    table = pd.read_csv(tmp_path / "val_predictions.csv")
    rare = table["true_shape"] == "ring"
    table = pd.concat([table[~rare], table[rare].head(9)])
    table.to_csv(tmp_path / "val_predictions.csv", index=False)
    crossed = pd.crosstab(table["true_shape"], table["shape_predicted"]).loc[["smooth", "ring"], ["smooth", "ring"]]
    change_scores(tmp_path, "val", confusion=crossed.to_numpy().tolist())
    change(tmp_path / "about.json", class_counts={"val": {"smooth": 75, "ring": 9}})
    text = titles(tmp_path)["Few validation galaxies"]
    found = int(crossed.loc["ring", "ring"])
    low, high = (number(end) for end in exact_binomial_interval(found, 9))
    assert f"only 9 of “ring” ({found} of them found, 95% interval of that share {low} to {high})" in text
    assert "smooth" not in text and "chose the epoch" in text and "calibration" not in text


def test_imbalance(tmp_path):
    classifier_folder(tmp_path, n=300, images=False)
    change(tmp_path / "about.json", class_counts={"train": {"smooth": 990, "ring": 99}})
    said = titles(tmp_path)["Classes of very different size"]
    assert "never say “ring” can be right for 90.9% of them, so that accuracy says little of “ring”" in said
    change(tmp_path / "about.json", class_counts={"train": {"smooth": 140, "ring": 7, "spiral": 140}})
    said = titles(tmp_path)["Classes of very different size"]
    assert "right for 97.6% of them, so that accuracy says little of “ring”" in said


@pytest.mark.parametrize(
    ("loss", "title"),
    [
        (np.linspace(2, 1, 30), "Training may not have converged"),
        (np.linspace(1, 2, 12), "The validation loss did not fall after the first epoch"),
    ],
)
def test_training_that_went_wrong(loss, title, tmp_path):
    classifier_folder(tmp_path, n=300, images=False)
    pd.DataFrame({"epoch": range(len(loss)), "finetuning/val_loss": loss}).to_csv(tmp_path / "log.csv", index=False)
    assert title in titles(tmp_path)


def test_probabilities_that_are_too_sure(tmp_path):
    table = classifier_folder(tmp_path, n=600, calibrated=False, images=False)
    title = "Probabilities are not calibrated"
    assert title not in titles(tmp_path)
    table["shape_ring"] = table["shape_ring"] ** 3
    table["shape_smooth"] = 1 - table["shape_ring"]
    table.to_csv(tmp_path / "predictions.csv", index=False)
    error = expected_calibration_error(table["shape_ring"], table["true_shape"] == "ring")
    assert f"{error:.3f}" in titles(tmp_path)[title]


def test_coverage_below_its_promise(tmp_path):
    classifier_folder(tmp_path, n=600, images=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    metrics["test"]["conformal"] = {"level": 0.9, "coverage": 0.7, "n_validation": 300}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    assert "Conformal coverage is below its promise" in titles(tmp_path)


@pytest.mark.parametrize(("n_validation", "told"), [(20, False), (2000, True)])
def test_three_galaxies_tell_coverage_only_beside_many_validation_galaxies(tmp_path, n_validation, told):
    """Were none of three covered, p would be 0.2 cubed, 0.008.

    It is more where few validation galaxies make the promise uncertain.
    """
    classifier_folder(tmp_path, n=3, images=False)
    conformal = {"level": 0.8, "coverage": 1.0, "n_validation": n_validation, "informative": True}
    change_scores(tmp_path, "test", conformal=conformal)
    (found,) = coverages(Findings(read_run(tmp_path)))
    assert found.told == told


def test_one_of_many_targets_below_its_promise_is_chance(tmp_path):
    """Of 14 targets one has p = 0.004: as small as that in 5% of sound runs."""
    names = tuple(f"number_{place}" for place in range(14))
    numbers_folder(tmp_path, names=names)
    own = {"coverage": 0.9, "p_value": 0.5}
    targets = {name: dict(own) for name in names} | {"number_2": own | {"p_value": 0.004}}
    title = "Conformal coverage is below its promise"
    for p_value, said in ((0.004, False), (0.0004, True)):
        targets["number_2"]["p_value"] = p_value
        metrics = json.loads((tmp_path / "metrics.json").read_text())
        metrics["test"]["conformal"] = {"level": 0.9, "coverage": 0.9, "targets": targets}
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        assert (title in titles(tmp_path)) == said


def test_copies_of_a_galaxy_do_not_make_parts_disagree(tmp_path):
    """Ten copies of each galaxy are no more galaxies.

    27 of 30 and 20 of 30 found differ by chance, 270 of 300 and 200 of 300 do not.
    """
    table = classifier_folder(tmp_path, n=300, images=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    metrics["val"]["confusion"] = [[135, 15], [15, 135]]
    metrics["test"]["confusion"] = [[100, 50], [50, 100]]
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    assert "Validation and test disagree" in titles(tmp_path)
    validation = pd.read_csv(tmp_path / "val_predictions.csv")
    parts = pd.concat([table.assign(part="test"), validation.assign(part="val")], ignore_index=True)[["id_str", "part"]]
    parts["galaxy_group"] = parts["part"] + (parts.groupby("part").cumcount() // 10).astype(str)
    parts.to_csv(tmp_path / "parts.csv", index=False)
    assert "Validation and test disagree" not in titles(tmp_path)


def test_validation_and_test_that_disagree(tmp_path):
    classifier_folder(tmp_path, n=600, images=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    metrics["val"]["confusion"] = [[149, 1], [1, 149]]
    metrics["test"]["confusion"] = [[200, 100], [100, 200]]
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    assert "Validation and test disagree" in titles(tmp_path)


def test_simulated_galaxies_come_first(tmp_path):
    classifier_folder(tmp_path, n=40, skill=0)
    change(tmp_path / "about.json", simulated=True)
    assert cautions(tmp_path)[0].title == "SIMULATED galaxies"


def test_rows_without_predictions_are_counted(tmp_path):
    table = classifier_folder(tmp_path, n=300, images=False)
    table.loc[:4, ["shape_smooth", "shape_ring", "shape_smooth_calibrated", "shape_ring_calibrated"]] = np.nan
    table.to_csv(tmp_path / "predictions.csv", index=False)
    assert "5 rows of predictions.csv" in titles(tmp_path)["Galaxies left out"]
