"""What a run was made of: digests change with what decides it, each by its name, and not with where files lie."""

import shutil

import pandas as pd
import pytest
from tests.galaxies import make_catalog, tiny_encoder

from zoobot import FinetuneableZoobotRegressor, GalaxyDataModule
from zoobot.runs.origin import origin


@pytest.fixture
def model():
    return FinetuneableZoobotRegressor(encoder=tiny_encoder("test_efficientnet"))


@pytest.fixture
def folder(tmp_path):
    make_catalog(tmp_path / "galaxies")
    return tmp_path / "galaxies"


def made_of(folder, model, seed=42):
    galaxies = GalaxyDataModule("size", folder / "catalog.csv", image_size=32, num_workers=0, seed=seed)
    galaxies.read_catalogs()
    return origin(galaxies, model)


def changed(before, after):
    assert set(before) == set(after)
    return [name for name in before if before[name] != after[name]]


def test_files_may_move(folder, model, tmp_path):
    before = made_of(folder, model)
    shutil.move(folder, tmp_path / "elsewhere")
    assert made_of(tmp_path / "elsewhere", model) == before


def test_one_label_one_image_and_weights_are_told_apart(folder, model):
    before = made_of(folder, model)
    frame = pd.read_csv(folder / "catalog.csv")
    image = folder / frame["file_loc"][0]

    frame.assign(size=[0.5, *frame["size"][1:]]).to_csv(folder / "catalog.csv", index=False)
    (label,) = changed(before, made_of(folder, model))
    frame.to_csv(folder / "catalog.csv", index=False)
    image.write_bytes(image.read_bytes() + b"\0")
    (picture,) = changed(before, made_of(folder, model))
    assert (label.split()[0], picture.split()[0]) == ("labels", "images")
    assert label.split()[1:] == picture.split()[1:]  # of the same part

    image.write_bytes(image.read_bytes()[:-1])
    model.encoder.load_state_dict({name: value + 1 for name, value in model.encoder.state_dict().items()})
    assert changed(before, made_of(folder, model)) == ["weights of the encoder"]


def test_another_split_changes_the_ids_of_every_part(folder, model):
    names = changed(made_of(folder, model), made_of(folder, model, seed=43))
    assert {f"ids of the {part} part" for part in ("train", "val", "test")} <= set(names)
