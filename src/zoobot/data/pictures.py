"""Reading JPEG, PNG, TIFF and WebP through Pillow: any depth and color mode, to grey or color without transparency."""

import math
import sys
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from zoobot.data.tiffs import as_bright, is_unsigned, open_tiff, with_rawmode
from zoobot.errors import ImageError
from zoobot.files import open_regular

MAX_PIXELS = 10_000**2
"""An image that says it has more pixels than this is taken for a damaged or hostile file."""

# by its first bytes, because files are often misnamed; opened by class, because Image.open warns of large images
_PICTURE_FORMATS: tuple[tuple[bytes, type[ImageFile.ImageFile]], ...] = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG", PngImageFile),
    (b"II", TiffImageFile),
    (b"MM", TiffImageFile),
    (b"RIFF", WebPImageFile),
)


_NATIVE = "L" if sys.byteorder == "little" else "B"


def open_picture(path: Path, reduced_to: int | None) -> Image.Image | npt.NDArray[Any]:
    """Return what a JPEG, PNG, TIFF or WebP holds.

    Parameters
    ----------
    path : Path
        The file; of several pages or frames the first is read.
    reduced_to : int, optional
        Decode a JPEG, which is much faster, at the smallest of its scales (1, 1/2, 1/4, 1/8) that still covers as many
        pixels a side.

    Returns
    -------
    Image or ndarray
        A picture in one of Pillow's modes L (grey), RGB (color) or I;16 (grey, 16 bit), or as uint16 (3, y, x) (color,
        16 bit), without palette, its transparency laid over black; or a measurement (floating point or 32 bit
        integers), floating point (1, y, x).

    Raises
    ------
    ImageError
        The file is missing, damaged, truncated, no JPEG, PNG, TIFF or WebP, or has over ``MAX_PIXELS`` pixels.
    """
    try:
        with open_regular(path, ImageError) as file:
            start = file.read(4)
            file.seek(0)
            opener = next((opener for magic, opener in _PICTURE_FORMATS if start.startswith(magic)), None)
            if opener is None:
                msg = "it doesn't start as JPEG, PNG, TIFF or WebP do"
                raise ValueError(msg)
            picture = open_tiff(file, path) if opener is TiffImageFile else opener(file)
            check_pixels(picture.height, picture.width)
            if reduced_to is not None:
                picture.draft(None, (reduced_to, reduced_to))
            if _rawmode(picture) == "LA;16B":
                return _deep_grey(picture)
            coarse = _other_byte(picture)
            if coarse is not None:
                return _deep_color(picture, opener(_rewound(file)), coarse)
            picture.load()
            return _simplify(picture)
    except FileNotFoundError as error:
        msg = f"{path} doesn't exist. Check the catalog's file_loc column."
        raise ImageError(msg) from error
    except ImageError:
        raise
    except Exception as error:  # a damaged file makes the decoder raise nearly anything
        msg = f"{path} can't be read as an image ({error}): it is damaged, truncated or no image. Fetch it again."
        raise ImageError(msg) from error


def check_pixels(*shape: int, most: int | None = None) -> None:
    """Refuse an image that says it is larger than any that this library is for, before it is decoded.

    Parameters
    ----------
    *shape
        Its lengths, y and x last.
    most
        The most values that it may have. Default: `MAX_PIXELS`.

    Raises
    ------
    ValueError
        It has more.
    """
    most = MAX_PIXELS if most is None else most
    if math.prod(shape) > most:
        msg = f"{' x '.join(map(str, reversed(shape)))} pixels are more than {most:,}, the most allowed"
        raise ValueError(msg)


def is_deep(path: Path) -> bool:
    """Return whether a file is a picture or measurement of more than 8 bits, from its first bytes.

    It is False where that can't be told.
    """
    try:
        with open_regular(path, ImageError) as file:
            start = file.read(26)
            if start.startswith(b"\x89PNG"):
                return start[24:25] == b"\x10"
            if not start.startswith((b"II", b"MM")):
                return False
            picture = TiffImageFile(_rewound(file))
            return picture.mode in ("F", "I") or picture.mode.startswith("I;16") or _other_byte(picture) is not None
    except Exception:  # a damaged file is refused where it is read
        return False


