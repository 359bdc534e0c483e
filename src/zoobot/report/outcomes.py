"""Predictions beside the truth, taken from the columns of a table: classes, independent labels, numbers, or votes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zoobot.trees import VotePosterior

    Values = NDArray[np.float64]

UNCHANGED = 1e-6
"""Difference of probabilities that writing and reading them makes, at most"""


CUT = 0.5
"""Probability from which on a label is predicted"""


@dataclass(frozen=True, eq=False)
class Event:
    """What is so of some galaxies and not of others: they are of a class, or have a label.

    Attributes
    ----------
    name : str
        As one reads it.
    label, of_class : str
        As ``zoobot select`` asks for it: the label column, and the class, empty of an independent label.
    columns : tuple of str
        Columns of tables of predictions whose sum its probability is; those of the calibrated one end in
        ``_calibrated``.
    raw : ndarray
        Probability (galaxy,) as the network gives it.
    calibrated : ndarray or None
        Probability (galaxy,) after calibration.
    so : ndarray
        Whether it is so (galaxy,).
    predicted : ndarray
        Whether the network predicts it (galaxy,).
    other : str
        What it is else; empty where that may be several things.
    """

    name: str
    label: str
    of_class: str
    columns: tuple[str, ...]
    raw: Values
    calibrated: Values | None
    so: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    other: str = ""

    @property
    def probability(self) -> Values:
        """The best there is: the calibrated one, else that of the network."""
        return self.raw if self.calibrated is None else self.calibrated


class Outcomes:
    """Predictions beside the truth; rows are the galaxies of which both are known.

    Attributes
    ----------
    frame : DataFrame
        The table's rows, numbered anew.
    left_out : int
        Rows without known labels or finite predictions.
    """

    frame: pd.DataFrame
    left_out: int

    def events(self) -> list[Event]:
        """Return what is so of some galaxies and has a probability: each class, or each label."""
        return []

    def selectable(self) -> list[Event]:
        """Return what ``zoobot select`` can select: `events`, and what else is made of them."""
        return self.events()


class Probabilities(Outcomes):
    """Outcomes whose predictions are probabilities (galaxy, class or label)."""

    raw: Values
    calibrated: Values | None
    exclusive: ClassVar[bool]
    """Whether a galaxy is of one class only"""

    @property
    def probabilities(self) -> Values:
        """The best there are: calibrated ones, else those of the network."""
        return self.raw if self.calibrated is None else self.calibrated

    @property
    def calibration_kept(self) -> bool:
        """Whether calibration changed the probabilities: one that gained nothing leaves them as they are."""
        return self.calibrated is not None and not np.allclose(self.calibrated, self.raw, rtol=0, atol=UNCHANGED)

    def shown_events(self) -> list[Event]:
        """Return the events that are drawn: those that say what no other does."""
        return self.events()

    def most_probable(self) -> Event | None:
        """Return the event that the most probable class is right.

        It is None where that says no more than the other events.
        """
        return None

    def _column(self, place: int) -> Values | None:
        return None if self.calibrated is None else self.calibrated[:, place]


@dataclass(frozen=True, eq=False)
class ClassOutcomes(Probabilities):
    """Exclusive classes.

    Attributes
    ----------
    label : str
        The label column.
    classes : list of str
        The classes as labels name them.
    frame : DataFrame
        The table's rows, numbered anew.
    raw : ndarray
        Probabilities (galaxy, class) as the network gives them.
    calibrated : ndarray or None
        Probabilities (galaxy, class) after calibration.
    truth : ndarray
        Place of the true class (galaxy,).
    sets : ndarray or None
        Whether each class is in a galaxy's conformal set (galaxy, class).
    left_out : int
        Rows without a known class or finite probabilities.
    """

    exclusive = True
    label: str
    classes: list[str]
    frame: pd.DataFrame
    raw: Values
    calibrated: Values | None
    truth: NDArray[np.int64]
    sets: NDArray[np.bool_] | None
    left_out: int

    @cached_property
    def names(self) -> list[str]:
        """The classes, as `shown_names` gives them."""
        return shown_names(self.label, self.classes)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Place of the most probable class (galaxy,), as in ``<label>_predicted``."""
        places: NDArray[np.int64] = self.raw.argmax(axis=1)
        return places

    def confusion(self) -> NDArray[np.int64]:
        """Return counts (true class, predicted class)."""
        k = len(self.names)
        return np.bincount(self.truth * k + self.predicted, minlength=k * k).reshape(k, k)

    def events(self) -> list[Event]:
        """Return the event of being of each class."""
        other = self.names[::-1] if len(self.names) == 2 else [""] * len(self.names)
        return [
            Event(
                self.names[place], self.label, name, (f"{self.label}_{name}",), self.raw[:, place], self._column(place),
                self.truth == place, self.predicted == place, other[place],
            )
            for place, name in enumerate(self.classes)
        ]  # fmt: skip

    def shown_events(self) -> list[Event]:
        """Return the events of all classes; of two that of the second, which says what the other does."""
        return self.events()[1:] if len(self.classes) == 2 else self.events()

    def most_probable(self) -> Event | None:
        """Return the event that the most probable of more than two classes is right."""
        if len(self.classes) == 2:
            return None
        places, right = self.predicted[:, None], self.predicted == self.truth
        raw = np.take_along_axis(self.raw, places, axis=1)[:, 0]
        after = None if self.calibrated is None else np.take_along_axis(self.calibrated, places, axis=1)[:, 0]
        return Event("most probable class", self.label, "", (), raw, after, right, np.ones_like(right))


@dataclass(frozen=True, eq=False)
class MultiLabelOutcomes(Probabilities):
    """Independent labels: arrays are (galaxy, label), ``truth`` True or False."""

    exclusive = False
    names: list[str]
    frame: pd.DataFrame
    raw: Values
    calibrated: Values | None
    truth: NDArray[np.bool_]
    left_out: int

    def events(self) -> list[Event]:
        """Return the event of having each label."""
        return [
            Event(name, name, "", (name,), self.raw[:, place], self._column(place), self.truth[:, place],
                self.raw[:, place] >= CUT)
            for place, name in enumerate(self.names)
        ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class NumberOutcomes(Outcomes):
    """Regression, with arrays (galaxy, target) in the targets' units.

    ``low`` and ``high`` are the interval's ends, where there is one.
    """

    names: list[str]
    frame: pd.DataFrame
    predicted: Values
    truth: Values
    low: Values | None
    high: Values | None
    left_out: int


@dataclass(frozen=True, eq=False)
class VoteOutcomes(Outcomes):
    """Votes on a decision tree: what is believed of them, and the counts (galaxy, answer)."""

    frame: pd.DataFrame
    posterior: VotePosterior
    counts: Values
    left_out: int
    knows_paths: bool
    """Whether the tree says after which answers questions are asked"""

    @cached_property
    def losses(self) -> Values:
        """Loss of each galaxy's votes (galaxy, 2) in nats, summed over questions.

        The columns are the prediction's loss, and that of the best constant.
        """
        from zoobot.science import vote_losses

        return vote_losses(self.posterior, self.counts)


def shown_names(label: str, names: Sequence[str]) -> list[str]:
    """Return classes as one reads them: those that are numbers with the label's name, as ``ring = 1``."""
    return [f"{label} = {name}" if name.lstrip("-").replace(".", "", 1).isdigit() else name for name in names]
