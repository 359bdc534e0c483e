"""The figures of a set of predictions: each score with its interval, and whether it can be told from chance.

What `metrics.json`, the terminal, the report and Python say of a model's scores comes from here. Keys are those of the
scores in ``metrics.json``, and the values are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.science import chance
from zoobot.science.chance import holm
from zoobot.science.figure import Figure
from zoobot.science.groups import Groups
from zoobot.science.intervals import Measured, balanced_share, mean_of, none, positive_mean, share
from zoobot.science.loss_intervals import brier, explained, log_loss, mae, rmse, skill
from zoobot.science.metric import AUROC, LOSS, SKILL, Metric, metric_of
from zoobot.science.ranking_intervals import (
    auroc,
    mean_auroc,
    mean_average_precision,
    rank_correlation,
)
from zoobot.science.reliability import errors_of_perfect, expected_calibration_error, headline_events
from zoobot.science.shuffles import Chance

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

Figures = dict[str, Any]
"""A `Figure` by the name of its score; under ``classes``, ``labels`` and ``targets`` the figures of each, by its name
"""

SHARE = Metric("share", "share")
GUESSING = 0.5
"""AUROC of predictions that know nothing"""

CLASS_MEASURES: dict[str, Callable[[Values, NDArray[np.int64], ArrayLike | None], Measured]] = {
    "accuracy": lambda p, truth, groups: share(p.argmax(axis=1) == truth, groups),
    "balanced_accuracy": lambda p, truth, groups: _balanced(p, truth, groups),
    "auroc": mean_auroc,
    "average_precision": mean_average_precision,
    "log_loss": log_loss,
    "brier": brier,
}
"""How each score of exclusive classes is measured; those that are means over galaxies are so of independent labels too
"""


def class_figures(
    probabilities: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None, *, names: Sequence[str] = ()
) -> Figures:
    """Return the figures of exclusive classes.

    Parameters
    ----------
    probabilities : array_like of shape (galaxy, class)
        Finite; rows sum to 1.
    truth : array_like of shape (galaxy,)
        Class numbers.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, belong together.
    names
        Of the classes.

    Returns
    -------
    ``accuracy``, ``balanced_accuracy``, ``auroc`` and ``average_precision`` (of two classes the second's, of more the
    mean of each against the rest over the classes present), ``log_loss``, ``brier`` and ``ece`` (see
    `calibration_figure`). With names also ``classes``: of each its ``completeness``, ``purity`` and ``auroc`` against
    the rest, whose p-values are adjusted for the number of classes (Holm 1979).

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.arange(40) % 2
    >>> second = np.clip(0.3 + 0.4 * truth + 0.1 * np.sin(np.arange(40)), 0, 1)
    >>> figure = class_figures(np.stack([1 - second, second], axis=1), truth)["auroc"]
    >>> figure.value, round(figure.low, 2), figure.verdict
    (1.0, 0.83, 'better')
    """
    p, of = np.asarray(probabilities, dtype=np.float64), np.asarray(truth).astype(np.int64)
    own = Groups.of(groups, len(p))
    found: Figures = {
        name: figure_of(metric_of(name), measure(p, of, groups), own) for name, measure in CLASS_MEASURES.items()
    }
    found["auroc"] = _tested(found["auroc"], GUESSING, chance.mean_auroc_chance(p, of, groups))
    found["ece"] = calibration_figure(*headline_events(p, of), groups)
    if names:
        found["classes"] = _each_class(p, of, groups, names)
    return found


def _balanced(p: Values, truth: NDArray[np.int64], groups: ArrayLike | None) -> Measured:
    right = p.argmax(axis=1) == truth
    found = balanced_share(right, truth, groups)
    return found if len(np.unique(truth)) > 1 else none(float("nan"), found.influence, "all galaxies are of one class")


def _each_class(p: Values, truth: NDArray[np.int64], groups: ArrayLike | None, names: Sequence[str]) -> Figures:
    """Return the completeness, purity and AUROC of each class."""
    predicted = p.argmax(axis=1)
    together = None if groups is None else np.asarray(groups)

    def part(right: NDArray[np.bool_], rows: NDArray[np.bool_]) -> Figure:
        theirs = None if together is None else together[rows]
        return figure_of(SHARE, share(right[rows], theirs), Groups.of(theirs, int(rows.sum())))

    tests = [chance.auroc_chance(p[:, place], truth == place, groups) for place in range(len(names))]
    if len(names) == 2:  # both say the same
        tests[0] = tests[1]
    tests = _adjusted(tests) if len(names) > 2 else tests
    own = Groups.of(groups, len(p))
    return {
        name: {
            "completeness": part(predicted == truth, truth == place),
            "purity": part(predicted == truth, predicted == place),
            "auroc": _tested(figure_of(AUROC, auroc(p[:, place], truth == place, groups), own), GUESSING, tests[place]),
        }
        for place, name in enumerate(names)
    }


def label_figures(
    probabilities: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None, *, names: Sequence[str] = ()
) -> Figures:
    """Return the figures of independent labels: means over them, and under ``labels`` each label's own.

    Parameters
    ----------
    probabilities, truth : array_like of shape (galaxy, label)
        Finite, 0 to 1; 0 or 1.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, belong together.
    names
        Of the labels; numbers by default.

    Returns
    -------
    The keys of `class_figures`; means are over the labels that have the score. p-values of each label are adjusted for
    the number of labels (Holm 1979).
    """
    p, true = np.asarray(probabilities, dtype=np.float64), np.asarray(truth).astype(np.int64)
    own = Groups.of(groups, len(p))
    called = _called(names, p.shape[1])
    both = [np.stack([1 - column, column], axis=1) for column in p.T]
    parts = {
        name: [measure(one, label, groups) for one, label in zip(both, true.T, strict=True)]
        for name, measure in CLASS_MEASURES.items()
    }
    tests = _adjusted(
        [chance.auroc_chance(column, label == 1, groups) for column, label in zip(p.T, true.T, strict=True)]
    )
    found = {name: figure_of(metric_of(name), _mean(each, groups, called), own) for name, each in parts.items()}
    found["auroc"] = _tested(found["auroc"], GUESSING, chance.mean_label_auroc_chance(p, true, groups))
    found["ece"] = calibration_figure(p, true, groups)
    return found | {"labels": _nested(parts, called, own, {"auroc": (GUESSING, tests)})}


def calibration_figure(predicted: ArrayLike, happened: ArrayLike, groups: ArrayLike | None = None) -> Figure:
    """Return the expected calibration error, beside what chance makes of probabilities that are right.

    The p-value is the share of sets of labels, drawn from the probabilities, whose error is at least as large; see
    `zoobot.science.errors_of_perfect`. There is no interval: of few galaxies the error is mostly chance.

    Parameters
    ----------
    predicted, happened : array_like of shape (galaxy,) or (galaxy, event)
        Probabilities, and 1 where it was so; of several events the mean error is taken.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, belong together.
    """
    p, true = np.asarray(predicted, dtype=np.float64), np.asarray(happened, dtype=np.float64)
    own = Groups.of(groups, len(p))
    pairs = zip(p.reshape(len(p), -1).T, true.reshape(len(p), -1).T, strict=True)
    value = float(np.mean([expected_calibration_error(one, so) for one, so in pairs]))
    errors = errors_of_perfect(p, groups=groups)
    count = len(errors) + 1
    return Figure(
        value=value,
        n=len(p),
        n_groups=own.count,
        chance=float(np.median(errors)),
        sign=-1,
        p_value=float(((errors >= value).sum() + 1) / count),
        smallest_p=max(1 / count, _least_likely(p, own)),
        reason="compare it with what chance gives",
    )


def _least_likely(predicted: Values, groups: Groups) -> float:
    """Return the probability that all labels, one draw for each group, are the less likely ones.

    No p-value is smaller.
    """
    rarer = np.minimum(predicted, 1 - predicted).reshape(len(predicted), -1)
    smallest = np.ones((groups.count, rarer.shape[1]))
    np.minimum.at(smallest, groups.codes, rarer)
    return float(np.prod(smallest))


def number_figures(
    predicted: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None, *, names: Sequence[str] = ()
) -> Figures:
    """Return the figures of predicted numbers: means over targets, and under ``targets`` each target's own.

    Parameters
    ----------
    predicted, truth : array_like of shape (galaxy, target)
        Finite, in the targets' units.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, belong together.
    names
        Of the targets; numbers by default.

    Returns
    -------
    ``rmse``, ``mae``, ``r2`` and ``spearman``, the rank correlation; means are over the targets that have the score.
    p-values of each target are adjusted for their number (Holm 1979).
    """
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    own = Groups.of(groups, len(x))
    called = _called(names, x.shape[1])
    pairs = list(zip(x.T, y.T, strict=True))
    measures = {"rmse": rmse, "mae": mae, "r2": explained, "spearman": rank_correlation}
    parts = {name: [measure(guess, true, groups) for guess, true in pairs] for name, measure in measures.items()}
    tests = _adjusted([chance.rank_correlation_chance(guess, true, groups) for guess, true in pairs])
    found = {name: figure_of(metric_of(name), _mean(each, groups, called), own) for name, each in parts.items()}
    found["spearman"] = _tested(found["spearman"], 0.0, chance.mean_rank_correlation_chance(x, y, groups))
    return found | {"targets": _nested(parts, called, own, {"spearman": (0.0, tests)})}


def vote_figures(losses: ArrayLike, groups: ArrayLike | None = None, *, optimism: float = 0.0) -> Figures:
    """Return the ``skill`` and the ``loss`` of predicted votes.

    Parameters
    ----------
    losses : array_like of shape (galaxy, 2)
        Summed over questions, in nats: of the prediction, and of the best constant one; see
        `zoobot.science.vote_losses`.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one, such as copies of one object, belong together.
    optimism
        By how much the constant's mean loss is too low for having seen the votes; see
        `zoobot.science.constant_optimism`.
    """
    both = np.asarray(losses, dtype=np.float64)
    own = Groups.of(groups, len(both))
    found = figure_of(SKILL, skill(both, groups, optimism=optimism), own)
    return {
        "skill": _tested(found, 0.0, chance.skill_chance(both, groups, optimism=optimism)),
        "loss": figure_of(LOSS, positive_mean(both[:, 0], groups), own),
    }


def figures_to_dict(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures as JSON can hold them."""
    return {name: one.to_dict() if isinstance(one, Figure) else figures_to_dict(one) for name, one in figures.items()}


