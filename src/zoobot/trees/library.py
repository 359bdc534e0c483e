"""The trees that come with the package, and the one function that turns a name, a file or a dict into a tree."""

import difflib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from zoobot.errors import TreeError
from zoobot.files import home, look, open_regular
from zoobot.trees.merging import merge
from zoobot.trees.reading import MOST_BYTES, parse
from zoobot.trees.schema import Schema

TreeSource = str | Path | Mapping[str, Any] | Schema
"""What a tree can be given as"""


def names() -> list[str]:
    """Names of the packaged Galaxy Zoo trees, sorted; each can be given to :func:`load`."""
    entries = resources.files("zoobot.trees").iterdir()
    return sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml"))


def load(tree: "TreeSource | Sequence[TreeSource]") -> Schema:
    """Decision tree from the name of a packaged one, a YAML (or JSON) file, a dict, or a tree, which is given back.

    Several of these are merged into one tree (see :func:`merge`).

    A file, like a dict, holds what :meth:`Schema.from_dict` takes. In a file every answer is read as text, so that
    ``[yes, no]`` and ``[1, 2]`` need no quotes.

    Parameters
    ----------
    tree : str, Path, Mapping or Schema, or sequence of these
        Packaged names come before files: a folder called ``gz2`` does not hide the tree.

    Raises
    ------
    TreeError
        Unknown name, missing or unreadable file, or a content that is not a tree (see :class:`Schema`).
    """
    if isinstance(tree, Schema):
        return tree
    if isinstance(tree, Mapping):
        return Schema.from_dict(tree)
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return load(tree[0]) if len(tree) == 1 else merge([load(one) for one in tree])
    packaged = names()
    if tree in packaged:
        source = resources.files("zoobot.trees").joinpath(f"{tree}.yaml")
        return _read(source.read_text(encoding="utf-8"), str(tree), str(tree))
    path = home(tree)
    if not str(tree) or look(path, TreeError) is None:
        close = difflib.get_close_matches(str(tree), packaged, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        msg = f"No tree and no file called {str(tree)!r}.{hint} Packaged trees: {', '.join(packaged)}."
        raise TreeError(msg)
    try:
        with open_regular(path, TreeError) as file:
            text = file.read(MOST_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, TreeError):
            raise
        msg = f"Tree file {path} can't be read ({error}): a YAML or JSON text file was expected."
        raise TreeError(msg) from error
    return _read(text, str(path), path.stem)


def _read(text: str, source: str, default_name: str) -> Schema:
    """Tree of the text of a YAML file; `source` says in errors where the text is from."""
    return Schema.from_dict({"name": default_name, **parse(text, source)})
