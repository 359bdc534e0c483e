"""Simulated galaxies, made on the fly on the training device, each with votes and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from zoobot.simulate import TRUTH_TARGETS, SimulatedSurvey

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.pretrain.votes import MergedTrees
    from zoobot.trees import Schema

FIRST_VALIDATION_NUMBER = 1_000_000_000
"""Simulated galaxies from this number on are for validation; training counts from 0."""


SCALE_GALAXIES, SCALE_SIZE = 512, 32
"""How many galaxies of each survey, and how large, the mean and spread of the truth are taken from."""

LEAST_SPREAD = 0.1
"""Standard deviations are taken as no smaller, so that what is rare doesn't outweigh everything else."""


@dataclass(frozen=True)
class Labelled:
    """Images with what is to be learned from them."""

    image: Tensor
    """float32 (galaxy, channel, size, size) in [0, 1]"""
    votes: Tensor
    """float32 (galaxy, answer of any tree)"""
    truth: Tensor
    """float32 (galaxy, target): less the mean, over the standard deviation; NaN where it is not known"""


class SimulatedGalaxies:
    """The surveys that a run simulates.

    Parameters
    ----------
    surveys
        Name and decision tree (or None) of each.
    trees
        The trees of the whole run.
    size
        Height and width of the images, in pixels.
    seed
        Another seed gives other galaxies.
    """

    def __init__(
        self, surveys: Sequence[tuple[str, Schema | None]], trees: MergedTrees | None, size: int, seed: int
    ) -> None:
        self.skies = [SimulatedSurvey(survey, size=size, tree=tree, seed=seed) for survey, tree in surveys]
        self.tree_of_sky = [tree for _, tree in surveys]
        self.trees = trees
        self.mean, self.spread = _scale(tuple(survey for survey, _ in surveys), seed)

    def batch(self, numbers: npt.NDArray[np.int64], surveys: npt.NDArray[np.int64], device: torch.device) -> Labelled:
        """Return the galaxies of these numbers, each as seen by one of the surveys, in the order of the surveys."""
        parts = []
        for place, (sky, tree) in enumerate(zip(self.skies, self.tree_of_sky, strict=True)):
            wanted = numbers[surveys == place].tolist()
            if not wanted:
                continue
            made = sky.batch(wanted, device=device)
            truth = (_targets(made.truth) - self.mean.to(device)) / self.spread.to(device)
            if made.votes is None or tree is None or self.trees is None:
                votes = made.image.new_zeros(len(wanted), 0)
            else:
                votes = self.trees.spread(made.votes, tree)
            parts.append(Labelled(made.image, votes, truth))
        return joined(parts)

    def validation(self, start: int, stop: int, total: int, device: torch.device) -> Labelled:
        """Return some of ``total`` galaxies that training never sees, shared evenly among the surveys."""
        place = np.arange(start, stop)
        return self.batch(FIRST_VALIDATION_NUMBER + place, place * len(self.skies) // total, device)


def _targets(truth: dict[str, Tensor]) -> Tensor:
    """Return the targets (galaxy, target) among the true parameters, in their own units."""
    return torch.stack([truth[name] for name in TRUTH_TARGETS], dim=1)


@lru_cache(maxsize=8)
def _scale(surveys: tuple[str, ...], seed: int) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation (target,) of each target.

    They are from small images made on the CPU, and so the same on every machine.
    """
    numbers = range(FIRST_VALIDATION_NUMBER - SCALE_GALAXIES, FIRST_VALIDATION_NUMBER)
    skies = (SimulatedSurvey(survey, size=SCALE_SIZE, tree=None, seed=seed) for survey in surveys)
    truth = torch.cat([_targets(sky.batch(numbers, device=torch.device("cpu")).truth) for sky in skies])
    return truth.mean(dim=0), truth.std(dim=0).clamp(min=LEAST_SPREAD)


def joined(parts: Sequence[Labelled]) -> Labelled:
    """Return several sets of images as one."""
    if len(parts) == 1:
        return parts[0]
    return Labelled(*(torch.cat([getattr(part, name) for part in parts]) for name in ("image", "votes", "truth")))
