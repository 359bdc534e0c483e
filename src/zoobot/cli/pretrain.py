"""``zoobot pretrain``: an encoder from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import DATA, MODEL, PRECISION_HELP, RUN, TRAINING, Precision, app, chosen_hdu, console
from zoobot.cli.show import show_pretraining
from zoobot.files import output_path


@app.command(
    epilog="Example: `zoobot pretrain encoder --architecture convnext_atto --galaxies simulated --survey decals --tree gz2 --images 500000`"
)
def pretrain(
    out: Annotated[
        Path,
        typer.Argument(
            help="Folder for the encoder, its log and its checkpoints.",
            metavar="OUT",
            parser=output_path,
            show_default=False,
        ),
    ],
    galaxies: Annotated[
        list[str] | None,
        DATA(
            "simulated, simulated:SURVEY, a catalog with votes, or hf:NAME for a Hugging Face data set (a folder, or its name on the hub); "
            "repeat for several. Default: simulated.",
            metavar="SOURCE",
        ),
    ] = None,
    tree: Annotated[
        list[str] | None,
        DATA(
            "Decision tree of the votes, a name such as gz2, or a YAML file: one for all, or one for each --galaxies in order."
        ),
    ] = None,
    survey: Annotated[
        list[str] | None, DATA("Survey to simulate: sdss, decals, hsc or euclid; repeat for several. Default: decals.")
    ] = None,
    simulated_share: Annotated[
        float | None,
        DATA(
            "Share of simulated galaxies in each step, beside real ones. Default: 0.5.",
            show_default=False,
            number="pretrain.simulated_share",
        ),
    ] = None,
    unlabelled: Annotated[
        str | None,
        DATA("A catalog of real galaxies to learn from without labels, in the same steps.", metavar="CATALOG"),
    ] = None,
    split: Annotated[str, DATA("Split of Hugging Face data sets to train on.")] = "train",
    size: Annotated[int, DATA("Pixels a side that the encoder sees.", number="pretrain.size")] = 128,
    hdu: Annotated[
        list[str] | None,
        DATA(
            "HDU of FITS files to read, by number or name; repeat for several bands. Default: the picture, found by the HDUs' names.",
            metavar="HDU",
            show_default=False,
        ),
    ] = None,
    crop: Annotated[float, DATA("The centre share of a real image's width that is shown.", number="crop")] = 0.8,
    val_galaxies: Annotated[
        int, DATA("Simulated galaxies to validate on, which training never sees.", number="pretrain.val_galaxies")
    ] = 1024,
    val_fraction: Annotated[
        float, DATA("Share of each real catalog that is held out to validate on.", number="pretrain.val_fraction")
    ] = 0.05,
    architecture: Annotated[
        str | None, MODEL("timm architecture to start from random weights.", show_default=False)
    ] = None,
    encoder: Annotated[
        str | None,
        MODEL(
            "Encoder to go on from instead: bundled, imagenet, hf_hub:owner/repo, a folder, a checkpoint.",
            show_default=False,
        ),
    ] = None,
    drop_path: Annotated[
        float, MODEL("Probability that a residual block is skipped for an image.", number="pretrain.drop_path")
    ] = 0.0,
    images: Annotated[
        int | None,
        TRAINING(
            "Labelled images to show in all. This or --epochs is needed.", show_default=False, number="pretrain.images"
        ),
    ] = None,
    epochs: Annotated[
        float | None,
        TRAINING("How often to show each real labelled galaxy.", show_default=False, number="pretrain.epochs"),
    ] = None,
    report_images: Annotated[
        int | None,
        TRAINING(
            "Validate and log each time after so many images. Default: 20 times a run.",
            show_default=False,
            number="pretrain.report_images",
        ),
    ] = None,
    batch_size: Annotated[int, TRAINING("Labelled images a step, over all processes.", number="batch_size")] = 64,
    unlabelled_batch_size: Annotated[
        int | None,
        TRAINING(
            "Unlabelled galaxies a step, each in two views. Default: half of --batch-size.",
            show_default=False,
            number="pretrain.unlabelled_batch_size",
        ),
    ] = None,
    votes_weight: Annotated[float, TRAINING("Factor of the votes' loss.", number="pretrain.votes_weight")] = 0.1,
    truth_weight: Annotated[
        float, TRAINING("Factor of the loss of simulated galaxies' true parameters.", number="pretrain.truth_weight")
    ] = 1.0,
    unlabelled_weight: Annotated[
        float, TRAINING("Factor of the loss of unlabelled views.", number="pretrain.unlabelled_weight")
    ] = 0.5,
    learning_rate: Annotated[float, TRAINING("Learning rate, once warmed up.", number="learning_rate")] = 1e-3,
    lr_decay: Annotated[
        float,
        TRAINING(
            "Each block learns at this times the rate of the block above it; 1 is the same for all.", number="lr_decay"
        ),
    ] = 1.0,
    weight_decay: Annotated[float, TRAINING("AdamW's weight decay.", number="weight_decay")] = 0.05,
    warmup_steps: Annotated[
        int | None,
        TRAINING(
            "Steps to warm up. Default: a twentieth of all, at most 1000.",
            show_default=False,
            number="pretrain.warmup_steps",
        ),
    ] = None,
    clip: Annotated[float, TRAINING("Largest norm of the gradient.", number="pretrain.clip")] = 1.0,
    ema_decay: Annotated[
        float,
        TRAINING(
            "Validate and save a moving average of the weights, with this decay a step; 0 for none.",
            number="pretrain.ema_decay",
        ),
    ] = 0.999,
    jitter: Annotated[
        float, TRAINING("How much the brightness and colors of training images vary.", number="pretrain.jitter")
    ] = 0.1,
    seed: Annotated[
        int, TRAINING("Decides the first weights, the simulated galaxies, the order and the views.", number="seed")
    ] = 42,
    precision: Annotated[Precision, RUN(PRECISION_HELP)] = Precision.AUTO,
    accelerator: Annotated[str, RUN("What to train on: auto, cpu, gpu, mps, as Lightning takes it.")] = "auto",
    devices: Annotated[
        int, RUN("Devices (processes, on CPUs) to train on, on each node.", number="pretrain.devices")
    ] = 1,
    nodes: Annotated[int, RUN("Machines to train on.", number="pretrain.nodes")] = 1,
    sync_batchnorm: Annotated[
        bool, RUN("Compute batch norms over all processes together (GPUs only).", "--sync-batchnorm")
    ] = False,
    workers: Annotated[
        int | None,
        RUN("Processes that decode images. Default: one a core.", show_default=False, number="pretrain.workers"),
    ] = None,
    save_minutes: Annotated[
        float, RUN("Write a checkpoint every so many minutes.", number="pretrain.save_minutes")
    ] = 5.0,
    save_steps: Annotated[
        int | None,
        RUN("Write a checkpoint every so many steps instead.", show_default=False, number="pretrain.save_steps"),
    ] = None,
    resume: Annotated[
        bool, RUN("Go on with an interrupted run in OUT, with the same settings, to the same weights.", "--resume")
    ] = False,
    overwrite: Annotated[bool, RUN("Replace an earlier run in OUT.", "--overwrite")] = False,
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
        hdu=chosen_hdu(hdu),
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
        show_pretraining(result, out)
