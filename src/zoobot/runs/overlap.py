"""Is the test catalog of a run apart from the catalog that it is trained on? Looked at before training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.data.catalog import listed
from zoobot.data.pixels import file_digests
from zoobot.errors import CatalogError

if TYPE_CHECKING:
    from zoobot.data.datamodule import Part


def check_apart(frames: Mapping[Part, pd.DataFrame], group_col: str | None = None) -> list[str]:
    """Refuse test galaxies whose images train or validate too, and return what else the test part shares with the others, in sentences.

    Parameters
    ----------
    frames
        The parts of a run, of which ``test`` comes from a catalog of its own.
    group_col
        The column of groups that are kept in one part.

    Raises
    ------
    CatalogError
        The same files, or others with the same content: how many, and the first few.
    """
    test = frames["test"]
    learned = pd.concat([frames["train"], frames["val"]], ignore_index=True)
    _refuse_same(test, test["file_loc"].isin(learned["file_loc"]))  # which takes no reading of images
    contents = [
        pd.Series([row.tobytes() for row in file_digests(frame["file_loc"].tolist())], dtype=object)
        for frame in (test, learned)
    ]
    _refuse_same(test, contents[0].isin(contents[1]))
    found = []
    same_id = test["id_str"].isin(learned["id_str"])
    if same_id.any():
        found.append(
            f"{same_id.sum()} of {len(test)} galaxies of the test catalog have the id of a galaxy that is trained or validated on, and "
            f"another image: {listed(test.loc[same_id, 'id_str'].tolist())}. If they are the same galaxies, scores are too good."
        )
    if group_col is not None and group_col in test and group_col in learned:
        groups = test[group_col]
        shared = np.asarray(groups.notna() & groups.isin(learned[group_col].dropna()))
        if shared.any():
            found.append(
                f"{shared.sum()} of {len(test)} galaxies of the test catalog have the {group_col} of a galaxy that is trained or "
                "validated on. If they are the same groups, scores are too good."
            )
    return found


def _refuse_same(test: pd.DataFrame, same: pd.Series[bool]) -> None:
    """Refuse test galaxies whose images are among those that train or validate."""
    if same.any():
        msg = (
            f"{same.sum()} of {len(test)} galaxies of the test catalog have the very image of a galaxy that is trained or validated "
            f"on: {listed(test.loc[same.to_numpy(), 'id_str'].tolist())}. Scores of them would be too good: drop them from one of the two "
            "catalogs."
        )
        raise CatalogError(msg)
