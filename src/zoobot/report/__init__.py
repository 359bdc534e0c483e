"""Plots of how good a model is, and of the galaxies that it is sure of."""

from zoobot.report.sheet import confident_sheet
from zoobot.report.votes import plot_votes

__all__ = ["confident_sheet", "plot_votes"]
