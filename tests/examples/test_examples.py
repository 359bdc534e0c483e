"""Every script in ``examples/``, run on a few dozen made-up galaxies with a tiny encoder from a folder."""

import math
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from tests.galaxies import make_catalog
from timm.models import save_for_hf

import zoobot

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
TREE = "gz_rings"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> str:
    """Return the folder of a tiny encoder, as timm saves it, for images of 40 pixels."""
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    model = timm.create_model(
        "test_resnet", pretrained=False, num_classes=0, pretrained_cfg_overlay={"input_size": (3, 40, 40)}
    )
    save_for_hf(model, str(folder), safe_serialization=True)
    return str(folder)


@pytest.fixture(scope="module")
def galaxies(tmp_path_factory) -> Path:
    """Return the folders of a labelled catalog and of one without labels.

    The first has 60 galaxies, three classes and votes, and the second has a lost image.
    """
    folder = tmp_path_factory.mktemp("galaxies")
    frame = make_catalog(folder, n_classes=3)
    frame["flat"] = (frame["number"] > 0).astype(int)
    votes = zoobot.trees.load(TREE).label_cols
    frame[votes[0]], frame[votes[1]] = 3 + frame["number"], 5 - frame["number"]
    frame.to_csv(folder / "galaxies.csv", index=False)
    survey = frame[["file_loc"]].head(9).copy()
    survey.loc[4, "file_loc"] = "images/lost.jpg"
    survey.to_csv(folder / "survey.csv", index=False)
    return folder


def main_of(script: str) -> Callable[..., None]:
    main: Callable[..., None] = runpy.run_path(str(EXAMPLES / f"{script}.py"))["main"]
    return main


def finite_log(out: Path, epochs: int) -> pd.DataFrame:
    """Return the epochs' log, once it is known to be whole and finite."""
    log = pd.read_csv(out / "log.csv")
    assert log["epoch"].tolist() == list(range(epochs))
    assert np.isfinite(log[["finetuning/train_loss", "finetuning/val_loss"]].to_numpy()).all()
    return log


def test_all_examples_are_tested():
    tested = "\n".join(name for name in globals() if name.startswith("test_"))
    assert SCRIPTS
    assert all(script in tested for script in SCRIPTS)


def test_finetune_binary_classification_as_a_command(galaxies, encoder, tmp_path, monkeypatch, capsys):
    arguments = ["--label", "flat", "--encoder", encoder, "--out", str(tmp_path), "--epochs", "2"]
    arguments += ["--predict", str(galaxies / "survey.csv")]
    monkeypatch.setattr(sys, "argv", ["finetune_binary_classification.py", str(galaxies / "galaxies.csv"), *arguments])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(EXAMPLES / "finetune_binary_classification.py"), run_name="__main__")
    assert stopped.value.code in (None, 0)
    log = finite_log(tmp_path, epochs=2)
    assert log["finetuning/val_auroc"].between(0, 1).all()
    assert "finetuning/test_auroc" in capsys.readouterr().out

    test = pd.read_csv(tmp_path / "test_predictions.csv")
    assert len(test) == 12
    np.testing.assert_allclose(test["flat_0"] + test["flat_1"], 1, atol=1e-6)

    rest = pd.read_csv(tmp_path / "predictions.csv", keep_default_na=False, na_values={"flat_1": [""]})
    lost = rest["file_loc"].str.endswith("lost.jpg")
    assert lost.tolist() == [row == 4 for row in range(9)]
    assert (rest["flat_1"].isna() == lost).all()
    assert ((rest["error"] != "") == lost).all()

    model = zoobot.load(tmp_path / "model")
    assert model.label_cols == ["flat"]
    again = zoobot.predict(galaxies / "survey.csv", model, on_error="skip")
    np.testing.assert_allclose(again["flat_1"], rest["flat_1"], atol=1e-6)


def test_finetune_multiclass_classification(galaxies, encoder, tmp_path, capsys):
    main_of("finetune_multiclass_classification")(
        galaxies / "galaxies.csv", label="label", encoder=encoder, out=tmp_path, epochs=2, blocks=1
    )
    finite_log(tmp_path, epochs=2)
    assert "3 classes: a, b, c" in capsys.readouterr().out
    model = zoobot.load(tmp_path / "model")
    assert model.class_names == ["a", "b", "c"]
    test = pd.read_csv(tmp_path / "test_predictions.csv")
    probabilities = test[["label_a", "label_b", "label_c"]]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert (probabilities.idxmax(axis=1) == "label_" + test["label_predicted"]).all()
    confusion = pd.read_csv(tmp_path / "confusion.csv", index_col="label")
    assert confusion.index.tolist() == ["a", "b", "c"]
    assert confusion.sum(axis=1).tolist() == [4, 4, 4]


def test_finetune_regression(galaxies, encoder, tmp_path):
    main_of("finetune_regression")(
        galaxies / "galaxies.csv", label=["size", "number"], encoder=encoder, out=tmp_path, epochs=2
    )
    log = finite_log(tmp_path, epochs=2)
    assert np.isfinite(log["finetuning/val_rmse"]).all()
    test = pd.read_csv(tmp_path / "test_predictions.csv")
    truth = pd.read_csv(galaxies / "galaxies.csv").set_index("id_str").loc[test["id_str"]]
    np.testing.assert_allclose(test["true_size"], truth["size"])
    assert np.isfinite(test[["size", "number"]].to_numpy()).all()
    assert test["size"].nunique() > 1


def test_finetune_regression_of_fractions_stays_between_0_and_1(galaxies, encoder, tmp_path):
    main_of("finetune_regression")(
        galaxies / "galaxies.csv", label=["size"], encoder=encoder, out=tmp_path, epochs=1, fractions=True
    )
    test = pd.read_csv(tmp_path / "test_predictions.csv")
    assert test["size"].between(0, 1).all()
    assert zoobot.load(tmp_path / "model").unit_interval


def test_finetune_counts_full_tree(galaxies, encoder, tmp_path):
    main_of("finetune_counts_full_tree")(galaxies / "galaxies.csv", tree=TREE, encoder=encoder, out=tmp_path, epochs=2)
    finite_log(tmp_path, epochs=2)
    schema = zoobot.trees.load(TREE)
    assert zoobot.load(tmp_path / "model").schema == schema
    test = pd.read_csv(tmp_path / "test_predictions.csv")
    np.testing.assert_allclose(test[schema.label_cols].sum(axis=1), 1, atol=1e-6)
    assert (test["ring_p_asked"] == 1).all()


def test_get_representations(galaxies, encoder, tmp_path, capsys):
    out = tmp_path / "features.parquet"
    main_of("get_representations")(galaxies / "survey.csv", encoder=encoder, out=out, similar_to="g0_002")
    table = pd.read_parquet(out)
    features = table.filter(like="feature_")
    assert features.shape == (9, zoobot.load_encoder(encoder).num_features)
    assert features.isna().all(axis=1).tolist() == [row == 4 for row in range(9)]
    printed = capsys.readouterr().out
    assert "8 of 9 galaxies" in printed
    nearest = printed.splitlines()[2].split()
    assert nearest[0] == "g0_002"
    assert math.isclose(float(nearest[-1]), 1, abs_tol=1e-5)
