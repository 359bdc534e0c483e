"""Post-hoc calibration of class probabilities, fitted on validation galaxies and kept only where it helps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from zoobot.errors import OptionError
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

ScalingKind = Literal["temperature", "vector", "isotonic"]

FOLDS = 5
FEWEST = 20
"""Fewer galaxies than this say too little to correct probabilities"""
FEWEST_ISOTONIC = 50
"""Galaxies with and without a label that isotonic regression needs; fewer give it a scale and an offset"""
FEWEST_PLATT = 5
"""Galaxies with and without a label that a scale and an offset need"""

LOG_TEMPERATURES = (-3.0, 3.0)
SCALES, OFFSETS = (0.05, 20.0), (-10.0, 10.0)


def fit_scaling(
    probabilities: ArrayLike,
    labels: ArrayLike,
    kind: ScalingKind = "temperature",
    *,
    multi_label: bool = False,
    seed: int = 0,
) -> Scaling:
    """Fit a scaling on validation galaxies; see `fit_temperature`, `fit_vector` and `fit_isotonic`.

    Raises
    ------
    OptionError
        What they raise, or a kind that is not for independent labels.
    """
    if kind == "isotonic":
        return fit_isotonic(probabilities, labels, exclusive=not multi_label, seed=seed)
    if multi_label:
        msg = f"calibration={kind!r} is for exclusive classes. Independent labels take 'isotonic'."
        raise OptionError(msg)
    fit = fit_temperature if kind == "temperature" else fit_vector
    return fit(probabilities, labels, seed=seed)


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike, *, seed: int = 0) -> TemperatureScaling:
    """Fit one temperature by likelihood, kept only where cross-validation shows that it lowers the log loss.

    It is fitted on four fifths of the galaxies and tried on the others, five times. Where the mean log loss of the galaxies tried falls by
    more than its standard error, it is fitted on all; else, and with fewer than 20 galaxies, everything stays as it is.

    The fit gives each galaxy's own class the share ``1 - 1 / (n + 2)`` and the others the rest (rule of succession): as if one galaxy
    more had been wrong, so that a few validation galaxies that are all right do not make certainty.

    Parameters
    ----------
    probabilities : array_like of shape (galaxy, class)
        What was predicted for validation galaxies; rows sum to 1.
    labels : array_like of shape (galaxy,)
        Their classes, whole numbers.
    seed : int
        Shuffles the galaxies among the folds.

    Raises
    ------
    OptionError
        Shapes that don't fit, labels that are no classes, or probabilities that are not finite.
    """
    logs, classes = _checked(probabilities, labels)
    found, gain = _kept(logs, classes, _best_temperature, lambda at, x: x / at, np.ones(1), seed)
    return TemperatureScaling(float(found[0]), gain)


def fit_vector(probabilities: ArrayLike, labels: ArrayLike, *, seed: int = 0) -> VectorScaling:
    """Fit a weight and an offset a class; parameters, the rule by which it is kept, and errors are those of `fit_temperature`."""
    logs, classes = _checked(probabilities, labels)
    n_classes = logs.shape[1]
    start = np.concatenate([np.ones(n_classes), np.zeros(n_classes)])
    found, gain = _kept(logs, classes, _best_vector, lambda at, x: x * at[:n_classes] + at[n_classes:], start, seed)
    return VectorScaling(tuple(found[:n_classes].tolist()), tuple(found[n_classes:].tolist()), gain)


def fit_isotonic(
    probabilities: ArrayLike, labels: ArrayLike, *, exclusive: bool = False, seed: int = 0
) -> IsotonicScaling:
    """Fit a rising curve a label, each kept only where cross-validation shows that it lowers its log loss (see `fit_temperature`).

    The curve is an isotonic regression to which one galaxy with the label is added at the lowest probability, and one
    without at the highest, so that nothing becomes certain; or a scale and an offset of the logit, fitted to Platt's targets (Platt
    1999; Lin, Lin & Weng 2007), where that lowers the loss more, or fewer than 50 galaxies have the label, or lack it. With fewer
    than 5, the label stays as it is.

    Parameters
    ----------
    probabilities : array_like of shape (galaxy, label)
        What was predicted for validation galaxies.
    labels : array_like of shape (galaxy, label), or (galaxy,) with ``exclusive``
        0 or 1 each; classes with ``exclusive``.
    exclusive : bool
        Classes of which just one is true: each is fitted against the rest, and rows are made to sum to 1.
    seed : int
        Shuffles the galaxies among the folds.

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
        msg = f"probabilities {p.shape} must be finite, and labels {truth.shape} 0 or 1, both of one shape (galaxy, label)."
        raise OptionError(msg)
    return IsotonicScaling(
        tuple(_fit_curve(p[:, place], truth[:, place], seed) for place in range(p.shape[1])), exclusive
    )


def _checked(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Values, NDArray[np.int64]]:
    """Give log probabilities (galaxy, class) and classes (galaxy,)."""
    p, classes = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.float64).reshape(-1)
    if p.ndim != 2 or len(p) != len(classes) or not np.isfinite(p).all():
        msg = f"probabilities {p.shape} must be finite and of shape (galaxy, class), with one label each ({len(classes)} given)."
        raise OptionError(msg)
    if not ((classes >= 0) & (classes < p.shape[1]) & (classes == np.floor(classes))).all():
        msg = f"labels {np.unique(classes)[:10].tolist()} must be whole numbers from 0 to {p.shape[1] - 1}."
        raise OptionError(msg)
    return logs_of(p), classes.astype(np.int64)


