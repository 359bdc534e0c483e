"""Shift of the galaxies that are predicted: of all of them, and of their groups."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.galaxies import make_catalog, tiny_encoder

import zoobot
from zoobot.data import Preprocessing
from zoobot.errors import CatalogError, OptionError
from zoobot.finetune import FinetuneableZoobotClassifier
from zoobot.predictions import feature_array
from zoobot.predictions.shift import FeatureSample, warn_of_shift
from zoobot.science import Reference


def test_a_sample_knows_its_rows_whatever_the_batches() -> None:
    features = torch.arange(5000.0)[:, None]
    whole, parts = FeatureSample(), FeatureSample()
    whole.add(np.arange(5000), features, 5000)
    for rows in np.array_split(np.arange(5000), 7):
        parts.add(rows, features[rows], 5000)
    assert len(whole) == len(parts) == 2000
    assert np.array_equal(whole.rows, parts.rows)
    assert np.array_equal(whole.features[:, 0], whole.rows)


def test_the_group_that_differs_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    names = [str(row) for row in range(300)]
    reference = Reference.of(rng.normal(size=(300, 6)) + 3, names, names)
    target = rng.normal(size=(200, 6)) + 3
    target[150:, 0] -= 6
    order = rng.permutation(200)  # a sample comes in the order that images are decoded in
    sample = FeatureSample()
    sample.add(order, torch.from_numpy(target[order]), 200)
    frame = pd.DataFrame({"survey": ["sdss"] * 150 + ["first"] * 50, "magnitude": rng.uniform(14, 18, 200)})
    with caplog.at_level(logging.WARNING, logger="zoobot"):
        warn_of_shift(reference, sample, frame, ["survey", "magnitude"], tmp_path / "predictions.parquet")
    said = [record.getMessage() for record in caplog.records]
    assert any(one.startswith("survey = first differs from training: AUROC 1.00") for one in said)
    assert not any("sdss" in one for one in said)
    table = pd.read_csv(tmp_path / "predictions_shift.csv", keep_default_na=False)
    assert table["group"].tolist()[:3] == ["all", "first", "sdss"]
    assert table["column"].tolist() == ["", "survey", "survey", *["magnitude"] * 4]
    assert table["n_target"].tolist() == [200, 50, 150, 50, 50, 50, 50]


def test_groups_of_too_few_galaxies_are_named(caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    names = [str(row) for row in range(100)]
    reference = Reference.of(rng.normal(size=(100, 6)), names, names)
    sample = FeatureSample()
    sample.add(np.arange(60), torch.from_numpy(rng.normal(size=(60, 6))), 60)
    frame = pd.DataFrame({"survey": ["sdss"] * 50 + ["first"] * 5 + ["nvss"] * 5})
    with caplog.at_level(logging.WARNING, logger="zoobot"):
        warn_of_shift(reference, sample, frame, ["survey"], None)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "survey = first, nvss was not compared with training: 5 new galaxies are too few" in said
    assert "sdss" not in said


def test_predict_writes_it_beside_its_table_and_refuses_other_columns(tmp_path: Path) -> None:
    frame = make_catalog(tmp_path, 40)
    frame["survey"] = np.where(np.arange(40) < 25, "near", "far")
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    torch.manual_seed(0)
    model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder()).eval()
    model.label_cols, model.class_names = ["label"], ["a", "b"]
    model.preprocessing = Preprocessing(image_size=32)
    ids = frame["id_str"].tolist()
    model.reference = Reference.of(feature_array(zoobot.represent(tmp_path / "catalog.csv", model)), ids, ids)
    zoobot.predict(tmp_path / "catalog.csv", model, tmp_path / "found.csv", by=["survey"])
    table = pd.read_csv(tmp_path / "found_shift.csv")
    assert table["group"].tolist() == ["all", "far", "near"]
    assert table["n_target"].tolist() == [40, 15, 25]
    assert table["warning"].isna().all()
    with pytest.raises(CatalogError, match=r"no column 'surveys' .*id_str"):
        zoobot.predict(tmp_path / "catalog.csv", model, tmp_path / "found.csv", by=["surveys"])
    model.reference = None
    with pytest.raises(OptionError, match="doesn't remember"):
        zoobot.predict(tmp_path / "catalog.csv", model, by=["survey"])
