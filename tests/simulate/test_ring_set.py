"""The simulated ring set on disk: repeatable, disjoint, marked as simulated, and learnable but not trivially so."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from zoobot import simulate
from zoobot.errors import OptionError, OutputError


def pixels(catalog: pd.DataFrame) -> np.ndarray:
    return np.stack([np.asarray(Image.open(file)) for file in catalog["file_loc"]])


def test_writes_a_labelled_catalog_that_says_simulated(tmp_path: Path) -> None:
    catalog = simulate.rings(tmp_path / "set", 11, size=48)
    assert catalog["ring"].tolist() == [0, 1] * 5 + [0]
    assert catalog["ring"].dtype.kind == "i"
    assert catalog["simulated"].all()
    assert catalog["id_str"].iloc[0] == "sim_rings_000001"
    assert catalog["id_str"].is_unique
    assert ((catalog["ring_radius"] > 0) == (catalog["ring"] == 1)).all()
    images = pixels(catalog)
    assert images.shape == (11, 48, 48, 3)
    assert images.dtype == np.uint8
    written = pd.read_csv(tmp_path / "set" / "catalog.csv")
    assert [str(tmp_path / "set" / file) for file in written["file_loc"]] == catalog["file_loc"].tolist()
    pd.testing.assert_frame_equal(written.drop(columns="file_loc"), catalog.drop(columns="file_loc"), check_dtype=False)


def test_same_seed_same_pixels_other_seed_others(tmp_path: Path) -> None:
    first, again, other = (
        simulate.rings(tmp_path / name, 9, seed=seed, size=48) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    np.testing.assert_array_equal(pixels(first), pixels(again))
    pd.testing.assert_frame_equal(first.drop(columns="file_loc"), again.drop(columns="file_loc"))
    assert not any((a == b).all() for a, b in zip(pixels(first), pixels(other), strict=True))


def test_a_galaxy_is_the_same_in_any_set_of_its_seed(tmp_path: Path) -> None:
    whole = simulate.rings(tmp_path / "whole", 12, size=48)
    rest = simulate.rings(tmp_path / "rest", 7, size=48, first=6)
    columns = [column for column in whole if column != "file_loc"]
    pd.testing.assert_frame_equal(whole[columns].iloc[5:].reset_index(drop=True), rest[columns])
    difference = np.abs(pixels(whole)[5:].astype(int) - pixels(rest).astype(int))
    assert difference.mean() < 0.1
    assert set(whole["id_str"][:5]).isdisjoint(rest["id_str"])


def test_size_changes_the_sampling_and_not_the_scene(tmp_path: Path) -> None:
    small, large = (pixels(simulate.rings(tmp_path / str(size), 6, size=size)).astype(float) for size in (64, 128))
    binned = large.reshape(6, 64, 2, 64, 2, 3).mean((2, 4))
    for one, other in zip(small, binned, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("option", [{"n_galaxies": 0}, {"seed": -1}, {"size": 8}, {"first": 0}])
def test_numbers_out_of_range_are_named(tmp_path: Path, option: dict[str, int]) -> None:
    with pytest.raises(OptionError, match=f"{next(iter(option))}={next(iter(option.values()))} is too small"):
        simulate.rings(tmp_path, **option)


def test_a_file_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't write simulated galaxies"):
        simulate.rings(tmp_path / "file", 2, size=48)


def brightness_features(images: np.ndarray) -> np.ndarray:
    """Give what needs no look at the shape: mean, scatter and percentiles of each color."""
    flat = images.reshape(len(images), -1, 3).astype(float)
    parts = [flat.mean(1), flat.std(1), *np.percentile(flat, [50, 90, 97, 99.5], axis=1)]
    features = np.concatenate(parts, axis=1)
    return (features - features.mean(0)) / features.std(0)


def test_brightness_and_color_alone_hardly_tell_rings(tmp_path: Path) -> None:
    catalog = simulate.rings(tmp_path, 240, size=48)
    features, rings = brightness_features(pixels(catalog)), catalog["ring"].to_numpy()
    model = LogisticRegression(C=0.1, max_iter=1000).fit(features[:160], rings[:160])
    assert roc_auc_score(rings[160:], model.decision_function(features[160:])) < 0.75


def test_looks_like_the_real_ones_in_brightness(tmp_path: Path, real_data: Path) -> None:
    real_files = pd.read_csv(real_data / "rings" / "train.csv")["file_loc"][:50]
    real = np.stack(
        [np.asarray(Image.open(real_data / "rings" / file).convert("RGB").resize((112, 112))) for file in real_files]
    )
    simulated = pixels(simulate.rings(tmp_path, 50, size=112))
    axis = np.arange(112) - 55.5
    radii = np.hypot(axis[:, None], axis[None, :])
    for inner, outer in ((0, 3), (6, 9), (12, 15), (24, 27), (40, 55)):
        ring = (radii >= inner) & (radii < outer)
        real_level, simulated_level = (np.median(images[:, ring].mean((1, 2))) for images in (real, simulated))
        assert simulated_level == pytest.approx(real_level, rel=0.25), f"{inner} to {outer} pixels from the center"
