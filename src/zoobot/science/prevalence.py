"""How common a class is among unlabelled galaxies, from a classifier's scores: label shift by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoobot.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

BINS = 200
"""Of the logit of the score, in which galaxies are counted: a million galaxies then cost no more than a thousand"""

FARTHEST = 12.0
"""Logits are cut off here (probabilities within 6e-6 of 0 or 1)"""

PENALTY = 0.01
"""On the squared slope of the recalibration, so that classes which the scores separate wholly have a finite one"""

STEPS = 25
"""Of Newton's method, and halvings of the interval that holds the prevalence"""

DROP = 12.0
GRID = 48
"""Of prevalences: how far down the likelihood it reaches, in nats, and its points"""

UNLIKE = 0.01
"""Targets are said to be unlike a mixture of the labelled classes where chance does so with a smaller probability"""


@dataclass(frozen=True, eq=False)
class Prevalence:
    """How common the positive class is among target galaxies.

    Attributes
    ----------
    value, low, high : float
        The share, 0 to 1, and its interval at ``level``.
    level : float
        Of the interval.
    method : 'em' or 'given'
        Estimated, or said by the user.
    labelled : float
        The share among the labelled galaxies.
    misfit, misfit_p : float or None
        The largest difference between the cumulative distribution of the targets' scores and that of the mixture of the labelled
        classes' at this prevalence, and how likely chance makes it so large. None where the prevalence was given.
    intercept, slope : float
        Of the recalibration ``logit(p) = intercept + slope * logit(score)`` at the labelled galaxies' prevalence.
    draws : ndarray
        Values (draw,): see `estimate_prevalence`.
    resampled : tuple of ndarray
        How many positives, and how many negatives, lie in each bin of the logit or above in the same bootstrap samples, both (draw, bin);
        and the lower edges of the bins (bin,). Samples in which more negatives score high have a lower prevalence.
    """

    value: float
    low: float
    high: float
    level: float
    method: Literal["em", "given"]
    labelled: float
    misfit: float | None
    misfit_p: float | None
    intercept: float
    slope: float
    draws: Values = field(repr=False)
    resampled: tuple[Values, Values, Values] = field(repr=False)

    @property
    def unlike(self) -> bool:
        """Whether targets differ from labelled galaxies by more than how common the class is."""
        return self.misfit_p is not None and self.misfit_p < UNLIKE

    def probabilities(self, scores: ArrayLike) -> Values:
        """Give probabilities (galaxy,) of the positive class at this prevalence, from scores (galaxy,); NaN where a score is.

        Bayes' rule on the recalibrated score, with the odds of the labelled galaxies replaced by the targets' (Saerens et al. 2002).
        """
        with np.errstate(divide="ignore"):
            shift = np.log(self.value) - np.log1p(-self.value) - _log_odds(self.labelled)
        exponent = self.intercept + self.slope * logit(np.asarray(scores, dtype=np.float64)) + shift
        return sigmoid(exponent)

    def resampled_above(self, threshold: float) -> tuple[Values, Values]:
        """Give how many positives, and negatives, score about as high as a threshold or higher in each bootstrap sample, (draw,) each."""
        positives, negatives, edges = self.resampled
        place = max(int(np.searchsorted(edges, logit(np.float64(threshold)) + 1e-9, side="right")) - 1, 0)
        return positives[:, place], negatives[:, place]

    def to_dict(self) -> dict[str, Any]:
        """Give all but the draws, as JSON can hold them."""
        names = ("value", "low", "high", "level", "method", "labelled", "misfit", "misfit_p", "intercept", "slope")
        return {name: getattr(self, name) for name in names} | {"unlike": self.unlike}


