"""How many selections are promised, and how many of those promises are kept.

Labelled galaxies and targets are new each time.

    python benchmarks/promises.py --repeats 200

Scores are simulated: Gaussian logits of several separations and spreads, and with impostors, galaxies not of the class
that score just as those of it do. With ``--predictions`` labelled galaxies and targets are drawn from a table of out of
fold predictions of real galaxies.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from zoobot.science import choose_threshold

Values = NDArray[np.float64]
Draw = Callable[[int, int, np.random.Generator], Values]
N_TARGETS = 3000


@dataclass(frozen=True)
class World:
    """How scores are distributed: logits of the class are N(distance, 1), of others N(0, spread)."""

    name: str
    distance: float
    spread: float = 1.0
    impostors: float = 0.0
    """Share of the others that score as the class does"""

    def draw(self, n1: int, n0: int, rng: np.random.Generator) -> Values:
        """Return scores of n1 galaxies of the class, then of n0 others."""
        others = rng.normal(0, self.spread, n0)
        alike = rng.random(n0) < self.impostors
        others[alike] = rng.normal(self.distance, 1, alike.sum())
        z = np.r_[rng.normal(self.distance, 1, n1), others]
        return np.asarray(expit(self.distance * (z - self.distance / 2)))


WORLDS = {
    world.name: world
    for world in (
        World("AUROC 0.80", 1.19),
        World("AUROC 0.90", 1.81),
        World("AUROC 0.97", 2.66),
        World("AUROC 0.89, others spread 1.5 times", 2.2, spread=1.5),
        World("AUROC 0.89, 20% impostors", 3.5, impostors=0.2),
    )
}

Case = tuple[str, int, int, float, dict[str, float]]
CASES: tuple[Case, ...] = tuple(
    (world, *rest)
    for world, *rests in (
        ("AUROC 0.80", (50, 50, 0.5, {"purity": 0.7}), (500, 500, 0.5, {"purity": 0.7})),
        (
            "AUROC 0.90",
            (25, 25, 0.02, {"purity": 0.7}),
            (50, 50, 0.5, {"purity": 0.7}),
            (125, 125, 0.5, {"purity": 0.7}),
        ),
        (
            "AUROC 0.97",
            (25, 25, 0.02, {"purity": 0.7}),
            (25, 25, 0.5, {"purity": 0.7}),
            (50, 50, 0.1, {"purity": 0.7}),
            (50, 450, 0.1, {"purity": 0.7}),
            (125, 125, 0.5, {"purity": 0.9}),
            (25, 25, 0.02, {"completeness": 0.8}),
            (100, 100, 0.1, {"completeness": 0.8}),
        ),
        ("AUROC 0.89, others spread 1.5 times", (50, 50, 0.1, {"purity": 0.7}), (125, 125, 0.5, {"purity": 0.7})),
        (
            "AUROC 0.89, 20% impostors",
            (50, 50, 0.5, {"purity": 0.7}),
            (50, 50, 0.02, {"purity": 0.7}),
            (100, 100, 0.02, {"completeness": 0.8}),
        ),
    )
    for rest in rests
)


@dataclass
class Kept:
    """How many of some runs ended in a promise, in a false one, and had intervals that hold the truth."""

    runs: int = 0
    promised: int = 0
    false: int = 0
    purity: int = 0
    prevalence: int = 0
    completeness: int = 0
    unlike: int = 0

    def add(
        self, scores: Values, labels: NDArray[Any], targets: Values, truth: NDArray[Any], seed: int, **wanted: Any
    ) -> None:
        """Select once, and compare with the truth."""
        found = choose_threshold(scores, labels, targets, n_draws=100, seed=seed, **wanted)
        chosen = targets >= found.threshold
        purity, completeness, share = truth[chosen].mean(), truth[chosen].sum() / max(truth.sum(), 1), truth.mean()
        got = purity if found.goal == "purity" else completeness
        self.runs += 1
        self.promised += found.reached
        self.false += found.reached and got < found.wanted - 1e-12
        self.purity += found.purity.low - 1e-9 <= purity <= found.purity.high + 1e-9
        self.completeness += found.completeness.low - 1e-9 <= completeness <= found.completeness.high + 1e-9
        self.prevalence += found.prevalence.allowed[0] - 1e-9 <= share <= found.prevalence.allowed[1] + 1e-9
        self.unlike += found.prevalence.unlike

    def row(self) -> str:
        """Return the cells of a table."""
        shares = (self.promised, self.purity, self.completeness, self.prevalence, self.unlike)
        promised, *others = (f"{one / self.runs:.0%}" for one in shares)
        return " | ".join([promised, f"{self.false} of {self.promised}", *others])


def simulated(case: Case, repeats: int) -> Kept:
    """Select from simulated targets."""
    name, n1, n0, prevalence, wanted = case
    rng = np.random.default_rng(0)
    kept = Kept()
    for repeat in range(repeats):
        n = rng.binomial(N_TARGETS, prevalence)
        scores, targets = WORLDS[name].draw(n1, n0, rng), WORLDS[name].draw(n, N_TARGETS - n, rng)
        labels, truth = np.repeat([1, 0], [n1, n0]), np.repeat([1, 0], [n, N_TARGETS - n])
        kept.add(scores, labels, targets, truth, repeat, **wanted)
    return kept


def real(table: pd.DataFrame, column: str, truth: str, n: int, prevalence: float, repeats: int, **wanted: Any) -> Kept:
    """Select from one half of real galaxies, thinned to a prevalence, by labels of n of the other half.

    A half of the labelled galaxies are of the class.
    """
    score, positive = (
        table[column].to_numpy(),
        table[truth].astype(str).to_numpy() == column.removesuffix("_calibrated").split("_")[-1],
    )
    rng = np.random.default_rng(0)
    kept = Kept()
    for repeat in range(repeats):
        order = rng.permutation(len(score))
        own = [one[: n // 2] for one in (order[positive[order]], order[~positive[order]])]
        left = np.setdiff1d(order, np.concatenate(own))
        others, of_class = left[~positive[left]], rng.permutation(left[positive[left]])
        of_class = of_class[: round(prevalence / (1 - prevalence) * len(others))]
        others = rng.permutation(others)[: round((1 - prevalence) / prevalence * len(of_class))]
        rows, targets = np.concatenate(own), np.concatenate([of_class, others])
        kept.add(
            score[rows], positive[rows].astype(int), score[targets], positive[targets].astype(int), repeat, **wanted
        )
    return kept


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--predictions", help="folds/predictions.csv of a run, instead of simulated scores")
    parser.add_argument("--column", help="its score, such as ring_1")
    parser.add_argument("--truth", help="its labels, such as true_ring")
    arguments = parser.parse_args()
    print(
        "scores | labelled of the class + others, prevalence | wanted | promised | false | purity | completeness | "
        "prevalence | unlike"
    )
    if arguments.predictions:
        table = pd.read_csv(arguments.predictions)
        for n in (50, 100, 400):
            for prevalence in (0.5, 0.1, 0.02):
                for wanted in ({"purity": 0.7}, {"completeness": 0.8}):
                    kept = real(table, arguments.column, arguments.truth, n, prevalence, arguments.repeats, **wanted)
                    print(
                        arguments.column,
                        "|",
                        f"{n // 2} + {n // 2}, {prevalence:g}",
                        "|",
                        wanted,
                        "|",
                        kept.row(),
                        flush=True,
                    )
        return
    for case in CASES:
        name, n1, n0, prevalence, wanted = case
        print(
            name,
            "|",
            f"{n1} + {n0}, {prevalence:g}",
            "|",
            wanted,
            "|",
            simulated(case, arguments.repeats).row(),
            flush=True,
        )


if __name__ == "__main__":
    main()
