"""Near copies among a run's galaxies: in which parts they lie, and which scores they touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoobot.layout import GROUP_COLUMN
from zoobot.science import count_copies

if TYPE_CHECKING:
    import pandas as pd

    from zoobot.report.contents import RunContents

COLUMNS = frozenset(f"{name}_{side}" for name in ("id_str", "part") for side in "ab")


@dataclass(frozen=True)
class Copies:
    """Pairs of near-duplicate images that no group keeps together.

    Attributes
    ----------
    pairs : int
        All of them.
    test_in_training, test_in_validation, validation_in_training, test_in_seen : int
        Galaxies of the first part that have a near copy in the second; 'seen' are those that had a part in an evaluated
        model.
    within_test : int
        Galaxies of the test part less the different ones among them.
    folds, curve : bool
        Whether the run has folds and a learning curve, which deal out all labelled galaxies anew.
    """

    pairs: int
    test_in_training: int
    test_in_validation: int
    validation_in_training: int
    test_in_seen: int
    within_test: int
    folds: bool
    curve: bool

    @property
    def across(self) -> int:
        """Galaxies with a near copy in another part."""
        return self.test_in_training + self.test_in_validation + self.validation_in_training + self.test_in_seen


def copies_of(contents: RunContents) -> Copies | None:
    """Return the near copies that the checks found; None where they list none, or not with their parts."""
    pairs = contents.checks.get("duplicates")
    if pairs is None or not set(pairs) >= COLUMNS:
        return None
    pairs = ungrouped(pairs.astype(dict.fromkeys(COLUMNS, str)), contents.parts)
    sides = [pairs[[f"id_str_{one}", f"part_{one}", f"part_{other}"]].to_numpy() for one, other in ("ab", "ba")]
    placed = {(name, own, others) for side in sides for name, own, others in side}

    def having(part: str, copied_in: str) -> int:
        return len({name for name, own, others in placed if (own, others) == (part, copied_in)})

    return Copies(
        pairs=len(pairs),
        test_in_training=having("test", "train"),
        test_in_validation=having("test", "val"),
        validation_in_training=having("val", "train"),
        test_in_seen=having("test", "seen"),
        within_test=_within_test(contents, pairs),
        folds=bool(contents.fold_metrics),
        curve=bool(contents.learning_curve.get("sizes")),
    )


def _within_test(contents: RunContents, pairs: pd.DataFrame) -> int:
    """Return how many test galaxies add nothing, being copies of others in the part."""
    outcomes, table = contents.outcomes("test"), contents.tables.get("test")
    scored = table if outcomes is None else outcomes.frame
    ids = [] if scored is None else scored["id_str"].astype(str).tolist()
    return count_copies(ids, pairs, contents.groups("test")).within


def ungrouped(pairs: pd.DataFrame, parts: pd.DataFrame | None) -> pd.DataFrame:
    """Return the pairs whose galaxies are not of one group."""
    if parts is None or not {"id_str", GROUP_COLUMN} <= set(parts):
        return pairs
    groups = parts.drop_duplicates("id_str").set_index("id_str")[GROUP_COLUMN]
    first, second = (pairs[f"id_str_{side}"].map(groups) for side in "ab")
    return pairs[~((first == second) & (first.astype(str).str.strip() != "") & first.notna())]
