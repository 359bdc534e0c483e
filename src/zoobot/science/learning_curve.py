"""Would more labels help? Scores of a simple head on frozen features against the number of labels it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.errors import LabelError, OptionError
from zoobot.files import json_ready
from zoobot.ranges import bounded
from zoobot.science.curve_scores import SCORES, fit_heads, score_heads
from zoobot.science.figure import Figure
from zoobot.science.metric import METRICS
from zoobot.science.nested import Units
from zoobot.science.power_law import PowerLaw, fit_power_law
from zoobot.science.ridge import components
from zoobot.settings import CurveTask

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]
    Rows = NDArray[np.int64]

SIZES = 7
SMALLEST, PER_CLASS = 20, 4
"""Galaxies (groups of them, where they have groups) of the first point: the larger of them, the latter times the
classes
"""

FEWEST, FEWEST_FOR_LAW, FEWEST_FOR_INTERVAL = 50, 20, 10
"""Independent galaxies without which there is no curve; of each class, without which it is not continued, and has no
interval
"""

LITTLE, LITTLE_RMSE = 0.005, 0.01
"""A gain that is little: of a score, and of the RMSE in units of itself"""

LUCK = 5 / 3
"""By how much the variance of a score exceeds that of its draws: the luck of the labels that all heads share, which
differences of points, and of encoders, have less of
"""

MOST = 10_000
"""Galaxies that are used, drawn at random where there are more"""

HEADS: dict[CurveTask, str] = {
    "classify": "a ridge classifier on frozen features, classes weighted alike",
    "regress": "a ridge regression on frozen features",
}
METHOD = "bootstrap of {}, widened for training sets that overlap (Nadeau & Bengio 2003)"


@dataclass(frozen=True, eq=False, kw_only=True)
class LearningCurve:
    """Scores against the number of labels.

    Attributes
    ----------
    task : 'classify' or 'regress'
        Of the head.
    n_labels, n_groups : int
        Labelled galaxies that the curve was measured on, and independent groups among them (as many, where each stands
        alone).
    n_given : int
        Labelled galaxies there are: more where not all were used.
    class_groups : ndarray
        (class,) independent groups that hold each class; empty for a regression.
    n_now : int
        Labels there are: those that the gain of more is counted from.
    sizes, groups : ndarray
        (size,) labels that the head was fitted to (the mean over fits), and groups of galaxies that they belong to;
        each larger set holds the smaller ones.
    scores : dict
        Of each score ('balanced_accuracy' and 'auroc', or 'r2' and 'rmse'): (repeat, size).
    draws : dict
        Of each score: (draw, size), over bootstrapped groups, widened for what the heads have in common (see
        `learning_curve`). The same seed draws the same galaxies for other features.
    laws : dict
        Of each score: the power law through its error.
    """

    task: CurveTask
    n_labels: int
    n_groups: int
    n_given: int
    class_groups: Rows
    n_now: int
    sizes: Rows
    groups: Rows
    scores: dict[str, Values]
    draws: dict[str, Values] = field(repr=False)
    laws: dict[str, PowerLaw]

    @property
    def headline(self) -> str:
        """The score that counts: balanced accuracy, or R²."""
        return SCORES[self.task][0]

    @property
    def galaxies(self) -> str:
        """Which galaxies the curve was measured on, in words."""
        if self.n_labels < self.n_given:
            return f"{self.n_labels} of the {self.n_given} labelled galaxies, drawn at random"
        return f"all {self.n_labels} labelled galaxies"

    @property
    def _units(self) -> str:
        return "galaxies" if self.n_groups == self.n_labels else "groups of galaxies"

    @property
    def few(self) -> str:
        """Why there is no interval: a class of fewer than 10 independent galaxies. Empty where there is one."""
        return _too_few(self, FEWEST_FOR_INTERVAL)

    def interval(self, score: str) -> tuple[Values, Values]:
        """Return the ends (size,) of the 95% interval of the mean over repeats.

        It is NaN where ``few`` says why there is none. Where the bootstrap shows hardly any spread, as for a head that
        is always right, or that calls everything one class, the interval is that of the rule of three: three galaxies
        of the rarest class might be wrong.
        """
        mean = self.scores[score].mean(axis=0)
        if self.few:
            return np.full(len(mean), np.nan), np.full(len(mean), np.nan)
        away = np.sqrt(LUCK) * (np.nanquantile(self.draws[score], [0.025, 0.975], axis=0) - mean)
        if self.task == "regress":
            reach = np.abs(away).max(axis=0)  # draws of R2 have their tail below, its error has none
            return (
                (np.maximum(mean - reach, 0), mean + reach)
                if score == "rmse"
                else (mean - reach, np.minimum(mean + reach, 1))
            )
        low, high = mean + away
        least = 3 / (len(self.class_groups) * self.class_groups.min())
        return np.maximum(np.minimum(low, mean - least), 0), np.minimum(np.maximum(high, mean + least), 1)

    def figure(self, score: str | None = None) -> Figure:
        """Return a score with the most labels, out of fold, and its interval."""
        score = score or self.headline
        low, high = (float(end[-1]) for end in self.interval(score))
        return Figure(
            value=float(self.scores[score][:, -1].mean()), low=low, high=high, method=METHOD.format(self._units),
            n=self.n_labels, n_groups=self.n_groups, sign=METRICS[score].sign, reason=self.few,
        )  # fmt: skip

    def sentence(self, score: str | None = None) -> str:
        """Return what more labels are likely to buy, of which galaxies and head, in words."""
        score = score or self.headline
        law, name, shown = self.laws[score], METRICS[score].name, ".3g" if score == "rmse" else ".3f"
        of_groups = f" ({self.n_groups} groups, kept whole)" if self.n_groups < self.n_labels else ""
        measured = (
            f"of {HEADS[self.task]}, out of fold on {self.galaxies}{of_groups}, which is not the test score of a "
            "finetuned model"
        )
        if not law.determined:
            most = self.figure(score)
            interval = f" (95% interval {most.low:{shown}} to {most.high:{shown}})" if most.has_interval else ""
            return (
                f"What {law.more} more labels would do to the {name} can't be said: {law.reason}. With "
                f"{self.sizes[-1]} labels it is {most.value:{shown}}{interval}: that {measured}."
            )
        now, then = (METRICS[score].score(error) for error in (law.error_now, law.error_then))
        way = "lower" if score == "rmse" else "raise"
        interval = f"95% interval {law.gain_low:{shown}} to {law.gain_high:{shown}}"
        if law.gain_high < (LITTLE_RMSE * law.error_now if score == "rmse" else LITTLE):
            gain = (
                f"are unlikely to {way} the {name}, now about {now:{shown}}, by more than {law.gain_high:{shown}} "
                f"({interval})"
            )
        else:
            gain = (
                f"are likely to {way} the {name} by {law.gain:{shown}} ({interval}), from about {now:{shown}} to "
                f"{then:{shown}}"
            )
        return (
            f"{law.more} more labels like these to train on, {law.n_now + law.more} instead of {law.n_now}, {gain}. "
            f"This continues a power law through {self.sizes[0]} to {self.sizes[-1]} labels: the {name} {measured}. "
            "Galaxies of another kind, or a finetuned encoder, may change more."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the draws, as JSON can hold it: NaN become null."""
        intervals = {name: [json_ready(end.tolist()) for end in self.interval(name)] for name in self.scores}
        return {
            "task": self.task,
            "galaxies": f"{self.galaxies}, out of fold",
            "head": HEADS[self.task],
            "n_labels": self.n_labels,
            "n_groups": self.n_groups,
            "class_groups": self.class_groups.tolist(),
            "n_now": self.n_now,
            "sizes": self.sizes.tolist(),
            "groups": self.groups.tolist(),
            "headline": self.headline,
            "at_most_labels": {name: self.figure(name).to_dict() for name in self.scores},
            "scores": {
                name: {
                    "mean": json_ready(values.mean(axis=0).tolist()),
                    "std": json_ready(values.std(axis=0, ddof=1).tolist()),
                    "low": intervals[name][0],
                    "high": intervals[name][1],
                    "repeats": [json_ready(repeat.tolist()) for repeat in values],
                    "power_law": self.laws[name].to_dict(),
                }
                for name, values in self.scores.items()
            },
            "sentence": self.sentence(),
        }


