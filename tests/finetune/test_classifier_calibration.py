"""Models calibrate themselves on validation galaxies.

Raw columns stay, others come beside them, and all is saved with the model.
"""

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.galaxies import tiny_encoder

import zoobot
from zoobot.errors import OptionError
from zoobot.finetune import FinetuneableZoobotClassifier, FinetuneableZoobotRegressor
from zoobot.science import TemperatureScaling
from zoobot.settings import TableOptions

SCORES = {"log_loss", "ece", "brier", "ece_perfect", "ece_by_class"}


def classifier(num_classes: int = 3, **options) -> FinetuneableZoobotClassifier:
    model = FinetuneableZoobotClassifier(num_classes, encoder=tiny_encoder(), **options).eval()
    model.label_cols = ["ring", "bar", "merger"][:num_classes] if model.multi_label else ["shape"]
    model.class_names = [] if model.multi_label else ["round", "flat", "odd"][:num_classes]
    return model


def overconfident(n_galaxies: int, seed: int, num_classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Return probabilities (galaxy, class) that say more than they know, and classes (galaxy, 1)."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n_galaxies, num_classes))
    right = torch.from_numpy(logits).softmax(dim=1)
    labels = (right.numpy().cumsum(axis=1) < rng.random((n_galaxies, 1))).sum(axis=1)
    return torch.from_numpy(3 * logits).softmax(dim=1).float(), torch.tensor(labels[:, None], dtype=torch.float32)


def independent(n_galaxies: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n_galaxies, 2))
    labels = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    return torch.from_numpy(3 * logits).sigmoid().float(), torch.from_numpy(labels).float()


def test_raw_columns_stay_and_calibrated_ones_and_sets_come_after_them():
    model = classifier()
    values = overconfident(50, seed=1)[0].numpy()
    before = model.to_table(values, TableOptions())
    model.calibrate(*overconfident(600, seed=2))
    table = model.to_table(values, TableOptions())
    raw = ["shape_round", "shape_flat", "shape_odd"]
    calibrated = [f"{name}_calibrated" for name in raw]
    assert table.columns.tolist() == [*raw, "shape_predicted", *calibrated, "shape_set"]
    pd.testing.assert_frame_equal(table[before.columns.tolist()], before)
    assert isinstance(model.scaling, TemperatureScaling) and model.scaling.temperature == pytest.approx(3, rel=0.25)
    softened = torch.from_numpy(values).log().div(model.scaling.temperature).softmax(dim=1)
    assert np.allclose(table[calibrated], softened, atol=1e-6)
    assert (table[calibrated].dtypes == np.float32).all()
    for row in table.itertuples():
        assert row.shape_predicted in row.shape_set.split("|")
    wider = model.to_table(values, TableOptions(level=0.99))["shape_set"].str.count(r"\|").sum()
    assert wider > table["shape_set"].str.count(r"\|").sum()


def test_scores_keep_their_names_and_show_what_calibration_did():
    model = classifier()
    before = model.final_scores(*overconfident(800, seed=3))
    assert set(before) == set(model.scores(*overconfident(800, seed=3))) | SCORES
    model.calibrate(*overconfident(600, seed=4))
    after = model.final_scores(*overconfident(800, seed=3))
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"calibrated", "calibration", "conformal"} and set(after["calibrated"]) == SCORES
    assert before["ece"] > 0.1 > 0.05 > after["calibrated"]["ece"]
    for name in ("log_loss", "brier"):
        assert after["calibrated"][name] < before[name]
    conformal = after["conformal"]
    assert conformal["level"] == 0.9
    assert conformal["expected"][0] <= conformal["coverage"] <= conformal["expected"][1]
    assert list(conformal["by_class"]) == model.class_names
    json.dumps(after)


