"""Plots of how good a model is."""

from zoobot.report.votes import plot_votes

__all__ = ["plot_votes"]
