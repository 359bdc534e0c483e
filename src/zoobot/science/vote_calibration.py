"""Post-hoc calibration of predicted votes.

It is a scale and offsets on the logarithm of the concentrations of each question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.ranges import bounded
from zoobot.science.groups import Groups
from zoobot.science.scaling import GAIN, evidence, strongest
from zoobot.science.shrinkage import FEWEST, Gain, fit_shrunk, folds_of, measure_gain, weight_of
from zoobot.trees.mixtures import dirichlet_multinomial_logpmf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from zoobot.trees import Schema

    Values = NDArray[np.float64]
    Codes = NDArray[np.int64]

SCALES, OFFSETS = (-0.95, 3.0), (-4.0, 4.0)
"""By how much a scale may differ from 1, and an offset from 0"""


@dataclass(frozen=True)
class VoteCalibration:
    r"""Concentrations :math:`a_k` of a question's answers become :math:`\exp(s \ln a_k + o_k)`.

    It is the identity where nothing was gained.

    Attributes
    ----------
    scale : tuple of float
        One per question of the tree; 1 leaves it as it is.
    offset : tuple of float
        One an answer; 0 leaves it as it is. A question's answers have the same one, which changes how sure it is, or
        each its own, which takes back a bias of the expected fractions.
    gain, gain_low, gain_high : tuple of float
        One for each question: by how much it lowers the loss (nats per galaxy) of validation galaxies that it was not
        fitted to, cross-validated, and the 95% interval of that; 0 where nothing is changed.
    n : tuple of int
        Validation galaxies that were asked; 0 where that is not known, or they were too few to fit to.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    gain: tuple[float, ...]
    gain_low: tuple[float, ...] = ()
    gain_high: tuple[float, ...] = ()
    n: tuple[int, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether any question is changed."""
        return any(value != 1 for value in self.scale) or any(value != 0 for value in self.offset)

    def evidence(self, tree: Schema) -> dict[str, Any]:
        """Return what speaks for the correction.

        It is given all in all (``evidence``) and of each question of the tree (``questions``). See
        `zoobot.science.scaling.evidence`; beside that of a question stand its ``gain``, ``gain_low``, ``gain_high`` and
        ``n``.
        """
        nothing = (0,) * len(self.scale)  # earlier versions kept no interval
        columns = (self.scale, self.gain, self.gain_low or nothing, self.gain_high or nothing, self.n or nothing)
        questions = {}
        for question, scale, *gain in zip(tree.questions, *columns, strict=True):
            changes = scale != 1 or any(self.offset[question.columns])
            questions[question.text] = {"evidence": evidence(changes=changes, gain_low=gain[1])} | dict(
                zip(GAIN, gain, strict=True)
            )
        return {"evidence": strongest(one["evidence"] for one in questions.values()), "questions": questions}

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": "votes"} | {name: list(values) for name, values in vars(self).items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> VoteCalibration:
        """Return what `to_dict` gave; earlier versions kept no interval of the gain."""
        numbers = ("scale", "offset", "gain", "gain_low", "gain_high")
        kept = {name: tuple(float(value) for value in content[name]) for name in numbers if name in content}
        return cls(**kept, n=tuple(int(value) for value in content.get("n", ())))


@bounded()
def fit_vote_calibration(
    concentrations: ArrayLike, votes: ArrayLike, tree: Schema, *, groups: Codes | None = None, seed: int = 0
) -> VoteCalibration:
    """Fit scales and offsets by likelihood, shrunk toward none where few galaxies were asked.

    Fitted are a question's scale, the offset that its answers have in common, and by how much each answer's differs
    from that; `fit_shrunk` says how they are shrunk, with the mean square of each galaxy's slope as the information.
    The gain is that of five-fold cross-validation, with whole groups in each fold. Where fewer than 20 galaxies were
    asked, the question stays as it is.

    Parameters
    ----------
    concentrations, votes : array_like of shape (galaxy, answer)
        What was predicted for validation galaxies, and their vote counts.
    tree : Schema
        The questions.
    groups : array of shape (galaxy,) or None
        The number of each galaxy's group; None where each stands alone. Groups count as their effective number.
    seed : int
        Shuffles the galaxies among the folds.
    """
    a, x = np.asarray(concentrations, dtype=np.float64), np.asarray(votes, dtype=np.float64)
    together = Groups.of(groups, len(a))
    scales, offsets, gains = [], [], []
    for question in tree.questions:
        columns = question.columns
        asked = np.isfinite(a[:, columns]).all(axis=1) & (x[:, columns].sum(axis=1) > 0)
        own = together.only(asked)
        scale, offset, gain = _fit_question(np.log(a[asked, columns]), x[asked, columns], own, seed)
        scales.append(scale)
        offsets.extend(offset.tolist())
        gains.append(gain)
    low, high = tuple(gain.low for gain in gains), tuple(gain.high for gain in gains)
    return VoteCalibration(
        tuple(scales), tuple(offsets), tuple(gain.value for gain in gains), low, high, tuple(gain.n for gain in gains)
    )


def _fit_question(logs: Values, votes: Values, groups: Groups, seed: int) -> tuple[float, Values, Gain]:
    """Return scale, offsets (answer,) and gain of one question from log concentrations and votes (galaxy, answer)."""
    if groups.effective < FEWEST:
        return 1.0, np.zeros(votes.shape[1]), Gain()
    scale, offset = _most_probable(logs, votes, weight_of(groups))
    if scale == 1 and not offset.any():
        return scale, offset, Gain(n=len(votes))
    after = np.empty(len(votes))
    for train, tried in folds_of(groups, seed):
        fitted = _most_probable(logs[train], votes[train], weight_of(groups.only(train)))
        after[tried] = _losses(logs[tried], votes[tried], *fitted)
    before = _losses(logs, votes, 1.0, np.zeros(votes.shape[1]))
    return scale, offset, measure_gain(before, after, groups)


def _most_probable(logs: Values, votes: Values, weight: float = 1.0) -> tuple[float, Values]:
    """Return the scale and the offsets (answer,) that are most probable a posteriori.

    Each galaxy counts ``weight``.
    """
    answers = votes.shape[1]

    def loss_and_slope(at: Values) -> tuple[float, Values]:
        scale, offset = 1 + at[0], at[1] + at[2:]
        return weight * float(_losses(logs, votes, scale, offset).sum()), weight * _slopes(
            logs, votes, scale, offset
        ).sum(axis=0)

    information = (_slopes(logs, votes, 1.0, np.zeros(answers)) ** 2).mean(axis=0)
    found = fit_shrunk(loss_and_slope, information, [SCALES, *[OFFSETS] * (1 + answers)])
    return 1 + float(found[0]), found[1] + found[2:]


def _slopes(logs: Values, votes: Values, scale: float, offset: Values) -> Values:
    """Return the slopes of the loss (galaxy, number) by the scale, by the common offset and by each answer's own."""
    from scipy.special import digamma

    changed = np.exp(scale * logs + offset)
    certainty, total = changed.sum(axis=1, keepdims=True), votes.sum(axis=1, keepdims=True)
    slope = digamma(certainty + total) - digamma(certainty) - digamma(changed + votes) + digamma(changed)
    slope *= changed  # now by the logarithm of the concentrations
    return np.column_stack([(slope * logs).sum(axis=1), slope.sum(axis=1), slope])


def _losses(logs: Values, votes: Values, scale: float, offset: Values) -> Values:
    """Return the loss (galaxy,) of one question."""
    changed = np.exp(scale * logs + offset)
    return -dirichlet_multinomial_logpmf(changed, changed.sum(axis=1, keepdims=True), votes, [0])[:, 0]
