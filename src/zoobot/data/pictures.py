"""Reading JPEG, PNG, TIFF and WebP through Pillow: any depth and color mode, to grey or color without transparency."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from zoobot.errors import ImageError

MAX_PIXELS = 20_000**2
"""A picture that says it has more pixels than this is taken for a damaged or hostile file."""

# by its first bytes, because files are often misnamed; opened by class, because Image.open warns of large images
_PICTURE_FORMATS: tuple[tuple[bytes, type[ImageFile.ImageFile]], ...] = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG", PngImageFile),
    (b"II", TiffImageFile),
    (b"MM", TiffImageFile),
    (b"RIFF", WebPImageFile),
)


def open_picture(path: Path, reduced_to: int | None) -> Image.Image | npt.NDArray[np.floating[Any]]:
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
        A picture in one of Pillow's modes L (grey), RGB (color) or I;16 (grey, 16 bit), without palette, its
        transparency laid over black; or a measurement (floating point or 32 bit integers), (1, y, x), floating point.

    Raises
    ------
    ImageError
        The file is missing, damaged, truncated, no JPEG, PNG, TIFF or WebP, or has over ``MAX_PIXELS`` pixels.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            opener = next((opener for magic, opener in _PICTURE_FORMATS if start.startswith(magic)), None)
            if opener is None:
                msg = "it doesn't start as JPEG, PNG, TIFF or WebP do"
                raise ValueError(msg)
            picture = opener(file)
            if picture.width * picture.height > MAX_PIXELS:
                msg = f"{picture.width} x {picture.height} pixels are more than {MAX_PIXELS}, the most allowed"
                raise ValueError(msg)
            if reduced_to is not None:
                picture.draft(None, (reduced_to, reduced_to))
            picture.load()
            return _simplify(picture)
    except FileNotFoundError as error:
        msg = f"{path} doesn't exist. Check the catalog's file_loc column."
        raise ImageError(msg) from error
    except Exception as error:  # a damaged file makes the decoder raise nearly anything
        msg = f"{path} can't be read as an image ({error}): it is damaged, truncated or no image. Fetch it again."
        raise ImageError(msg) from error


def _simplify(picture: ImageFile.ImageFile) -> Image.Image | npt.NDArray[np.floating[Any]]:
    """Give a picture as grey (L or I;16) or color (RGB), without palette and transparency; measurements as an array."""
    mode = picture.mode
    if mode == "I" and picture.format == "PNG":  # how older Pillow gives 16 bit PNG
        return Image.fromarray(np.asarray(picture).astype(np.uint16))
    if mode in ("F", "I"):
        measured: npt.NDArray[np.floating[Any]] = np.asarray(picture, np.float32 if mode == "F" else np.float64)
        return measured[None]
    if mode.startswith("I;16"):
        return Image.fromarray(np.asarray(picture).astype(np.uint16))  # in the machine's byte order
    plain = "L" if mode in ("1", "L", "LA", "La") else "RGB"
    if picture.has_transparency_data:
        layered = picture.convert(plain + "A")
        black = Image.new(plain, picture.size)
        black.paste(layered.convert(plain), mask=layered.getchannel("A"))
        return black
    return picture if mode == plain else picture.convert(plain)


def central_square(picture: Image.Image, size: int) -> Image.Image:
    """Give the middle of a picture, its shorter side resized to ``size``, then cropped: bilinear, antialiased."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))


def planes(picture: Image.Image) -> npt.NDArray[Any]:
    """Give a picture's pixels as (channel, y, x)."""
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
