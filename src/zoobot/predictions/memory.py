"""What a model remembers of its labelled galaxies: written at the end of its run, and compared with other catalogs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.data import Preprocessing
from zoobot.data.images import is_fits
from zoobot.data.pixels import file_digests
from zoobot.predictions.thumbnails import Thumbnails, make_thumbnails
from zoobot.science.memory import Memory, choose_pictured
from zoobot.science.seen import Seen, find_seen

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.finetune import FinetuneableZoobotAbstract


logger = logging.getLogger(__name__)


def memory_of(
    parts: pd.DataFrame,
    preprocessing: Preprocessing | None,
    *,
    thumbnails: Thumbnails | None = None,
    num_workers: int | None = None,
) -> Memory:
    """Return the memory of labelled galaxies.

    Of more than 20,000, pictures of so many are kept, those of training galaxies first.

    Parameters
    ----------
    parts
        One row per galaxy: ``id_str``, ``file_loc`` and ``part`` ('train', 'val', 'test'). Files that can't be read are
        remembered by name.
    preprocessing
        How images are read.
    thumbnails
        Of all of them, where they have been made (and looked at); see `make_thumbnails`.
    num_workers
        Processes that decode images.
    """
    files, roles = parts["file_loc"].tolist(), parts["part"].tolist()
    pictured = choose_pictured(roles)
    if thumbnails is None:
        some = [files[row] for row in pictured]
        workers = num_workers if any(map(is_fits, some)) else 0  # threads reduce pictures sooner than processes start
        pictures, errors, fills = make_thumbnails(some, preprocessing or Preprocessing(), num_workers=workers)
        for note in fills.sentences():
            logger.warning(note)
    else:
        pictures, errors = thumbnails.pictures[pictured], [thumbnails.errors[row] for row in pictured]
    readable = np.array([not error for error in errors], bool)
    digests = file_digests(files, skip=True)
    return Memory.of(parts["id_str"].tolist(), files, roles, digests, pictured[readable], pictures[readable])


def recall(model: FinetuneableZoobotAbstract, *, num_workers: int | None = None) -> Memory | None:
    """Return what a model remembers of its labelled galaxies; None where it remembers none.

    An older model has features, names and files of at most 2,000 training galaxies alone: of those whose files are
    still there, digest and picture are made anew.
    """
    if model.memory is not None or model.reference is None:
        return model.memory
    known = pd.DataFrame({"id_str": model.reference.ids, "file_loc": model.reference.file_locs, "part": "train"})
    return memory_of(known, model.preprocessing, num_workers=num_workers)


def seen_by(memory: Memory, frame: pd.DataFrame, thumbnails: npt.NDArray[np.uint8]) -> Seen:
    """Return which galaxies of a catalog a model has seen; see `find_seen`.

    Parameters
    ----------
    memory
        Of the model; see `recall`.
    frame
        The catalog, as `read_catalog` gives it.
    thumbnails
        (galaxy, channel, 64, 64), as `make_thumbnails` gives them for the model's preprocessing.
    """
    digests = file_digests(frame["file_loc"].tolist(), skip=True)
    return find_seen(memory, frame["id_str"].tolist(), digests, thumbnails)
