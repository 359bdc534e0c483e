"""What the checks of labels and images listed, and what is left out of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.report.outcomes import ClassOutcomes, MultiLabelOutcomes, NumberOutcomes
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

    Those of folds where there are folds, else those of the validation and test galaxies, as the check of labels takes them.
    """
    folds = run.contents.outcomes("folds") is not None
    parts = ["folds"] if folds else ["val", "test"]
    if all(isinstance(one, NumberOutcomes) for part in parts if (one := run.contents.outcomes(part)) is not None):
        return {one.name for one in run.guesses if one.figure.verdict == "better"}
    return {name for name, one in judging_figures(run, *parts).items() if one.verdict == "better"}


def judging_figures(run: Findings, *parts: str) -> dict[str, Figure]:
    """Return what says whether the predictions of some parts can judge each label: see `judging_figure`. Empty of numbers and votes."""
    contents = run.contents
    each = [outcomes for part in parts if (outcomes := contents.outcomes(part)) is not None]
    found: dict[str, Figure] = {}
    classes = [outcomes for outcomes in each if isinstance(outcomes, ClassOutcomes)]
    labels = [outcomes for outcomes in each if isinstance(outcomes, MultiLabelOutcomes)]
    groups, folds = contents.groups(*parts), "folds" in parts
    if classes:
        p, truth = np.concatenate([one.raw for one in classes]), np.concatenate([one.truth for one in classes])
        found[classes[0].label] = label_check.judging_figure(p, truth, groups=groups, folds=folds)
    if labels:
        p, truth = np.concatenate([one.raw for one in labels]), np.concatenate([one.truth for one in labels])
        found |= label_check.judging_figures(p, truth.astype(np.int64), labels[0].names, groups=groups, folds=folds)
    return found


def suspects(run: Findings) -> list[Suspects]:
    """Return the labels that the check lists and that can be judged, if any."""
    table = run.contents.checks.get("labels")
    if table is None or not {"label", "probability"} <= set(table):
        return []
    judged = table[table["label"].astype(str).isin(run.judged_labels)]
    return [Suspects(judged, run.task == "regress")] if len(judged) else []


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
