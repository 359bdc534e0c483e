"""``zoobot compare``: which encoder learns most from these labels, and whether more of them would help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import CatalogArgument, app, console, output
from zoobot.cli.options import former_names, with_options
from zoobot.cli.show import show_files
from zoobot.settings import CompareSettings
from zoobot.terminal import make_table


@app.command(
    epilog="Example: `zoobot compare train.csv --label ring --encoder bundled --encoder imagenet --out comparison`",
    context_settings=former_names(CompareSettings),
)
@with_options(CompareSettings)
def compare(
    catalog: CatalogArgument,
    label: Annotated[str, typer.Option(help="Column of labels.")],
    encoder: Annotated[
        list[str],
        typer.Option(
            help="hf_hub:owner/repo, a folder, a checkpoint, or any timm model; repeat for each. Others are compared "
            "with the first."
        ),
    ],
    settings: CompareSettings,
    out: Annotated[Path | None, output("Folder for comparison.csv, comparison.json and comparison.png.")] = None,
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
    comparison = compare_encoders(catalog, label, encoder, say=console.print, **vars(settings))
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
