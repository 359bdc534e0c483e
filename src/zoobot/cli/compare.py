"""``zoobot compare``: which encoder learns most from these labels, and whether more of them would help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import CatalogArgument, HduOption, WorkersOption, app, chosen_hdu, console, option
from zoobot.cli.show import show_files
from zoobot.files import output_path
from zoobot.terminal import make_table


class CurveTask(StrEnum):
    """What a head on frozen features is fitted to."""

    CLASSIFY = "classify"
    REGRESS = "regress"


@app.command(
    epilog="Example: `zoobot compare train.csv --label ring --encoder bundled --encoder imagenet --out comparison`"
)
def compare(
    catalog: CatalogArgument,
    label: Annotated[str, typer.Option(help="Column of labels.")],
    encoder: Annotated[
        list[str],
        typer.Option(
            help="hf_hub:owner/repo, a folder, a checkpoint, or any timm model; repeat for each. Others are compared with the first."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for comparison.csv, comparison.json and comparison.png.", metavar="DIR", parser=output_path
        ),
    ] = None,
    task: Annotated[CurveTask | None, typer.Option(help="Default: found from the labels.", show_default=False)] = None,
    group_col: Annotated[
        str | None,
        typer.Option(
            help="Column of what depends on one another, such as copies of one galaxy: rows with the same value stay together.",
            show_default=False,
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        option(
            "Pixels a side that the encoders see. Default: each encoder's own.", show_default=False, number="image_size"
        ),
    ] = None,
    folds: Annotated[int, option("Parts, each of which is predicted from the others.", number="n_folds")] = 5,
    repeats: Annotated[int, option("Times that galaxies are dealt anew into folds.", number="n_repeats")] = 4,
    more: Annotated[int, option("Predict the gain from this many additional labels.", number="more")] = 100,
    hdu: HduOption = None,
    num_workers: WorkersOption = None,
    seed: Annotated[int, option("Of folds, subsets and bootstrap, the same for all encoders.", number="seed")] = 42,
) -> None:
    """Compare encoders by what a linear head on each one's frozen features learns from more and more of the labels."""
    with console.status("Loading torch"):
        from zoobot.folders import check_folder, refuse_inputs
        from zoobot.layout import MADE
        from zoobot.places import refuse_among_images
        from zoobot.runs import compare_encoders, prepare_process
        from zoobot.science.metric import METRICS

    prepare_process()
    if out is not None:
        made = MADE["zoobot compare"]
        check_folder(out, "zoobot compare", made)
        inputs = {"the catalog": catalog, **{f"the encoder {one}": one for one in encoder}}
        refuse_inputs(inputs, [out / name for name in made])
        refuse_among_images(out, catalog)
    comparison = compare_encoders(
        catalog,
        label,
        encoder,
        task=None if task is None else task.value,
        group_col=group_col,
        image_size=image_size,
        hdu=chosen_hdu(hdu),
        num_workers=num_workers,
        n_folds=folds,
        n_repeats=repeats,
        more=more,
        seed=seed,
        say=console.print,
    )
    first = comparison.first
    for score in first.scores:
        table = make_table(("encoder", *map(str, first.sizes), "gain on the first"), f"{METRICS[score].name} by labels")
        for name, curve in comparison.curves.items():
            final = comparison.final(score).set_index("encoder").loc[name]
            better = f"{final['better']:+.3f} ({final['better_low']:+.3f} to {final['better_high']:+.3f})"
            values = [f"{value:.3f}" for value in curve.scores[score].mean(axis=0)]
            table.add_row(name, *values, "-" if curve is first else better)
        console.print(table)
    for sentence in comparison.sentences():
        console.print(sentence)
    if out is not None:
        comparison.write(out)
        show_files(out)