def _rewound(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    return file


def _rawmode(picture: ImageFile.ImageFile) -> str:
    """Return Pillow's name for how a file holds its pixels; empty where it has none."""
    details = picture.tile[0][3] if picture.tile else None
    rawmode = details[0] if isinstance(details, tuple) and details else details
    return rawmode if isinstance(rawmode, str) else ""


def _deep_grey(picture: ImageFile.ImageFile) -> Image.Image:
    """Return a grey picture of 16 bit with transparency, read as four bytes a pixel.

    It is laid over black. Pillow keeps one byte of two.
    """
    picture._mode = "RGBA"
    picture.tile = [with_rawmode(tile, "RGBA") for tile in picture.tile]
    pixels = np.asarray(picture).astype(np.uint16)
    grey, alpha = 256 * pixels[..., 0] + pixels[..., 1], 256 * pixels[..., 2] + pixels[..., 3]
    return Image.fromarray(np.rint(grey * (alpha / np.float64(65535))).astype(np.uint16))


def _other_byte(picture: ImageFile.ImageFile) -> str | None:
    """Return Pillow's name for the other byte of each number of a color picture of 16 bit; None for any other picture.

    Pillow keeps one byte of two of such colors, the coarse one: the first of big-endian numbers (``RGB;16B``), the
    second of little-endian ones (``RGB;16L``). Read as the other kind, the same numbers give the fine one.
    """
    rawmode = _rawmode(picture)
    if not rawmode.startswith(("RGB;16", "RGBA;16", "RGBX;16")):
        return None
    order = _NATIVE if rawmode.endswith("N") else rawmode[-1]
    return f"{rawmode[:-1]}{'B' if order == 'L' else 'L'}"


def _deep_color(picture: ImageFile.ImageFile, again: ImageFile.ImageFile, other_byte: str) -> npt.NDArray[np.uint16]:
    """Return a color picture of 16 bit, (3, y, x), from two readings of it; transparency is laid over black."""
    again.tile = [with_rawmode(tile, other_byte) for tile in again.tile]
    coarse, fine = (np.asarray(one.convert(one.mode)).astype(np.uint16) for one in (picture, again))
    color: npt.NDArray[np.uint16] = (256 * coarse + fine).transpose(2, 0, 1)
    if picture.mode == "RGBA":
        color[:3] = np.rint(color[:3] * (color[3] / np.float64(65535)))
    return _without_key(picture, color[:3])


def _without_key(picture: Image.Image, deep: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Return pixels of 16 bit with the one grey or color that a PNG calls transparent made black.

    Their shape is (y, x) or (3, y, x).
    """
    key = picture.info.get("transparency")
    if key is None:
        return deep
    is_key = deep == key if deep.ndim == 2 else (deep == np.reshape(key, (3, 1, 1))).all(axis=0)
    return np.where(is_key, np.uint16(0), deep)


def _simplify(picture: ImageFile.ImageFile) -> Image.Image | npt.NDArray[np.floating[Any]]:
    """Return a picture as grey (L or I;16) or color (RGB), without palette and transparency.

    Measurements are returned as an array.
    """
    mode = picture.mode
    if mode == "I" and picture.format == "PNG":  # how older Pillow gives 16 bit PNG
        return Image.fromarray(_without_key(picture, np.asarray(picture).astype(np.uint16)))
    if mode in ("F", "I"):
        numbers = np.asarray(picture)
        numbers = numbers.view(np.uint32) if mode == "I" and is_unsigned(picture) else numbers
        measured: npt.NDArray[np.floating[Any]] = numbers.astype(np.float32 if mode == "F" else np.float64)
        return as_bright(picture, measured)[None]
    if mode.startswith("I;16"):
        grey = np.asarray(picture).astype(np.uint16)  # in the machine's byte order
        return Image.fromarray(as_bright(picture, _without_key(picture, grey)))
    plain = "L" if mode in ("1", "L", "LA", "La") else "RGB"
    if picture.has_transparency_data:
        layered = picture.convert(plain + "A")
        black = Image.new(plain, picture.size)
        black.paste(layered.convert(plain), mask=layered.getchannel("A"))
        return black
    return picture if mode == plain else picture.convert(plain)


def central_square(picture: Image.Image, size: int) -> Image.Image:
    """Return the middle of a picture, its shorter side resized to ``size``, then cropped: bilinear, antialiased."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))


def planes(picture: Image.Image) -> npt.NDArray[Any]:
    """Return a picture's pixels as (channel, y, x)."""
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
