"""The votes objective: several decision trees learned side by side, each galaxy on the questions of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoobot.finetune.losses import concentrations_from_logits, dirichlet_multinomial_loss
from zoobot.trees import Schema

SEPARATOR = "/"


class MergedTrees:
    """Several trees as one: their questions one after the other, called ``tree/question``.

    Parameters
    ----------
    trees
        Equal trees count once.

    Attributes
    ----------
    merged : Schema
        All questions; without dependencies, for only the votes say who was asked.
    """

    def __init__(self, trees: Sequence[Schema]) -> None:
        self.trees = list(dict.fromkeys(trees))
        questions = {
            f"{tree.name}{SEPARATOR}{question.text}": [answer.name for answer in question.answers]
            for tree in self.trees
            for question in tree.questions
        }
        self.merged = Schema(questions, name="+".join(tree.name for tree in self.trees))

    def columns(self, tree: Schema) -> slice:
        """Return the place of a tree's answers among all."""
        before = self.trees[: self.trees.index(tree)]
        first = sum(len(one.label_cols) for one in before)
        return slice(first, first + len(tree.label_cols))

    def spread(self, votes: Tensor, tree: Schema) -> Tensor:
        """Return votes (galaxy, answer of the tree) among all answers (galaxy, answer of any tree).

        They are 0 where nobody was asked.
        """
        everything = votes.new_zeros(len(votes), len(self.merged.label_cols))
        everything[:, self.columns(tree)] = votes
        return everything


class VoteLoss:
    """Dirichlet-multinomial negative log likelihood of the votes, in nats a question.

    See Walmsley et al. (2022, MNRAS 509, 3966). A galaxy without votes on a question costs nothing there, so that each
    is learned from its own campaign only.
    """

    def __init__(self, tree: Schema) -> None:
        self.tree = tree

    def __call__(self, logits: Tensor, votes: Tensor) -> Tensor:
        """Return the loss (galaxy, question) of a head's outputs (galaxy, answer) for vote counts (galaxy, answer)."""
        return dirichlet_multinomial_loss(concentrations_from_logits(logits), votes, self.tree)

    def asked(self, votes: Tensor) -> Tensor:
        """Tell of which questions each galaxy has votes, bool (galaxy, question)."""
        groups = self.tree.question_index_groups
        return torch.stack([votes[:, first : last + 1].sum(dim=1) > 0 for first, last in groups], dim=1)
