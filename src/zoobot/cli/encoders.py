"""``zoobot models`` and ``zoobot cache``: encoders, and what is kept of them."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from zoobot.cli.common import app, console


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
    from zoobot.finetune.feature_store import cache_size
    from zoobot.places import kept_features

    n_sets, size = cache_size()
    console.print(f"{kept_features()}: {n_sets} sets of features, {size / 1e6:.1f} MB", soft_wrap=True)


@cache.command()
def clear() -> None:
    """Delete all kept features; the next run computes its own anew."""
    from zoobot.finetune.feature_store import clear_cache

    console.print(f"freed {clear_cache() / 1e6:.1f} MB")
