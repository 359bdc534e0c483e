"""Random numbers by galaxy.

Each galaxy has a row of uniform numbers of its own, and distributions are made from its columns in order.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Number = float | Values


class Draws:
    """Columns of uniform numbers, used up from the left: the same order of calls gives the same galaxy the same values.

    Parameters
    ----------
    uniforms
        (galaxy, column), in (0, 1).
    """

    def __init__(self, uniforms: Values) -> None:
        self._columns = uniforms.T
        self._next = 0

    def __len__(self) -> int:
        return int(self._columns.shape[1])

    def uniform(self, low: Number = 0.0, high: Number = 1.0) -> Values:
        """Return values evenly between two numbers."""
        column = self._columns[self._next]
        self._next += 1
        values: Values = low + (high - low) * column
        return values

    def chance(self, probability: Number) -> Mask:
        """Return whether something of this probability happens."""
        return self.uniform() < probability

    def normal(self, mean: Number = 0.0, scatter: Number = 1.0, *, most: float = 3.0) -> Values:
        """Return normal values, no farther than `most` standard deviations from the mean."""
        values: Values = mean + scatter * np.clip(
            torch.special.ndtri(torch.from_numpy(self.uniform())).numpy(), -most, most
        )
        return values

    def log_normal(self, median: Number, scatter: Number, *, most: float = 3.0) -> Values:
        """Return values whose natural logarithm is normal."""
        values: Values = median * np.exp(self.normal(0.0, scatter, most=most))
        return values

    def choice(self, weights: Iterable[Number]) -> npt.NDArray[np.int64]:
        """Return numbers 0, 1, ... with these weights, each a number or one number per galaxy."""
        stacked = np.stack([np.broadcast_to(np.asarray(weight, float), (len(self),)) for weight in weights])
        ends = np.cumsum(stacked, axis=0) / stacked.sum(axis=0)
        chosen: npt.NDArray[np.int64] = (self.uniform() >= ends[:-1]).sum(axis=0)
        return chosen

    def block(self, rows: int, columns: int) -> Values:
        """Return plain uniform numbers, (galaxy, rows, columns)."""
        taken = self._columns[self._next : self._next + rows * columns]
        self._next += rows * columns
        return taken.T.reshape(len(self), rows, columns)
