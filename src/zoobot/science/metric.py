"""What each score is called, and whether higher is better: its one entry, for pages, terminal, plots and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Metric:
    """A score.

    Attributes
    ----------
    key : str
        Its name in ``metrics.json`` and in the dicts that Python gets.
    name : str
        As a sentence names it.
    better : 'high' or 'low'
        Which values are better. Scores that are better high are 1 where predictions are perfect.
    tile : bool
        Whether it may stand in large figures at the top of a page.

    Examples
    --------
    >>> Metric("rmse", "RMSE", "low").sign, Metric("balanced_accuracy", "balanced accuracy").title
    (-1, 'Balanced accuracy')
    """

    key: str
    name: str
    better: Literal["high", "low"] = "high"
    tile: bool = False

    @property
    def sign(self) -> Literal[1, -1]:
        """1 where higher is better, -1 where lower is."""
        return 1 if self.better == "high" else -1

    @property
    def title(self) -> str:
        """Its name as a title begins."""
        return self.name[:1].upper() + self.name[1:]

    def error(self, values: Any) -> Any:
        """Return what falls as predictions improve.

        It is the score itself where low is better, and 1 less the score for others.
        """
        return values if self.better == "low" else 1 - values

    def score(self, errors: Any) -> Any:
        """Undo `error`."""
        return self.error(errors)


ACCURACY = Metric("accuracy", "accuracy", tile=True)
BALANCED_ACCURACY = Metric("balanced_accuracy", "balanced accuracy", tile=True)
AUROC = Metric("auroc", "AUROC", tile=True)
AVERAGE_PRECISION = Metric("average_precision", "average precision", tile=True)
LOG_LOSS = Metric("log_loss", "log loss", "low")
BRIER = Metric("brier", "Brier score", "low")
ECE = Metric("ece", "calibration error (ECE)", "low")
RMSE = Metric("rmse", "RMSE", "low", tile=True)
MAE = Metric("mae", "MAE", "low", tile=True)
R2 = Metric("r2", "R²", tile=True)
SKILL = Metric("skill", "skill", tile=True)
LOSS = Metric("loss", "loss", "low")
FRACTION_MAE = Metric("fraction_mae", "error of vote fractions", "low", tile=True)
SPEARMAN = Metric("spearman", "rank correlation")

METRICS = {
    metric.key: metric
    for metric in (
        ACCURACY, BALANCED_ACCURACY, AUROC, AVERAGE_PRECISION, LOG_LOSS, BRIER, ECE, RMSE, MAE, R2, SKILL, LOSS,
        FRACTION_MAE, SPEARMAN,
    )
}  # fmt: skip
"""The scores of the tasks that are built in, in the order in which they are shown"""


def metric_of(key: str) -> Metric:
    """Return the score of a key; one of a task of one's own goes by its key, and is better high."""
    return METRICS.get(key) or Metric(key, key)
