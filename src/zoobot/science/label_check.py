"""Which labels look wrong, by out-of-fold predictions.

Confident learning judges classes, and large residuals judge measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.errors import LabelError
from zoobot.ranges import bounded
from zoobot.science.figure import Figure
from zoobot.science.figures import class_figures

if TYPE_CHECKING:
    import numpy.typing as npt

COLUMNS = ["id_str", "file_loc", "label", "given", "suggested", "score", "probability"]

FARTHEST_RESIDUAL = 4.0
"""Robust standard deviations from which on a measurement is listed; a Gaussian has one in 16,000 beyond"""

SCATTER_OF_FOLDS = 4 / 3
"""By how much the AUROC of out-of-fold predictions scatters more: the models of folds depend on one another"""

GAUSSIAN_MAD = 1.4826
"""A Gaussian's standard deviation in units of its median absolute deviation"""


@dataclass(frozen=True)
class SuspectLabels:
    """Labels that disagree with predictions."""

    table: pd.DataFrame
    """See `likely_label_errors`"""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """For each label of classes, whether predictions can judge it: see `judging_figure`"""


def likely_label_errors(
    frame: pd.DataFrame,
    probabilities: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    class_names: Sequence[str],
    *,
    label: str = "label",
) -> pd.DataFrame:
    """Return the galaxies whose class is likely wrong, the most confident first.

    Confident learning (Northcutt, Jiang & Chuang 2021, as cleanlab has it): with ``t_k`` the mean probability of class
    k among the galaxies that are labelled k, a galaxy counts for the class j of largest probability among those with
    ``p_j >= t_j``. It is listed where this is not its label. The cut is thereby the data's own: a class that is hard to
    tell has a low ``t_k``.

    Parameters
    ----------
    frame
        One row per galaxy: ``id_str`` and ``file_loc``.
    probabilities
        (galaxy, class), by a model that has *not* been trained on the galaxy in question. Rows with NaN are left out.
    labels
        (galaxy,), whole numbers from 0.
    class_names
        Names of the classes, in the order of ``probabilities``.
    label
        What was labelled: the column ``label`` of the result.

    Returns
    -------
    DataFrame
        ``id_str``, ``file_loc``, ``label``, ``given``, ``suggested`` (the most probable class), ``score`` (the
        normalized margin ``(1 + p_given - max of the others) / 2`` in [0, 1]; low is suspicious; sorted by it) and
        ``probability`` (of the suggested).

    Raises
    ------
    LabelError
        Shapes that don't fit each other, or labels that are not among the classes.
    """
    names = np.asarray(list(class_names), dtype=object)
    if probabilities.shape != (len(frame), len(names)) or len(labels) != len(frame):
        msg = (
            f"{len(frame)} galaxies and {len(names)} classes were given with probabilities of shape "
            f"{probabilities.shape} and {len(labels)} labels: expected one row per galaxy and one column per class."
        )
        raise LabelError(msg)
    if len(labels) and (labels.min() < 0 or labels.max() >= len(names)):
        msg = (
            f"labels go from {labels.min()} to {labels.max()}, but there are {len(names)} classes: count classes from "
            "0."
        )
        raise LabelError(msg)
    rows = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
    given = np.asarray(labels)[rows].astype(np.int64)
    known = probabilities[rows].astype(np.float64)
    used = np.unique(given)
    if len(used) < 2:
        return pd.DataFrame(columns=COLUMNS)
    shares = known[:, used] / np.maximum(known[:, used].sum(axis=1, keepdims=True), 1e-12)
    wrong = _confident(shares, np.searchsorted(used, given))
    suspects, given, known = rows[wrong], given[wrong], known[wrong]
    place = np.arange(len(suspects))
    suggested = known.argmax(axis=1)
    others = known.copy()
    others[place, given] = -np.inf
    score = (1 + known[place, given] - others.max(axis=1)) / 2
    table = frame.iloc[suspects][["id_str", "file_loc"]].assign(
        label=label,
        given=names[given],
        suggested=names[suggested],
        score=score.round(4),
        probability=known[place, suggested].round(4),
    )
    return table.sort_values("score", kind="stable").reset_index(drop=True)


def likely_multi_label_errors(
    frame: pd.DataFrame,
    probabilities: npt.NDArray[np.floating],
    labels: npt.NDArray[np.floating],
    label_cols: Sequence[str],
) -> pd.DataFrame:
    """Return the likely errors among independent 0/1 labels, each column checked by itself as in `likely_label_errors`.

    Parameters
    ----------
    frame
        One row per galaxy.
    probabilities, labels
        (galaxy, label): out-of-fold probability of 1, and 0 or 1.
    label_cols
        Their names.
    """
    tables = []
    for place, name in enumerate(label_cols):
        positive = probabilities[:, place]
        both = np.stack([1 - positive, positive], axis=1)
        tables.append(likely_label_errors(frame, both, labels[:, place].astype(int), ["0", "1"], label=name))
    return pd.concat(tables).sort_values("score", kind="stable").reset_index(drop=True)


