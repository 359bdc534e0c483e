"""VotePosterior: what a model believes of the votes of galaxies.

It is a mixture of Dirichlet distributions for each question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoobot.errors import OptionError
from zoobot.ranges import check_ranges
from zoobot.trees.mixtures import beta_mixture_quantile, dirichlet_multinomial_logpmf, volunteers_of_mixture

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from zoobot.trees.schema import Schema

    Values = NDArray[np.float64]


class VotePosterior:
    r"""Vote fractions of galaxies, as known by a model: for each question a mixture of Dirichlet distributions.

    The components of the mixture are passes with dropout, augmented views or several models. One component with
    concentrations :math:`a_i` for the answers of a question (Walmsley et al. 2022, MNRAS 509, 3966) expects the
    fraction :math:`a_i / A`, where :math:`A = \sum a_i`; the fraction of answer :math:`i` is distributed as
    :math:`\mathrm{Beta}(a_i, A - a_i)`, and the votes of :math:`n` volunteers as the Dirichlet-multinomial. Everything
    here is of the mixture: its mean, its interval, its votes, never those of averaged concentrations.

    Parameters
    ----------
    tree : Schema
        The questions.
    concentrations : array_like of shape (galaxy, answer) or (galaxy, component, answer)
        Above 0, in the order of ``tree.label_cols``. A galaxy with a NaN (its image could not be read) is NaN in all
        that follows.

    Raises
    ------
    OptionError
        Another shape.
    """

    def __init__(self, tree: Schema, concentrations: ArrayLike) -> None:
        values = np.asarray(concentrations, dtype=np.float64)
        if values.ndim == 2:
            values = values[:, None]
        if values.ndim != 3 or values.shape[2] != len(tree.label_cols):
            msg = (
                f"Concentrations of shape {np.shape(concentrations)} don't fit tree {tree.name!r}: expected (galaxy, "
                f"answer) or (galaxy, component, answer) with its {len(tree.label_cols)} answers."
            )
            raise OptionError(msg)
        self.tree = tree
        self.concentrations = values
        """float64 (galaxy, component, answer)"""
        self._starts = [question.start_index for question in tree.questions]
        self._question_of_answer = np.repeat(
            np.arange(len(self._starts)), [len(question.answers) for question in tree.questions]
        )
        self._totals = np.add.reduceat(values, self._starts, axis=2)
        """Sum of concentrations (galaxy, component, question)"""
        self._means = values / self._totals[..., self._question_of_answer]
        """Expected fractions (galaxy, component, answer)"""
        self._known = np.isfinite(values).reshape(len(values), -1).all(axis=1, keepdims=True)

    def __len__(self) -> int:
        return len(self.concentrations)

    def fractions(self) -> Values:
        """Expected vote fraction of each answer, given that its question is asked, in [0, 1].

        The shape is (galaxy, answer).
        """
        means: Values = self._means.mean(axis=1)
        return means

    def sample_fractions(self) -> Values:
        """Expected vote fractions of each component, shape (galaxy, component, answer)."""
        return self._means

    def interval(self, level: float = 0.9) -> tuple[Values, Values]:
        """Central credible interval of each answer's vote fraction: two arrays of shape (galaxy, answer), low and high.

        The fraction that infinitely many volunteers would give lies in it with probability `level`. It does not hold
        the scatter of few volunteers.

        Raises
        ------
        OptionError
            A level that is not between 0 and 1.
        """
        check_ranges(level=level)
        rest = self._totals[..., self._question_of_answer] - self.concentrations
        tail = (1 - level) / 2
        return (
            beta_mixture_quantile(self.concentrations, rest, tail),
            beta_mixture_quantile(self.concentrations, rest, 1 - tail),
        )

    def p_asked(self) -> Values:
        """Probability that a volunteer is asked each question, shape (galaxy, question): see `Schema.p_asked`."""
        asked = self.tree.p_asked(self._means).mean(axis=1)
        return np.where(self._known, asked, np.nan)

    def path_probabilities(self) -> Values:
        """Probability that a volunteer comes to each leaf of the tree, shape (galaxy, leaf).

        Leaves are as `Schema.leaves` has them. A leaf is an answer after which no question is asked; its probability is
        P(asked) times its fraction, summed over the paths that lead to it. Where a tree asks several questions after
        one answer, a volunteer comes to several leaves: then they don't sum to 1.
        """
        leaves = [answer.index for answer in self.tree.leaves]
        asked = self.tree.p_asked(self._means)[..., self._question_of_answer[leaves]]
        return np.asarray((asked * self._means[..., leaves]).mean(axis=1))

    def leading(self) -> NDArray[np.int64]:
        """Index of the column of the answer with the largest expected fraction, shape (galaxy, question).

        It is -1 where NaN.
        """
        fractions = self.fractions()
        first_to_last = [question.columns for question in self.tree.questions]
        leading = [part.start + np.nan_to_num(fractions[:, part]).argmax(axis=1) for part in first_to_last]
        return np.where(self._known, np.stack(leading, axis=1), -1)

    def entropy(self) -> Values:
        """Shannon entropy of the expected fractions of each question in nats, shape (galaxy, question).

        0 where all are expected to agree, the logarithm of the number of answers where they are expected to divide
        evenly.
        """
        fractions = self.fractions()
        terms = -fractions * np.log(np.where(fractions > 0, fractions, 1))
        return np.add.reduceat(terms, self._starts, axis=1)

    def volunteers(self) -> Values:
        r"""Effective number of volunteers that each question's belief is worth, shape (galaxy, question).

        For one component it is the sum of concentrations :math:`A`. For a mixture, which is wider than its parts, it is
        that of the Dirichlet distribution with the mixture's means :math:`m_i` and the same total variance:
        :math:`\sum m_i (1 - m_i) / \sum \mathrm{Var}_i - 1`.
        """
        return volunteers_of_mixture(self._means, self._totals, self._question_of_answer, self._starts)

    def log_likelihood(self, votes: ArrayLike) -> Values:
        """Natural logarithm of the probability of vote counts (galaxy, answer) for each question.

        The shape is (galaxy, question). The mixture's; the multinomial coefficient is in it. 0 where a question has no
        votes.
        """
        counts = np.asarray(votes, dtype=np.float64)[:, None]
        each = dirichlet_multinomial_logpmf(self.concentrations, self._totals, counts, self._starts)
        highest = each.max(axis=1, keepdims=True)
        mixture: Values = highest[:, 0] + np.log(np.exp(each - highest).mean(axis=1))
        return mixture

    def answer(self, index: int) -> tuple[Values, Values]:
        """Parameters of the beta distributions of one answer's fraction, both of shape (galaxy, component)."""
        own = self.concentrations[..., index]
        return own, self._totals[..., self._question_of_answer[index]] - own
