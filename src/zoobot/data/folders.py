"""Folders of images as catalogs: what is listed, what is left out, and the class that a subfolder stands for."""

from __future__ import annotations

import logging
import os
from collections import Counter
from pathlib import Path

import pandas as pd

from zoobot.data.images import IMAGE_SUFFIXES, is_image_name
from zoobot.errors import CatalogError

logger = logging.getLogger(__name__)

JUNK = frozenset(
    {
        "__macosx",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "$recycle.bin",
        "#recycle",
        "@recycle",
        "#snapshot",
        "@eadir",
    }
    | {"@tmp", "lost+found", "system volume information", "__pycache__"}
)
"""Folders and files that systems leave behind, beside those whose name starts with a dot"""

SHOWN = 5
"""How many names a message lists"""


def read_folder(folder: Path) -> pd.DataFrame:
    """Return the images of a folder and its subfolders as a table of ``file_loc``, sorted by path.

    Where images lie directly in subfolders, the subfolder's name becomes their ``label``; others have none. Hidden
    files and folders (``.ipynb_checkpoints``, ``._x.png``) and what archives leave behind (``__MACOSX``, ``Thumbs.db``)
    are skipped. Linked folders are followed, each folder once. Files that are no images, and links that lead nowhere or
    to a folder that is listed already, are counted, and their number is logged.

    Raises
    ------
    CatalogError
        No images, or some whose path has a ``;``, which sets the files of one galaxy apart.
    """
    images, others, idle_links = _list(folder)
    if idle_links:
        logger.warning(
            "%d links of %s lead nowhere, or to a folder that is listed already, and are left out: %s.",
            len(idle_links), folder, _shown(idle_links),
        )  # fmt: skip
    split = [image for image in images if ";" in str(image)]
    if split:
        msg = (
            f"{len(split)} of {len(images)} images of {folder} have a ; in their path, which sets the files of one "
            f"galaxy apart: {_shown(split)}. Rename them."
        )
        raise CatalogError(msg)
    if others:
        kinds = Counter(path.suffix.lower() or path.name for path in others)
        shown = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(SHOWN))
        more = ", ..." if len(kinds) > SHOWN else ""
        logger.warning(
            "%d files of %s are no images that can be read, and are left out: %s%s.", len(others), folder, shown, more
        )
    if not images:
        msg = (
            f"the folder {folder} holds no images. Expected files ending in {', '.join(IMAGE_SUFFIXES)}, or one "
            "subfolder a class."
        )
        raise CatalogError(msg)
    frame = pd.DataFrame({"file_loc": pd.Series([str(image) for image in images], dtype=object)})
    labelled = [len(image.parts) == 2 for image in images]
    if any(labelled):
        frame["label"] = pd.Series(
            [image.parts[0] if own else None for image, own in zip(images, labelled, strict=True)], dtype=object
        )
        strays = [image for image, own in zip(images, labelled, strict=True) if not own]
        if strays:
            logger.warning(
                "%d of %d images of %s lie directly in no class folder, and have no label: %s.",
                len(strays), len(images), folder, _shown(strays),
            )  # fmt: skip
    return frame


def _shown(paths: list[Path]) -> str:
    return ", ".join(map(str, paths[:SHOWN])) + (", ..." if len(paths) > SHOWN else "")


def _list(folder: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """Return the images, the other files, and the links that lead to neither, below a folder.

    They are relative paths, sorted.
    """
    images: list[Path] = []
    others: list[Path] = []
    idle_links: list[Path] = []
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        links: list[Path] = []
        for start in waiting:
            status = os.stat(start)  # noqa: PTH116  # Path is slow
            if (status.st_dev, status.st_ino) in seen:
                idle_links.append(start.relative_to(folder))
            else:
                links += _walk(folder, start, seen, images, others, idle_links)
        waiting = sorted(links)  # after all folders that are really there, so that a link never takes the place of one
    return sorted(images), sorted(others), sorted(idle_links)


def _walk(
    folder: Path,
    start: Path,
    seen: set[tuple[int, int]],
    images: list[Path],
    others: list[Path],
    idle_links: list[Path],
) -> list[Path]:
    """Add the files at and below ``start``, and return the linked folders there."""
    links = []
    for here, subfolders, files in os.walk(start, onerror=_say_unread):
        status = os.stat(here)  # noqa: PTH116  # Path is slow
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        place = Path(here)
        kept = [name for name in subfolders if not _is_junk(name)]
        links += [place / name for name in kept if (place / name).is_symlink()]
        subfolders[:] = [name for name in kept if not (place / name).is_symlink()]
        for name in files:
            path = place / name
            if _is_junk(name):
                continue
            if os.path.isfile(path):  # noqa: PTH113 (which says no where it may not look)
                (images if is_image_name(name) else others).append(path.relative_to(folder))
            elif path.is_symlink():
                idle_links.append(path.relative_to(folder))
    return links


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in JUNK


def _say_unread(error: OSError) -> None:
    logger.warning("the folder %s can't be read, and is left out: %s.", error.filename, error.strerror)
