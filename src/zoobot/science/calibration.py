"""Post-hoc calibration of class probabilities, fitted on validation galaxies.

It is shrunk toward none where they are few.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from zoobot.errors import OptionError
from zoobot.ranges import bounded
from zoobot.science.groups import Groups
from zoobot.science.scaling import (
    SMALLEST,
    Curve,
    IsotonicScaling,
    Scaling,
    TemperatureScaling,
    VectorScaling,
    logit,
    logs_of,
    sigmoid,
    softmax,
)
from zoobot.science.shrinkage import FEWEST, Gain, fit_shrunk, folds_of, measure_gain, weight_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]
    Codes = NDArray[np.int64]

ScalingKind = Literal["temperature", "vector", "isotonic"]

FEWEST_ISOTONIC = 50
"""Galaxies with and without a label that isotonic regression needs; fewer give it a scale and an offset"""
FEWEST_PLATT = 5
"""Galaxies with and without a label that a scale and an offset need"""

WEIGHTS, OFFSETS = (-0.95, 19.0), (-10.0, 10.0)
"""By how much a weight may differ from 1, and an offset from 0"""

CURVE_COST = 4.0
"""Nats that all galaxies together must gain for isotonic regression to count wholly"""


@bounded()
def fit_scaling(
    probabilities: ArrayLike,
    labels: ArrayLike,
    kind: ScalingKind = "temperature",
    *,
    multi_label: bool = False,
    groups: Codes | None = None,
    seed: int = 0,
) -> Scaling:
    """Fit a scaling on validation galaxies; see `fit_temperature`, `fit_vector` and `fit_isotonic`.

    Raises
    ------
    OptionError
        What they raise, or a kind that is not for independent labels.
    """
    if kind == "isotonic":
        return fit_isotonic(probabilities, labels, exclusive=not multi_label, groups=groups, seed=seed)
    if multi_label:
        msg = f"calibration={kind!r} is for exclusive classes. Independent labels take 'isotonic'."
        raise OptionError(msg)
    fit = fit_temperature if kind == "temperature" else fit_vector
    return fit(probabilities, labels, groups=groups, seed=seed)


@bounded()
def fit_temperature(
    probabilities: ArrayLike, labels: ArrayLike, *, groups: Codes | None = None, seed: int = 0
) -> TemperatureScaling:
    """Fit one temperature, shrunk toward 1 where galaxies are few; with fewer than 20 it is 1.

    What is fitted is 1/T - 1; `fit_shrunk` says how it is shrunk. The gain is that of five-fold cross-validation, with
    whole groups in each fold.

    Parameters
    ----------
    probabilities : array_like of shape (galaxy, class)
        What was predicted for validation galaxies; rows sum to 1.
    labels : array_like of shape (galaxy,)
        Their classes, whole numbers.
    groups : array of shape (galaxy,) or None
        The number of each galaxy's group; None where each stands alone. Groups count as their effective number.
    seed : int
        Shuffles the galaxies among the folds.

    Raises
    ------
    OptionError
        Shapes that don't fit, labels that are no classes, or probabilities that are not finite.
    """
    logs, classes = _checked(probabilities, labels)
    found, gain = _fitted(logs, classes, logs[:, :, None], [WEIGHTS], groups, seed)
    return TemperatureScaling(1 / (1 + float(found[0])), gain.value, gain.low, gain.high, gain.n)


@bounded()
def fit_vector(
    probabilities: ArrayLike, labels: ArrayLike, *, groups: Codes | None = None, seed: int = 0
) -> VectorScaling:
    """Fit a weight and an offset for each class.

    Parameters, how it is shrunk, and errors are those of `fit_temperature`. What is fitted is what all weights have in
    common, and by how much each class differs from that: a temperature alone costs one number.
    """
    logs, classes = _checked(probabilities, labels)
    n_galaxies, n_classes = logs.shape
    own = np.eye(n_classes)
    each = [logs[:, :, None], logs[:, :, None] * own, np.broadcast_to(own, (n_galaxies, n_classes, n_classes))]
    bounds = [WEIGHTS] * (1 + n_classes) + [OFFSETS] * n_classes
    found, gain = _fitted(logs, classes, np.concatenate(each, axis=2), bounds, groups, seed)
    weights, offsets = 1 + found[0] + found[1 : 1 + n_classes], found[1 + n_classes :]
    offsets = offsets - offsets.mean()
    return VectorScaling(tuple(weights.tolist()), tuple(offsets.tolist()), gain.value, gain.low, gain.high, gain.n)


@bounded()
def fit_isotonic(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    exclusive: bool = False,
    groups: Codes | None = None,
    seed: int = 0,
) -> IsotonicScaling:
    """Fit a rising curve for each label, shrunk toward none where galaxies are few.

    The curve is a scale and an offset of the logit (Platt 1999), shrunk as `fit_shrunk` says. Where at least 50
    galaxies have the label and 50 lack it, it is mixed with an isotonic regression, to which one galaxy with the label
    is added at the lowest probability, and one without at the highest, so that nothing becomes certain. The share of
    that is the one that cross-validation finds best (stacking: Breiman 1996, Mach. Learn. 24, 49) at a cost of 4 nats
    for all of it. With fewer than 20 galaxies, or 5 with or without a label, that label stays as it is.

    Parameters
    ----------
    probabilities : array_like of shape (galaxy, label)
        What was predicted for validation galaxies.
    labels : array_like of shape (galaxy, label), or (galaxy,) with ``exclusive``
        0 or 1 each; classes with ``exclusive``.
    exclusive : bool
        Classes of which just one is true: each is fitted against the rest, and rows are made to sum to 1.
    groups, seed
        See `fit_temperature`.

    Raises
    ------
    OptionError
        Shapes that don't fit, labels other than 0 and 1, or probabilities that are not finite.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    truth = np.asarray(labels, dtype=np.float64)
    if exclusive:
        truth = np.eye(p.shape[1])[_checked(p, labels)[1]]
    if p.ndim != 2 or p.shape != truth.shape or not np.isfinite(p).all() or not ((truth == 0) | (truth == 1)).all():
        msg = (
            f"probabilities {p.shape} must be finite, and labels {truth.shape} 0 or 1, both of one shape (galaxy, "
            "label)."
        )
        raise OptionError(msg)
    together = Groups.of(groups, len(p))
    return IsotonicScaling(
        tuple(_fit_curve(p[:, place], truth[:, place], together, seed) for place in range(p.shape[1])), exclusive
    )


