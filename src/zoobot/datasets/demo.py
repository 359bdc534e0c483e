"""The demo set of ringed and ringless galaxies: the real one downloaded, or a simulated one that says that it is."""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from zoobot.datasets.download import NoNetworkError, RemoteFile, fetch, unpack_images
from zoobot.errors import CatalogError, OutputError
from zoobot.simulate import rings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageSet:
    """A published set of labelled images: two catalogs and an archive.

    Attributes
    ----------
    train_catalog, test_catalog : RemoteFile
        Parquet, one row a galaxy.
    images : RemoteFile
        A tar.gz archive.
    path_columns : tuple of str
        Catalog columns that make an image's path below ``images/``.
    """

    train_catalog: RemoteFile
    test_catalog: RemoteFile
    images: RemoteFile
    path_columns: tuple[str, ...]


DEMO_RINGS = ImageSet(
    train_catalog=RemoteFile(
        "https://dl.dropboxusercontent.com/s/4cfb9xbnlkvbkv1/demo_rings_train_catalog.parquet",
        "4cf7e3eaab46032c374d89c349295aa2",
    ),
    test_catalog=RemoteFile(
        "https://dl.dropboxusercontent.com/s/xghqujm41ujjlko/demo_rings_test_catalog.parquet",
        "7b28fc521836e76f794db50c3df4a2e1",
    ),
    images=RemoteFile(
        "https://dl.dropboxusercontent.com/s/80s5j6dygtw0gu6/demo_rings_images.tar.gz",
        "5b3c6c62618bbd3165988c60e36b8365",
    ),
    path_columns=("subfolder", "filename"),
)
LABEL = "ring"
N_SIMULATED_TRAIN, N_SIMULATED_TEST = 250, 70


class SimulatedDataWarning(UserWarning):
    """Simulated galaxies were given where real ones were asked for."""


def demo_rings(
    root: str | Path, download: bool = True, train: bool = True, simulated: bool | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Give the catalog of the rings demo (galaxies from DECaLS, with a ring or without) and its label column.

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
        `id_str`; `file_loc` (absolute path of a color JPEG); `ring`, 0 or 1; `simulated`, True or False. The `id_str`
        of each simulated galaxy starts with ``sim_rings_``.
    label_cols : list of str
        ``["ring"]``.

    Raises
    ------
    CatalogError
        The set is not there and was not to be downloaded, can't be reached (`simulated` False), or is not what was
        published: a file with another checksum is never replaced by simulated galaxies.
    OutputError
        `root` can't be written.
    """
    root = Path(root).expanduser().resolve()
    if simulated:
        return _simulated_rings(root, train=train), [LABEL]
    if not download:
        return _kept_rings(root, train=train), [LABEL]
    try:
        _download_rings(root)
    except NoNetworkError as error:
        if simulated is False:
            msg = (
                f"{error}. Connect to the network, give a root that holds the set already, "
                "or allow simulated galaxies (simulated=True)"
            )
            raise CatalogError(msg) from error
        msg = (
            f"SIMULATED galaxies, not real ones: the rings demo can't be downloaded ({error}). "
            f"The images in {_simulated_folder(root)} come from zoobot.simulate; say so where you show them. "
            "simulated=False makes this an error"
        )
        logger.warning(msg)
        warnings.warn(msg, SimulatedDataWarning, stacklevel=2)
        return _simulated_rings(root, train=train), [LABEL]
    return _kept_rings(root, train=train), [LABEL]


def _simulated_folder(root: Path) -> Path:
    return root / "simulated_rings"


def _simulated_rings(root: Path, *, train: bool) -> pd.DataFrame:
    """Give simulated galaxies numbered 1 to 250 (train) or from 251 on (test), made if they are not there."""
    folder = _simulated_folder(root) / ("train" if train else "test")
    if (folder / "catalog.csv").is_file():
        kept = pd.read_csv(folder / "catalog.csv", dtype={"id_str": str})
        catalog = kept.assign(file_loc=[str(folder / file) for file in kept["file_loc"]])
    elif train:
        catalog = rings(folder, N_SIMULATED_TRAIN)
    else:
        catalog = rings(folder, N_SIMULATED_TEST, first=N_SIMULATED_TRAIN + 1)
    return catalog[["id_str", "file_loc", LABEL, "simulated"]]


def _catalog_path(root: Path, *, train: bool) -> Path:
    return root / f"demo_rings_{'train' if train else 'test'}_catalog.parquet"


def _download_rings(root: Path) -> None:
    """Bring `root` to hold both catalogs and every image of theirs."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        fetch(DEMO_RINGS.train_catalog, _catalog_path(root, train=True))
        fetch(DEMO_RINGS.test_catalog, _catalog_path(root, train=False))
        if any(_missing(_read_catalog(root, train=train)) for train in (True, False)):
            archive = root / "demo_rings_images.tar.gz"
            fetch(DEMO_RINGS.images, archive)
            unpack_images(archive, root / "images")
            archive.unlink()
    except OSError as error:
        msg = f"can't keep the rings demo in {root} ({error}): give a root that you may write to"
        raise OutputError(msg) from error


def _kept_rings(root: Path, *, train: bool) -> pd.DataFrame:
    """Give the real set as it is in `root`, or an error that says what is missing there."""
    path = _catalog_path(root, train=train)
    if not path.is_file():
        msg = f"the rings demo is not in {root}: no {path.name}. Give its folder, or download=True, or simulated=True"
        raise CatalogError(msg)
    catalog = _read_catalog(root, train=train)
    missing = _missing(catalog)
    if missing:
        msg = (
            f"{len(missing)} of {len(catalog)} images of the rings demo are not there, the first at {missing[0]}. "
            "Give the folder that has them, or a new root with download=True, or simulated=True"
        )
        raise CatalogError(msg)
    return catalog


def _missing(catalog: pd.DataFrame) -> list[str]:
    return [file for file in catalog["file_loc"] if not Path(file).is_file()]


def _read_catalog(root: Path, *, train: bool) -> pd.DataFrame:
    """Give a published catalog in our own form."""
    path = _catalog_path(root, train=train)
    try:
        published = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        msg = f"{path} can't be read as a parquet table ({error}). Delete it, and download it again"
        raise CatalogError(msg) from error
    lacking = [column for column in (*DEMO_RINGS.path_columns, LABEL) if column not in published]
    if lacking:
        columns = ", ".join(map(str, published.columns))
        msg = f"{path} has no column {', '.join(lacking)}; it has {columns}. Delete it, and download it again"
        raise CatalogError(msg)
    parts = [published[column].astype(str) for column in DEMO_RINGS.path_columns]
    images = [Path(root, "images", *names) for names in zip(*parts, strict=True)]
    ids = published["id_str"].astype(str) if "id_str" in published else [image.stem for image in images]
    return pd.DataFrame(
        {
            "id_str": list(ids),
            "file_loc": [str(image) for image in images],
            LABEL: published[LABEL].astype(int).to_numpy(),
            "simulated": False,
        }
    )
