"""Bringing scores of models that were trained on other galaxies (folds) to the scale of the model that is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.prevalence import logit
from zoobot.science.scaling import sigmoid

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FEWEST = 20
"""Galaxies that both models have predicted, without which scores stay as they are"""


def align_scores(scores: ArrayLike, before: ArrayLike, after: ArrayLike) -> NDArray[np.float64]:
    r"""Return scores as another model would have them, as far as a line in the logit does.

    Models trained on different galaxies rank new ones alike, but one may be bolder than the other, or like a class
    more: a threshold for one then isn't the same threshold for the other. Of galaxies that both have predicted, the
    line

    .. math::

        \operatorname{logit} s' = m' + \frac{\sigma'}{\sigma} (\operatorname{logit} s - m)

    gives the logits the same mean and standard deviation. It needs no labels.

    Parameters
    ----------
    scores
        (galaxy,) probabilities that the first model, or models, gave; NaN stay NaN.
    before, after
        (common galaxy,) probabilities of the first and of the other model for the same galaxies. Rows with NaN are left
        out; with fewer than 20, or where either model gives all the same score, the scores are given back unchanged.
    """
    own, first, other = (np.asarray(values, dtype=np.float64) for values in (scores, before, after))
    known = np.isfinite(first) & np.isfinite(other)
    if known.sum() < FEWEST:
        return own
    x, y = logit(first[known]), logit(other[known])
    if x.std() == 0 or y.std() == 0:
        return own
    return sigmoid(y.mean() + y.std() / x.std() * (logit(own) - x.mean()))
