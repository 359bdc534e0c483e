"""``zoobot select``: a sample of a wanted purity or completeness, and what judging part of it by eye says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import app, console, panel
from zoobot.cli.show import show_files
from zoobot.errors import OptionError
from zoobot.files import home, output_path
from zoobot.terminal import make_table

WANTED, FROM, AUDIT = panel("What is wanted"), panel("What it is estimated from"), panel("Judging by eye")


@app.command(
    epilog="Examples: `zoobot select survey_predictions.csv --purity 0.9 --model rings --out sample`, and once a few of "
    "sample/audit.csv are judged, `zoobot select --audited sample/audit.csv`"
)
def select(
    predictions: Annotated[
        str | None,
        typer.Argument(help="The target galaxies' table that zoobot predict wrote.", metavar="PREDICTIONS"),
    ] = None,
    model: Annotated[
        Path | None,
        FROM("The run's folder (or its model/): its labelled galaxies say what to expect.", metavar="DIR", parser=home),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for selected.csv, audit.csv, selection.json and selection.png.",
            metavar="DIR",
            parser=output_path,
        ),
    ] = None,
    purity: Annotated[
        float | None,
        WANTED(
            "Share of the selected that are of the class, such as 0.9; the lowest threshold that promises it.",
            number="purity",
        ),
    ] = None,
    completeness: Annotated[
        float | None,
        WANTED(
            "Share of the class that is selected, such as 0.8; the highest threshold that promises it.",
            number="completeness",
        ),
    ] = None,
    confidence: Annotated[
        float,
        WANTED("Share of promises made that hold; lower ones take fewer labels and select more.", number="confidence"),
    ] = 0.9,
    class_name: Annotated[
        str | None, WANTED("The class to select. Default: the second of two.", "--class", show_default=False)
    ] = None,
    label: Annotated[
        str | None, WANTED("The label to select, where the model has several.", show_default=False)
    ] = None,
    prevalence: Annotated[
        float | None,
        FROM(
            "Share of the target galaxies that are of the class. Default: estimated from their scores.",
            show_default=False,
            number="prevalence",
        ),
    ] = None,
    validation: Annotated[
        bool,
        FROM(
            "Without folds: add the validation galaxies to the test galaxies; they are a little optimistic.",
            "--validation",
        ),
    ] = False,
    audit: Annotated[
        int, AUDIT("Galaxies drawn at random from the selected, to judge by eye.", number="n_audit")
    ] = 100,
    audited: Annotated[
        Path | None,
        AUDIT(
            "The audit list with its last column filled in (1 where a galaxy is of the class, else 0): give the purity, and do no more.",
            metavar="FILE",
            parser=output_path,
        ),
    ] = None,
    seed: Annotated[int, AUDIT("Of the random list, and of the bootstrap.", number="seed")] = 42,
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
    selection = select_galaxies(
        predictions,
        model,
        out,
        purity=purity,
        completeness=completeness,
        label=label,
        class_name=class_name,
        prevalence=prevalence,
        confidence=confidence,
        n_audit=audit,
        validation=validation,
        seed=seed,
        say=console.print,
    )
    title = f"The highest scores{'' if selection.trusted else ', if the targets were like the labelled galaxies'}"
    table = make_table(("top", "down to score", "labelled above", "purity"), title)
    for one in selection.top:
        purity_text = "too few labels" if one.purity is None else f"{one.purity:.2f}"
        table.add_row(f"{one.n:,}", f"{one.threshold:.4g}", str(one.labelled), purity_text)
    if selection.top:
        console.print(table)
    show_files(out)
