"""Places where results would be lost, or taken for something else.

Such are parts of a run, kept features, and a catalog's images.
"""

from __future__ import annotations

import os
from pathlib import Path

from zoobot.errors import CatalogError, OutputError
from zoobot.files import home, is_folder, look
from zoobot.layout import (
    ABOUT_FILE,
    CHECKPOINTS,
    CHECKS_FOLDER,
    ENCODER_FOLDER,
    FOLDS_FOLDER,
    MODEL_FOLDER,
    PLOTS_FOLDER,
    RUN_FILE,
)

PARTS = frozenset({MODEL_FOLDER, ENCODER_FOLDER, CHECKPOINTS, PLOTS_FOLDER, FOLDS_FOLDER, CHECKS_FOLDER})
"""Folders of a run or an evaluation that are deleted when it is repeated"""
RECORDS = (RUN_FILE, ABOUT_FILE)
"""One of them lies in the folder of a run or an evaluation"""


def kept_features() -> Path:
    """Return the folder of kept features: ``$ZOOBOT_CACHE``, else ``zoobot`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ZOOBOT_CACHE") or Path(cache) / "zoobot") / "features"


def refuse_lost(out: Path) -> None:
    """Refuse a file or folder inside what another command deletes when it is repeated.

    Raises
    ------
    OutputError
        It lies in a part of a run, or among kept features.
    """
    real = Path(os.path.realpath(out))
    features = Path(os.path.realpath(kept_features()))
    if real == features or features in real.parents:
        msg = f"{out} lies among the kept features, which zoobot cache clear deletes. Give another output."
        raise OutputError(msg)
    for parent in real.parents:
        part = parent / real.relative_to(parent).parts[0]
        if part.name in PARTS and any(look(parent / name, OutputError) == "a file" for name in RECORDS):
            msg = f"{out} lies in {part}, which is deleted when the run in {parent} is repeated. Give another output."
            raise OutputError(msg)


def refuse_among_images(out: Path, catalog: object) -> None:
    """Refuse a folder of results, with pictures, that would be taken for galaxies.

    Parameters
    ----------
    out
        The folder, or a picture.
    catalog
        What the galaxies are read from; where it is a folder, all pictures in it are galaxies.

    Raises
    ------
    OutputError
        It is such a folder.
    CatalogError
        The system won't say what lies at the catalog's path.
    """
    real = Path(os.path.realpath(out))
    if isinstance(catalog, str | Path) and is_folder(home(catalog), CatalogError):
        folder = Path(os.path.realpath(home(catalog)))
        if folder == real or folder in real.parents:
            msg = (
                f"{out} lies in the catalog {catalog}, a folder of which all pictures are galaxies. Give another "
                "output."
            )
            raise OutputError(msg)
