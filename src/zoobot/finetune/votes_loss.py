"""The Dirichlet-multinomial likelihood of votes, forward and backward at once.

`losses.dirichlet_multinomial_loss` is its public face.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

LARGEST_TABLE = 100_000
"""Of log factorials: more votes on one question than this are computed one by one"""


class VotesLoss(torch.autograd.Function):
    """Minus the log likelihood of votes, (galaxy, question).

    Only answers with votes are computed, in float64 where the device has it; autograd would go through all answers in
    float64 on its way back.
    """

    @staticmethod
    def forward(
        ctx: Any, concentrations: Tensor, votes: Tensor, question_of_answer: Tensor, n_questions: int
    ) -> Tensor:
        """Return the loss of concentrations and votes (galaxy, answer).

        `question_of_answer` numbers each answer's question.
        """
        precise = torch.float32 if concentrations.device.type == "mps" else torch.float64
        n_answers = len(question_of_answer)

        # where in the flattened tensors the answers with votes stand, and their questions: what the others add is 0
        given = votes.reshape(-1).nonzero().squeeze(1)
        galaxy = given // n_answers
        question_of_given = galaxy * n_questions + question_of_answer.index_select(0, given - galaxy * n_answers)
        a, x = (values.reshape(-1).index_select(0, given).to(precise) for values in (concentrations, votes))

        none = torch.zeros(len(votes) * n_questions, dtype=precise, device=votes.device)
        n = none.index_add(0, question_of_given, x)
        asked = n.nonzero().squeeze(1)
        A = none.reshape(-1, n_questions).scatter_add(
            1, question_of_answer.expand(votes.shape), concentrations.to(precise)
        )
        A, n = A.reshape(-1).index_select(0, asked), n.index_select(0, asked)

        losses = none.index_add_(0, asked, _log_ways(A, n)).index_add_(0, question_of_given, _log_ways(a, x), alpha=-1)
        ctx.save_for_backward(a, x, A, n, given, question_of_given, asked, question_of_answer)
        return losses.reshape(len(votes), n_questions).to(concentrations.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradient for the concentrations, (galaxy, answer)."""
        a, x, A, n, given, question_of_given, asked, question_of_answer = ctx.saved_tensors
        flat = upstream.reshape(-1)
        of_asked, of_given = (
            flat.index_select(0, place) * (torch.digamma(of + votes) - torch.digamma(of)).to(flat.dtype)
            for place, of, votes in ((asked, A, n), (question_of_given, a, x))
        )
        of_questions = torch.zeros_like(flat).index_copy_(0, asked, of_asked).reshape(upstream.shape)
        gradient = of_questions.gather(1, question_of_answer.expand(len(upstream), -1))
        gradient.reshape(-1).index_add_(0, given, of_given, alpha=-1)
        return gradient, None, None, None


def _log_ways(a: Tensor, x: Tensor) -> Tensor:
    """Return ln(gamma(a + x) / (gamma(a) gamma(x + 1))), which is 0 where `x` is."""
    return torch.lgamma(a + x) - torch.lgamma(a) - _log_factorial(x)


def _log_factorial(x: Tensor) -> Tensor:
    """Return ln(gamma(x + 1)): whole numbers, as votes mostly are, are few and looked up."""
    whole = x.long()
    if not torch.equal(whole.to(x.dtype), x) or (most := int(whole.max()) if len(x) else 0) > LARGEST_TABLE:
        return torch.lgamma(x + 1)
    return torch.lgamma(torch.arange(1, most + 2, dtype=x.dtype, device=x.device)).index_select(0, whole)
