"""How often the 95% intervals of `zoobot.science` hold the truth."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from covering.populations import ALONE, COPIES, FIELDS, Grouping, Line, Ranked, Sure
from covering.table import Job, Row
from zoobot.science import intervals, loss_intervals, ranking_intervals
from zoobot.science.intervals import Measured

GOAL = ">= 0.93"
GROUPINGS = (ALONE, COPIES, FIELDS)
RANKED = [
    *(Ranked(area, 1) for area in (0.5, 0.8, 0.95, 0.99)),
    *(Ranked(area, 3) for area in (0.5, 0.8, 0.95)),
    *(Ranked(area, 1 / 3) for area in (0.8, 0.95)),
]
SURE = [Sure(0.6, 1), Sure(0.8, 0.5), Sure(0.8, 1), Sure(0.8, 2), Sure(0.95, 1), Sure(0.95, 2), Sure(0.99, 1)]
LINES = [
    *(Line(explained) for explained in (0.05, 0.5, 0.9)),
    Line(0.5, "t5"),
    Line(0.5, "growing"),
    Line(0.05, skewed=True),
    Line(0.5, "growing", skewed=True),
]

NUMBERS = {"rmse": "RMSE", "mae": "MAE", "bias": "bias", "r2": "R²", "spearman": "rank correlation"}

Draw = Callable[[np.random.Generator], Measured]


@dataclass(frozen=True)
class Case:
    """A population, the figure's true value, and how to measure it on a sample."""

    name: str
    truth: float
    measure: Draw


def jobs() -> Iterator[Job]:
    """Return a row for each figure, number of galaxies, and kind of groups."""
    for grouping in GROUPINGS:
        few = grouping is not FIELDS
        for per_class in (3, 5, 10, 50) if few else (10,):
            label = sized(f"{per_class} per class", grouping)
            yield cover("accuracy", label, [_accuracy(one, per_class, grouping) for one in SURE])
            yield cover("balanced accuracy", label, list(_balanced(per_class, grouping)))
            for name in ("log loss", "Brier score"):
                yield cover(name, label, [_loss(one, name, per_class, grouping) for one in SURE])
            yield cover("mean AUROC of 3 classes", label, list(_three(per_class, grouping)))
            yield cover("mean AUROC of 3 labels", label, list(_labels(per_class, grouping)))
        for m, n in ((3, 3), (5, 5), (10, 10), (10, 90), (90, 10), (50, 50)) if few else ((10, 90),):
            label = sized(f"{m} + {n}", grouping)
            yield cover("AUROC", label, [_auroc(one, m, n, grouping) for one in RANKED])
            yield cover("average precision", label, [_precision(one, m, n, grouping) for one in RANKED])
        for count in (6, 10, 20, 50) if few else (10,):
            label = sized(f"{count}", grouping)
            for name, shown in NUMBERS.items():
                yield cover(shown, label, [_number(one, name, count, grouping) for one in LINES])
            yield cover("skill of votes", label, [_votes(one, "skill", count, grouping) for one in (0.02, 0.6)])
            yield cover("loss of votes", label, [_votes(0.2, "loss", count, grouping)])


def cover(what: str, galaxies: str, cases: list[Case]) -> Job:
    """Return the measurement of the coverage of one interval in several populations."""

    def run(replicates: int, seed: int) -> Row:
        rates, refused = [], 0
        for case in cases:
            found = [case.measure(np.random.default_rng((seed, number))) for number in range(replicates)]
            given = [one for one in found if one.has_interval]
            refused += replicates - len(given)
            held = [one.low <= case.truth <= one.high for one in given]
            rates.append(float(np.mean(held)) if len(given) > replicates / 20 else np.nan)
        share = refused / replicates / len(cases)
        if np.isnan(rates).all():
            return Row(what, galaxies, np.nan, "", np.nan, GOAL, "no interval")
        worst = int(np.nanargmin(rates))
        note = f"no interval: {share:.1%}" if share else ""
        return Row(what, galaxies, rates[worst], cases[worst].name, float(np.nanmean(rates)), GOAL, note)

    return Job(what, galaxies, run)


def sized(numbers: str, grouping: Grouping) -> str:
    """Write how many galaxies or objects there are, and how many galaxies each has."""
    return f"{numbers}; {grouping.name}" if grouping.name else numbers


def _accuracy(population: Sure, per_class: int, grouping: Grouping) -> Case:
    def measure(rng: np.random.Generator) -> Measured:
        p, truth, groups = population.draw(rng, per_class, grouping)
        return intervals.share(p.argmax(axis=1) == truth, groups)

    return Case(str(population), population.truth(lambda odds: (odds > 0).astype(float)), measure)


def _balanced(per_class: int, grouping: Grouping) -> Iterator[Case]:
    from scipy.stats import norm

    from covering.populations import noise

    for recalls in ((0.5, 0.5), (0.8, 0.8), (0.95, 0.7), (0.98, 0.98)):
        for rarer in (1, 10):
            cuts = norm.ppf(recalls)

            def measure(rng: np.random.Generator, cuts: np.ndarray = cuts, rarer: int = rarer) -> Measured:
                count = per_class * (1 + rarer)
                codes = grouping.codes(rng, count)
                truth = (np.arange(count) >= per_class).astype(int)
                truth = truth if codes is None else truth[codes]
                right = noise(rng, codes, count) < cuts[truth]
                return intervals.balanced_share(right, truth, codes)

            yield Case(f"recalls {recalls}, classes 1:{rarer}", float(np.mean(recalls)), measure)


