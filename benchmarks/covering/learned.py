"""How often noise is said to have been learned, and how often what was learned is found."""

from collections.abc import Callable, Iterator

import numpy as np

from covering.intervals import GROUPINGS, sized
from covering.populations import Grouping, Line, Ranked, Sure, noise
from covering.table import Job, Row
from zoobot.science import nothing_learned
from zoobot.science.figure import SIGNIFICANCE, Figure
from zoobot.science.figures import calibration_figure
from zoobot.science.learned import Learned

ALARMS, FOUND = "<= 0.02", ">= 0.9"
FALSE, TRUE = f"told from chance: noise, p <= {SIGNIFICANCE}", f"told from chance: learned, p <= {SIGNIFICANCE}"

Draw = Callable[[np.random.Generator], Learned | Figure]


def jobs() -> Iterator[Job]:
    """Return a row for each task, number of galaxies and kind of groups.

    Predictions are noise, or know something.
    """
    for grouping in GROUPINGS:
        for m, n in ((3, 3), (5, 5), (10, 10), (10, 90)):
            label = f"two classes, {sized(f'{m} + {n}', grouping)}"
            yield rates(FALSE, label, ALARMS, {"noise": _classes(Ranked(0.5, 1), m, n, grouping)})
        for per_class in (3, 10):
            label = sized(f"{per_class} per class", grouping)
            yield rates(FALSE, f"three classes, {label}", ALARMS, {"noise": _three(0.0, per_class, grouping)})
            yield rates(FALSE, f"ten labels, {label}", ALARMS, {"noise": _labels(0.5, per_class, grouping)})
        for count in (6, 10, 50):
            label = f"three targets, {sized(f'{count}', grouping)}"
            yield rates(FALSE, label, ALARMS, {"noise": _numbers(0.0, count, grouping)})
        for m, n in ((10, 10), (10, 90)):
            label = f"two classes, {sized(f'{m} + {n}', grouping)}"
            yield rates(TRUE, label, FOUND, {"AUROC 0.95": _classes(Ranked(0.95, 1), m, n, grouping)})
        label = f"three classes, {sized('10 per class', grouping)}"
        yield rates(TRUE, label, FOUND, {"means 1.5 apart": _three(1.5, 10, grouping)})
        label = f"ten labels, {sized('20 per class', grouping)}"
        yield rates(TRUE, label, FOUND, {"one label with AUROC 0.95": _labels(0.95, 20, grouping)})
        label = f"three targets, {sized('50', grouping)}"
        yield rates(TRUE, label, FOUND, {"one with R² 0.6": _numbers(0.6, 50, grouping)})
        for per_class in (10, 50, 200):
            label = sized(f"{per_class} per class", grouping)
            right, wrong = (_calibration(sure, per_class, grouping) for sure in (1, 4))
            yield rates("calibration error: right, p <= 0.01", label, ALARMS, {"probabilities that are right": right})
            if per_class >= 50:
                yield rates("calibration error: wrong, p <= 0.01", label, FOUND, {"4 times too sure": wrong})


def _calibration(sure: float, per_class: int, grouping: Grouping) -> Callable[[np.random.Generator], Figure]:
    def draw(rng: np.random.Generator) -> Figure:
        p, truth, groups = Sure(0.8, sure).draw(rng, per_class, grouping)
        return calibration_figure(p[:, 1], truth, groups)

    return draw


def rates(what: str, galaxies: str, goal: str, cases: dict[str, Draw]) -> Job:
    """Return the measurement of how often predictions are told from chance."""

    def run(replicates: int, seed: int) -> Row:
        found = {}
        for name, draw in cases.items():
            verdicts = [draw(np.random.default_rng((seed, number))).verdict for number in range(replicates)]
            found[name] = float(np.mean([verdict in ("learned", "inverted", "worse") for verdict in verdicts]))
        worst = (max if goal == ALARMS else min)(found, key=found.__getitem__)
        return Row(what, galaxies, found[worst], worst, float(np.mean(list(found.values()))), goal)

    return Job(what, galaxies, run)


def _two(score: np.ndarray) -> np.ndarray:
    return np.stack([-score, score], axis=1)


def _classes(population: Ranked, m: int, n: int, grouping: Grouping) -> Draw:
    def draw(rng: np.random.Generator) -> Learned:
        scores, positive, groups = population.draw(rng, m, n, grouping)
        return nothing_learned(_two(scores), positive.astype(int), groups=groups)

    return draw


def _three(apart: float, per_class: int, grouping: Grouping) -> Draw:
    def draw(rng: np.random.Generator) -> Learned:
        codes = grouping.codes(rng, 3 * per_class)
        truth = np.arange(3 * per_class) % 3
        truth = truth if codes is None else truth[codes]
        x = apart * truth + noise(rng, codes, 3 * per_class)
        return nothing_learned(np.stack([-x, -np.abs(x - apart), x], axis=1), truth, groups=codes)

    return draw


def _labels(area: float, per_class: int, grouping: Grouping) -> Draw:
    """Ten labels; the first is ranked with an AUROC, the others by chance."""

    def draw(rng: np.random.Generator) -> Learned:
        count = 2 * per_class
        codes = grouping.codes(rng, count)
        truth = rng.permuted(np.tile(np.arange(count)[:, None] < per_class, (1, 10)), axis=0)
        truth = truth if codes is None else truth[codes]
        scores = np.stack([noise(rng, codes, count) for _ in range(10)], axis=1)
        scores[:, 0] += Ranked(area, 1).mean * truth[:, 0]
        return nothing_learned(scores, truth.astype(int), task="multi_label", groups=codes)

    return draw


def _numbers(explained: float, count: int, grouping: Grouping) -> Draw:
    """Three targets, of which the first is explained."""

    def draw(rng: np.random.Generator) -> Learned:
        predicted, true, codes = Line(explained).draw(rng, count, grouping)
        others = np.stack([noise(rng, codes, count) for _ in range(5)], axis=1)
        predicted = predicted if explained else others[:, 4]
        guess = np.column_stack([predicted, others[:, :2]])
        return nothing_learned(guess, np.column_stack([true, others[:, 2:4]]), task="regress", groups=codes)

    return draw
