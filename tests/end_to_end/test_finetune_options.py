"""What `zoobot finetune` is asked for reaches the data, the model and the trainer, and is kept with the model."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

import zoobot


def config(out: Path) -> dict[str, object]:
    return json.loads((out / "model" / "config.json").read_text())


def test_options_of_the_optimizer_reach_the_model(finetune, tmp_path):
    options = {
        "lr_decay": 0.5, "weight_decay": 0.1, "dropout_prob": 0.2, "warmup_epochs": 2, "max_cosine_epochs": 30,
        "max_learning_rate_reduction_factor": 0.05,
    }  # fmt: skip
    flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    where = ("--device", "cpu", "--memory-gb", 1, "--disk-gb", 1)
    finetune(tmp_path, "--label", "ring", "--max-epochs", 1, "--cosine-schedule", *flags, *where)
    kept = config(tmp_path)["options"]
    assert {name: kept[name] for name in options} == options
    assert kept["cosine_schedule"] is True
    model = zoobot.load(tmp_path / "model")
    assert any(module.p == 0.2 for module in model.head.modules() if type(module).__name__ == "Dropout")


@pytest.mark.parametrize("balance", ["balanced", "given"])
def test_weights_of_classes(balance, finetune, tmp_path):
    given = ("--class-weights", "balanced") if balance == "balanced" else ("--class-weights", 1, "--class-weights", 2)
    finetune(tmp_path, "--label", "ring", "--max-epochs", 1, "--label-smoothing", 0.1, *given)
    kept = config(tmp_path)["task_options"]
    assert kept["label_smoothing"] == 0.1
    parts = pd.read_csv(tmp_path / "parts.csv")
    counts = parts.loc[parts["part"] == "train", "ring"].value_counts().sort_index()
    wanted = [1, 2] if balance == "given" else (counts.sum() / 2 / counts).tolist()
    np.testing.assert_allclose(kept["class_weights"], wanted)


def test_weights_of_another_number_of_classes_are_refused(zoobot_command, galaxies, quick, tmp_path):
    command = ("finetune", galaxies / "catalog.csv", "--out", tmp_path / "run", *quick, "--label", "ring")
    answer = zoobot_command(*command, "--class-weights", 1)
    assert answer.code == 2 and "1 class_weights were given for num_classes=2" in answer.err
    answer = zoobot_command(*command, "--class-weights", "heavy")
    assert answer.code == 2 and "class_weights=heavy must be 'balanced'" in answer.err
    assert not (tmp_path / "run" / "run.json").exists()


def test_loss_of_measurements(finetune, tmp_path):
    options = ("--task", "regress", "--loss", "huber", "--unit-interval")
    finetune(tmp_path, "--label", "is_large", "--max-epochs", 1, *options)
    assert (
        config(tmp_path)["task_options"] | {"loss": "huber", "unit_interval": True} == config(tmp_path)["task_options"]
    )


def test_shares_of_the_parts(finetune, tmp_path):
    shares = ("--train-fraction", 0.5, "--val-fraction", 0.25, "--test-fraction", 0.25)
    finetune(tmp_path, "--label", "ring", "--max-epochs", 1, *shares)
    assert pd.read_csv(tmp_path / "parts.csv")["part"].value_counts().to_dict() == {"train": 48, "val": 24, "test": 24}


@pytest.mark.parametrize(
    ("shares", "words"),
    [((0.5, 0.5, 0.5), "must sum to 1"), ((0.8, 0.0, 0.2), "val_fraction=0"), ((0.9, 0.1, 0.0), "test_fraction=0")],
)
def test_shares_that_cannot_be_are_refused(shares, words, zoobot_command, galaxies, quick, tmp_path):
    flags = [
        part
        for name, share in zip(("train", "val", "test"), shares, strict=True)
        for part in (f"--{name}-fraction", share)
    ]
    answer = zoobot_command(
        "finetune", galaxies / "catalog.csv", "--out", tmp_path / "run", *quick, "--label", "ring", *flags
    )
    assert answer.code == 2 and words in answer.err
    assert not (tmp_path / "run").exists()


@pytest.fixture
def three(galaxies, tmp_path) -> tuple[Path, Path, Path]:
    """Catalogs to train on, to validate on and to test on."""
    frame = pd.read_csv(galaxies / "catalog.csv").assign(file_loc=lambda one: str(galaxies) + "/" + one["file_loc"])
    frame["id_str"] = [f"g{row}" for row in frame.index]
    rows = {"train": frame[:60], "val": frame[60:78], "test": frame[78:]}
    for name, own in rows.items():
        own.to_csv(tmp_path / f"{name}.csv", index=False)
    return tuple(tmp_path / f"{name}.csv" for name in rows)


@pytest.mark.parametrize("label", ["ring", "votes"])
def test_catalogs_of_their_own_for_validation_and_test(label, three, finetune, galaxies, tmp_path):
    train, val, test = three
    labels = ("--tree", galaxies / "tree.yaml") if label == "votes" else ("--label", "ring")
    out = tmp_path / "run"
    finetune(out, *labels, "--max-epochs", 1, "--val-catalog", val, "--test-catalog", test, "--report", catalog=train)
    parts = pd.read_csv(out / "parts.csv", dtype=str)
    for name, path in (("train", train), ("val", val), ("test", test)):
        assert set(parts.loc[parts["part"] == name, "id_str"]) == set(pd.read_csv(path, dtype=str)["id_str"]), name
    page = (out / "report.html").read_text()
    assert "All galaxies of the catalog were trained on" in page
    assert "18 validation galaxies of" in page


def test_validation_galaxies_that_train_are_refused(three, zoobot_command, quick, tmp_path):
    train, _, _ = three
    pd.read_csv(train)[:9].assign(id_str=[f"v{row}" for row in range(9)]).to_csv(tmp_path / "copies.csv", index=False)
    answer = zoobot_command(
        "finetune",
        train,
        "--out",
        tmp_path / "run",
        *quick,
        "--label",
        "ring",
        "--val-catalog",
        tmp_path / "copies.csv",
    )
    assert answer.code == 2
    assert "of 9 galaxies of the validation catalog have the very image of a galaxy that is trained on" in answer.err


def test_bands_and_percentiles_are_kept_with_the_model(galaxies, finetune, zoobot_command, tmp_path):
    frame, noise = pd.read_csv(galaxies / "catalog.csv"), np.random.default_rng(0)
    frame["file_loc"] = [f"{row}.fits" for row in range(len(frame))]
    for name, ring in zip(frame["file_loc"], frame["ring"], strict=True):
        cube = noise.random((5, 40, 40)).astype(np.float32)
        cube[3] += 5 * ring * (np.hypot(*np.indices((40, 40)) - 20) < 6)
        fits.PrimaryHDU(cube).writeto(tmp_path / name)
    frame.to_csv(tmp_path / "cubes.csv", index=False)
    out = tmp_path / "run"
    options = ("--bands", 3, "--bands", 0, "--channels", 2, "--percentiles", 1, 99)
    finetune(out, "--label", "ring", "--max-epochs", 1, *options, catalog=tmp_path / "cubes.csv")
    images = config(out)["preprocessing"]["images"]
    assert (images["bands"], images["percentiles"], images["channels"]) == ([3, 0], [1.0, 99.0], 2)
    command = (
        "predict",
        tmp_path / "cubes.csv",
        "--model",
        out / "model",
        "--num-workers",
        0,
        "--out",
        tmp_path / "p.csv",
    )
    assert zoobot_command(*command).code == 0
