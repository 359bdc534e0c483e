"""Plots of how good a model is, the galaxies that it is sure of, and the page that holds them all."""

from zoobot.report.checks import check_run
from zoobot.report.compare import Comparison, compare_encoders, compare_features
from zoobot.report.explained import draw_explained
from zoobot.report.found import Checks
from zoobot.report.page import write_report
from zoobot.report.selecting import read_audit, select_galaxies
from zoobot.report.sheet import confident_sheet, draw_sheet
from zoobot.report.votes import plot_votes

__all__ = [
    "Checks",
    "Comparison",
    "check_run",
    "compare_encoders",
    "compare_features",
    "confident_sheet",
    "draw_explained",
    "draw_sheet",
    "plot_votes",
    "read_audit",
    "select_galaxies",
    "write_report",
]
