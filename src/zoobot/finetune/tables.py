"""What the tables of predictions of all tasks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def sample_columns(samples: npt.NDArray[np.floating[Any]], names: Sequence[str]) -> pd.DataFrame:
    """Return ``<column>_std`` and ``<column>_sample_<k>`` of samples (sample, galaxy, column)."""
    spread = pd.DataFrame(samples.std(axis=0, ddof=1), columns=[f"{name}_std" for name in names])
    each = [pd.DataFrame(sample, columns=[f"{name}_sample_{k}" for name in names]) for k, sample in enumerate(samples)]
    return pd.concat([spread, *each], axis=1)
