"""How numbers, intervals and names are written in a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Interval = tuple[float, float]
UNKNOWN: Interval = (float("nan"), float("nan"))

DASH = "–"
"""Stands for a figure that doesn't exist"""

SHOWN = 4
"""Names that are listed; of the others the number is told"""

PART_NAMES = {"train": "training", "val": "validation", "test": "test"}


def number(value: Any) -> str:
    """Return a figure with three or four digits, or a dash where there is none."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return DASH
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    size = abs(value)
    digits = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
    text = f"{value:,.{digits}f}" if 0.1 <= size < 1e7 or size == 0 else f"{value:.3g}"
    return text.replace("-", "−")


def between(interval: Interval) -> str:
    """Return an interval, or a dash where it has no ends."""
    return f"{number(interval[0])} to {number(interval[1])}" if np.isfinite(interval).all() else DASH


def count(n: int, one: str, more: str = "") -> str:
    """Return a number with its noun, such as "1 galaxy" and "3 galaxies".

    The plural is ``one`` with an s unless given.
    """
    plural = more or (f"{one[:-1]}ies" if one.endswith("xy") else f"{one}s")
    return f"{n:,} {one if n == 1 else plural}"


def have(n: int) -> str:
    """Return "has" or "have", as the number asks."""
    return "has" if n == 1 else "have"


def listed(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"“{name}”" for name in names[:SHOWN]) + more


def joined(parts: Sequence[str]) -> str:
    """Return parts of a sentence with commas and an "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