@bounded()
def unlikely_measurements(
    frame: pd.DataFrame,
    predictions: npt.NDArray[np.floating],
    measured: npt.NDArray[np.floating],
    label_cols: Sequence[str],
    *,
    farthest: float = FARTHEST_RESIDUAL,
) -> pd.DataFrame:
    """Return the measurements that lie far from their out-of-fold predictions, the farthest first.

    With ``r = measured - predicted``, the standardized residual is
    ``z = (r - median r) / (1.4826 median|r - median r|)``; a galaxy is listed where ``|z| > 4``. The model's own errors
    count as residuals too: a list that is long says that residuals have heavy tails, not that the labels are wrong.

    Parameters
    ----------
    frame
        One row per galaxy.
    predictions, measured
        (galaxy, target), in the labels' units; rows with NaN are left out.
    label_cols
        Names of the targets.
    farthest
        The least ``|z|`` that is listed.

    Returns
    -------
    DataFrame
        As `likely_label_errors`: ``given`` is the measurement, ``suggested`` the prediction, ``score`` is ``-|z|``;
        ``probability`` is NaN.
    """
    tables = []
    for place, name in enumerate(label_cols):
        residual = measured[:, place].astype(np.float64) - predictions[:, place]
        known = np.isfinite(residual)
        if not known.any():
            continue
        residual = residual - np.median(residual[known])
        spread = GAUSSIAN_MAD * np.median(np.abs(residual[known]))
        standardized = np.abs(residual) / max(spread, np.finfo(np.float64).tiny)
        far = np.flatnonzero(known & (standardized > farthest))
        tables.append(
            frame.iloc[far][["id_str", "file_loc"]].assign(
                label=name,
                given=measured[far, place],
                suggested=predictions[far, place],
                score=-standardized[far].round(3),
                probability=np.nan,
            )
        )
    tables = [table for table in tables if len(table)]
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    return pd.concat(tables).sort_values("score", kind="stable").reset_index(drop=True)


def judging_figure(
    probabilities: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    *,
    groups: npt.NDArray[np.integer] | None = None,
    folds: bool = False,
) -> Figure:
    """Return the AUROC of predictions with its test against chance.

    Unless its verdict is "better", they can't judge labels. It is that of `zoobot.science.class_figures`. For
    predictions of folds the p-value is that of a z-score smaller by a quarter, for their AUROC scatters by a third
    more.

    Parameters
    ----------
    probabilities
        (galaxy, class). Rows with NaN are left out.
    labels
        (galaxy,), whole numbers from 0.
    groups
        (galaxy,) whole numbers: galaxies that depend on one another share one. None: each stands alone.
    folds
        Whether predictions are by models of folds, each of which has been trained on most of the other galaxies.
    """
    from scipy.stats import norm

    known = np.isfinite(probabilities).all(axis=1)
    own = None if groups is None else np.asarray(groups)[known]
    figure: Figure = class_figures(probabilities[known], np.asarray(labels)[known], own)["auroc"]
    if not folds or np.isnan(figure.p_value):
        return figure
    return replace(figure, p_value=float(2 * norm.sf(norm.isf(figure.p_value / 2) / SCATTER_OF_FOLDS)))


def judging_figures(
    probabilities: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    names: Sequence[str],
    *,
    groups: npt.NDArray[np.integer] | None = None,
    folds: bool = False,
) -> dict[str, Figure]:
    """Return `judging_figure` of each of several independent labels.

    Probabilities and labels, 0 or 1, are (galaxy, label).
    """
    each = zip(names, probabilities.T, labels.T, strict=True)
    return {
        name: judging_figure(np.stack([1 - p, p], axis=1), truth, groups=groups, folds=folds) for name, p, truth in each
    }


def typical_suggestion(table: pd.DataFrame) -> float:
    """Return the median ``probability`` of the classes suggested in a table of suspect labels.

    It is NaN where none is, and of measurements.
    """
    return float(pd.to_numeric(table["probability"], errors="coerce").median())


def _confident(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the rows off the diagonal of the confident joint."""
    from cleanlab.filter import find_label_issues

    found = find_label_issues(labels, probabilities, filter_by="confident_learning", n_jobs=1)
    return np.flatnonzero(found)
