"""Small pictures of whole images, by which checks compare galaxies and find faults."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zoobot.data import Preprocessing
from zoobot.data.fills import FillCount
from zoobot.data.images import ConstantImageWarning
from zoobot.data.pixels import decode_files, default_workers
from zoobot.errors import ImageError
from zoobot.progress import track_steps
from zoobot.science.same_sky import THUMBNAIL
from zoobot.stopping import workers_watched

if TYPE_CHECKING:
    import numpy.typing as npt


class Thumbnails(NamedTuple):
    """Whole images made small."""

    pictures: npt.NDArray[np.uint8]
    """(image, channel, 64, 64); 0 where an image could not be read"""
    errors: Sequence[str]
    """Why an image could not be read; empty where it could"""
    fills: FillCount
    """How many images have pixels without data"""


@workers_watched()
def make_thumbnails(
    files: Sequence[str], preprocessing: Preprocessing, *, num_workers: int | None = None
) -> Thumbnails:
    """Return whole images made small."""
    small = Preprocessing(image_size=THUMBNAIL, crop=1.0, images=preprocessing.images)
    workers = default_workers() if num_workers is None else num_workers
    thumbnails = np.zeros((len(files), preprocessing.images.channels, THUMBNAIL, THUMBNAIL), np.uint8)
    errors, fills = [""] * len(files), FillCount()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantImageWarning)
        steps = ((batch, len(batch)) for batch in decode_files(files, small, num_workers=workers, fills=fills))
        for batch in track_steps(steps, "Looking at images", len(files)):
            for row, image in batch:
                if isinstance(image, ImageError):
                    errors[row] = str(image)
                else:
                    thumbnails[row] = image if image.dtype == np.uint8 else np.rint(image * 255).astype(np.uint8)
    return Thumbnails(thumbnails, errors, fills)
