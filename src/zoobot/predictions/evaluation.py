"""`evaluate`: predictions for a labelled catalog, and the scores of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from zoobot.data.catalog import check_columns, label_columns, read_catalog
from zoobot.data.labels import check_values, read_labels
from zoobot.data.splits import group_codes, group_notes
from zoobot.data.unlabelled import leave_out_unlabelled
from zoobot.errors import CatalogError, ImageError, LabelError, ModelFileError
from zoobot.files import json_ready
from zoobot.finetune import FinetuneableZoobotAbstract, FinetuneableZoobotTree, load
from zoobot.finetune.table_names import refuse_twice
from zoobot.layout import OUTCOMES_FILE
from zoobot.predictions.engine import RawPredictions, prediction_table, raw_predictions, rehearsed
from zoobot.ranges import bounded
from zoobot.science.figures import figures_to_dict
from zoobot.science.predicted import Predicted
from zoobot.settings import HDUs, OnError, Precision, Runtime, TableOptions
from zoobot.trees import VotePosterior

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data.tables import CatalogSource
    from zoobot.finetune.metrics import Scores
    from zoobot.predictions.shift import FeatureSample
    from zoobot.science.figures import Figures


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on a labelled catalog."""

    scores: Scores
    """Metrics by name; see `zoobot.finetune.metrics`."""
    table: pd.DataFrame
    """What `predict` gives, with the labels as ``true_<label>``."""
    raw: RawPredictions
    """The model's ``predictions`` of all rows of the table"""
    scored: npt.NDArray[np.bool_]
    """Which rows were scored"""
    labels: npt.NDArray[np.floating[Any]]
    """Labels (galaxy, label) of the galaxies that were scored"""
    figures: Figures
    """Scores with their intervals, and whether they can be told from chance; see `zoobot.science.figures`"""
    groups: npt.NDArray[np.int64] | None = None
    """Group (galaxy,) of the galaxies that were scored; None where each stands alone"""

    @property
    def values(self) -> npt.NDArray[np.floating[Any]]:
        """The model's ``predictions`` (galaxy, value) of the galaxies that were scored."""
        return self.raw.values[self.scored]

    def to_dict(self) -> dict[str, Any]:
        """Return the scores, and under ``figures`` what can be said of them, as ``metrics.json`` holds them."""
        saved: dict[str, Any] = json_ready(self.scores)
        return saved | {"figures": figures_to_dict(self.figures)}

    def tabulated(self, model: FinetuneableZoobotAbstract) -> pd.DataFrame:
        """Return the table anew, as a model that has been calibrated since writes it."""
        truth = self.table[[f"true_{column}" for column in model.label_cols]]
        return pd.concat([prediction_table(model, self.raw), truth], axis=1)

    def predicted(self, model: FinetuneableZoobotAbstract) -> Predicted:
        """Return the predictions of the galaxies that were scored as arrays.

        What the model's calibration makes of them is added.
        """
        frame = self.raw.frame[self.scored]
        return Predicted(
            frame["id_str"].astype(str).tolist(),
            frame["file_loc"].astype(str).tolist(),
            self.values,
            self.labels,
            model.derived(self.values, TableOptions()),
            int((~self.scored).sum()),
        )

    def only(self, rows: npt.NDArray[np.bool_], model: FinetuneableZoobotAbstract) -> Evaluation:
        """Return the evaluation of some rows of the table (row,) alone; they need one that was scored."""
        raw = RawPredictions(
            self.raw.frame[rows].reset_index(drop=True),
            self.raw.values[rows],
            None if self.raw.errors is None else np.array(self.raw.errors, dtype=object)[rows].tolist(),
            self.raw.fills,
        )
        kept = rows[self.scored]
        groups = None if self.groups is None else self.groups[kept]
        table = self.table[rows].reset_index(drop=True)
        return _scored(model, table, raw, self.scored[rows], self.labels[kept], groups)

    def posterior(self, model: FinetuneableZoobotTree) -> VotePosterior:
        """Return what a tree model believes of the votes of the galaxies that were scored."""
        return VotePosterior(model.schema, self.values)


def read_labelled(
    catalog: CatalogSource,
    model: FinetuneableZoobotAbstract,
    *,
    group_col: str | None = None,
    drop_unlabelled: bool = False,
    on_error: OnError = "raise",
) -> tuple[pd.DataFrame, list[str]]:
    """Return a labelled catalog, with the model's label columns, and what is odd about it.

    Sentences for the user say what is odd about its labels and groups.

    Parameters
    ----------
    catalog, model, group_col, drop_unlabelled, on_error
        See `evaluate`.

    Raises
    ------
    CatalogError, LabelError
        See `read_catalog`, `check_values` and `leave_out_unlabelled`.
    """
    if not model.label_cols:
        msg = (
            "the model doesn't know the name of its label column. Set model.label_cols, or train it with a "
            "GalaxyDataModule."
        )
        raise LabelError(msg)
    given = read_catalog(catalog, check_files=on_error == "raise")
    check_columns(given, [] if group_col is None else [group_col], "of groups")
    frame, notes = model.read_labels(given), model.label_notes(given)
    columns = label_columns(frame, model.label_cols)
    if drop_unlabelled:
        frame, left_out = leave_out_unlabelled(frame, columns, votes=model.label_kind == "votes")
        notes += left_out
    notes += check_values(frame, columns, model.label_kind)
    return frame, notes if group_col is None else notes + group_notes(frame[group_col])


