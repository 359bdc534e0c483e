"""Galaxy Zoo decision trees.

There is one class, one YAML file for each published tree, and what a model believes of their votes.
"""

from zoobot.trees.library import load, names
from zoobot.trees.merging import merge
from zoobot.trees.posterior import VotePosterior
from zoobot.trees.questions import Answer, Question
from zoobot.trees.schema import Schema

__all__ = ["Answer", "Question", "Schema", "VotePosterior", "load", "merge", "names"]
