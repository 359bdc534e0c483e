"""JPEG, PNG and TIFF of every depth and color mode, written here by Pillow (16 bit color by hand), and damage."""

import numpy as np
import pytest
from PIL import Image
from tests.data.deep import deep_png, deep_tiff

from zoobot.data import pictures
from zoobot.data.pictures import central_square, is_deep, open_picture, planes
from zoobot.errors import ImageError

RNG = np.random.default_rng(11)
GREY = RNG.integers(0, 256, (14, 10)).astype(np.uint8)
COLOR = RNG.integers(0, 256, (14, 10, 3)).astype(np.uint8)
DEEP = RNG.integers(0, 65536, (14, 10)).astype(np.uint16)
ALPHA = RNG.integers(0, 256, (14, 10)).astype(np.uint8)


def read(path):
    return planes(open_picture(path, None))


def over_black(colors, alpha):
    return np.rint(colors.astype(float) * alpha / 255)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.TIFF", "A.PNG"])
def test_grey_and_color_come_back_as_saved(tmp_path, name):
    kind = "PNG" if "png" in name.lower() else "TIFF"
    Image.fromarray(GREY).save(tmp_path / name, kind)
    np.testing.assert_array_equal(read(tmp_path / name), GREY[None])
    Image.fromarray(COLOR).save(tmp_path / name, kind)
    np.testing.assert_array_equal(read(tmp_path / name), COLOR.transpose(2, 0, 1))


def test_jpeg_grey_color_and_cmyk_are_close(tmp_path):
    smooth = np.stack([np.add.outer(np.arange(64), np.arange(48)) + shade for shade in (0, 40, 90)], -1).astype(
        np.uint8
    )
    for mode, expected in (("L", smooth[..., 0]), ("RGB", smooth), ("CMYK", smooth)):
        picture = Image.fromarray(smooth[..., 0] if mode == "L" else smooth).convert(mode)
        picture.save(tmp_path / "a.jpg", quality=100, subsampling=0)
        got = read(tmp_path / "a.jpg").transpose(1, 2, 0).squeeze()
        np.testing.assert_allclose(got.astype(int), expected, atol=4)


def test_cmyk_tiff(tmp_path):
    inks = RNG.integers(0, 256, (14, 10, 4)).astype(np.uint8)
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.tif")
    bright = 255 - inks.astype(float)
    expected = bright[..., :3] * bright[..., 3:] / 255
    np.testing.assert_allclose(read(tmp_path / "a.tif").transpose(1, 2, 0), expected, atol=1)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_grey(tmp_path, name):
    Image.fromarray(DEEP).save(tmp_path / name)
    np.testing.assert_array_equal(read(tmp_path / name), DEEP[None])
    assert read(tmp_path / name).dtype == np.uint16


def test_16_bit_big_endian_tiff(tmp_path):
    Image.frombytes("I;16B", DEEP.shape[::-1], DEEP.astype(">u2").tobytes()).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), DEEP[None])


DEEP_COLOR = RNG.integers(0, 65536, (14, 10, 3)).astype(np.uint16)


def test_16_bit_color_png(tmp_path):
    deep_png(tmp_path / "a.png", DEEP_COLOR)
    np.testing.assert_array_equal(open_picture(tmp_path / "a.png", None).transpose(1, 2, 0), DEEP_COLOR)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
def test_16_bit_color_tiff(tmp_path, order, compression):
    deep_tiff(tmp_path / "a.tif", DEEP_COLOR, order, compression)
    np.testing.assert_array_equal(open_picture(tmp_path / "a.tif", None).transpose(1, 2, 0), DEEP_COLOR)


def test_16_bit_color_with_transparency(tmp_path):
    alpha = np.full((14, 10, 1), 32768, np.uint16)
    deep_png(tmp_path / "a.png", np.concatenate([DEEP_COLOR, alpha], axis=-1))
    expected = np.rint(DEEP_COLOR * (32768 / 65535))
    np.testing.assert_array_equal(open_picture(tmp_path / "a.png", None).transpose(1, 2, 0), expected)


@pytest.mark.parametrize("alpha", [65535, 32768])
def test_16_bit_grey_with_transparency(tmp_path, alpha):
    grey = DEEP_COLOR[..., :1]
    deep_png(tmp_path / "a.png", np.concatenate([grey, np.full((14, 10, 1), alpha, np.uint16)], axis=-1))
    assert is_deep(tmp_path / "a.png")
    found = open_picture(tmp_path / "a.png", None)
    assert found.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(found), np.rint(grey[..., 0] * (alpha / 65535)))


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_with_a_transparent_color(tmp_path, channels):
    pixels = DEEP_COLOR[..., :channels].copy()
    pixels[:5] = (65535, 1, 65535)[:channels]
    deep_png(tmp_path / "a.png", pixels, key=(65535, 1, 65535)[:channels])
    pixels[:5] = 0
    found = open_picture(tmp_path / "a.png", None)
    np.testing.assert_array_equal(planes(found) if channels == 1 else found, pixels.transpose(2, 0, 1))


def test_16_bit_color_in_separate_planes_is_refused(tmp_path):
    deep_tiff(tmp_path / "a.tif", DEEP_COLOR, "<", 1, planes=2)
    with pytest.raises(
        ImageError,
        match=r"a\.tif is a TIFF of 3 bands .*16 bit whole numbers, one band after the other: this kind can't be read",
    ):
        open_picture(tmp_path / "a.tif", None)


def test_damage_to_16_bit_color_is_named(tmp_path):
    deep_png(tmp_path / "a.png", DEEP_COLOR)
    whole = (tmp_path / "a.png").read_bytes()
    for length in range(9, len(whole) - 20, 40):
        (tmp_path / "a.png").write_bytes(whole[:length])
        with pytest.raises(ImageError, match=r"a\.png can't be read"):
            open_picture(tmp_path / "a.png", None)


