"""A model's evaluation on a labelled catalog, written into a folder: what ``zoobot evaluate --out`` does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from zoobot.data.catalog import check_columns, read_catalog
from zoobot.errors import OptionError
from zoobot.files import check_writable, write_json
from zoobot.finetune import FinetuneableZoobotTree, load
from zoobot.predictions import Evaluation, evaluate, write_table
from zoobot.predictions.evaluation import json_ready
from zoobot.report import plot_votes, write_report
from zoobot.report.names import ABOUT_FILE, BREAKDOWN_FILE, METRICS_FILE, PLOTS_FOLDER, PREDICTIONS_FILE
from zoobot.runs.about import about_model, class_names, is_simulated
from zoobot.science.breakdown import breakdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoobot.finetune import FinetuneableZoobotAbstract
    from zoobot.precision import Precision
    from zoobot.predictions.engine import OnError


def evaluation_run(
    catalog: str,
    source: str,
    out: Path | None,
    *,
    by: Sequence[str] = (),
    report: bool = True,
    batch_size: int = 64,
    on_error: OnError = "raise",
    num_workers: int | None = None,
    precision: Precision = "auto",
) -> dict[str, Any]:
    """Score a model on a labelled catalog and give what ``metrics.json`` holds: ``{"test": scores}``.

    ``out``, where given, gets ``metrics.json``, ``predictions.csv``, ``about.json``, plots and ``report.html``.

    Parameters
    ----------
    catalog
        The labelled catalog; see `read_catalog`.
    source
        The model; see `zoobot.load`.
    out
        Folder to write into.
    by
        Columns of the catalog, such as a magnitude, to break the scores down by, into ``breakdown.csv``; not for votes.
    report
        Write ``report.html``.
    batch_size, on_error, num_workers, precision
        See `zoobot.evaluate`.

    Raises
    ------
    CatalogError, LabelError, ImageError, ModelFileError, OutputError
        See `zoobot.errors`.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    if out is not None:
        check_writable(out)
    model = load(source)
    frame = read_catalog(catalog, check_files=on_error == "raise")
    _check_columns(frame, by, model)
    evaluation = evaluate(
        frame, model, batch_size=batch_size, on_error=on_error, num_workers=num_workers, precision=precision
    )
    metrics = {"test": json_ready(evaluation.scores)}
    if out is None:
        return metrics
    write_json(out / METRICS_FILE, metrics)
    write_table(evaluation.table, out / PREDICTIONS_FILE)
    about = about_model(model, model.encoder.name, started) | {
        "catalog": str(catalog),
        "model": str(source),
        "counts": {"test": len(evaluation.labels)},
        "class_counts": None,
        "simulated": is_simulated(frame),
    }
    write_json(out / ABOUT_FILE, about)
    if isinstance(model, FinetuneableZoobotTree):
        plot_votes(evaluation.posterior(model), evaluation.labels, out / PLOTS_FOLDER)
    if by:
        write_table(_broken_down(frame, by, evaluation, model), out / BREAKDOWN_FILE)
    if report:
        write_report(out)
    return metrics


def _check_columns(frame: pd.DataFrame, by: Sequence[str], model: FinetuneableZoobotAbstract) -> None:
    """Refuse columns that are not there, and models whose scores are not broken down."""
    check_columns(frame, by, "to break scores down by")
    if by and (isinstance(model, FinetuneableZoobotTree) or len(model.label_cols) > 1):
        msg = "scores are broken down for one label only, of classes or of a measurement. Leave --by out, or evaluate a model of one label."
        raise OptionError(msg)


def _broken_down(
    frame: pd.DataFrame, by: Sequence[str], evaluation: Evaluation, model: FinetuneableZoobotAbstract
) -> pd.DataFrame:
    """Give scores in bins of each column, one below the other, with the column's name in ``column``."""
    names = class_names(model)
    values = evaluation.values if names else evaluation.values[:, 0]
    tables = []
    for column in by:
        table = breakdown(frame.loc[evaluation.scored, column], values, evaluation.labels[:, 0], class_names=names)
        table.insert(0, "column", column)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
