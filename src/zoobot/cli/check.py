"""``zoobot check``: likely label errors, duplicates and bad images among a run's galaxies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobot.cli.common import app, console
from zoobot.cli.options import former_names, with_options
from zoobot.files import home
from zoobot.settings import CheckSettings

WORST = 5
"""Rows shown of each table"""


@app.command(epilog="Example: `zoobot check rings`", context_settings=former_names(CheckSettings))
@with_options(CheckSettings)
def check(
    run: Annotated[Path, typer.Argument(help="The --out folder of zoobot finetune.", metavar="RUN", parser=home)],
    settings: CheckSettings,
) -> None:
    """Look for wrong labels, duplicates and bad images among a run's galaxies; writes RUN/checks, tables and pictures."""  # noqa: E501
    with console.status("Loading torch"):
        from zoobot.layout import ABOUT_FILE, CHECKS_FOLDER
        from zoobot.report.check_sheets import label_caption
        from zoobot.report.run_files import catalog_notes, read_object
        from zoobot.runs import check_run, prepare_process

    prepare_process()
    checks = check_run(run, say=console.print, **vars(settings))
    for sentence in (*catalog_notes(read_object(run, ABOUT_FILE, [])), *checks.sentences()):
        console.print(sentence)
    for _, one in checks.judged.head(WORST).iterrows():
        _tell(label_caption(one).replace("\n", ", "))
    for _, pair in checks.ungrouped.head(WORST).iterrows():
        parts = f" ({pair['part_a']}, {pair['part_b']})" if pair["part_a"] else ""
        _tell(f"{pair['id_str_a']} and {pair['id_str_b']}{parts}: {pair['kind']}, {pair['similarity']:.3f}")
    for _, one in checks.images.head(WORST).iterrows():
        _tell(f"{one['id_str']}: {one['fault']}, {one['reason']}")
    console.print(f"Saved: {run / CHECKS_FOLDER}/", soft_wrap=True)


def _tell(line: str) -> None:
    console.print(f"  {line}", soft_wrap=True)
