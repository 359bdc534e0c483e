"""How often intervals hold the truth, and how often tests, cautions and gates give a false alarm, by simulation.

    python benchmarks/coverage.py                              # all tables, quickly
    python benchmarks/coverage.py intervals --replicates 2000  # one table; the Monte Carlo error of 0.95 is then 0.005
    python benchmarks/coverage.py intervals --only AUROC

Each table is a module of ``covering/`` with a function ``jobs()``. The worst of several populations is shown: of a
dozen rates that are each 0.95, the lowest of 2000 replicates is about 0.942.
"""

from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from covering import calibrated, curves, intervals, learned, shifts
from covering.table import Job, show

TABLES: dict[str, Callable[[], Iterator[Job]]] = {
    "intervals": intervals.jobs,
    "learned": learned.jobs,
    "curves": curves.jobs,
    "shifts": shifts.jobs,
    "calibration": calibrated.jobs,
}


def main(
    tables: Annotated[list[str] | None, typer.Argument(help=f"Some of: {', '.join(TABLES)}. All by default.")] = None,
    replicates: Annotated[int, typer.Option(help="Samples of each population.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the samples.")] = 0,
    only: Annotated[str, typer.Option(help="Only rows that begin so; the others are not simulated.")] = "",
) -> None:
    """Print the tables."""
    for name in tables or TABLES:
        print(f"\n{name}, {replicates} replicates\n")
        show((job for job in TABLES[name]() if job.what.startswith(only)), replicates, seed)


if __name__ == "__main__":
    typer.run(main)
