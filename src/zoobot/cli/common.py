"""What the commands share: the app, the console, options that several take."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zoobot.files import output_path
from zoobot.ranges import Range, check_range
from zoobot.terminal import Terminal
from zoobot.version import __version__

app = typer.Typer(
    help="Finetune pretrained encoders on galaxy images, from a catalog to labels that you can trust.",
    epilog="With --debug, any command shows the traceback of an error.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
console = Terminal()


@app.callback(invoke_without_command=True)
def version_or_help(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Answer ``zoobot --version``; without it, the command follows."""
    if version:
        console.print(f"zoobot {__version__}")
        raise typer.Exit


def checked(text: str, allowed: Range | None) -> dict[str, Any]:
    """Return the help of an option and, where it has a range, what refuses other values."""
    if allowed is None:
        return {"help": text}

    def check(_context: Any, parameter: Any, value: Any) -> Any:
        check_range(parameter.opts[0], value, allowed)
        return value

    return {"help": f"{text} Allowed: {allowed.brief}.", "callback": check}


def output(text: str, metavar: str = "DIR", **details: Any) -> Any:
    """Return the option of a place to write to."""
    return typer.Option(help=text, metavar=metavar, parser=output_path, **details)


ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with an interrupted run in the folder, with the same settings; only how long, where and how fast "
        "it computes, and what is written, may differ.",
        rich_help_panel="Run",
    ),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace an earlier run in the folder.", rich_help_panel="Run")
]
CatalogArgument = Annotated[
    str,
    typer.Argument(
        help="A table (csv, parquet, FITS, ecsv, VOTable) with a column file_loc, or a folder of images.",
        metavar="CATALOG",
    ),
]
ModelOption = Annotated[
    str, typer.Option("--model", help="A saved model's folder, a checkpoint, or hf_hub:owner/repo.", metavar="DIR")
]
