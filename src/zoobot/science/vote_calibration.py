"""Post-hoc calibration of predicted votes: a scale and offsets on the logarithm of the concentrations of each question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.trees.mixtures import dirichlet_multinomial_logpmf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from zoobot.trees import Question, Schema

    Values = NDArray[np.float64]

FOLDS = 5
FEWEST = 20
"""Fewer galaxies asked than this say too little of a question to correct it"""

BOUNDS = ((0.05, 4.0), (-4.0, 4.0))
"""Of scale and offset"""


@dataclass(frozen=True)
class VoteCalibration:
    r"""Concentrations :math:`a_k` of a question's answers become :math:`\exp(s \ln a_k + o_k)`; the identity where nothing was gained.

    Attributes
    ----------
    scale : tuple of float
        One a question of the tree; 1 leaves it as it is.
    offset : tuple of float
        One an answer; 0 leaves it as it is. A question's answers have the same one, which changes how sure it is, or each its own, which
        takes back a bias of the expected fractions.
    gain : tuple of float
        One a question: by how much it lowered the loss (nats a galaxy) on validation galaxies that it was not fitted to; 0 where it was
        left off.
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
    """Fit scales and offsets by likelihood, kept only where cross-validation shows that they lower the loss.

    Each question is fitted on four fifths of the galaxies asked and tried on the others, five times: with one offset for all of its
    answers, and with one for each. The first is taken where the mean loss of the galaxies tried falls by more than its standard error,
    the second where it falls further by more than that. Where neither does, and where fewer than 20 galaxies were asked, the question
    stays as it is.

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
    scales, offsets, gains = [], [], []
    for question in tree.questions:
        scale, offset, gain = _fit_question(*_asked(a, x, question), seed)
        scales.append(scale)
        offsets.extend(offset.tolist())
        gains.append(gain)
    return VoteCalibration(tuple(scales), tuple(offsets), tuple(gains))


def _asked(concentrations: Values, votes: Values, question: Question) -> tuple[Values, Values]:
    """Give the log concentrations and votes (galaxy, answer) of the galaxies that a question was asked about."""
    columns = question.columns
    asked = np.isfinite(concentrations[:, columns]).all(axis=1) & (votes[:, columns].sum(axis=1) > 0)
    return np.log(concentrations[asked, columns]), votes[asked, columns]


def _fit_question(logs: Values, votes: Values, seed: int) -> tuple[float, Values, float]:
    """Give scale, offsets (answer,) and gain of one question from log concentrations and votes (galaxy, answer)."""
    answers = votes.shape[1]
    unchanged = 1.0, np.zeros(answers)
    if len(votes) < FEWEST:
        return (*unchanged, 0.0)
    fold = np.random.default_rng(seed).permutation(len(votes)) % FOLDS
    as_predicted = kept = _losses(logs, votes, *unchanged)
    free = None
    for many in (1, answers):
        tried = np.empty(len(votes))
        for held_out in range(FOLDS):
            out = fold == held_out
            tried[out] = _losses(logs[out], votes[out], *_most_likely(logs[~out], votes[~out], many))
        gains = kept - tried
        if gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)):
            kept, free = tried, many
    if free is None:
        return (*unchanged, 0.0)
    return (*_most_likely(logs, votes, free), float((as_predicted - kept).mean()))


def _most_likely(logs: Values, votes: Values, free: int) -> tuple[float, Values]:
    """Give the scale and the offsets (answer,) of the highest likelihood, where 1 or all of the offsets are free."""
    from scipy.optimize import minimize
    from scipy.special import digamma

    answers, total = votes.shape[1], votes.sum(axis=1, keepdims=True)

    def loss_and_slope(at: Values) -> tuple[float, Values]:
        changed = np.exp(at[0] * logs + at[1:])
        certainty = changed.sum(axis=1, keepdims=True)
        slope = digamma(certainty + total) - digamma(certainty) - digamma(changed + votes) + digamma(changed)
        slope *= changed  # now by the logarithm of the concentrations
        by_answer = slope.mean(axis=0)
        by_offset = by_answer if free > 1 else by_answer.sum(keepdims=True)
        loss = _losses(logs, votes, at[0], at[1:]).mean()
        return float(loss), np.array([(slope * logs).sum(axis=1).mean(), *by_offset])

    bounds = [BOUNDS[0], *[BOUNDS[1]] * free]
    found = minimize(loss_and_slope, np.array([1.0, *[0.0] * free]), jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), np.broadcast_to(found.x[1:], answers).copy()


def _losses(logs: Values, votes: Values, scale: float, offset: Values) -> Values:
    """Give the loss (galaxy,) of one question."""
    changed = np.exp(scale * logs + offset)
    return -dirichlet_multinomial_logpmf(changed, changed.sum(axis=1, keepdims=True), votes, [0])[:, 0]
