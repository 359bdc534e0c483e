"""Settings that can't work are refused before any image is read, by every command that takes them."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
from astropy.io import fits
from tests.end_to_end.options import arguments
from timm.models import save_for_hf

import zoobot
from zoobot.data import Preprocessing
from zoobot.encoders.runtimes import PACKAGES
from zoobot.errors import ImageError

READ: list[str] = []


def listen(event: str, details: tuple[object, ...]) -> None:
    if event == "open" and isinstance(details[0], str) and details[0].endswith((".jpg", ".png", ".fits")):
        READ.append(details[0])


@pytest.fixture(scope="module", autouse=True)
def listening():
    sys.addaudithook(listen)  # can't be taken off again; of no harm


@pytest.fixture(scope="module")
def runs(finetune, galaxies, tmp_path_factory) -> dict[str, Path]:
    """Models of every task."""
    folder = tmp_path_factory.mktemp("before_work")
    tasks = {
        "classes": ("--label", "shape"), "run": ("--label", "ring"),
        "flags": ("--label", "has_ring", "--label", "is_large"), "numbers": ("--label", "radius"),
        "reported": ("--label", "ring", "--report"), "votes": ("--tree", galaxies / "tree.yaml"),
    }  # fmt: skip
    for name, options in tasks.items():
        finetune(folder / name, *options, "--epochs", 1)
    return {name: folder / name for name in tasks}


def catalog_with(galaxies: Path, folder: Path, rows: int = 96, **columns: object) -> Path:
    frame = pd.read_csv(galaxies / "catalog.csv").head(rows)
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    for name, value in columns.items():
        frame[name] = frame[value] if isinstance(value, str) else value
    frame.to_csv(folder / "changed.csv", index=False)
    return folder / "changed.csv"


# command, options that differ from those of BASE, what the message has to say
CASES = [
    ("finetune", {"folds": 1}, "folds"),
    ("finetune", {"folds": 97, "epochs": 1}, "97"),
    ("finetune", {"folds": 40, "label": "shape"}, "40"),
    ("finetune", {"group_col": "shape"}, "3 groups"),
    ("finetune", {"blocks": 99}, "99"),
    ("finetune", {"label": "file_loc"}, "file_loc"),
    ("finetune", {"image_size": 16, "encoder": "{sharp}"}, "The smallest that it takes is 32"),
    ("finetune", {"image_size": 64, "encoder": "{tokens}"}, "160"),
    ("predict", {"model": "{small}"}, "The smallest that it takes is 32"),
    ("evaluate", {"model": "{small}"}, "The smallest that it takes is 32"),
    ("explain", {"model": "{small}"}, "The smallest that it takes is 32"),
    ("explain", {"model": "{no_map}", "map": "grad-cam"}, "map"),
    ("compare", {"image_size": 16, "encoder": ("{encoder}", "{sharp}")}, "The smallest that it takes is 32"),
    ("compare", {"image_size": 32, "encoder": ("{encoder}", "{tokens}")}, "160"),
    ("compare", {"encoder": ("{encoder}", "resnet5000")}, "resnet5000"),
    ("compare", {"encoder": ("{encoder}", "{folder}/nothing")}, "nothing"),
    ("compare", {"encoder": ("{encoder}", "{encoder}")}, "each once"),
    ("pretrain", {"size": 16}, "The smallest that it takes is 32"),
    ("pretrain", {"encoder": "{tokens}"}, "160"),
    ("finetune", {"group_col": "nothing"}, "nothing"),
    ("finetune", {"label": "nothing"}, "nothing"),
    ("finetune", {"test": "{folder}/nothing.csv"}, "nothing.csv"),
    ("finetune", {"encoder": "resnet5000"}, "resnet5000"),
    ("finetune", {"test": "{no_label}"}, "ring"),
    ("finetune", {"test": "{other_class}"}, "7"),
    ("finetune", {"test": "{half_labelled}"}, "label"),
    ("finetune", {"test": "{no_images}"}, "missing"),
    ("predict", {"model": "{reported}/model", "by": "nothing"}, "nothing"),
    ("predict", {"catalog": "{no_images}"}, "missing"),
    ("predict", {"model": ("{run}/model", "{classes}/model")}, "different things"),
    ("evaluate", {"catalog": "{no_label}"}, "ring"),
    ("evaluate", {"catalog": "{other_class}"}, "7"),
    ("evaluate", {"catalog": "{half_labelled}"}, "label"),
    ("evaluate", {"model": "{votes}/model", "by": "radius"}, "one label only"),
    ("explain", {"model": "{votes}/model"}, "target"),
    ("explain", {"catalog": "{no_images}"}, "missing"),
    ("compare", {"catalog": "{no_images}"}, "missing"),
    ("compare", {"catalog": "{few}"}, "too few"),
    ("pretrain", {"galaxies": "{no_images}", "tree": "{tree}", "simulated_share": None}, "missing"),
    ("pretrain", {"simulated_share": 0.5}, "simulated_share"),
    ("pretrain", {"devices": 3}, "3"),
    ("pretrain", {"epochs": 1, "images": None}, "epochs"),
    ("finetune", {"label": "shape", "calibration": "isotonic", "task": "regress"}, "shape"),
    ("finetune", {"tree": "gz2"}, "smooth"),
    ("predict", {"out": "{folder}/out.xyz"}, "xyz"),
    ("predict", {"model": "{run}/nothing"}, "nothing"),
    ("evaluate", {"by": "nothing"}, "nothing"),
    ("evaluate", {"group_col": "nothing"}, "nothing"),
    ("select", {"purity": 0.9}, "purity"),
    ("select", {"label": "nothing"}, "nothing"),
    ("compare", {"label": "nothing"}, "nothing"),
    ("compare", {"group_col": "nothing"}, "nothing"),
    ("compare", {"label": "radius", "task": "classify"}, "radius"),
    ("explain", {"target": "nothing"}, "nothing"),
    ("explain", {"group_col": "nothing"}, "nothing"),
    ("pretrain", {"architecture": "resnet5000"}, "resnet5000"),
    ("pretrain", {"survey": "nothing"}, "nothing"),
    ("pretrain", {"tree": "nothing"}, "nothing"),
    ("pretrain", {"accelerator": "nothing"}, "nothing"),
    ("pretrain", {"galaxies": "{catalog}", "tree": "gz2"}, "smooth"),
    ("pretrain", {"unlabelled": "{folder}/nothing.csv"}, "nothing.csv"),
    ("simulate", {"survey": "nothing"}, "nothing"),
    ("simulate", {"tree": "nothing"}, "nothing"),
    ("simulate", {"population": "nothing"}, "nothing"),
]


@pytest.fixture(scope="module")
def catalogs(galaxies, tmp_path_factory) -> dict[str, Path]:
    """Catalogs that lack something."""
    changes = {
        "no_label": lambda frame: frame.drop(columns="ring"),
        "other_class": lambda frame: frame.assign(ring=[7, *frame["ring"][1:]]),
        "half_labelled": lambda frame: frame.assign(ring=frame["ring"].where(frame.index > 48)),
        "no_images": lambda frame: frame.assign(file_loc="nothing_" + frame["file_loc"]),
        "few": lambda frame: frame.head(20),
    }
    paths = {}
    for name, change in changes.items():
        paths[name] = tmp_path_factory.mktemp(name) / "catalog.csv"
        frame = pd.read_csv(galaxies / "catalog.csv")
        change(frame.assign(file_loc=str(galaxies) + "/" + frame["file_loc"])).to_csv(paths[name], index=False)
    return paths


@pytest.fixture(scope="module")
def odd(runs, finetune, tmp_path_factory) -> dict[str, Path]:
    """Encoders that don't take every size, and models that ask them for one that they don't take, or have no map."""
    folder = tmp_path_factory.mktemp("odd")
    for name, architecture in (("sharp", "test_convnext"), ("tokens", "test_vit3")):
        save_for_hf(timm.create_model(architecture, num_classes=0), str(folder / name))
    for name, encoder, size in (("small", "sharp", 32), ("no_map", "tokens", 160)):
        finetune(folder / name, "--label", "ring", "--epochs", 1, "--encoder", folder / encoder, "--image-size", size)
    model = zoobot.load(folder / "small" / "model")
    model.preprocessing = Preprocessing(image_size=16)
    model.save(folder / "small" / "model")
    models = {name: folder / name / "model" for name in ("small", "no_map")}
    return {"sharp": folder / "sharp", "tokens": folder / "tokens", **models}


@pytest.mark.parametrize(
    ("command", "changed", "word"), CASES, ids=[f"{one} {' '.join(two)} {word}" for one, two, word in CASES]
)
def test_refused_before_an_image_is_read(
    command, changed, word, runs, odd, catalogs, galaxies, encoder, zoobot_command, tmp_path
):
    known = {
        "catalog": galaxies / "catalog.csv",
        "run": runs["run"],
        "encoder": encoder,
        "out": tmp_path / "out",
        "folder": tmp_path,
    }
    refuses(
        zoobot_command,
        words_of(command, changed, known | odd | runs | catalogs | {"tree": galaxies / "tree.yaml"}),
        word,
        tmp_path,
    )


def words_of(command, changed, known) -> list[str]:
    """Return a command's arguments; those changed may be several, or have names that Python has not."""
    first = {name: value[0] if isinstance(value, tuple) else value for name, value in changed.items() if name != "map"}
    first = {name: None if value is None else str(value).format(**known) for name, value in first.items()}
    more = [["--" + name, *value[1:]] for name, value in changed.items() if isinstance(value, tuple)]
    more += [["--map", changed["map"]]] if "map" in changed else []
    return arguments(command, known, **first) + [word.format(**known) for option in more for word in option]