def figures_from_dict(saved: Mapping[str, Any]) -> Figures:
    """Return the figures that `figures_to_dict` gave; what is no figure is left out."""
    found: Figures = {}
    for name, one in saved.items():
        if not isinstance(one, Mapping):
            continue
        found[name] = Figure.from_dict(dict(one)) if {"n", "n_groups", "method"} <= set(one) else figures_from_dict(one)
    return found


def _called(names: Sequence[str], count: int) -> list[str]:
    return list(names) or [str(place) for place in range(count)]


def _mean(parts: list[Measured], groups: ArrayLike | None, names: Sequence[str]) -> Measured:
    """Return the mean over the parts that have a value, the reason of the first where none has."""
    kept = [place for place, part in enumerate(parts) if np.isfinite(part.value)]
    if not kept:
        return parts[0]
    return mean_of([parts[place] for place in kept], groups, names=[names[place] for place in kept])


def _adjusted(tests: list[Chance]) -> list[Chance]:
    """Return tests adjusted for their number.

    The smallest p-value that each could reach is adjusted as the first of Holm's.
    """
    p_values = holm([one.p_value for one in tests])
    count = int(np.isfinite(p_values).sum())
    return [Chance(float(p), min(1.0, one.smallest_p * count)) for p, one in zip(p_values, tests, strict=True)]


def _nested(
    parts: Mapping[str, list[Measured]],
    names: Sequence[str],
    groups: Groups,
    tests: Mapping[str, tuple[float, list[Chance]]],
) -> Figures:
    """Return each part's figures by its name."""
    found: Figures = {}
    for place, called in enumerate(names):
        own = {name: figure_of(metric_of(name), each[place], groups) for name, each in parts.items()}
        for name, (center, each_test) in tests.items():
            own[name] = _tested(own[name], center, each_test[place])
        found[called] = own
    return found


def figure_of(metric: Metric, found: Measured, groups: Groups) -> Figure:
    """Return what was measured of a score as its figure."""
    return Figure(
        value=found.value,
        low=found.low,
        high=found.high,
        method=found.method,
        n=len(groups.codes),
        n_groups=groups.count,
        sign=metric.sign,
        reason=found.reason,
    )


def _tested(figure: Figure, center: float, found: Chance) -> Figure:
    return replace(figure, chance=center, p_value=found.p_value, smallest_p=found.smallest_p)
