"""`Task`: what a task decides of a model, each with a default.

`FinetuneableZoobotAbstract` is a task that can be trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from zoobot.errors import LabelError
from zoobot.finetune.heads import make_head
from zoobot.finetune.metrics import Scores
from zoobot.finetune.tables import sample_columns
from zoobot.schema import ANYTHING
from zoobot.settings import HeadKind, TableOptions

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data import GalaxyDataModule
    from zoobot.data.labels import LabelKind
    from zoobot.data.scales import LabelScale
    from zoobot.encoders import Encoder
    from zoobot.schema import Kind
    from zoobot.science.figures import Figures
    from zoobot.science.label_check import SuspectLabels
    from zoobot.settings import CurveTask
    from zoobot.trees import Schema


class Task:
    """Hooks of a task, with their defaults; see `FinetuneableZoobotAbstract` for the attributes."""

    kind: ClassVar[str] = "abstract"
    takes: ClassVar[LabelKind | None] = None
    by_default: ClassVar[bool] = False
    run_options: ClassVar[tuple[str, ...]] = ()
    saved_options: ClassVar[Kind | None] = None
    """What ``task_options`` of a saved model may hold; None: it is not checked"""
    saved_calibration: ClassVar[Kind] = ANYTHING
    """What the calibration of a saved model may hold"""

    num_outputs: int
    takes_class_names = True
    encoder: Encoder
    label_cols: list[str]
    class_names: list[str]
    label_scale: LabelScale | None

    @classmethod
    def check_tree(cls, tree: Schema | None) -> None:
        """Raise an OptionError where the task needs a decision tree, and none was given."""

    @classmethod
    def for_data(cls, datamodule: GalaxyDataModule, tree: Schema | None = None, **options: Any) -> Self:
        """Return an untrained model for a data module that has read its catalogs.

        Parameters
        ----------
        datamodule
            Its labels decide the width of the head.
        tree
            The decision tree, where one was given.
        **options
            Those of `FinetuneableZoobotAbstract`, and the task's ``run_options``.
        """
        return cls(**options)

    @classmethod
    def saved_class(cls, task_options: Mapping[str, Any]) -> type[Self]:
        """Return the class to make of a saved model of this one, from its ``task_options``."""
        return cls

    @property
    def label_kind(self) -> LabelKind:
        """What the labels are; see `zoobot.data.labels.LabelKind`."""
        return self.takes or ("classes" if self.class_names else "numbers")

    def subject(self) -> str:
        """Return what is predicted, as a title names it."""
        return ", ".join(self.label_cols)

    def known_classes(self) -> list[str]:
        """Return the classes in order, as labels name them; none where labels are no classes."""
        return self.class_names

    def make_head(self, head: HeadKind, dropout_prob: float) -> nn.Module:
        """Return the module from (batch, feature) to (batch, output)."""
        return make_head(head, self.encoder.num_features, self.num_outputs, dropout_prob)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the loss (batch,) of the head's outputs (batch, output) for the labels (batch, label)."""
        raise NotImplementedError

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return what is predicted, and scored, from the head's outputs.

        These are probabilities, targets or concentrations (batch, value).
        """
        return outputs

    def prediction_columns(self) -> list[str]:
        """Name the columns that `to_columns` gives."""
        return [f"output_{place}" for place in range(self.num_outputs)]

    def derived_columns(self) -> list[str]:
        """Name all that `to_table` may add to `prediction_columns`, but for single samples."""
        return [f"{name}_std" for name in self.prediction_columns()]

    def to_columns(self, predictions: Tensor) -> Tensor:
        """Return the columns (galaxy, column) that a table of predictions shows."""
        return predictions

    def add_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table of predictions with what follows from its columns, such as the leading class."""
        return table

    def derived(self, values: npt.NDArray[np.floating[Any]], options: TableOptions) -> dict[str, npt.NDArray[Any]]:
        """Return what follows from predictions, or samples of them, and the calibration.

        Predictions are (galaxy, value), and samples (galaxy, sample, value). The keys are those of
        `zoobot.science.predicted.DERIVED`, each (galaxy, ...); `to_table` names their columns.
        """
        return {}

    def to_table(self, values: npt.NDArray[np.floating[Any]], options: TableOptions) -> pd.DataFrame:
        """Return the columns of a table of predictions.

        Parameters
        ----------
        values
            Predictions (galaxy, value), or (galaxy, sample, value): then each column holds the mean of the samples, and
            ``<column>_std`` and ``<column>_sample_<k>`` their standard deviation and each of them.
        options
            What the table is to hold.
        """
        names = self.prediction_columns()
        if values.ndim == 2:
            return self.add_columns(pd.DataFrame(self.to_columns(torch.from_numpy(values)).numpy(), columns=names))
        samples = np.stack([self.to_columns(torch.from_numpy(sample)).numpy() for sample in values.swapaxes(0, 1)])
        means = pd.DataFrame(samples.mean(axis=0), columns=names)
        return self.add_columns(pd.concat([means, sample_columns(samples, names)], axis=1).copy())  # in one piece

    def scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        """Return the metrics of predictions (galaxy, column) for labels (galaxy, label).

        See `zoobot.finetune.metrics`.
        """
        return {}

    def in_units(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return predictions or labels (..., value) as training has them in the labels' own unit."""
        return values if self.label_scale is None else self.label_scale.restore(values)

    def final_scores(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Scores:
        """Return `scores` with those that take too long for each epoch, for `zoobot.evaluate` and ``metrics.json``.

        ``groups`` (galaxy,) is the number of each galaxy's group; None where each stands alone.
        """
        return self.scores(predictions, labels)

    def figures(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Figures:
        """Return scores with their intervals, and whether they can be told from chance; see `zoobot.science.figures`.

        Parameters
        ----------
        predictions, labels
            As for `final_scores`.
        groups
            (galaxy,) whole numbers: galaxies with the same one, such as copies of one object, belong together.
        """
        return {}

    def calibrate(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> None:
        """Learn from validation galaxies what corrects the predictions.

        The correction is saved with the model and applied from then on. ``groups``: see `final_scores`.
        """

    def suspect_labels(
        self,
        table: pd.DataFrame,
        values: npt.NDArray[np.float64],
        *,
        groups: npt.NDArray[Any] | None = None,
        folds: bool = False,
    ) -> SuspectLabels:
        """Return the labels that disagree with predictions.

        Parameters
        ----------
        table
            One row per galaxy: ``id_str``, ``file_loc``, and the labels as ``true_<label>``.
        values
            `prediction_columns` (galaxy, column).
        groups
            (galaxy,): galaxies that depend on one another share one. None: each stands alone.
        folds
            Whether predictions are by the models of folds.

        Raises
        ------
        LabelError
            They can't be told, and why.
        """
        msg = f"labels of the task {self.kind!r} are not checked"
        raise LabelError(msg)

    def curve_task(self) -> CurveTask:
        """Return what a learning curve of the label column measures; see `zoobot.science.learning_curve`.

        Raises
        ------
        LabelError
            There is no curve, and why.
        """
        msg = f"the task {self.kind!r} has no learning curve"
        raise LabelError(msg)

    def to_explain(self, outputs: Tensor) -> Tensor:
        """Return what Grad-CAM explains (galaxy, column) of the head's outputs: one value per prediction column."""
        return self.to_columns(self.predictions(outputs))

    def explained_scores(self, outputs: Tensor) -> Tensor:
        """Return the scores (galaxy, column) that fall where parts of an image are hidden.

        There is one per prediction column.
        """
        columns = self.to_columns(self.predictions(outputs))
        return torch.from_numpy(np.asarray(self.in_units(columns.numpy())))

    explained_score: ClassVar[str] = "the prediction"
    """What `explained_scores` are called"""

    def explained_by_default(self) -> int | None:
        """Return the place of the column to explain where none is named; None for each galaxy's largest.

        Raises
        ------
        OptionError
            One has to be named.
        """
        return 0

    def epoch_figures(self, scores: Scores) -> dict[str, float]:
        """Return the scores to log each epoch: those that are numbers. The loss is logged already."""
        return {name: value for name, value in scores.items() if isinstance(value, float) and name != "loss"}

    def made_of(self) -> dict[str, str]:
        """Return what decides a run of this task beside labels, images and settings.

        It is text by what it is, such as a tree.
        """
        return {}

    def read_labels(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a catalog with the label columns that the task needs, where they can be made of others."""
        return frame

    def label_notes(self, frame: pd.DataFrame) -> list[str]:
        """Return what is odd about the columns that `read_labels` makes labels of: sentences for the user."""
        return []

    def check_labels(
        self, frame: pd.DataFrame, labels: npt.NDArray[np.floating[Any]], label_cols: Sequence[str]
    ) -> None:
        """Raise a LabelError where a catalog's labels (galaxy, label) don't fit the task."""

    def prepare(self, labels: npt.NDArray[np.float32]) -> None:
        """Learn what is needed of the training labels (galaxy, label) before training, such as their scale."""

    def task_options(self) -> dict[str, Any]:
        """Return the task's own constructor arguments, as JSON can hold them."""
        return {}

    def calibration_dict(self) -> dict[str, Any] | None:
        """Return what `calibrate` learned, as JSON can hold it, or None."""
        return None

    def restore_calibration(self, content: Mapping[str, Any]) -> None:
        """Take back what `calibration_dict` gave."""


def refuse_several(label_cols: Sequence[str]) -> None:
    """Refuse a learning curve of several labels.

    Raises
    ------
    LabelError
        There are several.
    """
    if len(label_cols) > 1:
        msg = f"there are {len(label_cols)} label columns, and a curve is of one"
        raise LabelError(msg)
