"""A published set in a folder of its own: downloading what is missing there, and reading it as a catalog."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from zoobot.datasets.archive import unpack_images
from zoobot.datasets.download import fetch, is_kept
from zoobot.datasets.published import ImageSet, published_sets
from zoobot.errors import CatalogError, OutputError, ZoobotError

logger = logging.getLogger(__name__)

LOCK = ".zoobot.lock"


def download_set(images: ImageSet, root: Path) -> None:
    """Bring `root` to hold both catalogs of a set and every image of theirs; what is there is left as it is.

    Of several processes that call this at once, one downloads and the others wait for it.

    Raises
    ------
    NoNetworkError
        The server can't be reached.
    CatalogError
        What came is not what was published, or the server refused. See `fetch` and `unpack_images`.
    OutputError
        `root` can't be written, or keeps another set, whose images would mix with these.
    """
    if _is_whole(images, root):
        return
    with alone_in(root):
        _refuse_other_sets(images, root)
        _download(images, root)


def read_set(images: ImageSet, root: Path, *, train: bool) -> pd.DataFrame:
    """Return the catalog of a set as it is in `root`.

    Its columns are `id_str`, `file_loc` (absolute), the labels, and `simulated`, which is False. Whole numbers that
    label a class are integers. Vote counts are 0 where a question was asked of nobody.

    Raises
    ------
    CatalogError
        The catalog or some of its images are not there, or it has another form than published.
    """
    catalog = _read_catalog(images, root, train=train)
    missing = _missing(catalog)
    if missing:
        msg = (
            f"{len(missing)} of {len(catalog)} images of {images.name} are not there, the first at {missing[0]}. "
            "Give the folder that has them, or download=True"
        )
        raise CatalogError(msg)
    return catalog


@contextmanager
def alone_in(root: Path) -> Iterator[None]:
    """Make a folder, and keep other processes that enter the same one waiting; OutputError if it can't be written."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.info("another process is filling %s: waiting for it", root)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        if isinstance(error, ZoobotError):
            raise
        msg = f"can't keep a data set in {root} ({error}): give a root that you may write to, with room"
        raise OutputError(msg) from error


def _catalog_path(images: ImageSet, root: Path, *, train: bool) -> Path:
    return root / (images.train_catalog if train else images.test_catalog).name


def _is_whole(images: ImageSet, root: Path) -> bool:
    """Tell whether both catalogs are there with their published checksums, and all images of theirs."""
    catalogs = (images.train_catalog, images.test_catalog)
    if not all(is_kept(file, root / file.name) for file in catalogs):
        return False
    return not any(_missing(_read_catalog(images, root, train=train)) for train in (True, False))


def _refuse_other_sets(images: ImageSet, root: Path) -> None:
    """Raise OutputError where another set lies: galaxies of the same file names would take each other's images."""
    for other in published_sets().values():
        if other.name != images.name and _catalog_path(other, root, train=True).exists():
            msg = (
                f"{root} keeps the set {other.name}: give {images.name} a folder of its own, such as "
                f"{root / images.name}"
            )
            raise OutputError(msg)


def _download(images: ImageSet, root: Path) -> None:
    for file in (images.train_catalog, images.test_catalog):
        fetch(file, root / file.name)
    if _is_whole(images, root):
        return
    archive = root / images.images.name
    fetch(images.images, archive)
    try:
        unpack_images(archive, root / "images")
    except CatalogError:
        archive.unlink()
        raise
    archive.unlink()


def _missing(catalog: pd.DataFrame) -> list[str]:
    return [file for file in catalog["file_loc"] if not os.path.isfile(file)]  # noqa: PTH113 (for 100,000s of files)


def _read_catalog(images: ImageSet, root: Path, *, train: bool) -> pd.DataFrame:
    """Return a published catalog in our own form."""
    path = _catalog_path(images, root, train=train)
    if not path.is_file():
        msg = f"the set {images.name} is not in {root}: no {path.name}. Give its folder, or download=True"
        raise CatalogError(msg)
    try:
        published = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        msg = f"{path} can't be read as a parquet table ({error}). Delete it, and download it again"
        raise CatalogError(msg) from error
    lacking = [column for column in (*images.path_columns, *images.label_cols) if column not in published]
    if lacking:
        columns = ", ".join(map(str, published.columns))
        msg = f"{path} has no column {', '.join(lacking)}; it has {columns}. Delete it, and download it again"
        raise CatalogError(msg)
    parts = [published[column].astype(str).tolist() for column in images.path_columns]
    folder = str(root / "images")
    files = ["/".join((folder, *names)) for names in zip(*parts, strict=True)]
    ids = published["id_str"].astype(str).tolist() if "id_str" in published else [Path(file).stem for file in files]
    labels = {column: _labels(published[column], votes=images.tree is not None) for column in images.label_cols}
    galaxies = {"id_str": ids, "file_loc": files}
    return pd.DataFrame(galaxies | labels | {"simulated": False})


def _labels(published: "pd.Series[Any]", *, votes: bool) -> "pd.Series[Any]":
    """Return votes with 0 where nobody was asked, and classes that are numbers as integers.

    Names of classes stay as they are.
    """
    column = published.reset_index(drop=True)
    if votes:
        return column.fillna(0)
    if pd.api.types.is_numeric_dtype(column) and not column.isna().any():
        return column.astype(int)
    return column
