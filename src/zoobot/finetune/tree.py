"""FinetuneableZoobotTree: what would the volunteers of a Galaxy Zoo decision tree answer?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import torch
from torch import Tensor

from zoobot import trees
from zoobot.data.catalog import check_labels
from zoobot.errors import LabelError
from zoobot.finetune.base import FinetuneableZoobotAbstract, FinetuneOptions
from zoobot.finetune.losses import concentrations_from_logits, dirichlet_multinomial_loss
from zoobot.finetune.metrics import Scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd


class FinetuneableZoobotTree(FinetuneableZoobotAbstract):
    """Predicts the votes of a decision tree: Dirichlet concentrations for each question's answers (Walmsley et al. 2022).

    The table of predictions has a column ``<question>_<answer>`` with the expected vote fraction of each answer, given that the question
    is asked.

    Parameters
    ----------
    schema
        The tree: a packaged one's name (``zoobot.trees.names()``), a YAML file, a dict, or a `Schema`.
    **options
        See `FinetuneableZoobotAbstract`.

    Raises
    ------
    TreeError
        No such tree, or one that doesn't hold together.
    """

    takes_class_names = False

    def __init__(
        self, schema: str | Path | Mapping[str, Any] | trees.Schema, **options: Unpack[FinetuneOptions]
    ) -> None:
        self.schema = trees.load(schema)
        self.num_outputs = len(self.schema.label_cols)
        super().__init__(**options)
        self.label_cols = list(self.schema.label_cols)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Give the Dirichlet-multinomial loss (batch,) of logits (batch, answer) for vote counts, summed over questions."""
        return dirichlet_multinomial_loss(concentrations_from_logits(outputs), labels, self.schema).sum(dim=1)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Give Dirichlet concentrations (batch, answer), each in 1 to 101."""
        return concentrations_from_logits(outputs)

    def prediction_columns(self) -> list[str]:
        """Name a column for each answer: ``<question>_<answer>``."""
        return list(self.schema.label_cols)

    def to_columns(self, predictions: Tensor) -> Tensor:
        """Give the expected vote fractions (galaxy, answer): they sum to 1 within each question."""
        parts = [predictions[:, first : last + 1] for first, last in self.schema.question_index_groups]
        return torch.cat([part / part.sum(dim=1, keepdim=True) for part in parts], dim=1)

    def scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        """Give the loss, and for each question its mean loss, the mean absolute error of its vote fractions and how many were asked.

        The means are over the galaxies of which the question was asked.
        """
        losses = dirichlet_multinomial_loss(predictions, labels, self.schema)
        fractions = self.to_columns(predictions)
        questions = {}
        for place, question in enumerate(self.schema.questions):
            answers = slice(question.start_index, question.end_index + 1)
            total = labels[:, answers].sum(dim=1)
            asked = total > 0
            observed = labels[asked][:, answers] / total[asked, None]
            error = (fractions[asked][:, answers] - observed).abs()
            questions[question.text] = {
                "loss": float(losses[asked, place].mean()),
                "fraction_mae": float(error.mean()),
                "n_asked": int(asked.sum()),
            }
        known = [scores["fraction_mae"] for scores in questions.values() if scores["n_asked"]]
        return {
            "loss": float(losses.sum(dim=1).mean()),
            "fraction_mae": sum(known) / len(known) if known else float("nan"),
            "questions": questions,
            "n": len(labels),
        }

    def check_labels(self, frame: pd.DataFrame, labels: npt.NDArray[np.float32], label_cols: Sequence[str]) -> None:
        """Refuse label columns other than the tree's, in its order, and negative votes."""
        if list(label_cols) != self.schema.label_cols:
            self.schema.check_columns(label_cols)
            msg = "label_cols are in another order than the tree's answers. Use label_cols=model.schema.label_cols."
            raise LabelError(msg)
        for place, column in enumerate(label_cols):
            check_labels(frame, column, labels[:, place] < 0, "a negative vote count", "Votes are 0 or more.")

    def prepare(self, labels: npt.NDArray[np.float32]) -> None:
        """Refuse a training set without a single vote."""
        if not labels.any():
            msg = f"none of the {len(labels)} training galaxies has a vote on the tree {self.schema.name!r}."
            raise LabelError(msg)

    def task_options(self) -> dict[str, Any]:
        """Give the tree itself, so that a saved model carries it."""
        return {"schema": self.schema.to_dict()}
