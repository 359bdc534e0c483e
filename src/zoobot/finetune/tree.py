"""FinetuneableZoobotTree: what would the volunteers of a Galaxy Zoo decision tree answer?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, Self, Unpack

import numpy as np
import torch
from torch import Tensor

from zoobot.data.catalog import check_labels
from zoobot.errors import LabelError, OptionError
from zoobot.finetune.base import FinetuneableZoobotAbstract, FinetuneOptions
from zoobot.finetune.losses import concentrations_from_logits, dirichlet_multinomial_loss
from zoobot.finetune.metrics import Scores
from zoobot.finetune.specs import WORD
from zoobot.finetune.tree_table import vote_table
from zoobot.ranges import RANGES, check_range
from zoobot.schema import LARGEST, entries, maybe, numbers, real, table
from zoobot.science import (
    VoteCalibration,
    constant_optimism,
    fit_vote_calibration,
    score_votes,
    vote_figures,
    vote_losses,
)
from zoobot.trees import VotePosterior, names
from zoobot.trees import load as load_tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    import pandas as pd

    from zoobot.data import GalaxyDataModule
    from zoobot.science.figures import Figures
    from zoobot.settings import ConcentrationKind, TableOptions
    from zoobot.trees import Schema
    from zoobot.trees.library import TreeSource


class FinetuneableZoobotTree(FinetuneableZoobotAbstract):
    """Predicts the votes of a decision tree.

    They are Dirichlet concentrations for each question's answers (Walmsley et al. 2022). The table of predictions has a
    column ``<question>_<answer>`` with the expected vote fraction of each answer, given that the question is asked, and
    others on what is known of it: see `zoobot.finetune.tree_table.vote_table`.

    Parameters
    ----------
    schema
        The tree: a packaged one's name (``zoobot.trees.names()``), a YAML file, a dict, or a `Schema`; several of these
        are merged, and each galaxy learns from the votes of its own campaign.
    concentrations
        How outputs become concentrations: 'sigmoid' (1 to 101) or 'softplus' (from 0.01 up). See
        `concentrations_from_logits`.
    question_weights
        Factors of the losses of some questions; 1 for the others.
    **options
        See `FinetuneableZoobotAbstract`.

    Raises
    ------
    TreeError
        No such tree, one that doesn't hold together, or a weight for a question that it doesn't have.
    OptionError
        A negative weight, or an unknown kind of concentrations.
    """

    kind = "tree"
    takes = "votes"
    by_default = True
    run_options = ("concentrations",)
    saved_options = entries(
        {"schema": entries({"questions": table(entries({}))})},
        {"concentrations": WORD, "question_weights": maybe(table(real(0, LARGEST)))},
    )
    saved_calibration = table(numbers(1e6))
    explained_score = "the expected fraction"

    calibration: VoteCalibration | None = None
    """What validation galaxies taught of the concentrations, if it helped"""
    loss_weights: Tensor | None
    """One per question, where some have other weights than 1"""

    def __init__(
        self,
        schema: TreeSource | Sequence[TreeSource],
        *,
        concentrations: ConcentrationKind = "sigmoid",
        question_weights: Mapping[str, float] | None = None,
        **options: Unpack[FinetuneOptions],
    ) -> None:
        self.schema = load_tree(schema)
        self.num_outputs = len(self.schema.label_cols)
        self.concentrations = concentrations
        self.question_weights = dict(question_weights or {})
        concentrations_from_logits(torch.zeros(1), concentrations)  # an unknown kind is found now
        for question, weight in self.question_weights.items():
            self.schema.get_question(question)
            check_range(f"question_weights[{question!r}]", weight, RANGES["question_weight"])
        super().__init__(**options)
        self.label_cols = list(self.schema.label_cols)
        weights = [self.question_weights.get(question.text, 1.0) for question in self.schema.questions]
        self.register_buffer("loss_weights", torch.tensor(weights) if question_weights else None, persistent=False)

    @classmethod
    def check_tree(cls, tree: Schema | None) -> None:
        """Refuse to go without a tree.

        Raises
        ------
        OptionError
            There is none.
        """
        if tree is None:
            msg = f"--task tree needs the tree: --tree with one of {', '.join(names())}, or the path of a YAML file."
            raise OptionError(msg)

    @classmethod
    def for_data(cls, datamodule: GalaxyDataModule, tree: Schema | None = None, **options: Any) -> Self:
        """Return an untrained model of a tree's votes; see `check_tree`."""
        cls.check_tree(tree)
        assert tree is not None  # checked above
        return cls(tree, **options)

    def subject(self) -> str:
        """Return the name of the tree."""
        return self.schema.name

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the Dirichlet-multinomial loss (batch,) of logits for vote counts, summed over questions.

        Logits are (batch, answer).
        """
        concentrations = concentrations_from_logits(outputs, self.concentrations)
        return dirichlet_multinomial_loss(concentrations, labels, self.schema, question_weights=self.loss_weights).sum(
            dim=1
        )

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return Dirichlet concentrations (batch, answer), calibrated if the model is."""
        concentrations = concentrations_from_logits(outputs, self.concentrations)
        if self.calibration is None:
            return concentrations
        sizes = torch.tensor([len(question.answers) for question in self.schema.questions], device=outputs.device)
        scale = concentrations.new_tensor(self.calibration.scale).repeat_interleave(sizes)
        offset = concentrations.new_tensor(self.calibration.offset)
        return torch.exp(scale * concentrations.log() + offset)

    def prediction_columns(self) -> list[str]:
        """Name a column for each answer: ``<question>_<answer>``."""
        return list(self.schema.label_cols)

    def derived_columns(self) -> list[str]:
        """Name all columns of `vote_table` beside the expected fractions, but for single samples."""
        answers = [f"{name}{ending}" for name in self.schema.label_cols for ending in ("_low", "_high", "_std")]
        paths = [f"{answer.text}_path" for answer in self.schema.leaves]
        endings = ("_p_asked", "_leading", "_entropy", "_volunteers")
        return [
            *answers,
            *paths,
            *(f"{question.text}{ending}" for question in self.schema.questions for ending in endings),
        ]

    def to_columns(self, predictions: Tensor) -> Tensor:
        """Return the expected vote fractions (galaxy, answer): they sum to 1 within each question."""
        parts = [predictions[:, question.columns] for question in self.schema.questions]
        return torch.cat([part / part.sum(dim=1, keepdim=True) for part in parts], dim=1)

    def to_table(self, values: npt.NDArray[np.floating[Any]], options: TableOptions) -> pd.DataFrame:
        """Return the columns that `vote_table` lists; samples are mixed, not averaged."""
        posterior = VotePosterior(self.schema, values)
        return vote_table(posterior, level=options.level, min_asked=options.min_asked)

    def scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        """Return the losses, and the error of vote fractions, of all galaxies, of each campaign and of each question.

        ``loss`` is the mean over galaxies of the loss summed over questions; a campaign's is over its own galaxies and
        questions; a question's, and its ``fraction_mae`` (mean absolute error of vote fractions, weighted by votes),
        are over the galaxies of which it was asked. The ``fraction_mae`` of all is the mean over questions.
        """
        losses = dirichlet_multinomial_loss(predictions, labels, self.schema)
        fractions = self.to_columns(predictions)
        questions = {}
        for place, question in enumerate(self.schema.questions):
            answers = question.columns
            total = labels[:, answers].sum(dim=1)
            asked = total > 0
            observed = labels[asked][:, answers] / total[asked, None]
            error = (fractions[asked][:, answers] - observed).abs().mean(dim=1)
            questions[question.text] = {
                "loss": float(losses[asked, place].mean()),
                "fraction_mae": float((error * total[asked]).sum() / total.sum()),
                "n_asked": int(asked.sum()),
            }
        known = [scores["fraction_mae"] for scores in questions.values() if scores["n_asked"]]
        return {
            "loss": float(losses.sum(dim=1).mean()),
            "fraction_mae": sum(known) / len(known) if known else float("nan"),
            **({"campaigns": self._campaign_scores(losses, labels)} if self.schema.campaigns else {}),
            "questions": questions,
            "n": len(labels),
        }

    def final_scores(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Scores:
        """Return `scores` with all that `zoobot.science.VoteScores` lists for each question.

        The skill of all questions together is added.
        """
        votes = labels.numpy(force=True)
        each = score_votes(VotePosterior(self.schema, predictions.numpy(force=True)), votes)
        asked = [scores for scores in each.values() if scores.n_asked]
        constant = sum(scores.constant_loss * scores.n_asked for scores in asked)
        skill = 1 - sum(scores.loss * scores.n_asked for scores in asked) / constant if constant else float("nan")
        questions = {question: scores.to_dict() for question, scores in each.items()}
        return self.scores(predictions, labels) | {
            "skill": skill, "calibration": self._calibration_evidence(), "questions": questions
        }  # fmt: skip

    def figures(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Figures:
        """Return the figures of `zoobot.science.vote_figures`."""
        votes = labels.numpy(force=True)
        losses = vote_losses(VotePosterior(self.schema, predictions.numpy(force=True)), votes)
        return vote_figures(losses, groups, optimism=constant_optimism(self.schema.questions, votes, groups))

    def calibrate(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> None:
        """Fit `VoteCalibration` on validation galaxies, and keep it if it changes any question."""
        found = fit_vote_calibration(
            predictions.numpy(force=True), labels.numpy(force=True), self.schema, groups=groups
        )
        self.calibration = found if found.changes else None

    def read_labels(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a catalog with the tree's vote columns, whatever way it writes votes.

        See `zoobot.data.votes.tree_votes`.
        """
        from zoobot.data.votes import tree_votes

        return tree_votes(frame, self.schema)

    def label_notes(self, frame: pd.DataFrame) -> list[str]:
        """Return what is odd about a table of votes: see `zoobot.data.votes.vote_notes`."""
        from zoobot.data.votes import vote_notes

        return vote_notes(frame, self.schema)

    def check_labels(
        self, frame: pd.DataFrame, labels: npt.NDArray[np.floating[Any]], label_cols: Sequence[str]
    ) -> None:
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
        """Return the tree itself, so that a saved model carries it, and how it is learned."""
        return {
            "schema": self.schema.to_dict(),
            "concentrations": self.concentrations,
            "question_weights": self.question_weights,
        }

    def calibration_dict(self) -> dict[str, Any] | None:
        """Return the calibration as JSON can hold it."""
        return None if self.calibration is None else self.calibration.to_dict()

    def restore_calibration(self, content: Mapping[str, Any]) -> None:
        """Take back what `calibration_dict` gave."""
        self.calibration = VoteCalibration.from_dict(content)

    def suspect_labels(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: votes are no single label."""
        msg = "votes are no single label"
        raise LabelError(msg)

    def curve_task(self) -> NoReturn:
        """Refuse: votes are no single label."""
        msg = "votes are no single label"
        raise LabelError(msg)

    def explained_by_default(self) -> int | None:
        """Refuse: the answer has to be named."""
        msg = (
            "a decision tree answers many questions: name the answer to explain, such as "
            f"target={self.schema.label_cols[0]!r}."
        )
        raise OptionError(msg)

    def epoch_figures(self, scores: Scores) -> dict[str, float]:
        """Return the scores to log each epoch, with the loss of each question and campaign."""
        groups = (scores.get(name, {}) for name in ("questions", "campaigns"))
        losses = {f"loss/{name}": figures["loss"] for group in groups for name, figures in group.items()}
        return super().epoch_figures(scores) | losses

    def made_of(self) -> dict[str, str]:
        """Return the tree."""
        return {"tree": json.dumps(self.schema.to_dict(), sort_keys=True)}

    def _calibration_evidence(self) -> Scores:
        """Return what speaks for the calibration: see `VoteCalibration.evidence`."""
        nothing = {"kind": "none", "evidence": "none"}
        return nothing if self.calibration is None else {"kind": "votes"} | self.calibration.evidence(self.schema)

    def _campaign_scores(self, losses: Tensor, labels: Tensor) -> Scores:
        """Return each campaign's loss, summed over its questions, and number of galaxies."""
        place = {question.text: number for number, question in enumerate(self.schema.questions)}
        found: Scores = {}
        for campaign, questions in self.schema.campaigns.items():
            own = [self.schema.get_question(text) for text in questions]
            votes = sum(labels[:, one.columns].sum(dim=1) for one in own)
            asked = torch.as_tensor(votes) > 0
            total = losses[asked][:, [place[text] for text in questions]].sum(dim=1)
            found[campaign] = {"loss": float(total.mean()), "n": int(asked.sum())}
        return found
