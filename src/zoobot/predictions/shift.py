"""Are the galaxies that are predicted like those of training?

A sample of their features is compared with what the model remembers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zoobot.data.catalog import listed
from zoobot.predictions.tables import write_table
from zoobot.science import measure_shift, shift_by
from zoobot.science.shift import MOST_COMPARED

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.science import Reference

logger = logging.getLogger(__name__)

ENDING = "_shift.csv"
"""Of the table beside that of the predictions"""


class FeatureSample:
    """Features of up to 2,000 galaxies (or of ``most``), drawn evenly from all that are predicted."""

    def __init__(self, most: int = MOST_COMPARED) -> None:
        self.most = most
        self._rows: list[npt.NDArray[np.int64]] = []
        self._features: list[npt.NDArray[np.float32]] = []

    def add(self, rows: npt.NDArray[np.int64], features: Tensor, n_rows: int) -> None:
        """Take those of some rows (row, feature) of ``n_rows`` that are drawn."""
        share = min(1.0, self.most / n_rows)
        drawn = np.floor((rows + 1) * share) > np.floor(rows * share)
        if drawn.any():
            self._rows.append(rows[drawn])
            self._features.append(features[torch.from_numpy(drawn).to(features.device)].float().numpy(force=True))

    def __len__(self) -> int:
        """Count the galaxies."""
        return sum(map(len, self._rows))

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Their rows (galaxy,) in the catalog."""
        return np.concatenate(self._rows)

    @property
    def features(self) -> npt.NDArray[np.float32]:
        """Their features (galaxy, feature)."""
        return np.concatenate(self._features)

    def array(self, n_rows: int) -> npt.NDArray[np.float32]:
        """Return them as (galaxy, feature) of a catalog of ``n_rows``.

        They are NaN for galaxies that were not drawn or could not be read.
        """
        features = np.full((n_rows, self._features[0].shape[1]), np.nan, np.float32)
        for rows, some in zip(self._rows, self._features, strict=True):
            features[rows] = some
        return features


def shift_file(save_loc: Path) -> Path:
    """Return where the figures of kinds of galaxies go, beside the table of predictions."""
    return save_loc.with_name(save_loc.stem + ENDING)


def is_shift(names: Sequence[str]) -> bool:
    """Tell by its columns whether a table is one of the figures of kinds of galaxies."""
    return {"column", "group", "auroc", "far_fraction"} <= set(names)


def warn_of_shift(
    reference: Reference,
    sample: FeatureSample,
    frame: pd.DataFrame,
    by: Sequence[str],
    save_loc: Path | None,
    *,
    finetuned: bool = False,
) -> None:
    """Warn where the galaxies predicted are not like those that the model was trained on.

    Where asked, it says which of them are not. Groups that have too few galaxies to compare are named too. With ``by``
    and ``save_loc`` a table of all figures is written beside the predictions: all galaxies, then one row for each kind.
    ``finetuned``: see `measure_shift`.
    """
    overall = measure_shift(reference, sample.features, finetuned=finetuned)
    if overall.warning is not None:
        logger.warning("%s Label some of them and evaluate.", overall.warning)
    if overall.reason:
        logger.log(
            logging.WARNING if by else logging.INFO,
            "These galaxies were not compared with those that the model learned from: %s.",
            overall.reason,
        )
    if not by:
        return
    tables = [pd.DataFrame([{"column": "", "group": "all"} | overall.to_dict()])]
    for column in by:
        kinds = shift_by(reference, sample.features, frame[column].iloc[sample.rows], finetuned=finetuned)
        tables.append(kinds.assign(column=column))
    table = pd.concat(tables, ignore_index=True)
    unlike = table[table["warning"].notna() & (table["column"] != "")]
    for _, one in unlike.iterrows():
        logger.warning(
            "%s = %s differs from training: AUROC %.2f, %.0f%% of %d galaxies are unlike any.",
            *(one["column"], one["group"], one["auroc"], 100 * one["far_fraction"], one["n_target"]),
        )
    left_out = table[(table["reason"] != "") & (table["column"] != "")]
    for (kind, reason), some in left_out.groupby(["column", "reason"])["group"]:
        logger.warning("%s = %s was not compared with training: %s.", kind, listed(some.tolist()), reason)
    if save_loc is not None:
        write_table(table, shift_file(save_loc))
