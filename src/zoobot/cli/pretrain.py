"""``zoobot pretrain``: an encoder from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import OverwriteOption, ResumeOption, app, console
from zoobot.cli.options import former_names, with_options
from zoobot.cli.show import show_pretraining
from zoobot.files import output_path
from zoobot.settings import PretrainSettings


@app.command(
    epilog="Example: `zoobot pretrain encoder --architecture convnext_atto --galaxies simulated --tree gz2 --images "
    "500000`",
    context_settings=former_names(PretrainSettings),
)
@with_options(PretrainSettings)
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
    settings: PretrainSettings,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Train an encoder on galaxies, from scratch or on from given weights: votes, simulated galaxies, unlabelled galaxies."""  # noqa: E501
    with console.status("Loading torch"):
        from zoobot.pretrain import pretrain_run
        from zoobot.runs import prepare_process

    prepare_process()
    result = pretrain_run(settings, out, resume=resume, overwrite=overwrite, say=console.print)
    if result:  # in the first process only
        show_pretraining(result, out)
