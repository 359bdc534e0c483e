"""How good predicted votes are, question by question: skill, errors of vote fractions, coverage, PIT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.errors import OptionError
from zoobot.science.groups import Groups
from zoobot.trees.mixtures import beta_binomial_cdf, dirichlet_multinomial_logpmf

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from zoobot.trees import Question, VotePosterior

    Values = NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Levels of the intervals whose coverage is measured"""

PIT_BINS = 10

CONFIDENT = 0.8
"""A galaxy's leading answer is clear where it has more than this share of the votes"""

PSEUDO_VOTE = 1e-3
"""Smallest concentration of a constant prediction"""


@dataclass(frozen=True)
class VoteScores:
    """How well one question's votes are predicted; all figures are over the galaxies of which it was asked.

    Attributes
    ----------
    n_asked : int
        Galaxies with at least one vote.
    loss : float
        Mean negative log likelihood of the votes in nats (Dirichlet-multinomial, with the multinomial coefficient).
    constant_loss : float
        The same of the best constant prediction: one Dirichlet distribution for all galaxies, fitted to these very
        votes.
    skill : float
        ``1 - loss / constant_loss``: 0 knows nothing of the galaxy, above 0 is better than that; the constant has seen
        the votes that it is scored on, so that skill is understated where few galaxies were asked.
    fraction_mae, fraction_bias : float
        Of expected less observed vote fractions, weighted by votes: the mean absolute error over galaxies and answers,
        and the largest absolute value over answers of the mean error.
    bias : dict
        Mean error of each answer's fraction, weighted by votes.
    accuracy, n_confident : float, int
        Share of galaxies whose leading answer is predicted, among those where it has more than 80% of the votes; how
        many those are.
    coverage : dict
        For each level, the share of vote counts (galaxy, answer) within the central posterior predictive interval of
        that level. Counts are whole numbers: one on an interval's edge counts for the share of its probability that
        lies inside (as if spread evenly over its step of the distribution), so that a model that means what it says
        covers exactly the level.
    pit : list of float
        Histogram (ten bins of equal width, mean 1) of the probability integral transform of the counts of all answers;
        each count is spread evenly over its step of the predictive distribution, which is what the randomized transform
        gives on average (Czado, Gneiting & Held 2009, Biometrics 65, 1254). Flat: the spread is right. U:
        overconfident. Hump: too cautious.
    """

    n_asked: int
    loss: float
    constant_loss: float
    skill: float
    fraction_mae: float
    fraction_bias: float
    bias: dict[str, float]
    accuracy: float
    n_confident: int
    coverage: dict[str, float]
    pit: list[float]

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON can hold them (NaN where no galaxy was asked)."""
        return asdict(self)


def score_votes(posterior: VotePosterior, votes: ArrayLike) -> dict[str, VoteScores]:
    """Return the scores of each question of a tree.

    Parameters
    ----------
    posterior : VotePosterior
        What was predicted.
    votes : array_like of shape (galaxy, answer)
        Counts; weighted (fractional) votes are rounded for coverage and PIT, and used as they are elsewhere.

    Raises
    ------
    OptionError
        Votes of another shape.
    """
    counts = np.asarray(votes, dtype=np.float64)
    if counts.shape != (len(posterior), len(posterior.tree.label_cols)):
        msg = (
            f"Votes of shape {counts.shape} don't fit {len(posterior)} galaxies and {len(posterior.tree.label_cols)} "
            "answers."
        )
        raise OptionError(msg)
    losses = -posterior.log_likelihood(counts)
    fractions = posterior.fractions()
    return {
        question.text: _score(question, posterior, fractions, losses[:, place], counts)
        for place, question in enumerate(posterior.tree.questions)
    }


def _score(
    question: Question, posterior: VotePosterior, fractions: Values, losses: Values, counts: Values
) -> VoteScores:
    columns = question.columns
    names = [answer.text for answer in question.answers]
    asked = counts[:, columns].sum(axis=1) > 0
    if not asked.any():
        nan = float("nan")
        return VoteScores(
            0, nan, nan, nan, nan, nan, dict.fromkeys(names, nan), nan, 0, {f"{level}": nan for level in LEVELS}, []
        )
    own = counts[asked, columns]
    totals = own.sum(axis=1)
    observed, expected = own / totals[:, None], fractions[asked, columns]
    loss = float(losses[asked].mean())
    constant_loss = constant_loss_of(own)
    bias = np.average(expected - observed, axis=0, weights=totals)
    confident = observed.max(axis=1) > CONFIDENT
    right = expected.argmax(axis=1) == observed.argmax(axis=1)
    below, up_to = _steps(posterior, question, asked, own)
    return VoteScores(
        n_asked=int(asked.sum()),
        loss=loss,
        constant_loss=constant_loss,
        skill=1 - loss / constant_loss if constant_loss > 0 else float("nan"),
        fraction_mae=float(np.average(np.abs(expected - observed).mean(axis=1), weights=totals)),
        fraction_bias=float(np.abs(bias).max()),
        bias=dict(zip(names, bias.tolist(), strict=True)),
        accuracy=float(right[confident].mean()) if confident.any() else float("nan"),
        n_confident=int(confident.sum()),
        coverage={f"{level}": _coverage(below, up_to, level) for level in LEVELS},
        pit=_pit(below, up_to),
    )


def _steps(
    posterior: VotePosterior, question: Question, asked: NDArray[np.bool_], own: Values
) -> tuple[Values, Values]:
    """Return where the steps of the counts' predictive distributions start and end.

    All galaxies and answers come one after the other. Of two answers one count follows from the other: the first is
    enough.
    """
    whole = np.rint(own)
    answers = question.answers[:1] if len(question.answers) == 2 else question.answers
    steps = []
    for place, answer in enumerate(answers):
        a, b = posterior.answer(answer.index)
        steps.append(beta_binomial_cdf(whole[:, place], whole.sum(axis=1), a[asked], b[asked]))
    below, up_to = (np.concatenate(part) for part in zip(*steps, strict=True))
    return below, up_to


def _coverage(below: Values, up_to: Values, level: float) -> float:
    """Return the share of the steps that lies in the central interval of a level."""
    low, high = (1 - level) / 2, (1 + level) / 2
    inside = np.clip(np.minimum(up_to, high) - np.maximum(below, low), 0, None)
    return float((inside / np.maximum(up_to - below, 1e-300)).mean())


def _pit(below: Values, up_to: Values) -> list[float]:
    """Return the heights of the histogram of the transform, 1 on average."""
    edges = np.linspace(0, 1, PIT_BINS + 1)
    share = np.clip((edges[:, None] - below) / np.maximum(up_to - below, 1e-300), 0, 1)
    heights: list[float] = (np.diff(share.mean(axis=1)) * PIT_BINS).tolist()
    return heights


def constant_loss_of(counts: Values) -> float:
    """Return the mean loss of the best constant prediction for one question's votes.

    Votes are (galaxy, answer), all of them asked.
    """
    concentrations = best_constant(counts)
    return float(-_log_likelihood(concentrations, counts).mean())


def best_constant(counts: ArrayLike) -> Values:
    """Concentrations (answer,) of the Dirichlet distribution under which vote counts (galaxy, answer) are most likely.

    Found by L-BFGS on the logarithm of the concentrations, from the moments' estimate; bounded to 1e-3 to 1e6.
    """
    from scipy.optimize import minimize

    votes = np.asarray(counts, dtype=np.float64)
    votes = votes[votes.sum(axis=1) > 0]

    def loss(logs: Values) -> tuple[float, Values]:
        return float(-_log_likelihood(np.exp(logs), votes).mean()), _gradients(logs, votes).mean(axis=0)

    mean = np.maximum(votes.sum(axis=0) / votes.sum(), PSEUDO_VOTE)
    found = minimize(
        loss,
        np.log(5 * mean),
        jac=True,
        method="L-BFGS-B",
        bounds=[(np.log(PSEUDO_VOTE), np.log(1e6))] * len(mean),
    )
    return np.exp(np.asarray(found.x, dtype=np.float64))


def vote_losses(posterior: VotePosterior, votes: ArrayLike) -> Values:
    """Return the loss of each galaxy's votes (galaxy, 2) in nats, summed over questions.

    The columns are the prediction's loss, and that of the best constant.

    Parameters
    ----------
    posterior
        What was predicted.
    votes : array_like of shape (galaxy, answer)
        Counts.
    """
    from zoobot.trees import VotePosterior

    counts = np.asarray(votes, dtype=np.float64)
    best = np.ones(counts.shape[1])
    for question in posterior.tree.questions:
        own = counts[:, question.columns]
        if own.any():
            best[question.columns] = best_constant(own)
    constant = VotePosterior(posterior.tree, np.broadcast_to(best, counts.shape))
    return -np.stack([one.log_likelihood(counts).sum(axis=1) for one in (posterior, constant)], axis=1)


def constant_optimism(questions: Sequence[Question], votes: ArrayLike, groups: ArrayLike | None = None) -> float:
    r"""Return by how much the best constant's mean loss is too low, summed over questions.

    It is too low for having been fitted to the very votes. It is :math:`\frac{1}{2n} \operatorname{tr}(J^{-1} K)` of
    each question, where :math:`J` is the Hessian of the summed loss in the logarithms of the concentrations and
    :math:`K` the sum over groups of the outer products of its gradients (Takeuchi 1976).

    Parameters
    ----------
    questions
        Of a tree.
    votes : array_like of shape (galaxy, answer)
        Counts.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    """
    counts = np.asarray(votes, dtype=np.float64)
    codes = np.arange(len(counts)) if groups is None else np.asarray(groups)
    total = 0.0
    for question in questions:
        own = counts[:, question.columns]
        asked = own.sum(axis=1) > 0
        if not asked.any():
            continue
        own, together = own[asked], Groups.of(codes[asked], int(asked.sum()))
        logs = np.log(best_constant(own))
        step = 1e-4 * np.eye(len(logs))
        hessian = np.stack(
            [(_gradients(logs + one, own) - _gradients(logs - one, own)).sum(axis=0) / 2e-4 for one in step]
        )
        scores = together.sums(_gradients(logs, own))
        total += float(np.trace(np.linalg.pinv((hessian + hessian.T) / 2, rcond=1e-6) @ (scores.T @ scores))) / 2
    return max(total, 0.0) / max(len(counts), 1)


def _gradients(logs: Values, votes: Values) -> Values:
    """Return the gradient (galaxy, answer) of each galaxy's loss in the logarithms of the concentrations."""
    from scipy.special import digamma

    a, totals = np.exp(logs), votes.sum(axis=1)
    rise = digamma(a + votes) - digamma(a) + (digamma(a.sum()) - digamma(a.sum() + totals))[:, None]
    return -np.asarray(rise * a)


def _log_likelihood(concentrations: Values, votes: Values) -> Values:
    """Return the log likelihood (galaxy,) of one question's votes under one Dirichlet distribution."""
    total = np.full((len(votes), 1), concentrations.sum())
    return dirichlet_multinomial_logpmf(concentrations[None], total, votes, [0])[:, 0]