def test_depth_is_told_without_decoding(tmp_path):
    for name, pixels in (
        ("8.png", GREY),
        ("8.tif", COLOR),
        ("16.png", DEEP),
        ("16.tif", DEEP),
        ("f.tif", DEEP.astype(np.float32)),
    ):
        Image.fromarray(pixels).save(tmp_path / name)
    deep_png(tmp_path / "rgb16.png", DEEP_COLOR)
    deep_tiff(tmp_path / "rgb16.tif", DEEP_COLOR, ">", 8)
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    deep = {path.name for path in tmp_path.iterdir() if is_deep(path)}
    assert deep == {"16.png", "16.tif", "f.tif", "rgb16.png", "rgb16.tif"}
    assert not is_deep(tmp_path / "gone.png")


def test_one_bit(tmp_path):
    Image.fromarray(GREY > 99).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png")[0], (GREY > 99) * 255)


def test_palette_becomes_color(tmp_path):
    picture = Image.fromarray(COLOR).quantize(16)
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png").transpose(1, 2, 0), np.asarray(picture.convert("RGB")))


def test_transparent_entry_of_a_palette_is_black(tmp_path):
    picture = Image.fromarray(COLOR).quantize(16)
    picture.save(tmp_path / "a.png", transparency=3)
    expected = np.where((np.asarray(picture) == 3)[..., None], 0, np.asarray(picture.convert("RGB")))
    np.testing.assert_array_equal(read(tmp_path / "a.png").transpose(1, 2, 0), expected)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_alpha_is_laid_over_black(tmp_path, name):
    Image.fromarray(np.dstack([COLOR, ALPHA])).save(tmp_path / name)
    got = read(tmp_path / name).transpose(1, 2, 0)
    np.testing.assert_allclose(got, over_black(COLOR, ALPHA[..., None]), atol=1)
    Image.fromarray(np.dstack([GREY, ALPHA])).save(tmp_path / name)
    np.testing.assert_allclose(read(tmp_path / name)[0], over_black(GREY, ALPHA), atol=1)


def test_transparent_grey_level_is_black(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png", transparency=int(GREY[0, 0]))
    np.testing.assert_array_equal(read(tmp_path / "a.png")[0], np.where(GREY[0, 0] == GREY, 0, GREY))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_measurements_in_tiff_are_arrays_of_their_values(tmp_path, dtype):
    values = RNG.integers(-70_000, 70_000, (14, 10)).astype(dtype)
    Image.fromarray(values).save(tmp_path / "a.tif")
    got = open_picture(tmp_path / "a.tif", None)
    assert isinstance(got, np.ndarray)
    np.testing.assert_array_equal(got, values[None])


def test_jpeg_is_decoded_smaller_only_where_enough_pixels_remain(tmp_path):
    Image.new("RGB", (400, 300)).save(tmp_path / "a.jpg")
    sizes = {wanted: open_picture(tmp_path / "a.jpg", wanted).size for wanted in (151, 150, 76, 75)}
    assert sizes == {151: (400, 300), 150: (200, 150), 76: (200, 150), 75: (100, 75)}


def test_misnamed_picture_is_read_by_its_content(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.jpg", "PNG")
    np.testing.assert_array_equal(read(tmp_path / "a.jpg"), GREY[None])


def test_large_pictures_are_read_without_a_warning_and_absurd_ones_refused(tmp_path, monkeypatch):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(tmp_path / "a.png").shape == (1, 14, 10)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 139)
    with pytest.raises(ImageError, match=r"a\.png .*10 x 14 pixels are more than 139"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("content", [b"", b"GIF89a and so on", b"\xff\xd8\xffjunk", b"II*\0junk"])
def test_not_an_image(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png can't be read as an image"):
        read(tmp_path / "a.png")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.jpg doesn't exist"):
        read(tmp_path / "gone.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(ImageError, match=r"folder\.jpg can't be read"):
        read(tmp_path / "folder.jpg")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {}),
        ("progressive.jpg", {"progressive": True}),
        ("a.png", {}),
        ("a.tif", {}),
        ("lzw.tif", {"compression": "tiff_lzw"}),
    ],
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Truncated File")  # Pillow, before it raises
def test_truncation_raises_or_loses_nothing(tmp_path, name, options):
    path = tmp_path / name
    Image.fromarray(np.tile(COLOR, (4, 5, 1))).save(path, **options)
    whole, expected = path.read_bytes(), read(path)
    refused = 0
    for length in np.linspace(0, len(whole) - 1, 60).astype(int):
        path.write_bytes(whole[:length])
        try:
            image = read(path)
        except ImageError:
            refused += 1
        else:
            np.testing.assert_array_equal(image, expected)  # only what follows the pixels was lost
    assert refused > 50


def test_central_square_is_the_middle():
    wide = np.zeros((20, 60), np.uint8)
    wide[:, 20:40] = 200
    np.testing.assert_array_equal(planes(central_square(Image.fromarray(wide), 20)), np.full((1, 20, 20), 200))


def test_central_square_equals_resizing_and_then_cropping():
    picture = Image.fromarray(RNG.integers(0, 256, (30, 90, 3)).astype(np.uint8))
    for turned in (picture, picture.transpose(Image.Transpose.ROTATE_90)):
        for size in (12, 30, 45):
            whole = turned.resize((turned.width * size // 30, turned.height * size // 30), Image.Resampling.BILINEAR)
            left, top = (whole.width - size) // 2, (whole.height - size) // 2
            expected = planes(whole.crop((left, top, left + size, top + size)))
            np.testing.assert_allclose(planes(central_square(turned, size)).astype(int), expected, atol=1)
