"""Was anything learned? A test of whether predictions rank galaxies better than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

CHANCE = 0.01
"""The probability with which a model that has learned nothing is said to have learned something"""

SHUFFLES = 999
MOST_SHUFFLED = 4000
"""Galaxies that are shuffled: more would say the same"""


@dataclass(frozen=True)
class Learned:
    """Whether predictions are better than chance."""

    nothing: bool
    """True where chance explains the predictions"""
    p_value: float
    """Probability that labels without any relation to the images would be ranked as well, or better; NaN where all are the same"""
    sentence: str
    """The result in words"""


def nothing_learned(
    predictions: npt.NDArray[np.floating],
    labels: npt.NDArray[Any],
    *,
    task: Literal["classify", "multi_label", "regress"] = "classify",
    chance: float = CHANCE,
) -> Learned:
    """Say whether predictions for galaxies that a model has not seen are consistent with its having learned nothing.

    Classes: `p_of_guessing`. Independent labels: the same for each; measurements: the one-sided test of a positive Spearman rank
    correlation for each; with K of them the p-value is Bonferroni's ``min(1, K min p)``. Holds for a test part, of which the model knows
    nothing. Out-of-fold predictions depend on one another through the training sets: their AUROC scatters by a third more, and the
    p-value comes out too small.

    Parameters
    ----------
    predictions
        (galaxy, class) probabilities, (galaxy, label) probabilities, or (galaxy, target) predicted values. Rows with NaN are left out.
    labels
        (galaxy,) class numbers for 'classify'; else (galaxy, label) or (galaxy, target).
    task
        What the predictions are.
    chance
        Significance level.
    """
    known = np.isfinite(predictions).all(axis=1)
    values, truth = predictions[known], np.asarray(labels)[known]
    if task == "classify":
        p_values = [p_of_guessing(values, truth)]
    elif task == "multi_label":
        p_values = [
            p_of_guessing(np.stack([-value, value], axis=1), label)
            for value, label in zip(values.T, truth.T, strict=True)
        ]
    else:
        p_values = [rank_correlation(value, label)[1] for value, label in zip(values.T, truth.T, strict=True)]
    p_values = [p for p in p_values if np.isfinite(p)]
    p = min(1.0, len(p_values) * min(p_values)) if p_values else float("nan")
    return Learned(not p <= chance, p, _sentence(p, len(values), chance, bool(p_values)))


def p_of_guessing(scores: npt.ArrayLike, labels: npt.ArrayLike, *, seed: int = 0) -> float:
    """Give how likely it is that scores which know nothing of the classes rank them at least as well: a one-sided p-value.

    Of two classes it is the Mann-Whitney test of the second column; of more, the share of 1000 shufflings of the labels (the true ones
    among them) whose mean AUROC of one class against the rest is at least as high. NaN where one class only is present.

    Parameters
    ----------
    scores : array_like of shape (galaxy, class)
        Higher means more likely.
    labels : array_like of shape (galaxy,)
        Whole numbers.
    seed
        Of the shufflings, and of which 4000 galaxies are shuffled where there are more.
    """
    from scipy.stats import mannwhitneyu, rankdata

    score, classes = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(int)
    present = [place for place in range(score.shape[1]) if 0 < (classes == place).sum() < len(classes)]
    if not present:
        return float("nan")
    if score.shape[1] == 2:
        mine, others = score[classes == 1, 1], score[classes == 0, 1]
        return float(mannwhitneyu(mine, others, alternative="greater").pvalue)
    rng = np.random.default_rng(seed)
    if len(classes) > MOST_SHUFFLED:
        some = rng.choice(len(classes), MOST_SHUFFLED, replace=False)
        score, classes = score[some], classes[some]
        present = [place for place in present if 0 < (classes == place).sum() < len(classes)]
    ranks = rankdata(score, axis=0)[:, present]
    orders = np.stack([np.arange(len(classes)), *(rng.permutation(len(classes)) for _ in range(SHUFFLES))])
    means = np.zeros(len(orders))
    for column, place in enumerate(present):
        own = np.flatnonzero(classes == place)
        room = len(own) * (len(classes) - len(own))
        means += (ranks[orders[:, own], column].sum(axis=1) - len(own) * (len(own) + 1) / 2) / room
    return float((means >= means[0] - 1e-9).mean())


def rank_correlation(values: npt.NDArray[np.floating], truth: npt.NDArray[Any]) -> tuple[float, float]:
    """Give Spearman's rank correlation and the one-sided p-value of its being above 0; NaN where predictions or truth are all the same."""
    from scipy.stats import spearmanr

    if len(values) < 3 or not np.ptp(values) or not np.ptp(truth):
        return float("nan"), float("nan")
    found = spearmanr(values, truth, alternative="greater")
    return float(found.statistic), float(found.pvalue)


def _sentence(p: float, count: int, chance: float, testable: bool) -> str:
    if not testable:
        return f"Whether anything was learned can't be said: {count} galaxies whose labels or predictions are all the same."
    shown = f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
    if p > chance:
        return (
            f"Nothing was learned, as far as {count} galaxies can tell: labels without any relation to the images would be ranked as well "
            f"this often by chance ({shown}). Check that the labels belong to the images; if they do, more labels are needed."
        )
    return f"The model has learned something: chance ranks {count} galaxies as well this rarely ({shown})."
