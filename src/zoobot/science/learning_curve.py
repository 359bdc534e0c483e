"""Would more labels help? Scores of a simple head on frozen features against the number of labels it was fitted to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoobot.errors import LabelError, OptionError
from zoobot.progress import track
from zoobot.science import resampling
from zoobot.science.power_law import PowerLaw, fit_power_law
from zoobot.science.ridge import fit_ridge

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]
    Rows = NDArray[np.int64]

CurveTask = Literal["classify", "regress"]

COMPONENTS = 256
"""Of the features, the most: a head on more takes longer and is no better at these numbers of labels"""

SIZES = 7
SMALLEST, PER_CLASS = 20, 4
"""Labels of the first point: the larger of them, the latter times the classes"""

FEWEST = 50
"""Labels without which there is no curve"""

MOST = 10_000
"""Galaxies that are used, drawn at random where there are more"""

SCORES: dict[CurveTask, tuple[str, ...]] = {"classify": ("balanced_accuracy", "auroc"), "regress": ("r2", "rmse")}
NAMES = {"balanced_accuracy": "balanced accuracy", "auroc": "AUROC", "r2": "R2", "rmse": "RMSE"}


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Scores against the number of labels.

    Attributes
    ----------
    task : 'classify' or 'regress'
        Of the head.
    n_labels : int
        Galaxies there are.
    sizes : ndarray
        (size,) labels that the head was fitted to; each larger set holds the smaller ones.
    scores : dict
        Of each score ('balanced_accuracy' and 'auroc', or 'r2' and 'rmse'): (repeat, size).
    draws : dict
        Of each score: (draw, size), over bootstrapped galaxies and repeats. The same seed draws the same galaxies for other features.
    laws : dict
        Of each score: the power law through its error.
    """

    task: CurveTask
    n_labels: int
    sizes: Rows
    scores: dict[str, Values]
    draws: dict[str, Values] = field(repr=False)
    laws: dict[str, PowerLaw]

    @property
    def headline(self) -> str:
        """The score that counts: balanced accuracy, or R2."""
        return SCORES[self.task][0]

    def interval(self, score: str) -> tuple[Values, Values]:
        """Give the ends (size,) of the 95% interval of the mean over repeats."""
        low, high = np.nanquantile(self.draws[score], [0.025, 0.975], axis=0)
        return low, high

    def sentence(self, score: str | None = None) -> str:
        """Say what more labels are likely to buy."""
        score = score or self.headline
        law, name = self.laws[score], NAMES[score]
        if not law.determined:
            return f"What {law.more} more labels would do to the {name} can't be said: {law.reason}."
        way = "lower" if score == "rmse" else "raise"
        now, then = (as_score(score, error) for error in (law.error_now, law.error_then))
        return (
            f"{law.more} more labels like these, {law.n_now + law.more} instead of {law.n_now}, are likely to {way} the {name} by "
            f"{law.gain:.3f} (95% interval {law.gain_low:.3f} to {law.gain_high:.3f}), from about {now:.3f} to {then:.3f}: a power law "
            f"through {self.sizes[0]} to {self.sizes[-1]} labels, for a linear head on frozen features. Galaxies of another kind, or a "
            "finetuned encoder, may change more."
        )

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the draws, as JSON can hold it: NaN become null."""
        intervals = {name: [_plain(end) for end in self.interval(name)] for name in self.scores}
        return {
            "task": self.task,
            "n_labels": self.n_labels,
            "sizes": self.sizes.tolist(),
            "headline": self.headline,
            "scores": {
                name: {
                    "mean": _plain(values.mean(axis=0)),
                    "std": _plain(values.std(axis=0, ddof=1)),
                    "low": intervals[name][0],
                    "high": intervals[name][1],
                    "repeats": [_plain(repeat) for repeat in values],
                    "power_law": self.laws[name].to_dict(),
                }
                for name, values in self.scores.items()
            },
            "sentence": self.sentence(),
        }


def learning_curve(
    features: ArrayLike,
    labels: ArrayLike,
    task: CurveTask = "classify",
    *,
    more: int = 100,
    n_folds: int = 5,
    n_repeats: int = 4,
    n_draws: int = 300,
    seed: int = 42,
    description: str = "Learning curve",
) -> LearningCurve:
    r"""Fit heads to more and more of the labels and score each on galaxies that it has not seen.

    Features are standardized and turned onto their first 256 principal components (found without labels). ``n_repeats`` times, galaxies
    are dealt into ``n_folds`` folds, classes in proportion. For each fold a ridge classifier (classes weighted alike) or ridge regression
    is fitted to nested random subsets of the others, its penalty chosen by leave-one-out error within the subset, and predicts the fold:
    so each galaxy is predicted once a repeat and size, and the score is that of all these predictions. Intervals are percentiles of a
    bootstrap of galaxies and repeats; the law is `fit_power_law` of the error (1 less the score; RMSE itself).

    Parameters
    ----------
    features
        (galaxy, feature) of the frozen encoder.
    labels
        (galaxy,) class as a whole number from 0, or a number to be regressed on. Rows with NaN, here or in features, are left out.
    task
        'classify' or 'regress'.
    more
        How many more labels to foresee.
    n_folds, n_repeats, n_draws
        Folds (fewer where a class has fewer galaxies), repeats, bootstrap samples.
    seed
        Of folds, subsets and samples: the same for other features of the same galaxies, which makes curves comparable pair by pair.
    description
        Shown left of the progress bar.

    Raises
    ------
    LabelError
        Fewer than 50 labelled galaxies, one class only, a class of one galaxy, or labels that are all equal.
    OptionError
        Features and labels of different lengths, an unknown task, or a number that is too small.
    """
    x, truth = _checked(features, labels, task, n_folds, n_repeats, n_draws, seed)
    strata = truth.astype(np.int64) if task == "classify" else np.zeros(len(truth), np.int64)
    folds = min(n_folds, int(np.bincount(strata).min(initial=len(truth), where=np.bincount(strata) > 0)))
    x = _components(x)
    held = len(truth) // folds + len(np.unique(strata))  # of the largest fold, at most
    sizes = _sizes(len(truth) - held, len(np.unique(strata)))
    predictions = np.empty(
        (n_repeats, len(sizes), len(truth), max(2, int(strata.max()) + 1) if task == "classify" else 1)
    )
    jobs = [(repeat, fold) for repeat in range(n_repeats) for fold in range(folds)]
    for repeat, fold in track(jobs, description, len(jobs), "fits"):
        dealt = _deal(strata, folds, seed + repeat)
        test, train = (
            np.flatnonzero(dealt == fold),
            _nested(np.flatnonzero(dealt != fold), strata, (seed, repeat, fold)),
        )
        for place, size in enumerate(sizes):
            rows = train[:size]
            predictions[repeat, place, test] = _predicted(x[rows], truth[rows], x[test], task, predictions.shape[-1])
    scores, draws = _scored(predictions, truth, strata, task, n_draws, seed)
    laws = {
        name: fit_power_law(sizes, as_error(name, values.mean(axis=0)), as_error(name, draws[name]), n_now=len(truth), more=more)
        for name, values in scores.items()
    }  # fmt: skip
    return LearningCurve(task, len(truth), sizes, scores, draws, laws)


def as_error(score: str, values: Any) -> Any:
    """Give what falls as labels are added: RMSE itself, else 1 less the score."""
    return values if score == "rmse" else 1 - values


def as_score(score: str, errors: Any) -> Any:
    """Undo `as_error`."""
    return errors if score == "rmse" else 1 - errors


def usable_rows(features: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    """Say which rows have neither a NaN feature nor a NaN label."""
    x, y = np.asarray(features, dtype=np.float32), np.asarray(labels, dtype=np.float64)
    return np.asarray(np.isfinite(x).all(axis=1) & np.isfinite(y))


def _checked(
    features: ArrayLike, labels: ArrayLike, task: str, n_folds: int, n_repeats: int, n_draws: int, seed: int
) -> tuple[Values, Values]:
    if task not in SCORES:
        msg = f"task={task!r} must be 'classify' or 'regress'. Give the curve of one label of several, or of one question of a tree."
        raise OptionError(msg)
    if min(n_folds, n_repeats, n_draws) < 2:
        msg = f"n_folds={n_folds}, n_repeats={n_repeats} and n_draws={n_draws} must be at least 2."
        raise OptionError(msg)
    x, truth = np.asarray(features, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if x.ndim != 2 or truth.shape != x.shape[:1]:
        msg = f"features {x.shape} and labels {truth.shape} don't agree. Expected (galaxy, feature) and (galaxy,)."
        raise OptionError(msg)
    known = usable_rows(x, truth)
    x, truth = x[known], truth[known]
    if len(truth) < FEWEST:
        msg = f"{len(truth)} labelled galaxies are too few for a learning curve. Expected {FEWEST} or more."
        raise LabelError(msg)
    if task == "classify":
        classes, counts = np.unique(truth, return_counts=True)
        if len(classes) < 2 or counts.min() < 2 or (classes < 0).any() or (classes % 1).any():
            told = ", ".join(f"{name:g}: {count}" for name, count in zip(classes, counts, strict=True))
            msg = f"the classes are {told}. Expected whole numbers from 0, two or more, each of two galaxies or more."
            raise LabelError(msg)
        truth = np.searchsorted(classes, truth).astype(np.float64)
    elif truth.std() == 0:
        msg = f"all {len(truth)} labels are {truth[0]:g}. There is nothing to learn from them."
        raise LabelError(msg)
    if len(truth) > MOST:
        some = np.sort(np.random.default_rng(seed).choice(len(truth), MOST, replace=False))
        x, truth = x[some], truth[some]
    return x, truth


def _components(x: Values) -> Values:
    """Give standardized features on their first principal components, of unit mean square length."""
    x = x - x.mean(axis=0)
    spread = x.std(axis=0)
    x = x[:, spread > 1e-9 * spread.max()] / spread[spread > 1e-9 * spread.max()]
    wide = x.shape[1] > x.shape[0]
    values, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    kept = np.argsort(values)[::-1][:COMPONENTS]
    turned = vectors[:, kept] * np.sqrt(np.maximum(values[kept], 0)) if wide else x @ vectors[:, kept]
    return np.asarray(turned / np.sqrt((turned**2).sum(axis=1).mean()))


def _sizes(largest: int, n_classes: int) -> Rows:
    smallest = min(max(SMALLEST, PER_CLASS * n_classes), largest)
    return np.unique(np.geomspace(smallest, largest, SIZES).round().astype(np.int64))


def _deal(strata: Rows, folds: int, seed: int) -> Rows:
    """Give the fold of each galaxy."""
    from sklearn.model_selection import StratifiedKFold

    dealt = np.empty(len(strata), np.int64)
    split = StratifiedKFold(folds, shuffle=True, random_state=seed).split(strata[:, None], strata)
    for fold, (_, test) in enumerate(split):
        dealt[test] = fold
    return dealt


def _nested(rows: Rows, strata: Rows, seed: Sequence[int]) -> Rows:
    """Give rows in a random order of which each beginning has the classes in proportion, and one of each first."""
    rng = np.random.default_rng(seed)
    place = np.empty(len(rows))
    for one in np.unique(strata[rows]):
        own = rng.permutation(np.flatnonzero(strata[rows] == one))
        place[own] = (np.arange(len(own)) + rng.random()) / len(own)
        place[own[0]] = -rng.random()
    return np.asarray(rows[np.argsort(place)])


def _predicted(x: Values, truth: Values, new: Values, task: CurveTask, n_columns: int) -> Values:
    """Fit a head and give its scores (galaxy, class), or numbers (galaxy, 1)."""
    if task == "regress":
        slopes, intercept = fit_ridge(x, truth[:, None])
        return np.asarray(new @ slopes + intercept)
    classes, codes, counts = np.unique(truth.astype(np.int64), return_inverse=True, return_counts=True)
    signs = np.where(codes[:, None] == np.arange(len(classes)), 1.0, -1.0)
    slopes, intercept = fit_ridge(x, signs, len(x) / (len(classes) * counts[codes]))
    scores = new @ slopes + intercept
    found = np.full((len(new), n_columns), scores.min() - 1)
    found[:, classes] = scores
    return found


def _scored(
    predictions: Values, truth: Values, strata: Rows, task: CurveTask, n_draws: int, seed: int
) -> tuple[dict[str, Values], dict[str, Values]]:
    """Give scores (repeat, size) of all galaxies, and (draw, size) of bootstrapped ones, meaned over bootstrapped repeats."""
    functions: dict[str, Any] = {
        "balanced_accuracy": resampling.balanced_accuracy, "auroc": resampling.mean_auroc,
        "r2": resampling.r2, "rmse": resampling.rmse,
    }  # fmt: skip
    n_repeats, n_sizes = predictions.shape[:2]
    weights = np.random.default_rng(seed).multinomial(n_repeats, [1 / n_repeats] * n_repeats, size=n_draws) / n_repeats
    blocks = [np.ones((1, len(truth))), *resampling.bootstrap_counts(n_draws, strata, seed=seed)]
    scores: dict[str, Values] = {}
    draws: dict[str, Values] = {}
    for name in SCORES[task]:
        each = np.empty((1 + n_draws, n_repeats, n_sizes))
        for repeat, size in np.ndindex(n_repeats, n_sizes):
            guess = predictions[repeat, size] if task == "classify" else predictions[repeat, size, :, 0]
            own: Any = strata if task == "classify" else truth
            each[:, repeat, size] = np.concatenate([functions[name](guess, own, counts) for counts in blocks])
        scores[name] = each[0]
        draws[name] = (each[1:] * weights[:, :, None]).sum(axis=1)
    return scores, draws


def _plain(values: Iterable[float]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
