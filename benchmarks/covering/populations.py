"""Populations of which the true figures are known, and samples of them, with and without groups."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit
from scipy.stats import norm

GRID = np.linspace(-9, 9, 20_001)
TOGETHER = 0.8
"""Share of the variance that copies of one object have in common"""


@dataclass(frozen=True)
class Grouping:
    """How many galaxies each object or group has; the rows of a sample."""

    name: str
    sizes: Callable[[np.random.Generator, int], np.ndarray]

    def codes(self, rng: np.random.Generator, count: int) -> np.ndarray | None:
        """Return the group of each galaxy of so many groups, None where each stands alone."""
        sizes = self.sizes(rng, count)
        return None if (sizes == 1).all() else np.repeat(np.arange(count), sizes)


ALONE = Grouping("", lambda _, count: np.ones(count, int))
COPIES = Grouping("3 copies of each", lambda _, count: np.full(count, 3))
FIELDS = Grouping("1 to 5 of each", lambda rng, count: rng.integers(1, 6, count))


def noise(rng: np.random.Generator, codes: np.ndarray | None, count: int, kind: str = "normal") -> np.ndarray:
    """Return noise of unit variance of so many groups (or galaxies), of which copies have a part in common."""
    draw: Callable[[int], np.ndarray] = {
        "normal": lambda n: rng.normal(size=n),
        "t5": lambda n: rng.standard_t(5, n) / np.sqrt(5 / 3),
    }[kind]
    if codes is None:
        return draw(count)
    shared, own = draw(count)[codes], draw(len(codes))
    return np.asarray(np.sqrt(TOGETHER) * shared + np.sqrt(1 - TOGETHER) * own)


@dataclass(frozen=True)
class Ranked:
    """Two kinds of galaxies whose scores are normal: the others' have mean 0 and standard deviation 1."""

    area: float
    """AUROC"""
    spread: float
    """Standard deviation of the kind's scores"""

    def __str__(self) -> str:
        return f"AUROC {self.area}, spreads {self.spread:.2g}:1"

    @property
    def mean(self) -> float:
        """Mean score of the kind."""
        return float(norm.ppf(self.area) * np.sqrt(1 + self.spread**2))

    def draw(
        self, rng: np.random.Generator, m: int, n: int, grouping: Grouping
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return scores, whether each is of the kind, and groups, of m and n objects."""
        codes = grouping.codes(rng, m + n)
        positive = np.arange(m + n) < m
        positive = positive if codes is None else positive[codes]
        scores = noise(rng, codes, m + n)
        return np.where(positive, self.mean + self.spread * scores, scores), positive, codes

    def precision(self, share: float) -> float:
        """Average precision where so large a share is of the kind."""
        x = np.linspace(-10 - 10 * self.spread, 10 + 10 * self.spread, 200_001) + self.mean * (self.spread >= 1)
        hits = share * norm.sf(x, self.mean, self.spread)
        purity = hits / np.maximum(hits + (1 - share) * norm.sf(x), 1e-300)
        return float(np.trapezoid(norm.pdf(x, self.mean, self.spread) * purity, x))


@dataclass(frozen=True)
class Sure:
    """A classifier of two equally common classes whose probabilities are right, times too sure."""

    area: float
    sure: float
    """1: right; 2: the logarithm of the odds is twice what it should be"""

    def __str__(self) -> str:
        return f"AUROC {self.area}, {self.sure:g}x as sure as is right"

    def odds(self, noise: np.ndarray) -> np.ndarray:
        """Return the logarithm of the odds of the true class, from standard normal noise."""
        d = norm.ppf(self.area) * np.sqrt(2)
        found: np.ndarray = d * (noise + d / 2) * self.sure
        return found

    def truth(self, loss: Callable[[np.ndarray], np.ndarray]) -> float:
        """Return the mean loss."""
        return float(np.trapezoid(norm.pdf(GRID) * loss(self.odds(GRID)), GRID))

    def draw(
        self, rng: np.random.Generator, per_class: int, grouping: Grouping
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return probabilities (galaxy, class), true classes and groups."""
        codes = grouping.codes(rng, 2 * per_class)
        odds = self.odds(noise(rng, codes, 2 * per_class))
        truth = np.arange(2 * per_class) % 2
        truth = truth if codes is None else truth[codes]
        second = expit(np.where(truth == 1, odds, -odds))
        return np.stack([1 - second, second], axis=1), truth, codes


@dataclass(frozen=True)
class Line:
    """Numbers that are predicted with some error."""

    explained: float
    """R²"""
    errors: str = "normal"
    """normal, t5 (heavy tails) or growing (with the distance from the mean)"""
    skewed: bool = False
    """Whether the true values are log-normal"""
    truths: dict[str, float] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"R² {self.explained}, {self.errors} errors{', skewed truth' if self.skewed else ''}"

    def draw(
        self, rng: np.random.Generator, count: int, grouping: Grouping
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return predicted and true values, and groups."""
        codes = grouping.codes(rng, count)
        base = rng.normal(size=count)
        true = (
            (np.exp(base / 2) - np.exp(1 / 8)) / np.sqrt((np.exp(1 / 4) - 1) * np.exp(1 / 4)) if self.skewed else base
        )
        true = true if codes is None else true[codes]
        error = noise(rng, codes, count, "t5" if self.errors == "t5" else "normal")
        if self.errors == "growing":
            error = error * np.sqrt(0.3 + 0.7 * true**2)
        share = self.explained
        return share * true + np.sqrt(share * (1 - share)) * error, true, codes

    def truth(self, name: str) -> float:
        """Return the true rmse, mae, r2 or spearman, from half a million galaxies."""
        if not self.truths:
            from scipy.stats import spearmanr

            predicted, true, _ = self.draw(np.random.default_rng(1), 500_000, ALONE)
            error = predicted - true
            self.truths.update(
                {
                    "bias": 0.0,
                    "rmse": float(np.sqrt((error**2).mean())),
                    "mae": float(np.abs(error).mean()),
                    "r2": float(1 - (error**2).mean() / true.var()),
                    "spearman": float(spearmanr(predicted, true).statistic),
                }
            )
        return self.truths[name]
