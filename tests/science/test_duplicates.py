"""Copies are found however they were changed; smooth galaxies that merely look alike are not; similarity equals brute force."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps
from sklearn.neighbors import NearestNeighbors

from zoobot.errors import CatalogError, ImageError
from zoobot.science import duplicates, near_duplicates

WIDTH = 200


def galaxy(seed: int, *, smooth: bool = False) -> Image.Image:
    """A galaxy in noise among faint neighbors; ``smooth``: always the same one, in other noise and among others."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:WIDTH, :WIDTH] - WIDTH / 2
    width, ratio, angle = (18, 0.7, 0.4) if smooth else (rng.uniform(10, 25), rng.uniform(0.3, 1), rng.uniform(0, 3))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    light = np.exp(-np.hypot(along, across / ratio) / width)
    for _ in range(6):
        far, at, bright = rng.uniform(40, 90), rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.4)
        light += bright * np.exp(-0.5 * (((x - far * np.cos(at)) ** 2 + (y - far * np.sin(at)) ** 2) / 9))
    light += 0.04 * rng.normal(size=light.shape) + 0.1
    return Image.fromarray((255 * light.clip(0, 1)).astype(np.uint8)).convert("RGB")


def thumbnail(image: Image.Image, quality: int = 90) -> np.ndarray:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    small = Image.open(content).resize((64, 64), Image.Resampling.BILINEAR)
    return np.asarray(small).transpose(2, 0, 1)


def named(count: int) -> pd.DataFrame:
    parts = np.where(np.arange(count) < count // 2, "train", "test")
    return pd.DataFrame({"id_str": [f"g{k}" for k in range(count)], "file_loc": "x.jpg", "part": parts})


CHANGES = {
    "copy": lambda image: thumbnail(image, 40),
    "rescaled": lambda image: thumbnail(image.resize((90, 90), Image.Resampling.LANCZOS)),
    "shifted": lambda image: thumbnail(image.transform(image.size, Image.Transform.AFFINE, (1, 0, 7, 0, 1, -5))),
    "rotated": lambda image: thumbnail(image.rotate(137, Image.Resampling.BICUBIC)),
    "quarter": lambda image: thumbnail(image.transpose(Image.Transpose.ROTATE_90)),
    "mirrored": lambda image: thumbnail(ImageOps.mirror(image).rotate(52, Image.Resampling.BICUBIC)),
}
KINDS = {"rescaled": "copy", "shifted": "copy", "quarter": "rotated"}


def test_all_copies_are_found_and_nothing_else():
    images = [galaxy(seed) for seed in range(60)]
    copies = [change(images[10 * k]) for k, change in enumerate(CHANGES.values())]
    thumbnails = np.stack([thumbnail(image) for image in images] + copies)
    frame = named(len(thumbnails))
    table = near_duplicates(frame, thumbnails)
    expected = {(f"g{10 * k}", f"g{60 + k}") for k in range(len(copies))}
    assert set(zip(table["id_str_a"], table["id_str_b"], strict=True)) == expected
    for k, name in enumerate(CHANGES):
        (pair,) = table[table["id_str_b"] == f"g{60 + k}"].itertuples()
        assert pair.kind == KINDS.get(name, name), name
        assert (pair.part_a, pair.part_b) == (frame["part"][10 * k], "test")
    across = (table["part_a"] != table["part_b"]).tolist()
    assert across == sorted(across, reverse=True)
    assert len(set(across)) == 2


def test_look_alikes_are_no_duplicates():
    thumbnails = np.stack([thumbnail(galaxy(seed, smooth=True)) for seed in range(60)])
    assert len(near_duplicates(named(60), thumbnails)) == 0
    grey = thumbnails.mean(axis=1)[:, 20:44, 20:44].reshape(60, -1)
    assert np.median(np.corrcoef(grey)) > 0.97  # their light alone would be taken for one galaxy


def test_identical_blank_unreadable():
    thumbnails = np.stack([thumbnail(galaxy(seed)) for seed in range(12)])
    thumbnails[3:9] = thumbnails[2]  # more copies than neighbors are looked at
    thumbnails[9] = thumbnails[10] = 7
    table = near_duplicates(named(12), thumbnails, neighbors=2)
    assert set(table["kind"]) == {"identical"}
    linked = {name for pair in zip(table["id_str_a"], table["id_str_b"], strict=True) for name in pair}
    assert linked == {f"g{k}" for k in range(2, 9)}
    as_floats = thumbnails / np.float32(255)
    as_floats[2] = np.nan
    again = near_duplicates(named(12), as_floats.astype(np.float32), neighbors=2)
    assert "g2" not in set(again["id_str_a"]) | set(again["id_str_b"])
    assert len(again)


def test_features_bring_candidates_that_pixels_alone_miss(monkeypatch):
    thumbnails = np.stack([thumbnail(galaxy(seed)) for seed in range(20)])
    thumbnails = np.concatenate([thumbnails, thumbnail(galaxy(4).rotate(90))[None]])
    features = np.random.default_rng(0).normal(size=(21, 6)).astype(np.float32)
    features[20] = features[4] + 0.01
    features[1] = np.nan
    monkeypatch.setattr(duplicates, "_signature", lambda spectra: np.full((len(spectra), 2), np.nan, np.float32))
    assert len(near_duplicates(named(21), thumbnails)) == 0
    table = near_duplicates(named(21), thumbnails, features)
    assert table[["id_str_a", "id_str_b"]].to_numpy().tolist() == [["g4", "g20"]]


def test_neighbors_equal_scikit_learns():
    features = np.random.default_rng(1).normal(size=(300, 12)).astype(np.float32)
    found = NearestNeighbors(n_neighbors=4, metric="cosine").fit(features).kneighbors(features)[1][:, 1:]
    expected = {(min(row, other), max(row, other)) for row, others in enumerate(found.tolist()) for other in others}
    assert duplicates._neighbors(features, 3) == expected


def test_similarity_is_the_correlation_over_shifts():
    rng = np.random.default_rng(2)
    details = rng.normal(size=(2, 64, 64)).astype(np.float32)
    details[1] += np.roll(details[0], (3, -2), axis=(0, 1))
    pair = np.array([[0, 1]])
    found, turn = duplicates._align(details, pair, np.zeros(1), False, (0.0,), exact=True)
    inside = np.hypot(*(np.mgrid[:64, :64] - 31.5)) < 24
    brute = max(
        np.corrcoef(details[0][inside], np.roll(details[1], (-dy, -dx), axis=(0, 1))[inside])[0, 1]
        for dy in range(-6, 7)
        for dx in range(-6, 7)
    )
    assert found[0] == pytest.approx(brute, abs=1e-3)
    assert turn[0] == 0


def test_what_does_not_fit():
    with pytest.raises(ImageError, match="64"):
        near_duplicates(named(2), np.zeros((2, 3, 32, 32), np.uint8))
    with pytest.raises(CatalogError, match="2 thumbnails"):
        near_duplicates(named(3), np.zeros((2, 3, 64, 64), np.uint8))


def test_real_galaxies_have_few(real_data):
    from zoobot.data import Preprocessing, read_catalog
    from zoobot.report.checks import make_thumbnails

    frame = read_catalog(real_data / "rings" / "train.csv").head(50)
    thumbnails, _ = make_thumbnails(frame["file_loc"].tolist(), Preprocessing(), num_workers=0)
    assert len(near_duplicates(frame, thumbnails)) == 0
