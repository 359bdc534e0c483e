"""`Findings`: what is known of a run, as the conditions of sentences ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoobot.report.contents import PARTS
from zoobot.report.findings.chance import Guess, guesses
from zoobot.report.findings.copies import Copies, copies_of
from zoobot.report.findings.figures import figures_of
from zoobot.report.findings.parts import Part
from zoobot.report.findings.promises import coverages
from zoobot.report.findings.seen import Seen, seen_of
from zoobot.report.findings.shift import Shift, shift_of
from zoobot.report.findings.suspects import judged_labels
from zoobot.report.findings.training import Training, training_of

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents
    from zoobot.report.outcomes import Outcomes
    from zoobot.report.view import Calibration, View
    from zoobot.science.figures import Figures

MOST_NAMES = 4
"""Label columns that are named in a title"""


@dataclass(frozen=True, eq=False)
class Findings:
    """What is known of a run; each property says what its sentence takes for granted, and no more.

    Attributes
    ----------
    contents : RunContents
        What could be read of the run's folder.
    """

    contents: RunContents

    @property
    def task(self) -> str | None:
        """What the model does; None where nothing says so."""
        return self.contents.task

    @property
    def view(self) -> View:
        """What a page shows of the task."""
        return self.contents.view

    @property
    def labels(self) -> str:
        """The label columns, as a title names them."""
        names = self.contents.label_cols
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        return ", ".join(names[:MOST_NAMES]) + more or "unnamed labels"

    @property
    def simulated(self) -> bool:
        """Whether galaxies are simulated."""
        return self.contents.simulated

    @property
    def finetuned(self) -> bool:
        """Whether the folder is that of a finetuning run."""
        return bool(self.contents.settings)

    @property
    def evaluated(self) -> bool:
        """Whether the folder is that of a saved model's evaluation."""
        return self.contents.command == "evaluate"

    @property
    def outcomes(self) -> Outcomes | None:
        """Predictions of the test part beside the truth."""
        return self.contents.outcomes("test")

    @cached_property
    def seen(self) -> Seen | None:
        """Which galaxies of an evaluated catalog the model has seen; None where that is not known."""
        return seen_of(self.contents)

    @cached_property
    def training(self) -> Training | None:
        """How training went; None where there is no log of it."""
        return training_of(self.contents)

    @property
    def chose_epoch(self) -> bool:
        """Whether the validation part chose among several epochs."""
        return self.training is not None and self.training.done > 1

    @cached_property
    def calibration(self) -> Calibration:
        """What became of a calibration of probabilities: kept, rejected because it gained nothing, or none tried."""
        outcomes = self.outcomes or self.contents.outcomes("val")
        return self.view.calibration(self.contents, outcomes)

    @property
    def calibrated(self) -> bool:
        """Whether a calibration was fitted to the validation part and kept."""
        return self.calibration == "kept"

    @cached_property
    def _figures(self) -> dict[str, Figures]:
        return {}

    def figures(self, part: str) -> Figures:
        """Return the scores of a part with their intervals and tests; see `figures_of`."""
        if part not in self._figures:
            self._figures[part] = figures_of(self.contents, part)
        return self._figures[part]

    @cached_property
    def guesses(self) -> list[Guess]:
        """What is predicted of classes, labels or numbers, each beside guessing."""
        return guesses(self)

    @property
    def ranked(self) -> bool:
        """Whether predictions of each class, label or target are known to rank galaxies better than chance."""
        return bool(self.guesses) and all(one.figure.verdict == "better" for one in self.guesses)

    @cached_property
    def judged_labels(self) -> set[str]:
        """Labels that predictions of galaxies which were not trained on can judge.

        See `zoobot.report.findings.suspects`.
        """
        return judged_labels(self)

    @cached_property
    def conformal_level(self) -> float | None:
        """The share of galaxies for which conformal sets or intervals promise to hold the truth.

        It is None where there are none.
        """
        level = (self.contents.scores("test").get("conformal") or {}).get("level")
        return None if level is None else float(level)

    @cached_property
    def too_few_for_conformal(self) -> bool:
        """Whether there were too few validation galaxies for that promise.

        Then sets hold all classes, and intervals all values.
        """
        found = coverages(self)
        return bool(found) and all(one.infinite for one in found)

    @property
    def blocks(self) -> int | None:
        """Blocks of the encoder that were finetuned, -1 for all; None where that is not known."""
        contents = self.contents
        if contents.settings.get("n_blocks") == -1:
            return -1
        found = contents.about.get("n_blocks", contents.settings.get("n_blocks"))
        found = contents.model.get("options", {}).get("n_blocks") if found is None else found
        return None if found is None else int(found)

    @property
    def encoder(self) -> str:
        """Name of the encoder, empty where it is not known."""
        return str(self.contents.about.get("encoder") or self.contents.settings.get("encoder") or "")

    @property
    def group_col(self) -> str:
        """The column whose equal values were kept in one part; empty where there was none."""
        return str(self.contents.settings.get("group_col") or "")

    @cached_property
    def parts(self) -> list[Part]:
        """The parts of the split that are known, in the order training, validation, test."""
        return [part for name in PARTS if (part := Part(self, name)).n]

    def part(self, name: str) -> Part:
        """Return what is known of one part."""
        return Part(self, name)

    @cached_property
    def copies(self) -> Copies | None:
        """Near copies among the galaxies; None where they were not looked for."""
        return copies_of(self.contents)

    @cached_property
    def shift(self) -> Shift | None:
        """How test galaxies compare with those of training; None where nothing was compared."""
        return shift_of(self.contents, self.blocks)

    @cached_property
    def catalog(self) -> str:
        """Last two steps of the catalog's path; empty where it is not known."""
        return _tail(self.contents.settings.get("catalog") or self.contents.about.get("catalog"))

    @cached_property
    def own_catalogs(self) -> dict[str, str]:
        """Paths of separate catalogs, by the part (``val``, ``test``) that each is."""
        found = {part: self.contents.settings.get(f"{part}_catalog") for part in ("val", "test")}
        return {part: str(path) for part, path in found.items() if path}

    @cached_property
    def split_into(self) -> list[str]:
        """The parts that the catalog was split into.

        It is the training part alone where the others have catalogs of their own.
        """
        return [part for part in PARTS if part not in self.own_catalogs]

    def catalog_of(self, part: str) -> str:
        """Last two steps of the path of a part's own catalog."""
        return _tail(self.own_catalogs[part])


def _tail(path: Any) -> str:
    return "/".join(Path(str(path)).parts[-2:]) if path else ""