def estimate_prevalence(
    scores: ArrayLike,
    labels: ArrayLike,
    target_scores: ArrayLike,
    *,
    given: float | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int = 42,
) -> Prevalence:
    r"""Estimate how common the positive class is among target galaxies, from scores of theirs and of labelled galaxies.

    Assumes label shift: galaxies of a class look the same in both samples; only how common the classes are differs. Scores are recalibrated
    on the labelled galaxies (Platt 1999), which makes likelihood ratios :math:`r_i = p(s_i | 1) / p(s_i | 0)` of them, and the
    prevalence is

    .. math::

        \hat\pi = \arg\max_\pi \sum_i \log(\pi r_i + 1 - \pi)

    over the targets: where the EM algorithm of Saerens, Latinne & Decaestecker (2002, Neural Computation 14, 21) converges to. It was
    chosen over black box shift estimation (Lipton et al. 2018) for its smaller error, about half for rare classes; recalibration is what
    it takes (Alexandari, Kundaje & Shrikumar 2020). Draws are of the posterior of :math:`\pi`, all values equally likely before, under
    recalibrations of bootstrap samples of the labelled galaxies, within each class; the interval is theirs. It has a width also where
    none of the targets seems to be of the class.

    Parameters
    ----------
    scores, labels
        (galaxy,) probability of the positive class (0 to 1; a monotonic score in that range will do), and whether it is one (0 or 1),
        of labelled galaxies that the model was not trained on.
    target_scores
        (target,) the same score of the targets; NaN are left out.
    given
        The prevalence, where it is known, above 0 and below 1: then only the recalibration is estimated.
    level
        Of the interval.
    n_boot
        Bootstrap samples.
    seed
        Of the samples.

    Raises
    ------
    OptionError
        Scores outside 0 to 1, labelled galaxies of one class only, or no target.
    """
    own, positive, targets = checked_scores(scores, labels, target_scores)
    if given is not None and not 0 < given < 1:
        msg = f"a prevalence of {given} was given. Expected a share above 0 and below 1."
        raise OptionError(msg)
    edges, x, (n1, n0, nt) = _binned(own[positive], own[~positive], targets)
    line = _recalibrate(x, n1[None], n0[None])
    labelled = float(positive.mean())
    intercept, slope = float(line[0, 0]), float(line[0, 1])
    rng = np.random.default_rng(seed)
    d1, d0, dt = (rng.multinomial(int(n.sum()), n / n.sum(), size=n_boot).astype(np.float64) for n in (n1, n0, nt))
    odds = float(n1.sum() / n0.sum())
    above = [d[:, ::-1].cumsum(axis=1)[:, ::-1] for d in (d1, d0)]
    resampled = (above[0], above[1], edges)
    if given is not None:
        draws = np.full(n_boot, given)
        return Prevalence(given, given, given, level, "given", labelled, None, None, intercept, slope, draws, resampled)
    draws = _posterior_draws(_ratios(x, _recalibrate(x, d1, d0), odds), nt, rng)
    low, high = (float(end) for end in np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))
    likeliest = float(_likeliest(_ratios(x, line, odds), nt)[0])
    value = min(max(likeliest, low), high)  # not 0 where none is seen: the interval's end
    gap = _gaps(n1[None], n0[None], nt[None], np.array([value]))
    misfit = float(np.abs(gap).max())
    by_chance = np.abs(_gaps(d1, d0, dt, np.full(n_boot, value)) - gap).max(axis=1)
    p = float((1 + (by_chance >= misfit).sum()) / (1 + n_boot))
    return Prevalence(value, low, high, level, "em", labelled, misfit, p, intercept, slope, draws, resampled)


def checked_scores(
    scores: ArrayLike, labels: ArrayLike, target_scores: ArrayLike
) -> tuple[Values, NDArray[np.bool_], Values]:
    """Give scores, whether each is positive, and the targets' scores without NaN, once they are known to be of use.

    Raises
    ------
    OptionError
        See `estimate_prevalence`.
    """
    own, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    targets = np.asarray(target_scores, dtype=np.float64)
    targets = targets[~np.isnan(targets)]
    if own.shape != truth.shape or own.ndim != 1 or not np.isin(truth, (0, 1)).all():
        msg = f"scores {own.shape} and labels {truth.shape} must be one value a galaxy each, and labels 0 or 1."
        raise OptionError(msg)
    for name, values in (("labelled galaxies", own), ("targets", targets)):
        if not len(values):
            msg = f"there is no score of {name}. Expected at least one finite score."
            raise OptionError(msg)
        if not ((values >= 0) & (values <= 1)).all():
            msg = f"scores of {name} are from {values.min():.3g} to {values.max():.3g}. Expected 0 to 1: probabilities of the class."
            raise OptionError(msg)
    positive = truth == 1
    if positive.all() or not positive.any():
        msg = f"all {len(own)} labelled galaxies are {'' if positive.all() else 'not '}of the class. Both kinds are needed."
        raise OptionError(msg)
    return own, positive, targets


def _binned(*groups: Values) -> tuple[Values, Values, list[Values]]:
    """Give bins' lower edges and middles in the logit (bin,), and how many of each group's scores lie in each, (bin,)."""
    logits = [logit(scores) for scores in groups]
    low = min(float(values.min()) for values in logits)
    high = max(float(values.max()) for values in logits)
    width = max(high - low, 1e-6) / BINS
    counts: list[Values] = [
        np.bincount(np.minimum(((values - low) / width).astype(int), BINS - 1), minlength=BINS).astype(float)
        for values in logits
    ]
    edges = low + width * np.arange(BINS, dtype=np.float64)
    return edges, np.asarray(edges + width / 2), counts