def test_images_are_read_where_nothing_is_refused(runs, galaxies, encoder, zoobot_command, tmp_path):
    known = {"catalog": galaxies / "catalog.csv", "run": runs["run"], "encoder": encoder, "out": tmp_path / "out"}
    READ.clear()
    assert zoobot_command(*arguments("predict", known)).code == 0
    assert len(set(READ)) == 96


# command, what its images have, options, what the message has to say
FIRST_LOOKS = [
    ("finetune", 5, {}, "the image has 5 bands, but channels is 3"),
    ("finetune", 3, {"channels": 4}, "the image has 3 bands, but channels is 4"),
    ("finetune", 3, {"hdu": "FLUX"}, "no HDU 'FLUX'"),
    ("finetune", 5, {"label": "radius"}, "the image has 5 bands, but channels is 3"),
    ("finetune", 5, {"label": None, "tree": "{tree}"}, "the image has 5 bands, but channels is 3"),
    ("compare", 5, {}, "the image has 5 bands, but channels is 3"),
    ("compare", 3, {"encoder": ("{encoder}", "{five}/model")}, "the image has 3 bands, but channels is 5"),
    ("evaluate", 5, {}, "the image has 5 bands, but channels is 3"),
    ("predict", 5, {}, "the image has 5 bands, but channels is 3"),
    ("explain", 5, {"limit": 90}, "the image has 5 bands, but channels is 3"),
    ("pretrain", 5, {"galaxies": "{catalog}", "tree": "{tree}"}, "the image has 5 bands, but channels is 3"),
]  # fmt: skip


