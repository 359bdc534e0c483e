"""Predictions: one row per galaxy, the same whatever the batch, the workers or the bad images beside it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.galaxies import make_catalog, tiny_encoder

import zoobot
from zoobot import GalaxyDataModule
from zoobot.data import ImageSettings, Preprocessing, read_catalog
from zoobot.errors import CatalogError, ImageError, OptionError, OutputError
from zoobot.finetune import (
    FinetuneableZoobotAbstract,
    FinetuneableZoobotClassifier,
    FinetuneableZoobotRegressor,
    FinetuneableZoobotTree,
)
from zoobot.predictions import evaluate
from zoobot.settings import Runtime

PREPROCESSING = Preprocessing(image_size=32)


@pytest.fixture
def model() -> FinetuneableZoobotClassifier:
    torch.manual_seed(0)
    model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder()).eval()
    model.label_cols, model.class_names, model.preprocessing = ["label"], ["a", "b"], PREPROCESSING
    return model


def test_one_row_a_galaxy_in_order_with_named_columns(catalog_file: Path, model: FinetuneableZoobotClassifier) -> None:
    table = zoobot.predict(catalog_file, model)
    catalog = read_catalog(catalog_file)
    assert table.columns.tolist() == ["id_str", "file_loc", "label_a", "label_b", "label_predicted"]
    assert table["id_str"].tolist() == catalog["id_str"].tolist()
    assert np.allclose(table["label_a"] + table["label_b"], 1)
    assert (table["label_predicted"] == np.where(table["label_a"] > 0.5, "a", "b")).all()


def test_the_data_module_and_predict_see_the_same_pixels(
    catalog_file: Path, model: FinetuneableZoobotClassifier
) -> None:
    galaxies = GalaxyDataModule(predict_catalog=catalog_file, image_size=32, num_workers=0)
    galaxies.setup("predict")
    with torch.inference_mode():
        expected = torch.cat([model.predict_step(batch, 0) for batch in galaxies.predict_dataloader()])
    table = zoobot.predict(catalog_file, model, precision="float32")
    assert np.allclose(table[["label_a", "label_b"]], expected, atol=1e-6)
    fast = zoobot.predict(catalog_file, model)
    assert np.allclose(fast[["label_a", "label_b"]], expected, atol=2e-3)  # bfloat16, where the hardware has it


@pytest.mark.parametrize("options", [{"batch_size": 7}, {"num_workers": 2}, {"batch_size": 1, "num_workers": 0}])
def test_batches_and_workers_do_not_matter(
    catalog_file: Path, model: FinetuneableZoobotClassifier, options: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoobot.data.pixels.WORKERS_PAY_FROM", 8)
    pd.testing.assert_frame_equal(
        zoobot.predict(catalog_file, model, **options), zoobot.predict(catalog_file, model), rtol=5e-3
    )


@pytest.mark.parametrize("ending", ["csv", "parquet", "fits", "hdf5", "h5"])
def test_a_saved_table_is_the_one_given(
    catalog_file: Path, model: FinetuneableZoobotClassifier, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / "deep" / f"table.{ending}"
    table = zoobot.predict(catalog_file, model.save(tmp_path / "model"), path)
    kept = read_catalog(path)
    assert kept.columns.tolist() == table.columns.tolist()
    assert kept["label_predicted"].astype(str).tolist() == table["label_predicted"].tolist()
    assert np.allclose(kept["label_a"], table["label_a"])
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]


def test_bad_images_leave_a_row_and_a_reason(tmp_path: Path, model: FinetuneableZoobotClassifier) -> None:
    make_catalog(tmp_path, 12)
    whole = zoobot.predict(tmp_path / "catalog.csv", model)
    (tmp_path / "images" / "g0_003.jpg").write_bytes((tmp_path / "images" / "g0_003.jpg").read_bytes()[:300])
    (tmp_path / "images" / "g0_007.jpg").unlink()
    for ending in ("csv", "parquet", "fits", "hdf5"):
        table = zoobot.predict(tmp_path / "catalog.csv", model, tmp_path / f"t.{ending}", on_error="skip", batch_size=5)
        assert np.flatnonzero(table["label_a"].isna()).tolist() == [3, 7]
        assert "g0_003.jpg" in table["error"][3]
        assert "g0_007.jpg" in table["error"][7]
        assert (table["error"].drop([3, 7]) == "").all()
        good = table.drop([3, 7])
        pd.testing.assert_frame_equal(good[whole.columns.tolist()], whole.drop([3, 7]), rtol=5e-3)
    with pytest.raises(CatalogError, match="1 of 12 image files are missing"):
        zoobot.predict(tmp_path / "catalog.csv", model)
    frame = read_catalog(tmp_path / "catalog.csv", check_files=False).drop(7)
    with pytest.raises(ImageError, match="g0_003.jpg"):
        zoobot.predict(frame, model)
    with pytest.raises(ImageError, match="1 of 1 images can't be read"):
        zoobot.predict(frame.iloc[3:4], model, on_error="skip")


def test_dropout_samples_spread_about_their_mean(catalog_file: Path, model: FinetuneableZoobotClassifier) -> None:
    table = zoobot.predict(catalog_file, model, n_samples=20)
    samples = table[[f"label_a_sample_{k}" for k in range(20)]].to_numpy()
    assert np.allclose(samples.mean(axis=1), table["label_a"], atol=1e-6)
    assert np.allclose(samples.std(axis=1, ddof=1), table["label_a_std"], atol=1e-6)
    assert (table["label_a_std"] > 0).all()
    assert not model.head.training
    pd.testing.assert_frame_equal(table, zoobot.predict(catalog_file, model, n_samples=20))


def test_regression_multi_label_and_tree_columns(catalog_file: Path) -> None:
    regressor = FinetuneableZoobotRegressor(encoder=tiny_encoder(), num_targets=2)
    regressor.label_cols = ["size", "mass"]
    labels = FinetuneableZoobotClassifier(2, encoder=tiny_encoder(), multi_label=True)
    labels.label_cols = ["ring", "bar"]
    tree = FinetuneableZoobotTree({"questions": {"smooth": {"answers": ["yes", "no"]}}}, encoder=tiny_encoder())
    models: dict[FinetuneableZoobotAbstract, list[str]] = {
        regressor: ["size", "mass"],
        labels: ["ring", "bar"],
        tree: ["smooth_yes", "smooth_no"],
    }
    for model, columns in models.items():
        model.preprocessing = PREPROCESSING
        table = zoobot.predict(catalog_file, model)
        assert table.columns.tolist()[: 2 + len(columns)] == ["id_str", "file_loc", *columns]
        assert model is tree or len(table.columns) == 2 + len(columns)
        assert table[columns].notna().all(axis=None)
        assert model.training  # predict leaves the mode as it found it
    assert np.allclose(table["smooth_yes"] + table["smooth_no"], 1)


def test_evaluate_scores_what_predict_gives(catalog_file: Path, model: FinetuneableZoobotClassifier) -> None:
    from sklearn.metrics import roc_auc_score

    evaluation = evaluate(catalog_file, model)
    table = zoobot.predict(catalog_file, model)
    assert evaluation.scores["n"] == 60
    assert evaluation.scores["auroc"] == pytest.approx(
        roc_auc_score(evaluation.table["true_label"] == "b", table["label_b"]), rel=1e-5
    )
    pd.testing.assert_frame_equal(evaluation.table[table.columns.tolist()], table)


def test_features_come_from_an_encoder_a_model_or_a_name(
    catalog_file: Path, model: FinetuneableZoobotClassifier, tmp_path: Path
) -> None:
    of_model = zoobot.represent(catalog_file, model, tmp_path / "features.parquet")
    assert of_model.columns.tolist()[:3] == ["id_str", "file_loc", "feature_0"]
    assert of_model.shape == (60, 2 + model.encoder.num_features)
    pd.testing.assert_frame_equal(zoobot.represent(catalog_file, model.save(tmp_path / "model")), of_model)
    pd.testing.assert_frame_equal(zoobot.represent(catalog_file, model.encoder, preprocessing=PREPROCESSING), of_model)
    bare = zoobot.represent(
        catalog_file, tiny_encoder(), preprocessing=Preprocessing(image_size=32, images=ImageSettings(channels=3))
    )
    assert bare.shape == of_model.shape
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "features.parquet"), of_model, check_dtype=False)


def test_what_cannot_work_is_refused_before_any_work(
    catalog_file: Path, model: FinetuneableZoobotClassifier, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match=r"table.xlsx doesn't end in a known format"):
        zoobot.predict(catalog_file, model, tmp_path / "table.xlsx")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't be written"):
        zoobot.predict(catalog_file, model, tmp_path / "file" / "table.csv")
    with pytest.raises(OptionError, match="n_samples=0"):
        zoobot.predict(catalog_file, model, n_samples=0)
    with pytest.raises(OptionError, match="on_error='ignore'"):
        zoobot.predict(catalog_file, model, on_error="ignore")  # type: ignore[arg-type]


def test_a_custom_evaluation_view_is_missed_loudly(catalog_file: Path, model: FinetuneableZoobotClassifier) -> None:
    model.preprocessing = Preprocessing(image_size=32, custom=True)
    with pytest.warns(UserWarning, match="custom evaluation transform"):
        zoobot.predict(catalog_file, model)


@pytest.mark.parametrize("runtime", ["onnx", "openvino", "auto"])
def test_another_engine_predicts_the_same(
    runtime: Runtime, catalog_file: Path, model: FinetuneableZoobotClassifier
) -> None:
    pytest.importorskip(runtime if runtime == "openvino" else "onnxruntime")
    expected = zoobot.predict(catalog_file, model, precision="float32", batch_size=16)
    table = zoobot.predict(catalog_file, model, precision="float32", batch_size=16, runtime=runtime)
    assert np.allclose(table[["label_a", "label_b"]], expected[["label_a", "label_b"]], atol=1e-4)
    features = zoobot.represent(catalog_file, model, precision="float32", batch_size=16, runtime=runtime)
    assert np.allclose(
        features.filter(like="feature_"),
        zoobot.represent(catalog_file, model, precision="float32").filter(like="feature_"),
        atol=1e-3,
    )
