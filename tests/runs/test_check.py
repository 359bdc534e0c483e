"""The checks of a run find what was planted among its galaxies.

They write tables and galleries, and say what they could not check.
"""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.galaxies import make_catalog, tiny_encoder

from zoobot.data import Preprocessing, read_catalog
from zoobot.errors import CatalogError
from zoobot.finetune import FinetuneableZoobotClassifier, FinetuneableZoobotRegressor
from zoobot.predictions.thumbnails import make_thumbnails
from zoobot.runs import check_run


@pytest.fixture(scope="module")
def galaxies(tmp_path_factory) -> pd.DataFrame:
    """40 galaxies; of the test part one is a turned copy of a training galaxy, one is blank, one damaged."""
    folder = tmp_path_factory.mktemp("galaxies")
    make_catalog(folder, 40, size=80)
    frame = read_catalog(folder / "catalog.csv")
    files = frame["file_loc"]
    rng = np.random.default_rng(0)
    for file in files:  # stars, by which images can be told apart
        pixels = np.asarray(Image.open(file)).copy()
        for y, x in rng.integers(4, 76, (12, 2)):
            pixels[y - 1 : y + 2, x - 1 : x + 2] = rng.integers(80, 255)
        Image.fromarray(pixels).save(file, quality=95)
    Image.open(files[0]).transpose(Image.Transpose.ROTATE_90).save(files[39], quality=80)
    Image.new("RGB", (80, 80), (9, 9, 9)).save(files[38])
    with open(files[37], "wb") as damaged:  # noqa: PTH123
        damaged.write(b"no image")
    return frame.assign(part=["train"] * 24 + ["val"] * 4 + ["test"] * 12)


def model_of(kind, **options):
    model = kind(encoder=tiny_encoder(), **options)
    model.preprocessing = Preprocessing(image_size=32)
    return model.eval()


def classifier() -> FinetuneableZoobotClassifier:
    model = model_of(FinetuneableZoobotClassifier, num_classes=2)
    model.label_cols, model.class_names = ["label"], ["a", "b"]
    return model


def predictions_of(frame: pd.DataFrame) -> pd.DataFrame:
    positive = np.where(frame["label"] == "b", 0.9, 0.1) + np.linspace(-0.05, 0.05, len(frame))
    table = frame[["id_str", "file_loc"]].assign(label_a=1 - positive, label_b=positive, true_label=frame["label"])
    return table.reset_index(drop=True)


def write_run(folder, galaxies, *, folds: bool) -> None:
    folder.mkdir()
    galaxies[["id_str", "file_loc", "part", "label"]].to_csv(folder / "parts.csv", index=False)
    test = predictions_of(galaxies[galaxies["part"] == "test"])
    test.to_csv(folder / "predictions.csv", index=False)
    predictions_of(galaxies[galaxies["part"] == "val"]).to_csv(folder / "val_predictions.csv", index=False)
    if folds:
        every = predictions_of(galaxies)
        every.loc[35, "true_label"] = {"a": "b", "b": "a"}[every["true_label"][35]]
        (folder / "folds").mkdir()
        every.to_csv(folder / "folds" / "predictions.csv", index=False)


def test_planted_faults_are_found(galaxies, tmp_path):
    run = tmp_path / "run"
    write_run(run, galaxies, folds=True)
    classifier().save(run / "model")
    checks = check_run(run, num_workers=0)
    ids = galaxies["id_str"]
    assert checks.labels["id_str"].tolist() == [ids[35]]
    assert checks.labels["suggested"][0] == galaxies["label"][35]
    pair = checks.duplicates.iloc[0]
    assert len(checks.duplicates) == len(checks.across) == 1
    assert (pair["id_str_a"], pair["id_str_b"], pair["part_a"], pair["part_b"]) == (ids[0], ids[39], "train", "test")
    assert pair["kind"] == "rotated"
    assert dict(zip(checks.images["id_str"], checks.images["fault"], strict=True)) == {
        ids[37]: "unreadable",
        ids[38]: "blank",
    }
    for name, table in (("labels", checks.labels), ("duplicates", checks.duplicates), ("images", checks.images)):
        assert len(pd.read_csv(run / "checks" / f"{name}.csv")) == len(table)
        assert (run / "checks" / f"{name}.png").is_file()
    text = " ".join(checks.sentences())
    assert "1 label of 40 galaxies disagrees most with the prediction" in text
    assert "1 pair of near-duplicate images among 40, 1 between parts" in text
    assert "1 unreadable, 1 blank" in text
    assert checks.notes == []


def test_without_folds_it_says_so_and_features_need_not_be_computed(galaxies, tmp_path):
    run = tmp_path / "run"
    write_run(run, galaxies, folds=False)
    (run / "checks").mkdir()
    (run / "checks" / "labels.png").touch()  # of an earlier check that found some
    features = np.random.default_rng(0).normal(size=(40, 8))
    checks = check_run(run, features, model=classifier(), num_workers=0)
    assert len(checks.duplicates) == 1
    assert checks.n_labels_checked == 16
    assert "There are no folds" in checks.sentences()[-1]
    assert len(checks.labels) == 0
    assert not (run / "checks" / "labels.png").exists()
    shutil.rmtree(run / "checks")
    (run / "parts.csv").unlink()  # an older run
    assert check_run(run, features[24:], model=classifier(), num_workers=0, galleries=False).n_checked == 16
    assert not list((run / "checks").glob("*.png"))


