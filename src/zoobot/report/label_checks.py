"""Labels of a run that disagree with predictions of galaxies that the predicting model has not been trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.data.labels import NO_CLASS, places_of
from zoobot.errors import CatalogError
from zoobot.finetune import FinetuneableZoobotAbstract, FinetuneableZoobotClassifier, FinetuneableZoobotRegressor
from zoobot.science.figure import Figure
from zoobot.science.label_check import (
    COLUMNS,
    judging_figure,
    judging_figures,
    likely_label_errors,
    likely_multi_label_errors,
    unlikely_measurements,
)

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class LabelChecks:
    """What the check of labels found."""

    table: pd.DataFrame
    """See `zoobot.science.likely_label_errors`"""
    n: int
    """Galaxies whose labels were checked"""
    notes: list[str] = field(default_factory=list)
    """Why labels could not be checked"""
    n_groups: int | None = None
    """Independent groups among the galaxies; None where each galaxy stands alone"""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """For each label of classes: see `zoobot.science.label_check.judging_figure`"""


def unchecked(why: str) -> LabelChecks:
    """Return that labels were not checked, and why."""
    return LabelChecks(pd.DataFrame(columns=COLUMNS), 0, [f"Labels were not checked: {why}."])


def check_labels(
    model: FinetuneableZoobotAbstract,
    predictions: pd.DataFrame,
    groups: pd.Series | None = None,
    *,
    folds: bool = False,
) -> LabelChecks:
    """Check labels against predictions.

    Parameters
    ----------
    model
        Whose predictions they are: its task and the names of its columns.
    predictions
        One row per galaxy: ``id_str``, ``file_loc``, the model's columns, and its labels as ``true_<label>``.
    groups
        Whole numbers by ``id_str``: galaxies that depend on one another share one. None: each galaxy stands alone.
    folds
        Whether predictions are by the models of folds.

    Raises
    ------
    CatalogError
        A label that is none of the model's classes.
    """
    columns = model.prediction_columns()
    truths = [f"true_{name}" for name in model.label_cols]
    if not isinstance(model, FinetuneableZoobotClassifier | FinetuneableZoobotRegressor):
        return unchecked("votes are no single label")
    if missing := [name for name in (*columns, *truths) if name not in predictions]:
        return unchecked(f"the predictions lack {missing[0]}")
    values = predictions[columns].to_numpy(float)
    known = np.isfinite(values).all(axis=1)
    if not known.any():
        return unchecked("no galaxy has a prediction")
    codes = None if groups is None else predictions["id_str"].map(groups).to_numpy()
    n, n_groups = int(known.sum()), None if codes is None else len(np.unique(codes[known]))
    if isinstance(model, FinetuneableZoobotRegressor):
        table = unlikely_measurements(predictions, values, predictions[truths].to_numpy(float), model.label_cols)
        return LabelChecks(table, n, n_groups=n_groups)
    if model.multi_label:
        labels = predictions[truths].to_numpy(float)
        table = likely_multi_label_errors(predictions, values, labels, model.label_cols)
        figures = judging_figures(values, labels.astype(np.int64), model.label_cols, groups=codes, folds=folds)
    else:
        names = [column.removeprefix(f"{model.label_cols[0]}_") for column in columns]
        classes = _classes(predictions[truths[0]], names)
        table = likely_label_errors(predictions, values, classes, names, label=model.label_cols[0])
        figures = {model.label_cols[0]: judging_figure(values, classes, groups=codes, folds=folds)}
    return LabelChecks(table, n, n_groups=n_groups, figures=figures)


def _classes(labels: pd.Series, names: Sequence[str]) -> npt.NDArray[np.int64]:
    places = places_of(labels, names)
    unknown = places == NO_CLASS
    if unknown.any():
        msg = f"the true label '{labels[unknown].iloc[0]}' is not among the classes {', '.join(names)}: the predictions are of another run."
        raise CatalogError(msg)
    return places