@bounded()
def learning_curve(
    features: ArrayLike,
    labels: ArrayLike,
    task: CurveTask = "classify",
    *,
    groups: ArrayLike | None = None,
    n_now: int | None = None,
    more: int = 100,
    n_folds: int = 5,
    n_repeats: int = 4,
    n_draws: int = 300,
    seed: int = 42,
    description: str = "Learning curve",
) -> LearningCurve:
    r"""Fit heads to more and more of the labels and score each on galaxies that it has not seen.

    Features are standardized and turned onto their first 256 principal components (found without labels). ``n_repeats``
    times, galaxies are dealt into ``n_folds`` folds, classes in proportion. For each fold a ridge classifier (classes
    weighted alike) or ridge regression is fitted to nested random subsets of the others, its penalty chosen by
    leave-one-out error within the subset, and predicts the fold: so each galaxy is predicted once a repeat and size,
    and the score is that of all these predictions (AUROC: of pairs within a fold, for heads of different folds share no
    scale). The law is `fit_power_law` of the error (1 less the score; RMSE itself).

    Intervals are percentiles of a bootstrap of galaxies, their predictions averaged over repeats. The heads of all
    folds were fitted to much the same galaxies, which no bootstrap of predictions knows: as in Nadeau & Bengio (2003),
    fold scores are taken to correlate by the share that is tested, :math:`\rho = 1/K`, which makes the variance of
    draws :math:`1 + (K - 1)\rho = 2 - 1/K` times as large. That of a score itself is taken as 5/3 times as large again,
    three times the bootstrap's for five folds: simulated curves need that at their steepest, where the luck of the
    labels counts most.

    With groups, all of this is by whole groups: folds, subsets, the penalty's leave-one-out, and the bootstrap. Three
    copies of a galaxy are then one galaxy; the curve's labels are still counted one by one.

    Parameters
    ----------
    features
        (galaxy, feature) of the frozen encoder.
    labels
        (galaxy,) class as a whole number from 0, or a number to be regressed on. Rows with NaN, here or in features,
        are left out.
    task
        'classify' or 'regress'.
    groups
        (galaxy,) whole numbers: galaxies with the same one depend on one another (copies, one object, one tile).
        Default: none do.
    n_now
        Labels that a model is trained on, from which the gain of more is counted. Default: all of these.
    more
        Predict the gain from this many additional labels.
    n_folds, n_repeats, n_draws
        Folds (fewer where a class has fewer galaxies), repeats, bootstrap samples.
    seed
        Of folds, subsets and samples: the same for other features of the same galaxies, which makes curves comparable
        pair by pair.
    description
        Shown left of the progress bar.

    Raises
    ------
    LabelError
        Fewer than 50 labelled galaxies (groups of them), one class only, a class of one galaxy (group), or labels that
        are all equal.
    OptionError
        Features, labels and groups of different lengths, an unknown task, or a number that is too small.
    """
    x, truth, own, total = _checked(features, labels, task, groups, seed)
    classes = truth.astype(np.int64) if task == "classify" else np.zeros(len(truth), np.int64)
    units = Units.of(classes, own)
    folds = min(n_folds, int(np.unique(units.strata, return_counts=True)[1].min()))
    largest = len(units) // folds + len(np.unique(units.strata))  # units of a fold, at most
    counts = _sizes(len(units) - largest, len(np.unique(classes)))
    options = {"n_folds": folds, "n_repeats": n_repeats, "seed": seed}
    fitted = fit_heads(components(x), truth, task, units, counts, **options, description=description)
    scores, draws = score_heads(fitted, truth, task, units, n_draws=n_draws, seed=seed)
    sizes = fitted.labels.mean(axis=(0, 1)).round().astype(np.int64)
    now = total if n_now is None else n_now
    laws = {
        name: fit_power_law(sizes, METRICS[name].error(values.mean(axis=0)), METRICS[name].error(draws[name]),
            n_now=now, more=more)
        for name, values in scores.items()
    }  # fmt: skip
    held = np.unique(np.stack([classes, units.codes]), axis=1)[0] if task == "classify" else np.zeros(0, np.int64)
    curve = LearningCurve(
        task=task, n_labels=len(truth), n_groups=len(units), n_given=total, class_groups=np.bincount(held), n_now=now,
        sizes=sizes, groups=counts, scores=scores, draws=draws, laws=laws,
    )  # fmt: skip
    if reason := _too_few(curve, FEWEST_FOR_LAW):
        curve = replace(curve, laws={name: law.refused(reason) for name, law in laws.items()})
    return curve


