"""The objective of self-supervision: two views of a galaxy should look alike, without all galaxies looking the same."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PROJECTED = 512
"""Width of the embeddings that are compared."""


def projector(num_features: int) -> nn.Sequential:
    """Return the head from features to the embeddings.

    Its layer norm, unlike batch norm, is the same on several processes.
    """
    return nn.Sequential(
        nn.Linear(num_features, PROJECTED), nn.LayerNorm(PROJECTED), nn.GELU(), nn.Linear(PROJECTED, PROJECTED)
    )


class VICReg:
    r"""Variance-invariance-covariance regularization (Bardes, Ponce & LeCun 2022, ICLR).

    With the embeddings :math:`Z, Z'` (galaxy, dimension) of two views, it is

    .. math::

        s(Z, Z') + \tfrac12 [v(Z) + v(Z')] + \tfrac{1}{25} [c(Z) + c(Z')]

    where :math:`s` is the mean squared difference, :math:`v` the mean over dimensions of :math:`\max(0, 1 - \sigma_j)`,
    and :math:`c` the sum of the squared covariances between different dimensions divided by their number (the authors'
    code, whose weights 25, 25 and 1 are divided by 25 here). It needs no negative pairs, no teacher and no memory, and
    works with small batches.
    """

    covariance_weight = 0.04

    def __call__(self, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """Return the parts of the loss, weighted so that their sum is the loss: alike, spread and independent."""
        return {
            "alike": F.mse_loss(first, second),
            "spread": (_narrowness(first) + _narrowness(second)) / 2,
            "independent": self.covariance_weight * (_covariance(first) + _covariance(second)),
        }


def _narrowness(embeddings: Tensor) -> Tensor:
    """Return by how much the standard deviation of a dimension over galaxies falls short of 1, on average."""
    deviation = torch.sqrt(embeddings.var(dim=0) + 1e-4)
    return F.relu(1 - deviation).mean()


def _covariance(embeddings: Tensor) -> Tensor:
    """Return the sum of squared covariances between different dimensions, divided by how many dimensions there are."""
    centred = embeddings - embeddings.mean(dim=0)
    covariance = centred.T @ centred / (len(embeddings) - 1)
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    return off_diagonal / embeddings.shape[1]
