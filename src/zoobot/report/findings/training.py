"""How training went: how many epochs, which was kept, and whether the loss was still falling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoobot.report.training_plots import PREFIX, best_epoch

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents

LATELY = 10
"""The last tenth of the epochs is looked at"""


@dataclass(frozen=True)
class Training:
    """The epochs of a run with a validation loss.

    Attributes
    ----------
    done, asked : int or None
        Epochs that were done, and that were asked for at most (None where that is not known).
    best : int
        The epoch with the lowest validation loss, from 0: its weights were kept.
    lately : int
        The last tenth of the epochs, at least one.
    fell : float
        Share by which the lowest validation loss fell in these; NaN of a single epoch, or a loss that is not positive.
    """

    done: int
    asked: int | None
    best: int
    lately: int
    fell: float

    @property
    def to_the_end(self) -> bool:
        """Whether all epochs were done that were asked for."""
        return self.asked is not None and self.done >= self.asked


def training_of(contents: RunContents) -> Training | None:
    """Return how a run's training went; None where its log has no validation loss."""
    log = contents.log
    best = None if log is None else best_epoch(log)
    if log is None or best is None:
        return None
    done, asked = int(log["epoch"].max()) + 1, contents.settings.get("max_epochs")
    loss, lately = log[f"{PREFIX}val_loss"].to_numpy(float), max(1, done // LATELY)
    fell = float("nan")
    if len(loss) > lately and np.isfinite(loss[:-lately]).any() and np.nanmin(loss[:-lately]) > 0:
        fell = float(1 - np.nanmin(loss) / np.nanmin(loss[:-lately]))
    return Training(done, None if asked is None else int(asked), best, lately, fell)
