"""Do heat maps point to what a prediction depends on?

They are judged by how much scores fall where maps are hottest, in the center and anywhere.

    python benchmarks/what_matters.py ../shared/data/rings/test.csv rings_1/model rings_2/model rings_3/model --limit 64

For occlusion and Grad-CAM, and for parts hidden by a blur, which the occlusion maps were made by, and by the color of
the image's edge. Several models of the same task, such as of several seeds, are averaged: galaxies are what is
independent.
"""

import argparse
import time

import numpy as np

from zoobot.data import read_catalog
from zoobot.predictions.explain import HIDINGS, explain
from zoobot.science.figure import Figure
from zoobot.science.masking import compare_masks


def difference(figure: Figure) -> str:
    """Return a difference with its interval and p-value."""
    return f"{figure.value:+.2f} ({figure.low:.2f} to {figure.high:.2f}), p = {figure.p_value:.2g}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--limit", type=int, default=64)
    arguments = parser.parse_args()
    catalog = read_catalog(arguments.catalog).sample(frac=1, random_state=0)
    print("| map | hidden by | hottest | center | random | hottest less center | hottest less random | CPU seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for maps in ("occlusion", "grad-cam"):
        start = time.process_time()
        found = [explain(catalog, one, maps=maps, limit=arguments.limit, num_workers=0) for one in arguments.models]
        seconds = (time.process_time() - start) / len(found)
        for hiding in HIDINGS:
            compared = compare_masks(*np.mean([one.quarters[hiding] for one in found], axis=0).T)
            means = (f"{one.value:.2f}" for one in (compared.hottest, compared.center, compared.random))
            told = (difference(compared.against_center), difference(compared.against_random))
            print("|", " | ".join([maps, hiding, *means, *told, f"{seconds:.0f}"]), "|", flush=True)


if __name__ == "__main__":
    main()
