"""Galaxies of a Hugging Face data set, with GZ Evo's layout.

It has a column of images and columns of votes, and images are decoded when needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from io import BufferedReader, BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from zoobot.data.pictures import central_square, check_pixels, planes
from zoobot.data.pixels import Preprocessing, digest
from zoobot.errors import CatalogError, ImageError, OptionError
from zoobot.files import home, is_folder, open_regular
from zoobot.origins import short_digest
from zoobot.pretrain.galaxies import held_out, vote_counts
from zoobot.pretrain.origin import MOST_READ

if TYPE_CHECKING:
    from zoobot.pretrain.plan import Numbers
    from zoobot.trees import Schema

logger = logging.getLogger(__name__)

IMAGE_COLUMN = "image"
ID_COLUMNS = ("id_str", "dr8_id", "id")


class HuggingFaceGalaxies:
    """One split of a data set.

    Parameters
    ----------
    name
        A folder that ``save_to_disk`` wrote, a folder of parquet files, or a name on the hub, ``NAME:CONFIG`` for a
        configuration.
    split
        Its name, such as ``train``.
    tree
        Whose answers are its vote columns.
    preprocessing
        How images are cropped and sized; 3 channels.
    val_fraction
        The share to hold out.
    seed
        Decides which are held out.

    Raises
    ------
    CatalogError
        No such data set or split, no column of images, or missing vote columns.
    OptionError
        The package ``datasets`` is not installed.
    """

    is_kept = False

    def __init__(
        self,
        name: str,
        split: str,
        tree: Schema,
        preprocessing: Preprocessing,
        *,
        val_fraction: float,
        seed: int,
        group_col: str | None = None,
    ) -> None:
        self.name = name
        self.tree = tree
        self.preprocessing = preprocessing
        table = _open(name, split)
        column = _image_column(table, name)
        self.images = table.select_columns([column]).cast_column(column, _undecoded())
        self.column = column
        values = [name for name, feature in table.features.items() if type(feature).__name__ == "Value"]
        ids = [one for one in ID_COLUMNS if one in table.column_names][:1]
        votes = table.select_columns(values).to_pandas()
        votes["id_str"] = votes[ids[0]].astype(str) if ids else [f"row {row}" for row in range(len(votes))]
        self.ids = votes["id_str"].tolist()
        self.labels = torch.from_numpy(vote_counts(votes, tree, name))
        self.rows = held_out(votes, val_fraction, seed, group_col)

    def digests(self) -> dict[str, str]:
        """See `RealGalaxies`; of up to `MOST_READ` images."""
        images = hashlib.blake2b(digest_size=16)
        for stored in self.images[:: -(-len(self.ids) // MOST_READ)][self.column]:
            with contextlib.suppress(Exception), _file_of(stored) as file:  # training leaves out what can't be read too
                images.update(file.read())
        return {
            "ids": short_digest("\n".join(self.ids).encode()),
            "votes": short_digest(self.labels.numpy().tobytes()),
            "images": images.hexdigest(),
        }

    def decode(self, workers: int) -> None:
        """Do nothing: images are decoded when they are needed, for such sets are large."""

    def fetch(self, rows: Numbers) -> dict[str, Any]:
        """See `RealGalaxies`; an image that can't be decoded is black, has no votes, and is named in the log."""
        size = self.preprocessing.kept_size
        pixels = np.zeros((len(rows), self.preprocessing.images.channels, size, size), np.uint8)
        votes = self.labels[rows]
        for place, stored in enumerate(self.images[rows.tolist()][self.column]):
            try:
                pixels[place] = planes(central_square(_picture(stored), size))
            except Exception as err:  # a damaged file makes the decoder raise nearly anything
                logger.warning(
                    "row %d of %s has no image that can be read (%s); it is left out", rows[place], self.name, err
                )
                votes[place] = 0
        return {
            "pixels": torch.from_numpy(pixels),
            "key": np.array([digest(image)[0] for image in pixels], np.uint64),
            "label": votes,
        }


def _open(name: str, split: str) -> Any:
    """Return the split of a data set, wherever it is."""
    try:
        import datasets
    except ImportError as err:
        msg = "Hugging Face data sets need the package datasets: pip install 'zoobot[datasets]'."
        raise OptionError(msg) from err
    folder = home(name)
    local = is_folder(folder, CatalogError)
    try:
        if not local:
            path, _, config = name.partition(":")
            return datasets.load_dataset(path, config or None, split=split)
        if any(folder.rglob("*.parquet")):
            return datasets.load_dataset(str(folder), split=split)
        saved = datasets.load_from_disk(str(folder))
    except Exception as err:  # of the package, or of its client's transport, whose classes change with its version
        where = "check the folder" if local else "check the name and the network, or give a folder"
        msg = f"the data set {name} (split {split!r}) can't be read ({err}): {where}."
        raise CatalogError(msg) from err
    if not isinstance(saved, datasets.DatasetDict):
        return saved
    if split not in saved:
        msg = f"the data set {name} has no split {split!r}, only {', '.join(saved)}: choose one of them."
        raise CatalogError(msg)
    return saved[split]


def _image_column(table: Any, name: str) -> str:
    import datasets

    columns = [column for column, feature in table.features.items() if isinstance(feature, datasets.Image)]
    if not columns and IMAGE_COLUMN in table.column_names:
        columns = [IMAGE_COLUMN]
    if len(columns) != 1:
        found = (
            f"it has several: {', '.join(columns)}"
            if columns
            else f"its columns are: {', '.join(table.column_names[:30])}"
        )
        msg = (
            f"the data set {name} must have one column of images ({found}). Name it {IMAGE_COLUMN!r}, or select the "
            "columns."
        )
        raise CatalogError(msg)
    return str(columns[0])


def _undecoded() -> Any:
    import datasets

    return datasets.Image(decode=False)


def _picture(stored: dict[str, Any]) -> Image.Image:
    """Return the picture, in color, that a data set holds as bytes, or as the path of a file."""
    with _file_of(stored) as file, Image.open(file) as picture:
        check_pixels(picture.height, picture.width)
        return picture.convert("RGB")


def _file_of(stored: dict[str, Any]) -> BytesIO | BufferedReader:
    content = stored["bytes"]
    return BytesIO(content) if content is not None else open_regular(stored["path"], ImageError)
