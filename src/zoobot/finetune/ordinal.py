"""FinetuneableZoobotOrdinal: which of these ordered classes is it, such as Sa, Sb, Sc?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from zoobot.finetune.classifier import FinetuneableZoobotClassifier
from zoobot.finetune.heads import make_head
from zoobot.finetune.metrics import Scores
from zoobot.science.ordered import ConformalOrdered, ordered_figures, ordered_scores, unimodal

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.science import ConformalClasses
    from zoobot.science.figures import Figures
    from zoobot.settings import HeadKind

SMALLEST_GAP = 1e-4
"""Between neighboring thresholds"""


class CumulativeLink(nn.Module):
    r"""Turns one number for each galaxy into log probabilities of ordered classes.

    The model is proportional odds (McCullagh 1980, JRSS B 42, 109). :math:`P(\mathrm{class} \le k) = \sigma(t_k - f)`
    with rising thresholds: the first is free, and each other lies a softplus above the one before, so that the order
    holds by construction.

    Parameters
    ----------
    num_classes
        How many classes, 2 at least.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(1))
        self.gaps = nn.Parameter(torch.zeros(num_classes - 2))
        self.start_at(torch.full((num_classes,), 1 / num_classes))

    def thresholds(self) -> Tensor:
        """Return the thresholds (class - 1,), rising."""
        steps = nn.functional.softplus(self.gaps) + SMALLEST_GAP
        return torch.cat([self.first, self.first + steps.cumsum(dim=0)])

    def start_at(self, shares: Tensor) -> None:
        """Put the thresholds where a galaxy of which nothing is known has these shares (class,) as probabilities."""
        below = shares.cumsum(dim=0)[:-1].clamp(1e-3, 1 - 1e-3).logit()
        with torch.no_grad():
            self.first.copy_(below[:1])
            steps = (below.diff() - SMALLEST_GAP).clamp(min=0.05)
            self.gaps.copy_(steps.expm1().log())  # the inverse of softplus

    def forward(self, numbers: Tensor) -> Tensor:
        """Return log probabilities (batch, class) of numbers (batch, 1)."""
        above = self.thresholds().to(numbers.dtype) - numbers
        upper, lower = above[:, 1:], above[:, :-1]
        between = (
            nn.functional.logsigmoid(upper) + nn.functional.logsigmoid(-lower) + torch.log(-torch.expm1(lower - upper))
        )  # ln of the difference of two sigmoids, without losing its digits
        ends = nn.functional.logsigmoid(above[:, :1]), nn.functional.logsigmoid(-above[:, -1:])
        return torch.cat([ends[0], between, ends[1]], dim=1)


class FinetuneableZoobotOrdinal(FinetuneableZoobotClassifier):
    """Tells ordered classes apart, such as Hubble types or T-types.

    A wrong class that is near counts less than one that is far. One number is learned for each galaxy, with thresholds
    between the classes; see `CumulativeLink`. Labels are whole numbers, in numeric order, or names, in sorted order.
    The table of predictions is that of `FinetuneableZoobotClassifier`, with ``<label>_expected`` as well: the mean
    class, in the unit of classes that are numbers, else counted from 0. Conformal sets have no gaps. The parameters are
    those of `FinetuneableZoobotClassifier`, without ``multi_label``.
    """

    kind = "ordinal"
    by_default = False

    def make_head(self, head: HeadKind, dropout_prob: float) -> nn.Module:
        """Return the module from (batch, feature) to log probabilities (batch, class)."""
        return nn.Sequential(
            make_head(head, self.encoder.num_features, 1, dropout_prob), CumulativeLink(self.num_classes)
        )

    def prepare(self, labels: npt.NDArray[np.float32]) -> None:
        """Start the thresholds of a new model at the shares of the training galaxies' classes.

        See `FinetuneableZoobotClassifier`.
        """
        super().prepare(labels)
        if self.new:
            counts = np.bincount(labels[:, 0].astype(int), minlength=self.num_classes) + 0.5
            link = self.head[-1]  # type: ignore[index]
            link.start_at(torch.tensor(counts / counts.sum(), dtype=torch.float32))
            self.new = False

    def restore_names(self, config: Mapping[str, Any]) -> None:
        """Take back names, preprocessing and calibration of a saved model, whose thresholds are learned."""
        super().restore_names(config)
        self.new = False

    new = True
    """Whether the thresholds have not been started yet"""

    def derived_columns(self) -> list[str]:
        """Name what `FinetuneableZoobotClassifier` names, and the expected class."""
        return [*super().derived_columns(), f"{self._label}_expected"]

    def add_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add the most probable and the expected class; NaN where there are no probabilities."""
        expected = table[self.prediction_columns()].to_numpy(float) @ self.class_values()
        return super().add_columns(table).assign(**{f"{self._label}_expected": expected.astype(np.float32)})

    def class_values(self) -> npt.NDArray[np.float64]:
        """Return the number (class,) of each class: its name where all names are numbers, else its place."""
        try:
            return np.array([float(name) for name in self._names])
        except ValueError:
            return np.arange(self.num_classes, dtype=np.float64)

    def scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        """Return the scores of classes, and those of `zoobot.science.ordered.ordered_scores`."""
        places = predictions.argmax(dim=1).numpy(force=True)
        return super().scores(predictions, labels) | ordered_scores(places, labels.reshape(-1).numpy(force=True))

    def restore_calibration(self, content: Mapping[str, Any]) -> None:
        """Take back what `calibration_dict` gave."""
        super().restore_calibration(content)
        self._order_sets()

    def calibrate(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> None:
        """Fit the calibration on validation galaxies; conformal sets have no gaps."""
        super().calibrate(predictions, labels, groups)
        self._order_sets()

    def _order_sets(self) -> None:
        self.conformal: list[ConformalClasses] = [ConformalOrdered(one.scores) for one in self.conformal]

    def _figures(
        self, p: npt.NDArray[Any], truth: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None
    ) -> Figures:
        return ordered_figures(p, truth[:, 0], groups, names=self.class_names)

    def _set_probabilities(self, p: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
        return [unimodal(p)]