@pytest.fixture(scope="module")
def cubes(galaxies, tmp_path_factory) -> dict[int, Path]:
    """Catalogs of FITS cubes, by their number of bands."""
    folder = tmp_path_factory.mktemp("cubes")
    frame = pd.read_csv(galaxies / "catalog.csv")
    noise = np.random.default_rng(0)
    for bands in (3, 5):
        names = [f"{place}_{bands}.fits" for place in range(len(frame))]
        for name in names:
            fits.PrimaryHDU(noise.random((bands, 40, 40)).astype(np.float32)).writeto(folder / name)
        frame.assign(file_loc=names).to_csv(folder / f"{bands}.csv", index=False)
    return {bands: folder / f"{bands}.csv" for bands in (3, 5)}


@pytest.mark.parametrize(
    ("command", "bands", "changed", "said"),
    FIRST_LOOKS,
    ids=[f"{one} {bands} {said}" for one, bands, _, said in FIRST_LOOKS],
)
def test_settings_that_no_image_fits_are_found_from_the_first(
    command, bands, changed, said, runs, cubes, galaxies, encoder, finetune, zoobot_command, tmp_path
):
    known = {
        "catalog": cubes[bands], "run": runs["run"], "encoder": encoder, "out": tmp_path / "out",
        "tree": galaxies / "tree.yaml"
    }  # fmt: skip
    if "encoder" in changed:
        known["five"] = tmp_path / "five"
        finetune(known["five"], "--label", "ring", "--epochs", 1, "--channels", 5, catalog=cubes[5])
    READ.clear()
    answer = zoobot_command(*words_of(command, changed, known))
    assert answer.code == 2, answer.out + answer.err
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").rglob("*.ckpt"))
    assert len(set(READ)) <= (64 if command in ("predict", "evaluate", "explain") else 9)


