"""How good a model is for bright and faint, near and far galaxies: scores in bins of any column, with counts and intervals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.errors import OptionError
from zoobot.science import resampling
from zoobot.science.reliability import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]
    Score = Callable[[Values, Any, Values], Values]

MOST_NAMES = 12
"""Rarer names are put together as ``(other)``"""

ABSENT, OTHER = "(absent)", "(other)"

FEWEST = 5
"""Galaxies that a bootstrapped score takes; classes with fewer in a bin are left out of its scores other than accuracy"""

CLASS_SCORES: dict[str, Score] = {
    "balanced_accuracy": resampling.balanced_accuracy, "auroc": resampling.mean_auroc
}  # fmt: skip
NUMBER_SCORES: dict[str, Score] = {
    "rmse": resampling.rmse, "mae": resampling.mae, "bias": resampling.bias, "r2": resampling.r2
}  # fmt: skip


def bin_column(values: pd.Series[Any], n_bins: int = 5) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Put the values of a column into bins: numbers into bins of equally many galaxies, names each into its own.

    Numbers of few different values (at most ``n_bins``) have a bin each. NaN and empty are a bin of their own, the last.

    Returns
    -------
    The bin of each row, and a table with a row a bin: ``bin`` (as one reads it), ``low`` and ``high`` (of numbers: smallest and largest
    value in it), ``middle`` (their median); the latter three NaN for names.

    Raises
    ------
    OptionError
        Fewer than one bin.
    """
    if n_bins < 1:
        msg = f"n_bins={n_bins} must be at least 1."
        raise OptionError(msg)
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


def breakdown(
    column: pd.Series[Any],
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    class_names: Sequence[str] = (),
    n_bins: int = 5,
    n_boot: int = 400,
    seed: int = 42,
) -> pd.DataFrame:
    """Give scores in bins of a column, with their 95% intervals.

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
    n_boot
        Bootstrap samples.
    seed
        Of the samples.

    Returns
    -------
    One row a bin, the first of all galaxies: ``bin``, ``low``, ``high``, ``middle``, ``n``, and

    - of classes: ``n_<class>``, ``accuracy``, ``balanced_accuracy`` (mean recall of the classes with five galaxies or more in the bin),
      ``auroc`` (of more than two classes, the mean of each of those against the others of them);
    - of numbers: ``rmse``, ``mae``, ``bias`` (predicted less true), ``r2``;

    each with ``<score>_low`` and ``<score>_high``: Wilson's for accuracy (E. B. Wilson 1927), else percentiles of the bootstrap, within
    classes. Scores of one such class only, or of fewer than five galaxies, are NaN: there the counts say all there is.

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
    rows = []
    for own in (np.ones(len(truth), bool), *(place == one for one in range(len(bins)))):
        if class_names:
            rows.append(_class_scores(guess[own], truth[own].astype(np.int64), class_names, n_boot, seed))
        else:
            rows.append(_number_scores(guess[own], truth[own].astype(np.float64), n_boot, seed))
    return pd.concat([pd.concat([everything, bins], ignore_index=True), pd.DataFrame(rows)], axis=1)


def _class_scores(
    guess: Values, labels: NDArray[np.int64], names: Sequence[str], n_boot: int, seed: int
) -> dict[str, float]:
    counts = np.bincount(labels, minlength=len(names))
    row: dict[str, float] = {"n": len(labels)}
    row |= {f"n_{name}": int(count) for name, count in zip(names, counts, strict=True)}
    hits = int((guess.argmax(axis=1) == labels).sum())
    low, high = wilson_interval(hits, len(labels))
    row |= {"accuracy": hits / len(labels), "accuracy_low": float(low), "accuracy_high": float(high)}
    own = np.isin(labels, np.flatnonzero(counts >= FEWEST))
    draws = n_boot if (counts >= FEWEST).sum() > 1 else 0
    return row | _bootstrapped(CLASS_SCORES, guess[own], labels[own], labels[own], draws, seed)


def _number_scores(guess: Values, numbers: Values, n_boot: int, seed: int) -> dict[str, float]:
    draws = n_boot if len(numbers) >= FEWEST else 0
    return {"n": len(numbers)} | _bootstrapped(NUMBER_SCORES, guess, numbers, np.zeros(len(numbers)), draws, seed)


def _bootstrapped(
    scores: dict[str, Score], guess: Values, truth: Any, strata: NDArray[Any], n_boot: int, seed: int
) -> dict[str, float]:
    """Give each score with its interval; NaN without samples."""
    names = [f"{name}{end}" for name in scores for end in ("", "_low", "_high")]
    if not n_boot:
        return dict.fromkeys(names, float("nan"))
    once = np.ones((1, len(truth)))
    drawn: dict[str, list[Values]] = {name: [] for name in scores}
    for counts in resampling.bootstrap_counts(n_boot, strata, seed=seed):
        for name, score in scores.items():
            drawn[name].append(score(guess, truth, counts))
    values: list[float] = []
    for name, score in scores.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # all NaN where the truth has no spread
            low, high = np.nanpercentile(np.concatenate(drawn[name]), [2.5, 97.5])
        values += [float(score(guess, truth, once)[0]), float(low), float(high)]
    return dict(zip(names, values, strict=True))


def _equal_mass(numbers: Values, n_bins: int) -> NDArray[np.int64]:
    """Give the bin of each number: equal values stay together, and bins that would be empty are left out."""
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
