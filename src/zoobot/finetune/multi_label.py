"""FinetuneableZoobotMultiLabel: which of these independent labels does it have?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from torch import Tensor

from zoobot.errors import LabelError
from zoobot.finetune.classifier import FinetuneableZoobotClassifier
from zoobot.finetune.losses import multi_label_loss
from zoobot.finetune.metrics import Scores, multi_label_scores
from zoobot.science import (
    Scaling,
    fit_scaling,
    label_figures,
    likely_multi_label_errors,
    multi_label_calibration_scores,
)
from zoobot.science.label_check import SuspectLabels, judging_figures

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data import GalaxyDataModule
    from zoobot.science.figures import Figures
    from zoobot.trees import Schema

ABSENT_PRESENT = ("0", "1")
"""The classes of an independent label"""


class FinetuneableZoobotMultiLabel(FinetuneableZoobotClassifier):
    """Predicts independent labels: 0/1 columns that don't exclude one another (sigmoid).

    The table of predictions has a column ``<label>`` with the probability of each label. Once `calibrate` has seen
    validation galaxies, it has ``<label>_calibrated`` as well, and ``<label>_set``: 0, 1 or both, joined by "|", which
    hold the true one at the coverage asked for. ``num_classes`` is the number of labels; the other parameters are those
    of `FinetuneableZoobotClassifier`.
    """

    kind = "multi_label"
    takes = "flags"
    multi_label = True
    calibrations = ("auto", "isotonic", "none")

    @classmethod
    def for_data(cls, datamodule: GalaxyDataModule, tree: Schema | None = None, **options: Any) -> Self:
        """Return an untrained model of the data module's label columns."""
        return cls(len(datamodule.label_cols), **options)

    def known_classes(self) -> list[str]:
        """Return no classes."""
        return []

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the binary cross entropy (batch,) of logits (batch, label), the mean over labels."""
        return multi_label_loss(outputs, labels, class_weights=self.class_weights)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the probability of each label (batch, label)."""
        return outputs.float().sigmoid()

    def prediction_columns(self) -> list[str]:
        """Name a column for each label: its own name."""
        return self.label_cols or [f"label_{place}" for place in range(self.num_classes)]

    def derived_columns(self) -> list[str]:
        """Name calibrated probabilities, spreads and sets."""
        return [f"{name}{ending}" for name in self.prediction_columns() for ending in ("_calibrated", "_std", "_set")]

    def add_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table as it is."""
        return table

    def scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        """Return the scores of each label, and their means; see `zoobot.finetune.metrics.multi_label_scores`."""
        return multi_label_scores(predictions, labels, self.prediction_columns())

    def check_labels(
        self, frame: pd.DataFrame, labels: npt.NDArray[np.floating[Any]], label_cols: Sequence[str]
    ) -> None:
        """Refuse labels that are not 0 or 1, and another number of columns than labels."""
        if len(label_cols) != self.num_classes:
            msg = (
                f"{len(label_cols)} label columns ({', '.join(label_cols)}) were given, where {self.num_classes} "
                f"{'is' if self.num_classes == 1 else 'are'} expected. "
                "num_classes must equal the number of label columns with multi_label=True."
            )
            raise LabelError(msg)
        for place, column in enumerate(label_cols):
            self._check_codes(frame, column, labels[:, place], 1, "Independent labels are 0 or 1.")

    def prepare(self, labels: npt.NDArray[np.float32]) -> None:
        """Refuse training labels that are all 0 or all 1."""
        self._refuse_one_class(labels)

    def suspect_labels(
        self,
        table: pd.DataFrame,
        values: npt.NDArray[np.float64],
        *,
        groups: npt.NDArray[Any] | None = None,
        folds: bool = False,
    ) -> SuspectLabels:
        """Return likely label errors: see `zoobot.science.likely_multi_label_errors`."""
        labels = table[[f"true_{name}" for name in self.label_cols]].to_numpy(float)
        found = likely_multi_label_errors(table, values, labels, self.label_cols)
        figures = judging_figures(values, labels.astype(np.int64), self.label_cols, groups=groups, folds=folds)
        return SuspectLabels(found, figures)

    def explained_scores(self, outputs: Tensor) -> Tensor:
        """Return the logits (galaxy, label)."""
        return outputs.float()

    def _figures(
        self, p: npt.NDArray[Any], truth: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None
    ) -> Figures:
        return label_figures(p, truth, groups, names=self.prediction_columns())

    def _calibration_scores(
        self, p: npt.NDArray[np.float64], truth: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None
    ) -> Scores:
        return multi_label_calibration_scores(p, truth, self.prediction_columns(), groups=groups)

    def _fit_scaling(
        self, p: npt.NDArray[np.float64], truth: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None
    ) -> Scaling:
        return fit_scaling(p, truth, "isotonic", multi_label=True, groups=groups)

    def _set_probabilities(self, p: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
        return [np.stack([1 - column, column], axis=1) for column in p.T]

    def _set_labels(self) -> list[tuple[str, Sequence[str]]]:
        return [(label, ABSENT_PRESENT) for label in self.prediction_columns()]

    def _all_sets(self, each: dict[str, Scores]) -> Scores:
        means = {name: float(np.mean([one[name] for one in each.values()])) for name in ("coverage", "mean_size")}
        told = any(one["informative"] for one in each.values())
        return {"level": next(iter(each.values()))["level"], **means, "informative": told, "labels": each}
