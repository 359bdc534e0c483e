"""Labels of a run that disagree with predictions of galaxies that the predicting model has not been trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.errors import LabelError
from zoobot.science.figure import Figure
from zoobot.science.label_check import COLUMNS

if TYPE_CHECKING:
    from zoobot.finetune import FinetuneableZoobotAbstract


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
    if missing := [name for name in (*columns, *truths) if name not in predictions]:
        return unchecked(f"the predictions lack {missing[0]}")
    values = predictions[columns].to_numpy(float)
    known = np.isfinite(values).all(axis=1)
    if not known.any():
        return unchecked("no galaxy has a prediction")
    codes = None if groups is None else predictions["id_str"].map(groups).to_numpy()
    try:
        found = model.suspect_labels(predictions, values, groups=codes, folds=folds)
    except LabelError as err:
        return unchecked(str(err))
    n_groups = None if codes is None else len(np.unique(codes[known]))
    return LabelChecks(found.table, int(known.sum()), n_groups=n_groups, figures=found.figures)
