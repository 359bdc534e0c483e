"""Galleries: cutouts as the model sees them, small and inlined, with what was predicted of each."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoobot.errors import ZoobotError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from zoobot.data import Preprocessing

    Values = NDArray[np.float64]

EACH = 8
"""Galaxies of a kind"""
UNCERTAIN = 16
MOST_CLASSES = 10
MOST_IMAGES = 400
"""In a report; the rest are left out, and it says so"""
THUMB = 128
"""Width of a thumbnail in pixels"""
WHOLE_WIDTH = 128
"""Pixels to which images are reduced where the model's own view isn't known"""

Mark = Literal["", "right", "wrong"]


@dataclass(frozen=True)
class Cutout:
    """One galaxy of a gallery: its picture as a data URL ('' where it can't be shown), its id, and lines about it."""

    picture: str
    id_str: str
    lines: tuple[str, ...]
    mark: Mark = ""
    ra_dec: str = ""


@dataclass(frozen=True)
class Gallery:
    """Cutouts; `zoobot.report.sentences` has the heading and the caption of their kind.

    Attributes
    ----------
    kind : str
        Which heading and caption.
    cutouts : list of Cutout
        What is shown.
    about : object
        The facts that the words are made of.
    """

    kind: str
    cutouts: list[Cutout]
    about: Any = None


@dataclass(frozen=True)
class About:
    """What a gallery shows.

    It is the class, label, target or answer, of which question, and how many of how many galaxies.
    """

    name: str = ""
    question: str = ""
    shown: int = 0
    total: int = 0


@dataclass
class Pictures:
    """Makes thumbnails, each image once, and counts those that can't be shown.

    Parameters
    ----------
    preprocessing
        How the model sees images; None shows them whole.
    """

    preprocessing: Preprocessing | None
    made: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    left_out: int = 0

    def show(self, file_loc: str) -> str:
        """Return a thumbnail as a data URL, '' where the image can't be read or there are too many."""
        if file_loc not in self.made:
            if len(self.made) >= MOST_IMAGES:
                self.left_out += 1
                return ""
            try:
                self.made[file_loc] = thumbnail(file_loc, self.preprocessing)
            except (ZoobotError, OSError, ValueError) as err:
                self.failed.append(str(err))
                self.made[file_loc] = ""
        return self.made[file_loc]

    def cutouts(
        self,
        frame: pd.DataFrame,
        rows: Sequence[int],
        lines: Sequence[tuple[str, ...]],
        marks: Sequence[Mark] | None = None,
    ) -> list[Cutout]:
        """Return a cutout for each of ``rows`` of a table, with its lines and marks."""
        given = marks or [""] * len(rows)
        ids, files = frame["id_str"], frame["file_loc"]
        return [
            Cutout(self.show(str(files.iloc[row])), str(ids.iloc[row]), own, mark)
            for row, own, mark in zip(rows, lines, given, strict=True)
        ]


def thumbnail(file_loc: str, preprocessing: Preprocessing | None) -> str:
    """Return an image as the model sees it (its centre, stretched as in training) as a small JPEG in a data URL.

    Raises
    ------
    ImageError
        An image that can't be read.
    """
    import warnings

    from PIL import Image

    from zoobot.data.images import ConstantImageWarning, decode_image, read_image
    from zoobot.settings import ImageSettings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantImageWarning)
        if preprocessing is None:
            square = _plane(
                read_image(file_loc) if ";" in file_loc else decode_image(file_loc, ImageSettings(), WHOLE_WIDTH)
            )
        else:
            pixels = decode_image(file_loc, preprocessing.images, preprocessing.kept_size)
            square = _plane(pixels[:, preprocessing.central, preprocessing.central])
    picture = Image.fromarray(square)
    picture.thumbnail((THUMB, THUMB), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=82, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _plane(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (y, x) or (y, x, 3) bytes of an image (channel, y, x): the first three channels, or the first."""
    shown = np.moveaxis(pixels[:3], 0, -1) if len(pixels) >= 3 else pixels[0]
    return shown if shown.dtype == np.uint8 else np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)


def highest(values: Values, chosen: NDArray[np.bool_], count: int = EACH) -> NDArray[np.int64]:
    """Return the rows of the highest values among those chosen, from the highest down."""
    rows = np.flatnonzero(chosen)
    order = np.argsort(-values[rows], kind="stable")[:count]
    found: NDArray[np.int64] = rows[order]
    return found
