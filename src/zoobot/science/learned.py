"""Was anything learned? Two-sided tests of whether predictions rank galaxies better than chance, or worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoobot.ranges import bounded
from zoobot.science.chance import (
    auroc_chance,
    holm,
    mean_auroc_chance,
    rank_correlation_chance,
)
from zoobot.science.figure import SIGNIFICANCE
from zoobot.science.groups import Groups
from zoobot.science.ranking_intervals import auroc, mean_auroc, rank_correlation

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.science.intervals import Measured
    from zoobot.science.shuffles import Chance

CHANCE = SIGNIFICANCE
"""The probability with which a model that has learned nothing is said to rank galaxies otherwise than chance"""

Task = Literal["classify", "multi_label", "regress"]
Verdict = Literal["learned", "inverted", "unclear", "untellable"]


@dataclass(frozen=True)
class Learned:
    """Whether predictions are better than chance.

    Attributes
    ----------
    nothing : bool
        True unless something was learned: also where these galaxies can't tell, and where they are ranked the wrong way
        round.
    p_value : float
        Two-sided probability that labels without any relation to the images would be ranked as far from chance; of
        several labels or targets that of any of them, adjusted for their number. NaN where all labels or predictions
        are the same.
    sentence : str
        The result in words.
    verdict : str
        "learned"; "inverted", where galaxies are ranked the wrong way round; "unclear", where they can't be told from
        guessing; "untellable", where it would explain any.
    smallest_p : float
        The smallest p-value that so few galaxies could give.
    p_values : tuple of float
        Of each label or target, adjusted for their number (Holm 1979); of a classifier the one.
    verdicts : tuple of str
        Of each label or target; of a classifier the one.
    """

    nothing: bool
    p_value: float
    sentence: str
    verdict: Verdict
    smallest_p: float
    p_values: tuple[float, ...]
    verdicts: tuple[Verdict, ...]


@bounded()
def nothing_learned(
    predictions: npt.NDArray[np.floating],
    labels: npt.NDArray[Any],
    *,
    task: Task = "classify",
    chance: float = CHANCE,
    groups: npt.ArrayLike | None = None,
) -> Learned:
    """Say whether predictions for galaxies that a model has not seen are consistent with its having learned nothing.

    Two classes, and each of independent labels: the Mann-Whitney test, exact for few galaxies. More classes: shuffled
    labels, by the mean AUROC of one class against the rest. Measurements: Spearman's rank correlation. Whole groups are
    shuffled where each has one label; see `zoobot.science.chance`. Holds for a test part, of which the model knows
    nothing. Out-of-fold predictions depend on one another through the training sets: their AUROC scatters by a third
    more, and the p-value comes out too small.

    Parameters
    ----------
    predictions
        (galaxy, class) probabilities, (galaxy, label) probabilities, or (galaxy, target) predicted values. Rows with
        NaN are left out.
    labels
        (galaxy,) class numbers for 'classify'; else (galaxy, label) or (galaxy, target).
    task
        What the predictions are.
    chance
        Significance level.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, belong together.
    """
    known = np.isfinite(predictions).all(axis=1)
    values, truth = predictions[known].astype(np.float64), np.asarray(labels)[known]
    own = None if groups is None else np.asarray(groups)[known]
    tests, figures = _each(values, truth, task, own)
    p_values = holm([one.p_value for one in tests])
    testable = np.isfinite(p_values)
    count = int(testable.sum())
    smallest = [min(1.0, one.smallest_p * count) for one in tests]
    center = 0.0 if task == "regress" else 0.5
    verdicts = tuple(
        _verdict(p, least, figure.value - center, chance)
        for p, least, figure in zip(p_values, smallest, figures, strict=True)
    )
    verdict: Verdict = next(
        (one for one in ("learned", "inverted", "unclear") if one in verdicts),
        "untellable",
    )
    p = float(p_values[testable].min()) if count else float("nan")
    least = min(np.array(smallest)[testable]) if count else float("nan")
    galaxies = Groups.of(own, len(values))
    return Learned(
        verdict != "learned",
        p,
        _sentence(verdict, p, float(least), galaxies),
        verdict,
        float(least),
        tuple(p_values.tolist()),
        verdicts,
    )


def log_loss_of_shares(labels: npt.ArrayLike) -> float:
    r"""Return the log loss (nats) of always giving each class its share: their entropy, :math:`-\sum_k s_k \ln s_k`.

    Parameters
    ----------
    labels
        (galaxy,) class numbers.
    """
    counts = np.bincount(np.asarray(labels))
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _each(
    values: npt.NDArray[np.float64], truth: npt.NDArray[Any], task: Task, groups: npt.ArrayLike | None
) -> tuple[list[Chance], list[Measured]]:
    """Return the test and the figure of a classifier, or of each label or target."""
    if task == "classify":
        return [mean_auroc_chance(values, truth, groups)], [mean_auroc(values, truth, groups)]
    pairs = list(zip(values.T, truth.T, strict=True))
    if task == "multi_label":
        return (
            [auroc_chance(value, label > 0, groups) for value, label in pairs],
            [auroc(value, label > 0, groups) for value, label in pairs],
        )
    return (
        [rank_correlation_chance(value, label, groups) for value, label in pairs],
        [rank_correlation(value, label, groups) for value, label in pairs],
    )


def _verdict(p: float, smallest: float, above_chance: float, level: float) -> Verdict:
    if np.isnan(p):
        return "untellable"
    if p <= level:
        return "learned" if above_chance > 0 else "inverted"
    return "untellable" if smallest > level else "unclear"


def _sentence(verdict: Verdict, p: float, smallest: float, groups: Groups) -> str:
    n = len(groups.codes)
    these = f"{n} galax{'y' if n == 1 else 'ies'}" + ("" if groups.alone else f" in {groups.count} groups")
    if np.isnan(p):
        return f"Whether anything was learned can't be said: the labels or predictions of {these} are all the same."
    shown = f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
    if verdict == "untellable":
        return (
            f"These {these} can't tell whether anything was learned: were they all predicted perfectly, chance would "
            f"do as well with p = {smallest:.2g}. More test galaxies are needed."
        )
    if verdict == "unclear":
        return (
            f"These {these} can't tell the predictions from guessing: labels without any relation to the images would "
            f"be ranked as well this often by chance ({shown}). Check that the labels belong to the images; if they "
            "do, more labels are needed."
        )
    if verdict == "inverted":
        return (
            f"The predictions rank {these} the wrong way round; chance does so this rarely ({shown}). Check that no "
            "labels are swapped or mixed up."
        )
    return f"The model has learned something: chance ranks {these} as well this rarely ({shown})."
