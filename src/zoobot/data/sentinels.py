"""Sentinels: numbers such as -99 and 9999 that stand for "not measured" among measurements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_NINES = re.compile(r"9+(\.9+|\.0)?")
_TYPE_LIMITS = frozenset(float(2**bits - less) for bits in (15, 31, 63) for less in (0, 1))
_LARGE = 1e15
"""From here on powers of ten (1e20, -1e30) are sentinels by name"""

UNMISTAKABLE = 10
"""An unnamed number is told from a measurement only where its distance is this many times that of the next"""
_FEWEST_OTHERS = 2
_AT_AN_END = 3
"""How many different sentinels are looked for at each end"""


@dataclass(frozen=True)
class Sentinel:
    """A number that probably stands for "not measured"."""

    value: float
    count: int
    is_certain: bool
    """A sentinel by name, repeated, and far outside the other values"""

    def __str__(self) -> str:
        return f"{repr(self.value).removesuffix('.0')} ({self.count} times)"


def is_named(value: float) -> bool:
    """Return whether a number is one that catalogs write for "not measured".

    Such numbers have two nines or more, or are the limits of integers, or 1e20.

    Examples
    --------
    >>> [is_named(value) for value in (-99.0, 999.0, 99.9, -9999.0, 1e20, -(2.0**63), 9.0, -1.0, 98.0)]
    [True, True, True, True, True, True, False, False, False]
    """
    size = abs(value)
    if size in _TYPE_LIMITS:
        return True
    if size >= _LARGE:
        return bool(np.isclose(np.log10(size), np.rint(np.log10(size)), rtol=0, atol=1e-9))
    text = repr(float(size))
    return _NINES.fullmatch(text) is not None and text.replace(".0", "").count("9") > 1


def find_sentinels(values: npt.ArrayLike) -> list[Sentinel]:
    """Return the sentinels among measurements.

    A number is one for certain if it is a sentinel by name (`is_named`), repeated, and farther from its nearest
    neighbor than that is from the median: it lies more than twice as far out as any other value. Suspected are also:
    such a number that occurs once; a sentinel by name that is repeated within the range of values of which most occur
    once; -1 below values from 0 on; and any other number but 0, repeated, that lies more than 11 times as far out as
    the next. Distances are taken on the number's own side of the median, so that a long tail on the other side hides
    nothing.

    Parameters
    ----------
    values
        (galaxy,); NaN and infinite ones are left aside.

    Returns
    -------
    list of Sentinel
        In ascending order.

    Examples
    --------
    >>> [str(one) for one in find_sentinels([0.2, 0.31, -9999, 0.25, 0.4, -9999, 0.28])]
    ['-9999 (2 times)']
    """
    flat = np.asarray(values, np.float64).ravel()
    flat = np.sort(flat[np.isfinite(flat)])
    unique, counts = np.unique(flat, return_counts=True)
    found: list[Sentinel] = []
    first, last = 0, len(unique)
    for _ in range(_AT_AN_END):
        if last - first > _FEWEST_OTHERS and (one := _at_an_end(unique[first:last], counts[first:last])):
            found.append(one)
            first += 1
    for _ in range(_AT_AN_END):
        if last - first > _FEWEST_OTHERS and (one := _at_an_end(-unique[first:last][::-1], counts[first:last][::-1])):
            found.append(Sentinel(-one.value, one.count, one.is_certain))
            last -= 1
    return sorted([*found, *_within(unique[first:last], counts[first:last])], key=lambda one: one.value)


def class_sentinels(codes: npt.ArrayLike) -> list[float]:
    """Return the sentinels by name among different class codes.

    A sentinel is negative below codes from 0 on, or far beyond the others. Far is more than twice the range of the
    others. Of 98 and 99, or of 0 and 99, neither is one: they may be all the classes there are.

    Examples
    --------
    >>> class_sentinels([0, 1, -99]), class_sentinels([1, 2, 99])
    ([-99.0], [99.0])
    >>> class_sentinels([97, 98, 99]), class_sentinels([0, 99])
    ([], [])
    """
    found: list[float] = []
    unique = np.unique(np.asarray(codes, np.float64))
    for value in unique:
        others = unique[unique != value]
        if not is_named(float(value)) or not len(others):
            continue
        gap, spread = np.abs(others - value).min(), np.ptp(others)
        if (value < 0 <= others.min()) or (len(others) > 1 and gap > 2 * spread):
            found.append(float(value))
    return found


def _at_an_end(unique: Floats, counts: npt.NDArray[np.int64]) -> Sentinel | None:
    """Return the lowest of ascending values, where it is a sentinel."""
    value, count = float(unique[0]), int(counts[0])
    others, many = unique[1:], counts[1:]
    median = others[np.searchsorted(np.cumsum(many), many.sum() / 2)]
    gap, reach = others[0] - value, median - others[0]
    named = is_named(value)
    if named and gap > reach:
        return Sentinel(value, count, count > 1)
    minus_one = value == -1 and others[0] >= 0 and count > 1
    unmistakable = count > 1 and value != 0 and reach > 0 and gap > UNMISTAKABLE * reach
    return Sentinel(value, count, False) if minus_one or unmistakable else None


def _within(unique: Floats, counts: npt.NDArray[np.int64]) -> list[Sentinel]:
    """Return sentinels by name that stand out among values of which most occur once."""
    often = np.flatnonzero(counts > 2)
    if not len(often) or (counts == 1).mean() < 0.8:
        return []
    return [Sentinel(float(unique[row]), int(counts[row]), False) for row in often if is_named(float(unique[row]))]
