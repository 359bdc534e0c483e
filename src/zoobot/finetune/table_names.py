"""Names of the columns of a model's tables, which must not be mistaken for one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from zoobot.errors import LabelError

OWN = ("id_str", "file_loc", "part", "galaxy_group", "error", "fold", "probability")
"""Columns that tables of results have beside labels and predictions"""


def refuse_own(names: Sequence[str], what: str) -> None:
    """Refuse columns of a catalog that are named as tables of results name their own.

    Raises
    ------
    LabelError
        Naming the first such column; ``what`` is what it would be.
    """
    taken = [name for name in names if name in OWN]
    if taken:
        msg = f"the {what} {taken[0]!r} has a name that tables of results use themselves. Rename it in the catalog."
        raise LabelError(msg)


def refuse_twice(columns: Sequence[str]) -> None:
    """Refuse a table with two columns of one name.

    Parameters
    ----------
    columns
        Names of its columns.

    Raises
    ------
    LabelError
        Naming the first such column.
    """
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        msg = (
            f"a table of predictions would have two columns called {twice[0]!r}: one is made of another label or "
            "class. Rename the label, or the class, that gives it its name."
        )
        raise LabelError(msg)
