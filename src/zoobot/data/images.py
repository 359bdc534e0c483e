"""From an image file (JPEG, PNG, TIFF, WebP, FITS) to an array of its bands in [0, 1].

The array can also be the square used in training.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from zoobot.data.fits import join_bands, read_fits
from zoobot.data.pictures import central_square, is_deep, open_picture, planes
from zoobot.data.stretch import ConstantImageWarning, stretch_with_fills
from zoobot.errors import ImageError
from zoobot.ranges import bounded
from zoobot.settings import DEFAULT_PERCENTILES, HDUs, ImageSettings, Stretch

__all__ = [
    "IMAGE_SUFFIXES",
    "ConstantImageWarning",
    "FileLoc",
    "ImageSettings",
    "Stretch",
    "decode_image",
    "is_fits",
    "is_image_name",
    "read_image",
]

FileLoc = str | Path | Sequence[str | Path]
"""One file, or several that are the bands of one image, in order; ``"g.fits;r.fits;z.fits"`` also means several."""

FITS_SUFFIXES = (".fits", ".fits.gz", ".fits.fz", ".fit", ".fit.gz", ".fit.fz")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", *FITS_SUFFIXES)

_LOOKED_AT, _SMALL = 3, 32
"""How many images are decoded to see whether settings fit them, and at which size"""

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601, as in Pillow


def is_fits(name: str | Path) -> bool:
    """Tell whether a file's name ends as a FITS file's does, in any letter case."""
    return str(name).lower().endswith(FITS_SUFFIXES)


def is_image_name(name: str | Path) -> bool:
    """Tell whether a file's name has one of the endings in ``IMAGE_SUFFIXES``, in any letter case."""
    return str(name).lower().endswith(IMAGE_SUFFIXES)


@bounded()
def read_image(
    file_loc: FileLoc,
    *,
    channels: int | None = None,
    stretch: Stretch | None = None,
    percentiles: tuple[float, float] = DEFAULT_PERCENTILES,
    bands: tuple[int, ...] | None = None,
    hdu: HDUs | None = None,
) -> npt.NDArray[np.float32]:
    """Return an image at its own size, as (channel, y, x), float32, exactly in [0, 1].

    Pictures (JPEG, PNG, TIFF, WebP) of 8 and 16 bit are divided by the largest number of their type; transparency is
    laid over black. Of a TIFF with several pages the first is read. FITS images, and TIFF of floating point or 32 bit
    integers, are stretched. NaN and infinite pixels become the background, the median of their band. Rows stay in the
    file's order: the first row of a FITS file is the bottom of the sky as usually shown.

    Parameters
    ----------
    file_loc : str, Path, or several
        The file; several files (a list, or one string with ``;`` between them) are the bands of one image, in order.
    channels : int, optional
        Channels wanted; None gives what the file has (1 grey, 3 color, or the bands of a cube).
    stretch, percentiles, bands, hdu
        As in `ImageSettings`.

    Returns
    -------
    ndarray
        (channel, y, x), float32 in [0, 1]. A constant image that is stretched gives zeros and a `ConstantImageWarning`.

    Raises
    ------
    ImageError
        The file is missing, damaged, truncated, of an unknown ending, without image, or has other bands than asked for.
    OptionError
        An option outside its range.
    """
    settings = ImageSettings(
        channels=3 if channels is None else channels, stretch=stretch, percentiles=percentiles, bands=bands, hdu=hdu
    )
    paths = _paths(file_loc)
    sources = _open(paths, settings, reduced_to=None)
    image, _ = _brightness(sources, settings, paths)
    return image if channels is None else _fit_channels(image, channels, paths, color=_is_color(sources, settings))


def decode_image(
    file_loc: FileLoc, settings: ImageSettings, size: int
) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
    """Return the pixels that `decode_with_fills` gives."""
    return decode_with_fills(file_loc, settings, size)[0]


def decode_with_fills(
    file_loc: FileLoc, settings: ImageSettings, size: int
) -> tuple[npt.NDArray[np.uint8] | npt.NDArray[np.float32], dict[str, float]]:
    """Return the central square of an image at the size that training keeps, as (channel, size, size).

    The shorter side is resized (bilinear, antialiased), the longer one then cropped to the middle. Pictures of 8 bit
    give uint8, also those stretched. All else gives float32, exactly in [0, 1]: pictures of 16 bit, of which often only
    12 are used, and FITS and floating point TIFF, stretched at their own size before they are resized. Else as
    `read_image`.

    Parameters
    ----------
    file_loc : str, Path, or several
        As in `read_image`.
    settings : ImageSettings
        Channels, stretch, bands and HDU.
    size : int
        Height and width of the result in pixels.

    Returns
    -------
    pixels : ndarray
        (channel, size, size), uint8 or float32.
    fills : dict
        By the value that stands for no data: the share of pixels; see `zoobot.data.stretch.stretch_with_fills`. Empty
        without a stretch.

    Raises
    ------
    ImageError
        As in `read_image`.
    """
    paths = _paths(file_loc)
    sources = _open(paths, settings, reduced_to=size)
    first = sources[0]
    color = _is_color(sources, settings)
    if len(sources) == 1 and settings.stretch is None and isinstance(first, Image.Image) and first.mode in ("L", "RGB"):
        square = _pick_bands(planes(central_square(first, size)), settings.bands, paths)
        return np.ascontiguousarray(_fit_channels(square, settings.channels, paths, color=color)), {}

    brightness, fills = _brightness(sources, settings, paths)
    image = _fit_channels(brightness, settings.channels, paths, color=color)
    resized = np.stack([planes(central_square(Image.fromarray(band), size))[0] for band in image]).clip(0, 1)
    is_shallow = isinstance(first, Image.Image) and first.mode in ("L", "RGB")
    return np.rint(resized * 255).astype(np.uint8) if is_shallow else resized, fills