def _kept(
    logs: Values,
    classes: NDArray[np.int64],
    fit: Callable[[Values, NDArray[np.int64]], Values],
    change: Callable[[Values, Values], Values],
    same: Values,
    seed: int,
) -> tuple[Values, float]:
    """Give the numbers that were fitted, and their gain, where cross-validation speaks for them; else ``same``, and 0."""
    if len(logs) < FEWEST:
        return same, 0.0
    gains = np.empty(len(logs))
    for train, tried in _folds(len(logs), seed):
        at = fit(logs[train], classes[train])
        gains[tried] = _losses(logs[tried], classes[tried]) - _losses(change(at, logs[tried]), classes[tried])
    gain = _worth_it(gains)
    return (fit(logs, classes), gain) if gain else (same, 0.0)


def _folds(n_galaxies: int, seed: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Give which galaxies to fit and which to try, for each fold."""
    fold = np.random.default_rng(seed).permutation(n_galaxies) % FOLDS
    for held_out in range(FOLDS):
        yield fold != held_out, fold == held_out


def _worth_it(gains: Values) -> float:
    """Give the mean gain where it exceeds its standard error, else 0."""
    gain = float(gains.mean())
    return gain if gain > gains.std(ddof=1) / np.sqrt(len(gains)) else 0.0


def _best_temperature(logs: Values, classes: NDArray[np.int64]) -> Values:
    from scipy.optimize import minimize_scalar

    targets = _targets(classes, logs.shape[1])
    found = minimize_scalar(
        lambda log_t: _cross_entropy(logs / np.exp(log_t), targets), bounds=LOG_TEMPERATURES, method="bounded"
    )
    return np.array([np.exp(found.x)])


def _best_vector(logs: Values, classes: NDArray[np.int64]) -> Values:
    from scipy.optimize import minimize

    n, n_classes = logs.shape
    targets = _targets(classes, n_classes)

    def loss(at: Values) -> tuple[float, Values]:
        scores = logs * at[:n_classes] + at[n_classes:]
        wrong = (softmax(scores) - targets) / n
        return _cross_entropy(scores, targets), np.concatenate([(wrong * logs).sum(axis=0), wrong.sum(axis=0)])

    start = np.concatenate([np.ones(n_classes), np.zeros(n_classes)])
    bounds = [SCALES] * n_classes + [OFFSETS] * n_classes
    at: Values = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    at[n_classes:] -= at[n_classes:].mean()
    return at


def _fit_curve(p: Values, truth: Values, seed: int) -> Curve:
    """Give the curve of one label, from probabilities (galaxy,) and 0 or 1."""
    rarer = int(min(truth.sum(), len(truth) - truth.sum()))
    if rarer < FEWEST_PLATT or len(p) < FEWEST:
        return Curve()
    gains = {fit: np.empty(len(p)) for fit in ([_platt, _isotonic] if rarer >= FEWEST_ISOTONIC else [_platt])}
    for train, tried in _folds(len(p), seed):
        before = _binary_losses(p[tried], truth[tried])
        for fit, gain in gains.items():
            gain[tried] = before - _binary_losses(fit(p[train], truth[train]).apply(p[tried]), truth[tried])
    best = max(gains, key=lambda fit: _worth_it(gains[fit]))
    worth = _worth_it(gains[best])
    return replace(best(p, truth), gain=worth) if worth else Curve()


def _isotonic(p: Values, truth: Values) -> Curve:
    from sklearn.isotonic import IsotonicRegression

    x, y = np.concatenate([[p.min()], p, [p.max()]]), np.concatenate([[1.0], truth, [0.0]])
    found = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(x, y)
    return Curve(tuple(map(float, found.X_thresholds_)), tuple(map(float, found.y_thresholds_)))


def _platt(p: Values, truth: Values) -> Curve:
    from scipy.optimize import minimize

    logits, n_true = logit(p), truth.sum()
    targets = np.where(truth == 1, (n_true + 1) / (n_true + 2), 1 / (len(truth) - n_true + 2))

    def loss(at: Values) -> tuple[float, Values]:
        scores = at[0] * logits + at[1]
        wrong = (sigmoid(scores) - targets) / len(p)
        value = float((np.logaddexp(0, scores) - targets * scores).mean())
        return value, np.array([(wrong * logits).sum(), wrong.sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[SCALES, OFFSETS])
    return Curve(weight=float(found.x[0]), offset=float(found.x[1]))


def _targets(classes: NDArray[np.int64], n_classes: int) -> Values:
    """Give the shares (galaxy, class) that are fitted to: see `fit_temperature`."""
    wrong = 1 / (len(classes) + 2)
    targets = np.full((len(classes), n_classes), wrong / (n_classes - 1))
    targets[np.arange(len(classes)), classes] = 1 - wrong
    return targets


def _losses(scores: Values, classes: NDArray[np.int64]) -> Values:
    """Give the log loss (galaxy,) of log probabilities, which need not be normalized."""
    from scipy.special import logsumexp

    return np.asarray(logsumexp(scores, axis=1) - scores[np.arange(len(scores)), classes], dtype=np.float64)


def _binary_losses(p: Values, truth: Values) -> Values:
    inside = np.clip(p, SMALLEST, 1 - SMALLEST)
    return np.asarray(-np.log(np.where(truth == 1, inside, 1 - inside)), dtype=np.float64)


def _cross_entropy(scores: Values, targets: Values) -> float:
    from scipy.special import logsumexp

    return float((logsumexp(scores, axis=1) - (scores * targets).sum(axis=1)).mean())
