"""``zoobot finetune`` and ``zoobot demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import (
    DATA,
    MODEL,
    PRECISION_HELP,
    RUN,
    TRAINING,
    Balance,
    Calibration,
    CatalogArgument,
    Concentrations,
    Head,
    Precision,
    Stretch,
    Task,
    app,
    chosen_hdu,
    console,
)
from zoobot.cli.show import show_run
from zoobot.files import home, output_path


@app.command(
    epilog="Example: `zoobot finetune train.csv --label ring --out rings --encoder hf_hub:mwalmsley/zoobot-encoder-convnext_nano`"
)
def finetune(
    catalog: CatalogArgument,
    out: Annotated[
        Path, RUN("Folder for the model, checkpoints, log, metrics and predictions.", metavar="DIR", parser=output_path)
    ],
    label: Annotated[
        list[str] | None,
        DATA(
            "Column of labels (the column label, for a folder with a subfolder a class); repeat for several. Required, but with --tree."
        ),
    ] = None,
    tree: Annotated[
        list[str] | None,
        DATA("Decision tree of the votes: a name such as gz2, or a YAML file; repeat for several campaigns at once."),
    ] = None,
    test: Annotated[
        str | None,
        DATA(
            "A separate test catalog. Default: CATALOG is split 70/10/20 into training, validation and test.",
            metavar="CATALOG",
        ),
    ] = None,
    group_col: Annotated[
        str | None, DATA("Rows with the same value in this column stay in one part of the split.")
    ] = None,
    drop_unlabelled: Annotated[
        bool, DATA("Leave galaxies without a label out, and say how many; else they are an error.", "--drop-unlabelled")
    ] = False,
    crop: Annotated[float, DATA("The centre share of the image's width that is shown.", number="crop")] = 0.8,
    image_size: Annotated[
        int | None,
        DATA(
            "Pixels a side that the encoder sees, after the crop. Default: the encoder's own.",
            show_default=False,
            number="image_size",
        ),
    ] = None,
    channels: Annotated[int, DATA("Channels of the images.", number="channels")] = 3,
    stretch: Annotated[Stretch | None, DATA("Default: asinh for FITS, none for pictures.", show_default=False)] = None,
    hdu: Annotated[
        list[str] | None,
        DATA(
            "HDU of FITS files to read, by number or name; repeat for several bands. Default: the picture, found by the HDUs' names.",
            metavar="HDU",
            show_default=False,
        ),
    ] = None,
    flip: Annotated[bool, DATA("Mirror half of the training views; --no-flip where handedness is the label.")] = True,
    balance: Annotated[Balance, DATA("'sampler' draws each class equally often.")] = Balance.NONE,
    num_workers: Annotated[
        int | None, DATA("Processes that decode images. Default: one a core.", show_default=False, number="num_workers")
    ] = None,
    encoder: Annotated[
        str, MODEL("hf_hub:owner/repo, a folder, a checkpoint, or any timm model. See: zoobot models.")
    ] = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano",
    pretrained: Annotated[bool, MODEL("--no-pretrained starts a timm model from random weights.")] = True,
    task: Annotated[Task | None, MODEL("Default: found from the labels, and said.", show_default=False)] = None,
    blocks: Annotated[
        int,
        MODEL("Blocks of the encoder to finetune, from the top: 0 is the head alone, -1 everything.", number="blocks"),
    ] = 0,
    head: Annotated[Head, MODEL("Kind of head.")] = Head.LINEAR,
    concentrations: Annotated[
        Concentrations,
        MODEL(
            "Votes: 'sigmoid' gives 1 to 101 to each answer, as the published heads; 'softplus' also less than 1, and fits better."
        ),
    ] = Concentrations.SIGMOID,
    epochs: Annotated[int, TRAINING("Train for at most this many epochs.", number="epochs")] = 100,
    patience: Annotated[
        int, TRAINING("Stop once the validation loss has not fallen for this many epochs.", number="patience")
    ] = 10,
    batch_size: Annotated[int, TRAINING("Galaxies a step.", number="batch_size")] = 32,
    learning_rate: Annotated[float, TRAINING("Learning rate of the head.", number="learning_rate")] = 1e-4,
    feature_cache: Annotated[bool, TRAINING("Run the frozen blocks once and train from what they gave.")] = True,
    views: Annotated[
        int | None,
        TRAINING(
            "Views of each galaxy to run them on; from the second on, augmented. Default: 1 for the head alone, else 8.",
            show_default=False,
            number="views",
        ),
    ] = None,
    precision: Annotated[Precision, TRAINING(PRECISION_HELP)] = Precision.AUTO,
    accumulate: Annotated[
        int, TRAINING("Add up the gradients of this many batches before each step.", number="accumulate")
    ] = 1,
    ema_decay: Annotated[
        float | None,
        TRAINING(
            "Validate and save a moving average of the weights, with this decay a step, such as 0.99.",
            show_default=False,
            number="ema_decay",
        ),
    ] = None,
    calibration: Annotated[
        Calibration, TRAINING("How probabilities are calibrated. 'auto': temperature, or isotonic for several labels.")
    ] = Calibration.AUTO,
    seed: Annotated[
        int, TRAINING("Decides the split, the order, dropout and the head's first weights.", number="seed")
    ] = 42,
    folds: Annotated[
        int,
        RUN(
            "Cross-validate too: so many folds, for predictions of every labelled galaxy by a model that has not seen it.",
            number="folds",
        ),
    ] = 0,
    report: Annotated[bool, RUN("Write report.html, with checks of labels, images and training set.")] = True,
    resume: Annotated[
        bool,
        RUN(
            "Go on with an interrupted run in --out; only --epochs, --patience, --folds, --report and --num-workers may differ.",
            "--resume",
        ),
    ] = False,
    overwrite: Annotated[bool, RUN("Replace an earlier run in --out.", "--overwrite")] = False,
) -> None:
    """Finetune an encoder on a labelled catalog, and evaluate it on galaxies that it has not seen."""
    with console.status("Loading torch"):
        from zoobot.runs import RunSettings, finetune_run, prepare_process

    prepare_process()
    settings = RunSettings(
        catalog=str(home(catalog).absolute()),
        label_cols=tuple(label or ()),
        task=None if task is None else task.value,
        tree=tuple(tree or ()),
        test=None if test is None else str(home(test).absolute()),
        encoder=encoder,
        pretrained=pretrained,
        blocks=blocks,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        learning_rate=learning_rate,
        head=head.value,
        concentrations=concentrations.value,
        image_size=image_size,
        crop=crop,
        channels=channels,
        stretch=None if stretch is None else stretch.value,
        hdu=chosen_hdu(hdu),
        flip=flip,
        class_balance=balance.value,
        group_col=group_col,
        drop_unlabelled=drop_unlabelled,
        num_workers=num_workers,
        feature_cache=feature_cache,
        views=views,
        precision=precision.value,
        accumulate=accumulate,
        ema_decay=ema_decay,
        calibration=calibration.value,
        folds=folds,
        report=report,
        seed=seed,
    )
    show_run(finetune_run(settings, out, resume=resume, overwrite=overwrite, say=console.print), out)


@app.command(epilog="Example: `zoobot demo --out demo`")
def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the galaxies and the results.", metavar="DIR", parser=output_path)
    ] = Path("demo"),
) -> None:
    """Finetune on galaxies that the package simulates, start to end, without the network."""
    with console.status("Loading torch"):
        from zoobot.demo import run_demo
        from zoobot.runs import prepare_process

    prepare_process()
    show_run(run_demo(out, say=console.print), out)