def check_first_images(files: Sequence[str], settings: ImageSettings) -> None:
    """Refuse settings that images can't be read with, before long work: the first few are decoded.

    Where one of them can be read, others that can't are left to be counted when all are read.

    Parameters
    ----------
    files
        The images, as `FileLoc`.
    settings
        How to read them.

    Raises
    ------
    ImageError
        None of the first few can be read: why, of each.
    """
    reasons: list[str] = []
    for name in files[:_LOOKED_AT]:
        try:
            decode_image(name, settings, _SMALL)
        except ImageError as err:
            reasons.append(str(err))
        else:
            return
    if reasons:
        lines = "\n  ".join(reasons)
        msg = (
            f"the first {len(reasons)} of {len(files)} images can't be read:\n  {lines}\nChange the settings, mend or "
            "replace the files, or drop their rows."
        )
        raise ImageError(msg)


def gives_floats(file_loc: FileLoc) -> bool:
    """Return whether `decode_image` gives float32 for a file: FITS, and pictures and TIFF of more than 8 bit."""
    return any(
        is_fits(path) or (str(path).lower().endswith(_MAY_BE_DEEP) and is_deep(path)) for path in _paths(file_loc)[:1]
    )


# What a file holds: a picture as Pillow has it (mode L, RGB or I;16), or of 16 bit color, uint16 (3, y, x); or a
# measurement, floating point (band, y, x).
_Source = Image.Image | npt.NDArray[Any]

_MAY_BE_DEEP = (".png", ".tif", ".tiff")


def _is_picture(source: _Source) -> bool:
    return isinstance(source, Image.Image) or source.dtype == np.uint16


def _paths(file_loc: FileLoc) -> list[Path]:
    if isinstance(file_loc, Path):
        return [file_loc]
    return [Path(part) for part in (file_loc.split(";") if isinstance(file_loc, str) else file_loc)]


def _name(paths: list[Path]) -> str:
    """Return what messages call the image."""
    return ";".join(map(str, paths))


def _open(paths: list[Path], settings: ImageSettings, reduced_to: int | None) -> list[_Source]:
    """Return what each file holds: all pictures or all measurements."""
    if len(paths) > 1 or settings.stretch is not None:
        reduced_to = None  # bands must match pixel by pixel, and a stretch looks at every pixel
    sources: list[_Source] = []
    for path in paths:
        if not is_image_name(path):
            msg = f"{path} has no ending of an image file: expected one of {', '.join(IMAGE_SUFFIXES)}."
            raise ImageError(msg)
        if is_fits(path):
            sources.append(read_fits(path, settings.hdu))
        elif settings.hdu is None:
            sources.append(open_picture(path, reduced_to))
        else:
            msg = f"{path} is no FITS file, so it has no HDU {settings.hdu!r}: leave --hdu (hdu=) out."
            raise ImageError(msg)
    if len({_is_picture(source) for source in sources}) != 1:
        msg = f"file_loc is {_name(paths)!r}: give one file or more, all pictures or all FITS, as bands of one image."
        raise ImageError(msg)
    return sources


def _brightness(
    sources: list[_Source], settings: ImageSettings, paths: list[Path]
) -> tuple[npt.NDArray[np.float32], dict[str, float]]:
    """Return the picked bands (band, y, x) in [0, 1], and the fill values that a stretch found.

    The bands are stretched where that is asked for.
    """
    parts = [_full_scale(source) for source in sources]
    image = _pick_bands(join_bands(parts, list(map(str, paths))), settings.bands, paths)
    if settings.stretch is None and _is_picture(sources[0]):
        return image.astype(np.float32), {}
    return stretch_with_fills(image, settings.stretch or "asinh", settings.percentiles, _name(paths))


def _full_scale(picture: _Source) -> npt.NDArray[np.floating[Any]]:
    """Return a picture's pixels (channel, y, x) divided by the largest number of their type.

    A measurement is returned as it is.
    """
    pixels = planes(picture) if isinstance(picture, Image.Image) else picture
    if not _is_picture(picture):
        return pixels
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _pick_bands(image: npt.NDArray[Any], bands: tuple[int, ...] | None, paths: list[Path]) -> npt.NDArray[Any]:
    if bands is None:
        return image
    if max(bands) >= len(image):
        msg = (
            f"{_name(paths)}: there is no band {max(bands)}; the image has {len(image)}, counted from 0. Change bands=."
        )
        raise ImageError(msg)
    return image[list(bands)]


def _is_color(sources: list[_Source], settings: ImageSettings) -> bool:
    """Tell whether the channels are the red, green and blue of a picture."""
    is_rgb = getattr(sources[0], "mode", None) == "RGB" or getattr(sources[0], "dtype", None) == np.uint16
    return settings.bands is None and len(sources) == 1 and is_rgb


def _fit_channels(image: npt.NDArray[Any], channels: int, paths: list[Path], *, color: bool) -> npt.NDArray[Any]:
    """Return as many channels as asked for: a single band repeated, the luminance of a color picture."""
    if len(image) == channels:
        return image
    if len(image) == 1 and channels == 3:
        return np.repeat(image, 3, axis=0)
    if color and channels == 1:
        luminance = np.tensordot(_LUMINANCE, image, axes=1)[None]
        return np.rint(luminance).astype(np.uint8) if image.dtype == np.uint8 else luminance.clip(0, 1)
    msg = (
        f"{_name(paths)}: the image has {len(image)} {'band' if len(image) == 1 else 'bands'}, "
        f"but channels is {channels}. Set --channels {len(image)} (channels={len(image)}), or pick {channels} with "
        "bands= in Python."
    )
    raise ImageError(msg)
