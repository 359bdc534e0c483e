"""Scales of measurements: what brings labels of any unit within what float32 holds, and their predictions back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

LARGEST = 1e30
"""Labels beyond this are scaled, so that their squares' sums, weights and predictions stay within float32's 3e38"""
SMALLEST = 1e-30
"""Labels that vary by less are scaled, before float32 loses digits (below 1e-38)"""
ROUNDING = 1e-4
"""Labels are shifted where float32 would round them by more than this share of their standard deviation, as dates are
"""


@dataclass(frozen=True)
class LabelScale:
    """A number to take off each label column, and one to divide it by: powers of two, so that nothing is rounded.

    Attributes
    ----------
    shift, unit : tuple of float
        One for each label column; 0 and 1 change nothing.
    """

    shift: tuple[float, ...]
    unit: tuple[float, ...]

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Self:
        """Return the scale for training labels (galaxy, column).

        There is none where float32 holds the labels, so that most labels stay as they are.
        """
        scales = [_scale(column) for column in np.asarray(values, np.float64).T]
        return cls(tuple(shift for shift, _ in scales), tuple(unit for _, unit in scales))

    @classmethod
    def from_dict(cls, saved: Mapping[str, Sequence[float]] | None) -> Self | None:
        """Return the scale that `to_dict` wrote; None where a model was saved without one."""
        return None if saved is None else cls(tuple(saved["shift"]), tuple(saved["unit"]))

    def to_dict(self) -> dict[str, Any]:
        """Return the scale as JSON can hold it."""
        return {"shift": list(self.shift), "unit": list(self.unit)}

    def reduce(self, values: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return labels (galaxy, column) as training sees them."""
        return ((np.asarray(values, np.float64) - self.shift) / self.unit).astype(np.float32)

    def restore(self, values: npt.ArrayLike) -> Floats:
        """Return labels or predictions (..., column) in the labels' own unit, as float64."""
        restored: Floats = np.asarray(values, np.float64) * self.unit + self.shift
        return restored

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return not any(self.shift) and all(unit == 1 for unit in self.unit)


def _scale(column: Floats) -> tuple[float, float]:
    """Return what to take off one column, and what to divide it by."""
    largest = float(np.abs(column).max(initial=0.0))
    if not largest or not np.isfinite(largest):
        return 0.0, 1.0
    relative = column / largest  # the squares of labels may be too large or too small for float64 too
    middle, spread = float(relative.mean() * largest), float(relative.std() * largest)
    if not spread:
        return 0.0, 1.0
    with np.errstate(over="ignore"):
        rounded = np.abs(column - column.astype(np.float32)).max()
    if largest <= LARGEST and spread >= SMALLEST and rounded <= ROUNDING * spread:
        return 0.0, 1.0
    unit = float(2.0 ** np.clip(np.rint(np.log2(spread)), -1000, 1000))
    return (float(np.rint(middle / unit) * unit) if abs(middle) > 1e3 * spread else 0.0), unit