def _checked(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Values, NDArray[np.int64]]:
    """Return log probabilities (galaxy, class) and classes (galaxy,)."""
    p, classes = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.float64).reshape(-1)
    if p.ndim != 2 or len(p) != len(classes) or not np.isfinite(p).all():
        msg = (
            f"probabilities {p.shape} must be finite and of shape (galaxy, class), with one label each "
            f"({len(classes)} given)."
        )
        raise OptionError(msg)
    if not ((classes >= 0) & (classes < p.shape[1]) & (classes == np.floor(classes))).all():
        msg = f"labels {np.unique(classes)[:10].tolist()} must be whole numbers from 0 to {p.shape[1] - 1}."
        raise OptionError(msg)
    return logs_of(p), classes.astype(np.int64)


def _fitted(
    logs: Values,
    classes: NDArray[np.int64],
    terms: Values,
    bounds: list[tuple[float, float]],
    groups: Codes | None,
    seed: int,
) -> tuple[Values, Gain]:
    """Return the numbers (number,) that terms are added to log probabilities with, and their gain.

    Terms are (galaxy, class, number).
    """
    together = Groups.of(groups, len(logs))
    if together.effective < FEWEST:
        return np.zeros(len(bounds)), Gain()

    def fit(rows: NDArray[np.bool_]) -> Values:
        x, own, change = logs[rows], classes[rows], terms[rows]
        weight = weight_of(together.only(rows))
        shares = softmax(x)[:, :, None]
        information = (shares * change**2).sum(axis=1) - (shares * change).sum(axis=1) ** 2

        def loss(at: Values) -> tuple[float, Values]:
            scores = x + change @ at
            wrong = softmax(scores)
            wrong[np.arange(len(own)), own] -= 1
            return weight * float(_losses(scores, own).sum()), weight * np.einsum("gc,gcn->n", wrong, change)

        return fit_shrunk(loss, information.mean(axis=0), bounds)

    found = fit(np.ones(len(logs), bool))
    if not found.any():
        return found, Gain(n=len(logs))
    after = np.empty(len(logs))
    for train, tried in folds_of(together, seed):
        after[tried] = _losses(logs[tried] + terms[tried] @ fit(train), classes[tried])
    return found, measure_gain(_losses(logs, classes), after, together)


