"""Predictions over a catalog: what a model says of each galaxy, how good it is, and the features behind it."""

from zoobot.predictions.evaluation import Evaluation, evaluate
from zoobot.predictions.predicting import feature_array, predict, represent
from zoobot.predictions.tables import write_table

__all__ = ["Evaluation", "evaluate", "feature_array", "predict", "represent", "write_table"]
