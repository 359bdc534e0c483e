"""Copies are found however they were changed, and smooth galaxies that merely look alike are not.

Similarity equals brute force.
"""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors
from tests.skies import CHANGES, galaxy, thumbnail

from zoobot.errors import CatalogError, ImageError
from zoobot.science import Copies, count_copies, duplicates, near_duplicates, same_sky
from zoobot.science.skies import Skies, compare_skies


def named(count: int) -> pd.DataFrame:
    parts = np.where(np.arange(count) < count // 2, "train", "test")
    return pd.DataFrame({"id_str": [f"g{k}" for k in range(count)], "file_loc": "x.jpg", "part": parts})


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


def test_symmetric_galaxies_of_one_shape_are_told_apart_by_their_noise():
    """Half a turn and mirroring map a smooth ring onto itself, so that its details alone correlate by 0.99."""
    distance = np.hypot(*(np.mgrid[:64, :64] - 31.5))
    rings = np.exp(-0.5 * ((distance - np.linspace(14, 15, 12)[:, None, None]) / 2) ** 2)
    noisy = rings + np.random.default_rng(0).normal(0, 0.03, rings.shape)
    images = [Image.fromarray((255 * one.clip(0, 1)).astype(np.uint8)).convert("RGB") for one in noisy]
    copies = [image.transpose(Image.Transpose.ROTATE_90) for image in images[:3]]
    thumbnails = np.stack([thumbnail(image, 95) for image in images + copies])
    table = near_duplicates(named(15), thumbnails)
    assert set(zip(table["id_str_a"], table["id_str_b"], strict=True)) == {("g0", "g12"), ("g1", "g13"), ("g2", "g14")}


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
    found, turn = same_sky.align(details, pair, np.zeros(1), False, (0.0,), exact=True)
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
    from zoobot.predictions.thumbnails import make_thumbnails

    frame = read_catalog(real_data / "rings" / "train.csv").head(50)
    thumbnails, _, _ = make_thumbnails(frame["file_loc"].tolist(), Preprocessing(), num_workers=0)
    assert len(near_duplicates(frame, thumbnails)) == 0


def pairs_of(*pairs: tuple[str, str, str, str]) -> pd.DataFrame:
    """Return pairs of galaxies as (id, part, id, part)."""
    table = pd.DataFrame(pairs, columns=["id_str_a", "part_a", "id_str_b", "part_b"])
    return table.assign(similarity=0.95)


def test_copies_are_counted_by_galaxy_not_by_pair():
    pairs = pairs_of(
        ("a", "train", "t0", "test"),
        ("t0", "test", "b", "val"),  # the same test galaxy again
        ("t1", "test", "t2", "test"),
        ("t2", "test", "t3", "test"),  # with the last: one galaxy three times
        ("a", "train", "b", "val"),
    )
    ids = [f"t{k}" for k in range(6)]
    assert count_copies(ids, pairs) == Copies(of_learned=1, within=2)
    assert count_copies(ids, pairs, np.array([0, 1, 1, 1, 2, 3])) == Copies(of_learned=1, within=0)
    assert count_copies(ids, pairs, np.array([0, 1, 1, 2, 3, 4])) == Copies(of_learned=1, within=1)
    assert count_copies(ids[4:], pairs) == Copies(of_learned=0, within=0)
    assert count_copies(ids, pairs.head(0)) == Copies(of_learned=0, within=0)


def test_two_sets_are_compared_as_one_would_be():
    first = np.stack([thumbnail(galaxy(seed)) for seed in range(12)])
    second = np.stack([change(galaxy(seed)) for seed, change in enumerate(CHANGES.values())] + [first[0] * 0])
    skies = Skies.of(first), Skies.of(second)
    assert skies[1].usable.tolist() == [True] * len(CHANGES) + [False]
    pairs = np.array([(row, other) for row in range(12) for other in range(len(CHANGES))])
    found = compare_skies(*skies, pairs)
    both = np.concatenate([first, second[:-1]])
    details = same_sky.details_of(both)
    wanted = same_sky.compare(details, same_sky.spectra_of(details), pairs + np.array([0, 12]), same_sky.SAME_SKY)[0]
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert (found >= same_sky.SAME_SKY).sum() == len(CHANGES)
