"""Plots of how good a model is, the galaxies that it is most confident of, and the page that holds them all.

Checks of a run, selections and comparisons are in `zoobot.runs`; their earlier names here still work.
"""

import importlib
from typing import Any

from zoobot.report import tasks  # noqa: F401  # so that each task has its view
from zoobot.report.explained import draw_explained
from zoobot.report.found import Checks
from zoobot.report.page import write_report
from zoobot.report.sheet import confident_sheet, draw_sheet
from zoobot.report.votes import plot_votes

__all__ = [
    "Checks",
    "confident_sheet",
    "draw_explained",
    "draw_sheet",
    "plot_votes",
    "write_report",
]

_MOVED = ("Comparison", "check_run", "compare_encoders", "compare_features", "read_audit", "select_galaxies")
"""Names of earlier versions, now of `zoobot.runs`"""


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        return getattr(importlib.import_module("zoobot.runs"), name)
    msg = f"module 'zoobot.report' has no attribute {name!r}"
    raise AttributeError(msg)
