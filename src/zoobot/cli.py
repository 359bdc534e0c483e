"""The commands. Each is a few lines over the library; heavy imports wait until a command runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from zoobot import __version__
from zoobot.errors import ZoobotError

if TYPE_CHECKING:
    from zoobot.finetune.metrics import Scores

USER_ERROR = 2
HEADLINES = (
    "skill",
    "n",
    "accuracy",
    "balanced_accuracy",
    "auroc",
    "average_precision",
    "log_loss",
    "rmse",
    "mae",
    "r2",
    "loss",
    "fraction_mae",
)

app = typer.Typer(
    help="Finetune pretrained encoders on galaxy images, from a catalog to labels that you can trust.",
    epilog="With --debug, any command shows the traceback of an error.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
console = Console()


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


class Balance(StrEnum):
    """How to treat rare classes."""

    NONE = "none"
    SAMPLER = "sampler"


@app.callback(invoke_without_command=True)
def version_or_help(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Answer ``zoobot --version``; without it, the command follows."""
    if version:
        console.print(f"zoobot {__version__}", highlight=False)
        raise typer.Exit


def _panel(title: str) -> Callable[..., Any]:
    """Give a maker of options that ``--help`` shows together."""

    def option(text: str, *names: str, **details: Any) -> Any:
        return typer.Option(*names, help=text, rich_help_panel=title, **details)

    return option


_data, _model, _training, _run = _panel("Data"), _panel("Model"), _panel("Training"), _panel("Run")

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
WorkersOption = Annotated[
    int | None, typer.Option(min=0, help="Processes that decode images. Default: one a core.", show_default=False)
]
PRECISION_HELP = "'auto' computes in bfloat16 where the hardware is fast at it; 'float32' never does."
RuntimeOption = Annotated[
    Runtime,
    typer.Option(help="What runs the encoder; 'auto' tries those that are installed where it will take over a minute."),
]
PrecisionOption = Annotated[Precision, typer.Option(help=PRECISION_HELP)]


