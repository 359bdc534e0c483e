"""Which galaxies go into which step.

It is a function of the step alone, so that a resumed run goes on exactly, on any number of processes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from zoobot.data.augment import mixed

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.settings.pretrain import PretrainSettings

    Numbers = npt.NDArray[np.int64]

MOST_WARMUP_STEPS = 1000
REPORTS = 20
"""Validations and rows of the log in a run, where nothing else is asked for."""


@dataclass(frozen=True)
class Shown:
    """Galaxies of a catalog, and how often each has been shown before."""

    rows: Numbers
    passes: Numbers


@dataclass(frozen=True)
class Step:
    """What one process sees in one step."""

    simulated: Numbers
    """(simulated,) numbers of simulated galaxies"""
    surveys: Numbers
    """(simulated,) which of the simulated surveys observes each"""
    real: Shown
    unlabelled: Shown


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All steps of a run.

    Parameters
    ----------
    batch_size
        Labelled galaxies a step, over all processes.
    n_simulated
        How many of them are simulated.
    n_surveys
        How many surveys are simulated; each has an equal part of every step.
    n_real, n_unlabelled
        Galaxies in the labelled and unlabelled real training sets. Each is shown once a pass, in an order of that pass.
    unlabelled_batch_size
        Unlabelled galaxies a step, over all processes.
    images
        How many labelled images to show; rounded up to whole steps in equal epochs.
    report_images
        How many images an epoch (the time between two validations) has, about.
    seed
        Decides the order of real galaxies.
    """

    batch_size: int
    n_simulated: int
    n_surveys: int
    n_real: int
    n_unlabelled: int
    unlabelled_batch_size: int
    images: int
    report_images: int
    seed: int

    @property
    def epochs(self) -> int:
        """How many epochs there are: times to validate."""
        steps = math.ceil(self.images / self.batch_size)
        return min(steps, max(1, round(self.images / self.report_images)))

    @property
    def steps_per_epoch(self) -> int:
        """Steps between two validations."""
        return math.ceil(self.images / (self.batch_size * self.epochs))

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.epochs * self.steps_per_epoch

    def step(self, step: int, rank: int = 0, processes: int = 1) -> Step:
        """Return the share of one process of one step: every ``processes``-th galaxy of it."""
        place = np.arange(rank, self.batch_size, processes)
        simulated = place[place < self.n_simulated]
        real = place[place >= self.n_simulated] - self.n_simulated
        unlabelled = np.arange(rank, self.unlabelled_batch_size, processes)
        return Step(
            simulated=step * self.n_simulated + simulated,
            surveys=simulated * self.n_surveys // max(1, self.n_simulated),
            real=self._shown(step * (self.batch_size - self.n_simulated) + real, self.n_real, 0),
            unlabelled=self._shown(step * self.unlabelled_batch_size + unlabelled, self.n_unlabelled, 1),
        )

    def _shown(self, count: Numbers, n_rows: int, which: int) -> Shown:
        """Return the rows that come at these places of the endless sequence of passes."""
        passes, places = count // max(1, n_rows), count % max(1, n_rows)
        rows = [_order(self.seed, int(p), n_rows, which)[place] for p, place in zip(passes, places, strict=True)]
        return Shown(np.array(rows, np.int64), passes)


def make_plan(settings: PretrainSettings, n_real: int, n_unlabelled: int) -> Plan:
    """Return the plan of a run on ``n_real`` labelled and ``n_unlabelled`` unlabelled galaxies."""
    surveys = sum(source.kind == "simulated" for source in settings.sources())
    share = (0.5 if settings.simulated_share is None else settings.simulated_share) if n_real else 1.0
    images = settings.images
    n_simulated = round(share * settings.batch_size) if surveys else 0
    if images is None:
        assert settings.epochs is not None  # the settings see to it
        images = math.ceil(settings.epochs * n_real * settings.batch_size / (settings.batch_size - n_simulated))
    return Plan(
        batch_size=settings.batch_size,
        n_simulated=n_simulated,
        n_surveys=surveys,
        n_real=n_real,
        n_unlabelled=n_unlabelled,
        unlabelled_batch_size=settings.unlabelled_a_step,
        images=images,
        report_images=settings.report_images or math.ceil(images / REPORTS),
        seed=settings.seed,
    )


def warmup_steps(settings: PretrainSettings, plan: Plan) -> int:
    """Return the steps over which the learning rate rises."""
    return min(MOST_WARMUP_STEPS, plan.steps // 20) if settings.warmup_steps is None else settings.warmup_steps


@lru_cache(maxsize=8)
def _order(seed: int, which_pass: int, n_rows: int, which: int) -> Numbers:
    """Return the order of one pass over the labelled (0) or unlabelled (1) galaxies."""
    key = int(mixed(seed, np.asarray(which_pass), np.asarray(which)))
    return np.random.default_rng(key).permutation(n_rows)
