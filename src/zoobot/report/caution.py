"""One thing that a reader must know before trusting the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Gravity = Literal["grave", "care", "note"]

SHOWN = 4
"""Names that are listed; of the others the number is told"""


@dataclass(frozen=True)
class Caution:
    """One thing to know: how grave it is, what it is in a few words, and what follows of it."""

    gravity: Gravity
    title: str
    text: str


def listed(names: list[str]) -> str:
    """Name the first few, and say how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"“{name}”" for name in names[:SHOWN]) + more
