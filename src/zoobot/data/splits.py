"""Splitting a catalog into training, validation and test parts: stratified, seeded, with groups kept together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.data.ids import refuse_rounded
from zoobot.data.sentinels import class_sentinels
from zoobot.data.text import as_numbers, tidy_text
from zoobot.errors import OptionError, SplitError

if TYPE_CHECKING:
    import numpy.typing as npt

PART_NAMES = ("training", "validation", "test")


def group_codes(groups: pd.Series[Any]) -> npt.NDArray[np.int64]:
    """Return the number of each row's group (row,).

    Rows with the same value share one, and a row without a value stands alone. Text that means "missing" is no value:
    see `zoobot.data.text.MISSING_WORDS`.

    Raises
    ------
    CatalogError
        Float numbers too large to be exact, which may be the same for different groups.

    Examples
    --------
    >>> import pandas as pd
    >>> group_codes(pd.Series(["m31", None, "m31", ""])).tolist()
    [0, 1, 0, 2]
    """
    refuse_rounded(groups, f"the group column {groups.name!r}")
    groups = tidy_text(groups)
    missing = groups.isna().to_numpy()
    codes: npt.NDArray[np.int64] = pd.factorize(groups)[0].astype(np.int64)
    codes[missing] = codes.max(initial=-1) + 1 + np.arange(missing.sum())
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def group_notes(groups: pd.Series[Any]) -> list[str]:
    """Return what is odd about groups, in sentences.

    They say how many rows have no group, and which groups are sentinels such as -99.

    Examples
    --------
    >>> import pandas as pd
    >>> group_notes(pd.Series([12, 12, -99, -99, 7], name="tile"))
    ["2 galaxies have the group -99 in column 'tile', which may stand for 'no group': they stay in one part. Leave it
    blank if it does."]
    """
    values = as_numbers(tidy_text(groups)).astype(object)
    counts = values.value_counts()
    said = []
    if len(values) > counts.sum():
        said.append(
            f"{len(values) - counts.sum()} of {len(values)} galaxies have no group in column {groups.name!r}: each "
            "stands alone."
        )
    if all(isinstance(value, (int, float)) for value in counts.index):
        said += [
            f"{counts[value]} galaxies have the group {value:.0f} in column {groups.name!r}, which may stand for 'no "
            "group': they stay in one part. Leave it blank if it does."
            for value in class_sentinels(list(counts.index))
            if counts[value] > 1
        ]
    return said


def split_rows(
    n_rows: int,
    fractions: Sequence[float],
    *,
    strata: npt.NDArray[np.int64] | None = None,
    groups: npt.NDArray[np.int64] | None = None,
    seed: int = 42,
) -> list[npt.NDArray[np.int64]]:
    """Return the rows of each part, in ascending order; together they are all rows, each once.

    Parameters
    ----------
    n_rows
        How many rows the catalog has.
    fractions
        The share of each part (training, validation, test), any positive numbers that sum to 1; a part of 0 is empty.
    strata
        (row,) whole numbers: the class of each row. Each class is shared among the parts in the same proportions, and
        each part has at least one row of it. None: the split is random.
    groups
        (row,) whole numbers: rows with the same number (one object, one tile) stay in one part.
    seed
        The same seed and rows give the same parts.

    Raises
    ------
    OptionError
        Fractions that are negative or don't sum to 1.
    SplitError
        Too few rows or groups to fill each part, or a class with too few to be in each.
    """
    shares = np.asarray(fractions, float)
    if (shares < 0).any() or not np.isclose(shares.sum(), 1) or shares[0] == 0:
        msg = f"the split fractions {tuple(fractions)} must be 0 or more, the first above 0, and sum to 1."
        raise OptionError(msg)
    units = np.arange(n_rows) if groups is None else np.unique(groups, return_inverse=True)[1]
    classes = np.zeros(n_rows, np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    n_units, n_parts = int(units.max(initial=-1)) + 1, int((shares > 0).sum())
    if n_units < n_parts:
        what = "galaxies" if groups is None else "groups of galaxies"
        msg = (
            f"{n_units} {what} are too few to split into {n_parts} parts. Label more, or give separate catalogs for "
            "the parts."
        )
        raise SplitError(msg)
    counts = np.zeros((n_units, int(classes.max()) + 1), np.int64)
    np.add.at(counts, (units, classes), 1)
    part_of_unit = _deal(counts, shares, np.random.default_rng(seed))
    parts = [np.flatnonzero(part_of_unit[units] == part) for part in range(len(shares))]
    for part, rows in enumerate(parts):
        if shares[part] > 0 and len(rows) == 0:
            msg = (
                f"the {PART_NAMES[part]} part came out empty: {n_units} groups can't be shared in proportion "
                f"{tuple(fractions)}. Use smaller groups."
            )
            raise SplitError(msg)
    return parts


def _deal(
    counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return each unit a part, so that the rows of each class come as near to their shares as whole units allow.

    ``counts`` is (unit, class). Units of one row are dealt class by class in one step; larger ones one by one, the
    largest first, each to the part that still lacks most of what the unit holds.
    """
    n_units, n_classes = counts.shape
    wanted = _whole_shares(counts.sum(axis=0), shares)  # (class, part)
    part_of_unit = np.empty(n_units, np.int64)
    order = rng.permutation(n_units)
    if (counts.sum(axis=1) == 1).all():
        for label in range(n_classes):
            members = order[counts[order, label] == 1]
            part_of_unit[members] = np.repeat(np.arange(len(shares)), wanted[label])
        return part_of_unit
    lacking = wanted.astype(float)
    for unit in order[np.argsort(-counts[order].sum(axis=1), kind="stable")]:
        gain = (counts[unit][:, None] * lacking / np.maximum(wanted, 1)).sum(axis=0)
        part = int(np.argmax(np.where(shares > 0, gain, -np.inf)))
        part_of_unit[unit] = part
        lacking[:, part] -= counts[unit]
    return part_of_unit


def _whole_shares(class_sizes: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Share each class's rows among the parts in whole numbers (class, part): largest remainders, at least one each."""
    exact = class_sizes[:, None] * shares
    whole = np.floor(exact).astype(np.int64)
    whole = np.maximum(whole, (shares > 0).astype(np.int64))
    for label, size in enumerate(class_sizes):
        while whole[label].sum() < size:
            whole[label, np.argmax(exact[label] - whole[label])] += 1
        while whole[label].sum() > size:
            spare = whole[label] > (1 if whole[label].max() > 1 else 0)
            whole[label, np.argmax(np.where(spare, whole[label] - exact[label], -np.inf))] -= 1
    return whole


def check_every_class(
    parts: Sequence[npt.NDArray[np.int64]], strata: npt.NDArray[np.int64], class_names: Sequence[str], *, grouped: bool
) -> None:
    """Raise a SplitError where a class has no row in one of the parts that have rows."""
    for part, rows in enumerate(parts):
        absent = np.setdiff1d(strata, strata[rows])
        if len(rows) and len(absent):
            label = int(absent[0])
            size = int((strata == label).sum())
            held = f"its {size} galaxies lie in too few groups" if grouped else f"it has {size} in all"
            msg = (
                f"class {class_names[label]!r} has no galaxy in the {PART_NAMES[part]} part: {held}. "
                "Label more of it, leave the class out, give separate catalogs for the parts, or set stratify=False."
            )
            raise SplitError(msg)