@app.command(
    epilog="Example: `zoobot finetune train.csv --label ring --out rings --encoder hf_hub:mwalmsley/zoobot-encoder-convnext_nano`"
)
def finetune(
    catalog: CatalogArgument,
    out: Annotated[Path, _run("Folder for the model, checkpoints, log, metrics and predictions.", metavar="DIR")],
    label: Annotated[
        list[str] | None,
        _data(
            "Column of labels (the column label, for a folder with a subfolder a class); repeat for several. Required, but with --tree."
        ),
    ] = None,
    tree: Annotated[
        list[str] | None,
        _data("Decision tree of the votes: a name such as gz2, or a YAML file; repeat for several campaigns at once."),
    ] = None,
    test: Annotated[
        str | None,
        _data(
            "A separate test catalog. Default: CATALOG is split 70/10/20 into training, validation and test.",
            metavar="CATALOG",
        ),
    ] = None,
    group_col: Annotated[
        str | None, _data("Rows with the same value in this column stay in one part of the split.")
    ] = None,
    crop: Annotated[float, _data("The centre share of the image's width that is shown, above 0, at most 1.")] = 0.8,
    image_size: Annotated[
        int | None,
        _data("Pixels a side that the encoder sees, after the crop. Default: the encoder's own.", show_default=False),
    ] = None,
    channels: Annotated[int, _data("Channels of the images.", min=1)] = 3,
    stretch: Annotated[Stretch | None, _data("Default: asinh for FITS, none for pictures.", show_default=False)] = None,
    flip: Annotated[bool, _data("Mirror half of the training views; --no-flip where handedness is the label.")] = True,
    balance: Annotated[Balance, _data("'sampler' draws each class equally often.")] = Balance.NONE,
    num_workers: Annotated[
        int | None, _data("Processes that decode images. Default: one a core.", min=0, show_default=False)
    ] = None,
    encoder: Annotated[
        str, _model("hf_hub:owner/repo, a folder, a checkpoint, or any timm model. See: zoobot models.")
    ] = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano",
    pretrained: Annotated[bool, _model("--no-pretrained starts a timm model from random weights.")] = True,
    task: Annotated[Task | None, _model("Default: found from the labels, and said.", show_default=False)] = None,
    blocks: Annotated[
        int, _model("Blocks of the encoder to finetune, from the top: 0 is the head alone, -1 everything.")
    ] = 0,
    head: Annotated[Head, _model("Kind of head.")] = Head.LINEAR,
    epochs: Annotated[int, _training("Train for at most this many epochs.", min=1)] = 100,
    patience: Annotated[
        int, _training("Stop once the validation loss has not fallen for this many epochs.", min=1)
    ] = 10,
    batch_size: Annotated[int, _training("Galaxies a step.", min=1)] = 32,
    learning_rate: Annotated[float, _training("Learning rate of the head.")] = 1e-4,
    feature_cache: Annotated[bool, _training("Run the frozen blocks once and train from what they gave.")] = True,
    views: Annotated[
        int | None,
        _training(
            "Views of each galaxy to run them on; from the second on, augmented. Default: 1 for the head alone, else 8.",
            min=1,
            show_default=False,
        ),
    ] = None,
    precision: Annotated[Precision, _training(PRECISION_HELP)] = Precision.AUTO,
    accumulate: Annotated[int, _training("Add up the gradients of this many batches before each step.", min=1)] = 1,
    ema_decay: Annotated[
        float | None,
        _training(
            "Validate and save a moving average of the weights, with this decay a step, such as 0.99.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, _training("Decides the split, the order, dropout and the head's first weights.", min=0)] = 42,
    resume: Annotated[
        bool,
        _run(
            "Go on with an interrupted run in --out; only --epochs, --patience and --num-workers may differ.",
            "--resume",
        ),
    ] = False,
    overwrite: Annotated[bool, _run("Replace an earlier run in --out.", "--overwrite")] = False,
) -> None:
    """Finetune an encoder on a labelled catalog, and evaluate it on galaxies that it has not seen."""
    with console.status("Loading torch"):
        from zoobot.runs import RunSettings, finetune_run, prepare_process

    prepare_process()
    settings = RunSettings(
        catalog=str(Path(catalog).expanduser().absolute()),
        label_cols=tuple(label or ()),
        task=None if task is None else task.value,
        tree=tuple(tree or ()),
        test=None if test is None else str(Path(test).expanduser().absolute()),
        encoder=encoder,
        pretrained=pretrained,
        blocks=blocks,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        learning_rate=learning_rate,
        head=head.value,
        image_size=image_size,
        crop=crop,
        channels=channels,
        stretch=None if stretch is None else stretch.value,
        flip=flip,
        class_balance=balance.value,
        group_col=group_col,
        num_workers=num_workers,
        feature_cache=feature_cache,
        views=views,
        precision=precision.value,
        accumulate=accumulate,
        ema_decay=ema_decay,
        seed=seed,
    )
    _show_run(finetune_run(settings, out, resume=resume, overwrite=overwrite, say=console.print), out)


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
        Path, typer.Option(help="Table to write: csv, parquet, fits or hdf5, by its ending.", metavar="FILE")
    ],
    batch_size: Annotated[int, typer.Option(min=1, help="Galaxies a step.")] = 64,
    n_samples: Annotated[int, typer.Option(min=1, help="More than 1: repeat with dropout on, for a spread.")] = 1,
    n_views: Annotated[int, typer.Option(min=1, help="More than 1: average over turned and zoomed views.")] = 1,
    level: Annotated[float, typer.Option(help="Level of the credible intervals of votes.")] = 0.9,
    min_asked: Annotated[
        float,
        typer.Option(help="Votes: leave out answers to questions that are asked with less than this probability."),
    ] = 0.0,
    on_error: Annotated[
        OnError, typer.Option(help="'skip' leaves NaN and the reason in the row of an image that can't be read.")
    ] = OnError.RAISE,
    num_workers: WorkersOption = None,
    precision: PrecisionOption = Precision.AUTO,
    runtime: RuntimeOption = Runtime.TORCH,
) -> None:
    """Write a finetuned model's predictions for a catalog, one row a galaxy."""
    with console.status("Loading torch"):
        from zoobot.predictions import predict as predict_catalog
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
        min_asked=min_asked,
        on_error=on_error.value,
        num_workers=num_workers,
        precision=precision.value,
        runtime=runtime.value,
    )
    failed = int((table["error"] != "").sum()) if "error" in table else 0
    console.print(
        f"{len(table) - failed} galaxies predicted{f', {failed} skipped (see the column error)' if failed else ''}: {out}"
    )


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
    _show_scores(metrics)
    _show_confusion(metrics["test"])
    _show_questions(metrics["test"])
    if out is not None:
        write_whole(out / METRICS_FILE, json.dumps(metrics, indent=2).encode())
        write_table(evaluation.table, out / PREDICTIONS_FILE)
        if isinstance(finetuned, FinetuneableZoobotTree):
            plot_votes(evaluation.posterior(finetuned), evaluation.labels, out / PLOTS_FOLDER)
        _show_files(out)


