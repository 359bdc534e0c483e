"""What a simulation found, and how it is printed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    """The interval, test, caution or gate"""
    galaxies: str
    """How many, of which classes or groups"""
    worst: float
    """The worst rate over the populations that were tried: the lowest coverage, or the highest rate of false alarms"""
    where: str
    """The population that gave it"""
    mean: float
    """Mean rate over the populations"""
    goal: str
    """What the rate should be, such as ">= 0.93" or "<= 0.02" """
    note: str = ""
    """Whatever else is to be known, such as how often there is no interval"""

    @property
    def met(self) -> bool:
        """Whether the worst rate reaches the goal; a rate that nothing gave does."""
        sign, number = self.goal.split()
        if self.worst != self.worst:
            return True
        return self.worst >= float(number) if sign == ">=" else self.worst <= float(number)


@dataclass(frozen=True)
class Job:
    """One line of the table, to be simulated."""

    what: str
    galaxies: str
    run: Callable[[int, int], Row]
    """From the number of replicates and the seed"""


def show(jobs: Iterable[Job], replicates: int, seed: int) -> None:
    """Simulate rows and print each as it comes, as a table in markdown."""
    print("| what | galaxies | worst | where | mean | goal | note | met |\n|---|---|---|---|---|---|---|---|")
    for job in jobs:
        row = job.run(replicates, seed)
        cells = [row.what, row.galaxies, rate(row.worst), row.where, rate(row.mean), row.goal, row.note]
        print(f"| {' | '.join(cells)} | {'yes' if row.met else 'NO'} |", flush=True)


def rate(value: float) -> str:
    """Write a rate with three digits, or a dash where there is none."""
    return "–" if value != value else f"{value:.3f}"
