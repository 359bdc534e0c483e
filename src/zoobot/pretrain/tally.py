"""Running means of losses over an epoch: added up on the device, joined over all processes, kept over a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


class Tally:
    """Sums and counts by name, in groups that are added to at once.

    Parameters
    ----------
    groups
        The names of each group's values.
    """

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        self.groups = groups
        self.totals: dict[str, Tensor] = {}
        self.clear()

    def clear(self) -> None:
        """Start anew."""
        self.totals = {group: torch.zeros(len(names), 2) for group, names in self.groups.items()}

    def add(self, group: str, sums: Tensor, counts: Tensor) -> None:
        """Add sums (value,) and how many each is over (value,)."""
        added = torch.stack([sums.detach().float(), counts.float()], dim=1)
        self.totals[group] = self.totals[group].to(added.device) + added

    def means(self, totals: Mapping[str, Tensor] | None = None) -> dict[str, float]:
        """Return the mean of each name that something was added to."""
        found: dict[str, float] = {}
        for group, pairs in (self.totals if totals is None else totals).items():
            for name, (total, count) in zip(self.groups[group], pairs.tolist(), strict=True):
                if count > 0:
                    found[name] = total / count
        return found
