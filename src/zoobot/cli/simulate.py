"""``zoobot simulate``: galaxies and volunteers that never were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import app, console
from zoobot.cli.options import former_names, with_options
from zoobot.cli.show import show_files
from zoobot.files import output_path
from zoobot.settings import SimulateSettings


@app.command(
    epilog="Example: `zoobot simulate galaxies --n-galaxies 1000 --survey decals --tree gz_decals_dr5`",
    context_settings=former_names(SimulateSettings),
)
@with_options(SimulateSettings)
def simulate(
    out: Annotated[
        Path,
        typer.Argument(
            help="Folder for the images and the catalog.", metavar="OUT", parser=output_path, show_default=False
        ),
    ],
    settings: SimulateSettings,
) -> None:
    """Write simulated galaxies with simulated volunteers' votes; go on with a set that was interrupted."""
    with console.status("Loading torch"):
        from zoobot.runs import prepare_process
        from zoobot.simulate import USUAL_TREES, write_set

    prepare_process()
    tree = None if settings.tree == "none" else settings.tree or USUAL_TREES.get(settings.survey)
    catalog = write_set(out, **vars(settings) | {"tree": tree})
    console.print(f"{len(catalog)} SIMULATED galaxies ({settings.survey}, seed {settings.seed}):")
    show_files(out)
