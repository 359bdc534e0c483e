"""The two demo sets: the real ones downloaded, or simulated ones that say that they are."""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from zoobot.datasets.download import NoNetworkError
from zoobot.datasets.published import published_sets
from zoobot.datasets.store import alone_in, download_set, read_set
from zoobot.errors import CatalogError
from zoobot.layout import CATALOG_FILE
from zoobot.simulate import rings, write_set

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Simulation:
    """How a demo set is simulated.

    Attributes
    ----------
    folder : str
        Folder below the root: its name says that the galaxies are simulated.
    write : callable
        Writes galaxies into a folder, given how many and the number of the first.
    n_train, n_test : int
        How many galaxies: those numbered 1 to `n_train`, and the next `n_test`.
    """

    folder: str
    write: Callable[[Path, int, int], object]
    n_train: int
    n_test: int


SIMULATIONS = {
    "demo_rings": Simulation(
        "simulated_rings", lambda folder, n, first: rings(folder, n, first=first), n_train=250, n_test=70
    ),
    "demo_gz_candels": Simulation(
        "simulated_gz_candels",
        lambda folder, n, first: write_set(
            folder, n, survey="euclid", tree="gz_candels", seed=0, size=128, first=first
        ),
        n_train=250,
        n_test=70,
    ),
}


class SimulatedDataWarning(UserWarning):
    """Simulated galaxies were given where real ones were asked for."""


def demo_rings(
    root: str | Path, download: bool = True, train: bool = True, simulated: bool | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the catalog of the rings demo (galaxies from DECaLS, with a ring or without) and its label column.

    What was downloaded or simulated once is kept in `root`, and then needs no network.

    Parameters
    ----------
    root : str or Path
        Folder to keep the set in: ``images/`` and two catalogs, or ``simulated_rings/``. Give each data set its own.
    download : bool
        Download what is missing. With False it must be there.
    train : bool
        The galaxies to train on; with False, others to test on.
    simulated : bool, optional
        None: real galaxies, but simulated ones if the network is absent, with a `SimulatedDataWarning`. True:
        simulated ones. False: real ones or an error.

    Returns
    -------
    catalog : pandas.DataFrame
        `id_str`; `file_loc` (absolute path of a color image); `ring`, 0 or 1; `simulated`, True or False. The `id_str`
        of each simulated galaxy starts with ``sim_``, and its image lies in ``simulated_rings/``.
    label_cols : list of str
        ``["ring"]``.

    Raises
    ------
    CatalogError
        The set is not there and was not to be downloaded, can't be reached (`simulated` False), or is not what was
        published: simulated galaxies never take the place of a download with another checksum.
    OutputError
        `root` can't be written, or keeps another set.
    """
    return _load("demo_rings", root, download=download, train=train, simulated=simulated)


def demo_gz_candels(
    root: str | Path, download: bool = True, train: bool = True, simulated: bool | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the catalog of the Galaxy Zoo CANDELS demo (HST images, volunteers' votes) and its vote columns.

    Simulated ones are seen through Euclid, of the simulated surveys the one nearest to HST, at 128 pixels; their votes
    are those of simulated volunteers. They show how a tree is used, not what galaxies of the early universe look like.

    Parameters
    ----------
    root, download, train, simulated
        As for `demo_rings`; simulated galaxies lie in ``simulated_gz_candels/``.

    Returns
    -------
    catalog : pandas.DataFrame
        `id_str`; `file_loc` (absolute path of a color image); vote counts, 0 where a question was asked of nobody;
        `simulated`, True or False. The `id_str` of each simulated galaxy starts with ``sim_``.
    label_cols : list of str
        Vote columns of the tree ``gz_candels``, in its order.

    Raises
    ------
    CatalogError, OutputError
        As for `demo_rings`.
    """
    return _load("demo_gz_candels", root, download=download, train=train, simulated=simulated)


def _load(
    name: str, root: str | Path, *, download: bool, train: bool, simulated: bool | None
) -> tuple[pd.DataFrame, list[str]]:
    """Return a demo set; the caller's caller is the user, at whose line the warning points."""
    root = Path(root).expanduser().resolve()
    images = published_sets()[name]
    label_cols = list(images.label_cols)
    if simulated:
        return _simulated(name, root, label_cols, train=train), label_cols
    if download:
        try:
            download_set(images, root)
        except NoNetworkError as error:
            if simulated is False:
                msg = (
                    f"{error}. Connect to the network, give a root that holds the set {name} already, "
                    "or allow simulated galaxies (simulated=True)"
                )
                raise CatalogError(msg) from error
            msg = (
                f"SIMULATED galaxies, not real ones: {name} can't be downloaded ({error}). "
                f"The images in {root / SIMULATIONS[name].folder} come from zoobot.simulate; say so where you show "
                "them. simulated=False makes this an error"
            )
            logger.warning(msg)
            warnings.warn(msg, SimulatedDataWarning, stacklevel=3)
            return _simulated(name, root, label_cols, train=train), label_cols
    return read_set(images, root, train=train), label_cols


def _simulated(name: str, root: Path, label_cols: list[str], *, train: bool) -> pd.DataFrame:
    """Return simulated galaxies, made if they are not there.

    Galaxies to test on have other numbers than those to train on.
    """
    made = SIMULATIONS[name]
    folder = root / made.folder / ("train" if train else "test")
    if not (folder / CATALOG_FILE).is_file():
        with alone_in(root):
            if not (folder / CATALOG_FILE).is_file():
                made.write(folder, *((made.n_train, 1) if train else (made.n_test, made.n_train + 1)))
    catalog = pd.read_csv(folder / CATALOG_FILE, dtype={"id_str": str})
    catalog["file_loc"] = [str(folder / file) for file in catalog["file_loc"]]
    return catalog[["id_str", "file_loc", *label_cols, "simulated"]]
