"""Galaxies without a label, by one rule for every format.

They are found, and left out with their number said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.data.catalog import check_labels
from zoobot.data.text import tidy_text

if TYPE_CHECKING:
    import numpy.typing as npt


def are_labelled(frame: pd.DataFrame, columns: Sequence[str], *, votes: bool = False) -> npt.NDArray[np.bool_]:
    """Return which galaxies (galaxy,) have a label in each of the columns.

    Parameters
    ----------
    frame
        A catalog; see `read_catalog`.
    columns
        The label columns, which it has.
    votes
        They hold numbers of votes, where 0 and missing are the same: one vote in any column is enough.
    """
    labelled: npt.NDArray[np.bool_]
    if votes:
        numbers = [
            pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan) for column in columns
        ]
        labelled = np.any([one > 0 for one in numbers], axis=0)
    else:
        labelled = np.all([tidy_text(frame[column]).notna() for column in columns], axis=0)
    return labelled


def leave_out_unlabelled(
    frame: pd.DataFrame, columns: Sequence[str], what: str = "", *, votes: bool = False
) -> tuple[pd.DataFrame, list[str]]:
    """Return the galaxies that have a label in each of the columns, and a sentence on the others, if there are any.

    Parameters
    ----------
    frame, columns, votes
        See `are_labelled`.
    what
        Whose galaxies they are, as " of the test catalog".

    Raises
    ------
    LabelError
        No galaxy has one.
    """
    labelled = are_labelled(frame, columns, votes=votes)
    if labelled.all():
        return frame, []
    nothing = "no votes" if votes else "no label"
    if not labelled.any():
        check_labels(frame, columns[0], ~labelled, f"{nothing} (empty or NaN)", "Label some of them.")
    by_column = "" if votes or len(columns) == 1 else f" in one or more of {', '.join(columns)}"
    said = f"{(~labelled).sum()} of {len(frame)} galaxies{what} have {nothing}{by_column}, and are left out."
    return frame[labelled].reset_index(drop=True), [said]
