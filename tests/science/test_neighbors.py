"""Nearest neighbors equal scikit-learn's; the reference survives saving, and a damaged one says so."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from zoobot.errors import CatalogError, ModelFileError, OptionError
from zoobot.layout import REFERENCE_FILE
from zoobot.science import Reference, nearest, neighbor_table
from zoobot.science.reference import distances


@pytest.fixture
def reference() -> Reference:
    features = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    ids = [f"g{row}" for row in range(200)]
    return Reference.of(features, ids, [f"/data/{name}.jpg" for name in ids], ["ring", "none"] * 100)


def test_neighbors_equal_scikit_learns(reference):
    features = np.random.default_rng(1).normal(size=(30, 16)).astype(np.float32)
    features[3] = np.nan
    rows, similarity = nearest(reference, features, 4)
    others = np.delete(np.arange(30), 3)
    search = NearestNeighbors(n_neighbors=4, metric="cosine").fit(reference.features.astype(np.float32))
    far, expected = search.kneighbors(features[others])
    np.testing.assert_array_equal(rows[others], expected)
    np.testing.assert_allclose(similarity[others], 1 - far, atol=1e-5)
    assert (rows[3] == -1).all()
    table = neighbor_table(reference, [f"t{row}" for row in range(30)], features, 4)
    assert len(table) == 29 * 4
    first = table[table["id_str"] == "t0"].iloc[0]
    assert first["neighbor"] == f"g{expected[0, 0]}"
    assert first["label"] == ["ring", "none"][expected[0, 0] % 2]
    assert first["rank"] == 1


def test_a_galaxy_of_the_reference_finds_itself(reference):
    rows, similarity = nearest(reference, reference.features)
    np.testing.assert_array_equal(rows[:, 0], np.arange(200))
    np.testing.assert_allclose(similarity[:, 0], 1, atol=1e-5)


def test_far_is_the_99th_percentile_of_the_nearest_distances(reference):
    known = reference.features.astype(np.float64)
    unit = known / np.linalg.norm(known, axis=1, keepdims=True)
    chord = np.linalg.norm(unit[:, None] - unit, axis=2)
    np.testing.assert_allclose(distances(reference.features, reference.features), chord, atol=2e-3)
    nearest_other = np.sort(chord, axis=1)[:, 1]
    assert reference.far == pytest.approx(np.quantile(nearest_other, 0.99), abs=1e-4)


def test_saved_and_loaded(reference, tmp_path):
    assert Reference.load(tmp_path) is None
    reference.save(tmp_path / "model")
    again = Reference.load(tmp_path / "model")
    np.testing.assert_array_equal(again.features, reference.features)
    assert (again.ids, again.file_locs, again.labels, again.far) == (
        reference.ids, reference.file_locs, reference.labels, reference.far,
    )  # fmt: skip
    assert again.features.dtype == np.float16
    path = tmp_path / "model" / REFERENCE_FILE
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelFileError, match="can't be read"):
        Reference.load(tmp_path / "model")


def test_two_thousand_are_kept_and_unreadable_ones_left_out():
    features = np.random.default_rng(2).normal(size=(2500, 4)).astype(np.float32)
    features[:300] = np.nan
    ids = [str(row) for row in range(2500)]
    reference = Reference.of(features, ids, ids, ids)
    assert len(reference.ids) == 2000 == len(set(reference.ids))
    assert min(map(int, reference.ids)) >= 300
    rows = np.array(reference.ids, int)
    np.testing.assert_array_equal(reference.features, features[rows].astype(np.float16))


def test_what_does_not_fit(reference):
    with pytest.raises(CatalogError, match="16 each"):
        nearest(reference, np.zeros((3, 4)))
    with pytest.raises(OptionError, match="k=0"):
        nearest(reference, np.zeros((3, 16)), 0)
    with pytest.raises(CatalogError, match="At least 3"):
        Reference.of(np.zeros((2, 3)), ["a", "b"], ["a", "b"])
    with pytest.raises(CatalogError, match="2 ids"):
        Reference.of(np.zeros((3, 3)), ["a", "b"], ["a", "b"])
