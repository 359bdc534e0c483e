"""What calibration costs where probabilities are right, and gains where they are not.

It also measures whether sets of groups cover.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from covering.populations import ALONE, COPIES, FIELDS, Grouping
from covering.table import Job, Row
from zoobot.science import ScalingKind, fit_conformal_classes, fit_scaling, score_sets

NEW = 3000
"""Galaxies that the expected log loss is over"""
LEAST = 500
"""Samples at least of which the worst 1% are looked at"""


@dataclass(frozen=True)
class Fault:
    """What was done to logits whose probabilities are right."""

    name: str
    change: Callable[[np.ndarray], np.ndarray]


RIGHT = Fault("right", lambda logits: softmax(logits, axis=1))
FAULTS = (
    Fault("smoothed by 0.3", lambda logits: 0.7 * softmax(logits, axis=1) + 0.3 / logits.shape[1]),
    Fault("logits doubled", lambda logits: softmax(2 * logits, axis=1)),
)
SPREADS = (1.5, 3.0)
"""Standard deviations of right logits: with larger ones classes are told apart better"""
KINDS: tuple[tuple[ScalingKind, int], ...] = (("temperature", 2), ("temperature", 5), ("vector", 3), ("isotonic", 2))


def jobs() -> Iterator[Job]:
    """Simulate costs, gains and coverage.

    There is one row for each kind of calibration, number of galaxies, and kind of groups.
    """
    for grouping in (ALONE, FIELDS):
        for kind, n_classes in KINDS if grouping is ALONE else KINDS[:1]:
            for count in (25, 100, 400):
                label = f"{count}, {n_classes} classes" + (f" ({grouping.name})" if grouping.name else "")
                case = (kind, n_classes, count, grouping)
                if count == 25:
                    yield _harm(f"{kind}: mean cost where right, nats", label, *case, np.mean, "<= 0.002")
                    yield _harm(f"{kind}: cost of the worst 1%, nats", label, *case, _worst, "<= 0.03")
                yield _shown(f"{kind}: called shown where right", label, *case)
                if count >= 100:
                    yield _gain(f"{kind}: share of the gain that is kept", label, *case)
    for grouping in (ALONE, COPIES, FIELDS):
        for n_validation, n_test in ((12, 30), (40, 100), (200, 200)):
            label = f"{n_validation} validation, {n_test} test" + (f" ({grouping.name})" if grouping.name else "")
            yield _covered(label, n_validation, n_test, grouping)


def _fits(
    case: tuple[ScalingKind, int, int, Grouping], fault: Fault, spread: float, replicates: int, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return what calibration adds to the expected log loss in each sample.

    Also returned are whether the calibration is called shown, and the least loss to be had.
    """
    kind, n_classes, count, grouping = case
    logits = spread * np.random.default_rng(seed).normal(size=(NEW, n_classes))
    right, p = softmax(logits, axis=1), fault.change(logits)

    def loss(of: np.ndarray) -> float:
        return float(-(right * np.log(np.clip(of, 1e-12, 1))).sum(axis=1).mean())

    added, shown = [], []
    for number in range(replicates):
        rng = np.random.default_rng((seed, number))
        logits, labels = _sample(rng, count, n_classes, spread)
        codes = grouping.codes(rng, count)
        rows = np.arange(count) if codes is None else codes
        scaling = fit_scaling(fault.change(logits[rows]), labels[rows], kind, groups=codes, seed=number)
        added.append(loss(scaling.apply(p)) - loss(p))
        shown.append(scaling.evidence == "shown")
    return np.array(added), np.array(shown), loss(right) - loss(p)


def _sample(rng: np.random.Generator, count: int, n_classes: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Return logits whose probabilities are right, and classes."""
    logits = spread * rng.normal(size=(count, n_classes))
    summed = softmax(logits, axis=1).cumsum(axis=1)
    return logits, np.minimum((summed < rng.random((count, 1))).sum(axis=1), n_classes - 1)


def _harm(
    what: str, label: str, kind: ScalingKind, n_classes: int, count: int, grouping: Grouping,
    of: Callable[[np.ndarray], float], goal: str,
) -> Job:  # fmt: skip
    def run(replicates: int, seed: int) -> Row:
        case = (kind, n_classes, count, grouping)
        costs = [float(of(_fits(case, RIGHT, spread, max(replicates, LEAST), seed)[0])) for spread in SPREADS]
        worst = int(np.argmax(costs))
        return Row(what, label, costs[worst], f"logits of spread {SPREADS[worst]}", float(np.mean(costs)), goal)

    return Job(what, label, run)


def _shown(what: str, label: str, kind: ScalingKind, n_classes: int, count: int, grouping: Grouping) -> Job:
    def run(replicates: int, seed: int) -> Row:
        case = (kind, n_classes, count, grouping)
        rates = [float(_fits(case, RIGHT, spread, replicates, seed)[1].mean()) for spread in SPREADS]
        worst = int(np.argmax(rates))
        return Row(what, label, rates[worst], f"logits of spread {SPREADS[worst]}", float(np.mean(rates)), "<= 0.05")

    return Job(what, label, run)


def _gain(what: str, label: str, kind: ScalingKind, n_classes: int, count: int, grouping: Grouping) -> Job:
    def run(replicates: int, seed: int) -> Row:
        case = (kind, n_classes, count, grouping)
        kept, shown, names = [], [], []
        for fault in FAULTS:
            for spread in SPREADS:
                added, told, least = _fits(case, fault, spread, max(replicates // 5, 1), seed)
                kept.append(float(added.mean() / least))
                shown.append(float(told.mean()))
                names.append(f"{fault.name}, spread {spread}")
        worst = int(np.argmin(kept))
        note = f"called shown: {min(shown):.0%} to {max(shown):.0%}"
        return Row(what, label, kept[worst], names[worst], float(np.mean(kept)), ">= 0.5", note)

    return Job(what, label, run)


def _covered(label: str, n_validation: int, n_test: int, grouping: Grouping) -> Job:
    what = "90% sets: runs whose coverage is as expected"

    def run(replicates: int, seed: int) -> Row:
        inside, coverage = [], []
        for number in range(replicates):
            rng = np.random.default_rng((seed, number))
            scores = []
            for count in (n_validation, n_test):
                logits, labels = _sample(rng, count, 5, 1.5)
                codes = grouping.codes(rng, count)
                rows = np.arange(count) if codes is None else codes
                p = softmax(2 * logits[rows] + 0.2 * rng.normal(size=(len(rows), 5)), axis=1)
                scores.append((p, labels[rows], codes))
            conformal = fit_conformal_classes(*scores[0][:2], groups=scores[0][2], seed=number)
            p, labels, codes = scores[1]
            found = score_sets(conformal, p, labels, [str(k) for k in range(5)], 0.9, groups=codes)
            inside.append(found["expected"][0] - 1e-9 <= found["coverage"])
            coverage.append(found["coverage"])
        rate = float(np.mean(inside))
        return Row(what, label, rate, "5 classes", rate, ">= 0.95", f"mean coverage {np.mean(coverage):.3f}")

    return Job(what, label, run)


def _worst(costs: np.ndarray) -> float:
    return float(np.quantile(costs, 0.99))
