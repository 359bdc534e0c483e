"""Where to cut: the threshold for a wanted purity or completeness, and what to expect of the galaxies above it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoobot.errors import OptionError
from zoobot.science.prevalence import Prevalence, checked_scores, estimate_prevalence
from zoobot.science.purity import Estimate, Rates, above

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

TOPS = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)

FEWEST_ABOVE = 5
"""Labelled positives above a threshold, without which nothing is said of the purity there"""

ALIKE = 0.02
"""Lower bounds that differ by no more are as good as each other: where the wanted one can't be had, the lowest such threshold is taken"""

MOST_THRESHOLDS = 200
"""That are tried"""

CURVE_POINTS = 80


@dataclass(frozen=True)
class Top:
    """The target galaxies of the highest scores."""

    n: int
    """How many"""
    threshold: float
    """The lowest score among them"""
    labelled: int
    """Labelled galaxies above it"""
    purity: Estimate | None
    """From those; None where fewer than five of them are positive"""
    mean_probability: float
    """Mean probability of these galaxies at the targets' prevalence: what the model itself says, as far up as scores reach"""


@dataclass(frozen=True, eq=False)
class Selection:
    """A threshold on the score, and what to expect of the target galaxies at or above it.

    Attributes
    ----------
    threshold : float
        Galaxies with this score or a higher one are selected.
    goal, wanted : str, float
        'purity' or 'completeness', and how much of it.
    confidence : float
        Probability with which the wanted value was to be promised.
    reached : bool
        Whether it is. Where not, the threshold is the lowest with about the best lower bound there is.
    promised : float
        The lower bound on what was wanted, at ``confidence``.
    purity, completeness : Estimate
        At the threshold, at the targets' prevalence: purity of the galaxies that are selected, completeness as of very many.
    prevalence : Prevalence
        Among the targets.
    n_target, n_selected : int
        Target galaxies with a score, and those selected.
    found, in_target : Estimate
        Expected number of positives among the selected, and among all targets.
    labelled, labelled_selected : dict
        Labelled galaxies, and those at or above the threshold: {'positive': n, 'negative': n}.
    top : tuple of Top
        The N highest scores.
    curve : dict
        Lists over thresholds with five labelled positives or more above: ``threshold``, ``purity``, ``purity_low``, ``purity_high``,
        ``completeness``, ``completeness_low``, ``completeness_high``, ``n_selected``.
    """

    threshold: float
    goal: Literal["purity", "completeness"]
    wanted: float
    confidence: float
    reached: bool
    promised: float
    level: float
    purity: Estimate
    completeness: Estimate
    prevalence: Prevalence
    n_target: int
    n_selected: int
    found: Estimate
    in_target: Estimate
    labelled: dict[str, int]
    labelled_selected: dict[str, int]
    top: tuple[Top, ...]
    curve: dict[str, list[float]]

    def sentences(self) -> list[str]:
        """Say what was found, and what it rests on."""
        p = self.prevalence
        if p.method == "given":
            common = f"The class makes up {p.value:.3g} of the targets, as given"
        else:
            common = f"The class is estimated to make up {p.value:.3g} of the targets ({p.level:.0%} interval {p.low:.2g} to {p.high:.2g})"
        said = [f"{common}; of the labelled galaxies, {p.labelled:.3g}."]
        if p.unlike:
            said.append(
                f"CAUTION: the targets' scores are not those of any mixture of the labelled classes (p = {p.misfit_p:.2g}): the "
                "targets differ by more than how common the class is, and what follows does not hold for them. Judge the audit list."
            )
        if not self.reached:
            said.append(
                f"A {self.goal} of {self.wanted:g} can't be promised with {self.confidence:.0%} confidence from "
                f"{self.labelled['positive']} labelled galaxies of the class and {self.labelled['negative']} others. The best that "
                f"can is {self.promised:.2f}. Label more galaxies, ask for less, or lower the confidence."
            )
        said.append(
            f"Score {self.threshold:.4g} and above: {self.n_selected:,} of {self.n_target:,} galaxies, about {self.found:,.0f} of "
            f"them of the class. Purity {self.purity:.2f}, completeness {self.completeness:.2f} ({self.level:.0%} intervals)."
        )
        return said

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON can hold it."""
        skipped = ("prevalence", "top", "curve")
        plain = {name: value for name, value in vars(self).items() if name not in skipped}
        plain |= {name: asdict(value) for name, value in plain.items() if isinstance(value, Estimate)}
        return plain | {
            "prevalence": self.prevalence.to_dict(),
            "top": [asdict(one) for one in self.top],
            "curve": self.curve,
            "sentences": self.sentences(),
        }


def choose_threshold(
    scores: ArrayLike,
    labels: ArrayLike,
    target_scores: ArrayLike,
    *,
    purity: float | None = None,
    completeness: float | None = None,
    prevalence: float | None = None,
    confidence: float = 0.9,
    level: float = 0.95,
    n_draws: int = 1000,
    seed: int = 42,
) -> Selection:
    r"""Find the threshold that gives a wanted purity or completeness among target galaxies, and say what to expect.

    With the shares :math:`t` of labelled positives and :math:`f` of labelled negatives at or above a threshold, and the targets'
    prevalence :math:`\pi`, the completeness is :math:`t` and the purity :math:`\pi t / (\pi t + (1 - \pi) f)`. Neither depends on how
    common the class was made among the labelled galaxies.

    The threshold for a purity is the lowest whose lower bound, at ``confidence``, is at least that: to choose by the estimate itself
    would be to choose the luckiest, and the promise would fail more often than not. See `zoobot.science.purity` for the bounds. A false
    promise is then made in at most about ``1 - confidence`` of cases.

    For a completeness it is the highest threshold whose exact lower bound (Clopper & Pearson 1934) is at least that. As the threshold is
    the score of one of the positives, the bound is that of Wilks (1941): it holds for any distribution of scores, choice included.

    Parameters
    ----------
    scores, labels
        (galaxy,) score of the class, 0 to 1, and whether it is of the class (0 or 1), of labelled galaxies that the model wasn't
        trained on.
    target_scores
        (target,) the same score of the galaxies to select from. NaN is never selected.
    purity, completeness
        What is wanted, above 0 and below 1: exactly one of the two.
    prevalence
        How common the class is among the targets, where it is known. Default: see `estimate_prevalence`.
    confidence
        Probability with which the wanted value is to be promised.
    level
        Of the intervals.
    n_draws
        Of the shares and of the prevalence: bootstrap samples.
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
    for name, value in ((goal, wanted), ("confidence", confidence), ("level", level)):
        if not 0 < value < 1:
            msg = f"{name}={value:g} must be above 0 and below 1."
            raise OptionError(msg)
    own, positive, targets = checked_scores(scores, labels, target_scores)
    common = estimate_prevalence(own, positive, targets, given=prevalence, level=level, n_boot=n_draws, seed=seed)
    ranked = np.sort(targets)
    rates = Rates(np.sort(own[positive]), np.sort(own[~positive]), ranked, common, seed)
    candidates = _thinned(np.unique(own[positive]), MOST_THRESHOLDS)
    if goal == "purity":
        highest = min(_high_enough(rates), float(ranked[-1]))  # above it there is nothing to select
        candidates = candidates[candidates <= highest] if candidates[0] <= highest else np.array([highest])
        bounds = rates.purity_bounds(candidates, wanted, confidence)
        enough = bounds >= wanted
        place = int(np.argmax(enough if enough.any() else bounds >= bounds.max() - ALIKE))
    else:
        bounds = rates.completeness_bounds(candidates, 1 - confidence)
        enough = bounds >= wanted
        place = int(np.flatnonzero(enough)[-1]) if enough.any() else 0
    threshold = float(candidates[place])
    n_selected = above(ranked, threshold)
    expected = rates.purity_estimate(threshold, level)
    return Selection(
        threshold=threshold,
        goal=goal,
        wanted=wanted,
        confidence=confidence,
        reached=bool(enough.any()),
        promised=float(bounds[place]),
        level=level,
        purity=expected,
        completeness=rates.completeness_estimate(threshold, level),
        prevalence=common,
        n_target=len(targets),
        n_selected=n_selected,
        found=expected.times(n_selected),
        in_target=Estimate(common.value, common.low, common.high).times(len(targets)),
        labelled={"positive": len(rates.positives), "negative": len(rates.negatives)},
        labelled_selected=dict(zip(("positive", "negative"), rates.counts(threshold), strict=True)),
        top=_tops(rates, common, level),
        curve=_curve(rates, own, level),
    )


