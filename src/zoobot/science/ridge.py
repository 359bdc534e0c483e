"""A linear head in milliseconds, by ridge regression.

Its penalty is chosen by the error of each galaxy, or group of galaxies, left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

PENALTIES = np.geomspace(1e-3, 1e3, 13)
"""That are tried, for features of unit mean square length"""

COMPONENTS = 256
"""Of the features, the most: a head on more takes longer and is no better at some thousands of labels"""


def components(features: Values) -> Values:
    """Return standardized features on their first 256 principal components, of unit mean square length."""
    x = features - features.mean(axis=0)
    spread = x.std(axis=0)
    x = x[:, spread > 1e-9 * spread.max()] / spread[spread > 1e-9 * spread.max()]
    wide = x.shape[1] > x.shape[0]
    values, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    kept = np.argsort(values)[::-1][:COMPONENTS]
    turned = vectors[:, kept] * np.sqrt(np.maximum(values[kept], 0)) if wide else x @ vectors[:, kept]
    return np.asarray(turned / np.sqrt((turned**2).sum(axis=1).mean()))


def class_scores(x: Values, classes: NDArray[np.int64], new: Values, n_classes: int, groups: NDArray[Any]) -> Values:
    """Return the scores (galaxy, class) of new galaxies by a ridge classifier, its classes weighted alike.

    The highest is its choice.

    Parameters
    ----------
    x, new
        (galaxy, feature) of the galaxies to learn from, and of those to predict.
    classes, groups
        (galaxy,) whole numbers from 0; a class without a galaxy is never chosen. See `fit_ridge` for the groups.
    n_classes
        Columns of the scores.
    """
    present, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    signs = np.where(codes[:, None] == np.arange(len(present)), 1.0, -1.0)
    slopes, intercept = fit_ridge(x, signs, len(x) / (len(present) * counts[codes]), groups=groups)
    scores = new @ slopes + intercept
    found = np.full((len(new), n_classes), scores.min() - 1)
    found[:, present] = scores
    return found


def fit_ridge(
    x: Values, y: Values, weights: Values | None = None, *, groups: NDArray[Any] | None = None
) -> tuple[Values, Values]:
    r"""Return the slopes (feature, target) and intercepts (target,) of the ridge regression.

    Its penalty is the best of `PENALTIES`. It minimizes :math:`\sum_i w_i |y_i - b - x_i \beta|^2 + \alpha |\beta|^2`.
    The penalty :math:`\alpha` is that with the smallest :math:`\sum_i w_i |e_i|^2`, where the :math:`e_i` of a group
    :math:`g` are exactly its errors where the whole group is left out of the fit:
    :math:`e_g = (1 - H_{gg})^{-1} (y_g - \hat y_g)` with the hat matrix :math:`H` (Golub, Heath & Wahba 1979, for
    single galaxies). A galaxy's copy would give it away: copies left out one by one choose hardly any penalty.

    Parameters
    ----------
    x, y
        (galaxy, feature) and (galaxy, target), finite.
    weights
        (galaxy,) above 0. Default: all alike.
    groups
        (galaxy,) whole numbers: galaxies that are left out together, two groups or more. Default: each galaxy stands
        alone.
    """
    w = np.ones(len(x)) if weights is None else weights
    root = np.sqrt(w)[:, None]
    x_mean, y_mean = np.average(x, axis=0, weights=w), np.average(y, axis=0, weights=w)
    scaled, target = root * (x - x_mean), root * (y - y_mean)
    if len(x) > x.shape[1]:
        strengths, axes = np.linalg.eigh(scaled.T @ scaled)
    else:
        _, singular, transposed = np.linalg.svd(scaled, full_matrices=False)
        strengths, axes = singular**2, transposed.T
    turned = scaled @ axes
    moments = turned.T @ target
    shrunk = 1 / (np.maximum(strengths, 0)[:, None] + PENALTIES)  # (axis, penalty)
    basis = np.concatenate([turned, root / np.sqrt(w.sum())], axis=1)  # of H: the last column is the intercept's
    scales = np.concatenate([shrunk, np.ones((1, len(PENALTIES)))])
    residuals = np.stack([target - turned @ (one[:, None] * moments) for one in shrunk.T])
    errors = np.zeros(len(PENALTIES))
    for rows in _members(np.arange(len(x)) if groups is None else groups):
        errors += _left_out(residuals[:, rows], basis[rows], scales)
    slopes = axes @ (shrunk[:, [int(np.argmin(errors))]] * moments)
    return slopes, y_mean - x_mean @ slopes


def _members(groups: NDArray[Any]) -> list[NDArray[np.int64]]:
    """Return the rows (group, member) of all groups with the same number of members, an array for each number."""
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order, starts = np.argsort(codes, kind="stable"), np.cumsum(counts) - counts
    return [order[starts[counts == size][:, None] + np.arange(size)] for size in np.unique(counts)]


def _left_out(residuals: Values, basis: Values, scales: Values) -> Values:
    """Return the sum of squares (penalty,) of residuals where each group is left out.

    ``residuals`` are (penalty, group, member, target), of the hat matrix ``basis diag(scales) basis^T``, where
    ``basis`` is (group, member, axis) and ``scales`` (axis, penalty).
    """
    size, turned = basis.shape[1], basis.transpose(0, 2, 1)
    if size == 1:
        found = residuals / (1 - basis[:, 0] ** 2 @ scales).T[:, :, None, None]
        return np.asarray((found**2).sum(axis=(1, 2, 3)))
    total = []
    for scale, own in zip(scales.T, residuals, strict=True):
        if size <= len(scale):
            found = np.linalg.solve(np.eye(size) - (basis * scale) @ turned, own)
        else:  # the same by Woodbury's identity: as many equations as axes
            found = own + basis @ np.linalg.solve(np.diag(1 / scale) - turned @ basis, turned @ own)
        total.append((found**2).sum())
    return np.asarray(total)
