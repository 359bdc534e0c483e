"""Ours against zoobot 2.9.0 with galaxy-datasets 0.0.25, on the same galaxies and the same machine.

Compared are speed, memory and accuracy.

    python benchmarks/versus_zoobot.py ../shared/data --work /tmp/versus
    python benchmarks/versus_zoobot.py ../shared/data --work /tmp/versus --jobs predict,input
    python benchmarks/versus_zoobot.py ../shared/data --work /tmp/versus-quick --quick

The peer gets a virtual environment of its own and is driven through what its README, docstrings and signatures show,
with its own defaults; then once more with the allocator settings that our commands make for themselves. Each job runs
in a process of its own (``versus/``), on the CPU. Results are kept in ``--work``: what was measured is not measured
again unless the code has changed. Speed jobs use the same random weights on both sides; how fast a network runs does
not depend on its weights. What is compared with "the bare encoder" is compared with the faster of its measured rates in
float32 and in bfloat16 (channels last, kept memory, batches of 32), for not every processor has bfloat16 instructions.
The peer drops the last, incomplete batch of an epoch; ours trains on it.
"""

import os
import platform
import sys
from pathlib import Path
from typing import Annotated

import typer

from versus.environment import PEER, peer_python, versions
from versus.galaxies import ring_labels, write_catalogs
from versus.plan import make_plan
from versus.runs import SIDES, Runner
from versus.table import HEADINGS, Figures, accuracy, plain_loop, rows

VENV = Path.home() / ".cache" / "zoobot-benchmarks" / "zoobot-2.9.0"
SHARED = ["torch", "torchvision", "timm", "lightning", "numpy"]


def main(
    data: Annotated[
        Path, typer.Argument(help="Folder with sdss_gz1/ and rings/, real galaxies.", envvar="ZOOBOT_TEST_DATA")
    ],
    work: Annotated[Path, typer.Option(help="Folder for results; an interrupted benchmark goes on there.")],
    venv: Annotated[Path, typer.Option(help="The peer's virtual environment, made where it is missing.")] = VENV,
    jobs: Annotated[str, typer.Option(help="Only jobs whose name begins so, with commas between.")] = "",
    seeds: Annotated[int, typer.Option(help="Seeds for accuracy.")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="A few galaxies and epochs: do all jobs work?")] = False,
    lock: Annotated[
        Path | None, typer.Option(help="Hold an exclusive lock on this file while measuring, as flock(1) does.")
    ] = None,
    only_table: Annotated[bool, typer.Option("--only-table", help="Measure nothing; print what is known.")] = False,
) -> None:
    """Run the jobs and print the tables."""
    work = work.absolute()
    seeds = min(seeds, 2) if quick else seeds
    catalogs = write_catalogs(data, work, seeds=seeds, quick=quick)
    peer = peer_python(venv.absolute())
    wanted = [name.strip() for name in jobs.split(",") if name.strip()]
    plan = make_plan(catalogs, work, seeds=seeds, quick=quick)
    chosen = plan.chosen(wanted)
    runner = Runner(work, peer, lock)
    if not only_table:
        for side in SIDES:
            if any(job.side == side for job in chosen):
                runner.warm_up(side)
        for job in chosen:
            runner.run(job)
    figures = Figures(runner, plan)
    print(f"\n{_machine()}\n{_versions(peer)}\n")
    if quick:
        print("**QUICK: a few galaxies and epochs; these figures mean nothing.**\n")
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
    for row in rows(figures):
        print(row.line(judged=not quick))
    print(f"\n{plain_loop(figures)}\n\n{accuracy(figures, ring_labels(catalogs), seeds, judged=not quick)}")
    if any(runner.result(job) is None for job in chosen):
        raise typer.Exit(1)


def _machine() -> str:
    """Say what this was measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    model = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    fast = [flag for flag in ("avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{model}, {os.cpu_count()} cores ({', '.join(fast) or 'no AVX-512'}), Python {platform.python_version()}"


def _versions(peer: Path) -> str:
    """Say which libraries each side ran on."""
    found = {
        "peer": versions(peer, [*PEER, *SHARED]) or {},
        "ours": versions(Path(sys.executable), ["zoobot", *SHARED]) or {},
    }
    return "\n".join(
        f"{side}: {', '.join(f'{name} {v}' for name, v in named.items())}" for side, named in found.items()
    )


if __name__ == "__main__":
    typer.run(main)
