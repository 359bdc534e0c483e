"""What the commands share: the app, the console, options that several take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from zoobot.ranges import RANGES, Range, check_range
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


class Task(StrEnum):
    """What a finetuned model does."""

    CLASSIFY = "classify"
    REGRESS = "regress"
    TREE = "tree"


class OnError(StrEnum):
    """What to do about an image that can't be read."""

    RAISE = "raise"
    SKIP = "skip"


class Stretch(StrEnum):
    """How flux becomes brightness."""

    ASINH = "asinh"
    LINEAR = "linear"
    LOG = "log"
    SQRT = "sqrt"
    ZSCALE = "zscale"
    LUPTON = "lupton"


class Head(StrEnum):
    """Kinds of head."""

    LINEAR = "linear"
    MLP = "mlp"


class Concentrations(StrEnum):
    """How outputs become concentrations of votes."""

    SIGMOID = "sigmoid"
    SOFTPLUS = "softplus"


class Precision(StrEnum):
    """What networks compute in."""

    AUTO = "auto"
    FLOAT32 = "float32"


class Runtime(StrEnum):
    """What runs an encoder."""

    TORCH = "torch"
    COMPILE = "compile"
    OPENVINO = "openvino"
    ONNX = "onnx"
    AUTO = "auto"


class Calibration(StrEnum):
    """How probabilities are calibrated."""

    AUTO = "auto"
    TEMPERATURE = "temperature"
    VECTOR = "vector"
    ISOTONIC = "isotonic"
    NONE = "none"


class Balance(StrEnum):
    """How to treat rare classes."""

    NONE = "none"
    SAMPLER = "sampler"


@app.callback(invoke_without_command=True)
def version_or_help(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Answer ``zoobot --version``; without it, the command follows."""
    if version:
        console.print(f"zoobot {__version__}")
        raise typer.Exit


def option(text: str, *names: str, number: str | None = None, **details: Any) -> Any:
    """Return an option.

    Parameters
    ----------
    text
        Its help.
    *names
        How it is spelled, where not as the parameter.
    number
        What `RANGES` calls its range, for an option that is a number: the help says the range, and other values are refused.
    **details
        See ``typer.Option``.
    """
    details |= checked(text, None if number is None else RANGES[number])
    return typer.Option(*names, **details)


def checked(text: str, allowed: Range | None) -> dict[str, Any]:
    """Return the help of an option and, where it has a range, what refuses other values."""
    if allowed is None:
        return {"help": text}

    def check(_context: Any, parameter: Any, value: Any) -> Any:
        check_range(parameter.opts[0], value, allowed)
        return value

    return {"help": f"{text} Allowed: {allowed.brief}.", "callback": check}


def panel(title: str) -> Callable[..., Any]:
    """Return a maker of options that ``--help`` shows together; see `option`."""
    return functools.partial(option, rich_help_panel=title)


DATA, MODEL, TRAINING, RUN = panel("Data"), panel("Model"), panel("Training"), panel("Run")

CatalogArgument = Annotated[
    str,
    typer.Argument(
        help="A table (csv, parquet, FITS, ecsv, VOTable) with a column file_loc, or a folder of images.",
        metavar="CATALOG",
    ),
]
HduOption = Annotated[
    list[str] | None,
    typer.Option(
        help="HDU of FITS files to read, by number or name; repeat for several bands. Default: the picture, found by the HDUs' names "
        "(with a saved model: as in its training).",
        metavar="HDU",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str, typer.Option("--model", help="A saved model's folder, a checkpoint, or hf_hub:owner/repo.", metavar="DIR")
]
WorkersOption = Annotated[
    int | None,
    option("Processes that decode images. Default: one per core.", number="num_workers", show_default=False),
]
PRECISION_HELP = "'auto' computes in bfloat16 where the hardware is fast at it; 'float32' never does."
RuntimeOption = Annotated[
    Runtime,
    typer.Option(help="What runs the encoder; 'auto' tries those that are installed where it will take over a minute."),
]
PrecisionOption = Annotated[Precision, typer.Option(help=PRECISION_HELP)]


def chosen_hdu(given: list[str] | None) -> int | str | tuple[int | str, ...] | None:
    """Return the HDU, or the HDUs, that an option names: numbers are counted from 0."""
    hdus = tuple(int(one) if one.isdecimal() else one for one in given or ())
    return hdus[0] if len(hdus) == 1 else hdus or None
