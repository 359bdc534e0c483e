"""Blank, saturated, truncated and unreadable images are found.

Noise, clipped sky and bright galaxies are left alone.
"""

import numpy as np
import pandas as pd
import pytest

from zoobot.errors import CatalogError
from zoobot.science import image_faults


def galaxy(seed: int = 0, sky: float = 20, noise: float = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] - 31.5
    light = sky + 200 * np.exp(-np.hypot(x, 1.5 * y) / 5) + noise * rng.normal(size=(3, 64, 64))
    return light.clip(0, 255).astype(np.uint8)


def fault_of(image: np.ndarray) -> tuple[str, float] | None:
    table = image_faults(pd.DataFrame({"id_str": ["g"], "file_loc": ["g.jpg"]}), image[None])
    return None if table.empty else (table["fault"][0], table["extent"][0])


def cut(rows=slice(None), columns=slice(None), value=0) -> np.ndarray:
    image = galaxy()
    image[:, rows, columns] = value
    return image


@pytest.mark.parametrize(
    ("image", "fault", "extent"),
    [
        (np.full((3, 64, 64), 90, np.uint8), "blank", 1),
        ((90 + np.random.default_rng(0).integers(0, 3, (3, 64, 64))).astype(np.uint8), "blank", 1),
        (cut(rows=slice(0, 16), value=255), "saturated", 0.25),
        (cut(rows=slice(48, None), value=128), "gap", 0.25),
        (cut(columns=slice(30, 36)), "gap", 6 / 64),
        (cut(rows=slice(0, 20), columns=slice(44, None)), "gap", 400 / 4096),
    ],
)
def test_faults(image, fault, extent):
    found, how_much = fault_of(image)
    assert found == fault
    assert how_much == pytest.approx(extent, abs=0.01)


@pytest.mark.parametrize(
    "image",
    [
        galaxy(),
        galaxy(noise=0.5),
        galaxy(sky=-4, noise=4),  # the sky is clipped to 0 here and there
        galaxy(sky=-60, noise=4),  # masked sky around the galaxy
        galaxy(sky=200),
        cut(rows=slice(0, 2)),  # a dark edge
        cut(rows=slice(0, 8), columns=slice(0, 8)),
    ],
)
def test_good_images(image):
    assert fault_of(image) is None


def test_table_is_sorted_and_says_why():
    frame = pd.DataFrame({"id_str": list("abc"), "file_loc": ["a.jpg", "b.jpg", "c.jpg"]})
    images = np.stack([galaxy(), cut(rows=slice(50, None)), np.zeros((3, 64, 64), np.uint8)])
    table = image_faults(frame, images, ["", "", "the file is damaged"])
    assert table["id_str"].tolist() == ["c", "b"]
    assert table["fault"].tolist() == ["unreadable", "gap"]
    assert table["reason"][0] == "the file is damaged"
    with pytest.raises(CatalogError, match="3 rows"):
        image_faults(frame, images[:2])


def test_real_galaxies(real_data):
    from zoobot.data import ImageSettings, Preprocessing, read_catalog
    from zoobot.predictions.thumbnails import make_thumbnails

    for name in ("rings", "mirabest_fits"):
        frame = read_catalog(real_data / name / "test.csv").head(30)
        thumbnails, errors, _ = make_thumbnails(frame["file_loc"].tolist(), Preprocessing(), num_workers=0)
        assert image_faults(frame, thumbnails, errors).empty, name
    broken = str(real_data / "fits_examples" / "decam_a2670_190.fits")  # a chip gap through a quarter of it
    one_band = Preprocessing(images=ImageSettings(channels=1, bands=(0,)))
    thumbnails, errors, _ = make_thumbnails([broken], one_band, num_workers=0)
    assert image_faults(pd.DataFrame({"id_str": ["d"], "file_loc": [broken]}), thumbnails, errors)["fault"][0] == "gap"