@app.command(
    epilog="Example: `zoobot pretrain encoder --architecture convnext_atto --galaxies simulated --survey decals --tree gz2 --images 500000`"
)
def pretrain(
    out: Annotated[
        Path,
        typer.Argument(help="Folder for the encoder, its log and its checkpoints.", metavar="OUT", show_default=False),
    ],
    galaxies: Annotated[
        list[str] | None,
        _data(
            "simulated, simulated:SURVEY, a catalog with votes, or hf:NAME for a Hugging Face data set (a folder, or its name on the hub); "
            "repeat for several. Default: simulated.",
            metavar="SOURCE",
        ),
    ] = None,
    tree: Annotated[
        list[str] | None,
        _data(
            "Decision tree of the votes, a name such as gz2, or a YAML file: one for all, or one for each --galaxies in order."
        ),
    ] = None,
    survey: Annotated[
        list[str] | None, _data("Survey to simulate: sdss, decals, hsc or euclid; repeat for several. Default: decals.")
    ] = None,
    simulated_share: Annotated[
        float | None,
        _data("Share of simulated galaxies in each step, beside real ones. Default: 0.5.", show_default=False),
    ] = None,
    unlabelled: Annotated[
        str | None,
        _data("A catalog of real galaxies to learn from without labels, in the same steps.", metavar="CATALOG"),
    ] = None,
    split: Annotated[str, _data("Split of Hugging Face data sets to train on.")] = "train",
    size: Annotated[int, _data("Pixels a side that the encoder sees.", min=16)] = 128,
    crop: Annotated[float, _data("The centre share of a real image's width that is shown, above 0, at most 1.")] = 0.8,
    val_galaxies: Annotated[int, _data("Simulated galaxies to validate on, which training never sees.", min=1)] = 1024,
    val_fraction: Annotated[float, _data("Share of each real catalog that is held out to validate on.")] = 0.05,
    architecture: Annotated[
        str | None, _model("timm architecture to start from random weights.", show_default=False)
    ] = None,
    encoder: Annotated[
        str | None,
        _model(
            "Encoder to go on from instead: bundled, imagenet, hf_hub:owner/repo, a folder, a checkpoint.",
            show_default=False,
        ),
    ] = None,
    drop_path: Annotated[float, _model("Probability that a residual block is skipped for an image.")] = 0.0,
    images: Annotated[
        int | None, _training("Labelled images to show in all. This or --epochs is needed.", min=1, show_default=False)
    ] = None,
    epochs: Annotated[
        float | None, _training("How often to show each real labelled galaxy.", show_default=False)
    ] = None,
    report_images: Annotated[
        int | None,
        _training(
            "Validate and log each time after so many images. Default: 20 times a run.", min=1, show_default=False
        ),
    ] = None,
    batch_size: Annotated[int, _training("Labelled images a step, over all processes.", min=1)] = 64,
    unlabelled_batch_size: Annotated[
        int | None,
        _training(
            "Unlabelled galaxies a step, each in two views. Default: half of --batch-size.", min=2, show_default=False
        ),
    ] = None,
    votes_weight: Annotated[float, _training("Factor of the votes' loss.")] = 0.1,
    truth_weight: Annotated[float, _training("Factor of the loss of simulated galaxies' true parameters.")] = 1.0,
    unlabelled_weight: Annotated[float, _training("Factor of the loss of unlabelled views.")] = 0.5,
    learning_rate: Annotated[float, _training("Learning rate, once warmed up.")] = 1e-3,
    lr_decay: Annotated[
        float, _training("Each block learns at this times the rate of the block above it; 1 is the same for all.")
    ] = 1.0,
    weight_decay: Annotated[float, _training("AdamW's weight decay.")] = 0.05,
    warmup_steps: Annotated[
        int | None,
        _training("Steps to warm up. Default: a twentieth of all, at most 1000.", min=0, show_default=False),
    ] = None,
    clip: Annotated[float, _training("Largest norm of the gradient.")] = 1.0,
    ema_decay: Annotated[
        float, _training("Validate and save a moving average of the weights, with this decay a step; 0 for none.")
    ] = 0.999,
    jitter: Annotated[float, _training("How much the brightness and colors of training images vary.")] = 0.1,
    seed: Annotated[
        int, _training("Decides the first weights, the simulated galaxies, the order and the views.", min=0)
    ] = 42,
    precision: Annotated[Precision, _run(PRECISION_HELP)] = Precision.AUTO,
    accelerator: Annotated[str, _run("What to train on: auto, cpu, gpu, mps, as Lightning takes it.")] = "auto",
    devices: Annotated[int, _run("Devices (processes, on CPUs) to train on, on each node.", min=1)] = 1,
    nodes: Annotated[int, _run("Machines to train on.", min=1)] = 1,
    sync_batchnorm: Annotated[
        bool, _run("Compute batch norms over all processes together (GPUs only).", "--sync-batchnorm")
    ] = False,
    workers: Annotated[
        int | None, _run("Processes that decode images. Default: one a core.", min=0, show_default=False)
    ] = None,
    save_minutes: Annotated[float, _run("Write a checkpoint every so many minutes.", min=0)] = 5.0,
    save_steps: Annotated[
        int | None, _run("Write a checkpoint every so many steps instead.", min=1, show_default=False)
    ] = None,
    resume: Annotated[
        bool, _run("Go on with an interrupted run in OUT, with the same settings, to the same weights.", "--resume")
    ] = False,
    overwrite: Annotated[bool, _run("Replace an earlier run in OUT.", "--overwrite")] = False,
) -> None:
    """Train an encoder on galaxies, from scratch or on from given weights: votes, simulated galaxies, unlabelled galaxies."""
    with console.status("Loading torch"):
        from zoobot.pretrain import PretrainSettings, pretrain_run
        from zoobot.pretrain.settings import absolute
        from zoobot.runs import prepare_process

    prepare_process()
    settings = PretrainSettings(
        galaxies=tuple(absolute(source) for source in galaxies or ["simulated"]),
        trees=tuple(tree or ()),
        surveys=tuple(survey or ["decals"]),
        simulated_share=simulated_share,
        unlabelled=None if unlabelled is None else absolute(unlabelled),
        hf_split=split,
        architecture=architecture,
        encoder=encoder,
        size=size,
        crop=crop,
        images=images,
        epochs=epochs,
        report_images=report_images,
        batch_size=batch_size,
        unlabelled_batch_size=unlabelled_batch_size,
        votes_weight=votes_weight,
        truth_weight=truth_weight,
        unlabelled_weight=unlabelled_weight,
        learning_rate=learning_rate,
        lr_decay=lr_decay,
        weight_decay=weight_decay,
        warmup_steps=warmup_steps,
        clip=clip,
        ema_decay=ema_decay,
        drop_path=drop_path,
        jitter=jitter,
        val_galaxies=val_galaxies,
        val_fraction=val_fraction,
        precision=precision.value,
        accelerator=accelerator,
        devices=devices,
        nodes=nodes,
        sync_batchnorm=sync_batchnorm,
        save_minutes=save_minutes,
        save_steps=save_steps,
        workers=workers,
        seed=seed,
    )
    result = pretrain_run(settings, out, resume=resume, overwrite=overwrite, say=console.print)
    if result:  # in the first process only
        _show_pretraining(result, out)


