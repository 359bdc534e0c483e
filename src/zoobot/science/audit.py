"""Checking a selection by eye: a random list to judge, and the purity that the answers give."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.errors import CatalogError
from zoobot.ranges import bounded
from zoobot.science.conformal import exact_binomial_interval

if TYPE_CHECKING:
    import pandas as pd

YES = ("1", "1.0", "yes", "y", "true", "t")
NO = ("0", "0.0", "no", "n", "false", "f")
BLANK = ("", "nan", "none", "<na>", "?")


@dataclass(frozen=True)
class Audit:
    """What judging a random part of a selection by eye says of its purity."""

    judged: int
    """Galaxies with an answer"""
    right: int
    """Those that are of the class"""
    blank: int
    """Galaxies of the list without one"""
    purity: float
    """``right / judged``"""
    low: float
    """Lower end of the exact interval (Clopper & Pearson 1934) at ``level``"""
    high: float
    level: float
    worst: float
    best: float
    """The purity of the list if all that is blank were wrong, or right"""

    def sentence(self) -> str:
        """Say what the purity is, and on what that rests."""
        said = (
            f"{self.right} of {self.judged} judged galaxies are of the class: purity {self.purity:.2f} "
            f"({self.level:.0%} interval {self.low:.2f} to {self.high:.2f})."
        )
        if self.blank:
            said += (
                f" {self.blank} of the list {'is' if self.blank == 1 else 'are'} not judged: this is only unbiased if "
                f"they were left out whatever they look like; all wrong or all right, they make it {self.worst:.2f} "
                f"or {self.best:.2f}."
            )
        return said

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return asdict(self) | {"sentence": self.sentence()}


@bounded()
def audit_rows(n_selected: int, n: int = 100, *, seed: int = 42) -> list[int]:
    """Return the rows of ``n`` of the selected galaxies (all, where there are fewer), in random order.

    Each subset of them is equally likely.

    Raises
    ------
    OptionError
        A negative number.
    """
    rows: list[int] = np.random.default_rng(seed).permutation(n_selected)[:n].tolist()
    return rows


@bounded()
def audited_purity(answers: pd.Series[Any], *, level: float = 0.95) -> Audit:
    """Return the purity of a selection from answers on a random list of it.

    It is an unbiased estimate, whatever the model believes.

    Parameters
    ----------
    answers
        One per galaxy: yes, y, true or 1 where it is of the class; no, n, false or 0 where not; empty where it wasn't
        judged.
    level
        Of the interval, which is exact for a list drawn from very many, and too wide for one that is most of the
        selection.

    Raises
    ------
    CatalogError
        Another answer, or none at all.
    """
    words = [str(value).strip().lower() for value in answers]
    odd = sorted({word for word in words if word not in (*YES, *NO, *BLANK)})
    if odd:
        msg = (
            f"the audit list holds answers that are neither yes nor no: {', '.join(odd[:5])}. Write 1 or 0, yes or "
            "no, or leave it empty."
        )
        raise CatalogError(msg)
    right, wrong = sum(word in YES for word in words), sum(word in NO for word in words)
    judged, blank = right + wrong, len(words) - right - wrong
    if not judged:
        msg = (
            f"none of the {len(words)} galaxies of the audit list is judged. Fill it in: 1 where a galaxy is of the "
            "class, else 0."
        )
        raise CatalogError(msg)
    low, high = exact_binomial_interval(right, judged, level)
    n = len(words)
    return Audit(judged, right, blank, right / judged, low, high, level, right / n, (right + blank) / n)
