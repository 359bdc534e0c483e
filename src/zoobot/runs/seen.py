"""Which galaxies of a catalog a model has seen, and what to say of it, for ``zoobot evaluate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.errors import ModelFileError
from zoobot.files import is_file
from zoobot.layout import MODEL_FOLDER, PARTS_FILE, RUN_FILE
from zoobot.predictions.memory import memory_of, recall, seen_by
from zoobot.predictions.tables import read_results
from zoobot.report.looked import Look
from zoobot.report.words import count
from zoobot.science.memory import ROLES, Memory

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.finetune import FinetuneableZoobotAbstract
    from zoobot.science import Seen

ROLE_NAMES = {"train": "trained it", "val": "validated it"}


@dataclass(frozen=True, eq=False)
class Recognized:
    """What a model remembers, and which galaxies of a catalog are among it.

    Parameters
    ----------
    n
        Galaxies of the catalog.
    memory, seen
        None where the model remembers no galaxy.
    whole
        Whether the model remembers all galaxies that had a part in it, not only some of its training galaxies.
    """

    n: int
    memory: Memory | None
    seen: Seen | None
    whole: bool

    @property
    def learned(self) -> npt.NDArray[np.bool_]:
        """Which galaxies (galaxy,) had a part in what the model is, as far as it remembers."""
        return np.zeros(self.n, bool) if self.seen is None else self.seen.learned

    def look(self) -> Look:
        """Return whether galaxies could be recognized, and which could not."""
        if self.seen is None:
            why = (
                "Whether the model has seen these galaxies is not known: it does not remember the galaxies of its "
                "training. Evaluate a model that zoobot finetune wrote."
            )
            return Look(False, self.n, why)
        reasons = []
        if not self.whole:
            reasons.append(
                f"The model was written by an older version and remembers {self.seen.n_remembered:,} training "
                "galaxies alone: its validation galaxies, and other training galaxies, could not be recognized."
            )
        if self.seen.n_pictured < self.seen.n_remembered:
            reasons.append(
                f"Near copies were looked for among {self.seen.n_pictured:,} of {self.seen.n_remembered:,} galaxies "
                "that the model remembers: it has no usable picture of the others."
            )
        return Look(True, self.n, " ".join(reasons))

    def sentences(self) -> list[str]:
        """Say in plain words which galaxies the model has seen."""
        if self.seen is None:
            return [self.look().why]
        counts, learned = self.seen.counts(), int(self.learned.sum())
        said = []
        if learned:
            each = [f"{counts[role]:,} {what}" for role, what in ROLE_NAMES.items() if counts[role]]
            rest = self.n - learned
            scored = (
                f"Scores called test are of the other {rest:,}, those called seen are of these and optimistic"
                if rest
                else "There are no scores of unseen galaxies"
            )
            said.append(
                f"{learned:,} of {count(self.n, 'galaxy')} had a part in the model ({', '.join(each)}). {scored}."
            )
        elif self.seen.n_remembered:
            said.append(
                f"None of {count(self.n, 'galaxy')} is known to have had a part in the model, which remembers "
                f"{self.seen.n_remembered:,}."
            )
        if counts["test"]:
            said.append(
                f"{count(counts['test'], 'galaxy')} {'is' if counts['test'] == 1 else 'are'} of the test part of the "
                "model's run."
            )
        if len(self.seen.namesakes):
            said.append(
                "Taken for other galaxies, because their pictures differ: "
                f"{count(len(self.seen.namesakes), 'galaxy')} with the id of one that the model remembers."
            )
        why = self.look().why
        return [*said, why] if why else said


def recognize(
    model: FinetuneableZoobotAbstract,
    source: str,
    frame: pd.DataFrame,
    thumbnails: npt.NDArray[np.uint8],
    *,
    num_workers: int | None = None,
) -> Recognized:
    """Return which galaxies of a catalog a model has seen.

    Parameters
    ----------
    model
        Whose memory is asked.
    source
        Where it was loaded from: a model without memory may lie in the folder of its run, as a checkpoint does, which
        has it or at least ``parts.csv``. Failing that, see `recall`.
    frame, thumbnails
        The catalog, and its pictures; see `seen_by`.
    num_workers
        Processes that decode images of an older model's galaxies.
    """
    memory = model.memory or _memory_of_run(model, source, num_workers)
    whole = memory is not None
    memory = memory or recall(model, num_workers=num_workers)
    return Recognized(len(frame), memory, None if memory is None else seen_by(memory, frame, thumbnails), whole)


def _memory_of_run(model: FinetuneableZoobotAbstract, source: str, num_workers: int | None) -> Memory | None:
    """Return the memory of the run in whose folder a model or a checkpoint lies."""
    for folder in Path(source).absolute().parents[:2]:
        if not is_file(folder / RUN_FILE, ModelFileError):
            continue
        memory = Memory.load(folder / MODEL_FOLDER)
        if memory is None and is_file(folder / PARTS_FILE, ModelFileError):
            parts = read_results(folder / PARTS_FILE, needs=())
            if {"id_str", "file_loc", "part"} <= set(parts):
                known = parts[parts["part"].isin(ROLES)].reset_index(drop=True)
                memory = memory_of(known, model.preprocessing, num_workers=num_workers)
        return memory
    return None