def test_a_calibration_that_gains_nothing_still_shows():
    model = classifier()
    probabilities, labels = overconfident(15, seed=5)
    model.calibrate(probabilities, labels)
    assert model.scaling is not None and not model.scaling.changes
    table = model.to_table(probabilities.numpy(), TableOptions())
    assert np.allclose(table["shape_odd_calibrated"], table["shape_odd"])
    assert "calibrated" in model.final_scores(probabilities, labels)


@pytest.mark.parametrize("kind", ["temperature", "vector", "isotonic"])
def test_each_kind_is_saved_with_the_model(kind: str, tmp_path: Path):
    model = classifier(calibration=kind)
    model.calibrate(*overconfident(300, seed=6))
    assert model.scaling is not None and model.scaling.changes and model.scaling.to_dict()["kind"] == kind
    again = zoobot.load(model.save(tmp_path / "model"))
    assert again.task_options() == model.task_options()
    values = overconfident(20, seed=7)[0].numpy()
    for options in (TableOptions(), TableOptions(level=0.5), TableOptions(by_class=True)):
        pd.testing.assert_frame_equal(again.to_table(values, options), model.to_table(values, options))


def test_models_saved_before_there_was_calibration_load(tmp_path: Path):
    model = classifier()
    folder = model.save(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    del config["task_options"]["calibration"]
    (folder / "config.json").write_text(json.dumps(config))
    again = zoobot.load(folder)
    assert again.to_table(np.full((2, 3), 1 / 3, np.float32), TableOptions()).columns.tolist()[-1] == "shape_predicted"


def test_none_leaves_probabilities_alone_but_makes_sets(tmp_path: Path):
    model = classifier(calibration="none")
    model.calibrate(*overconfident(300, seed=8))
    again = zoobot.load(model.save(tmp_path / "model"))
    table = again.to_table(overconfident(20, seed=9)[0].numpy(), TableOptions())
    assert table.columns.tolist()[-2:] == ["shape_predicted", "shape_set"]
    assert "calibrated" not in model.final_scores(*overconfident(20, seed=9))


def test_independent_labels_have_curves_and_sets_of_their_own(tmp_path: Path):
    model = classifier(2, multi_label=True)
    model.calibrate(*independent(800, seed=10))
    assert model.scaling is not None and model.scaling.to_dict()["kind"] == "isotonic" and model.scaling.changes
    again = zoobot.load(model.save(tmp_path / "model"))
    p, labels = independent(800, seed=11)
    table = again.to_table(p.numpy(), TableOptions())
    assert table.columns.tolist() == ["ring", "bar", "ring_calibrated", "bar_calibrated", "ring_set", "bar_set"]
    assert set(table["bar_set"]) == {"0", "1", "0|1"}
    scores = again.final_scores(p, labels)
    assert scores["calibrated"]["ece"] < 0.05 < 0.1 < scores["ece"]
    own = scores["conformal"]["labels"]["bar"]
    truth = labels[:, 1].numpy().astype(int).astype(str)
    assert own["coverage"] == pytest.approx(
        np.mean([true in chosen.split("|") for true, chosen in zip(truth, table["bar_set"], strict=True)])
    )
    assert own["coverage_interval"][0] <= 0.9 <= own["coverage_interval"][1]


def test_samples_are_calibrated_one_by_one():
    model = classifier()
    model.calibrate(*overconfident(600, seed=12))
    samples = np.stack([overconfident(30, seed=seed)[0].numpy() for seed in (13, 14)], axis=1)
    table = model.to_table(samples, TableOptions())
    each = [model.to_table(samples[:, k], TableOptions()) for k in range(2)]
    columns = ["shape_round_calibrated", "shape_flat_calibrated", "shape_odd_calibrated"]
    assert np.allclose(table[columns], (each[0][columns] + each[1][columns]) / 2, atol=1e-6)
    assert table[columns].sum(axis=1).to_numpy() == pytest.approx(np.ones(30), abs=1e-5)
    assert np.allclose(table["shape_odd_sample_1"], samples[:, 1, 2])


def test_galaxies_without_a_prediction_have_no_set():
    model = classifier()
    model.calibrate(*overconfident(100, seed=15))
    values = overconfident(3, seed=16)[0].numpy()
    values[1] = np.nan
    table = model.to_table(values, TableOptions())
    assert table["shape_set"].isna().tolist() == [False, True, False]
    assert table["shape_flat_calibrated"].isna().tolist() == [False, True, False]


def test_too_few_validation_galaxies_are_said_once(caplog: pytest.LogCaptureFixture):
    model = classifier(2)
    p, labels = overconfident(60, seed=17, num_classes=2)
    model.calibrate(p[:8], labels[:8])
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            table = model.to_table(p.numpy(), TableOptions())
    assert (table["shape_set"] == "round|flat").all()
    assert len(caplog.records) == 1 and "at least 9 are needed" in caplog.text
    caplog.clear()
    keep = torch.cat([torch.where(labels[:, 0] == 0)[0], torch.where(labels[:, 0] == 1)[0][:5]])
    model.calibrate(p[keep], labels[keep])
    model.to_table(p.numpy(), TableOptions(level=0.8))
    assert not caplog.records
    sets = model.to_table(p.numpy(), TableOptions(by_class=True))["shape_set"]
    assert "of flat for sets of shape" in caplog.text and sets.str.contains("flat").all()


def test_intervals_of_a_regressor(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    rng = np.random.default_rng(18)
    truth = rng.uniform(0, 1, (500, 2)).astype(np.float32)
    guess = truth + rng.normal(0, [0.1, 0.3], truth.shape).astype(np.float32)
    model = FinetuneableZoobotRegressor(encoder=tiny_encoder(), num_targets=2).eval()
    model.label_cols = ["bulge", "bar"]
    assert "conformal" not in model.final_scores(torch.from_numpy(guess), torch.from_numpy(truth))
    model.calibrate(torch.from_numpy(guess[:200]), torch.from_numpy(truth[:200]))
    again = zoobot.load(model.save(tmp_path / "model"))
    table = again.to_table(guess[200:], TableOptions(level=0.9))
    assert table.columns.tolist() == ["bulge", "bar", "bulge_low", "bulge_high", "bar_low", "bar_high"]
    scores = again.final_scores(torch.from_numpy(guess[200:]), torch.from_numpy(truth[200:]))["conformal"]
    for place, name in enumerate(again.label_cols):
        inside = (table[f"{name}_low"] <= truth[200:, place]) & (truth[200:, place] <= table[f"{name}_high"])
        figures = scores["targets"][name]
        assert figures["coverage"] == pytest.approx(inside.mean(), abs=2 / 300)
        assert figures["coverage_interval"][0] <= 0.9 <= figures["coverage_interval"][1]
    assert scores["targets"]["bulge"]["half_width"] == pytest.approx(0.1 * 1.645, rel=0.2)
    samples = np.stack([guess[200:], guess[200:] + 0.2], axis=1)
    assert np.allclose(again.to_table(samples, TableOptions())["bar_low"], table["bar_low"] + 0.1, atol=1e-6)

    fractions = FinetuneableZoobotRegressor(encoder=tiny_encoder(), unit_interval=True).eval()
    fractions.calibrate(torch.from_numpy(guess[:8, 1:]), torch.from_numpy(truth[:8, 1:]))
    with caplog.at_level(logging.WARNING):
        bounds = fractions.to_table(truth[:5, 1:], TableOptions())
        fractions.to_table(truth[:5, 1:], TableOptions())
    assert (bounds["target_0_low"] == 0).all() and (bounds["target_0_high"] == 1).all()
    assert len(caplog.records) == 1 and "at least 9 are needed" in caplog.text


def test_calibrations_that_do_not_fit_are_refused():
    with pytest.raises(OptionError, match="calibration='spline'"):
        classifier(calibration="spline")
    with pytest.raises(OptionError, match="calibration='vector' with multi_label=True"):
        classifier(2, multi_label=True, calibration="vector")
