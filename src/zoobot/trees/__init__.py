"""Galaxy Zoo decision trees: one class, and one YAML file for each published tree."""

from zoobot.trees.library import load, names
from zoobot.trees.questions import Answer, Question
from zoobot.trees.schema import Schema

__all__ = ["Answer", "Question", "Schema", "load", "names"]
