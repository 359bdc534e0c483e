"""What the checks of labels and images listed, and what is left out of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from zoobot.science import label_check

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings
    from zoobot.science.figure import Figure


@dataclass(frozen=True)
class Suspects:
    """Labels that disagree with predictions which can judge them, by a model that was not trained on the galaxy.

    Attributes
    ----------
    table : DataFrame
        The check's rows.
    numbers : bool
        Whether the labels are numbers.
    """

    table: pd.DataFrame
    numbers: bool

    @property
    def n(self) -> int:
        """How many labels."""
        return len(self.table)

    @property
    def probability(self) -> float:
        """Median probability of the classes predicted instead; NaN of numbers."""
        return label_check.typical_suggestion(self.table)


def judged_labels(run: Findings) -> set[str]:
    """Return the labels that predictions can judge, for they are known to be better than chance.

    Those of folds where there are folds, else those of the validation and test galaxies, as the check of labels takes
    them.
    """
    folds = run.contents.outcomes("folds") is not None
    parts = ["folds"] if folds else ["val", "test"]
    if run.view.numbers:
        return {one.name for one in run.guesses if one.figure.verdict == "better"}
    return {name for name, one in judging_figures(run, *parts).items() if one.verdict == "better"}


def judging_figures(run: Findings, *parts: str) -> dict[str, Figure]:
    """Return what says whether the predictions of some parts can judge each label.

    See `judging_figure`. It is empty of numbers and votes.
    """
    each = [outcomes for part in parts if (outcomes := run.contents.outcomes(part)) is not None]
    return run.view.judging(each, groups=run.contents.groups(*parts), folds="folds" in parts) if each else {}


def suspects(run: Findings) -> list[Suspects]:
    """Return the labels that the check lists and that can be judged, if any."""
    table = run.contents.checks.get("labels")
    if table is None or not {"label", "probability"} <= set(table):
        return []
    judged = table[table["label"].astype(str).isin(run.judged_labels)]
    return [Suspects(judged, run.view.numbers)] if len(judged) else []


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
