"""``zoobot evaluate``: scores of a finetuned model on a labelled catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import (
    CatalogArgument,
    HduOption,
    ModelOption,
    OnError,
    Precision,
    PrecisionOption,
    WorkersOption,
    app,
    chosen_hdu,
    console,
    option,
)
from zoobot.cli.show import show_confusion, show_files, show_questions, show_scores
from zoobot.files import output_path


@app.command(epilog="Example: `zoobot evaluate test.csv --model rings/model --out rings/test --by redshift`")
def evaluate(
    catalog: CatalogArgument,
    model: ModelOption,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for metrics.json, predictions.csv and report.html.", metavar="DIR", parser=output_path
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Break the scores down by a column of the catalog, such as redshift; repeat for several. Needs --out."
        ),
    ] = None,
    group_col: Annotated[
        str | None,
        typer.Option(
            help="Column that names which galaxies belong together, such as copies of one object: intervals and tests count them as one."
        ),
    ] = None,
    drop_unlabelled: Annotated[
        bool, typer.Option("--drop-unlabelled", help="Leave galaxies without a label out; else they are an error.")
    ] = False,
    report: Annotated[bool, typer.Option(help="Write report.html, with checks of labels, images and shift.")] = True,
    batch_size: Annotated[int, option("Batch size.", number="batch_size")] = 64,
    on_error: Annotated[
        OnError, typer.Option(help="'skip' leaves images that can't be read out of the scores.")
    ] = OnError.RAISE,
    hdu: HduOption = None,
    num_workers: WorkersOption = None,
    precision: PrecisionOption = Precision.AUTO,
) -> None:
    """Score a finetuned model on the galaxies of a labelled catalog that it has not seen."""
    with console.status("Loading torch"):
        from zoobot.runs import evaluation_run, prepare_process

    prepare_process()
    metrics = evaluation_run(
        catalog,
        model,
        out,
        by=by or (),
        group_col=group_col,
        drop_unlabelled=drop_unlabelled,
        report=report,
        batch_size=batch_size,
        on_error=on_error.value,
        hdu=chosen_hdu(hdu),
        num_workers=num_workers,
        precision=precision.value,
        say=console.print,
    )
    show_scores({part: scores for part, scores in metrics.items() if part in ("test", "seen")})
    show_confusion(metrics.get("test", {}))
    show_questions(metrics.get("test", {}))
    if out is not None:
        show_files(out)
