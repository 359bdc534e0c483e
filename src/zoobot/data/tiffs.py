"""TIFF files of kinds that Pillow opens wrongly or not at all.

What is in them is found out, and they are read right or refused in words.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from zoobot.errors import ImageError

logger = logging.getLogger(__name__)

_BITS, _PHOTOMETRIC, _SAMPLES, _PLANES, _EXTRAS, _FORMAT = 258, 262, 277, 284, 338, 339
"""Tags: bits of each sample, what its numbers mean, samples of a pixel, how they lie, samples beyond the colors, type
of numbers
"""

_WHITE_IS_ZERO, _SEPARATE, _UNSPECIFIED = 0, 2, 0
_UNSIGNED, _SIGNED = 1, 2
_TYPES = {_UNSIGNED: "whole numbers", _SIGNED: "whole numbers with sign", 3: "floating point numbers"}
_COLORS = {2: "red, green and blue", 3: "palette", 5: "CMYK"}

_UNPACKED = {
    "I;16S": "I;16NS", "I;16BS": "I;16NS", "I;32S": "I;32NS", "I;32BS": "I;32NS", "F;32F": "F;32NF", "F;32BF": "F;32NF"
}  # fmt: skip
"""Pillow's names for numbers as a file has them, and as its library for compressed files gives them: in the machine's
byte order
"""

_SAID: set[str] = set()
"""What the user has been told of files like others"""


def open_tiff(file: IO[bytes], path: Path) -> TiffImageFile:
    """Return a TIFF of which Pillow decodes all numbers rightly; a warning says once where bands or pages are left out.

    Raises
    ------
    ImageError
        Pixels of a kind that can't be read: which, and what can be done.
    """
    try:
        picture = TiffImageFile(file)
    except (SyntaxError, IndexError) as error:  # kinds of pixels that Pillow doesn't know
        tags = _tags(file)
        if tags is None:
            raise
        raise ImageError(_refusal(path, tags)) from error
    tags = picture.tag_v2
    samples, bits = int(tags.get(_SAMPLES, 1)), _depth(tags)
    if (samples > 1 and bits > 8 and tags.get(_PLANES) == _SEPARATE) or (bits == 8 and _type(tags) == _SIGNED):
        raise ImageError(_refusal(path, tags))
    extras = tags.get(_EXTRAS, ())
    if _UNSPECIFIED in extras:
        _say_once(path, f"has {samples} bands, of which {len(extras)} beyond the colors are left out")
    if tags.next:
        _say_once(path, "has several pages, of which the first is read")
    picture.tile = [_in_order(tile) for tile in picture.tile]
    return picture


def _say_once(path: Path, what: str) -> None:
    if what not in _SAID:
        _SAID.add(what)
        logger.warning(
            "%s %s, as in other files like it. If they are bands of one image, save them as FITS (band, y, x), or "
            "each in a file of its own.", path, what,
        )  # fmt: skip


def has_brightness_reversed(picture: Image.Image) -> bool:
    """Return whether larger numbers of a TIFF are darker, which Pillow sees to in pictures of 8 bit alone."""
    tags = getattr(picture, "tag_v2", {})
    return tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and _depth(tags) > 8


def is_unsigned(picture: Image.Image) -> bool:
    """Return whether a TIFF's numbers have no sign; Pillow takes those of 32 bit for numbers that have one."""
    return isinstance(picture, TiffImageFile) and _type(picture.tag_v2) == _UNSIGNED


def _tags(file: IO[bytes]) -> Any:
    """Return the tags of a file's first image, or None where they can't be read."""
    try:
        file.seek(0)
        head = file.read(8)
        tags = ImageFileDirectory_v2(head + file.read(8) if 43 in head[2:4] else head)
        file.seek(tags.next)
        tags.load(file)
    except Exception:  # a damaged file makes it raise nearly anything
        return None
    return tags if _BITS in tags else None


def _depth(tags: Any) -> int:
    return int(max(tags.get(_BITS, (1,))))


def _type(tags: Any) -> int:
    return int(max(tags.get(_FORMAT, (_UNSIGNED,))))


def _refusal(path: Path, tags: Any) -> str:
    """Say of which kind a file's pixels are, and which can be read."""
    samples = int(tags.get(_SAMPLES, 1))
    colors = _COLORS.get(tags.get(_PHOTOMETRIC))
    details = {
        "one band after the other": samples > 1 and tags.get(_PLANES) == _SEPARATE,
        "0 is white": tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
        "big-endian": tags.prefix == b"MM",
    }
    kind = [
        f"{_depth(tags)} bit {_TYPES.get(_type(tags), 'numbers')}",
        *(one for one, holds in details.items() if holds),
    ]
    return (
        f"{path} is a TIFF of {samples} {'band' if samples == 1 else 'bands'}{f' ({colors})' if colors else ''} of "
        f"{', '.join(kind)}: this kind can't be read. Expected grey or color of 8 or 16 bit, pixel by pixel, or one "
        "band of 16 or 32 bit numbers, little-endian, where 0 is black. Save it as FITS (band, y, x), or each band in "
        "a file of its own."
    )


def _in_order(tile: Any) -> Any:
    """Return one of Pillow's tiles (codec, extent, offset, details).

    Its numbers are taken in the byte order that they come in.
    """
    if tile[0] != "libtiff" or not isinstance(tile[3], tuple) or tile[3][0] not in _UNPACKED:
        return tile
    return with_rawmode(tile, _UNPACKED[tile[3][0]])


def with_rawmode(tile: Any, rawmode: str) -> Any:
    """Return one of Pillow's tiles (codec, extent, offset, details), its numbers to be taken as another kind."""
    details = (rawmode, *tile[3][1:]) if isinstance(tile[3], tuple) else rawmode
    return (
        tile._replace(args=details) if hasattr(tile, "_replace") else (*tile[:3], details)
    )  # a plain tuple before Pillow 11


def as_bright(picture: Image.Image, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a TIFF's numbers so that larger ones are brighter."""
    if not has_brightness_reversed(picture):
        return numbers
    bright: np.ndarray[Any, Any] = np.iinfo(np.uint16).max - numbers if numbers.dtype == np.uint16 else -numbers
    return bright
