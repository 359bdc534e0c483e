"""The labelled training galaxies that a galaxy looks most like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.errors import CatalogError
from zoobot.ranges import bounded
from zoobot.science.reference import Reference, unit_rows

if TYPE_CHECKING:
    import numpy.typing as npt

COLUMNS = ["id_str", "rank", "neighbor", "file_loc", "label", "similarity"]

_BLOCK = 1024


@bounded()
def nearest(
    reference: Reference, features: npt.NDArray[np.floating], k: int = 5
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return each galaxy's nearest training galaxies.

    They are their rows in the reference, and the similarity, the nearest first. The similarity is the cosine of the
    angle between features: 1 for the same direction. A galaxy that is itself in the reference finds itself first.

    Parameters
    ----------
    reference
        Of the training galaxies.
    features
        (galaxy, feature), by the same encoder; a row with NaN has the neighbors -1 and NaN.
    k
        How many; fewer where the reference is smaller.

    Returns
    -------
    tuple of ndarray
        (galaxy, k), int64 and float32.

    Raises
    ------
    CatalogError
        Another number of features than the reference has.
    OptionError
        ``k`` below 1.
    """
    if features.ndim != 2 or features.shape[1] != reference.features.shape[1]:
        msg = (
            f"features have the shape {features.shape}, but the training galaxies have {reference.features.shape[1]} "
            "each: use the encoder that the model was trained with."
        )
        raise CatalogError(msg)
    k = min(k, len(reference.features))
    rows = np.full((len(features), k), -1, np.int64)
    similarity = np.full((len(features), k), np.nan, np.float32)
    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    trained = unit_rows(reference.features)
    for start in range(0, len(known), _BLOCK):
        here = known[start : start + _BLOCK]
        cosine = unit_rows(features[here]) @ trained.T
        order = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
        rows[here] = order
        similarity[here] = np.take_along_axis(cosine, order, axis=1)
    return rows, similarity


@bounded()
def neighbor_table(
    reference: Reference, ids: Sequence[str], features: npt.NDArray[np.floating], k: int = 5
) -> pd.DataFrame:
    """Return `nearest` as a table.

    Columns are ``id_str``, ``rank`` (from 1), ``neighbor``, its ``file_loc`` and ``label``, and ``similarity``.
    """
    rows, similarity = nearest(reference, features, k)
    found = [
        (
            ids[galaxy],
            rank + 1,
            reference.ids[row],
            reference.file_locs[row],
            reference.labels[row],
            float(similarity[galaxy, rank]),
        )
        for galaxy, own in enumerate(rows.tolist())
        for rank, row in enumerate(own)
        if row >= 0
    ]
    return pd.DataFrame(found, columns=COLUMNS)
