"""How common a class is among unlabelled galaxies, from a classifier's scores.

It is found by label shift with maximum likelihood and exact intervals.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoobot.errors import OptionError
from zoobot.ranges import bounded
from zoobot.science.exceedances import fewest_others, independent_rows
from zoobot.science.scaling import sigmoid

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

SHARES = np.linspace(0, 1, 101)
"""Prevalences among which the mixture that is most like the targets is looked for"""

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
    misfit, misfit_p : float
        The largest difference between the cumulative distribution of the targets' scores and that of the mixture of the
        labelled classes', at the prevalence that makes it smallest, and how likely chance makes it so large.
    intercept, slope : float
        Of the recalibration ``logit(p) = intercept + slope * logit(score)`` at the labelled galaxies' prevalence.
    allowed : tuple of float
        The interval that the targets' scores allow: ``low`` and ``high``, unless the prevalence was given.
    """

    value: float
    low: float
    high: float
    level: float
    method: Literal["em", "given"]
    labelled: float
    misfit: float
    misfit_p: float
    intercept: float
    slope: float
    allowed: tuple[float, float]

    @property
    def unlike(self) -> bool:
        """Whether targets differ from labelled galaxies by more than how common the class is."""
        return self.misfit_p < UNLIKE

    @property
    def contradicted(self) -> bool:
        """Whether a prevalence was given that the targets' scores don't allow."""
        return not self.allowed[0] <= self.value <= self.allowed[1]

    def probabilities(self, scores: ArrayLike) -> Values:
        """Return probabilities (galaxy,) of the positive class at this prevalence, from scores (galaxy,).

        It is NaN where a score is. Bayes' rule on the recalibrated score, with the odds of the labelled galaxies
        replaced by the targets' (Saerens et al. 2002).
        """
        with np.errstate(divide="ignore"):
            shift = np.log(self.value) - np.log1p(-self.value) - _log_odds(self.labelled)
        exponent = self.intercept + self.slope * logit(np.asarray(scores, dtype=np.float64)) + shift
        return sigmoid(exponent)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return asdict(self) | {"unlike": self.unlike, "contradicted": self.contradicted}


@bounded()
def estimate_prevalence(
    scores: ArrayLike,
    labels: ArrayLike,
    target_scores: ArrayLike,
    *,
    given: float | None = None,
    groups: NDArray[np.int64] | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int = 42,
) -> Prevalence:
    r"""Estimate how common the positive class is among target galaxies, from scores of theirs and of labelled galaxies.

    Assumes label shift: galaxies of a class look the same in both samples; only how common the classes are differs.
    Scores are recalibrated on the labelled galaxies (Platt 1999), which makes likelihood ratios
    :math:`r_i = p(s_i | 1) / p(s_i | 0)` of them, and the prevalence is

    .. math::

        \hat\pi = \arg\max_\pi \sum_i \log(\pi r_i + 1 - \pi)

    over the targets: where the EM algorithm of Saerens, Latinne & Decaestecker (2002, Neural Computation 14, 21)
    converges to. It was chosen over black box shift estimation (Lipton et al. 2018) for its smaller error, about half
    for rare classes; recalibration is what it takes (Alexandari, Kundaje & Shrikumar 2020).

    The interval doesn't rest on the recalibration. Targets that score high beyond what galaxies of the other class do
    must be of the class, and targets that score low beyond what its galaxies do can't be (`fewest_others`): each end
    fails with probability ``(1 - level) / 2`` at most, whatever the distributions of scores. The estimate is moved into
    it where it lies outside.

    Parameters
    ----------
    scores, labels
        (galaxy,) probability of the positive class (0 to 1; a monotonic score in that range will do), and whether it is
        one (0 or 1), of labelled galaxies that the model was not trained on.
    target_scores
        (target,) the same score of the targets; NaN are left out.
    given
        The prevalence among the targets, where it is known, above 0 and below 1: then only the recalibration is
        estimated.
    groups
        (galaxy,) codes of groups of labelled galaxies that aren't independent, such as copies of one object: one galaxy
        of each group and class, drawn at random, counts. Default: each stands alone.
    level
        Of the interval.
    n_boot
        Bootstrap samples for the test of the mixture.
    seed
        Of the samples.

    Raises
    ------
    OptionError
        Scores outside 0 to 1, labelled galaxies of one class only, or no target.
    """
    own, positive, targets = checked_scores(scores, labels, target_scores)
    rows = independent_rows(positive, groups, seed)
    own, positive = own[rows], positive[rows]
    x, (n1, n0, nt) = _binned(own[positive], own[~positive], targets)
    line = _recalibrate(x, n1, n0)
    labelled = float(positive.mean())
    ranked, tail = np.sort(targets), (1 - level) / 2
    of_class = fewest_others(np.sort(own[~positive]), ranked, tail)
    others = fewest_others(np.sort(-own[positive]), -ranked[::-1], tail)
    low, high = sorted(
        (of_class / len(ranked), 1 - others / len(ranked))
    )  # the other way round only where neither class is alike
    value = given
    if value is None:
        least = 0.5 / (len(ranked) + 1)  # neither 0 nor 1 where one class isn't seen
        likeliest = _likeliest(_ratios(x, line, float(n1.sum() / n0.sum())), nt)
        value = min(max(likeliest, low, least), max(high, least), 1 - least)
    misfit, p = _misfit(n1, n0, nt, n_boot, seed)
    return Prevalence(
        value=value,
        low=low if given is None else given,
        high=high if given is None else given,
        level=level,
        method="em" if given is None else "given",
        labelled=labelled,
        misfit=misfit,
        misfit_p=p,
        intercept=float(line[0]),
        slope=float(line[1]),
        allowed=(low, high),
    )


