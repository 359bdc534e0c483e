"""Reading the files of a run's folder: what is absent or can't be read is left out, and the latter is said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from zoobot.errors import CatalogError, ModelFileError
from zoobot.files import is_file
from zoobot.science.predicted import Predicted, load_predicted


def read_object(folder: Path, name: str, unread: list[str]) -> dict[str, Any]:
    """Read a JSON file that holds an object; empty where it is absent."""
    path = folder / name
    try:
        if not is_file(path, CatalogError):
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        unread.append(f"{name} can't be read: {str(err).rstrip('.')}")
        return {}
    if not isinstance(content, dict):
        unread.append(f"{name} holds no object of names and values")
        return {}
    return content


def catalog_notes(about: Mapping[str, Any]) -> list[str]:
    """Return what ``about.json`` says was odd about the catalog, in sentences."""
    notes = about.get("catalog_notes")
    return list(map(str, notes)) if isinstance(notes, list) else []


def read_predicted(folder: Path, name: str, unread: list[str]) -> dict[str, Predicted]:
    """Read the arrays of predictions by the part of the split.

    There are none where they are absent, as in folders of earlier versions.
    """
    try:
        return load_predicted(folder / name)
    except ModelFileError as err:
        unread.append(str(err))
        return {}


def read_table(
    folder: Path, name: str, unread: list[str], needs: tuple[str, ...] = (), *, as_text: bool = False
) -> pd.DataFrame | None:
    """Read a csv; ids, files, true labels and sets (or all, as_text) stay text as written. None where it is absent."""
    path = folder / name
    try:
        if not is_file(path, CatalogError):
            return None
        header = list(pd.read_csv(path, nrows=0).columns)
        text = {column: str for column in header if as_text or _is_text(column, header)}
        table = pd.read_csv(path, converters=text, low_memory=False)
    except (OSError, ValueError) as err:
        unread.append(f"{name} can't be read: {str(err).rstrip('.')}")
        return None
    missing = [column for column in needs if column not in table]
    if missing:
        unread.append(f"{name} lacks the column {missing[0]}")
        return None
    return table if len(table) else None


def _is_text(column: str, header: Sequence[str]) -> bool:
    """Say whether a column holds names, which may look like numbers; labels do where their classes are predicted."""
    if column.startswith("true_"):
        return f"{column.removeprefix('true_')}_predicted" in header
    return column.startswith(("id_str", "file_loc", "given", "suggested")) or column.endswith(("_predicted", "_set"))
