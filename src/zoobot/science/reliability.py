"""Do probabilities mean what they say?

The module has reliability curves, the calibration error, and what chance alone would make of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.errors import OptionError
from zoobot.ranges import bounded
from zoobot.science.groups import Groups
from zoobot.science.intervals import share

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

MOST_BINS = 15
FEWEST_A_BIN = 10
"""Galaxies in a bin, if there are so many at all"""

DRAWS = 500
"""Sets of labels drawn to learn what chance does"""
MOST_DRAWN = 20_000_000
"""Labels drawn in all, beyond which there are fewer draws"""
FEWEST_DRAWS = 100


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """What was predicted and what came true, in bins of about as many galaxies each.

    Arrays are (bin,), in rising order.

    Attributes
    ----------
    predicted : ndarray
        Mean predicted probability, 0 to 1.
    observed : ndarray
        Share of the galaxies of which it was true, 0 to 1.
    low, high : ndarray
        95% interval of that share; see `zoobot.science.intervals.share`.
    count : ndarray
        Galaxies.
    """

    predicted: Values
    observed: Values
    low: Values
    high: Values
    count: NDArray[np.int64]

    def to_frame(self) -> pd.DataFrame:
        """Return the curve as a table of one row per bin."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in ("predicted", "observed", "low", "high", "count")})

    def ece(self) -> float:
        r"""Return the expected calibration error, less what chance adds to it; see `expected_calibration_error`."""
        return float(_debiased(self.predicted, self.observed, self.count))


@dataclass(frozen=True)
class ChanceEce:
    """What calibration error chance alone gives to probabilities that mean exactly what they say.

    Attributes
    ----------
    median, q95 : float
        Median and 95th percentile over sets of labels drawn from the probabilities.
    """

    median: float
    q95: float

    def to_dict(self) -> dict[str, float]:
        """Return it as JSON can hold it."""
        return {"median": self.median, "q95": self.q95}


@bounded()
def reliability_curve(
    predicted: ArrayLike, happened: ArrayLike, *, bins: int | None = None, groups: ArrayLike | None = None
) -> ReliabilityCurve:
    """Compare predicted probabilities with what came true.

    Bins have equally many galaxies but for ties: galaxies of the same probability are never parted, so that the order
    of the rows does not matter.

    Parameters
    ----------
    predicted : array_like of shape (galaxy,)
        Probabilities, 0 to 1.
    happened : array_like of shape (galaxy,)
        1 or True where it was so, else 0.
    bins : int, optional
        At most so many. Default: as many as have 10 galaxies each, at least 1 and at most 15.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, count as one in the intervals.

    Raises
    ------
    OptionError
        No galaxies, shapes that differ, probabilities outside 0 to 1 (or NaN), or fewer than one bin.
    """
    p, true = _checked(predicted, happened)
    bin_of, count = _equal_mass(p, bins)
    together = None if groups is None else np.asarray(groups)
    shares = [
        share(true[bin_of == place], None if together is None else together[bin_of == place])
        for place in range(len(count))
    ]
    low, high = np.array([(one.low, one.high) for one in shares]).T
    observed = np.bincount(bin_of, weights=true) / count
    return ReliabilityCurve(np.bincount(bin_of, weights=p) / count, observed, low, high, count)


@bounded()
def expected_calibration_error(predicted: ArrayLike, happened: ArrayLike, *, bins: int | None = None) -> float:
    r"""Return the debiased expected calibration error, 0 to 1.

    With :math:`n_b` of :math:`n` galaxies in bin :math:`b` (equal mass), their mean probability :math:`p_b` and the
    share
    :math:`o_b` of which it was true,

    .. math::

        \mathrm{ECE} = \max\Big(0, \sum_b \frac{n_b}{n} \big(2 |d_b| - \mathrm{E}|d_b + s_b z|\big)\Big), \quad
        d_b = p_b - o_b, \quad s_b^2 = \frac{\tilde o_b (1 - \tilde o_b)}{n_b}, \quad
        \tilde o_b = \frac{n_b o_b + 1}{n_b + 2}

    with :math:`z` standard normal. The plain error :math:`\sum_b (n_b / n) |d_b|` is above 0 by chance even where the
    probabilities are right; what one more round of chance adds to it is taken off (Kumar, Liang & Ma 2019, NeurIPS,
    arXiv:1909.10155, who draw :math:`z` where its mean is known). :math:`\tilde o_b` in place of :math:`o_b` keeps bins
    in which all galaxies agree from counting as free of chance. Equal mass: Roelofs et al. 2022, AISTATS,
    arXiv:2012.08668. Some of the bias stays: compare with `ece_of_perfect`.

    Parameters, Raises
    ------------------
    As for `reliability_curve`.
    """
    return reliability_curve(predicted, happened, bins=bins).ece()


