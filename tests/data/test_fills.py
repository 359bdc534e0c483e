"""Fill values: a border without data leaves the stretch of the rest as NaN would, and real skies are no fill."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from zoobot.data.fills import FillCount, find_fills
from zoobot.data.fits import read_fits
from zoobot.data.stretch import ConstantImageWarning, stretch_bands, stretch_with_fills
from zoobot.settings import DEFAULT_PERCENTILES, Stretch

FILLS = [0.0, -99.0, -999.0, -9999.0, 9999.0, -(2.0**63), -1.6375e30, 1e20, -1e30, 9.96921e36, 65535.0, -32768.0]
N = 96
Y, X = np.mgrid[:N, :N] - (N - 1) / 2
DISC = np.exp(-np.hypot(X, 1.6 * Y) / 7)


def border(kind: str) -> np.ndarray:
    mask = np.zeros((N, N), bool)
    if kind == "side":
        mask[:, :20] = True
    elif kind == "frame":
        mask[:8] = mask[-8:] = mask[:, :8] = mask[:, -8:] = True
    elif kind == "one column":
        mask[:, -1] = True
    elif kind == "wedge":
        mask |= X + 0.7 * Y > 50
    elif kind == "gap":
        mask[30:34] = True
    return mask


def galaxy(sky: float, seed: int = 0) -> np.ndarray:
    return (sky + 30 * DISC + np.random.default_rng(seed).normal(0, 0.7, DISC.shape)).astype(np.float32)[None]


def counts(sky: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(sky + 300 * DISC).astype(np.float64)[None]


def stretched(image: np.ndarray, stretch: Stretch = "asinh") -> np.ndarray:
    return stretch_bands(image, stretch, DEFAULT_PERCENTILES, "galaxy")


def filled(image: np.ndarray, mask: np.ndarray, value: float) -> np.ndarray:
    result = image.copy()
    result[:, mask] = value
    return result


@pytest.mark.parametrize("kind", ["side", "frame", "one column", "wedge", "gap"])
@pytest.mark.parametrize("sky", [0, 0.5, 3, 1000])
@pytest.mark.parametrize("value", FILLS)
def test_a_fill_leaves_the_rest_as_nan_does(value: float, sky: float, kind: str) -> None:
    mask = border(kind)
    for stretch in ("asinh", "zscale"):
        expected = stretched(filled(galaxy(sky), mask, np.nan), stretch)
        got = stretched(filled(galaxy(sky), mask, value), stretch)
        np.testing.assert_array_equal(got[:, ~mask], expected[:, ~mask])


@pytest.mark.parametrize("kind", ["side", "frame", "wedge"])
@pytest.mark.parametrize("value", FILLS)
def test_a_fill_in_counts_leaves_the_rest_as_nan_does(value: float, kind: str) -> None:
    mask = border(kind)
    for sky in (20, 200, 5000):
        expected, got = (stretched(filled(counts(sky), mask, one)) for one in (np.nan, value))
        np.testing.assert_allclose(got[:, ~mask], expected[:, ~mask], atol=0.02)


@pytest.mark.parametrize("value", FILLS)
def test_a_fill_leaves_the_colors_of_the_rest(value: float) -> None:
    image = np.concatenate([galaxy(5, seed) * (seed + 1) for seed in range(3)])
    mask = border("side")
    expected, got = (stretched(filled(image, mask, one), "lupton") for one in (np.nan, value))
    np.testing.assert_allclose(got[:, ~mask], expected[:, ~mask], atol=1e-6)


@pytest.mark.parametrize("value", [value for value in FILLS if abs(value) > 9000])
def test_what_is_no_brightness_looks_as_nan_does(value: float) -> None:
    mask = border("side")
    mask[5:9, 60] = True  # scattered pixels too
    np.testing.assert_array_equal(stretched(filled(galaxy(3), mask, value)), stretched(filled(galaxy(3), mask, np.nan)))


@pytest.mark.parametrize("value", FILLS)
def test_contrast_does_not_fall(value: float) -> None:
    whole, got = stretched(galaxy(3)), stretched(filled(galaxy(3), border("side"), value))
    assert np.ptp(got[0, 40:56, 40:56]) > 0.9 * np.ptp(whole[0, 40:56, 40:56])


SKIES = {
    "photons": np.random.default_rng(1).poisson(0.02 + 3 * DISC).astype(float),
    "few photons": np.random.default_rng(1).poisson(0.001 + 0 * DISC).astype(float),
    "counts": counts(20)[0], "faint counts": counts(3)[0], "noise": galaxy(0)[0],
    "no noise": DISC, "whole numbers without noise": np.floor(255 * DISC), "mask": (DISC > 0.3).astype(float),
    "constant": np.ones((N, N)), "checkers": (X + Y) % 2,
}  # fmt: skip


@pytest.mark.parametrize("name", SKIES)
def test_skies_are_no_fill(name: str) -> None:
    absent, only_filled = find_fills(SKIES[name], np.ones((N, N), bool))
    assert not absent.any()
    assert not only_filled.any()


@pytest.mark.parametrize("name", SKIES)
def test_the_unit_changes_nothing(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantImageWarning)
        for image in (SKIES[name], filled(SKIES[name][None], border("side"), -9999)[0]):
            expected = stretched(image[None])
            np.testing.assert_allclose(stretched(image[None] * 1e-20), expected, atol=1e-5)
            np.testing.assert_allclose(stretched(image[None] * 1e20), expected, atol=1e-5)


def test_real_images_are_no_fill(real_data: Path) -> None:
    files = sorted((real_data / "fits_examples").glob("*.fits*"))
    files += sorted((real_data / "mirabest_fits").rglob("*.fits"))[:40]
    for path in files:
        for band in read_fits(path, None):
            absent, only_filled = find_fills(band, np.isfinite(band))
            assert not (absent | only_filled).any(), path


@pytest.mark.parametrize("value", FILLS)
def test_real_images_with_a_border_look_as_with_nan(value: float, real_data: Path) -> None:
    for path in sorted((real_data / "fits_examples").glob("*.fits*")):
        image = read_fits(path, None).astype(np.float32)
        mask = np.zeros(image.shape[1:], bool)
        mask[:, : mask.shape[1] // 5] = True
        expected, got = (stretched(filled(image, mask, np.float32(one))) for one in (np.nan, value))
        np.testing.assert_allclose(got[:, ~mask], expected[:, ~mask], atol=1e-4)


@pytest.mark.parametrize("kind", ["side", "frame", "wedge", "gap"])
@pytest.mark.parametrize("value", [*FILLS, np.nan])
def test_the_fill_and_its_share_are_told(value: float, kind: str) -> None:
    mask = border(kind)
    _, shares = stretch_with_fills(filled(galaxy(3), mask, value), "asinh", DEFAULT_PERCENTILES, "galaxy")
    assert shares == {"NaN" if np.isnan(value) else f"{np.float32(value):.6g}": mask.mean()}
    assert stretch_with_fills(galaxy(3), "asinh", DEFAULT_PERCENTILES, "galaxy")[1] == {}


def test_of_several_bands_the_largest_share_is_told() -> None:
    image = np.concatenate([galaxy(3), filled(galaxy(4), border("side"), -99), filled(galaxy(5), border("gap"), -99)])
    assert stretch_with_fills(image, "lupton", DEFAULT_PERCENTILES, "galaxy")[1] == {"-99": border("side").mean()}


def test_images_are_counted_once_each() -> None:
    count = FillCount()
    assert count.sentences() == []
    for shares in ({}, {"0": 0.2, "NaN": 0.001}, {"0": 0.05}, {}):
        count.add(shares)
    (said,) = count.sentences()
    assert said.startswith(
        "2 of 4 images have pixels without data: 0 in 2 (up to 20% of an image), NaN in 1 (up to 0.1% of one)."
    )
