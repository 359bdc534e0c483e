"""Mixtures of beta, beta-binomial and Dirichlet-multinomial distributions, in numpy.

The module has their quantiles, counts and likelihoods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

STEPS = 60
"""Enough halvings for any bracket; Newton's steps need about 6"""

TOLERANCE = 1e-7
"""How near a quantile comes, in vote fraction"""

ROWS = 4096
"""Galaxies in one go, which bounds the memory"""


def beta_mixture_quantile(a: Values, b: Values, q: float) -> Values:
    """Quantile `q` of an even mixture of beta distributions.

    Parameters
    ----------
    a, b : ndarray of shape (galaxy, component, answer)
        The distributions' parameters; an answer with ``b`` of 0 (a question with one answer) has the quantile 1.
    q : float
        Between 0 and 1.

    Returns
    -------
    ndarray of shape (galaxy, answer)
        To within 1e-7; NaN where a parameter is NaN.
    """
    if len(a) > ROWS:
        parts = range(0, len(a), ROWS)
        return np.concatenate([beta_mixture_quantile(a[at : at + ROWS], b[at : at + ROWS], q) for at in parts])
    from scipy.special import betaincinv

    certain = (b <= 0).all(axis=1)
    b = np.where(b <= 0, 1.0, b)
    if a.shape[1] == 1:
        return np.where(certain, 1.0, betaincinv(a, b, q)[:, 0])
    each = betaincinv(a, b, q)
    found = _solve(a, b, q, each.min(axis=1), each.max(axis=1))
    return np.where(certain, 1.0, found)


def _solve(a: Values, b: Values, q: float, low: Values, high: Values) -> Values:
    """Find where the mean over components of the beta distributions reaches `q`.

    It takes Newton's steps, and halves where they leave the bracket.
    """
    from scipy.special import betainc, betaln

    normalization = betaln(a, b)
    x = (low + high) / 2
    for _ in range(STEPS):
        inside = np.clip(x, 1e-300, 1 - 1e-16)[:, None]
        error = betainc(a, b, inside).mean(axis=1) - q
        low, high = np.where(error < 0, x, low), np.where(error < 0, high, x)
        density = np.exp((a - 1) * np.log(inside) + (b - 1) * np.log1p(-inside) - normalization).mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = x - error / density
        within = np.isfinite(step) & (step > low) & (step < high)
        following = np.where(within, step, (low + high) / 2)
        done = np.abs(following - x) < TOLERANCE
        x = np.where(np.isfinite(x), following, x)
        if (done | ~np.isfinite(x)).all():
            break
    return x


def beta_binomial_cdf(counts: Values, totals: Values, a: Values, b: Values) -> tuple[Values, Values]:
    """Probability of fewer than, and of at most, so many votes for one answer.

    The distribution is an even mixture of beta-binomial ones.

    Parameters
    ----------
    counts, totals : ndarray of shape (galaxy,)
        Votes for the answer, and for its question: whole numbers.
    a, b : ndarray of shape (galaxy, component)
        Parameters of the beta distributions of the answer's fraction.

    Returns
    -------
    below, up_to : ndarray of shape (galaxy,)
    """
    from scipy.special import betaln, gammaln

    below, up_to = np.empty(len(counts)), np.empty(len(counts))
    for total in np.unique(totals):
        rows = np.flatnonzero(totals == total)
        k = np.arange(total + 1)
        choose = gammaln(total + 1) - gammaln(k + 1) - gammaln(total - k + 1)
        a_rows, b_rows = a[rows, :, None], np.maximum(b[rows, :, None], 1e-12)
        pmf = np.exp(choose + betaln(a_rows + k, b_rows + total - k) - betaln(a_rows, b_rows)).mean(axis=1)
        cdf = np.concatenate([np.zeros((len(rows), 1)), pmf.cumsum(axis=1)], axis=1)
        place = counts[rows].astype(int)
        below[rows] = cdf[np.arange(len(rows)), place]
        up_to[rows] = np.minimum(cdf[np.arange(len(rows)), place + 1], 1)
    return below, up_to


def dirichlet_multinomial_logpmf(
    concentrations: Values, totals: Values, votes: Values, starts: Sequence[int]
) -> Values:
    """Natural logarithm of the Dirichlet-multinomial probability of each question's votes, shape (..., question).

    Parameters
    ----------
    concentrations, votes : ndarray of shape (..., answer)
        Of all questions one after the other.
    totals : ndarray of shape (..., question)
        Sums of the concentrations.
    starts : sequence of int
        Index of each question's first answer.
    """
    from scipy.special import gammaln

    n = np.add.reduceat(votes, starts, axis=-1)
    terms = gammaln(concentrations + votes) - gammaln(concentrations) - gammaln(votes + 1)
    found = np.add.reduceat(terms, starts, axis=-1) + gammaln(totals) + gammaln(n + 1) - gammaln(totals + n)
    return np.where(n > 0, found, 0.0)


def volunteers_of_mixture(
    means: Values, totals: Values, question_of_answer: NDArray[np.int64], starts: Sequence[int]
) -> Values:
    """Sum of concentrations of the Dirichlet distribution that has a mixture's means and total variance.

    The shape is (galaxy, question).

    Parameters
    ----------
    means : ndarray of shape (galaxy, component, answer)
        Expected fractions of the components.
    totals : ndarray of shape (galaxy, component, question)
        Their sums of concentrations.
    question_of_answer, starts
        Index of each answer's question, and of each question's first answer.
    """
    if means.shape[1] == 1:
        return totals[:, 0]
    mean = means.mean(axis=1)
    within = means * (1 - means) / (totals[..., question_of_answer] + 1)
    variance = (within + (means - mean[:, None]) ** 2).mean(axis=1)
    spread = np.add.reduceat(mean * (1 - mean), starts, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = spread / np.add.reduceat(variance, starts, axis=1) - 1
    certain = np.diff([*starts, means.shape[2]]) == 1  # a question with one answer
    return np.where(certain, totals.mean(axis=1), found)