@bounded()
def ece_of_perfect(
    predicted: ArrayLike,
    *,
    bins: int | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> ChanceEce:
    """Return the calibration error of as many galaxies with these probabilities by chance.

    Each is true exactly so often as it says.

    Parameters
    ----------
    predicted, bins, draws, seed, groups
        As for `errors_of_perfect`.

    Raises
    ------
    OptionError
        See `errors_of_perfect`.
    """
    errors = errors_of_perfect(predicted, bins=bins, draws=draws, seed=seed, groups=groups)
    return ChanceEce(float(np.median(errors)), float(np.quantile(errors, 0.95)))


@bounded()
def errors_of_perfect(
    predicted: ArrayLike,
    *,
    bins: int | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Values:
    """Return calibration errors (draw,) of labels that are drawn from the probabilities again and again.

    Parameters
    ----------
    predicted : array_like of shape (galaxy,) or (galaxy, event)
        Probabilities, 0 to 1. Of several events (the labels of a multi-label model) the mean error is taken.
    bins
        As for `reliability_curve`.
    draws : int
        Sets of labels; fewer, but at least 100, where that would be more than 2 * 10^7 labels.
    seed : int
        Of the draws.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, have their labels from one draw.

    Raises
    ------
    OptionError
        No galaxies, probabilities outside 0 to 1 (or NaN), or fewer than one draw or bin.
    """
    columns = np.asarray(predicted, dtype=np.float64)
    columns = columns.reshape(len(columns), -1)
    fewer = max(FEWEST_DRAWS, MOST_DRAWN // max(columns.size, 1))
    rng, own = np.random.default_rng(seed), Groups.of(groups, len(columns))
    each = [_chance_errors(p, bins, min(draws, fewer), rng, own) for p in columns.T]
    return np.asarray(np.mean(each, axis=0))


def log_loss(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean negative log probability (nats) of classes ``labels`` (galaxy,).

    ``probabilities`` are (galaxy, class).
    """
    p = np.asarray(probabilities, dtype=np.float64)
    own = p[np.arange(len(p)), np.asarray(labels).astype(int)]
    return float(-np.log(np.clip(own, 1e-15, None)).mean())


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    r"""Return the mean squared error of probabilities (Brier 1950): 0 is perfect.

    :math:`\frac{1}{n} \sum_i \sum_k (p_{ik} - y_{ik})^2` of ``probabilities`` (galaxy, class) and classes ``labels``
    (galaxy,), from 0 to 2; of two classes half of it, from 0 to 1, which is :math:`(p - y)^2` of either class.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    one_hot = np.eye(p.shape[1])[np.asarray(labels).astype(int)]
    return float(((p - one_hot) ** 2).sum(axis=1).mean() / (2 if p.shape[1] == 2 else 1))


def headline_events(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Values, Values]:
    """Return the probabilities whose calibration stands for that of a classifier.

    Also returned is whether each came true. Both are (galaxy,). Of two classes: that of the second class, which says
    all there is. Of more: that of the most probable class (the confidence), true where it is the galaxy's class.
    """
    p, classes = np.asarray(probabilities, dtype=np.float64), np.asarray(labels).astype(int)
    if p.shape[1] == 2:
        return p[:, 1], (classes == 1).astype(np.float64)
    return p.max(axis=1), (p.argmax(axis=1) == classes).astype(np.float64)


def calibration_scores(
    probabilities: ArrayLike, labels: ArrayLike, class_names: list[str], *, groups: ArrayLike | None = None
) -> dict[str, Any]:
    """Return what ``metrics.json`` says of the calibration of exclusive classes.

    Parameters
    ----------
    probabilities : array_like of shape (galaxy, class)
        Rows sum to 1.
    labels : array_like of shape (galaxy,)
        Whole numbers.
    class_names : list of str
        One per class.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, belong together.

    Returns
    -------
    ``log_loss``, ``ece`` (of `headline_events`), ``brier``, ``ece_perfect`` (``median`` and ``q95``: see
    `ece_of_perfect`) and ``ece_by_class`` (each class against the rest, which is the same for both of two).
    """
    p, classes = np.asarray(probabilities, dtype=np.float64), np.asarray(labels).astype(int)
    predicted, happened = headline_events(p, classes)
    ece = expected_calibration_error(predicted, happened)
    return {
        "log_loss": log_loss(p, classes),
        "ece": ece,
        "brier": brier_score(p, classes),
        "ece_perfect": ece_of_perfect(predicted, groups=groups).to_dict(),
        "ece_by_class": {
            name: ece if p.shape[1] == 2 else expected_calibration_error(p[:, place], classes == place)
            for place, name in enumerate(class_names)
        },
    }


def multi_label_calibration_scores(
    probabilities: ArrayLike, labels: ArrayLike, names: list[str], *, groups: ArrayLike | None = None
) -> dict[str, Any]:
    """Return what ``metrics.json`` says of the calibration of independent labels.

    They are means over labels, and ``ece_by_class`` is each label's.

    Parameters
    ----------
    probabilities, labels : array_like of shape (galaxy, label)
        Probabilities, and 0 or 1.
    names : list of str
        One per label.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, belong together.
    """
    p, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    each = {name: expected_calibration_error(p[:, place], truth[:, place]) for place, name in enumerate(names)}
    losses = [log_loss(np.stack([1 - column, column], axis=1), own) for column, own in zip(p.T, truth.T, strict=True)]
    return {
        "log_loss": float(np.mean(losses)),
        "ece": float(np.mean(list(each.values()))),
        "brier": float(((p - truth) ** 2).mean()),
        "ece_perfect": ece_of_perfect(p, groups=groups).to_dict(),
        "ece_by_class": each,
    }


def _checked(predicted: ArrayLike, happened: ArrayLike) -> tuple[Values, Values]:
    p, true = np.asarray(predicted, dtype=np.float64), np.asarray(happened, dtype=np.float64)
    if p.ndim != 1 or p.shape != true.shape:
        msg = f"probabilities of shape {p.shape} and outcomes of shape {true.shape}: expected one of each a galaxy."
        raise OptionError(msg)
    if not ((true == 0) | (true == 1)).all():
        msg = f"outcomes {np.unique(true)[:5].tolist()}: expected 0 or 1, for false or true."
        raise OptionError(msg)
    return p, true


def _equal_mass(p: Values, bins: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each galaxy's bin, numbered by rising probability, and the number of galaxies in each."""
    if not len(p) or not ((p >= 0) & (p <= 1)).all():
        msg = (
            f"{len(p)} probabilities, of which {int((~((p >= 0) & (p <= 1))).sum())} are not between 0 and 1: leave "
            "those out."
        )
        raise OptionError(msg)
    wanted = bins or int(np.clip(len(p) // FEWEST_A_BIN, 1, MOST_BINS))
    places = np.arange(1, wanted) * len(p) // wanted
    lowest = np.unique(np.sort(p)[places])  # of each bin but the first
    _, bin_of, count = np.unique(np.searchsorted(lowest, p, side="right"), return_inverse=True, return_counts=True)
    return bin_of, count


def _debiased(predicted: Values, observed: Values, count: NDArray[np.int64]) -> Values:
    """Return the error (...,) of bins (..., bin); see `expected_calibration_error`."""
    from scipy.special import ndtr

    d = np.abs(predicted - observed)
    shrunk = (count * observed + 1) / (count + 2)
    s = np.sqrt(shrunk * (1 - shrunk) / count)
    again = s * np.sqrt(2 / np.pi) * np.exp(-((d / s) ** 2) / 2) + d * (1 - 2 * ndtr(-d / s))
    error: Values = np.clip(((2 * d - again) * count).sum(axis=-1) / count.sum(), 0, 1)
    return error


def _chance_errors(p: Values, bins: int | None, draws: int, rng: np.random.Generator, groups: Groups) -> Values:
    """Return the errors (draw,) of labels drawn from probabilities (galaxy,), one draw for all galaxies of a group."""
    bin_of, count = _equal_mass(p, bins)
    order = np.argsort(bin_of, kind="stable")
    starts = np.concatenate([[0], np.cumsum(count)[:-1]])
    ordered, codes, observed = p[order], groups.codes[order], np.empty((draws, len(count)))
    for draw in range(draws):
        observed[draw] = np.add.reduceat((rng.random(groups.count)[codes] < ordered).astype(np.float64), starts)
    return _debiased(np.add.reduceat(ordered, starts) / count, observed / count, count)
