"""Real galaxies to pretrain on: catalogs and unlabelled cutouts, decoded once and kept, and several of them as one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from zoobot.data.catalog import check_columns, read_catalog
from zoobot.data.fills import FillCount
from zoobot.data.images import check_first_images
from zoobot.data.pixels import Preprocessing, keep_pixels
from zoobot.data.rows import Galaxies
from zoobot.data.splits import group_codes, split_rows
from zoobot.data.votes import tree_votes, vote_notes
from zoobot.errors import CatalogError
from zoobot.origins import short_digest
from zoobot.pretrain.origin import digest_of_files

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from zoobot.pretrain.plan import Numbers
    from zoobot.pretrain.votes import MergedTrees
    from zoobot.trees import Schema


logger = logging.getLogger(__name__)


class RealGalaxies(Protocol):
    """Galaxies that have images, and votes on one tree (or no votes), split into a training and a validation part."""

    rows: dict[str, Numbers]
    """The rows of the parts ``train`` and ``val``"""
    name: str
    """Where they come from"""
    is_kept: bool
    """Whether all pixels are in memory, so that worker processes would gain nothing"""

    @property
    def tree(self) -> Schema | None:
        """Whose answers are voted on; None without labels."""

    def digests(self) -> dict[str, str]:
        """Return digests of the ids, the votes (where there are any) and the images."""

    def decode(self, workers: int) -> None:
        """Read the images, where they are to be kept."""

    def fetch(self, rows: Numbers) -> dict[str, Any]:
        """Return ``pixels``, ``key`` and ``label`` of some rows.

        Shapes are (galaxy, channel, kept size, kept size), (galaxy,), and (galaxy, answer).
        """


class CatalogGalaxies:
    """The galaxies of a catalog with vote columns, or without labels.

    Parameters
    ----------
    source
        Anything `read_catalog` takes.
    tree
        Whose answers are its vote columns; None for no labels.
    preprocessing
        How files become images.
    val_fraction
        The share to hold out; 0 for none.
    seed
        Decides which are held out.
    group_col
        Galaxies with the same value in this column are held out together.

    Raises
    ------
    CatalogError, LabelError
        No catalog, missing vote columns, negative votes, or not a vote at all.
    """

    def __init__(
        self,
        source: str,
        tree: Schema | None,
        preprocessing: Preprocessing,
        *,
        val_fraction: float,
        seed: int,
        group_col: str | None = None,
    ) -> None:
        self.frame = read_catalog(source)
        self.tree = tree
        self.preprocessing = preprocessing
        self.labels = None if tree is None else vote_counts(self.frame, tree, source)
        check_first_images(self.frame["file_loc"].tolist(), preprocessing.images)
        self.rows = held_out(self.frame, val_fraction, seed, group_col)
        self.galaxies = Galaxies(self.frame, self.labels, None, preprocessing)
        self.name = source
        self.is_kept = False

    def digests(self) -> dict[str, str]:
        """See `RealGalaxies`."""
        labels = {} if self.labels is None else {"votes": short_digest(self.labels.tobytes())}
        ids = short_digest("\n".join(self.frame["id_str"]).encode())
        return {"ids": ids, **labels, "images": digest_of_files(self.frame["file_loc"].tolist())}

    def decode(self, workers: int) -> None:
        """Read every image once and keep the pixels, where there is room.

        Raises
        ------
        ImageError
            Images that can't be read.
        """
        files = self.frame["file_loc"].tolist()
        fills = FillCount()
        kept = keep_pixels(
            files, self.preprocessing, num_workers=workers, description=f"Reading {self.name}", fills=fills
        )
        for note in fills.sentences():
            logger.warning("%s: %s", self.name, note)
        self.galaxies = Galaxies(self.frame, self.labels, kept, self.preprocessing)
        self.is_kept = kept is not None

    def fetch(self, rows: Numbers) -> dict[str, Any]:
        """See `RealGalaxies`."""
        batch = self.galaxies.__getitems__([(int(row), 0) for row in rows])
        return {"pixels": batch["pixels"], "key": batch["key"], "label": batch.get("label")}


class MixedGalaxies:
    """Several sets of real galaxies as one, with the votes of each in its own columns."""

    def __init__(self, sets: Sequence[RealGalaxies], trees: MergedTrees | None, part: str) -> None:
        self.sets = [one for one in sets if len(one.rows[part])]
        self.trees = trees
        self.part = part
        self.first = np.cumsum([0, *(len(one.rows[part]) for one in self.sets)])

    def __len__(self) -> int:
        return int(self.first[-1])

    def fetch(self, rows: Numbers, views: Numbers) -> dict[str, Any]:
        """Return a batch: ``pixels``, ``key``, ``view`` and ``votes``, in the order of the sets."""
        owner = np.searchsorted(self.first, rows, side="right") - 1
        pixels, keys, order, votes = [], [], [], []
        for place in np.unique(owner):
            one = self.sets[place]
            mine = np.flatnonzero(owner == place)
            batch = one.fetch(one.rows[self.part][rows[mine] - self.first[place]])
            pixels.append(batch["pixels"])
            keys.append(batch["key"])
            order.append(views[mine])
            if self.trees is not None and one.tree is not None:
                votes.append(self.trees.spread(batch["label"], one.tree))
        return {
            "pixels": _together(pixels),
            "key": np.concatenate(keys),
            "view": np.concatenate(order),
            "votes": torch.cat(votes) if votes else None,
        }


def vote_counts(frame: pd.DataFrame, tree: Schema, name: str) -> npt.NDArray[np.float32]:
    """Return the votes float32 (galaxy, answer), however the table writes them: see `tree_votes`.

    Raises
    ------
    CatalogError
        Vote columns are missing, or nobody has voted at all.
    LabelError
        A vote count that is negative or infinite.
    """
    for note in vote_notes(frame, tree):
        logger.warning("%s: %s", name, note)
    votes = tree_votes(frame, tree)[tree.label_cols].to_numpy(np.float32)
    if not votes.any():
        msg = (
            f"none of the {len(frame)} galaxies of {name} has a vote on the tree {tree.name!r}: give the tree of its "
            "own campaign."
        )
        raise CatalogError(msg)
    return votes


def held_out(frame: pd.DataFrame, val_fraction: float, seed: int, group_col: str | None = None) -> dict[str, Numbers]:
    """Return the rows of the parts ``train`` and ``val``; galaxies with the same value of a column are in one part."""
    if val_fraction == 0:
        return {"train": np.arange(len(frame)), "val": np.arange(0)}
    check_columns(frame, [] if group_col is None else [group_col], "of groups")
    groups = None if group_col is None else group_codes(frame[group_col])
    train, val = split_rows(len(frame), (1 - val_fraction, val_fraction), groups=groups, seed=seed)
    return {"train": train, "val": val}


def _together(pixels: Sequence[Tensor]) -> Tensor:
    """Return pixels of several sets as one tensor: uint8, or float32 in [0, 1] where one is."""
    if len({one.dtype for one in pixels}) > 1:
        pixels = [one.float() / 255 if one.dtype == torch.uint8 else one for one in pixels]
    return torch.cat(list(pixels))
