"""How many galaxies a second the simulator gives: pictures, votes and the truth, three bands.

    python benchmarks/simulate.py

The median of some batches for each survey and size, after one that isn't counted. The goal at 128 pixels on two cores
is 150 a second.
"""

import os
import statistics
import time
from typing import Annotated

import torch
import typer

from zoobot.runs import prepare_process
from zoobot.simulate import SURVEYS, USUAL_TREES, SimulatedSurvey


def main(
    sizes: Annotated[str, typer.Option(help="Widths in pixels, with commas.")] = "64,128,224",
    batch: Annotated[int, typer.Option(help="Galaxies a batch.")] = 64,
    repeats: Annotated[int, typer.Option(help="Batches measured.")] = 7,
    device: Annotated[str, typer.Option(help="Where to draw.")] = "cuda" if torch.cuda.is_available() else "cpu",
) -> None:
    """Print the table."""
    prepare_process()
    widths = [int(size) for size in sizes.split(",")]
    print(
        f"{device}, {torch.get_num_threads()} threads of {os.cpu_count()} cores, batches of {batch}; galaxies a "
        "second:\n"
    )
    print(f"| survey | {' | '.join(f'{width} px' for width in widths)} |\n|---|{'---|' * len(widths)}")
    for survey in SURVEYS:
        rates = []
        for width in widths:
            sky = SimulatedSurvey(survey, size=width, tree=USUAL_TREES[survey])
            seconds = []
            for number in range(repeats + 1):
                start = time.perf_counter()
                # the sum brings the result back, so that a GPU has finished
                sky.batch(range(number * batch, (number + 1) * batch), device=device).image.sum().item()
                seconds.append(time.perf_counter() - start)
            rates.append(f"{batch / statistics.median(seconds[1:]):.0f}")
        print(f"| {survey} | {' | '.join(rates)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