def checked_scores(
    scores: ArrayLike, labels: ArrayLike, target_scores: ArrayLike
) -> tuple[Values, NDArray[np.bool_], Values]:
    """Return scores, whether each is positive, and the targets' scores without NaN, once they are known to be of use.

    Raises
    ------
    OptionError
        See `estimate_prevalence`.
    """
    own, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    targets = np.asarray(target_scores, dtype=np.float64)
    targets = targets[~np.isnan(targets)]
    if own.shape != truth.shape or own.ndim != 1 or not np.isin(truth, (0, 1)).all():
        msg = f"scores {own.shape} and labels {truth.shape} must be one value per galaxy each, and labels 0 or 1."
        raise OptionError(msg)
    for name, values in (("labelled galaxies", own), ("targets", targets)):
        if not len(values):
            msg = f"there is no score of {name}. Expected at least one finite score."
            raise OptionError(msg)
        if not ((values >= 0) & (values <= 1)).all():
            msg = (
                f"scores of {name} are from {values.min():.3g} to {values.max():.3g}. Expected 0 to 1: probabilities "
                "of the class."
            )
            raise OptionError(msg)
    positive = truth == 1
    if positive.all() or not positive.any():
        msg = (
            f"all {len(own)} labelled galaxies are {'' if positive.all() else 'not '}of the class. Both kinds are "
            "needed."
        )
        raise OptionError(msg)
    return own, positive, targets


def _binned(*samples: Values) -> tuple[Values, list[Values]]:
    """Return bins' middles in the logit (bin,), and how many of each sample's scores lie in each, (bin,)."""
    logits = [logit(scores) for scores in samples]
    low = min(float(values.min()) for values in logits)
    high = max(float(values.max()) for values in logits)
    width = max(high - low, 1e-6) / BINS
    counts: list[Values] = [
        np.bincount(np.minimum(((values - low) / width).astype(int), BINS - 1), minlength=BINS).astype(float)
        for values in logits
    ]
    return low + width * (np.arange(BINS, dtype=np.float64) + 0.5), counts


def _recalibrate(x: Values, n1: Values, n0: Values) -> Values:
    """Return intercept and slope of the logistic regression on logits x (bin,) of counts (bin,) of each class."""
    center, scale = x.mean(), max(float(x.std()), 1e-6)
    z = (x - center) / scale
    design = np.stack([np.ones_like(z), z])
    total = n1 + n0
    line = np.array([np.log(n1.sum() / n0.sum()), 0.0])
    penalty = np.array([0.0, PENALTY])
    for _ in range(STEPS):
        p = sigmoid(line @ design)
        slope = design @ (total * p - n1) + penalty * line
        curvature = (design * (total * p * (1 - p))) @ design.T + np.diag(penalty) + 1e-9 * np.eye(2)
        step = np.clip(np.linalg.solve(curvature, slope), -2, 2)
        line = line - step
        if np.abs(step).max() < 1e-6:
            break
    return np.array([line[0] - line[1] / scale * center, line[1] / scale])


def _ratios(x: Values, line: Values, odds: float) -> Values:
    """Return likelihood ratios (bin,) of logits, less 1, from a regression and the odds of the labelled galaxies."""
    return np.asarray(np.exp(np.clip(line[0] + line[1] * x - np.log(odds), -30, 30)) - 1)


def _likeliest(excess: Values, targets: Values) -> float:
    """Return the likeliest prevalence of counts of targets (bin,).

    The likelihood is concave, so its slope is brought to 0 by halving.
    """
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        rising = (excess / (middle * excess + 1)) @ targets > 0
        low, high = (middle, high) if rising else (low, middle)
    return (low + high) / 2


def _misfit(n1: Values, n0: Values, targets: Values, n_boot: int, seed: int) -> tuple[float, float]:
    """Return the largest gap between targets and the mixture most like them.

    Also returned is how likely chance makes it. Counts are (bin,).
    """
    gaps = _gaps(n1, n0, targets, SHARES)
    best = int(np.abs(gaps).max(axis=1).argmin())
    gap = gaps[best]
    rng = np.random.default_rng(seed)
    d1, d0, dt = (rng.multinomial(int(n.sum()), n / n.sum(), size=n_boot).astype(float) for n in (n1, n0, targets))
    by_chance = np.abs(_gaps(d1, d0, dt, SHARES[best]) - gap).max(axis=1)
    misfit = float(np.abs(gap).max())
    return misfit, float((1 + (by_chance >= misfit).sum()) / (1 + n_boot))


def _gaps(n1: Values, n0: Values, targets: Values, shares: Values | float) -> Values:
    """Return the cumulative distribution of targets less that of the mixture, (share or draw, bin)."""
    of_class, other, all_targets = (
        np.atleast_2d(n).cumsum(axis=1) / np.atleast_2d(n).sum(axis=1, keepdims=True) for n in (n1, n0, targets)
    )
    share = np.reshape(shares, (-1, 1))
    return np.asarray(all_targets - share * of_class - (1 - share) * other)


def logit(scores: ArrayLike) -> Values:
    """Return log odds, from -12 to 12; NaN of NaN."""
    with np.errstate(divide="ignore"):
        logits = np.log(scores) - np.log1p(np.negative(scores))
    return np.asarray(np.clip(logits, -FARTHEST, FARTHEST))


def _log_odds(share: float) -> float:
    return float(np.log(share) - np.log1p(-share))
