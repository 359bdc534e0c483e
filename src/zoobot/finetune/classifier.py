"""FinetuneableZoobotClassifier: is it ringed, and which of these classes is it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import torch
from torch import Tensor

from zoobot.data.catalog import check_labels
from zoobot.errors import LabelError, OptionError
from zoobot.finetune.base import FinetuneableZoobotAbstract, FinetuneOptions
from zoobot.finetune.losses import cross_entropy_loss, multi_label_loss
from zoobot.finetune.metrics import Scores, classification_scores, multi_label_scores

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


class FinetuneableZoobotClassifier(FinetuneableZoobotAbstract):
    """Tells classes apart: exclusive ones (softmax), or several independent labels (sigmoid).

    Predictions are probabilities. The table of predictions has a column ``<label>_<class>`` for each class and ``<label>_predicted`` with
    the most probable one; with ``multi_label``, a column ``<label>`` with the probability of each label.

    Parameters
    ----------
    num_classes
        How many classes, or how many independent labels.
    label_smoothing
        The share of the probability that is spread evenly over all classes in the loss, at least 0 and below 1.
    class_weights
        A factor on the loss for each class, such as n_galaxies / (n_classes * n_galaxies_of_class) for rare ones.
    multi_label
        Labels are independent 0/1 columns, one a class, not exclusive classes.
    **options
        See `FinetuneableZoobotAbstract`.

    Raises
    ------
    OptionError
        Fewer classes than two (than one label), or another number of class weights than classes.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        num_classes: int,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        multi_label: bool = False,
        **options: Unpack[FinetuneOptions],
    ) -> None:
        if num_classes < (1 if multi_label else 2):
            msg = (
                f"num_classes={num_classes} is too few. Expected at least 2 classes (1 and more with multi_label=True)."
            )
            raise OptionError(msg)
        if not 0 <= label_smoothing < 1 or (multi_label and label_smoothing):
            msg = f"label_smoothing={label_smoothing} must be at least 0 and below 1, and 0 with multi_label=True."
            raise OptionError(msg)
        if class_weights is not None and len(class_weights) != num_classes:
            msg = f"{len(class_weights)} class_weights were given for num_classes={num_classes}. Give one a class."
            raise OptionError(msg)
        self.num_outputs = num_classes
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.multi_label = multi_label
        self.takes_class_names = not multi_label
        super().__init__(**options)
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Give the cross entropy (batch,) of logits (batch, class)."""
        if self.multi_label:
            return multi_label_loss(outputs, labels, class_weights=self.class_weights)
        if not self.label_cols:  # a data module that doesn't show its labels beforehand
            _check_batch(labels, self.num_classes)
        return cross_entropy_loss(
            outputs, labels, label_smoothing=self.label_smoothing, class_weights=self.class_weights
        )

    def predictions(self, outputs: Tensor) -> Tensor:
        """Give probabilities (batch, class): each row sums to 1, except with multi_label."""
        return outputs.float().sigmoid() if self.multi_label else outputs.float().softmax(dim=1)

    def prediction_columns(self) -> list[str]:
        """Name a column for each class: ``<label>_<class>``, or the label itself with multi_label."""
        if self.multi_label:
            return self.label_cols or [f"label_{place}" for place in range(self.num_classes)]
        return [f"{self._label}_{name}" for name in self._names]

    def add_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add ``<label>_predicted``, the most probable class; NaN where there are no probabilities."""
        if self.multi_label:
            return table
        probabilities = table[self.prediction_columns()].to_numpy(float)
        known = np.isfinite(probabilities).all(axis=1)
        leading = np.asarray(self._names, dtype=object)[np.where(known[:, None], probabilities, 0).argmax(axis=1)]
        leading[~known] = None
        return table.assign(**{f"{self._label}_predicted": leading})

    def scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        """Give accuracy, balanced accuracy, AUROC, average precision, log loss, F1 by class and the confusion table."""
        if self.multi_label:
            return multi_label_scores(predictions, labels, self.prediction_columns())
        return classification_scores(predictions, labels, self._names)

    def check_labels(self, frame: pd.DataFrame, labels: npt.NDArray[np.float32], label_cols: Sequence[str]) -> None:
        """Refuse labels that are not classes 0 to num_classes - 1, training labels of one class only, or the wrong number of columns."""
        columns = self.num_classes if self.multi_label else 1
        if len(label_cols) != columns:
            msg = (
                f"{len(label_cols)} label columns ({', '.join(label_cols)}) were given, where {columns} "
                f"{'is' if columns == 1 else 'are'} expected. "
                + ("num_classes must equal the number of label columns with multi_label=True." if self.multi_label
                   else "Name one column of classes, or set multi_label=True for independent 0/1 columns.")
            )  # fmt: skip
            raise LabelError(msg)
        most = 1 if self.multi_label else self.num_classes - 1
        for place, column in enumerate(label_cols):
            values = labels[:, place]
            check_labels(frame, column, values < 0, "a negative class", f"Classes are counted from 0 to {most}.")
            check_labels(
                frame,
                column,
                values != np.floor(values),
                "a fractional class",
                "Classes are whole numbers; for measurements use a regressor.",
            )
            remedy = (
                "Independent labels are 0 or 1."
                if self.multi_label
                else f"Set num_classes={int(values.max()) + 1}, or correct the labels."
            )
            check_labels(frame, column, values > most, f"a class above {most} (num_classes={self.num_classes})", remedy)

    def prepare(self, labels: npt.NDArray[np.float32]) -> None:
        """Refuse training labels that are all of one class."""
        for place, column in enumerate(self.label_cols):
            values = np.unique(labels[:, place])
            if len(values) == 1:
                msg = (
                    f"all {len(labels)} training galaxies have the same label {values[0]:g} in column {column!r}. "
                    "Two classes or more are needed to learn from."
                )
                raise LabelError(msg)
        if not self.multi_label and self.class_names and len(self.class_names) < self.num_classes:
            self.class_names += [str(place) for place in range(len(self.class_names), self.num_classes)]

    def task_options(self) -> dict[str, Any]:
        """Give num_classes, label_smoothing, class_weights and multi_label."""
        return {
            "num_classes": self.num_classes,
            "label_smoothing": self.label_smoothing,
            "class_weights": None if self.class_weights is None else self.class_weights.tolist(),
            "multi_label": self.multi_label,
        }

    @property
    def _label(self) -> str:
        return self.label_cols[0] if self.label_cols else "class"

    @property
    def _names(self) -> list[str]:
        return self.class_names or [str(place) for place in range(self.num_classes)]


def _check_batch(labels: Tensor, num_classes: int) -> None:
    """Refuse labels that are not classes."""
    if not bool(((labels >= 0) & (labels < num_classes) & (labels == labels.floor())).all()):
        msg = f"a batch has labels {sorted(set(labels.flatten().tolist()))[:10]}. Expected whole numbers from 0 to {num_classes - 1}."
        raise LabelError(msg)
