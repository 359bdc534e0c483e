"""Hugging Face data sets, saved to disk and as parquet: the same galaxies as in a catalog, decoded when needed."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch

import datasets
from zoobot import trees
from zoobot.data.pixels import Preprocessing
from zoobot.errors import CatalogError
from zoobot.pretrain.galaxies import CatalogGalaxies
from zoobot.pretrain.hugging_face import HuggingFaceGalaxies

PREPROCESSING = Preprocessing(image_size=32)


@pytest.fixture(autouse=True)
def own_datasets_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


@pytest.fixture
def table(voted) -> datasets.Dataset:
    frame = pd.read_csv(voted / "votes.csv")
    columns = {
        name: frame[name].tolist() for name in ("id_str", "shape_round", "shape_flat", "width_large", "width_small")
    }
    files = [{"bytes": (voted / name).read_bytes(), "path": None} for name in frame["file_loc"]]
    return datasets.Dataset.from_dict({"image": files, **columns}).cast_column("image", datasets.Image())


def galaxies(voted, name, split: str = "train") -> HuggingFaceGalaxies:
    return HuggingFaceGalaxies(
        str(name), split, trees.load(voted / "tree.yaml"), PREPROCESSING, val_fraction=0.25, seed=1
    )


@pytest.mark.parametrize("layout", ["disk", "splits", "parquet"])
def test_equals_the_catalog_of_the_same_files(voted, table, tmp_path, layout):
    folder = tmp_path / "set"
    if layout == "disk":
        table.save_to_disk(folder)
    elif layout == "splits":
        datasets.DatasetDict({"train": table, "test": table.select([0])}).save_to_disk(folder)
    else:
        folder.mkdir()
        table.to_parquet(folder / "train-00000.parquet")
    found = galaxies(voted, folder)
    catalog = CatalogGalaxies(str(voted / "votes.csv"), found.tree, PREPROCESSING, val_fraction=0.25, seed=1)
    catalog.decode(0)
    rows = np.array([7, 0, 30])
    one, other = found.fetch(rows), catalog.fetch(rows)
    assert torch.equal(one["pixels"], other["pixels"])
    assert torch.equal(one["label"], other["label"])
    assert one["key"].tolist() == other["key"].tolist()
    assert np.array_equal(found.rows["val"], catalog.rows["val"])


def test_a_damaged_image_is_left_out_and_named(voted, table, tmp_path, caplog):
    broken = table.cast_column("image", datasets.Image(decode=False)).map(
        lambda row, place: {"image": {"bytes": b"no image", "path": None}} if place == 4 else row, with_indices=True
    )
    broken.cast_column("image", datasets.Image()).save_to_disk(tmp_path / "set")
    with caplog.at_level(logging.WARNING, "zoobot"):
        batch = galaxies(voted, tmp_path / "set").fetch(np.array([3, 4]))
    assert "row 4" in caplog.text
    assert batch["label"][1].sum() == 0
    assert batch["label"][0].sum() > 0
    assert batch["pixels"][1].sum() == 0
    again = galaxies(voted, tmp_path / "set")
    again.fetch(np.array([4]))
    assert again.labels[4].sum() > 0  # what is kept stays as it was


def test_what_is_wrong_is_said(voted, table, tmp_path):
    datasets.DatasetDict({"train": table}).save_to_disk(tmp_path / "set")
    with pytest.raises(CatalogError, match="no split 'test', only train"):
        galaxies(voted, tmp_path / "set", "test")
    with pytest.raises(CatalogError, match="check the name and the network"):
        galaxies(voted, "nobody/nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match="check the folder"):
        galaxies(voted, tmp_path / "empty")
    table.remove_columns("image").save_to_disk(tmp_path / "blind")
    with pytest.raises(CatalogError, match="one column of images"):
        galaxies(voted, tmp_path / "blind")
    table.remove_columns("shape_flat").save_to_disk(tmp_path / "other")
    with pytest.raises(CatalogError, match="lacks 1 of the columns of its votes"):
        galaxies(voted, tmp_path / "other")
