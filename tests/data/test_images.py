"""Reading images through the public functions: channels, bands, several files, mistakes, and the training square."""

import ast
import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from tests.data.deep import deep_png

import zoobot.data.fits
import zoobot.data.stretch
from zoobot.data import images, pictures
from zoobot.data.images import (
    IMAGE_SUFFIXES,
    ConstantImageWarning,
    ImageSettings,
    Stretch,
    decode_image,
    gives_floats,
    is_fits,
    is_image_name,
    read_image,
)
from zoobot.data.stretch import stretch_bands
from zoobot.errors import ImageError, OptionError
from zoobot.settings import DEFAULT_PERCENTILES

RNG = np.random.default_rng(23)
GREY = RNG.integers(0, 256, (20, 16)).astype(np.uint8)
COLOR = RNG.integers(0, 256, (20, 16, 3)).astype(np.uint8)
CUBE = RNG.gamma(2, 5, (4, 20, 16)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a grey and a color PNG, three bands in files of their own, and a cube."""
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    Image.fromarray(COLOR).save(tmp_path / "color.png")
    fits.PrimaryHDU(CUBE).writeto(tmp_path / "cube.fits")
    for band, image in zip("grz", CUBE, strict=False):
        fits.PrimaryHDU(image).writeto(tmp_path / f"{band}.fits")
    return tmp_path


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_names_are_known_in_any_letter_case(suffix):
    for name in (f"J1.2+3{suffix}", f"J1.2+3{suffix.upper()}", f"J1.2+3{suffix.title()}"):
        assert is_image_name(name)
        assert is_fits(name) == (".fit" in suffix)
    assert not is_image_name(f"a{suffix}.txt")


@pytest.mark.parametrize("name", ["catalog.csv", "a.gif", "a.gz", "a.tar.gz", "fits", "jpg", ""])
def test_other_names_are_no_images(name):
    assert not is_image_name(name)
    assert not is_fits(name)


def test_pictures_come_as_they_are_over_the_largest_number_of_their_type(folder):
    np.testing.assert_array_equal(read_image(folder / "grey.png"), GREY[None] / np.float32(255))
    np.testing.assert_array_equal(read_image(folder / "color.png"), COLOR.transpose(2, 0, 1) / np.float32(255))
    deep = np.array([[0, 65535], [256, 1]], np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    np.testing.assert_array_equal(read_image(folder / "deep.png"), deep[None] / np.float32(65535))
    assert read_image(str(folder / "deep.png")).dtype == np.float32


def test_fits_is_asinh_stretched_and_keeps_the_order_of_rows(folder):
    expected = stretch_bands(CUBE, "asinh", DEFAULT_PERCENTILES, "cube")
    np.testing.assert_array_equal(read_image(folder / "cube.fits"), expected)
    np.testing.assert_array_equal(read_image(folder / "cube.fits", stretch="asinh"), expected)
    assert not np.array_equal(read_image(folder / "cube.fits", stretch="linear"), expected)
    assert not np.array_equal(read_image(folder / "cube.fits", percentiles=(0, 100)), expected)


def test_stretch_that_is_given_applies_to_pictures_too(folder):
    expected = stretch_bands(GREY[None] / 255, "log", (1, 99), "grey")
    got = read_image(folder / "grey.png", stretch="log", percentiles=(1, 99))
    np.testing.assert_allclose(got, expected, atol=1e-6)
    square = decode_image(folder / "grey.png", ImageSettings(stretch="log", percentiles=(1, 99), channels=1), 16)
    assert square.dtype == np.uint8
    np.testing.assert_allclose(square / 255, expected[:, 2:18], atol=0.51 / 255)


def test_floating_point_tiff_is_read_as_the_same_fits_is(folder):
    Image.fromarray(CUBE[0]).save(folder / "g.tif")
    np.testing.assert_array_equal(read_image(folder / "g.tif"), read_image(folder / "g.fits"))
    settings = ImageSettings()
    squares = [decode_image(folder / name, settings, 12) for name in ("g.tif", "g.fits")]
    assert squares[0].dtype == np.float32
    np.testing.assert_array_equal(*squares)


def test_several_files_are_bands_in_order(folder):
    paths = [folder / f"{band}.fits" for band in "zgr"]
    expected = read_image(folder / "cube.fits", bands=(2, 0, 1))
    for file_loc in (paths, tuple(map(str, paths)), ";".join(map(str, paths))):
        np.testing.assert_array_equal(read_image(file_loc), expected)
    np.testing.assert_array_equal(read_image(paths, bands=(1, 2, 0)), read_image(folder / "cube.fits", bands=(0, 1, 2)))
    pictures = read_image([folder / "grey.png", folder / "color.png"])
    np.testing.assert_array_equal(pictures, np.concatenate([GREY[None], COLOR.transpose(2, 0, 1)]) / np.float32(255))


def test_hdus_are_bands(folder):
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(band, name=name) for band, name in zip(CUBE, "GRZY", strict=True))]
    fits.HDUList(hdus).writeto(folder / "extensions.fits")
    got = read_image(folder / "extensions.fits", hdu=("Z", 1, "R"))
    np.testing.assert_array_equal(got, read_image(folder / "cube.fits", bands=(2, 0, 1)))


def test_channels_of_one_band_are_repeated(folder):
    for name in ("grey.png", "g.fits"):
        image = read_image(folder / name, channels=3)
        np.testing.assert_array_equal(image, np.repeat(read_image(folder / name), 3, axis=0))
    np.testing.assert_array_equal(
        read_image(folder / "color.png", bands=(2,), channels=3),
        np.repeat(COLOR.transpose(2, 0, 1)[2:], 3, 0) / np.float32(255),
    )


def test_one_channel_of_a_color_picture_is_pillows_luminance(folder):
    expected = np.asarray(Image.fromarray(COLOR).convert("L"))
    np.testing.assert_allclose(read_image(folder / "color.png", channels=1)[0] * 255, expected, atol=0.6)
    square = decode_image(folder / "color.png", ImageSettings(channels=1), 16)
    assert square.dtype == np.uint8
    np.testing.assert_allclose(square[0].astype(int), expected[2:18], atol=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cube.fits", {"channels": 3}),
        ("cube.fits", {"channels": 1, "bands": (0, 1, 2)}),
        ("color.png", {"channels": 4}),
        ("grey.png", {"channels": 2}),
        ("color.png", {"channels": 1, "bands": (2, 1, 0)}),
    ],
)
def test_other_numbers_of_channels_are_errors_that_say_what_the_file_has(folder, name, options):
    number = len(options.get("bands", ())) or {"cube.fits": 4, "color.png": 3, "grey.png": 1}[name]
    for read in (
        lambda: read_image(folder / name, **options),
        lambda: decode_image(folder / name, ImageSettings(**options), 8),
    ):
        with pytest.raises(ImageError, match=rf"{name}.* has {number} band.*channels is {options['channels']}.*bands="):
            read()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cube.fits", {"bands": (0, 4)}, r"cube\.fits: there is no band 4; the image has 4"),
        ("color.png", {"bands": (3,)}, r"color\.png: there is no band 3; the image has 3"),
        ("color.png", {"hdu": 1}, r"color\.png is no FITS file, so it has no HDU 1"),
        ("cube.fits", {"hdu": 3}, r"cube\.fits has no HDU 3; its HDUs are: 0 PRIMARY"),
        ("notes.txt", {}, r"notes\.txt has no ending of an image file: expected one of \.jpg"),
        ("gone.jpg", {}, r"gone\.jpg doesn't exist"),
        ("gone.fits", {}, r"gone\.fits doesn't exist"),
        ("cube.fits", {"stretch": "lupton"}, r"cube\.fits: .*three bands.*there are 4"),
    ],
)
def test_mistakes_name_the_file(folder, name, options, message):
    with pytest.raises(ImageError, match=message):
        read_image(folder / name, **options)
    with pytest.raises(ImageError, match=message):
        decode_image(folder / name, ImageSettings(channels=4, **options), 8)


def test_bands_must_match_in_kind_and_size(folder):
    with pytest.raises(ImageError, match="all pictures or all FITS"):
        read_image([folder / "g.fits", folder / "grey.png"])
    with pytest.raises(ImageError, match="one file or more"):
        read_image([])
    fits.PrimaryHDU(CUBE[0, 1:]).writeto(folder / "small.fits")
    with pytest.raises(ImageError, match=r"small\.fits is 16 x 19 pixels, but .*g\.fits is 16 x 20"):
        read_image([folder / "g.fits", folder / "small.fits"])


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 0},
        {"channels": 2.0},
        {"channels": True},
        {"stretch": "arcsinh"},
        {"percentiles": (5, 5)},
        {"percentiles": (-1, 99)},
        {"percentiles": (1, 101)},
        {"percentiles": (1, float("nan"))},
        {"percentiles": 99},
        {"percentiles": ("1", "99")},
        {"bands": ()},
        {"bands": (-1,)},
        {"bands": (0.5,)},
        {"bands": 1},
        {"hdu": -1},
        {"hdu": ()},
        {"hdu": (0, 1.5)},
    ],
)
def test_settings_outside_their_range(folder, options):
    (name,) = options
    with pytest.raises(OptionError, match=f"^{name}( is |=)"):
        ImageSettings(**options)
    with pytest.raises(OptionError, match=f"^{name}( is |=)"):
        read_image(folder / "cube.fits", **options)


@pytest.mark.parametrize(
    "settings",
    [
        ImageSettings(),
        ImageSettings(channels=5, stretch="lupton", percentiles=(1, 99.5), bands=(2, 0), hdu=("SCI", 2)),
        ImageSettings(hdu="SCI"),
        ImageSettings(hdu=0),
    ],
)
def test_settings_come_back_from_json(settings):
    back = ImageSettings(**json.loads(json.dumps(settings.to_dict())))
    assert back == settings
    assert hash(back) == hash(settings)


def test_square_of_a_picture_is_8_bit(folder):
    for size in (7, 16, 33):
        square = decode_image(folder / "color.png", ImageSettings(), size)
        assert square.shape == (3, size, size)
        assert square.dtype == np.uint8
        assert square.flags.c_contiguous


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_12_bits_in_16_stay_12_bits(folder, name):
    deep = np.arange(400).reshape(20, 20).astype(np.uint16) * 10
    Image.fromarray(deep).save(folder / name)
    assert gives_floats(folder / name)
    square = decode_image(folder / name, ImageSettings(channels=1), 20)
    assert square.dtype == np.float32
    np.testing.assert_allclose(square[0], deep / 65535, rtol=1e-6)
    stretched = decode_image(folder / name, ImageSettings(channels=1, stretch="linear", percentiles=(0, 100)), 20)
    np.testing.assert_allclose(stretched[0], deep / 3990, atol=1e-6)


def test_16_bit_color_keeps_its_depth(folder):
    deep = RNG.integers(0, 4096, (20, 16, 3)).astype(np.uint16)
    deep_png(folder / "deep.png", deep)
    np.testing.assert_allclose(read_image(folder / "deep.png"), deep.transpose(2, 0, 1) / np.float32(65535), rtol=1e-6)
    square = decode_image(folder / "deep.png", ImageSettings(), 16)
    np.testing.assert_allclose(square, deep.transpose(2, 0, 1)[:, 2:18] / np.float32(65535), rtol=1e-6)
    grey = decode_image(folder / "deep.png", ImageSettings(channels=1), 16)
    assert grey.shape == (1, 16, 16)


def test_square_at_the_files_own_size_is_read_images_middle(folder):
    settings = ImageSettings(bands=(2, 1, 0))
    square = decode_image(folder / "color.png", settings, 16)
    np.testing.assert_array_equal(square, COLOR.transpose(2, 0, 1)[::-1, 2:18])
    image = read_image(folder / "cube.fits", bands=(2, 1, 0))
    np.testing.assert_array_equal(decode_image(folder / "cube.fits", settings, 16), image[:, 2:18])


def test_square_keeps_the_mean_brightness(folder):
    for name, whole in (("grey.png", 255), ("g.fits", 1)):
        mean = read_image(folder / name)[:, 2:18].mean()
        for size in (8, 48):
            square = decode_image(folder / name, ImageSettings(channels=1), size)
            assert square.mean() / whole == pytest.approx(mean, abs=0.03)


def test_large_jpeg_decoded_small_looks_the_same_as_decoded_whole(tmp_path):
    y, x = np.mgrid[:256, :320]
    smooth = (127 + 120 * np.sin(x / 30) * np.cos(y / 40)).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(smooth).save(tmp_path / "a.png")
    squares = [decode_image(tmp_path / name, ImageSettings(), 60).astype(int) for name in ("a.jpg", "a.png")]
    np.testing.assert_allclose(*squares, atol=4)


def test_stretch_looks_at_every_pixel_of_a_jpeg(tmp_path):
    Image.fromarray(RNG.integers(0, 256, (256, 320)).astype(np.uint8)).save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as decoded:
        decoded.save(tmp_path / "a.png")
    settings = ImageSettings(stretch="linear", percentiles=(0, 100))
    np.testing.assert_array_equal(*[decode_image(tmp_path / name, settings, 60) for name in ("a.jpg", "a.png")])


def test_jpegs_of_different_size_are_no_bands_even_where_decoding_small_would_hide_it(tmp_path):
    for name, shape in (("a.jpg", (256, 320)), ("b.jpg", (128, 160))):
        Image.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / name)
    with pytest.raises(ImageError, match=r"b\.jpg is 160 x 128 pixels, but .*a\.jpg is 320 x 256"):
        decode_image([tmp_path / "a.jpg", tmp_path / "b.jpg"], ImageSettings(channels=2), 60)


def test_square_of_fits_stays_in_range_at_any_size(tmp_path):
    bright = np.ones((26, 26))
    bright[0, :3] = 0
    fits.PrimaryHDU(bright).writeto(tmp_path / "a.fits")
    for size in range(3, 120, 3):
        square = decode_image(tmp_path / "a.fits", ImageSettings(channels=1), size)
        assert square.min() >= 0
        assert square.max() <= 1


def test_constant_fits_gives_zeros_and_a_warning_that_names_the_file(tmp_path):
    fits.PrimaryHDU(np.full((9, 9), 3.5)).writeto(tmp_path / "flat.fits")
    with pytest.warns(ConstantImageWarning, match=r"flat\.fits: every pixel"):
        assert not read_image(tmp_path / "flat.fits").any()
    with pytest.warns(ConstantImageWarning, match=r"flat\.fits: every pixel"):
        assert not decode_image(tmp_path / "flat.fits", ImageSettings(), 5).any()


def test_blank_fits_is_an_error(tmp_path):
    fits.PrimaryHDU(np.full((9, 9), np.nan)).writeto(tmp_path / "lost.fits")
    with pytest.raises(ImageError, match=r"lost\.fits: no pixel is finite"):
        read_image(tmp_path / "lost.fits")


@pytest.mark.parametrize("module", [images, pictures, zoobot.data.fits, zoobot.data.stretch])
def test_importing_costs_neither_astropy_nor_torch(module):
    tree = ast.parse(Path(module.__file__).read_text())
    imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert "numpy" in imported
    assert not {name.split(".")[0] for name in imported} & {"astropy", "torch", "matplotlib"}


@pytest.mark.parametrize("stretch", get_args(Stretch))
def test_real_fits_of_five_surveys(real_data, stretch):
    paths = sorted((real_data / "fits_examples").glob("*.fits"))
    assert len(paths) == 9
    for path in paths:
        bands = len(read_image(path))
        if stretch == "lupton" and bands < 3:
            continue
        picked = tuple(range(min(bands, 3))) if bands != 2 else (1,)
        image = read_image(path, stretch=stretch, bands=picked)
        assert image.min() == 0
        assert image.max() == pytest.approx(1)
        square = decode_image(path, ImageSettings(stretch=stretch, bands=picked), 64)
        assert square.shape == (3, 64, 64)
        assert 0 <= square.min() < square.max() <= 1
        assert square.std() > 0.02


@pytest.mark.parametrize("name", ["decam_a2670_132.fits", "decam_a2670_190.fits"])
def test_real_chip_gaps_become_the_background(real_data, name):
    path = real_data / "fits_examples" / name
    with fits.open(path) as hdus:
        gap = np.isnan(hdus[0].data[0])
    assert gap.sum() > 5000
    image = read_image(path)
    assert np.isfinite(image).all()
    assert np.unique(image[0][gap]).size == 1
    assert image[0][gap][0] == pytest.approx(np.median(image[0][~gap]), abs=0.01)


def test_real_radio_cutouts(real_data):
    paths = sorted((real_data / "mirabest_fits" / "fits").glob("*.fits"))[::20]
    assert len(paths) > 5
    for path in paths:
        square = decode_image(path, ImageSettings(), 150)
        np.testing.assert_array_equal(square, read_image(path, channels=3))
        assert square.min() == 0
        assert square.max() == pytest.approx(1)
