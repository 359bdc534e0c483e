"""One thing that a reader must know before trusting the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Gravity = Literal["grave", "care", "note"]


@dataclass(frozen=True)
class Caution:
    """One thing to know: how grave it is, what it is in a few words, and what follows of it."""

    gravity: Gravity
    title: str
    text: str
