"""How many galaxies a part of the split has, of which classes, and how many of those are found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.data.splits import group_codes
from zoobot.report.findings.figures import figure
from zoobot.report.names import GROUP_COLUMN
from zoobot.report.outcomes import MultiLabelOutcomes
from zoobot.report.words import PART_NAMES, UNKNOWN
from zoobot.science.groups import Groups
from zoobot.science.intervals import share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoobot.report.findings.run import Findings
    from zoobot.report.words import Interval
    from zoobot.science.figure import Figure

FEW = 30
"""Galaxies of a class below which its scores are coarse"""
FEW_TESTED = 100
"""Galaxies of the test part below which the interval of its headline score is told"""
CUT = 0.5
"""Probability from which on a label is predicted"""
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
        """Return as how many independent galaxies n of its galaxies count: see `zoobot.science.groups.Groups.effective`."""
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
        scores = self.run.contents.scores(self.part)
        if self.run.task == "classify":
            return self._classes(scores.get("confusion"))
        if self.run.task == "multi_label":
            return [one for name in self.run.contents.label_cols for one in self._label(name, scores)]
        if self.run.task == "tree":
            questions = scores.get("questions") or {}
            return [Counted(f"“{name}”", int(one.get("n_asked") or 0)) for name, one in questions.items()]
        return []

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
        is_one = self.run.task == "classify" and len(present) == 1 and len(self.counted) > 1
        return present[0].name if is_one else ""

    def _classes(self, confusion: Any) -> list[Counted]:
        own, shown = self.run.contents.class_counts.get(self.part, {}), self.run.contents.shown_classes
        hits = np.diagonal(confusion).tolist() if confusion else []
        found = dict(zip(shown, hits, strict=False))
        figures = self.run.figures(self.part).get("classes") or {}
        ends = {name: (one.low, one.high) for name in own if (one := figure(figures, name, "completeness")) is not None}
        return [Counted(f"“{name}”", n, found.get(name), ends.get(name, UNKNOWN)) for name, n in own.items()]

    def _label(self, name: str, scores: dict[str, Any]) -> list[Counted]:
        """Return the galaxies with and without a label."""
        outcomes = self.run.contents.outcomes(self.part)
        if isinstance(outcomes, MultiLabelOutcomes) and name in outcomes.names:
            place, groups = outcomes.names.index(name), self.run.contents.groups(self.part)
            has, said = outcomes.truth[:, place], outcomes.raw[:, place] >= CUT
            return [
                _counted(f"“{name}”", has, said == has, groups),
                _counted(f"not “{name}”", ~has, said == has, groups),
            ]
        confusion = ((scores.get("labels") or {}).get(name) or {}).get("confusion")
        positive = self.run.contents.class_counts.get(self.part, {}).get(name)
        positive = sum(confusion[1]) if confusion else positive
        if positive is None or not self.n:
            return []
        return [Counted(f"“{name}”", positive), Counted(f"not “{name}”", self.n - positive)]


def _counted(name: str, rows: NDArray[np.bool_], right: NDArray[np.bool_], groups: NDArray[np.int64] | None) -> Counted:
    """Count rows (galaxy,) and those of them that are right."""
    found = share(right[rows], None if groups is None else groups[rows])
    return Counted(name, int(rows.sum()), int(right[rows].sum()), (found.low, found.high))


@dataclass(frozen=True)
class Small:
    """A test part of few galaxies, or groups of them, with the score that stands for the run's kind.

    Attributes
    ----------
    n, n_groups : int
        Galaxies; independent groups among them, ``n`` where each stands alone.
    score : str
        Name of the score, as ``metrics.json`` has it.
    figure : Figure or None
        The score with its interval; None where there is none.
    """

    n: int
    n_groups: int
    score: str
    figure: Figure | None


HEADLINE = {"classify": "accuracy", "multi_label": "auroc", "regress": "r2", "tree": "skill"}
"""The score that stands for each kind of run"""


def small(run: Findings) -> list[Small]:
    """Return the test part where it has fewer than 100 galaxies or groups."""
    part, score = run.part("test"), HEADLINE.get(run.task or "")
    groups = part.n_groups or part.n
    if score is None or not 0 < groups < FEW_TESTED:
        return []
    return [Small(part.n, groups, score, figure(run.figures("test"), score))]


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
    """Return the balance of the classes, or of each label, in the first part that is known; only where both have galaxies."""
    if run.task not in ("classify", "multi_label"):
        return []
    part = next((part for name in ("train", "test", "val") if (part := run.part(name)).counted), None)
    counted = [] if part is None else part.counted
    kinds = [counted] if run.task == "classify" else [counted[at : at + 2] for at in range(0, len(counted), 2)]
    found = []
    for kind in kinds:
        present = sorted((one for one in kind if one.n), key=lambda one: one.n)
        if len(present) > 1 and part is not None:
            found.append(Balance(part.name, present[-1], present[0], sum(one.n for one in present)))
    return found
