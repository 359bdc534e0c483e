"""FITS files: which HDU is read, scaling and byte order, compression, damage; every file written by astropy here."""

import gc
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from zoobot.data.fits import read_fits
from zoobot.errors import ImageError

RNG = np.random.default_rng(5)
BAND = RNG.normal(10, 3, (12, 9)).astype(np.float32)
CUBE = RNG.normal(10, 3, (4, 12, 9)).astype(np.float32)
COUNTS = RNG.integers(0, 60_000, (40, 32)).astype(np.uint16)


def write(path: Path, *hdus) -> Path:
    fits.HDUList(list(hdus)).writeto(path)
    return path


@pytest.fixture
def table():
    return fits.BinTableHDU.from_columns([fits.Column("flux", "E", array=np.arange(3.0))], name="CAT")


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", ">i2", "<i4", ">i8", "u1", "u2", "u4", "i1"])
def test_any_number_type_and_byte_order(tmp_path, dtype):
    numbers = RNG.integers(0, 100, (6, 5)).astype(dtype)
    image = read_fits(write(tmp_path / "a.fits", fits.PrimaryHDU(numbers)), None)
    np.testing.assert_array_equal(image, numbers[None])
    assert image.dtype == (np.float32 if dtype.endswith("f4") else np.float64)
    assert image.dtype.isnative


def test_bscale_bzero_and_blank_are_honoured(tmp_path):
    stored = np.array([[0, 100, -100], [5, -999, 7]], ">i2")
    hdu = fits.PrimaryHDU(stored)
    path = write(tmp_path / "a.fits", hdu)
    # written after the pixels, so that astropy doesn't rescale them
    for key, value in {"BSCALE": 0.25, "BZERO": 3.0, "BLANK": -999}.items():
        fits.setval(path, key, value=value)
    with fits.open(path, do_not_scale_image_data=True) as raw:
        np.testing.assert_array_equal(raw[0].data, stored)
    np.testing.assert_array_equal(read_fits(path, None)[0], [[3, 28, -22], [4.25, np.nan, 4.75]])


def test_blank_without_scaling_is_nan(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(np.array([[1, -999], [3, 4]], ">i2")))
    fits.setval(path, "BLANK", value=-999)
    np.testing.assert_array_equal(read_fits(path, None)[0], [[1, np.nan], [3, 4]])


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz", "B.FITS.GZ"])
def test_plain_and_gzip(tmp_path, name):
    # astropy compresses by the ending in lower case only
    path = write(tmp_path / name.lower(), fits.PrimaryHDU(BAND)).rename(tmp_path / name)
    np.testing.assert_array_equal(read_fits(path, None), BAND[None])


@pytest.mark.parametrize("compression", ["RICE_1", "GZIP_1", "GZIP_2"])
def test_tile_compressed(tmp_path, compression):
    path = write(tmp_path / "a.fits.fz", fits.PrimaryHDU(), fits.CompImageHDU(COUNTS, compression_type=compression))
    np.testing.assert_array_equal(read_fits(path, None), COUNTS[None])


def test_tile_compressed_floats_are_close(tmp_path):
    path = write(tmp_path / "a.fits.fz", fits.PrimaryHDU(), fits.CompImageHDU(CUBE, quantize_level=64))
    np.testing.assert_allclose(read_fits(path, None), CUBE, atol=0.1)


def test_first_hdu_with_an_image_skips_empty_primary_tables_and_spectra(tmp_path, table):
    spectrum = fits.ImageHDU(np.arange(7.0))
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), table, spectrum, fits.ImageHDU(BAND), fits.ImageHDU(CUBE))
    np.testing.assert_array_equal(read_fits(path, None), BAND[None])


def test_axes_of_length_one_are_dropped_but_never_those_of_the_image(tmp_path):
    path = write(tmp_path / "radio.fits", fits.PrimaryHDU(BAND[None, None]), fits.ImageHDU(CUBE[:, None]))
    np.testing.assert_array_equal(read_fits(path, None), BAND[None])
    np.testing.assert_array_equal(read_fits(path, 1), CUBE)
    narrow = write(tmp_path / "narrow.fits", fits.PrimaryHDU(BAND[:, :1]))
    assert read_fits(narrow, None).shape == (1, 12, 1)


