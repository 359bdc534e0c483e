"""Reading the bands of an image from FITS files: finding the HDU, honouring its scaling, and closing the file."""

import io
import logging
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoobot.data.pictures import MAX_PIXELS, check_pixels
from zoobot.errors import ImageError
from zoobot.files import open_regular
from zoobot.settings import HDU, HDUs

logger = logging.getLogger(__name__)

SCIENCE = frozenset({"SCI", "SCIENCE", "IMAGE", "IMG", "DATA", "FLUX", "SIGNAL", "INTENSITY", "PRIMARY"})
"""Words in an HDU's name that say that it holds the picture"""
COMPANIONS = frozenset(
    {
        "MASK", "MASKS", "MSK", "MASKBITS", "DQ", "QUALITY", "FLAG", "FLAGS", "BPM", "BADPIX", "WHT", "WEIGHT",
        "WEIGHTS", "WT", "IVAR", "INVVAR", "VAR", "VARIANCE", "ERR", "ERROR", "ERRORS", "UNC", "UNCERT", "UNCERTAINTY",
        "SIGMA", "STD", "STDDEV", "RMS", "NOISE", "SNR", "EXP", "EXPTIME", "EXPMAP", "EXPOSURE", "NEXP", "COV",
        "COVERAGE", "CON", "CTX", "CONTEXT", "SEG", "SEGM", "SEGMAP", "SEGMENTATION", "BKG", "BACKGROUND", "SKY", "PSF",
        "MODEL", "RESIDUAL", "RES", "TIME", "SAMP", "HITS", "CHI", "CHISQ", "DEPTH", "GALDEPTH", "PSFDEPTH", "PSFSIZE",
        "NOBS", "NPIX",
    }
)  # fmt: skip
"""Words in an HDU's name that say that it goes with the picture: masks, weights, errors, ..."""

_NAME_KEYS = ("EXTNAME", "IMTYPE", "IMAGETYP", "HDUCLAS3", "HDUCLAS2", "EXTTYPE")
"""Header keywords that say what an HDU holds; HDUCLAS is of HEASARC's convention, IMTYPE of the Legacy Surveys"""


OTHERWISE_PACKED = (b"PK\x03\x04", b"\x1f\x9d")
"""First bytes of files (zip, compress) that astropy would unpack, however large that is"""

MAX_VALUES = 4 * MAX_PIXELS
"""Of all bands of an HDU together"""

_SAID: set[tuple[int | str, ...]] = set()
"""Layouts of files that the user has been told of"""


def read_fits(path: Path, hdu: HDUs | None) -> npt.NDArray[np.floating[Any]]:
    """Return the bands that a FITS file holds.

    Parameters
    ----------
    path : Path
        FITS file, also compressed (gzip, or tile compressed as by fpack).
    hdu : int, str, tuple of these, or None
        Number (0 is the primary HDU) or name of the HDU; several are bands in that order. None takes the first image
        that names (SCI, IMAGE, DATA, ...) say to be the picture, else the first that is no mask, weight or error map by
        its name (`COMPANIONS`) and no mask by its numbers. Where several could be the picture, a warning is logged once
        for each layout of files.

    Returns
    -------
    ndarray
        (band, y, x), floating point in the machine's byte order, in the file's unit: BSCALE and BZERO are applied,
        BLANK pixels are NaN. Rows are in the file's order, the first at the bottom of the sky as usually shown. Axes of
        length 1 before the last two are dropped, as of (1, 1, y, x) radio images.

    Raises
    ------
    ImageError
        The file is missing, damaged, truncated or not FITS; it has no image, or not in the HDU asked for; the image has
        more than `zoobot.data.pictures.MAX_PIXELS` pixels, or what was compressed is larger than `zoobot.unpacking`
        allows.
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    try:
        # odd headers are no reason to worry the user; truncation shows below, where the data come out short
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            with open_regular(path, ImageError, unpack=True) as file:
                check_packing(file)
                with fits.open(file, memmap=False) as hdus:
                    asked = hdu if isinstance(hdu, tuple) else (_first_image(hdus, path) if hdu is None else hdu,)
                    images = [_bands_of(hdus, one, path) for one in asked]
    except ImageError:
        raise
    except FileNotFoundError as error:
        msg = f"{path} doesn't exist. Check the catalog's file_loc column."
        raise ImageError(msg) from error
    except Exception as error:  # a damaged file makes the decoder raise nearly anything
        msg = f"{path} can't be read as FITS ({error}): it is damaged, truncated or another format. Fetch it again."
        raise ImageError(msg) from error
    return join_bands(images, [f"{path} HDU {one}" for one in asked])


def check_packing(file: io.BufferedReader) -> None:
    """Refuse a file that astropy would unpack by itself, without end.

    Raises
    ------
    ValueError
        It is compressed otherwise than by gzip, bzip2, xz or fpack.
    """
    if file.peek(4).startswith(OTHERWISE_PACKED):
        msg = "it is compressed otherwise than by gzip, bzip2, xz or fpack"
        raise ValueError(msg)


def join_bands(images: list[npt.NDArray[Any]], names: list[str]) -> npt.NDArray[Any]:
    """Return the bands of several images as one array, (band, y, x).

    Raises
    ------
    ImageError
        The images differ in height or width.
    """
    for image, name in zip(images, names, strict=True):
        if image.shape[1:] != images[0].shape[1:]:
            msg = (
                f"{name} is {image.shape[2]} x {image.shape[1]} pixels, but {names[0]} is {images[0].shape[2]} x "
                f"{images[0].shape[1]}. Bands of one image must be on the same pixel grid: resample them."
            )
            raise ImageError(msg)
    return images[0] if len(images) == 1 else np.concatenate(images)


def _image_shape(hdu: Any) -> tuple[int, ...]:
    """Return the shape of an HDU's image without its leading axes of length 1; () where it has no image."""
    if not hdu.is_image or len(hdu.shape) < 2:
        return ()
    return (*(length for length in hdu.shape[:-2] if length != 1), *hdu.shape[-2:])


