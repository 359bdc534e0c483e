"""Where to cut: the threshold for a wanted purity or completeness, and what to expect of the galaxies above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from zoobot.errors import OptionError
from zoobot.ranges import bounded
from zoobot.science.exceedances import independent_rows
from zoobot.science.prevalence import checked_scores, estimate_prevalence, logit
from zoobot.science.purity import (
    MOST_THRESHOLDS,
    RARE,
    Estimate,
    Rates,
    above,
    at_least,
    negatives_needed,
    positives_needed,
    thinned,
)
from zoobot.science.scaling import sigmoid
from zoobot.science.selected import Selection, Top

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

TOPS = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)

FEWEST_ABOVE = 5
"""Labelled positives above a threshold, without which nothing is said of the purity there"""

CURVE_POINTS = 80

STEPS = 40
"""Halvings of the interval that holds a shift of logits"""

MOST_SHIFTED = 10_000
"""Selected galaxies, evenly among them, by which the shift is found"""


@bounded()
def choose_threshold(
    scores: ArrayLike,
    labels: ArrayLike,
    target_scores: ArrayLike,
    *,
    purity: float | None = None,
    completeness: float | None = None,
    prevalence: float | None = None,
    groups: NDArray[np.int64] | None = None,
    confidence: float = 0.9,
    level: float = 0.95,
    n_draws: int = 1000,
    seed: int = 42,
) -> Selection:
    r"""Find the threshold that gives a wanted purity or completeness among target galaxies, and say what to expect.

    With the shares :math:`t` of labelled positives and :math:`f` of labelled negatives at or above a threshold, and the
    targets' prevalence :math:`\pi`, the completeness is :math:`t` and the purity :math:`\pi t / (\pi t + (1 - \pi) f)`.
    Neither depends on how common the class was made among the labelled galaxies.

    **A purity** is promised at the lowest threshold where so few labelled negatives score as high that, if as many
    galaxies above it were wrong as must not be, that would be improbable: see `Rates.promised_purities`. It is exact
    for any distribution of scores, for the galaxies that are selected (not as of very many), and for all thresholds
    together; it doesn't need the prevalence. All that it assumes is that galaxies not of the class score alike in both
    samples. Promises are made mostly by lucky runs: where the wanted purity is out of reach, by them alone. So a false
    one is made with a probability of at most :math:`(1 - c) / 10`, with the ``confidence`` c: then of *promises made*
    at most :math:`1 - c` are false, wherever one run in ten or more ends in a promise,

    .. math::

        P(\text{false} \mid \text{promised}) = \frac{P(\text{false})}{P(\text{promised})} \le \frac{(1 - c) / 10}{1 /
        10}.

    Where fewer runs do, no method can do more than make false promises as rare as that.

    **A completeness** is promised at the score of that labelled positive, above which at least so much of the targets'
    positives is with probability c (`exceedances`). Whether it can be depends on how many labelled positives there are,
    and not on luck: the confidence is that of promises made.

    Parameters
    ----------
    scores, labels
        (galaxy,) score of the class, 0 to 1, and whether it is of the class (0 or 1), of labelled galaxies that the
        model wasn't trained on.
    target_scores
        (target,) the same score of the galaxies to select from. NaN is never selected.
    purity, completeness
        What is wanted, above 0 and below 1: exactly one of the two.
    prevalence
        How common the class is among the targets, where it is known. Default: see `estimate_prevalence`.
    groups
        (galaxy,) codes of groups of labelled galaxies that aren't independent: see `estimate_prevalence`.
    confidence
        Of promises made, the share that is to hold.
    level
        Of the intervals.
    n_draws
        Bootstrap samples for the test whether targets are like labelled galaxies.
    seed
        Of the draws.

    Raises
    ------
    OptionError
        Neither or both of purity and completeness, values outside their range, or see `estimate_prevalence`.
    """
    if (purity is None) == (completeness is None):
        msg = "give either a purity or a completeness to select for, one of them."
        raise OptionError(msg)
    goal: Literal["purity", "completeness"] = "completeness" if purity is None else "purity"
    wanted = float(completeness if purity is None else purity)  # type: ignore[arg-type]
    own, positive, targets = checked_scores(scores, labels, target_scores)
    n_labelled = len(own)
    rows = independent_rows(positive, groups, seed)
    own, positive = own[rows], positive[rows]
    common = estimate_prevalence(own, positive, targets, given=prevalence, level=level, n_boot=n_draws, seed=seed)
    ranked = np.sort(targets)
    rates = Rates(np.sort(own[positive]), np.sort(own[~positive]), ranked, common, level)
    if goal == "purity":
        tail = (1 - confidence) * RARE
        promises = rates.promised_purities(tail)
        needed = negatives_needed(common.value, wanted, tail)
    else:
        promises = rates.promised_completenesses(1 - confidence)
        needed = positives_needed(wanted, 1 - confidence)
    trusted = not (common.unlike or common.contradicted)
    best = promises.best(wanted) if trusted else None
    threshold = _guess(rates, goal, wanted) if best is None else float(promises.thresholds[best])
    n_selected = above(ranked, threshold)
    (expected,) = rates.purities(np.array([threshold]), together=goal == "purity")
    (complete,) = rates.completenesses(np.array([threshold]))
    reach = _reach(rates)
    few = thinned(ranked[len(ranked) - n_selected :], MOST_SHIFTED)
    shift = _shift(common.probabilities(np.minimum(few, reach)), expected.value)
    return Selection(
        threshold=threshold,
        goal=goal,
        wanted=wanted,
        confidence=confidence,
        reached=best is not None,
        promised=float(promises.bounds.max(initial=0.0) if best is None else promises.bounds[best]) * trusted,
        needed=needed,
        level=level,
        purity=expected,
        completeness=complete,
        prevalence=common,
        n_target=len(targets),
        n_selected=n_selected,
        found=expected.times(n_selected),
        in_target=Estimate(common.value, common.low, common.high).times(len(targets)),
        labelled={"positive": len(rates.positives), "negative": len(rates.negatives)},
        labelled_selected=dict(zip(("positive", "negative"), rates.counts(threshold), strict=True)),
        n_labelled=n_labelled,
        reach=reach,
        shift=shift,
        top=_tops(rates, reach, shift),
        curve=_curve(rates, own),
    )


def _guess(rates: Rates, goal: Literal["purity", "completeness"], wanted: float) -> float:
    """Return the threshold by the estimates alone.

    It is the lowest of enough purity, else that of most; or the highest of enough completeness.
    """
    candidates = np.unique(rates.positives)
    if goal == "completeness":
        enough = [one.value >= wanted for one in rates.completenesses(candidates)]
        return float(candidates[enough][-1])
    highest = min(_reach(rates), float(rates.targets[-1]))  # above it there is nothing to select
    candidates = np.unique(np.minimum(thinned(candidates, MOST_THRESHOLDS), highest))
    estimates = rates.expected_purities(candidates)
    return float(candidates[int(np.argmax(np.minimum(estimates, wanted)))])


def _tops(rates: Rates, reach: float, shift: float) -> tuple[Top, ...]:
    ranked = rates.targets
    line = rates.prevalence.probabilities(np.minimum(ranked[-max(TOPS) :], reach))
    probabilities = sigmoid(logit(line) + shift)
    sizes = [n for n in TOPS if n <= len(ranked)]
    thresholds = np.array([ranked[-n] for n in sizes])
    found = []
    for n, threshold, purity in zip(sizes, thresholds.tolist(), rates.purities(thresholds), strict=True):
        kept, wrong = rates.counts(threshold)
        known = kept >= FEWEST_ABOVE
        mean = float(probabilities[-n:].mean()) if known else None
        found.append(Top(n, threshold, kept + wrong, purity if known else None, mean))
    return tuple(found)


def _curve(rates: Rates, own: Values) -> dict[str, list[float]]:
    thresholds = thinned(np.unique(own[own <= _reach(rates)]), CURVE_POINTS)
    curve: dict[str, list[float]] = {"threshold": thresholds.tolist()}
    for name, points in (
        ("purity", rates.purities(thresholds)),
        ("completeness", rates.completenesses(thresholds)),
    ):
        curve[name] = [point.value for point in points]
        curve[f"{name}_low"] = [point.low for point in points]
        curve[f"{name}_high"] = [point.high for point in points]
    return curve | {"n_selected": at_least(rates.targets, thresholds).tolist()}


def _reach(rates: Rates) -> float:
    """Return the highest score that five labelled positives have (all, where they are fewer)."""
    return float(rates.positives[-min(FEWEST_ABOVE, len(rates.positives))])


def _shift(probabilities: Values, mean: float) -> float:
    """Return what is to be added to the logits of probabilities so that their mean is as wanted.

    It is 0 where there are none.
    """
    if not len(probabilities):
        return 0.0
    low, high = -30.0, 30.0
    logits = logit(probabilities)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(logits + middle).mean() < mean else (low, middle)
    return (low + high) / 2