def _loss(population: Sure, name: str, per_class: int, grouping: Grouping) -> Case:
    def measure(rng: np.random.Generator) -> Measured:
        p, truth, groups = population.draw(rng, per_class, grouping)
        return (
            loss_intervals.log_loss(p, truth, groups) if name == "log loss" else loss_intervals.brier(p, truth, groups)
        )

    def loss(odds: np.ndarray) -> np.ndarray:
        from scipy.special import expit

        return np.asarray(np.logaddexp(0, -odds) if name == "log loss" else expit(-odds) ** 2)

    return Case(str(population), population.truth(loss), measure)


def _auroc(population: Ranked, m: int, n: int, grouping: Grouping) -> Case:
    return Case(
        str(population), population.area, lambda rng: ranking_intervals.auroc(*population.draw(rng, m, n, grouping))
    )


def _precision(population: Ranked, m: int, n: int, grouping: Grouping) -> Case:
    truth = population.precision(m / (m + n))
    return Case(
        str(population), truth, lambda rng: ranking_intervals.average_precision(*population.draw(rng, m, n, grouping))
    )


def _three(per_class: int, grouping: Grouping) -> Iterator[Case]:
    """Three classes, of which the scores are normal and one is harder to tell."""
    from scipy.stats import norm

    from covering.populations import noise

    for apart in (0.0, 1.5, 3.0):
        means = np.array([0.0, apart, 2 * apart])

        def measure(rng: np.random.Generator, means: np.ndarray = means) -> Measured:
            codes = grouping.codes(rng, 3 * per_class)
            truth = np.arange(3 * per_class) % 3
            truth = truth if codes is None else truth[codes]
            x = means[truth] + noise(rng, codes, 3 * per_class)
            scores = np.stack([-x, -np.abs(x - means[1]), x], axis=1)
            return ranking_intervals.mean_auroc(scores, truth, codes)

        ends = float(np.mean([norm.cdf(apart / np.sqrt(2)), norm.cdf(2 * apart / np.sqrt(2))]))
        draws = np.random.default_rng(0).normal(size=(2, 1_000_000))
        middle = float(np.mean([(np.abs(draws[0]) < np.abs(draws[1] + shift)).mean() for shift in (apart, -apart)]))
        yield Case(f"means {apart} apart", (2 * ends + middle) / 3, measure)


def _labels(per_class: int, grouping: Grouping) -> Iterator[Case]:
    """Three labels of the same galaxies, whose scores have a part in common."""
    from covering.populations import noise

    for common in (0.0, 0.9):
        for population in (Ranked(0.5, 1), Ranked(0.8, 1), Ranked(0.95, 1)):

            def measure(rng: np.random.Generator, common: float = common, population: Ranked = population) -> Measured:
                count = 2 * per_class
                codes = grouping.codes(rng, count)
                positive = np.arange(count) < per_class
                positive = positive if codes is None else positive[codes]
                shared = noise(rng, codes, count)
                parts = [
                    ranking_intervals.auroc(
                        population.mean * positive
                        + np.sqrt(common) * shared
                        + np.sqrt(1 - common) * noise(rng, codes, count),
                        positive,
                        codes,
                    )
                    for _ in range(3)
                ]
                return intervals.mean_of(parts, codes)

            yield Case(f"{population}, {common} in common", population.area, measure)


def _number(population: Line, name: str, count: int, grouping: Grouping) -> Case:
    measures = {
        "bias": lambda predicted, true, groups: intervals.mean(predicted - true, groups),
        "rmse": loss_intervals.rmse,
        "mae": loss_intervals.mae,
        "r2": loss_intervals.explained,
        "spearman": ranking_intervals.rank_correlation,
    }
    return Case(
        str(population), population.truth(name), lambda rng: measures[name](*population.draw(rng, count, grouping))
    )


def _votes(skill: float, name: str, count: int, grouping: Grouping) -> Case:
    """Votes whose losses are those of a model of some skill.

    Losses are gamma-distributed, and those of the constant are correlated with them.
    """
    from covering.populations import noise

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
        codes = grouping.codes(rng, count)
        common, own = noise(rng, codes, count), noise(rng, codes, count)
        constant = np.exp(0.5 * common - 0.125)
        model = (1 - skill) * np.exp(0.5 * (0.6 * common + 0.8 * own) - 0.125)
        return np.stack([model, constant], axis=1) * 10, codes

    def measure(rng: np.random.Generator) -> Measured:
        losses, codes = draw(rng)
        return loss_intervals.skill(losses, codes) if name == "skill" else intervals.positive_mean(losses[:, 0], codes)

    return Case(f"skill {skill}", skill if name == "skill" else 10 * (1 - skill), measure)
