"""Are the test and validation catalogs of a run apart from the training catalog?

This is looked at before training.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from zoobot.data.catalog import listed
from zoobot.data.datamodule import Part
from zoobot.data.pixels import file_digests
from zoobot.errors import CatalogError

LEARNED: dict[Part, tuple[str, tuple[Part, ...], str]] = {
    "val": ("validation catalog", ("train",), "trained on"),
    "test": ("test catalog", ("train", "val"), "trained or validated on"),
}
"""What the catalog of a part is called, the parts that it is to be apart from, and what those are for"""


def check_apart(frames: Mapping[Part, pd.DataFrame], part: Part = "test", group_col: str | None = None) -> list[str]:
    """Refuse galaxies of a part whose images are in the parts that it judges.

    What else it shares with them is returned, in sentences.

    Parameters
    ----------
    frames
        The parts of a run, of which ``part`` comes from a catalog of its own.
    part
        'val' or 'test'.
    group_col
        The column of groups that are kept in one part.

    Raises
    ------
    CatalogError
        The same files, or others with the same content: how many, and the first few.
    """
    own, (catalog, others, done) = frames[part], LEARNED[part]
    learned = pd.concat([frames[other] for other in others], ignore_index=True)
    _refuse_same(own, own["file_loc"].isin(learned["file_loc"]), part)  # which takes no reading of images
    contents = [
        pd.Series([row.tobytes() for row in file_digests(frame["file_loc"].tolist())], dtype=object)
        for frame in (own, learned)
    ]
    _refuse_same(own, contents[0].isin(contents[1]), part)
    found = []
    same_id = own["id_str"].isin(learned["id_str"])
    if same_id.any():
        found.append(
            f"{same_id.sum()} of {len(own)} galaxies of the {catalog} have the id of a galaxy that is {done}, and "
            f"another image: {listed(own.loc[same_id, 'id_str'].tolist())}. If they are the same galaxies, scores are "
            "too good."
        )
    if group_col is not None and group_col in own and group_col in learned:
        groups = own[group_col]
        shared = np.asarray(groups.notna() & groups.isin(learned[group_col].dropna()))
        if shared.any():
            found.append(
                f"{shared.sum()} of {len(own)} galaxies of the {catalog} have the {group_col} of a galaxy that is "
                f"{done}. If they are the same groups, scores are too good."
            )
    return found


def _refuse_same(own: pd.DataFrame, same: pd.Series[bool], part: Part) -> None:
    """Refuse galaxies of a part whose images are among those that it judges."""
    if same.any():
        catalog, _, done = LEARNED[part]
        msg = (
            f"{same.sum()} of {len(own)} galaxies of the {catalog} have the very image of a galaxy that is {done}: "
            f"{listed(own.loc[same.to_numpy(), 'id_str'].tolist())}. Scores of them would be too good: drop them from "
            "one of the two catalogs."
        )
        raise CatalogError(msg)
