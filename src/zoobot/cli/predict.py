"""``zoobot predict``: a finetuned model's predictions for a catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import (
    CatalogArgument,
    HduOption,
    OnError,
    Precision,
    PrecisionOption,
    Runtime,
    RuntimeOption,
    WorkersOption,
    app,
    chosen_hdu,
    console,
    option,
)
from zoobot.files import output_path


@app.command(
    epilog="Example: `zoobot predict survey.parquet --model rings/model --out predictions.parquet --on-error skip`"
)
def predict(
    catalog: CatalogArgument,
    model: Annotated[
        list[str],
        typer.Option(
            help="A saved model's folder, a checkpoint, or hf_hub:owner/repo; repeat to average several.", metavar="DIR"
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Table to write: csv, parquet, fits or hdf5, by its ending.", metavar="FILE", parser=output_path
        ),
    ],
    batch_size: Annotated[int, option("Batch size.", number="batch_size")] = 64,
    n_samples: Annotated[int, option("More than 1: repeat with dropout on, for a spread.", number="n_samples")] = 1,
    n_views: Annotated[int, option("More than 1: average over turned and zoomed views.", number="n_views")] = 1,
    level: Annotated[float, option("Coverage of sets of classes and of intervals.", number="level")] = 0.9,
    by_class: Annotated[
        bool, typer.Option("--by-class", help="Sets keep the coverage for the galaxies of each class.")
    ] = False,
    min_asked: Annotated[
        float,
        option(
            "Votes: leave out answers to questions that are asked with less than this probability.", number="min_asked"
        ),
    ] = 0.0,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="A column of the catalog, such as survey: which of its groups are unlike the training galaxies? Repeat for several.",
            metavar="COLUMN",
        ),
    ] = None,
    on_error: Annotated[
        OnError, typer.Option(help="'skip' leaves NaN and the reason in the row of an image that can't be read.")
    ] = OnError.RAISE,
    hdu: HduOption = None,
    num_workers: WorkersOption = None,
    precision: PrecisionOption = Precision.AUTO,
    runtime: RuntimeOption = Runtime.TORCH,
) -> None:
    """Write a finetuned model's predictions for a catalog, one row per galaxy."""
    with console.status("Loading torch"):
        from zoobot.predictions import predict as predict_catalog
        from zoobot.predictions.shift import shift_file
        from zoobot.runs import prepare_process

    prepare_process()
    table = predict_catalog(
        catalog,
        model,
        out,
        batch_size=batch_size,
        n_samples=n_samples,
        n_views=n_views,
        level=level,
        by_class=by_class,
        min_asked=min_asked,
        by=by or (),
        on_error=on_error.value,
        hdu=chosen_hdu(hdu),
        num_workers=num_workers,
        precision=precision.value,
        runtime=runtime.value,
    )
    failed = int((table["error"] != "").sum()) if "error" in table else 0
    console.print(
        f"{len(table) - failed} galaxies predicted{f', {failed} skipped (see the column error)' if failed else ''}: {out}"
    )
    if by:
        console.print(f"How the groups of {', '.join(by)} compare with the training galaxies: {shift_file(out)}")
