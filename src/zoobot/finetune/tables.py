"""What the tables of predictions of all tasks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from zoobot.ranges import check_fields

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What a table of predictions is to hold; see `zoobot.predict`."""

    level: float = 0.9
    """Of credible intervals, and the coverage of conformal sets and intervals"""
    by_class: bool = False
    """Conformal sets keep the coverage for the galaxies of each class, not only for all together"""
    min_asked: float = 0.0
    """Answers to questions asked with less than this probability are left out"""

    def __post_init__(self) -> None:
        check_fields(self)


def sample_columns(samples: npt.NDArray[np.floating[Any]], names: Sequence[str]) -> pd.DataFrame:
    """Return ``<column>_std`` and ``<column>_sample_<k>`` of samples (sample, galaxy, column)."""
    spread = pd.DataFrame(samples.std(axis=0, ddof=1), columns=[f"{name}_std" for name in names])
    each = [pd.DataFrame(sample, columns=[f"{name}_sample_{k}" for name in names]) for k, sample in enumerate(samples)]
    return pd.concat([spread, *each], axis=1)
