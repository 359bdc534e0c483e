"""TIFF of every type of numbers, byte order, compression and meaning.

It is read as the numbers say, or refused with what the file is.
"""

import itertools
import logging

import numpy as np
import pytest
from PIL import Image
from tests.data.deep import deep_tiff

import zoobot
from zoobot.data import tiffs
from zoobot.data.images import decode_image, gives_floats
from zoobot.data.pictures import open_picture, planes
from zoobot.errors import ImageError
from zoobot.settings import ImageSettings

RNG = np.random.default_rng(5)
WHITE, BLACK, COLOR = 0, 1, 2
TYPES = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8")


def numbers(kind: str, *shape: int) -> np.ndarray:
    """Return numbers over the whole range of a type."""
    if kind[0] == "f":
        return (1000 * RNG.standard_normal(shape)).astype(kind)
    limits = np.iinfo(kind)
    return RNG.integers(limits.min, limits.max, shape, endpoint=True).astype(kind)


def found(path) -> np.ndarray:
    opened = open_picture(path, None)
    return planes(opened) if isinstance(opened, Image.Image) else opened


def message(path) -> str:
    """Return why a file is refused; empty where it is not."""
    try:
        found(path)
    except ImageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("meaning", [WHITE, BLACK])
@pytest.mark.parametrize("kind", TYPES)
def test_one_band_is_read_as_its_numbers_say_or_refused(tmp_path, kind, meaning):
    """Whatever the order of bytes and the compression: larger is brighter, and 16 bit are kept."""
    pixels = numbers(kind, 14, 10)
    read = 0
    for order, compression in itertools.product("<>", (1, 8)):
        deep_tiff(tmp_path / "a.tif", pixels, order, compression, photometric=meaning)
        expected = pixels.astype(float)
        if meaning == WHITE:
            expected = (np.iinfo(kind).max if kind[0] == "u" else 0) - expected
        said = message(tmp_path / "a.tif")
        if said:
            assert f"a.tif is a TIFF of 1 band of {8 * pixels.dtype.itemsize} bit" in said
            assert ("0 is white" in said, ", big-endian" in said) == (meaning == WHITE, order == ">")
            assert "Save it as FITS" in said
            assert "damaged" not in said
            continue
        read += 1
        np.testing.assert_array_equal(found(tmp_path / "a.tif"), expected[None])
        assert gives_floats(str(tmp_path / "a.tif")) == (kind != "u1")
    assert read >= {BLACK: {"u1": 4, "u2": 4, "u4": 2, "i2": 4, "i4": 4, "f4": 4}, WHITE: {"u1": 4, "u2": 2, "f4": 4}}[
        meaning
    ].get(kind, 0)


def test_pictures_whose_0_is_white_train_as_their_opposites(tmp_path):
    """One picture, written both ways, gives the same pixels to a network."""
    pixels = numbers("u2", 40, 40)
    deep_tiff(tmp_path / "black.tif", pixels, "<", 1, photometric=BLACK)
    deep_tiff(tmp_path / "white.tif", 65535 - pixels, "<", 1, photometric=WHITE)
    for stretch in (None, "asinh"):
        black, white = (
            decode_image(str(tmp_path / f"{name}.tif"), ImageSettings(stretch=stretch), 20)
            for name in ("black", "white")
        )
        np.testing.assert_array_equal(black, white)
        assert black.dtype == np.float32


@pytest.mark.parametrize("bands", [2, 3, 4])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("planes_of", [1, 2])
def test_bands_that_are_no_colors_are_refused_in_words(tmp_path, bands, kind, planes_of):
    pixels = numbers(kind, 14, 10, bands)
    for order in "<>":
        deep_tiff(tmp_path / "a.tif", pixels, order, 1, planes=planes_of, photometric=BLACK, extras=(0,) * (bands - 1))
        if (bands, kind, planes_of) == (2, "u1", 1):
            continue  # grey and something else: see below
        with pytest.raises(ImageError, match=rf"a\.tif is a TIFF of {bands} bands of .*: this kind can't be read"):
            zoobot.read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_a_band_beyond_the_colors_is_left_out_and_said_once(tmp_path, kind, caplog, monkeypatch):
    monkeypatch.setattr(tiffs, "_SAID", set())
    pixels = numbers(kind, 14, 10, 4)
    with caplog.at_level(logging.WARNING):
        for order in "<>":
            deep_tiff(tmp_path / "a.tif", pixels, order, 1, extras=(0,))
            np.testing.assert_array_equal(found(tmp_path / "a.tif"), pixels[..., :3].transpose(2, 0, 1))
    assert len(caplog.messages) == 1
    assert "a.tif has 4 bands, of which 1 beyond the colors are left out" in caplog.messages[0]
    caplog.clear()
    deep_tiff(tmp_path / "alpha.tif", pixels, "<", 1, extras=(2,))
    found(tmp_path / "alpha.tif")
    assert not caplog.messages


def test_pages_after_the_first_are_said_once(tmp_path, caplog, monkeypatch):
    """Bands are often saved as pages."""
    monkeypatch.setattr(tiffs, "_SAID", set())
    pages = [Image.fromarray(numbers("u2", 14, 10)) for _ in range(5)]
    with caplog.at_level(logging.WARNING):
        for name in ("a.tif", "b.tif"):
            pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
            np.testing.assert_array_equal(found(tmp_path / name), np.asarray(pages[0])[None])
    (said,) = caplog.messages
    assert "a.tif has several pages, of which the first is read" in said
    assert "save them as FITS" in said


def test_damage_to_the_tags_is_called_damage(tmp_path):
    deep_tiff(tmp_path / "a.tif", numbers("f8", 14, 10), "<", 1, photometric=BLACK)
    whole = (tmp_path / "a.tif").read_bytes()
    for length in (4, 8, 12, 40, 100):
        (tmp_path / "a.tif").write_bytes(whole[:length])
        with pytest.raises(ImageError, match="damaged, truncated"):
            found(tmp_path / "a.tif")
