"""``zoobot select``: a sample of a wanted purity or completeness, and what judging part of it by eye says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import app, console, output
from zoobot.cli.options import former_names, with_options
from zoobot.cli.show import show_files
from zoobot.errors import OptionError
from zoobot.files import home, output_path
from zoobot.settings import SelectSettings
from zoobot.terminal import make_table


@app.command(
    epilog="Examples: `zoobot select survey_predictions.csv --purity 0.9 --model rings --out sample`, and once a few "
    "of sample/audit.csv are judged, `zoobot select --audited sample/audit.csv`",
    context_settings=former_names(SelectSettings),
)
@with_options(SelectSettings)
def select(
    settings: SelectSettings,
    predictions: Annotated[
        str | None,
        typer.Argument(help="The target galaxies' table that zoobot predict wrote.", metavar="PREDICTIONS"),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="The run's folder (or its model/): its labelled galaxies say what to expect.",
            metavar="DIR",
            parser=home,
            rich_help_panel="What it is estimated from",
        ),
    ] = None,
    out: Annotated[Path | None, output("Folder for selected.csv, audit.csv, selection.json and selection.png.")] = None,
    audited: Annotated[
        Path | None,
        typer.Option(
            help="An audit list with its last column filled in (1 where a galaxy is of the class, else 0): print the "
            "purity it implies, and stop.",
            metavar="FILE",
            parser=output_path,
            rich_help_panel="Judging by eye",
        ),
    ] = None,
) -> None:
    """Select galaxies of a class for a wanted purity or completeness, and say what to expect of them."""
    if audited is not None:
        with console.status("Loading"):
            from zoobot.runs.select import read_audit
        console.print(read_audit(audited).sentence())
        return
    missing = [
        name for name, value in (("PREDICTIONS", predictions), ("--model", model), ("--out", out)) if value is None
    ]
    if predictions is None or model is None or out is None:
        msg = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing. See: zoobot select --help."
        raise OptionError(msg)
    with console.status("Loading"):
        from zoobot.runs.select import select_galaxies
    selection = select_galaxies(predictions, model, out, say=console.print, **vars(settings))
    title = f"The highest scores{'' if selection.trusted else ', if the targets were like the labelled galaxies'}"
    table = make_table(("top", "down to score", "labelled above", "purity"), title)
    for one in selection.top:
        purity_text = "too few labels" if one.purity is None else f"{one.purity:.2f}"
        table.add_row(f"{one.n:,}", f"{one.threshold:.4g}", str(one.labelled), purity_text)
    if selection.top:
        console.print(table)
    show_files(out)
