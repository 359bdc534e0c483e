"""What probabilities, sets and intervals promise, beside what they keep on the galaxies that were scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.report.findings.figures import figure
from zoobot.science.chance import holm, shares_chance
from zoobot.science.conformal import coverage_p_value
from zoobot.science.figure import SIGNIFICANCE
from zoobot.science.learned import log_loss_of_shares
from zoobot.science.reliability import log_loss

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings
    from zoobot.science.figure import Figure


@dataclass(frozen=True)
class CalibrationError:
    """The expected calibration error of probabilities, beside what chance gives to perfectly calibrated ones.

    Attributes
    ----------
    figure : Figure
        The error with its test.
    calibrated : bool
        Whether a calibration of these probabilities was kept.
    ranked : bool
        Whether the probabilities rank galaxies better than chance.
    """

    figure: Figure
    calibrated: bool
    ranked: bool


def calibration_error(run: Findings) -> list[CalibrationError]:
    """Return the calibration error of the test part's probabilities.

    It is None without probabilities of galaxies of more than one class.
    """
    if run.part("test").one_class:
        return []
    figures, outcomes = run.figures("test"), run.outcomes
    found = figure(figures, "calibrated", "ece") if run.calibrated else figure(figures, "ece")
    if found is None and outcomes is not None:
        found = run.view.calibration_error(outcomes, run.contents.groups("test"))
    return [] if found is None else [CalibrationError(found, run.calibrated, run.ranked)]


@dataclass(frozen=True)
class ShareLoss:
    """Log loss of the probabilities, and of always predicting each class by its share (nats per galaxy).

    It also says whether they rank better than chance.
    """

    loss: float
    constant: float
    ranked: bool


def share_loss(run: Findings) -> list[ShareLoss]:
    """Return the log loss of a classifier beside that of the classes' shares, unless one class only was scored."""
    outcomes: Any = run.outcomes
    if outcomes is None or not run.view.exclusive:
        return []
    constant = log_loss_of_shares(outcomes.truth)
    loss = log_loss(outcomes.probabilities, outcomes.truth)
    return [ShareLoss(loss, constant, run.ranked)] if constant > 0 else []


@dataclass(frozen=True)
class Coverage:
    """How often conformal sets or intervals hold the truth.

    Attributes
    ----------
    name : str
        The label or target, empty where there is one.
    level, coverage : float
        What is promised, and what is kept on the test galaxies.
    p_value : float
        Probability that chance makes the coverage of a sound promise as low, adjusted for the number of labels or
        targets (Holm 1979).
    smallest_p : float
        The smallest that as few galaxies can give: where none is covered.
    infinite : bool
        Whether these were too few, so that all sets hold all classes and all intervals all values.
    """

    name: str
    level: float
    coverage: float
    p_value: float
    smallest_p: float
    infinite: bool

    @property
    def told(self) -> bool:
        """Whether there are sets or intervals whose coverage could be told from what is promised."""
        return not self.infinite and not self.smallest_p > SIGNIFICANCE


def coverages(run: Findings) -> list[Coverage]:
    """Return the coverage of the test part's conformal sets or intervals, one for each label or target."""
    conformal = run.contents.scores("test").get("conformal")
    if not isinstance(conformal, dict) or conformal.get("level") is None:
        return []
    nested = {name: one for key in ("labels", "targets") for name, one in (conformal.get(key) or {}).items()}
    each: dict[str, dict[str, Any]] = nested or {"": conformal}
    each = {name: one for name, one in each.items() if one.get("coverage") is not None}
    level = float(conformal["level"])
    independent = run.part("test").independent(run.part("test").n)
    p_values = holm([_p_value(one, level, independent) for one in each.values()])
    smallest = [coverage_p_value(0.0, level, independent, one.get("n_validation")) * len(each) for one in each.values()]
    return [
        Coverage(
            name if len(nested) > 1 else "", level, float(one["coverage"]), float(p), least, infinite=_infinite(one)
        )
        for (name, one), p, least in zip(each.items(), p_values, smallest, strict=True)
    ]


def _p_value(one: dict[str, Any], level: float, independent: int) -> float:
    """Return what the scores say.

    Earlier versions wrote no p-value, but the validation galaxies that it follows from.
    """
    if (known := one.get("p_value")) is not None:
        return float(known)
    if one.get("n_validation") is None:
        return float("nan")
    return coverage_p_value(float(one["coverage"]), level, independent, int(one["n_validation"]))


def _infinite(one: dict[str, Any]) -> bool:
    expected = one.get("expected")
    return not one.get("informative", expected is None or list(expected) != [1, 1])


@dataclass(frozen=True)
class Disagreement:
    """Accuracy on validation and on test galaxies.

    Attributes
    ----------
    validation, test : float
        The accuracies.
    p_value : float
        Probability that chance makes them differ as much (Fisher's exact test, two-sided; groups count as their
        effective number).
    smallest_p : float
        The smallest that so few galaxies can give: where one part is all right and the other all wrong.
    chose_epoch : bool
        Whether the validation part chose the epoch.
    """

    validation: float
    test: float
    p_value: float
    smallest_p: float
    chose_epoch: bool


def disagreement(run: Findings) -> list[Disagreement]:
    """Compare the accuracies of both parts, where both are known."""
    tables = [table for part in ("val", "test") if (table := run.contents.scores(part).get("confusion"))]
    if len(tables) < 2:
        return []
    validation, test = (float(np.trace(table) / np.sum(table)) for table in tables)
    counts = [
        run.part(part).independent(int(np.sum(table))) for part, table in zip(("val", "test"), tables, strict=True)
    ]
    found = shares_chance((validation, test), counts)
    return [Disagreement(validation, test, found.p_value, found.smallest_p, run.chose_epoch)]
