"""The sets of labelled galaxy images that are published: where each of them is, and what its labels are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Self

import yaml

from zoobot.datasets.download import RemoteFile
from zoobot.trees import load

FILES = ("train_catalog", "test_catalog", "images")


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """A published set of labelled images: two catalogs and an archive.

    Attributes
    ----------
    name, title, paper : str
        The set's name in Python, what it is, and the paper that describes the labels.
    label_cols : tuple of str
        Columns of the labels; for votes, those of the tree, in its order.
    path_columns : tuple of str
        Catalog columns that make an image's path below ``images/``.
    train_catalog, test_catalog : RemoteFile
        Parquet, one row per galaxy.
    images : RemoteFile
        A tar archive.
    tree : str, optional
        Name in `zoobot.trees` of the tree that volunteers voted on; None where the labels are classes.
    """

    name: str
    title: str
    paper: str
    label_cols: tuple[str, ...]
    path_columns: tuple[str, ...]
    train_catalog: RemoteFile
    test_catalog: RemoteFile
    images: RemoteFile
    tree: str | None = None

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Self:
        """Return the set of one entry of ``published.yaml``."""
        columns = load(entry["tree"]).label_cols if "tree" in entry else entry["label_cols"]
        changed = {"label_cols": tuple(columns), "path_columns": tuple(entry["path_columns"])}
        return cls(**{**entry, **changed, **{name: RemoteFile(**entry[name]) for name in FILES}})


@cache
def published_sets() -> dict[str, ImageSet]:
    """Return the published sets by name."""
    table = files("zoobot.datasets").joinpath("published.yaml").read_text(encoding="utf-8")
    return {entry["name"]: ImageSet.from_dict(entry) for entry in yaml.safe_load(table)}