def _tops(rates: Rates, prevalence: Prevalence, level: float) -> tuple[Top, ...]:
    found = []
    ranked = rates.targets
    probabilities = prevalence.probabilities(ranked[-max(TOPS) :])
    for n in (n for n in TOPS if n <= len(ranked)):
        threshold = float(ranked[-n])
        kept, wrong = rates.counts(threshold)
        purity = rates.purity_estimate(threshold, level) if kept >= FEWEST_ABOVE else None
        found.append(Top(n, threshold, kept + wrong, purity, float(probabilities[-n:].mean())))
    return tuple(found)


def _curve(rates: Rates, own: Values, level: float) -> dict[str, list[float]]:
    thresholds = _thinned(np.unique(own[own <= _high_enough(rates)]), CURVE_POINTS)
    points = [(rates.purity_estimate(one, level), rates.completeness_estimate(one, level)) for one in thresholds]
    curve: dict[str, list[float]] = {"threshold": thresholds.tolist()}
    for place, name in enumerate(("purity", "completeness")):
        curve[name] = [point[place].value for point in points]
        curve[f"{name}_low"] = [point[place].low for point in points]
        curve[f"{name}_high"] = [point[place].high for point in points]
    return curve | {"n_selected": [above(rates.targets, one) for one in thresholds]}


def _high_enough(rates: Rates) -> float:
    """Give the highest threshold with five labelled positives (all, where they are fewer) above."""
    return float(rates.positives[-min(FEWEST_ABOVE, len(rates.positives))])


def _thinned(values: Values, most: int) -> Values:
    """Give at most so many of sorted values, evenly among them, first and last included."""
    if len(values) <= most:
        return values
    return values.take(np.unique(np.linspace(0, len(values) - 1, most).round().astype(int)))
