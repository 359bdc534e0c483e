"""Heads: what turns an encoder's features into a task's outputs."""

from typing import get_args

from torch import nn

from zoobot.ranges import check_choice, check_ranges
from zoobot.settings import HeadKind

HIDDEN = 256
"""Width of the hidden layer of an 'mlp' head."""


def make_head(kind: HeadKind, num_features: int, num_outputs: int, dropout_prob: float) -> nn.Sequential:
    """Return a head from (batch, feature) to (batch, output).

    Parameters
    ----------
    kind
        'linear': dropout and one linear layer. 'mlp': a hidden layer of 256 GELU units before it, with dropout as well.
    num_features, num_outputs
        Width of what comes in and what goes out.
    dropout_prob
        The probability that a feature is left out of a training step, at least 0 and below 1.

    Raises
    ------
    OptionError
        An unknown kind, or a probability out of range.
    """
    check_ranges(dropout_prob=dropout_prob)
    check_choice("head", kind, get_args(HeadKind))
    if kind == "linear":
        return nn.Sequential(nn.Dropout(dropout_prob), nn.Linear(num_features, num_outputs))
    hidden = (nn.Linear(num_features, HIDDEN), nn.GELU(), nn.Dropout(dropout_prob))
    return nn.Sequential(nn.Dropout(dropout_prob), *hidden, nn.Linear(HIDDEN, num_outputs))
