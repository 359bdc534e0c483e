"""Post-hoc calibration of predicted votes: one scale and one offset a question on the logarithm of the concentrations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.trees.mixtures import dirichlet_multinomial_logpmf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from zoobot.trees import Schema

    Values = NDArray[np.float64]

FOLDS = 5
FEWEST = 20
"""Fewer galaxies asked than this say too little of a question to correct it"""

BOUNDS = ((0.05, 4.0), (-4.0, 4.0))
"""Of scale and offset"""


@dataclass(frozen=True)
class VoteCalibration:
    r"""Concentrations :math:`a` of question :math:`q` become :math:`\exp(s_q \ln a + o_q)`; the identity where nothing was gained.

    Attributes
    ----------
    scale, offset : tuple of float
        One a question of the tree; 1 and 0 leave it as it is.
    gain : tuple of float
        By how much it lowered the loss (nats a galaxy) on validation galaxies that it was not fitted to; 0 where it was left off.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    gain: tuple[float, ...]

    @property
    def changes(self) -> bool:
        """Whether any question is changed."""
        return any(value != 1 for value in self.scale) or any(value != 0 for value in self.offset)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return {"kind": "votes", "scale": list(self.scale), "offset": list(self.offset), "gain": list(self.gain)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> VoteCalibration:
        """Take back what `to_dict` gave."""
        return cls(*(tuple(float(value) for value in content[name]) for name in ("scale", "offset", "gain")))


def fit_vote_calibration(
    concentrations: ArrayLike, votes: ArrayLike, tree: Schema, *, seed: int = 0
) -> VoteCalibration:
    """Fit a scale and an offset a question by likelihood, kept only where cross-validation shows that they lower the loss.

    Each question is fitted on four fifths of the galaxies asked and tried on the others, five times. Where the mean loss of the
    galaxies tried falls by more than its standard error, it is fitted on all; else, and where fewer than 20 galaxies were asked, the
    question stays as it is.

    Parameters
    ----------
    concentrations, votes : array_like of shape (galaxy, answer)
        What was predicted for validation galaxies, and their vote counts.
    tree : Schema
        The questions.
    seed : int
        Shuffles the galaxies among the folds.
    """
    a, x = np.asarray(concentrations, dtype=np.float64), np.asarray(votes, dtype=np.float64)
    fits = []
    for question in tree.questions:
        columns = slice(question.start_index, question.end_index + 1)
        asked = np.isfinite(a[:, columns]).all(axis=1) & (x[:, columns].sum(axis=1) > 0)
        fits.append(_fit_question(np.log(a[asked, columns]), x[asked, columns], seed))
    return VoteCalibration(*(tuple(values) for values in zip(*fits, strict=True)))


def _fit_question(logs: Values, votes: Values, seed: int) -> tuple[float, float, float]:
    """Give scale, offset and gain of one question from log concentrations and votes (galaxy, answer)."""
    if len(votes) < FEWEST:
        return 1.0, 0.0, 0.0
    fold = np.random.default_rng(seed).permutation(len(votes)) % FOLDS
    gains = np.empty(len(votes))
    for held_out in range(FOLDS):
        tried = fold == held_out
        scale, offset = _most_likely(logs[~tried], votes[~tried])
        gains[tried] = _losses(logs[tried], votes[tried], 1.0, 0.0) - _losses(logs[tried], votes[tried], scale, offset)
    gain = float(gains.mean())
    if gain <= gains.std(ddof=1) / np.sqrt(len(gains)):
        return 1.0, 0.0, 0.0
    return (*_most_likely(logs, votes), gain)


def _most_likely(logs: Values, votes: Values) -> tuple[float, float]:
    from scipy.optimize import minimize

    found = minimize(
        lambda at: float(_losses(logs, votes, *at).mean()), np.array([1.0, 0.0]), method="L-BFGS-B", bounds=BOUNDS
    )
    return float(found.x[0]), float(found.x[1])


def _losses(logs: Values, votes: Values, scale: float, offset: float) -> Values:
    """Give the loss (galaxy,) of one question."""
    changed = np.exp(scale * logs + offset)
    return -dirichlet_multinomial_logpmf(changed, changed.sum(axis=1, keepdims=True), votes, [0])[:, 0]
