"""The figures of a part: each score with its interval and its test.

They are from ``metrics.json``, or of older runs from the predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoobot.science.figure import Figure
from zoobot.science.figures import figures_from_dict

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents
    from zoobot.science.figures import Figures


def figures_of(contents: RunContents, part: str) -> Figures:
    """Return the figures of a part by the names of its scores, as `zoobot.science.figures` has them.

    They are empty where there are none. Those of classes are under ``classes``, by the names that a reader sees; those
    of labels and targets under ``labels`` and ``targets``.
    """
    return contents.view.figures(_saved(contents.scores(part).get("figures")), contents, part)


def _saved(content: Any) -> Figures:
    """Return the figures that ``metrics.json`` holds; empty where it holds none, or another version's."""
    if not isinstance(content, dict):
        return {}
    try:
        return figures_from_dict(content)
    except (TypeError, KeyError, ValueError):
        return {}


def figure(figures: Figures, *path: str) -> Figure | None:
    """Return the figure at a path of names, None where there is none."""
    found: Any = figures
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, Figure) else None
