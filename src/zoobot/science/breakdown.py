"""How good a model is for bright and faint, near and far galaxies.

Scores are in bins of any column, with counts and intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.errors import OptionError
from zoobot.ranges import bounded
from zoobot.science.intervals import Measured, balanced_share, mean, share
from zoobot.science.loss_intervals import explained, mae, rmse
from zoobot.science.ranking_intervals import mean_auroc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]
    Measure = Callable[[Values, Any, ArrayLike | None], Measured]

MOST_NAMES = 12
"""Rarer names are put together as ``(other)``"""

ENDS = ("_low", "_high")
ABSENT, OTHER = "(absent)", "(other)"

FEWEST = 5
"""Galaxies that a score of numbers takes; classes with fewer in a bin are left out of its scores other than accuracy"""

CLASS_SCORES: dict[str, Measure] = {
    "balanced_accuracy": lambda p, truth, groups: balanced_share(p.argmax(axis=1) == truth, truth, groups),
    "auroc": mean_auroc,
}
NUMBER_SCORES: dict[str, Measure] = {
    "rmse": rmse,
    "mae": mae,
    "bias": lambda guess, truth, groups: mean(guess - truth, groups),
    "r2": explained,
}


@bounded()
def bin_column(values: pd.Series[Any], n_bins: int = 5) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Put the values of a column into bins: numbers into bins of equally many galaxies, names each into its own.

    Numbers of few different values (at most ``n_bins``) have a bin each. NaN and empty are a bin of their own, the
    last.

    Returns
    -------
    The bin of each row, and a table with a row per bin: ``bin`` (as one reads it), ``low`` and ``high`` (of numbers:
    smallest and largest value in it), ``middle`` (their median); the latter three NaN for names.

    Raises
    ------
    OptionError
        Fewer than one bin.
    """
    absent = values.isna().to_numpy() | (values.astype(str).str.strip() == "").to_numpy()
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    place = np.full(len(values), -1)
    if numeric:
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        absent |= ~np.isfinite(numbers)
        place[~absent] = _equal_mass(numbers[~absent], n_bins)
        rows = [_described(numbers[place == one]) for one in range(place.max() + 1)]
    else:
        names = values.astype(str).where(~absent)
        kept = list(names.value_counts().index[:MOST_NAMES])
        place = names.map({name: number for number, name in enumerate(kept)}).fillna(len(kept)).to_numpy(int)
        rows = [(name, np.nan, np.nan, np.nan) for name in kept]
        if (~absent & (place == len(kept))).any():
            rows.append((OTHER, np.nan, np.nan, np.nan))
    if absent.any():
        place[absent] = len(rows)
        rows.append((ABSENT, np.nan, np.nan, np.nan))
    return place.astype(np.int64), pd.DataFrame(rows, columns=["bin", "low", "high", "middle"])


@bounded()
def breakdown(
    column: pd.Series[Any],
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    class_names: Sequence[str] = (),
    n_bins: int = 5,
    groups: ArrayLike | None = None,
) -> pd.DataFrame:
    """Return scores in bins of a column, with their 95% intervals.

    Parameters
    ----------
    column
        (galaxy,) of the catalog: a magnitude, a redshift, a survey's name.
    predictions
        Of classes: probabilities (galaxy, class). Of numbers: values (galaxy,). Finite.
    labels
        (galaxy,) the class as a whole number from 0, or the true number.
    class_names
        Of the classes; empty for numbers.
    n_bins
        Bins of a column of numbers.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, belong together.

    Returns
    -------
    One row per bin, the first of all galaxies: ``bin``, ``low``, ``high``, ``middle``, ``n``, and

    - of classes: ``n_<class>``, ``accuracy``, ``balanced_accuracy`` (mean recall of the classes with five galaxies or
      more in the bin), ``auroc`` (of more than two classes, the mean of each of those against the others of them);
    - of numbers: ``rmse``, ``mae``, ``bias`` (predicted less true), ``r2``;

    each with ``<score>_low`` and ``<score>_high`` (`zoobot.science.intervals`), NaN where the bin has too few galaxies
    for an interval. Scores of one such class only, or of fewer than five galaxies, are NaN: there the counts say all
    there is.

    Raises
    ------
    OptionError
        Fewer than one bin, or predictions, labels and column of different lengths.
    """
    guess, truth = np.asarray(predictions, dtype=np.float64), np.asarray(labels)
    if not len(column) == len(guess) == len(truth):
        msg = f"the column has {len(column)} rows, predictions {len(guess)} and labels {len(truth)}. They must agree."
        raise OptionError(msg)
    place, bins = bin_column(column, n_bins)
    everything = pd.DataFrame([("all", np.nan, np.nan, np.nan)], columns=bins.columns)
    rows, together = [], None if groups is None else np.asarray(groups)
    for own in (np.ones(len(truth), bool), *(place == one for one in range(len(bins)))):
        theirs = None if together is None else together[own]
        if class_names:
            rows.append(_class_scores(guess[own], truth[own].astype(np.int64), class_names, theirs))
        else:
            rows.append(_number_scores(guess[own], truth[own].astype(np.float64), theirs))
    return pd.concat([pd.concat([everything, bins], ignore_index=True), pd.DataFrame(rows)], axis=1)


def _class_scores(
    guess: Values, labels: NDArray[np.int64], names: Sequence[str], groups: ArrayLike | None
) -> dict[str, float]:
    counts = np.bincount(labels, minlength=len(names))
    row: dict[str, float] = {"n": len(labels)}
    row |= {f"n_{name}": int(count) for name, count in zip(names, counts, strict=True)}
    row |= _ends("accuracy", share(guess.argmax(axis=1) == labels, groups))
    own = np.isin(labels, np.flatnonzero(counts >= FEWEST))
    theirs = None if groups is None else np.asarray(groups)[own]
    known = (counts >= FEWEST).sum() > 1
    return row | _measured(CLASS_SCORES, guess[own], labels[own], theirs, known=known)


def _number_scores(guess: Values, numbers: Values, groups: ArrayLike | None) -> dict[str, float]:
    return {"n": len(numbers)} | _measured(NUMBER_SCORES, guess, numbers, groups, known=len(numbers) >= FEWEST)


def _measured(
    scores: dict[str, Measure], guess: Values, truth: Any, groups: ArrayLike | None, *, known: bool
) -> dict[str, float]:
    """Return each score with its interval; NaN where too little is known."""
    nan = float("nan")
    found: dict[str, float] = {}
    for name, measure in scores.items():
        found |= _ends(name, measure(guess, truth, groups)) if known else {f"{name}{end}": nan for end in ("", *ENDS)}
    return found


def _ends(name: str, found: Measured) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _equal_mass(numbers: Values, n_bins: int) -> NDArray[np.int64]:
    """Return the bin of each number: equal values stay together, and bins that would be empty are left out."""
    if not len(numbers):
        return np.zeros(0, np.int64)
    edges = np.unique(numbers)
    if len(edges) > n_bins:
        edges = np.unique(np.sort(numbers)[len(numbers) * np.arange(n_bins) // n_bins])
    return np.unique(np.searchsorted(edges, numbers, side="right"), return_inverse=True)[1].astype(np.int64)


def _described(numbers: Values) -> tuple[str, float, float, float]:
    low, high = float(numbers.min()), float(numbers.max())
    text = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    return text, low, high, float(np.median(numbers))
