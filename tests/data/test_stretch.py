"""Stretches: always in [0, 1], monotone in flux, blind to the unit, and the same as astropy's own."""

import warnings
from typing import get_args

import numpy as np
import pytest
from astropy import visualization
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zoobot.data.stretch import ConstantImageWarning, stretch_bands
from zoobot.errors import ImageError
from zoobot.settings import DEFAULT_PERCENTILES, Stretch

STRETCHES = get_args(Stretch)
SINGLE_BAND = [stretch for stretch in STRETCHES if stretch != "lupton"]


@pytest.fixture
def galaxy():
    """Return three bands of an exponential disc on a noisy sky, each with its own sky level."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[-32:32, -32:32]
    disc = np.exp(-np.hypot(x, y) / 6)
    return np.stack(
        [strength * disc + rng.normal(sky, 0.01, disc.shape) for strength, sky in ((3, 90), (2, 7), (1, 0))]
    )


@pytest.mark.parametrize("stretch", STRETCHES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_output_is_finite_and_in_range_whatever_the_pixels(stretch, dtype, data):
    floats = st.floats(width=8 * np.dtype(dtype).itemsize, allow_nan=True, allow_infinity=True)
    values = st.one_of(floats, st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf]))
    bands = data.draw(hnp.arrays(dtype, (3, data.draw(st.integers(1, 6)), 5), elements=values))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantImageWarning)
        try:
            image = stretch_bands(bands, stretch, DEFAULT_PERCENTILES, "random")
        except ImageError:
            assert not (np.abs(bands) < 1e30).any()
            return
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.min() >= 0
    assert image.max() <= 1


@pytest.mark.parametrize("stretch", SINGLE_BAND)
def test_brighter_pixels_never_become_darker(stretch, galaxy):
    image = stretch_bands(galaxy, stretch, (1, 99), "galaxy")
    for flux, brightness in zip(galaxy, image, strict=True):
        steps = np.diff(brightness.ravel()[np.argsort(flux, axis=None)])
        assert steps.min() >= 0
        assert np.unique(brightness).size > 1000


@pytest.mark.parametrize("stretch", STRETCHES)
def test_flux_unit_and_sky_level_change_nothing(stretch, galaxy):
    expected = stretch_bands(galaxy, stretch, DEFAULT_PERCENTILES, "galaxy")
    for scale, sky in ((1e-12, 0), (3.7e9, 2e9)):
        got = stretch_bands(galaxy * scale + sky, stretch, DEFAULT_PERCENTILES, "galaxy")
        np.testing.assert_allclose(got, expected, atol=2e-4)


@pytest.mark.parametrize(
    ("stretch", "interval", "curve"),
    [
        ("asinh", visualization.AsymmetricPercentileInterval(2, 99), visualization.AsinhStretch()),
        ("linear", visualization.AsymmetricPercentileInterval(2, 99), visualization.LinearStretch()),
        ("log", visualization.AsymmetricPercentileInterval(2, 99), visualization.LogStretch()),
        ("sqrt", visualization.AsymmetricPercentileInterval(2, 99), visualization.SqrtStretch()),
        ("zscale", visualization.ZScaleInterval(), visualization.LinearStretch()),
    ],
)
def test_single_band_stretches_agree_with_astropy(stretch, interval, curve, galaxy):
    got = stretch_bands(galaxy, stretch, (2, 99), "galaxy")
    for band, brightness in zip(galaxy, got, strict=True):
        np.testing.assert_allclose(brightness, curve(interval(band)), atol=1e-6)


def test_lupton_agrees_with_astropys_picture_in_8_bit(galaxy):
    got = stretch_bands(galaxy, "lupton", (50, 99.5), "galaxy")
    above_sky = np.stack([np.maximum(band - np.percentile(band, 50), 0) for band in galaxy])
    white = np.percentile(above_sky.mean(axis=0), 99.5)
    # asinh(x / a) / asinh(1 / a) in astropy's own parameters, where asinh(Q x / stretch) * 0.1 / asinh(0.1 Q) is used
    softening = 10 * np.sinh(np.arcsinh(10) / 10)
    with np.errstate(invalid="ignore"):
        expected = visualization.make_lupton_rgb(*(above_sky / white), stretch=softening / 10, Q=softening)
    np.testing.assert_allclose(got.transpose(1, 2, 0), expected / 255, atol=1.01 / 255)


def test_lupton_keeps_the_color_of_the_first_band_red(galaxy):
    image = stretch_bands(galaxy, "lupton", DEFAULT_PERCENTILES, "galaxy")
    red, green, blue = image[:, 32, 40]
    assert red / green == pytest.approx(3 / 2, rel=0.1)
    assert green / blue == pytest.approx(2, rel=0.15)


def test_lupton_wants_three_bands(galaxy):
    with pytest.raises(ImageError, match=r"galaxy: .*three bands.*there are 2"):
        stretch_bands(galaxy[:2], "lupton", DEFAULT_PERCENTILES, "galaxy")


@pytest.mark.parametrize("stretch", STRETCHES)
def test_blank_pixels_become_the_background_and_move_no_other(stretch, galaxy):
    holed = galaxy.astype(np.float32)
    holed[:, :3, 0] = [np.nan, np.inf, -np.finfo(np.float32).max]
    image = stretch_bands(holed, stretch, DEFAULT_PERCENTILES, "galaxy")
    level = np.median(galaxy, axis=(1, 2))
    whole = galaxy.astype(np.float32)
    whole[:, :3, 0] = level[:, None]
    # zscale looks at a sample of the pixels, another one where some are missing
    expected = stretch_bands(whole, stretch, DEFAULT_PERCENTILES, "galaxy")
    np.testing.assert_allclose(image, expected, atol=0.05 if stretch == "zscale" else 0.01)
    assert np.ptp(image[:, :3, 0], axis=1).max() == 0


@pytest.mark.parametrize("stretch", STRETCHES)
def test_a_large_blank_part_leaves_the_rest_as_it_was(stretch, galaxy):
    beside = np.concatenate([galaxy, np.full_like(galaxy, np.nan)], axis=1)
    image = stretch_bands(beside, stretch, DEFAULT_PERCENTILES, "galaxy")
    np.testing.assert_array_equal(image[:, :64], stretch_bands(galaxy, stretch, DEFAULT_PERCENTILES, "galaxy"))


@pytest.mark.parametrize("stretch", STRETCHES)
def test_one_absurdly_bright_pixel_is_white(stretch, galaxy):
    galaxy *= 1e-280
    galaxy[:, 5, 5] = 1e90
    image = stretch_bands(galaxy, stretch, DEFAULT_PERCENTILES, "galaxy")
    assert np.isfinite(image).all()
    np.testing.assert_allclose(image[:, 5, 5], 1)


@pytest.mark.parametrize("stretch", STRETCHES)
def test_constant_image_gives_zeros_and_a_warning_that_names_it(stretch):
    bands = np.full((3, 4, 4), 7.25)
    bands[1, 2, 2] = np.nan
    with pytest.warns(ConstantImageWarning, match=r"flat\.fits: every pixel has the same value"):
        image = stretch_bands(bands, stretch, DEFAULT_PERCENTILES, "flat.fits")
    assert not image.any()


def test_constant_or_empty_band_of_a_cube_gives_zeros_there_only(galaxy):
    alone = stretch_bands(galaxy[2:], "asinh", DEFAULT_PERCENTILES, "galaxy")
    galaxy[0] = np.nan
    galaxy[1] = 4
    with pytest.warns(ConstantImageWarning, match="of band 0, 1 has"):
        image = stretch_bands(galaxy, "asinh", DEFAULT_PERCENTILES, "galaxy")
    assert not image[:2].any()
    np.testing.assert_array_equal(image[2:], alone)


@pytest.mark.parametrize("stretch", STRETCHES)
def test_a_single_bright_pixel_on_an_empty_sky_is_kept(stretch):
    bands = np.zeros((3, 40, 40))
    bands[:, 20, 20] = 1e-6
    image = stretch_bands(bands, stretch, DEFAULT_PERCENTILES, "point source")
    assert image[:, 20, 20] == pytest.approx(1)
    assert image.sum() == pytest.approx(3)


def test_image_without_a_finite_pixel_is_an_error():
    with pytest.raises(ImageError, match=r"lost\.fits: no pixel is finite"):
        stretch_bands(np.full((1, 3, 3), np.nan), "asinh", DEFAULT_PERCENTILES, "lost.fits")
