"""``zoobot simulate``: galaxies and volunteers that never were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import app, console, option
from zoobot.cli.show import show_files
from zoobot.files import output_path


@app.command(epilog="Example: `zoobot simulate galaxies --galaxies 1000 --survey decals --tree gz_decals_dr5`")
def simulate(
    out: Annotated[
        Path,
        typer.Argument(
            help="Folder for the images and the catalog.", metavar="OUT", parser=output_path, show_default=False
        ),
    ],
    galaxies: Annotated[int, option("How many galaxies.", number="n_galaxies")] = 100,
    survey: Annotated[str, typer.Option(help="Survey to imitate: sdss, decals, hsc or euclid.")] = "decals",
    tree: Annotated[
        str | None,
        typer.Option(
            help="Decision tree that volunteers vote on: a packaged one's name, or a YAML file; 'none' for no votes. Default: gz2 for "
            "sdss, gz_decals_dr5 for decals, gz_cosmic_dawn for hsc, gz_euclid for euclid.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, option("Another seed gives other galaxies.", number="seed")] = 0,
    size: Annotated[
        int, option("Width of an image in pixels; the field of view stays the same.", number="simulate.size")
    ] = 224,
    first: Annotated[
        int, option("Number of the first galaxy: sets with other numbers are disjoint.", number="first")
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
    console.print(f"{len(catalog)} SIMULATED galaxies ({survey}, seed {seed}):")
    show_files(out)
