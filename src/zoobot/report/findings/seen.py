"""Which galaxies of an evaluated catalog the model has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents


@dataclass(frozen=True)
class Seen:
    """The galaxies of a catalog, by what they are to the model that was evaluated on them.

    Attributes
    ----------
    train, val, test, new : int
        Galaxies of the training, validation and test part of the model's run, and others.
    whole : bool
        Whether all galaxies that had a part in the model could be recognized, as far as is known.
    """

    train: int
    val: int
    test: int
    new: int
    whole: bool

    @property
    def learned(self) -> int:
        """Galaxies that had a part in what the model is."""
        return self.train + self.val

    @property
    def total(self) -> int:
        """All galaxies of the catalog."""
        return self.learned + self.test + self.new


def seen_of(contents: RunContents) -> Seen | None:
    """Return which galaxies the model has seen; None where that was not looked at."""
    known, look = contents.known, contents.looked.get("seen")
    if not known or look is None or not look.done:
        return None
    train, val, test, new = (known.get(name, 0) for name in ("train", "val", "test", "new"))
    return Seen(train, val, test, new, whole=not look.why)
