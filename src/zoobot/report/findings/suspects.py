"""What the checks of labels and images listed, and what is left out of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings


@dataclass(frozen=True)
class Suspects:
    """Labels that disagree with predictions by a model that was not trained on the galaxy.

    Attributes
    ----------
    n : int
        How many.
    probability : float
        Median probability of the suggested classes; NaN of numbers.
    learned : bool
        Whether the predictions are known to be better than chance.
    """

    n: int
    probability: float
    learned: bool


def suspects(run: Findings) -> list[Suspects]:
    """Return the labels that the checks list, if any."""
    table = run.contents.checks.get("labels")
    if table is None:
        return []
    probability = pd.to_numeric(table["probability"], errors="coerce") if "probability" in table else pd.Series([])
    return [Suspects(len(table), float(probability.median()), run.learned)]


@dataclass(frozen=True)
class BadImages:
    """Images that the checks list: how many, and how many of each fault."""

    n: int
    faults: dict[str, int]


def bad_images(run: Findings) -> list[BadImages]:
    """Return the images that the checks list, if any."""
    table = run.contents.checks.get("images")
    if table is None:
        return []
    faults = table["fault"].astype(str).value_counts() if "fault" in table else pd.Series(dtype=int)
    return [BadImages(len(table), {str(name): int(n) for name, n in faults.items()})]