@app.command(epilog="Example: `zoobot simulate galaxies --galaxies 1000 --survey decals --tree gz_decals_dr5`")
def simulate(
    out: Annotated[
        Path, typer.Argument(help="Folder for the images and the catalog.", metavar="OUT", show_default=False)
    ],
    galaxies: Annotated[int, typer.Option(min=1, help="How many galaxies.")] = 100,
    survey: Annotated[str, typer.Option(help="Survey to imitate: sdss, decals, hsc or euclid.")] = "decals",
    tree: Annotated[
        str | None,
        typer.Option(
            help="Decision tree that volunteers vote on: a packaged one's name, or a YAML file; 'none' for no votes. Default: gz2 for "
            "sdss, gz_decals_dr5 for decals, gz_cosmic_dawn for hsc, gz_euclid for euclid.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other galaxies.")] = 0,
    size: Annotated[int, typer.Option(help="Width of an image in pixels; the field of view stays the same.")] = 224,
    first: Annotated[
        int, typer.Option(min=1, help="Number of the first galaxy: sets with other numbers are disjoint.")
    ] = 1,
    fits: Annotated[
        bool, typer.Option("--fits", help="Write calibrated flux too: FITS cubes, in nanomaggies.")
    ] = False,
    population: Annotated[
        str, typer.Option(help="'survey' as in nature, 'pretraining' with rare kinds more often.")
    ] = "survey",
) -> None:
    """Write simulated galaxies with simulated volunteers' votes; go on with a set that was interrupted."""
    with console.status("Loading torch"):
        from zoobot.runs import prepare_process
        from zoobot.simulate import USUAL_TREES, write_set

    prepare_process()
    catalog = write_set(
        out,
        galaxies,
        survey=survey,
        tree=None if tree == "none" else tree or USUAL_TREES.get(survey),
        seed=seed,
        size=size,
        first=first,
        fits=fits,
        population=population,
    )
    console.print(f"{len(catalog)} SIMULATED galaxies ({survey}, seed {seed}):", highlight=False)
    _show_files(out)