def test_measurements_and_several_labels(galaxies, tmp_path):
    run = tmp_path / "run"
    write_run(run, galaxies, folds=False)
    test = galaxies[galaxies["part"] == "test"].reset_index(drop=True)
    noise = np.random.default_rng(1).normal(0, 0.01, len(test))
    table = test[["id_str", "file_loc"]].assign(size=test["size"] + noise, true_size=test["size"])
    table.loc[3, "true_size"] += 1
    (run / "val_predictions.csv").unlink()
    table.to_csv(run / "predictions.csv", index=False)
    regressor = model_of(FinetuneableZoobotRegressor, num_targets=1)
    regressor.label_cols = ["size"]
    features = np.random.default_rng(0).normal(size=(40, 8))
    checks = check_run(run, features, model=regressor, num_workers=0)
    assert checks.labels["id_str"][0] == test["id_str"][3]
    assert "test galaxies" in checks.notes[0]
    assert "more than 4 standard deviations" in checks.sentences()[0] and not checks.blind

    rings = (np.arange(len(test)) % 2).astype(float)
    wrong = rings.copy()
    wrong[4] = 1 - wrong[4]
    table = test[["id_str", "file_loc"]].assign(ring=0.1 + 0.8 * rings, bar=0.5, true_ring=wrong, true_bar=rings)
    table.to_csv(run / "predictions.csv", index=False)
    several = model_of(FinetuneableZoobotClassifier, num_classes=2, multi_label=True)
    several.label_cols = ["ring", "bar"]
    checks = check_run(run, features, model=several, num_workers=0)
    assert checks.labels[["id_str", "label"]].to_numpy().tolist() == [[test["id_str"][4], "ring"]]
    assert checks.blind == ["ring", "bar"] and "can't be told" in checks.sentences()[0]  # eight galaxies prove nothing


def test_copies_in_groups_are_counted_as_galaxies(galaxies, tmp_path):
    """Labels that mean nothing, of galaxies in copies.

    The copies alone would make the predictions look better than chance.
    """
    run = tmp_path / "run"
    write_run(run, galaxies, folds=True)
    parts = pd.read_csv(run / "parts.csv").assign(galaxy_group=np.arange(40) // 4)
    parts.loc[39, "galaxy_group"] = 0  # the copy of the first
    parts.to_csv(run / "parts.csv", index=False)
    label = np.array(["a", "b"])[np.arange(10) % 2]
    guessed = np.array([0.1, 0.4, 0.2, 0.55, 0.3, 0.6, 0.5, 0.8, 0.7, 0.9])  # AUROC 0.84
    table = pd.read_csv(run / "folds" / "predictions.csv")
    group = parts["galaxy_group"].to_numpy()
    table = table.assign(label_a=1 - guessed[group], label_b=guessed[group], true_label=label[group])
    table.to_csv(run / "folds" / "predictions.csv", index=False)
    features = np.random.default_rng(0).normal(size=(40, 8))
    checks = check_run(run, features, model=classifier(), num_workers=0, galleries=False)
    assert checks.n_label_groups == 10 and checks.blind == ["label"]
    assert "Which labels of 40 galaxies in 10 groups are wrong can't be told" in checks.sentences()[0]
    assert checks.duplicates["grouped"].tolist() == [True] and "1 of them within a group" in checks.sentences()[1]
    assert set(pd.read_csv(run / "checks" / "labels.csv")) >= {"id_str", "galaxy_group"}
    parts.drop(columns="galaxy_group").to_csv(run / "parts.csv", index=False)
    assert check_run(run, features, model=classifier(), num_workers=0, galleries=False).blind == []


def test_what_is_no_run(galaxies, tmp_path):
    with pytest.raises(CatalogError, match="no predictions.csv"):
        check_run(tmp_path, model=classifier())
    write_run(tmp_path / "run", galaxies, folds=False)
    other = classifier()
    other.class_names = ["a", "c"]
    checks = check_run(tmp_path / "run", np.zeros((40, 3)), model=other, num_workers=0)
    assert "lack label_c" in checks.notes[-1]


def test_thumbnails_of_fits_are_bytes_too(tmp_path):
    make_catalog(tmp_path, 3, fits=True)
    frame = read_catalog(tmp_path / "catalog.csv")
    files = [*frame["file_loc"], str(tmp_path / "gone.fits")]
    thumbnails, errors, _ = make_thumbnails(files, Preprocessing(), num_workers=0)
    assert thumbnails.shape == (4, 3, 64, 64)
    assert thumbnails.dtype == np.uint8
    assert thumbnails[:3].max() == 255
    assert errors[:3] == ["", "", ""]
    assert "gone.fits" in errors[3]
