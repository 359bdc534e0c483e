"""The published sets as functions, one a name, all made alike from the table of published sets."""

from pathlib import Path
from typing import Protocol

import pandas as pd

from zoobot.datasets.download import NoNetworkError
from zoobot.datasets.published import ImageSet, published_sets
from zoobot.datasets.store import download_set, read_set
from zoobot.errors import CatalogError


class Loader(Protocol):
    """A function that gives the catalog of a data set and its label columns."""

    def __call__(self, root: str | Path, download: bool = True, train: bool = True) -> tuple[pd.DataFrame, list[str]]:
        """Return the catalog and the label columns."""
        ...


def load_set(name: str, root: str | Path, *, download: bool, train: bool) -> tuple[pd.DataFrame, list[str]]:
    """Return the catalog of a published set and its label columns.

    See `gz2` for the parameters, the result and the errors.
    """
    images = published_sets()[name]
    root = Path(root).expanduser().resolve()
    if download:
        try:
            download_set(images, root)
        except NoNetworkError as error:
            msg = f"{error}. Connect to the network, or give a root that holds the set {name} already"
            raise CatalogError(msg) from error
    return read_set(images, root, train=train), list(images.label_cols)


def _loader(name: str) -> Loader:
    def load(root: str | Path, download: bool = True, train: bool = True) -> tuple[pd.DataFrame, list[str]]:
        return load_set(name, root, download=download, train=train)

    load.__name__ = load.__qualname__ = name
    load.__doc__ = _docstring(published_sets()[name])
    return load


def _docstring(images: ImageSet) -> str:
    labels = f"vote counts on the tree ``{images.tree}``" if images.tree else ", ".join(images.label_cols)
    return f"""{images.title}: give the catalog of these galaxies and its label columns ({images.paper}).

    What was downloaded once is kept in `root`, and then needs no network. An interrupted download goes on at the next
    call.

    Parameters
    ----------
    root : str or Path
        Folder to keep the set in: two catalogs as published, and ``images/``. Give each set its own.
    download : bool
        Download what is missing. With False it must be there.
    train : bool
        The galaxies to train on; with False, others to test on.

    Returns
    -------
    catalog : pandas.DataFrame
        `id_str`; `file_loc` (absolute path of the image); the labels ({labels}); `simulated`, always False. Votes are 0
        where a question was asked of nobody.
    label_cols : list of str
        Columns of the labels, in order.

    Raises
    ------
    CatalogError
        The set is not there and was not to be downloaded, can't be reached, or is not what was published.
    OutputError
        `root` can't be written, or keeps another set.
    """


galaxy_mnist = _loader("galaxy_mnist")
gz2 = _loader("gz2")
gz_candels = _loader("gz_candels")
gz_decals_5 = _loader("gz_decals_5")
gz_hubble = _loader("gz_hubble")
tidal = _loader("tidal")
