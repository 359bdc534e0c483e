"""95% intervals hold the truth as often as they say, of few galaxies and of copies too, or are not given."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from sklearn import metrics

from zoobot.errors import OptionError
from zoobot.science import intervals, loss_intervals, ranking_intervals
from zoobot.science.groups import Groups
from zoobot.science.intervals import Measured

DRAWS = 600
SURELY = 0.918
"""What at least 0.95 falls below once in 5000 times of so many draws"""


def held(measure: Callable[[np.random.Generator], Measured], truth: float) -> float:
    found = [measure(np.random.default_rng((7, number))) for number in range(DRAWS)]
    assert np.mean([one.has_interval for one in found]) > 0.6
    return float(np.mean([one.low <= truth <= one.high for one in found if one.has_interval]))


def ranked(rng, m, n, mean, spread, copies=1):
    """Scores of m galaxies of a kind and n others, each in so many copies that have 80% of their scatter in common."""
    groups = np.repeat(np.arange(m + n), copies)
    positive = groups < m
    noise = np.sqrt(0.8) * rng.normal(size=m + n)[groups] + np.sqrt(0.2) * rng.normal(size=len(groups))
    return np.where(positive, mean + spread * noise, noise), positive, groups if copies > 1 else None


def probabilities(rng, per_class, area, sure, copies=1):
    groups = np.repeat(np.arange(2 * per_class), copies)
    d = stats.norm.ppf(area) * np.sqrt(2)
    noise = np.sqrt(0.8) * rng.normal(size=2 * per_class)[groups] + np.sqrt(0.2) * rng.normal(size=len(groups))
    odds = d * (noise + d / 2) * sure
    truth = groups % 2
    second = expit(np.where(truth == 1, odds, -odds))
    return np.stack([1 - second, second], axis=1), truth, groups if copies > 1 else None


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize(
    ("m", "n", "area", "spread"), [(10, 10, 0.97, 1), (10, 90, 0.95, 3), (90, 10, 0.5, 1 / 3), (40, 40, 0.7, 1)]
)
def test_auroc(m, n, area, spread, copies):
    mean = stats.norm.ppf(area) * np.sqrt(1 + spread**2)
    assert held(lambda rng: ranking_intervals.auroc(*ranked(rng, m, n, mean, spread, copies)), area) > SURELY


def precision_of_many(share, mean, spread):
    x = np.linspace(-12, 12 + mean, 100_001)
    hits = share * stats.norm.sf(x, mean, spread)
    purity = hits / np.maximum(hits + (1 - share) * stats.norm.sf(x), 1e-300)
    return float(np.trapezoid(stats.norm.pdf(x, mean, spread) * purity, x))


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize(("m", "n", "area"), [(10, 10, 0.5), (10, 90, 0.7), (10, 290, 0.9), (10, 10, 0.99)])
def test_average_precision(m, n, area, copies):
    mean = stats.norm.ppf(area) * np.sqrt(2)
    truth = precision_of_many(m / (m + n), mean, 1)
    assert held(lambda rng: ranking_intervals.average_precision(*ranked(rng, m, n, mean, 1, copies)), truth) > SURELY


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("per_class", [3, 10])
@pytest.mark.parametrize(("area", "sure"), [(0.6, 1), (0.9, 1), (0.97, 2)])
def test_losses(per_class, area, sure, copies):
    d = stats.norm.ppf(area) * np.sqrt(2)
    grid = np.linspace(-9, 9, 20_001)
    odds = d * (grid + d / 2) * sure

    def mean(loss):
        return float(np.trapezoid(stats.norm.pdf(grid) * loss, grid))

    def draw(rng):
        return probabilities(rng, per_class, area, sure, copies)

    assert held(lambda rng: loss_intervals.log_loss(*draw(rng)), mean(np.logaddexp(0, -odds))) > SURELY
    assert held(lambda rng: loss_intervals.brier(*draw(rng)), mean(expit(-odds) ** 2)) > SURELY
    found = [loss_intervals.brier(*draw(np.random.default_rng(number))) for number in range(50)]
    assert all(one.low >= 0 for one in found if one.has_interval)


def bias(predicted, true, groups):
    return intervals.mean(predicted - true, groups)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("count", [10, 25])
def test_errors_of_numbers(count, copies):
    share = 0.6
    groups = np.repeat(np.arange(count), copies)

    def draw(rng):
        true = rng.normal(size=count)[groups]
        noise = np.sqrt(0.8) * rng.normal(size=count)[groups] + np.sqrt(0.2) * rng.normal(size=len(groups))
        return share * true + np.sqrt(share * (1 - share)) * noise, true, groups if copies > 1 else None

    error = np.sqrt(1 - share)
    correlation = 6 / np.pi * np.arcsin(np.sqrt(share) / 2)
    assert held(lambda rng: bias(*draw(rng)), 0) > SURELY
    if count < intervals.FEWEST_SQUARED:
        assert not loss_intervals.rmse(*draw(np.random.default_rng(0))).has_interval
    else:
        assert held(lambda rng: loss_intervals.rmse(*draw(rng)), error) > SURELY
    assert held(lambda rng: loss_intervals.mae(*draw(rng)), error * np.sqrt(2 / np.pi)) > SURELY
    assert held(lambda rng: loss_intervals.explained(*draw(rng)), share) > SURELY
    assert held(lambda rng: ranking_intervals.rank_correlation(*draw(rng)), correlation) > SURELY


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("per_class", [10, 30])
def test_shares(per_class, copies):
    truth = np.repeat(np.arange(6 * per_class) < per_class, copies).astype(int)  # one class is five times as common
    groups = np.repeat(np.arange(6 * per_class), copies)
    recalls = np.array([0.95, 0.7])

    def right(rng):
        noise = np.sqrt(0.8) * rng.normal(size=6 * per_class)[groups] + np.sqrt(0.2) * rng.normal(size=len(groups))
        return noise < stats.norm.ppf(recalls)[truth]

    own = groups if copies > 1 else None
    assert held(lambda rng: intervals.share(right(rng), own), float(recalls[truth].mean())) > SURELY
    assert held(lambda rng: intervals.balanced_share(right(rng), truth, own), 0.825) > SURELY


@pytest.mark.parametrize("copies", [1, 3])
def test_means_over_classes_and_labels(copies):
    count = 30
    groups = np.repeat(np.arange(count), copies)
    truth = groups % 3

    def scores(rng):
        noise = np.sqrt(0.8) * rng.normal(size=count)[groups] + np.sqrt(0.2) * rng.normal(size=len(groups))
        x = 1.5 * truth + noise
        return np.stack([-x, -np.abs(x - 1.5), x], axis=1)

    many = np.random.default_rng(0).normal(size=(2, 1_000_000))
    middle = (np.abs(many[0]) < np.abs(many[1] + 1.5)).mean()
    ends = stats.norm.cdf(np.array([1.5, 3]) / np.sqrt(2)).mean()
    own = groups if copies > 1 else None
    classes = held(lambda rng: ranking_intervals.mean_auroc(scores(rng), truth, own), (2 * ends + middle) / 3)
    assert classes > SURELY

    def labels(rng):
        common = rng.normal(size=(count, 1))[groups]
        own_part = rng.normal(size=(count, 4))[groups]
        x = (groups < 10)[:, None] + np.sqrt(0.7) * common + np.sqrt(0.3) * own_part
        return intervals.mean_of([ranking_intervals.auroc(column, groups < 10, own) for column in x.T], own)

    assert held(labels, stats.norm.cdf(1 / np.sqrt(2))) > SURELY


@pytest.mark.parametrize("copies", [1, 3])
def test_skill_and_loss_of_votes(copies):
    groups = np.repeat(np.arange(12), copies)

    def losses(rng):
        common, own = rng.normal(size=(2, 12))[:, groups]
        constant = np.exp(0.5 * common - 0.125)
        return np.stack([0.8 * np.exp(0.5 * (0.6 * common + 0.8 * own) - 0.125), constant], axis=1)

    own = groups if copies > 1 else None
    assert held(lambda rng: loss_intervals.skill(losses(rng), own), 0.2) > SURELY
    assert held(lambda rng: intervals.positive_mean(losses(rng)[:, 0], own), 0.8) > SURELY


def measures(rng, n=60):
    """Every measure of one set of galaxies, as a function of which rows, and of their groups."""
    truth = rng.integers(0, 3, n)
    p = rng.dirichlet([1, 1, 1], n) + np.eye(3)[truth]
    p /= p.sum(axis=1, keepdims=True)
    true = rng.normal(size=n)
    guess = true + rng.normal(size=n)
    losses = rng.gamma(2, size=(n, 2))
    right = p.argmax(axis=1) == truth
    return {
        "share": lambda rows, groups: intervals.share(right[rows], groups),
        "balanced": lambda rows, groups: intervals.balanced_share(right[rows], truth[rows], groups),
        "auroc": lambda rows, groups: ranking_intervals.auroc(p[rows, 1], truth[rows] == 1, groups),
        "mean auroc": lambda rows, groups: ranking_intervals.mean_auroc(p[rows], truth[rows], groups),
        "precision": lambda rows, groups: ranking_intervals.average_precision(p[rows, 1], truth[rows] == 1, groups),
        "log loss": lambda rows, groups: loss_intervals.log_loss(p[rows], truth[rows], groups),
        "brier": lambda rows, groups: loss_intervals.brier(p[rows], truth[rows], groups),
        "bias": lambda rows, groups: intervals.mean(guess[rows] - true[rows], groups),
        "rmse": lambda rows, groups: loss_intervals.rmse(guess[rows], true[rows], groups),
        "mae": lambda rows, groups: loss_intervals.mae(guess[rows], true[rows], groups),
        "r2": lambda rows, groups: loss_intervals.explained(guess[rows], true[rows], groups),
        "spearman": lambda rows, groups: ranking_intervals.rank_correlation(guess[rows], true[rows], groups),
        "skill": lambda rows, groups: loss_intervals.skill(losses[rows], groups),
        "loss": lambda rows, groups: intervals.positive_mean(losses[rows, 0], groups),
    }


NAMES = list(measures(np.random.default_rng(0)))


@pytest.mark.parametrize("name", NAMES)
def test_copies_of_galaxies_tell_no_more(name):
    measure = measures(np.random.default_rng(1))[name]
    once = measure(np.arange(60), None)
    copies = np.repeat(np.arange(60), 3)
    together, apart = measure(copies, copies), measure(copies, None)
    assert together.value == pytest.approx(apart.value)
    assert together.value == pytest.approx(once.value, abs=0.05)  # tied copies change the average precision
    width = once.high - once.low
    assert together.high - together.low == pytest.approx(width, rel=0.15)
    assert apart.high - apart.low < 0.8 * width


@pytest.mark.parametrize("name", NAMES)
def test_order_and_numbers_of_groups_do_not_matter(name):
    rng = np.random.default_rng(2)
    measure = measures(rng)[name]
    groups = rng.integers(0, 25, 60)
    order = rng.permutation(60)
    for own, again in (
        (measure(np.arange(60), groups), measure(order, 100 - groups[order])),
        (measure(np.arange(60), None), measure(order, np.arange(60) * 7)),
    ):
        assert [again.value, again.low, again.high] == pytest.approx([own.value, own.low, own.high])
        assert own.low <= own.value <= own.high


def test_values_are_those_of_scikit_learn():
    rng = np.random.default_rng(3)
    for _ in range(20):
        score, positive = np.round(rng.normal(size=40), 1), rng.random(40) < 0.4  # with ties
        found = ranking_intervals.auroc(score, positive), ranking_intervals.average_precision(score, positive)
        expected = metrics.roc_auc_score(positive, score), metrics.average_precision_score(positive, score)
        assert [one.value for one in found] == pytest.approx(expected)
        guess, true = np.round(rng.normal(size=(2, 40)), 1)
        assert loss_intervals.explained(guess, true).value == pytest.approx(metrics.r2_score(true, guess))
        assert ranking_intervals.rank_correlation(guess, true).value == pytest.approx(
            stats.spearmanr(guess, true).statistic
        )


def test_influences_are_what_leaving_out_a_galaxy_changes():
    rng = np.random.default_rng(4)
    score, positive = np.round(rng.normal(size=30), 1), np.arange(30) < 12
    influence = ranking_intervals.average_precision(score, positive).influence
    without = np.array(
        [metrics.average_precision_score(np.delete(positive, row), np.delete(score, row)) for row in range(30)]
    )
    for rows, n in ((positive, 12), (~positive, 18)):
        assert influence[rows] == pytest.approx((without[rows].mean() - without[rows]) * (n - 1) / n)
    x, y = rng.normal(size=(2, 400)) + rng.normal(size=400)
    spearman = ranking_intervals.rank_correlation(x, y).influence
    bootstrap = [stats.spearmanr(x[rows], y[rows]).statistic for rows in rng.integers(0, 400, (400, 400))]
    assert np.sqrt((spearman**2).sum()) == pytest.approx(np.std(bootstrap), rel=0.15)


def test_shares_are_clopper_and_pearsons():
    for hits, count in ((0, 5), (3, 5), (40, 40), (37, 100)):
        expected = stats.binomtest(hits, count).proportion_ci(method="exact")
        found = intervals.share(np.arange(count) < hits)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_few_galaxies_get_a_reason_and_no_interval():
    rng = np.random.default_rng(5)
    few = loss_intervals.rmse(rng.normal(size=5), rng.normal(size=5))
    assert not few.has_interval
    assert few.reason == "5 galaxies are too few for an interval"
    copies = loss_intervals.mae(rng.normal(size=30), rng.normal(size=30), np.arange(30) % 3)
    assert copies.reason == "3 groups of galaxies are too few for an interval"
    single = ranking_intervals.auroc(rng.normal(size=20), np.arange(20) < 1)
    assert not single.has_interval
    assert "1 galaxy" in single.reason
    assert "one kind" in ranking_intervals.auroc(rng.normal(size=20), np.ones(20)).reason
    label = intervals.mean_of([intervals.share(np.ones(5)), few], names=["bar", "ring"])
    assert label.reason == "ring: 5 galaxies are too few for an interval"
    assert not intervals.share([]).has_interval


def test_groups_are_of_these_galaxies():
    with pytest.raises(OptionError, match="groups of shape"):
        Groups.of([1, 2], 3)
    assert Groups.of([5, 5, 2], 3).effective == pytest.approx(9 / 5)
    assert Groups.of(None, 4).effective == 4


def test_no_brier_score_is_above_its_largest() -> None:
    """Few galaxies of the rarer class make the mean loss hardly known, but not boundless."""
    rng = np.random.default_rng(0)
    ends = []
    for _ in range(20):
        rare = rng.uniform(0.01, 0.04, 60)
        ends.append(loss_intervals.brier(np.stack([1 - rare, rare], axis=1), np.arange(60) >= 59).high)
    known = np.array(ends)[np.isfinite(ends)]
    assert len(known)
    assert (known <= 1).all()
