"""How many galaxies a part of the split has, of which classes, and how many of those are found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from zoobot.data.splits import group_codes
from zoobot.layout import GROUP_COLUMN
from zoobot.report.findings.figures import figure
from zoobot.report.words import PART_NAMES, UNKNOWN
from zoobot.science.groups import Groups

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings
    from zoobot.report.words import Interval
    from zoobot.science.figure import Figure

FEW = 30
"""Galaxies of a class below which its scores are coarse"""
FEW_TESTED = 100
"""Galaxies of the test part below which the interval of its headline score is told"""
IMBALANCE = 5
"""Times as many galaxies as the rarest class the commonest has, from which accuracy misleads"""


@dataclass(frozen=True)
class Counted:
    """A class, the galaxies with or without a label, or those of which a question was asked.

    Attributes
    ----------
    name : str
        What they are, in quotes.
    n : int
        How many galaxies of the part.
    found : int or None
        How many of them are predicted so; None where that is not known, or not a matter of being found.
    interval : tuple of float
        95% interval of the share that is found; NaN where there is none.
    """

    name: str
    n: int
    found: int | None = None
    interval: Interval = UNKNOWN


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the split.

    Attributes
    ----------
    run : Findings
        The run.
    part : str
        'train', 'val', 'test', or 'seen': galaxies that had a part in an evaluated model.
    """

    run: Findings
    part: str

    @property
    def name(self) -> str:
        """Its name in words."""
        return PART_NAMES.get(self.part, self.part)

    @cached_property
    def n(self) -> int:
        """Galaxies, 0 where that is not known."""
        return self.run.contents.counts.get(self.part, 0)

    @cached_property
    def n_groups(self) -> int | None:
        """Groups of galaxies that are independent of one another; None where each galaxy stands alone."""
        return None if self._groups is None else self._groups.count

    def independent(self, n: int) -> int:
        """Return as how many independent galaxies n of its galaxies count.

        See `zoobot.science.groups.Groups.effective`.
        """
        groups = self._groups
        return n if groups is None else int(n * groups.effective / len(groups.codes) + 1e-9)

    @cached_property
    def _groups(self) -> Groups | None:
        parts = self.run.contents.parts
        if parts is None or GROUP_COLUMN not in parts:
            return None
        codes = group_codes(parts.loc[parts["part"] == self.part, GROUP_COLUMN])
        groups = Groups.of(codes, len(codes))
        return None if groups.alone else groups

    @cached_property
    def counted(self) -> list[Counted]:
        """Classes, sides of labels, or questions with the number of their galaxies; empty where that is not known."""
        return self.run.view.counted(self)

    @property
    def few(self) -> list[Counted]:
        """Those of `counted` that have some galaxies, but fewer than 30, the fewest first."""
        return sorted((one for one in self.counted if 0 < one.n < FEW), key=lambda one: one.n)

    @property
    def absent(self) -> list[str]:
        """Names of those of `counted` that have no galaxies."""
        return [one.name for one in self.counted if not one.n]

    @property
    def one_class(self) -> str:
        """The only class that the part's galaxies have; empty where there are several, or that is not known."""
        present = [one for one in self.counted if one.n]
        is_one = self.run.view.exclusive and len(present) == 1 and len(self.counted) > 1
        return present[0].name if is_one else ""


@dataclass(frozen=True)
class Small:
    """A test part of few galaxies, or groups of them, with the score that stands for the run's kind.

    Attributes
    ----------
    n, n_groups : int
        Galaxies; independent groups among them, ``n`` where each stands alone.
    score : str
        Name of the score; empty where none stands for the task.
    figure : Figure or None
        The score with its interval; None where there is none.
    """

    n: int
    n_groups: int
    score: str
    figure: Figure | None


def small(run: Findings) -> list[Small]:
    """Return the test part where it has fewer than 100 galaxies or groups."""
    part, score = run.part("test"), run.view.metric(run.view.headline)
    groups = part.n_groups or part.n
    if not 0 < groups < FEW_TESTED:
        return []
    return [Small(part.n, groups, score.name, figure(run.figures("test"), score.key))]


@dataclass(frozen=True)
class Balance:
    """Numbers of galaxies of the commonest and of the rarest class, in the part named."""

    part: str
    most: Counted
    least: Counted
    total: int

    @property
    def ratio(self) -> float:
        """Times as many galaxies as the rarest class the commonest has."""
        return self.most.n / self.least.n


def balances(run: Findings) -> list[Balance]:
    """Return the balance of the classes, or of each label, in the first part that is known.

    Only a part where both have galaxies counts.
    """
    part = next((part for name in ("train", "test", "val") if (part := run.part(name)).counted), None)
    counted = [] if part is None else part.counted
    found = []
    for kind in run.view.rivals(counted):
        present = sorted((one for one in kind if one.n), key=lambda one: one.n)
        if len(present) > 1 and part is not None:
            found.append(Balance(part.name, present[-1], present[0], sum(one.n for one in present)))
    return found
