"""``zoobot predict`` and ``zoobot represent``: a model's predictions, or an encoder's features, for a catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoobot.cli.common import CatalogArgument, app, console, output
from zoobot.cli.options import former_names, with_options
from zoobot.settings import LookSettings, PassSettings, PredictSettings, RepresentSettings

if TYPE_CHECKING:
    import pandas as pd

TABLE = "Table to write: csv, parquet, fits or hdf5, by its ending."


@app.command(
    epilog="Example: `zoobot predict survey.parquet --model rings/model --out predictions.parquet --on-error skip`",
    context_settings=former_names(PredictSettings),
)
@with_options(PredictSettings)
def predict(
    catalog: CatalogArgument,
    model: Annotated[
        list[str],
        typer.Option(
            help="A saved model's folder, a checkpoint, or hf_hub:owner/repo; repeat to average several.", metavar="DIR"
        ),
    ],
    out: Annotated[Path, output(TABLE, "FILE")],
    settings: PredictSettings,
) -> None:
    """Write a finetuned model's predictions for a catalog, one row per galaxy."""
    with console.status("Loading torch"):
        from zoobot.predictions import predict as predict_catalog
        from zoobot.predictions.shift import shift_file
        from zoobot.runs import prepare_process

    prepare_process()
    table = predict_catalog(catalog, model, out, **vars(settings))
    _tell(table, "predicted", out)
    if settings.by:
        names = ", ".join(settings.by)
        console.print(f"How the groups of {names} compare with the training galaxies: {shift_file(out)}")


@app.command(
    epilog="Example: `zoobot represent survey.parquet --encoder bundled --out features.parquet`",
    context_settings=former_names(RepresentSettings),
)
@with_options(RepresentSettings)
def represent(
    catalog: CatalogArgument,
    encoder: Annotated[
        str,
        typer.Option(
            help="An encoder (hf_hub:owner/repo, a folder, a checkpoint, any timm model), or a finetuned model, whose "
            "encoder it is.",
            metavar="NAME",
        ),
    ],
    out: Annotated[Path, output(TABLE, "FILE")],
    settings: RepresentSettings,
) -> None:
    """Write an encoder's features of a catalog's galaxies, one row per galaxy: feature_0, feature_1, ..."""
    with console.status("Loading torch"):
        from zoobot.predictions import represent as represent_catalog
        from zoobot.runs import prepare_process

    prepare_process()
    look, passes = LookSettings.of(settings), PassSettings.of(settings)
    _tell(represent_catalog(catalog, encoder, out, look=look, keep=settings.keep, **vars(passes)), "represented", out)


def _tell(table: pd.DataFrame, done: str, out: Path) -> None:
    """Say how many galaxies a table holds, and how many images could not be read."""
    failed = int((table["error"] != "").sum()) if "error" in table else 0
    skipped = f", {failed} skipped (see the column error)" if failed else ""
    console.print(f"{len(table) - failed} galaxies {done}{skipped}: {out}")
