"""How often learning curves promise what more labels bring, and how often equal encoders are told apart.

Features have known populations, so that the score of any head is exact: heads are fitted to fresh galaxies, as many as
the curve's, and what more labels bring on average is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from scipy.stats import norm

from covering.table import Job, Row
from zoobot.runs import compare_features
from zoobot.science.learning_curve import learning_curve
from zoobot.science.nested import Units
from zoobot.science.ridge import class_scores, fit_ridge

FRESH = 150
"""Training sets over which the true score is averaged"""

MORE = 100


@dataclass(frozen=True)
class Features:
    """A population of features, and what is to be learned from them."""

    name: str
    d: int
    decay: float
    """Variances of the principal axes fall as k^-decay"""
    focus: float
    """What separates the classes falls as k^-focus: 0 where it is in all axes alike"""
    distance: float
    """Of the classes, in units of their spread; of numbers, signal in units of the noise; 0: labels mean nothing"""
    task: str = "classify"
    share: float = 0.5
    """Of the second class"""
    copies: int = 1
    """Of each galaxy, which are one group"""

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the covariance within classes and the difference of the classes' means, after standardization.

        Shapes are (feature, feature) and (feature,).
        """
        rng = np.random.default_rng(self.d)
        k = np.arange(1, self.d + 1.0)
        variances = k**-self.decay
        along = np.sqrt(variances) * k**-self.focus * rng.normal(0, 1, self.d)
        along *= self.distance / np.sqrt((along**2 / variances).sum())
        turn = np.linalg.qr(rng.normal(size=(self.d, self.d)))[0]
        covariance, mean = (turn * variances) @ turn.T, turn @ along
        between = self.share * (1 - self.share) * mean**2 if self.task == "classify" else 0
        spread = np.sqrt(np.diag(covariance) + between) * np.sqrt(self.d)  # of unit mean square length
        return covariance / np.outer(spread, spread), mean / spread

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return features, labels and groups of n labels."""
        covariance, mean = self.axes
        galaxies = n // self.copies
        root = np.linalg.cholesky(covariance + 1e-12 * np.eye(self.d))
        x = rng.normal(size=(galaxies, self.d)) @ root.T
        if self.task == "classify":
            y = (np.arange(galaxies) < round(self.share * galaxies)).astype(np.float64)
            x += mean * (y[:, None] - 0.5)
        else:
            y = x @ np.linalg.solve(covariance, mean) + rng.normal(size=galaxies)
        groups = np.repeat(np.arange(galaxies), self.copies)
        own = 0.1 / np.sqrt(self.d) * rng.normal(size=(len(groups), self.d)) * (self.copies > 1)
        return x[groups] + own, y[groups], groups

    def score(self, x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> float:
        """Return the exact score, on the whole population, of a head fitted to some galaxies."""
        covariance, mean = self.axes
        if self.copies > 1:
            covariance = covariance + 0.01 / self.d * np.eye(self.d)
        probe = np.concatenate([np.zeros((1, self.d)), np.eye(self.d)])
        if self.task == "regress":
            slopes, intercept = fit_ridge(x, y[:, None], groups=groups)
            true = np.linalg.solve(self.axes[0], mean)
            off = slopes[:, 0] - true
            return float(1 - (off @ covariance @ off + intercept[0] ** 2 + 1) / (true @ self.axes[0] @ true + 1))
        values = class_scores(x, y.astype(np.int64), probe, 2, groups) @ [-1, 1]
        slopes = values[1:] - values[0]
        spread = max(float(np.sqrt(slopes @ covariance @ slopes)), 1e-12)
        return float(np.mean([norm.cdf((mean @ slopes / 2 + sign * values[0]) / spread) for sign in (1, -1)]))


@cache
def true_scores(features: Features, labels: tuple[int, ...]) -> tuple[float, ...]:
    """Return the mean score of heads fitted to numbers of labels."""
    rng = np.random.default_rng(1)
    found = np.zeros((FRESH, len(labels)))
    for row in found:
        x, y, groups = features.draw(max(labels), rng)
        classes = y.astype(np.int64) if features.task == "classify" else np.zeros(len(y), np.int64)
        units = Units.of(classes, groups)
        order = units.order(np.arange(len(units)), rng.integers(1 << 30, size=1).tolist())
        for place, n in enumerate(labels):
            rows = units.rows(order[: n // features.copies])
            row[place] = features.score(x[rows], y[rows], groups[rows])
    return tuple(found.mean(axis=0))


def spread(**changes: object) -> list[Features]:
    """Return populations of several kinds, with changes to all."""
    kinds = [
        Features("alike in all axes", 40, 0, 0, 2.0),
        Features("weak", 40, 0, 0, 1.2),
        Features("in the first axes", 120, 1, 0.5, 2.0),
        Features("in the faint axes", 120, 1, 0, 2.5),
    ]
    return [replace(one, **changes) for one in kinds]  # type: ignore[arg-type]


NOISE = [Features("noise", 40, 0, 0, 0.0), Features("noise, falling variances", 120, 1, 0, 0.0)]
SIZES = (50, 100, 200, 500)


def jobs() -> Iterator[Job]:
    """Simulate the promises of learning curves and the verdicts on encoders."""
    for n in SIZES:
        for kind, populations in (
            ("", spread()),
            (", regression", spread(task="regress")),
            (", 3 copies each", spread(copies=3)),
        ):
            copies = populations[0].copies
            yield gain(f"{n} labels{kind}" if copies == 1 else f"{n} galaxies{kind}", n * copies, populations)
            yield level(f"{n} labels{kind}" if copies == 1 else f"{n} galaxies{kind}", n * copies, populations)
    for positives in (10, 20, 50):
        populations = spread(share=positives / 300)
        yield gain(f"{positives} positives of 300", 300, populations)
        yield level(f"{positives} positives of 300", 300, populations)
    for n in SIZES:
        yield promised(f"{n} labels", n, NOISE)
        yield promised(f"{n} galaxies, 3 copies each", 3 * n, [replace(one, copies=3) for one in NOISE])
        yield promised(f"{n} labels, regression", n, [replace(one, task="regress") for one in NOISE])
    yield promised("5 positives of 300", 300, spread(share=5 / 300))
    for count in (2, 5, 10):
        for n in (60, 200):
            yield told_apart(count, n)


@dataclass(frozen=True)
class Said:
    """What the learning curve of one sample says by its headline."""

    promised: bool
    gain: tuple[float, float]
    labels: int
    """Of the last point"""
    score: tuple[float, float]
    """Interval at the last point"""


@cache
def said(features: Features, n: int, seed: int, replicate: int) -> Said:
    """Measure the learning curve of one sample."""
    x, y, groups = features.draw(n, np.random.default_rng((seed, replicate)))
    own = groups if features.copies > 1 else None
    more = more_of(features, n)
    curve = learning_curve(x, y, features.task, groups=own, more=more, seed=replicate)  # type: ignore[arg-type]
    law, figure = curve.laws[curve.headline], curve.figure()
    return Said(law.determined, (law.gain_low, law.gain_high), int(curve.sizes[-1]), (figure.low, figure.high))


def more_of(features: Features, n: int) -> int:
    """Return how many more labels are foreseen: half as many again, at most 100 of different galaxies."""
    return min(MORE * features.copies, n // 2 // features.copies * features.copies)


def gain(galaxies: str, n: int, populations: list[Features]) -> Job:
    """Return how often the interval of the gain holds the true one, where a gain is promised."""
    what = "learning curve: gain"

    def run(replicates: int, seed: int) -> Row:
        rates, shares = [], []
        for one in populations:
            now, then = true_scores(one, (n, n + more_of(one, n)))
            found = [said(one, n, seed, replicate) for replicate in range(replicates)]
            held = [own.gain[0] <= then - now <= own.gain[1] for own in found if own.promised]
            shares.append(len(held) / replicates)
            rates.append(float(np.mean(held)) if shares[-1] > 0.05 else np.nan)
        return worst_of(
            what, galaxies, populations, rates, ">= 0.93", f"promised: {min(shares):.0%} to {max(shares):.0%}"
        )

    return Job(what, galaxies, run)


def level(galaxies: str, n: int, populations: list[Features]) -> Job:
    """Return how often the interval of the score at the most labels holds the true mean score of such heads."""
    what = "learning curve: score at the most labels"

    def run(replicates: int, seed: int) -> Row:
        rates = []
        for one in populations:
            found = [said(one, n, seed, replicate) for replicate in range(replicates)]
            (true,) = true_scores(one, (found[0].labels,))
            held = [own.score[0] <= true <= own.score[1] for own in found if np.isfinite(own.score[0])]
            rates.append(float(np.mean(held)) if held else np.nan)
        return worst_of(what, galaxies, populations, rates, ">= 0.93", "")

    return Job(what, galaxies, run)


def promised(galaxies: str, n: int, populations: list[Features]) -> Job:
    """Return how often a gain is promised, where there is none, or none to be known."""
    what = "learning curve: gain promised"

    def run(replicates: int, seed: int) -> Row:
        rates = []
        for one in populations:
            rates.append(float(np.mean([said(one, n, seed, replicate).promised for replicate in range(replicates)])))
        return worst_of(what, galaxies, populations, rates, "<= 0.02", "")

    return Job(what, galaxies, run)


def told_apart(count: int, n: int) -> Job:
    """Return how often a page on equal encoders says that one is better or worse.

    The encoders share half of what they know.
    """
    what = f"compare: better or worse, of {count} equal encoders"

    def run(replicates: int, seed: int) -> Row:
        rates = []
        for one in spread():
            wrong = 0
            for replicate in range(replicates):
                rng = np.random.default_rng((seed, replicate))
                shared, y, _ = one.draw(n, rng)
                sets = {str(k): np.concatenate([shared, one.draw(n, rng)[0]], axis=1) for k in range(count)}
                page = compare_features(sets, y, seed=replicate)
                wrong += bool(page.final()["verdict"].isin(["better", "worse"]).any() or page.best is not None)
            rates.append(wrong / replicates)
        return worst_of(what, f"{n}", spread(), rates, "<= 0.05", "")

    return Job(what, f"{n}", run)


def worst_of(what: str, galaxies: str, populations: list[Features], rates: list[float], goal: str, note: str) -> Row:
    """Return the row of the worst of several populations."""
    if np.isnan(rates).all():
        return Row(what, galaxies, np.nan, "", np.nan, goal, note)
    worst = int(np.nanargmin(rates) if goal.startswith(">=") else np.nanargmax(rates))
    return Row(what, galaxies, float(rates[worst]), populations[worst].name, float(np.nanmean(rates)), goal, note)
