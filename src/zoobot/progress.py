"""A progress bar that shows itself only once work has taken longer than two seconds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 2.0


def track(items: Iterable[T], description: str, total: int, unit: str = "galaxies") -> Iterator[T]:
    """Return ``items`` one by one, and show how many are done.

    After two seconds, standard error shows how many of ``total`` are done, and the rate.

    Parameters
    ----------
    items
        What to go through; an item that has a length in ``sized`` steps should be given to ``track_steps`` instead.
    description
        What is being done, as shown left of the bar.
    total
        How many items there are.
    unit
        What an item is, for the rate shown.
    """
    return track_steps(((item, 1) for item in items), description, total, unit)


def track_steps(steps: Iterable[tuple[T, int]], description: str, total: int, unit: str = "galaxies") -> Iterator[T]:
    """Return the first of each ``(item, how many units it is worth)``, showing progress as `track` does."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from zoobot.terminal import Terminal, printable

    start = time.monotonic()
    done = 0
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
        console=Terminal(stderr=True),
    )
    task = progress.add_task(printable(description), total=total, rate="")
    shown = False
    try:
        for item, size in steps:
            yield item
            done += size
            elapsed = time.monotonic() - start
            if not shown and elapsed > PATIENCE_SECONDS:
                progress.start()
                shown = True
            progress.update(task, completed=done, rate=f"{done / max(elapsed, 1e-9):.0f} {unit}/s")
    finally:
        if shown:
            progress.stop()