def usable_rows(features: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    """Return which rows have neither a NaN feature nor a NaN label."""
    x, y = np.asarray(features, dtype=np.float32), np.asarray(labels, dtype=np.float64)
    return np.asarray(np.isfinite(x).all(axis=1) & np.isfinite(y))


def check_labels(labels: ArrayLike, task: CurveTask, groups: ArrayLike | None = None) -> None:
    """Refuse labels that no learning curve can be had of.

    Parameters
    ----------
    labels, task, groups
        See `learning_curve`; all labels are known.

    Raises
    ------
    LabelError
        See `learning_curve`.
    """
    truth = np.asarray(labels, dtype=np.float64)
    own = np.arange(len(truth)) if groups is None else np.asarray(groups)
    n_groups, what = len(np.unique(own)), "galaxies" if groups is None else "groups of galaxies"
    if n_groups < FEWEST:
        msg = f"{n_groups} labelled {what} are too few for a learning curve. Expected {FEWEST} or more."
        raise LabelError(msg)
    if task == "classify":
        classes, codes = np.unique(truth, return_inverse=True)
        counts = np.bincount(np.unique(np.stack([codes, np.unique(own, return_inverse=True)[1]]), axis=1)[0])
        if len(classes) < 2 or counts.min() < 2 or (classes < 0).any() or (classes % 1).any():
            told = ", ".join(f"{name:g}: {count}" for name, count in zip(classes, counts, strict=True))
            msg = f"the classes are {told}. Expected whole numbers from 0, two or more, each of two {what} or more."
            raise LabelError(msg)
    elif truth.std() == 0:
        msg = f"all {len(truth)} labels are {truth[0]:g}. There is nothing to learn from them."
        raise LabelError(msg)


def _checked(
    features: ArrayLike, labels: ArrayLike, task: str, groups: ArrayLike | None, seed: int
) -> tuple[Values, Values, NDArray[Any] | None, int]:
    """Return features, labels and groups of the galaxies that are used, and how many could be."""
    if task not in SCORES:
        msg = (
            f"task={task!r} must be 'classify' or 'regress'. Give the curve of one label of several, or of one "
            "question of a tree."
        )
        raise OptionError(msg)
    x, truth = np.asarray(features, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    own = np.arange(len(truth)) if groups is None else np.asarray(groups)
    if x.ndim != 2 or truth.shape != x.shape[:1] or own.shape != truth.shape:
        msg = (
            f"features {x.shape}, labels {truth.shape} and groups {own.shape} don't agree. Expected (galaxy, feature) "
            "and (galaxy,)."
        )
        raise OptionError(msg)
    known = usable_rows(x, truth)
    x, truth, own = x[known], truth[known], own[known]
    check_labels(truth, task, None if groups is None else own)
    n_labels = len(truth)
    if task == "classify":
        truth = np.unique(truth, return_inverse=True)[1].astype(np.float64)
    if n_labels > MOST:
        some = np.sort(np.random.default_rng(seed).choice(n_labels, MOST, replace=False))
        x, truth, own = x[some], truth[some], own[some]
    return x, truth, None if groups is None else own, n_labels


def _sizes(largest: int, n_classes: int) -> Rows:
    smallest = min(max(SMALLEST, PER_CLASS * n_classes), largest)
    return np.unique(np.geomspace(smallest, largest, SIZES).round().astype(np.int64))


def _too_few(curve: LearningCurve, needed: int) -> str:
    """Return which class has too few galaxies, or groups of them; empty where each has enough."""
    fewest = int(curve.class_groups.min(initial=needed))
    return "" if fewest >= needed else f"the rarest class has {fewest} {curve._units}, and {needed} are needed"