def test_hdu_by_number_name_and_several_as_bands(tmp_path):
    g, r = BAND, BAND + 1
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), fits.ImageHDU(g, name="G"), fits.ImageHDU(r, name="R"))
    np.testing.assert_array_equal(read_fits(path, 2), r[None])
    np.testing.assert_array_equal(read_fits(path, "r"), r[None])
    np.testing.assert_array_equal(read_fits(path, ("R", 1)), np.stack([r, g]))


def test_hdu_that_is_not_there_lists_those_that_are(tmp_path, table):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), fits.ImageHDU(BAND, name="SCI"), table)
    listed = r"a\.fits.* 0 PRIMARY \(no image\), 1 SCI \(12 x 9\), 2 CAT \(no image\)"
    for wrong in (9, "ERR", "CAT", 0):
        with pytest.raises(ImageError, match=listed):
            read_fits(path, wrong)


def test_no_image_at_all(tmp_path, table):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(), table)
    with pytest.raises(ImageError, match=r"a\.fits holds no image"):
        read_fits(path, None)


def test_hypercube_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"\(band, y, x\)"):
        read_fits(write(tmp_path / "a.fits", fits.PrimaryHDU(np.zeros((2, 3, 4, 5)))), None)


def test_hdus_of_different_size_are_no_bands(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(BAND), fits.ImageHDU(BAND[:5]))
    with pytest.raises(ImageError, match=r"9 x 5 pixels.*9 x 12"):
        read_fits(path, (0, 1))


@pytest.mark.parametrize("content", [b"", b"not FITS at all", b"\x89PNG\r\n" + bytes(5000)])
def test_not_fits(tmp_path, content):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.fits can't be read as FITS"):
        read_fits(path, None)


def test_missing_file(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.fits doesn't exist"):
        read_fits(tmp_path / "gone.fits", None)


@pytest.mark.parametrize("kind", ["a.fits", "a.fits.gz", "a.fits.fz", "extensions.fits"])
def test_truncation_raises_or_loses_nothing(tmp_path, kind):
    hdus = {
        "a.fits.fz": [fits.PrimaryHDU(), fits.CompImageHDU(COUNTS)],
        "extensions.fits": [fits.PrimaryHDU(), fits.ImageHDU(BAND), fits.ImageHDU(BAND)],
    }.get(kind, [fits.PrimaryHDU(COUNTS)])
    path = write(tmp_path / kind, *hdus)
    whole, expected = path.read_bytes(), read_fits(path, None)
    refused = 0
    for length in np.linspace(0, len(whole) - 1, 40).astype(int):
        path.write_bytes(whole[:length])
        try:
            image = read_fits(path, None)
        except ImageError:
            refused += 1
        else:
            np.testing.assert_array_equal(image, expected)  # only padding or later HDUs were lost
    assert refused > 5


def test_lost_padding_is_neither_an_error_nor_a_warning(tmp_path):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(BAND))
    path.write_bytes(path.read_bytes()[:-100])
    np.testing.assert_array_equal(read_fits(path, None), BAND[None])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files through /proc")
def test_files_are_closed_even_when_reading_fails(tmp_path):
    good = write(tmp_path / "good.fits", fits.PrimaryHDU(BAND))
    bad = tmp_path / "bad.fits"
    bad.write_bytes(good.read_bytes()[:2900])
    gc.collect()
    before = sorted(Path("/proc/self/fd").iterdir())
    keep = [read_fits(good, None) for _ in range(3)]
    with pytest.raises(ImageError) as caught:
        read_fits(bad, None)
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    assert len(keep) == 3
    assert "bad.fits" in str(caught.value)


MASK, ERROR, PICTURE = (RNG.normal(place, 1, (12, 9)).astype(np.float32) for place in range(3))