def _recalibrate(x: Values, n1: Values, n0: Values) -> Values:
    """Give intercepts and slopes (draw, 2) of logistic regressions on logits x (bin,), of counts (draw, bin) of each class."""
    center, scale = x.mean(), max(float(x.std()), 1e-6)
    z = (x - center) / scale
    total = n1 + n0
    line = np.stack([np.log(n1.sum(axis=1) / n0.sum(axis=1)), np.zeros(len(n1))], axis=1)
    for _ in range(STEPS):
        p = sigmoid(line[:, :1] + line[:, 1:] * z)
        residual, weight = total * p - n1, total * p * (1 - p)
        g0, g1 = residual.sum(axis=1), residual @ z + PENALTY * line[:, 1]
        h00, h01, h11 = weight.sum(axis=1) + 1e-9, weight @ z, weight @ z**2 + PENALTY
        determinant = np.maximum(h00 * h11 - h01**2, 1e-12)
        step = np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0], axis=1) / determinant[:, None]
        line -= np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    slope = line[:, 1] / scale
    return np.stack([line[:, 0] - slope * center, slope], axis=1)


def _ratios(x: Values, lines: Values, odds: float) -> Values:
    """Give likelihood ratios (draw, bin) of logits, less 1, from regressions (draw, 2) and the odds of the labelled galaxies."""
    return np.asarray(np.exp(np.clip(lines[:, :1] + lines[:, 1:] * x - np.log(odds), -30, 30)) - 1)


def _likeliest(excess: Values, targets: Values) -> Values:
    """Give the likeliest prevalence (draw,) of counts of targets (bin,): the likelihood is concave, its slope is halved in on."""
    low, high = np.zeros(len(excess)), np.ones(len(excess))
    for _ in range(STEPS):
        middle = (low + high) / 2
        rising = (excess / (middle[:, None] * excess + 1)) @ targets > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return np.asarray((low + high) / 2)


def _posterior_draws(excess: Values, targets: Values, rng: np.random.Generator) -> Values:
    """Give a prevalence (draw,) for each recalibration, drawn by its likelihood under counts of targets (bin,), all equally likely before.

    From a grid that reaches to where the likelihood has fallen by a factor of e^DROP.
    """
    best = _likeliest(excess, targets)[:, None]
    each = excess / (best * excess + 1)
    slope, curvature = np.abs(each @ targets), each**2 @ targets + 1e-9
    reach = ((np.sqrt(slope**2 + 2 * DROP * curvature) - slope) / curvature)[:, None]
    low, high = np.maximum(best - reach, 0), np.minimum(best + reach, 1)
    grid = low + (high - low) * np.linspace(0, 1, GRID)
    logs = np.stack([np.log1p(grid[:, [place]] * excess) @ targets for place in range(GRID)], axis=1)
    height = np.exp(logs - logs.max(axis=1, keepdims=True))
    cumulative = np.concatenate([np.zeros_like(best), np.cumsum(height[:, 1:] + height[:, :-1], axis=1)], axis=1)
    wanted = rng.random((len(best), 1)) * cumulative[:, -1:]
    place = np.minimum((cumulative < wanted).sum(axis=1), GRID - 1)[:, None]
    place = np.maximum(place, 1)
    before, after = (np.take_along_axis(cumulative, one, axis=1) for one in (place - 1, place))
    share = (wanted - before) / np.maximum(after - before, 1e-300)
    ends = [np.take_along_axis(grid, one, axis=1) for one in (place - 1, place)]
    return np.asarray((ends[0] + share * (ends[1] - ends[0]))[:, 0])


def _gaps(n1: Values, n0: Values, targets: Values, prevalence: Values) -> Values:
    """Give the cumulative distribution of targets less that of the mixture, (draw, bin)."""
    cumulative = [n.cumsum(axis=1) / n.sum(axis=1, keepdims=True) for n in (n1, n0, targets)]
    share = prevalence[:, None]
    return np.asarray(cumulative[2] - share * cumulative[0] - (1 - share) * cumulative[1])


def logit(scores: ArrayLike) -> Values:
    """Give log odds, from -12 to 12; NaN of NaN."""
    with np.errstate(divide="ignore"):
        logits = np.log(scores) - np.log1p(np.negative(scores))
    return np.asarray(np.clip(logits, -FARTHEST, FARTHEST))


def _log_odds(share: float) -> float:
    return float(np.log(share) - np.log1p(-share))


def sigmoid(values: Values) -> Values:
    """Give probabilities from log odds."""
    return np.asarray(1 / (1 + np.exp(np.clip(-values, -700, 700))))
