"""``zoobot report``: one HTML page on how good a run's model is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import app, console, output
from zoobot.files import home


@app.command(epilog="Example: `zoobot report rings`")
def report(
    folder: Annotated[
        Path, typer.Argument(help="The --out folder of zoobot finetune or zoobot evaluate.", metavar="DIR", parser=home)
    ],
    out: Annotated[
        Path | None,
        output("File to write. Default: report.html in DIR.", "FILE", show_default=False),
    ] = None,
) -> None:
    """Write one HTML page, complete in itself, on how good a model is: scores, plots, galaxies, and what to beware of."""  # noqa: E501
    with console.status("Drawing"):
        from zoobot.report import write_report

        path = write_report(folder, out=out)
    console.print(f"Report: {path}", soft_wrap=True)
