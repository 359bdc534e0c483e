"""``zoobot evaluate``: scores of a finetuned model on a labelled catalog."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import (
    CatalogArgument,
    ModelOption,
    OnError,
    Precision,
    PrecisionOption,
    WorkersOption,
    app,
    console,
)
from zoobot.cli.show import show_confusion, show_files, show_questions, show_scores


@app.command(epilog="Example: `zoobot evaluate test.csv --model rings/model --out rings/test`")
def evaluate(
    catalog: CatalogArgument,
    model: ModelOption,
    out: Annotated[
        Path | None, typer.Option(help="Folder for metrics.json and predictions.csv.", metavar="DIR")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Galaxies a step.")] = 64,
    on_error: Annotated[
        OnError, typer.Option(help="'skip' leaves images that can't be read out of the scores.")
    ] = OnError.RAISE,
    num_workers: WorkersOption = None,
    precision: PrecisionOption = Precision.AUTO,
) -> None:
    """Score a finetuned model on a labelled catalog."""
    with console.status("Loading torch"):
        from zoobot.files import write_whole
        from zoobot.finetune import FinetuneableZoobotTree, load
        from zoobot.finetune.trainer import check_writable
        from zoobot.predictions import evaluate as evaluate_catalog
        from zoobot.predictions import write_table
        from zoobot.predictions.evaluation import json_ready
        from zoobot.report import plot_votes
        from zoobot.runs import METRICS_FILE, PLOTS_FOLDER, PREDICTIONS_FILE, prepare_process

    prepare_process()
    if out is not None:
        check_writable(out)
    finetuned = load(model)
    evaluation = evaluate_catalog(
        catalog,
        finetuned,
        batch_size=batch_size,
        on_error=on_error.value,
        num_workers=num_workers,
        precision=precision.value,
    )
    metrics = {"test": json_ready(evaluation.scores)}
    show_scores(metrics)
    show_confusion(metrics["test"])
    show_questions(metrics["test"])
    if out is not None:
        write_whole(out / METRICS_FILE, json.dumps(metrics, indent=2).encode())
        write_table(evaluation.table, out / PREDICTIONS_FILE)
        if isinstance(finetuned, FinetuneableZoobotTree):
            plot_votes(evaluation.posterior(finetuned), evaluation.labels, out / PLOTS_FOLDER)
        show_files(out)
