"""``zoobot finetune`` and ``zoobot demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from zoobot.cli.common import OverwriteOption, ResumeOption, app, console, output
from zoobot.cli.options import former_names, with_options
from zoobot.cli.show import show_run
from zoobot.settings import RunSettings


@app.command(
    epilog="Example: `zoobot finetune train.csv --label ring --out rings --encoder "
    "hf_hub:mwalmsley/zoobot-encoder-convnext_nano`",
    context_settings=former_names(RunSettings),
)
@with_options(RunSettings)
def finetune(
    settings: RunSettings,
    out: Annotated[
        Path, output("Folder for the model, checkpoints, log, metrics and predictions.", rich_help_panel="Run")
    ],
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Finetune an encoder on a labelled catalog, and evaluate it on galaxies that it has not seen."""
    with console.status("Loading torch"):
        from zoobot.runs import finetune_with, prepare_process

    prepare_process()
    run = finetune_with(settings, out, resume=resume, overwrite=overwrite, say=console.print)
    show_run(run.metrics, out)


@app.command(epilog="Example: `zoobot demo --out demo`")
def demo(
    out: Annotated[Path, output("Folder for the galaxies and the results.")] = Path("demo"),
) -> None:
    """Finetune on galaxies that the package simulates, start to end, without the network."""
    with console.status("Loading torch"):
        from zoobot.demo import run_demo
        from zoobot.runs import prepare_process

    prepare_process()
    show_run(run_demo(out, say=console.print).metrics, out)
