"""Was anything learned? A test of whether predictions rank galaxies better than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

CHANCE = 0.01
"""The probability with which a model that has learned nothing is said to have learned something"""


@dataclass(frozen=True)
class Learned:
    """Whether predictions are better than chance."""

    nothing: bool
    """True where chance explains the predictions"""
    p_value: float
    """Probability that labels without any relation to the images would be ranked as well, or better"""
    sentence: str
    """The result in words"""


def nothing_learned(
    predictions: npt.NDArray[np.floating],
    labels: npt.NDArray[np.floating] | npt.NDArray[np.integer],
    *,
    task: Literal["classify", "multi_label", "regress"] = "classify",
    chance: float = CHANCE,
) -> Learned:
    """Say whether predictions for galaxies that a model has not seen are consistent with its having learned nothing.

    For each class (or independent label), the one-sided Mann-Whitney test that its galaxies have a higher probability of it than the
    others, which is the test of AUROC > 0.5: ``U = n_1 n_0 AUROC``, exact for few galaxies without ties, otherwise Gaussian with the
    variance corrected for ties. For measurements, the one-sided test of a positive Spearman rank correlation. With K classes the p-value is
    Bonferroni's ``min(1, K min p)``. Holds for a test part, of which the model knows nothing. Out-of-fold predictions depend on one
    another through the training sets: their AUROC scatters by a third more, and the p-value comes out too small.

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
    from scipy.stats import mannwhitneyu, spearmanr

    known = np.isfinite(predictions).all(axis=1)
    values, truth = predictions[known], np.asarray(labels)[known]
    p_values = []
    for place in range(values.shape[1]):
        if task == "regress":
            if len(values) > 2 and np.ptp(values[:, place]) and np.ptp(truth[:, place]):
                p_values.append(float(spearmanr(values[:, place], truth[:, place], alternative="greater").pvalue))
            continue
        positive = truth == place if task == "classify" else truth[:, place] == 1
        if 0 < positive.sum() < len(positive):
            p_values.append(
                float(mannwhitneyu(values[positive, place], values[~positive, place], alternative="greater").pvalue)
            )
        if task == "classify" and values.shape[1] == 2:
            break  # the other class says the same
    p = min(1.0, len(p_values) * min(p_values)) if p_values else 1.0
    return Learned(p > chance, p, _sentence(p, len(values), chance, bool(p_values)))


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