@app.command(epilog="Example: `zoobot models --json`")
def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the published encoders that --encoder accepts by name."""
    from zoobot.encoders.bundled import has_bundled
    from zoobot.encoders.published import published_encoders

    known = published_encoders()
    if as_json:
        typer.echo(json.dumps([vars(encoder) for encoder in known], indent=2))
        return
    table = Table(
        title="Encoders pretrained on Galaxy Zoo Evo (lower test loss is better)", caption="* recommended", box=None
    )
    for heading in ("", "name", "size", "loss"):
        table.add_column(heading, no_wrap=True)
    for encoder in known:
        millions = f"{encoder.parameters / 1e6:.1f} M"
        table.add_row("*" if encoder.recommended else "", encoder.name, millions, f"{encoder.test_loss:.2f}")
    console.print(table)
    if has_bundled():
        console.print("In the package: bundled, small and pretrained on simulated galaxies; it needs no network.")
    console.print("Also: imagenet, any timm model, a folder that timm or zoobot saved, or a checkpoint.")


cache = typer.Typer(help="Features of frozen encoders that are kept between runs.", no_args_is_help=True)
app.add_typer(cache, name="cache")


@cache.command()
def info() -> None:
    """Say where kept features are and how large they are."""
    from zoobot.finetune.feature_store import cache_folder, cache_size

    n_sets, size = cache_size()
    console.print(f"{cache_folder()}: {n_sets} sets of features, {size / 1e6:.1f} MB", highlight=False, soft_wrap=True)


@cache.command()
def clear() -> None:
    """Delete all kept features; the next run computes its own anew."""
    from zoobot.finetune.feature_store import clear_cache

    console.print(f"freed {clear_cache() / 1e6:.1f} MB", highlight=False)


@app.command(epilog="Example: `zoobot demo --out demo`")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the galaxies and the results.", metavar="DIR")] = Path("demo"),
) -> None:
    """Finetune on galaxies that the package simulates, start to end, without the network."""
    with console.status("Loading torch"):
        from zoobot.demo import run_demo
        from zoobot.runs import prepare_process

    prepare_process()
    _show_run(run_demo(out, say=console.print), out)


def main() -> None:
    """Run a command: a user's mistake is one red message and exit code 2, with the traceback only on ``--debug``."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(arguments)
    except ZoobotError as err:
        if debug:
            raise
        Console(stderr=True).print(f"Error: {err}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(USER_ERROR)


def _show_run(metrics: dict[str, Any], out: Path) -> None:
    """Show what a finetuning run gave, and what it took."""
    timing = metrics["timing"]
    _show_scores({part: scores for part, scores in metrics.items() if part != "timing"})
    _show_confusion(metrics["test"])
    _show_questions(metrics["test"])
    console.print(
        f"Trained in {timing['fit_seconds']:.1f} s, of which {timing['frozen_pass_seconds']:.1f} s in the frozen part of the encoder; "
        f"{timing['total_seconds']:.1f} s in all; {timing['peak_memory_gb']:.1f} GB of memory at most."
    )
    _show_files(out)


def _show_pretraining(result: dict[str, Any], out: Path) -> None:
    """Show what a pretraining run gave, and what it took."""
    table = Table("validation galaxies", "loss")
    for name, value in result["scores"].items():
        table.add_row(name, _figure(value))
    console.print(table)
    console.print(
        f"Trained on {result['images']} images in {result['seconds']:.1f} s ({result['images_per_second']:.0f} a second) on "
        f"{result['machine']}."
    )
    _show_files(out)


def _show_scores(metrics: dict[str, Any]) -> None:
    names = [name for name in HEADLINES if any(name in scores for scores in metrics.values())]
    table = Table("", *metrics)
    for name in names:
        table.add_row(name.replace("_", " "), *(_figure(scores.get(name)) for scores in metrics.values()))
    targets = next(iter(metrics.values())).get("targets", {})
    for target in targets if len(targets) > 1 else ():
        for name in ("rmse", "mae", "r2"):
            table.add_row(
                f"{target} {name}", *(_figure(scores["targets"][target][name]) for scores in metrics.values())
            )
    console.print(table)


def _show_confusion(scores: Scores) -> None:
    if "confusion" not in scores:
        return
    table = Table("true \\ predicted", *scores["classes"], title="Test galaxies")
    for name, counts in zip(scores["classes"], scores["confusion"], strict=True):
        table.add_row(name, *map(str, counts))
    console.print(table)


def _show_questions(scores: Scores) -> None:
    """Show how well each question of a decision tree is answered."""
    if "questions" not in scores:
        return
    names = ("n_asked", "loss", "skill", "fraction_mae", "fraction_bias", "accuracy")
    table = Table("question", *(name.replace("_", " ") for name in names), "90% cover", title="Test galaxies")
    for question, one in scores["questions"].items():
        if one["n_asked"]:
            table.add_row(question, *(_figure(one[name]) for name in names), _figure(one["coverage"]["0.9"]))
    console.print(table)


def _show_files(out: Path) -> None:
    console.print("Saved:")
    for path in sorted(out.iterdir()):
        if not path.name.startswith("."):
            console.print(f"  {path}{'/' if path.is_dir() else ''}", highlight=False, soft_wrap=True)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value}" if isinstance(value, int) else f"{value:.4f}"


if __name__ == "__main__":
    main()
