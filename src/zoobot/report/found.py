"""What checks of a run's galaxies found, and what can be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from zoobot.layout import GROUP_COLUMN
from zoobot.report.words import count
from zoobot.science.figure import Figure
from zoobot.science.label_check import typical_suggestion

LABELS, DUPLICATES, IMAGES = CHECKS = "labels", "duplicates", "images"
"""What is checked, and the names of its tables and pictures"""

SEEN_PART = "seen"
"""Of ``zoobot evaluate``: the galaxies that had a part in training the model"""


@dataclass(frozen=True)
class Checks:
    """What the checks found."""

    labels: pd.DataFrame
    """See `zoobot.science.likely_label_errors`; with the column ``galaxy_group`` where galaxies come in groups"""
    duplicates: pd.DataFrame
    """See `zoobot.science.near_duplicates`; with the column ``grouped`` (both of one group) where galaxies come in
    groups
    """
    images: pd.DataFrame
    """See `zoobot.science.image_faults`"""
    n_checked: int
    """Galaxies with images"""
    n_labels_checked: int
    """Galaxies with predictions that were not trained on"""
    notes: list[str] = field(default_factory=list)
    """What could not be checked, and why"""
    n_label_groups: int | None = None
    """Independent groups among the galaxies whose labels were checked; None where each galaxy stands alone"""
    label_figures: Mapping[str, Figure] = field(default_factory=dict)
    """For each label of classes: the AUROC of its predictions (`zoobot.science.label_check.judging_figure`). Empty for
    measurements
    """
    image_notes: list[str] = field(default_factory=list)
    """What else is to be said of the images: how many have pixels without data"""

    @property
    def across(self) -> pd.DataFrame:
        """The duplicates between parts of the split, which make scores too good."""
        return self.duplicates[self.duplicates["part_a"] != self.duplicates["part_b"]]

    @property
    def blind(self) -> list[str]:
        """The labels that predictions can't judge, because they are not known to be better than chance.

        The list of such labels means nothing.
        """
        return [name for name, figure in self.label_figures.items() if figure.verdict != "better"]

    @property
    def judged(self) -> pd.DataFrame:
        """The listed labels that predictions can judge."""
        return self.labels[~self.labels["label"].isin(self.blind)]

    @property
    def ungrouped(self) -> pd.DataFrame:
        """The duplicates that are not of one group."""
        return (
            self.duplicates[~self.duplicates["grouped"].astype(bool)]
            if "grouped" in self.duplicates
            else self.duplicates
        )

    @property
    def suggested_probability(self) -> float:
        """Median probability of the classes suggested instead of `judged` labels.

        It is NaN where none is, and of measurements.
        """
        return typical_suggestion(self.judged)

    def sentences(self) -> list[str]:
        """Return what was found, in plain words."""
        return [*self._of_labels(), *self._of_duplicates(), self._of_images(), *self.image_notes, *self.notes]

    def _of_labels(self) -> list[str]:
        if not self.n_labels_checked:
            return []
        galaxies = count(self.n_labels_checked, "galaxy")
        if self.n_label_groups is not None:
            galaxies += f" in {count(self.n_label_groups, 'group')}"
        if self.label_figures and len(self.blind) == len(self.label_figures):
            useless = f" The list of {count(len(self.labels), 'label')} means nothing." if len(self.labels) else ""
            why = f"the predictions are not known to be better than chance{_known(list(self.label_figures.values()))}"
            return [f"Which labels of {galaxies} are wrong can't be told: {why}.{useless}"]
        listed, what = len(self.judged), "label" if self.label_figures else "measurement"
        if not listed:
            far = (
                "disagrees strongly enough with the prediction of a model that was not trained on the galaxy to be "
                "listed"
                if self.label_figures
                else "lies more than 4 standard deviations from the prediction of a model that was not trained on the "
                "galaxy"
            )
            said = [f"No {what} of {galaxies} {far}."]
        else:
            far = (
                f"{'disagrees' if listed == 1 else 'disagree'} most with the prediction of a model that was not "
                "trained on the galaxy (median probability of the class predicted instead: "
                f"{self.suggested_probability:.2f})"
                if self.label_figures
                else f"{'lies' if listed == 1 else 'lie'} more than 4 standard deviations from the prediction of a "
                "model that was not trained on the galaxy"
            )
            own = self.judged[GROUP_COLUMN].nunique() if GROUP_COLUMN in self.labels else listed
            groups = f", in {count(own, 'group')}," if own < listed else ""
            said = [f"{count(listed, what)}{groups} of {galaxies} {far}."]
        if self.blind:
            said.append(
                f"Labels {', '.join(self.blind)} could not be judged: predictions of them are not known to be better "
                "than chance."
            )
        return said

    def _of_duplicates(self) -> list[str]:
        if not len(self.duplicates):
            return [f"No near-duplicate images among {self.n_checked}."]
        grouped = len(self.duplicates) - len(self.ungrouped)
        across, seen = len(self.across), SEEN_PART in set(self.duplicates[["part_a", "part_b"]].to_numpy().ravel())
        where = "the galaxies that the model has seen and others" if seen else "parts of the split"
        known = f", {grouped} of them within a group" if grouped else ""
        said = [
            f"{count(len(self.duplicates), 'pair')} of near-duplicate images among {self.n_checked}{known}, {across} "
            f"between {where}."
        ]
        if across and seen:
            said.append("A galaxy that the model has seen a copy of is no test of it: leave it out.")
        elif across:
            said.append("A galaxy in several parts makes scores too good: drop one of each pair, or use --group-col.")
        if (within := len(self.ungrouped) - across) > 0:
            lie = "lies" if within == 1 else "lie"
            said.append(
                f"{count(within, 'pair')} {lie} within a part and in no group: their galaxies are counted as "
                "independent."
            )
        return said

    def _of_images(self) -> str:
        faults = ", ".join(f"{n} {name}" for name, n in self.images["fault"].value_counts().items())
        return f"{count(len(self.images), 'bad image')} ({faults})." if faults else "No bad images."


def _known(figures: list[Figure]) -> str:
    """Return the highest AUROC with its p-value, in brackets; nothing where none could be tested."""
    tested = [figure for figure in figures if figure.verdict != "untested"]
    if not tested:
        return ""
    best = max(tested, key=lambda figure: figure.value)
    return f" (AUROC {best.value:.2f}, p = {best.p_value:.2g})"
