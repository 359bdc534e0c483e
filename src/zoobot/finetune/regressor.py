"""FinetuneableZoobotRegressor: how strong is the bar, how large the bulge?"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zoobot.data.catalog import check_labels
from zoobot.errors import LabelError
from zoobot.finetune.base import FinetuneableZoobotAbstract, FinetuneOptions
from zoobot.finetune.losses import regression_loss
from zoobot.finetune.metrics import Scores, regression_scores
from zoobot.finetune.specs import MOST_OUTPUTS, WORD
from zoobot.finetune.task import refuse_several
from zoobot.ranges import bounded
from zoobot.schema import FLAG, entries, numbers, table, whole
from zoobot.science import (
    ConformalIntervals,
    fewest_for,
    fit_conformal_intervals,
    number_figures,
    score_intervals,
    unlikely_measurements,
)
from zoobot.science.label_check import SuspectLabels
from zoobot.settings import RegressionLoss, RegressSettings, TableOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from zoobot.data import GalaxyDataModule
    from zoobot.science.figures import Figures
    from zoobot.settings import CurveTask
    from zoobot.trees import Schema

logger = logging.getLogger(__name__)


LARGEST_ERROR = 1e60
"""Of a measurement, in whatever unit it has"""


class FinetuneableZoobotRegressor(FinetuneableZoobotAbstract):
    """Predicts one number, or several, a galaxy, in the labels' own unit.

    The network works in standard deviations about the mean of the training labels (both kept with the model), and that
    is the unit of the loss; predictions and scores are in the labels' unit. The table of predictions has a column
    ``<label>`` for each target and, once `calibrate` has seen validation galaxies, ``<label>_low`` and
    ``<label>_high``: the interval that holds the true value at the coverage asked for; see
    `zoobot.science.ConformalIntervals`.

    Parameters
    ----------
    loss
        'mse', 'mae' or 'huber' (quadratic within one standard deviation, linear beyond).
    unit_interval
        Targets are fractions: predictions stay in [0, 1], through a sigmoid, and nothing is scaled.
    num_targets
        How many numbers a galaxy.
    **options
        See `FinetuneableZoobotAbstract`.

    Raises
    ------
    OptionError
        An unknown loss, or no targets.

    Attributes
    ----------
    conformal : zoobot.science.ConformalIntervals or None
        What makes intervals; None before `calibrate`.
    """

    kind = "regress"
    run_options = ("loss", "unit_interval")
    takes = "numbers"
    by_default = True
    saved_options = entries({}, {"num_targets": whole(1, MOST_OUTPUTS), "loss": WORD, "unit_interval": FLAG})
    saved_calibration = table(numbers(LARGEST_ERROR))
    target_mean: Tensor
    target_std: Tensor

    @bounded()
    def __init__(
        self,
        *,
        loss: RegressionLoss = "mse",
        unit_interval: bool = False,
        num_targets: int = 1,
        **options: Unpack[FinetuneOptions],
    ) -> None:
        RegressSettings(loss=loss)
        self.num_outputs = num_targets
        self.loss_kind: RegressionLoss = loss
        self.unit_interval = unit_interval
        self.conformal: ConformalIntervals | None = None
        self._said_few: set[float] = set()
        super().__init__(**options)
        self.register_buffer("target_mean", torch.zeros(num_targets))
        self.register_buffer("target_std", torch.ones(num_targets))

    @classmethod
    def for_data(cls, datamodule: GalaxyDataModule, tree: Schema | None = None, **options: Any) -> Self:
        """Return an untrained regressor of the data module's label columns."""
        return cls(num_targets=len(datamodule.label_cols), **options)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the error (batch,) of outputs (batch, target), in standard deviations of the training labels."""
        if self.unit_interval:
            return regression_loss(outputs.sigmoid(), labels, self.loss_kind)
        return regression_loss(outputs, (labels - self.target_mean) / self.target_std, self.loss_kind)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the targets (batch, target) in the labels' unit."""
        outputs = outputs.float()
        return outputs.sigmoid() if self.unit_interval else outputs * self.target_std + self.target_mean

    def prediction_columns(self) -> list[str]:
        """Name a column for each target: the label's own name."""
        return self.label_cols or [f"target_{place}" for place in range(self.num_outputs)]

    def derived_columns(self) -> list[str]:
        """Name spreads and the ends of intervals."""
        return [f"{name}{ending}" for name in self.prediction_columns() for ending in ("_std", "_low", "_high")]

    def scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        """Return rmse, mae and r2, in the labels' unit."""
        return regression_scores(predictions, labels, self.prediction_columns())

    def to_table(self, values: npt.NDArray[np.floating[Any]], options: TableOptions) -> pd.DataFrame:
        """Return the columns of a table of predictions, with the ends of conformal intervals."""
        made = self.derived(values, options)
        ends = {
            f"{name}_{end}": made[end][:, place]
            for place, name in enumerate(self.prediction_columns())
            for end in ("low", "high")
            if end in made
        }
        return pd.concat([super().to_table(values, options), pd.DataFrame(ends)], axis=1)

    def derived(self, values: npt.NDArray[np.floating[Any]], options: TableOptions) -> dict[str, npt.NDArray[Any]]:
        """Return ``low`` and ``high``, the ends of conformal intervals, which lie about the mean of samples."""
        if self.conformal is None:
            return {}
        self._say_few(options.level)
        middle = values if values.ndim == 2 else values.mean(axis=1)
        widths = self.conformal.half_widths(options.level).astype(values.dtype)
        low, high = middle - widths, middle + widths
        if self.unit_interval:
            low, high = low.clip(0, 1), high.clip(0, 1)
        return {"low": low, "high": high}

    def final_scores(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Scores:
        """Return `scores`, and once calibrated ``conformal``.

        See `zoobot.science.score_intervals`, at the coverage 0.9.
        """
        scores = self.scores(predictions, labels)
        if self.conformal is not None:
            guess, truth = predictions.numpy(force=True), labels.numpy(force=True)
            level = TableOptions().level
            scores["conformal"] = score_intervals(
                self.conformal, guess, truth, self.prediction_columns(), level, groups=groups
            )
        return scores

    def figures(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Figures:
        """Return the figures of `zoobot.science.number_figures`."""
        guess, truth = predictions.numpy(force=True), labels.numpy(force=True)
        return number_figures(guess, truth, groups, names=self.prediction_columns())

    def calibrate(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> None:
        """Keep the absolute errors of validation galaxies, which conformal intervals are made of."""
        self.conformal = fit_conformal_intervals(predictions.numpy(force=True), labels.numpy(force=True), groups=groups)

    def calibration_dict(self) -> dict[str, Any] | None:
        """Return what makes conformal intervals as JSON can hold it."""
        return None if self.conformal is None else {"conformal": self.conformal.to_dict()}

    def restore_calibration(self, content: Mapping[str, Any]) -> None:
        """Take back what `calibration_dict` gave."""
        self.conformal = ConformalIntervals.from_dict(content["conformal"])

    def check_labels(
        self, frame: pd.DataFrame, labels: npt.NDArray[np.floating[Any]], label_cols: Sequence[str]
    ) -> None:
        """Refuse another number of columns than targets, and targets outside [0, 1] where unit_interval is set."""
        if len(label_cols) != self.num_outputs:
            names = ", ".join(label_cols)
            msg = (
                f"{len(label_cols)} label columns ({names}) were given for num_targets={self.num_outputs}. Make them "
                "agree."
            )
            raise LabelError(msg)
        if self.unit_interval:
            for place, column in enumerate(label_cols):
                outside = (labels[:, place] < 0) | (labels[:, place] > 1)
                check_labels(
                    frame, column, outside, "a label outside 0 to 1", "Set unit_interval=False, or rescale them."
                )

    def learn_from(self, datamodule: Any) -> None:
        """Take label names, scale and preprocessing from a `GalaxyDataModule`.

        Check that its labels and channels fit.

        Raises
        ------
        LabelError, EncoderError
            Labels or images that don't fit this model.
        """
        if not self.unit_interval and datamodule.label_cols and not datamodule.class_names:
            self.label_scale = datamodule.scale_labels()
        super().learn_from(datamodule)

    def prepare(self, labels: npt.NDArray[np.float32]) -> None:
        """Take the mean and standard deviation of the training labels."""
        spread = labels.std(axis=0, dtype=np.float64)
        for column, std in zip(self.label_cols, spread, strict=True):
            if std == 0:
                msg = (
                    f"all {len(labels)} training galaxies have the same value in column {column!r}. There is nothing "
                    "to learn from it."
                )
                raise LabelError(msg)
        if not self.unit_interval:
            self.target_mean.copy_(torch.from_numpy(labels.mean(axis=0, dtype=np.float64)))
            self.target_std.copy_(torch.from_numpy(spread))

    def task_options(self) -> dict[str, Any]:
        """Return loss, unit_interval and num_targets."""
        return {"loss": self.loss_kind, "unit_interval": self.unit_interval, "num_targets": self.num_outputs}

    def suspect_labels(
        self,
        table: pd.DataFrame,
        values: npt.NDArray[np.float64],
        *,
        groups: npt.NDArray[Any] | None = None,
        folds: bool = False,
    ) -> SuspectLabels:
        """Return measurements far from their predictions: see `zoobot.science.unlikely_measurements`."""
        measured = table[[f"true_{name}" for name in self.label_cols]].to_numpy(float)
        return SuspectLabels(unlikely_measurements(table, values, measured, self.label_cols))

    def curve_task(self) -> CurveTask:
        """Return 'regress' of one target; several have no curve."""
        refuse_several(self.label_cols)
        return "regress"

    def _say_few(self, level: float) -> None:
        """Warn, once, where there were too few validation galaxies for a coverage."""
        assert self.conformal is not None  # asked by the caller
        if np.isfinite(self.conformal.half_widths(level)).all() or level in self._said_few:
            return
        self._said_few.add(level)
        logger.warning(
            "too few validation galaxies for intervals that cover %g (at least %d are needed): they are infinite.",
            level, fewest_for(level),
        )  # fmt: skip
