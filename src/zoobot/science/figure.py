"""One figure measured on galaxies.

It has its interval, how that was found, how many galaxies, and whether it can be told from chance.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from zoobot.files import json_ready

SIGNIFICANCE = 0.01
"""Two-sided p-value up to which a figure is told from chance"""

Verdict = Literal["better", "worse", "unclear", "untellable", "untested"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure with what can be said of it.

    Parameters
    ----------
    value
        The figure; NaN where there is none.
    low, high
        Ends of the interval at ``level``; NaN where ``reason`` says why there is none.
    level
        Of the interval.
    method
        How the interval was found, with its paper.
    n
        Galaxies that were measured.
    n_groups
        Independent groups among them: ``n`` where each galaxy stands alone.
    chance
        The value of predictions that know nothing; None where that was not tested.
    sign
        1 where higher is better, -1 where lower is.
    p_value
        Two-sided probability that predictions which know nothing are as far from ``chance``; NaN where that was not
        tested.
    smallest_p
        The smallest p-value that as many galaxies could give, however good the predictions were; NaN where that was not
        tested.
    reason
        Why there is no interval; empty where there is one.

    Examples
    --------
    >>> Figure(value=0.71, low=0.58, high=0.82, n=60, n_groups=60, chance=0.5, p_value=0.002, smallest_p=1e-9).verdict
    'better'
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    level: float = 0.95
    method: str = ""
    n: int
    n_groups: int
    chance: float | None = None
    sign: Literal[1, -1] = 1
    p_value: float = math.nan
    smallest_p: float = math.nan
    reason: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def verdict(self) -> Verdict:
        """Whether the figure can be told from chance.

        It is better or worse than chance, unclear, or untellable whatever was predicted.
        """
        if self.chance is None or math.isnan(self.p_value):
            return "untested"
        if self.p_value <= SIGNIFICANCE:
            return "better" if self.sign * (self.value - self.chance) > 0 else "worse"
        return "untellable" if self.smallest_p > SIGNIFICANCE else "unclear"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it: NaN become null; with the verdict."""
        content: dict[str, Any] = json_ready(asdict(self) | {"verdict": self.verdict})
        return content

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Figure:
        """Return the figure that `to_dict` gave.

        Raises
        ------
        TypeError, KeyError
            Other content.
        """
        numbers = ("value", "low", "high", "p_value", "smallest_p")
        kept = {name: saved[name] for name in cls.__dataclass_fields__ if name in saved}
        return cls(**kept | {name: math.nan for name in numbers if saved.get(name) is None})