@pytest.mark.parametrize("science", ["SCI", "SCI_1", "IMAGE", "data", "Science", "G_FLUX", "R", ""])
@pytest.mark.parametrize(
    "companion",
    [
        "MASK",
        "WHT",
        "ERR",
        "DQ",
        "INVVAR",
        "image-mask",
        "SCI_ERR",
        "variance2",
        "EXPMAP",
        "WEIGHTMAP",
        "rmsmap",
        "VARMAP1",
        "CHI2",
        "GALDEPTH_R",
    ],
)
@pytest.mark.parametrize("primary", ["empty", "companion", "picture"])
def test_the_picture_is_told_from_its_companions_by_name(tmp_path, science, companion, primary, caplog):
    extensions = [
        fits.ImageHDU(MASK, name=companion),
        fits.ImageHDU(PICTURE, name=science),
        fits.ImageHDU(ERROR, name="ERR"),
    ]
    first = fits.PrimaryHDU()
    if primary == "companion":
        first = fits.PrimaryHDU(MASK)
        first.header["EXTNAME"] = companion
    elif primary == "picture":
        first, extensions = fits.PrimaryHDU(PICTURE), [fits.ImageHDU(MASK, name=companion), fits.ImageHDU(ERROR)]
    np.testing.assert_array_equal(read_fits(write(tmp_path / "a.fits", first, *extensions), None), PICTURE[None])
    assert caplog.text == ""


@pytest.mark.parametrize("key", ["IMTYPE", "IMAGETYP", "HDUCLAS2"])
def test_other_keywords_tell_companions_too(tmp_path, key):
    mask = fits.PrimaryHDU(MASK)
    mask.header[key] = "ERROR" if key == "HDUCLAS2" else "maskbits"
    np.testing.assert_array_equal(
        read_fits(write(tmp_path / "a.fits", mask, fits.ImageHDU(PICTURE)), None), PICTURE[None]
    )


@pytest.mark.parametrize("names", [("SCI", "SCI2"), ("G", "R"), ("MASK", "WHT"), ("ERR",)])
def test_where_names_do_not_tell_it_is_said_once(tmp_path, names, caplog, monkeypatch):
    monkeypatch.setattr("zoobot.data.fits._SAID", set())
    for place in range(3):
        hdus = [fits.ImageHDU(BAND + number, name=name) for number, name in enumerate(names)]
        path = write(tmp_path / f"{place}.fits", fits.PrimaryHDU(), *hdus)
        np.testing.assert_array_equal(read_fits(path, None), BAND[None])
    assert len(caplog.records) == 1
    assert "HDU 1 is read" in caplog.text
    assert "--hdu" in caplog.text
    caplog.clear()
    read_fits(path, 1)
    assert not caplog.records


FLUX = RNG.normal(0, 1, (12, 9)).astype(np.float32)
RAW = RNG.poisson(900, (12, 9))
MASKS = {
    "bytes": (FLUX > 0).astype(np.uint8), "16 bit": (FLUX > 0).astype(np.int16), "64 bit": (FLUX > 0).astype(np.int64),
    "floating": (FLUX > 0).astype(np.float32), "weights of 1": np.ones_like(FLUX),
    "segments": RNG.integers(0, 40, (12, 9)).astype(np.int32),
}  # fmt: skip


@pytest.mark.parametrize("names", [("", ""), ("A", "B"), ("SCI1", "SCI2")])
@pytest.mark.parametrize("picture", [FLUX, FLUX.astype(np.float64), RAW.astype(np.int16), RAW.astype(np.uint16)])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("primary", ["empty", "mask"])
def test_where_names_do_not_tell_the_picture_is_no_mask_by_its_numbers(
    tmp_path, mask, picture, names, primary, caplog, monkeypatch
):
    """Wherever it stands; and whatever is read, it is said."""
    for order in ((mask, picture), (picture, mask)):
        monkeypatch.setattr("zoobot.data.fits._SAID", set())
        hdus = [fits.ImageHDU(image, name=name) for image, name in zip(order, names, strict=True)]
        first = fits.PrimaryHDU(mask if primary == "mask" and "SCI1" not in names else None)
        path = write(tmp_path / f"{order[0] is picture}.fits", first, *hdus)
        caplog.clear()
        np.testing.assert_array_equal(read_fits(path, None), picture[None].astype(float))
        place = 1 if order[0] is picture else 2
        assert f"HDU {place} is read" in caplog.text
        assert "--hdu" in caplog.text


def test_a_picture_of_bytes_alone_is_read_without_a_word(tmp_path, caplog):
    path = write(tmp_path / "a.fits", fits.PrimaryHDU(MASKS["bytes"]), fits.ImageHDU(FLUX, name="ERR"))
    np.testing.assert_array_equal(read_fits(path, None), MASKS["bytes"][None])
    assert caplog.text == ""