def _fit_curve(p: Values, truth: Values, groups: Groups, seed: int) -> Curve:
    """Return the curve of one label, from probabilities (galaxy,) and 0 or 1."""
    rarer = int(min(truth.sum(), len(truth) - truth.sum()))
    if rarer < FEWEST_PLATT or groups.effective < FEWEST:
        return Curve()
    scaled = np.empty(len(p))
    for train, tried in folds_of(groups, seed):
        scaled[tried] = _platt(p[train], truth[train], groups.only(train)).apply(p[tried])
    curve = _platt(p, truth, groups)
    after = scaled
    if rarer * weight_of(groups) >= FEWEST_ISOTONIC:
        stepped = np.empty(len(p))
        for train, tried in folds_of(groups, seed):
            stepped[tried] = _isotonic(p[train], truth[train]).apply(p[tried])
        share = _best_share(scaled, stepped, truth, weight_of(groups))
        if share:
            knots = _isotonic(p, truth)
            curve = replace(curve, x=knots.x, y=knots.y, share=share)
            after = (1 - share) * scaled + share * stepped
    if not curve.changes:
        return Curve(n=len(p))
    gain = measure_gain(_binary_losses(p, truth), _binary_losses(after, truth), groups)
    return replace(curve, gain=gain.value, gain_low=gain.low, gain_high=gain.high, n=gain.n)


def _best_share(scaled: Values, stepped: Values, truth: Values, weight: float) -> float:
    """Return the share of the isotonic regression.

    It is found from what both curves say of galaxies (galaxy,) that they were not fitted to.
    """
    from scipy.optimize import minimize_scalar

    def cost(share: float) -> float:
        mixed = (1 - share) * scaled + share * stepped
        return weight * float(_binary_losses(mixed, truth).sum()) + CURVE_COST * share

    share = float(minimize_scalar(cost, bounds=(0, 1), method="bounded", options={"xatol": 1e-3}).x)
    return share if cost(share) < cost(0) else 0.0


def _isotonic(p: Values, truth: Values) -> Curve:
    from sklearn.isotonic import IsotonicRegression

    x, y = np.concatenate([[p.min()], p, [p.max()]]), np.concatenate([[1.0], truth, [0.0]])
    found = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(x, y)
    return Curve(tuple(map(float, found.X_thresholds_)), tuple(map(float, found.y_thresholds_)))


def _platt(p: Values, truth: Values, groups: Groups) -> Curve:
    logits, weight = logit(p), weight_of(groups)
    terms = np.stack([logits, np.ones(len(p))], axis=1)

    def loss(at: Values) -> tuple[float, Values]:
        scores = logits + terms @ at
        value = weight * float((np.logaddexp(0, scores) - truth * scores).sum())
        return value, weight * ((sigmoid(scores) - truth) @ terms)

    information = ((p * (1 - p))[:, None] * terms**2).mean(axis=0)
    found = fit_shrunk(loss, information, [WEIGHTS, OFFSETS])
    return Curve(weight=1 + float(found[0]), offset=float(found[1]))


def _losses(scores: Values, classes: NDArray[np.int64]) -> Values:
    """Return the log loss (galaxy,) of log probabilities, which need not be normalized."""
    from scipy.special import logsumexp

    return np.asarray(logsumexp(scores, axis=1) - scores[np.arange(len(scores)), classes], dtype=np.float64)


def _binary_losses(p: Values, truth: Values) -> Values:
    inside = np.clip(p, SMALLEST, 1 - SMALLEST)
    return np.asarray(-np.log(np.where(truth == 1, inside, 1 - inside)), dtype=np.float64)
