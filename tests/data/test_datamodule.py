"""GalaxyDataModule: what its batches hold, how it splits, and that it reads each image once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.galaxies import make_catalog

from zoobot import GalaxyDataModule
from zoobot.data import Augmentation, datamodule, read_catalog
from zoobot.errors import CatalogError, ImageError, LabelError, OptionError, SplitError


def module(catalog: object, label_cols: object = ("label",), **options: object) -> GalaxyDataModule:
    settings = {"image_size": 32, "num_workers": 0, "batch_size": 16, **options}
    return GalaxyDataModule(label_cols, catalog, **settings)  # type: ignore[arg-type]


def test_a_batch_is_the_one_batch_type(catalog_file: Path) -> None:
    galaxies = module(catalog_file)
    galaxies.setup()
    batch = next(iter(galaxies.train_dataloader()))
    assert set(batch) == {"image", "label", "id_str"}
    assert batch["image"].shape == (16, 3, 32, 32)
    assert batch["image"].dtype == torch.float32
    assert 0 <= float(batch["image"].min()) < float(batch["image"].max()) <= 1
    assert batch["label"].shape == (16, 1)
    names = read_catalog(catalog_file).set_index("id_str")["label"]
    assert [galaxies.class_names["label"][int(c)] for c in batch["label"]] == names[batch["id_str"]].tolist()


def test_parts_share_the_classes_and_no_galaxy(catalog_file: Path) -> None:
    galaxies = module(catalog_file)
    galaxies.setup()
    frames = galaxies.frames
    assert {part: len(frame) for part, frame in frames.items()} == {"train": 42, "val": 6, "test": 12}
    assert pd.concat(frames.values())["id_str"].is_unique
    assert all((frame["label"].value_counts() == len(frame) / 2).all() for frame in frames.values())


def test_the_evaluation_parts_come_in_order_and_unaugmented(catalog_file: Path) -> None:
    galaxies = module(catalog_file)
    galaxies.setup()
    first, again = ([batch["image"] for batch in galaxies.test_dataloader()] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    ids = [name for batch in galaxies.test_dataloader() for name in batch["id_str"]]
    assert ids == galaxies.frames["test"]["id_str"].tolist()


def test_a_small_training_set_is_one_batch(catalog_file: Path) -> None:
    galaxies = module(catalog_file, batch_size=512)
    galaxies.setup("fit")
    assert [len(batch["id_str"]) for batch in galaxies.train_dataloader()] == [42]


def test_every_galaxy_comes_once_an_epoch_with_the_remainder(catalog_file: Path) -> None:
    galaxies = module(catalog_file, batch_size=32)
    galaxies.setup("fit")
    ids = [name for batch in galaxies.train_dataloader() for name in batch["id_str"]]
    assert sorted(ids) == sorted(galaxies.frames["train"]["id_str"])
    assert ids != galaxies.frames["train"]["id_str"].tolist()  # in another order


def test_each_image_is_read_once(catalog_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    galaxies = module(catalog_file)
    galaxies.setup("fit")

    def refuse(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr("zoobot.data.rows.decode_image", refuse)
    monkeypatch.setattr("zoobot.data.pixels.decode_with_fills", refuse)
    galaxies.setup("fit")
    for _ in range(2):
        assert sum(len(batch["id_str"]) for batch in galaxies.train_dataloader()) == 42


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_do_not_depend_on_where_pixels_are_kept(
    catalog_file: Path, monkeypatch: pytest.MonkeyPatch, num_workers: int
) -> None:
    kept = module(catalog_file)
    kept.setup("fit")
    monkeypatch.setattr(datamodule, "keep_pixels", lambda *a, **k: None)
    decoded_anew = module(catalog_file, num_workers=num_workers)
    decoded_anew.setup("fit")
    for one, other in zip(kept.train_dataloader(), decoded_anew.train_dataloader(), strict=True):
        assert one["id_str"] == other["id_str"]
        assert torch.equal(one["image"], other["image"])
        assert torch.equal(one["label"], other["label"])


def test_the_seed_decides_split_order_and_views(catalog_file: Path) -> None:
    def first_batch(seed: int) -> dict[str, object]:
        galaxies = module(catalog_file, seed=seed)
        galaxies.setup("fit")
        batch: dict[str, object] = next(iter(galaxies.train_dataloader()))
        return batch

    one, same, other = first_batch(1), first_batch(1), first_batch(2)
    assert one["id_str"] == same["id_str"] != other["id_str"]
    assert torch.equal(one["image"], same["image"])  # type: ignore[arg-type]


def test_separate_catalogs_are_taken_as_they_are(tmp_path: Path, catalog_file: Path) -> None:
    make_catalog(tmp_path, 10, seed=5)
    galaxies = module(None, train_catalog=catalog_file, test_catalog=tmp_path / "catalog.csv")
    galaxies.setup()
    assert {part: len(frame) for part, frame in galaxies.frames.items()} == {"train": 52, "val": 8, "test": 10}
    whole = module(catalog_file, test_catalog=tmp_path / "catalog.csv")
    whole.read_catalogs()
    assert {part: len(frame) for part, frame in whole.frames.items()} == {"train": 52, "val": 8, "test": 10}


def test_groups_stay_together(catalog_file: Path) -> None:
    galaxies = module(catalog_file, label_cols="size", group_col="object")
    galaxies.read_catalogs()
    owners = [set(frame["object"]) for frame in galaxies.frames.values()]
    assert sum(map(len, owners)) == 30
    with pytest.raises(CatalogError, match="group_col='tile' is not a column"):
        module(catalog_file, group_col="tile").read_catalogs()


def test_labels_that_occur_together_in_one_group_alone_can_be_split(catalog_file: Path) -> None:
    frame = read_catalog(catalog_file)
    frame["object"] = np.arange(len(frame)) // 3
    frame["rare"] = (frame["object"] == 0).astype(int)
    galaxies = module(frame, label_cols=["number", "rare"], group_col="object")
    galaxies.read_catalogs()
    assert sorted(frame["rare"].sum() for frame in galaxies.frames.values()) == [0, 0, 3]


def test_the_balanced_sampler_draws_classes_equally(tmp_path: Path) -> None:
    frame = make_catalog(tmp_path, 60)
    rare = pd.concat([frame[frame["label"] == "a"], frame[frame["label"] == "b"].head(6)])
    rare.to_csv(tmp_path / "rare.csv", index=False)
    galaxies = module(tmp_path / "rare.csv", class_balance="sampler", val_fraction=0.2, test_fraction=0.1)
    galaxies.setup("fit")
    galaxies.batch_size = 1000
    labels = torch.cat([batch["label"] for _ in range(1) for batch in galaxies.train_dataloader()])
    sampler = galaxies.train_dataloader().sampler
    sampler.n_rows = 25
    drawn = [galaxies.labels["train"][row, 0] for epoch in range(40) for row, _ in _epoch(sampler, epoch)]
    assert len(labels) == 25
    assert 0.45 < np.mean(drawn) < 0.55


def _epoch(sampler: object, epoch: int) -> list[tuple[int, int]]:
    sampler.epoch = lambda: epoch  # type: ignore[attr-defined]
    return list(sampler)  # type: ignore[call-overload,no-any-return]


def test_fits_images_give_float_batches(tmp_path: Path) -> None:
    make_catalog(tmp_path, 24, fits=True)
    galaxies = module(tmp_path / "catalog.csv", channels=1, stretch="linear")
    galaxies.setup("fit")
    batch = next(iter(galaxies.train_dataloader()))
    assert batch["image"].shape[1] == 1
    assert galaxies.pixels["train"].pixels.dtype == torch.float32


def test_prediction_needs_no_labels(catalog_file: Path) -> None:
    galaxies = GalaxyDataModule(predict_catalog=catalog_file, image_size=32, num_workers=0)
    galaxies.setup("predict")
    batches = list(galaxies.predict_dataloader())
    assert "label" not in batches[0]
    assert sum(len(batch["id_str"]) for batch in batches) == 60
    with pytest.raises(CatalogError, match="no train part"):
        galaxies.train_dataloader()


def test_augmentation_can_be_off_own_or_a_pair(catalog_file: Path) -> None:
    def train_images(augment: object) -> torch.Tensor:
        galaxies = module(catalog_file, augment=augment, crop=1.0)
        galaxies.setup("fit")
        batch = next(iter(galaxies.train_dataloader()))
        image: torch.Tensor = batch["image"]
        return image

    off, on = train_images(False), train_images(True)
    assert not torch.equal(off, on)
    assert torch.equal(off, train_images(lambda image: image))
    assert torch.equal(train_images((lambda image: 1 - image, lambda image: image)), 1 - off)
    still = train_images(Augmentation(rotate=False, flip=False, zoom=(1, 1), shift=0))
    assert (still - off).abs().max() < 1e-5
    galaxies = module(catalog_file, augment=(lambda image: image, lambda image: 0 * image), crop=1.0)
    galaxies.setup()
    assert galaxies.preprocessing.custom
    assert float(next(iter(galaxies.test_dataloader()))["image"].max()) == 0


def test_kornia_takes_the_place_of_the_built_in_views(catalog_file: Path) -> None:
    import kornia.augmentation as K

    galaxies = module(catalog_file, augment=K.RandomRotation(180.0, p=1.0), crop=1.0)
    galaxies.setup("fit")
    batch = next(iter(galaxies.train_dataloader()))
    assert batch["image"].shape == (16, 3, 32, 32)


def test_multi_label_splits_by_combination(tmp_path: Path) -> None:
    frame = make_catalog(tmp_path, 60)
    frame["bar"] = [k % 3 == 0 for k in range(60)]
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    galaxies = module(tmp_path / "catalog.csv", label_cols=["number", "bar"])
    galaxies.setup("fit")
    assert next(iter(galaxies.train_dataloader()))["label"].shape == (16, 2)
    shares = [labels.mean(axis=0) for labels in galaxies.labels.values()]
    assert np.abs(np.array(shares) - shares[0]).max() < 0.2


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"label": ["a"] * 58 + ["b"] * 2}, SplitError, "class 'b' has no galaxy in the validation part"),
        ({"label": ["a", None] * 30}, LabelError, "30 of 60 galaxies have no label"),
        ({"file_loc": "gone.jpg"}, CatalogError, "60 of 60 image files are missing"),
    ],
)
def test_a_mistake_is_found_before_any_image_is_read(
    catalog_file: Path, change: dict[str, object], error: type, message: str
) -> None:
    frame = read_catalog(catalog_file).assign(**change)
    with pytest.raises(error, match=message):
        module(frame).read_catalogs()


def test_unreadable_images_are_found_before_training(tmp_path: Path) -> None:
    make_catalog(tmp_path, 20)
    for name in ("g0_000.jpg", "g0_001.jpg"):
        (tmp_path / "images" / name).write_text("not an image")
    galaxies = module(None, train_catalog=tmp_path / "catalog.csv", val_catalog=tmp_path / "catalog.csv")
    with pytest.raises(ImageError, match="2 of 20 images can't be read"):
        galaxies.setup("fit")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"class_balance": "weights"}, "class_balance='weights'"),
        ({"augment": "strong"}, "augment='strong'"),
        ({"train_catalog": "x.csv"}, "both given"),
        ({"stretch": "cube"}, "cube"),
        ({"train_fraction": 0.9}, "sum to 1"),
    ],
)
def test_options_out_of_range_are_named(catalog_file: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        module(catalog_file, **options).read_catalogs()