def _first_image(hdus: Any, path: Path) -> int:
    """Return the number of the HDU that most probably holds the picture."""
    images = [index for index, hdu in enumerate(hdus) if _image_shape(hdu)]
    if not images:
        msg = f"{path} holds no image; its HDUs are: {_summary(hdus)}."
        raise ImageError(msg)
    ranks = {index: _rank(hdus[index]) for index in images}
    best = [index for index in images if ranks[index] == min(ranks.values())]
    if best == [0] and not hdus[0].header.get("EXTNAME") and _UNNAMED in ranks.values() and _is_mask(hdus[0]):
        best = [index for index in images if ranks[index] != _COMPANION]  # it is called PRIMARY for its place alone
    if len(best) == 1 and ranks[best[0]] != _COMPANION:
        return best[0]
    chosen = next((index for index in best if not _is_mask(hdus[index])), best[0])
    layout = (chosen, *(hdu.name for hdu in hdus))
    if layout not in _SAID:
        _SAID.add(layout)
        logger.warning(
            "%s has several images (%s): HDU %d is read, as in other files like it. Name another with --hdu (hdu=).",
            path, _summary(hdus), chosen,
        )  # fmt: skip
    return chosen


def _is_mask(hdu: Any) -> bool:
    """Return whether an HDU's numbers are more like those of a mask or a map of segments than like a picture's.

    There are two of them at most; or they are whole and not scaled, and not of 16 bit, as raw counts are.
    """
    header = hdu.header
    is_scaled = header.get("BSCALE", 1) != 1 or header.get("BZERO", 0) != 0
    if header["BITPIX"] in (8, 32, 64) and not is_scaled:
        return True
    check_pixels(*_image_shape(hdu), most=MAX_VALUES)
    return len(np.unique(hdu.data)) <= 2


_NAMED, _UNNAMED, _COMPANION = range(3)


def _rank(hdu: Any) -> int:
    """Return how probably an HDU holds the picture, 0 first, by the words of its header."""
    said = [str(hdu.header.get(key, "")) for key in _NAME_KEYS]
    if not said[0]:
        said[0] = hdu.name  # PRIMARY, where the primary HDU has no name of its own
    words = {
        re.sub(r"MAPS?$", "", word.strip("0123456789"))
        for text in said
        for word in re.split(r"[^A-Z0-9]+", text.upper())
    }
    if words & COMPANIONS:
        return _COMPANION
    return _NAMED if words & SCIENCE else _UNNAMED


def _bands_of(hdus: Any, asked: HDU, path: Path) -> npt.NDArray[np.floating[Any]]:
    """Return the image of one HDU: (band, y, x)."""
    try:
        hdu = hdus[asked]
    except (IndexError, KeyError) as error:
        msg = f"{path} has no HDU {asked!r}; its HDUs are: {_summary(hdus)}. Name one of them with --hdu (hdu=)."
        raise ImageError(msg) from error
    shape = _image_shape(hdu)
    if len(shape) not in (2, 3) or 0 in shape:
        msg = (
            f"{path}: HDU {asked!r} holds no image of shape (y, x) or (band, y, x); "
            f"the file's HDUs are: {_summary(hdus)}. Name one with --hdu (hdu=)."
        )
        raise ImageError(msg)
    check_pixels(*shape[-2:])
    check_pixels(*shape, most=MAX_VALUES)
    data = hdu.data.reshape((-1, *shape[-2:]))
    # float32 stays as it is; integers of any size fit float64
    return np.asarray(data, np.float32 if data.dtype.kind == "f" and data.dtype.itemsize == 4 else np.float64)


def _summary(hdus: Any) -> str:
    return ", ".join(
        f"{index} {hdu.name or 'without a name'} ({' x '.join(map(str, _image_shape(hdu))) or 'no image'})"
        for index, hdu in enumerate(hdus)
    )
