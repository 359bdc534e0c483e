"""Decoding: once, in workers, kept in memory or on disk, with bad files named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from astropy.io import fits
from PIL import Image
from tests.galaxies import make_catalog

from zoobot.data import GalaxyDataModule, Preprocessing, read_catalog
from zoobot.data import pixels as pixels_module
from zoobot.data.pixels import keep_pixels
from zoobot.errors import ImageError, OptionError

SMALL = Preprocessing(image_size=24, crop=0.75)


def keep(files: list[str], **options: object) -> torch.Tensor | None:
    settings = {"num_workers": 0, "description": "Reading", **options}
    kept = keep_pixels(files, SMALL, **settings)  # type: ignore[arg-type]
    return None if kept is None else kept.pixels


@pytest.mark.parametrize(("image_size", "crop"), [(224, 0.8), (224, 1.0), (32, 0.75), (150, 0.9), (101, 0.77)])
def test_the_centre_of_kept_pixels_needs_no_interpolation(image_size: int, crop: float) -> None:
    settings = Preprocessing(image_size=image_size, crop=crop)
    assert (settings.kept_size - image_size) % 2 == 0
    assert abs(settings.exact_crop - crop) < 1 / image_size


def test_settings_survive_json() -> None:
    import json

    settings = Preprocessing(image_size=64, crop=0.9)
    assert Preprocessing.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    with pytest.raises(OptionError, match="crop=1.5"):
        Preprocessing(crop=1.5)


def test_memory_disk_and_workers_hold_the_same_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels_module, "WORKERS_PAY_FROM", 4)
    make_catalog(tmp_path, 10)
    files = read_catalog(tmp_path / "catalog.csv")["file_loc"].tolist()
    in_memory, on_disk, by_workers = keep(files), keep(files, memory_gb=0.0), keep(files, num_workers=2)
    assert in_memory is not None
    assert on_disk is not None
    assert by_workers is not None
    assert in_memory.shape == (10, 3, 32, 32)
    assert in_memory.dtype == torch.uint8
    assert torch.equal(in_memory, on_disk)
    assert torch.equal(in_memory, by_workers)
    assert isinstance(on_disk.numpy().base, np.memmap) or on_disk.data_ptr() != in_memory.data_ptr()


def test_without_room_anywhere_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_catalog(tmp_path, 3)
    files = read_catalog(tmp_path / "catalog.csv")["file_loc"].tolist()

    class Full:
        free = 0

    monkeypatch.setattr(pixels_module.shutil, "disk_usage", lambda folder: Full)
    assert keep(files, memory_gb=0.0) is None


@pytest.mark.parametrize("kind", ["16 bit PNG", "16 bit TIFF", "floating TIFF"])
@pytest.mark.parametrize("memory_gb", [None, 0.0])
def test_more_than_8_bits_stay(
    tmp_path: Path, kind: str, memory_gb: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = tmp_path / ("a.png" if "PNG" in kind else "a.tif")
    deep = np.arange(32 * 32).reshape(32, 32).astype(np.float32 if "floating" in kind else np.uint16)
    Image.fromarray(deep).save(name)
    kept = keep([str(name)], memory_gb=memory_gb)
    assert kept is not None
    assert kept.dtype == torch.float32
    assert len(kept.unique()) > 900
    galaxies = GalaxyDataModule(
        predict_catalog=pd.DataFrame({"file_loc": [str(name)]}), image_size=24, crop=0.75, num_workers=0
    )
    galaxies.setup("predict")
    (shown,) = [batch["image"] for batch in galaxies.predict_dataloader()]
    monkeypatch.setattr("zoobot.data.datamodule.keep_pixels", lambda *_, **__: None)  # where nothing is kept
    anew = GalaxyDataModule(
        predict_catalog=pd.DataFrame({"file_loc": [str(name)]}), image_size=24, crop=0.75, num_workers=0
    )
    anew.setup("predict")
    (decoded,) = [batch["image"] for batch in anew.predict_dataloader()]
    assert torch.equal(shown, decoded)
    assert torch.equal(shown[0], kept[0, :, 4:28, 4:28])


def test_fits_stays_float_and_pictures_join_it(tmp_path: Path) -> None:
    make_catalog(tmp_path / "f", 3, fits=True)
    make_catalog(tmp_path / "j", 3)
    fits_files = read_catalog(tmp_path / "f" / "catalog.csv")["file_loc"].tolist()
    pictures = read_catalog(tmp_path / "j" / "catalog.csv")["file_loc"].tolist()
    mixed, alone = keep(fits_files + pictures), keep(pictures)
    assert mixed is not None
    assert alone is not None
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed[3:], alone.float() / 255)


def test_unreadable_images_are_counted_and_named(tmp_path: Path) -> None:
    make_catalog(tmp_path, 9)
    files = read_catalog(tmp_path / "catalog.csv")["file_loc"].tolist()
    for name in files[2:9]:
        Path(name).write_bytes(Path(name).read_bytes()[:200])
    with pytest.raises(ImageError, match="7 of 9 images can't be read") as caught:
        keep(files)
    assert files[2] in str(caught.value)
    assert files[6] in str(caught.value)
    assert files[7] not in str(caught.value)


def test_what_is_said_of_all_files_is_said_once_and_not_by_each_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pixels_module, "WORKERS_PAY_FROM", 4)
    monkeypatch.setattr("zoobot.data.fits._SAID", set())
    for row in range(9):
        images = [fits.ImageHDU(np.random.default_rng(row).random((30, 30))) for _ in range(2)]
        fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / f"{row}.fits")
    keep([str(tmp_path / f"{row}.fits") for row in range(9)], num_workers=2)
    assert [message.count("0.fits has several images") for message in caplog.messages] == [1]