def test_settings_that_no_image_fits_are_found_from_the_first_in_python(cubes):
    datamodule = zoobot.GalaxyDataModule("ring", cubes[5], image_size=32, num_workers=0)
    READ.clear()
    with pytest.raises(ImageError, match=r"the first 3 of 67 images can't be read:\n .*the image has 5 bands"):
        datamodule.setup("fit")
    assert len(set(READ)) == 3


@pytest.mark.parametrize("label", ["ring", "radius"])
def test_a_test_catalog_of_the_same_files_is_refused_unread(label, galaxies, encoder, zoobot_command, tmp_path):
    """Whatever the galaxies are called, and also where only some are the same."""
    train = catalog_with(galaxies, tmp_path)
    frame = pd.read_csv(train)
    other = shutil.copy(frame["file_loc"][0], tmp_path / "new.jpg")
    frame.assign(id_str=[f"t{row}" for row in range(96)], file_loc=[*frame["file_loc"][:95], other]).to_csv(
        tmp_path / "test.csv", index=False
    )
    known = {"catalog": train, "encoder": encoder, "out": tmp_path / "out"}
    for test, found in ((train, "96 of 96"), (tmp_path / "test.csv", "95 of 96")):
        READ.clear()
        answer = zoobot_command(*words_of("finetune", {"label": label, "test": test}, known))
        assert answer.code == 2, answer.out + answer.err
        assert f"{found} galaxies of the test catalog have the very image of a galaxy" in answer.err
        assert len(set(READ)) <= 9  # the first few of each part