@bounded()
def evaluate(
    catalog: CatalogSource,
    model: FinetuneableZoobotAbstract | str | Path,
    batch_size: int = 64,
    on_error: OnError = "raise",
    *,
    group_col: str | None = None,
    drop_unlabelled: bool = False,
    level: float = 0.9,
    by_class: bool = False,
    min_asked: float = 0.0,
    checked: bool = False,
    keep: bool = False,
    sample: FeatureSample | None = None,
    hdu: HDUs | None = None,
    num_workers: int | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    runtime: Runtime = "torch",
) -> Evaluation:
    """Return a model's scores and predictions on a labelled catalog, read and scaled as in training.

    Images that can't be read are left out of the scores with ``on_error='skip'``. Galaxies with the same value of the
    column ``group_col``, such as copies of one object, count as one where intervals and tests are made.
    ``drop_unlabelled`` leaves galaxies without a label out; what is odd about the others and their images is logged,
    unless the catalog is ``checked``, as `read_labelled` returns it. ``keep``: see `zoobot.represent`; ``sample`` gets
    the features of galaxies. All else: see `zoobot.predict`.

    Raises
    ------
    CatalogError, LabelError, ImageError, ModelFileError
        See `zoobot.errors`.
    """
    model = model if isinstance(model, nn.Module) else load(model)
    if checked:
        frame = model.read_labels(read_catalog(catalog, check_files=on_error == "raise"))
    else:
        frame, notes = read_labelled(
            catalog, model, group_col=group_col, drop_unlabelled=drop_unlabelled, on_error=on_error
        )
        for note in notes:
            logger.warning(note)
    columns = label_columns(frame, model.label_cols)
    read = read_labels(frame, columns, kind=model.label_kind, classes=model.known_classes())
    labels = read.values if read.kind == "numbers" else read.values.astype(np.float32)
    model.check_labels(frame, labels, columns)
    options = TableOptions(level=level, by_class=by_class, min_asked=min_asked)
    table = rehearsed([model], options, on_error=on_error)
    refuse_twice([*table.columns, *(f"true_{column}" for column in columns)])
    raw = raw_predictions(
        frame,
        model,
        batch_size=batch_size,
        on_error=on_error,
        keep=keep,
        sample=sample,
        hdu=hdu,
        num_workers=num_workers,
        device=device,
        precision=precision,
        runtime=runtime,
    )
    for note in () if checked else raw.fills.sentences():
        logger.warning(note)
    known = np.isfinite(raw.values).all(axis=1)
    if not known.any():
        msg = "no prediction is finite: there is nothing to score."
        raise (CatalogError if raw.errors is None else ImageError)(msg)
    groups = None if group_col is None else group_codes(frame[group_col])[known]
    truth = pd.DataFrame({f"true_{column}": frame[column].to_numpy() for column in columns})
    table = pd.concat([prediction_table(model, raw, options), truth], axis=1)
    return _scored(model, table, raw, np.asarray(known), labels[known], groups)


def _scored(
    model: FinetuneableZoobotAbstract,
    table: pd.DataFrame,
    raw: RawPredictions,
    scored: npt.NDArray[np.bool_],
    labels: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64] | None,
) -> Evaluation:
    """Score what was predicted of the rows of a table."""
    predictions, truth = torch.from_numpy(raw.values[scored]), torch.from_numpy(labels)
    grouped = {} if groups is None else {"groups": groups}
    scores, figures = model.final_scores(predictions, truth, **grouped), model.figures(predictions, truth, groups)
    return Evaluation(scores, table, raw, scored, labels, figures, groups)


def table_of(model: FinetuneableZoobotAbstract, kept: Predicted) -> pd.DataFrame:
    """Return arrays of predictions as a table.

    Columns are ``id_str``, ``file_loc``, the model's ``prediction_columns``, and ``true_<label>``.

    Raises
    ------
    ModelFileError
        Predictions by another model.
    """
    names, columns = np.asarray(model.known_classes(), dtype=object), model.prediction_columns()
    known = model.label_kind != "classes" or np.isin(kept.labels, np.arange(len(names))).all()
    if not known or kept.labels.shape[1] != len(model.label_cols):
        msg = (
            f"the predictions that {OUTCOMES_FILE} keeps are of another model's labels: delete it to go on with the "
            "tables."
        )
        raise ModelFileError(msg)
    predictions = pd.DataFrame(model.to_columns(torch.from_numpy(kept.values)).numpy(), columns=columns)
    labels = names[kept.labels.astype(np.int64)] if model.label_kind == "classes" else kept.labels
    truth = pd.DataFrame(labels, columns=[f"true_{name}" for name in model.label_cols])
    return pd.concat([kept.frame, predictions, truth], axis=1)
