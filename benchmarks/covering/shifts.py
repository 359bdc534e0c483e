"""How often the shift gate warns of galaxies of the same population, and of those of another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from covering.populations import ALONE, COPIES, FIELDS, TOGETHER, Grouping
from covering.table import Job, Row
from zoobot.science import Reference, measure_shift
from zoobot.science.shift import Shift

GOAL, FOUND = "<= 0.02", ">= 0.9"
WIDTH = 24
"""Features of a galaxy"""
SCALES = np.linspace(2, 0.5, WIDTH)
MIDDLE = np.where(np.arange(WIDTH) % 2, 1.0, -1.0)
ELSEWHERE = 4 * np.eye(WIDTH)[WIDTH - 1]
"""Where galaxies of another survey lie: by 8 standard deviations of the smallest scale"""


@dataclass(frozen=True)
class Sky:
    """A population of galaxies in the space of their features."""

    name: str
    draw: Callable[[np.random.Generator, int], np.ndarray]
    """Features (object, feature) of so many objects, of unit scale"""

    def features(self, rng: np.random.Generator, count: int, grouping: Grouping) -> tuple[np.ndarray, np.ndarray]:
        """Return features of the galaxies of so many groups, and the group of each."""
        codes = grouping.codes(rng, count)
        codes = np.arange(count) if codes is None else codes
        own = self.draw(rng, len(codes))
        if len(codes) > count:
            own = np.sqrt(TOGETHER) * self.draw(rng, count)[codes] + np.sqrt(1 - TOGETHER) * own
        return (MIDDLE + SCALES * own).astype(np.float32), codes


SKIES = (
    Sky("normal", lambda rng, count: rng.normal(size=(count, WIDTH))),
    Sky("heavy tails", lambda rng, count: rng.standard_t(3, (count, WIDTH)) / np.sqrt(3)),
    Sky("clumps, one rare", lambda rng, count: _clumps(rng, count)),
)


def jobs() -> Iterator[Job]:
    """Simulate false alarms and planted shifts.

    There is one row for each number of training and target galaxies, and kind of groups.
    """
    for grouping in (ALONE, COPIES, FIELDS):
        for n_known in (12, 22, 50, 200, 1000):
            for n_target in (12, 100):
                label = f"{n_known} train, {n_target} target" + (f" ({grouping.name})" if grouping.name else "")
                yield _job("shift: false alarms", label, n_known, n_target, grouping, 0.0)
                if grouping is not FIELDS:
                    yield _job("shift: another survey found", label, n_known, n_target, grouping, 1.0)


def _job(what: str, label: str, n_known: int, n_target: int, grouping: Grouping, away: float) -> Job:
    def run(replicates: int, seed: int) -> Row:
        rates = []
        for sky in SKIES:
            draws = [np.random.default_rng((seed, number)) for number in range(replicates)]
            found = [_shift(sky, rng, n_known, n_target, grouping, away) for rng in draws]
            rates.append(float(np.mean([one.warning is not None for one in found])))
        worst = int(np.argmin(rates) if away else np.argmax(rates))
        return Row(what, label, rates[worst], SKIES[worst].name, float(np.mean(rates)), FOUND if away else GOAL)

    return Job(what, label, run)


def _shift(sky: Sky, rng: np.random.Generator, n_known: int, n_target: int, grouping: Grouping, away: float) -> Shift:
    known, own = sky.features(rng, n_known, grouping)
    target, theirs = sky.features(rng, n_target, grouping)
    names = [str(row) for row in range(len(known))]
    reference = Reference.of(known, names, names, groups=own)
    return measure_shift(reference, target + (away * ELSEWHERE).astype(np.float32), groups=theirs)


def _clumps(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return galaxies of three kinds, one of which are 2 in 100."""
    kinds = rng.choice(3, count, p=[0.6, 0.38, 0.02])
    centers = 2 * np.random.default_rng(0).normal(size=(3, WIDTH))
    return 0.5 * centers[kinds] + 0.6 * rng.normal(size=(count, WIDTH))