# command, columns of the catalog that are new (values, or the column to copy), options, what the message has to say
CATALOGS = [
    ("compare", {"rare": [0, *[1] * 95]}, {"label": "rare"}, "the classes are"),
    ("compare", {"tile": [0, 1, 2] * 32}, {"group_col": "tile"}, "3 labelled groups"),
    ("finetune", {"tile": [0, 1, 2, 3] * 24}, {"group_col": "tile", "folds": 5}, "4"),
    ("finetune", {"tile": [0, 1, 2, 3] * 24}, {"group_col": "tile", "folds": 5, "label": "radius"}, "4"),
    *(
        ("finetune", {name: "ring"}, {"label": name}, name)
        for name in ("part", "galaxy_group", "error", "fold", "probability")
    ),
    *(("finetune", {name: "radius"}, {"label": name}, name) for name in ("part", "error", "fold", "galaxy_group")),
    *(
        ("finetune", {name: "has_ring"}, {"label": ("is_large", name)}, name)
        for name in ("part", "error", "is_large_set", "true_is_large")
    ),
    ("finetune", {"radius_low": "radius"}, {"label": ("radius", "radius_low")}, "radius_low"),
    ("finetune", {"radius_std": "radius"}, {"label": ("radius", "radius_std")}, "radius_std"),
    ("finetune", {"true_radius": "radius"}, {"label": ("radius", "true_radius")}, "true_radius"),
    ("finetune", {"kind": ["predicted", "other"] * 48}, {"label": "kind"}, "kind_predicted"),
    ("finetune", {"kind": ["set", "other"] * 48}, {"label": "kind"}, "kind_set"),
    ("finetune", {"true": ["true", "other"] * 48}, {"label": "true"}, "true_true"),
    ("finetune", {"part": "radius"}, {"group_col": "part"}, "part"),
]


@pytest.mark.parametrize(
    ("command", "columns", "changed", "word"), CATALOGS, ids=[f"{one} {two} {said}" for one, _, two, said in CATALOGS]
)
def test_names_of_our_own_are_refused(
    command, columns, changed, word, runs, galaxies, encoder, zoobot_command, tmp_path
):
    catalog = catalog_with(galaxies, tmp_path, **columns)
    known = {"catalog": catalog, "run": runs["run"], "encoder": encoder, "out": tmp_path / "out"}
    refuses(zoobot_command, words_of(command, changed, known), word, tmp_path)


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize("labels", [["has_ring", "has_ring_set"], ["error", "has_ring"]])
def test_a_model_whose_columns_are_ambiguous_is_refused(command, labels, runs, galaxies, zoobot_command, tmp_path):
    """Earlier versions trained such models."""
    shutil.copytree(runs["flags"], tmp_path / "run")
    model = zoobot.load(tmp_path / "run" / "model")
    model.label_cols = labels
    model.save(tmp_path / "run" / "model")
    catalog = catalog_with(galaxies, tmp_path, has_ring_set="has_ring", error="has_ring")
    known = {"catalog": catalog, "run": tmp_path / "run", "out": tmp_path / "out"}
    refuses(
        zoobot_command,
        arguments(command, known, on_error="skip"),
        f"two columns called '{labels['error' not in labels]}'",
        tmp_path,
    )


def test_answers_whose_columns_are_ambiguous_are_refused(galaxies, encoder, zoobot_command, tmp_path):
    (tmp_path / "tree.yaml").write_text("questions:\n  feature: {answers: [ringed, ringed_low]}\n")
    catalog = catalog_with(galaxies, tmp_path, feature_ringed_low="feature_barred")
    known = {"catalog": catalog, "encoder": encoder, "out": tmp_path / "out"}
    words = arguments("finetune", known, tree=tmp_path / "tree.yaml")
    refuses(zoobot_command, words, "feature_ringed_low", tmp_path)


def test_a_runtime_that_is_not_installed_is_refused(runs, galaxies, zoobot_command, tmp_path, monkeypatch):
    monkeypatch.setitem(PACKAGES, "onnx", ("no_package_of_this_name",))
    known = {"catalog": galaxies / "catalog.csv", "run": runs["run"], "out": tmp_path / "out"}
    words = arguments("predict", known, runtime="onnx")
    refuses(zoobot_command, words, "runtime='onnx' needs the package no_package_of_this_name", tmp_path)


def refuses(zoobot_command, words, said, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    READ.clear()
    answer = zoobot_command(*words)
    read = list(READ)
    assert answer.code == 2, answer.out + answer.err
    assert "Traceback" not in answer.out + answer.err
    assert str(said) in answer.err, answer.err
    assert read == []
    assert sorted(folder.rglob("*")) == before
