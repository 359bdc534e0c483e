"""Calibration errors equal scikit-learn's and scipy's figures where those have them.

They are right on simulations with a known answer.
"""

import numpy as np
import pytest
from scipy.stats import binom, binomtest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from zoobot.errors import OptionError
from zoobot.science import (
    brier_score,
    calibration_scores,
    ece_of_perfect,
    exact_binomial_interval,
    expected_calibration_error,
    headline_events,
    log_loss,
    multi_label_calibration_scores,
    reliability_curve,
    wilson_interval,
)


def events(n_galaxies: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and outcomes that come true ``shift`` less often than they say."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.15, 0.85, n_galaxies)
    return p, (rng.random(n_galaxies) < p - shift).astype(float)


def test_the_curve_is_scikit_learns_and_its_intervals_scipys():
    p, true = events(300, seed=1)
    curve = reliability_curve(p, true, bins=10)
    observed, predicted = calibration_curve(true, p, n_bins=10, strategy="quantile")
    assert curve.count.tolist() == [30] * 10
    assert curve.predicted == pytest.approx(predicted)
    assert curve.observed == pytest.approx(observed)
    for place in range(10):
        interval = binomtest(round(30 * observed[place]), 30).proportion_ci(method="exact")
        assert (curve.low[place], curve.high[place]) == pytest.approx((interval.low, interval.high))
    copies = np.repeat(np.arange(300), 3)
    together = reliability_curve(p[copies], true[copies], bins=10, groups=copies)
    apart = reliability_curve(p[copies], true[copies], bins=10)
    assert together.high - together.low == pytest.approx(curve.high - curve.low, rel=0.15)
    assert (apart.high - apart.low < 0.7 * (curve.high - curve.low)).all()
    assert curve.to_frame()["count"].sum() == 300
    assert curve.ece() == expected_calibration_error(p, true, bins=10)


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (5, 5), (3, 70), (1, 1)])
def test_intervals_of_shares_are_scipys(hits: int, count: int):
    exact = binomtest(hits, count).proportion_ci(method="exact")
    assert exact_binomial_interval(hits, count) == pytest.approx((exact.low, exact.high))
    wilson = binomtest(hits, count).proportion_ci(method="wilson")
    assert np.allclose(wilson_interval([hits], [count]), [[wilson.low], [wilson.high]])
    assert exact_binomial_interval(0, 0) == (0, 1)


def test_what_chance_adds_is_taken_off_as_if_drawn():
    p, true = events(200, seed=2, shift=0.1)
    order = np.argsort(p)
    parts = [(p[rows], true[rows]) for rows in np.array_split(order, 8)]
    rng, total = np.random.default_rng(0), 0.0
    for predicted, happened in parts:
        d = predicted.mean() - happened.mean()
        share = (happened.sum() + 1) / (len(happened) + 2)
        drawn = np.abs(d + np.sqrt(share * (1 - share) / len(happened)) * rng.normal(size=400_000)).mean()
        total += len(happened) / 200 * (2 * abs(d) - drawn)
    assert expected_calibration_error(p, true, bins=8) == pytest.approx(total, abs=5e-4)


def test_the_error_is_that_of_the_simulation():
    """Probabilities 0.1 too high have the error 0.1; right ones much less than the plain error, which is all chance."""
    wrong = [expected_calibration_error(*events(400, seed, shift=0.1)) for seed in range(60)]
    assert np.mean(wrong) == pytest.approx(0.1, abs=0.01)
    right, plain = [], []
    for seed in range(100):
        curve = reliability_curve(*events(400, seed + 100))
        right.append(curve.ece())
        plain.append((np.abs(curve.predicted - curve.observed) * curve.count).sum() / 400)
    assert np.mean(right) < 0.6 * np.mean(plain)


def test_a_perfect_model_lies_below_its_median_half_the_time():
    found = []
    for seed in range(300):
        p, true = events(120, seed)
        found.append((expected_calibration_error(p, true), ece_of_perfect(p, draws=200, seed=seed)))
    below_q95 = sum(error <= chance.q95 for error, chance in found)
    below_median = sum(error <= chance.median for error, chance in found)
    assert binom(300, 0.95).ppf(0.001) <= below_q95 <= binom(300, 0.95).ppf(0.999)
    assert binom(300, 0.5).ppf(0.001) <= below_median <= binom(300, 0.5).ppf(0.999)
    assert expected_calibration_error(*events(400, 5, shift=0.15)) > ece_of_perfect(events(400, 5)[0]).q95


def test_galaxies_of_one_probability_stay_together_whatever_the_order():
    rng = np.random.default_rng(3)
    p = rng.choice([0.1, 0.4, 0.9], 200, p=[0.6, 0.3, 0.1])
    true = (rng.random(200) < p).astype(float)
    order = rng.permutation(200)
    curve, mixed = reliability_curve(p, true), reliability_curve(p[order], true[order])
    assert curve.predicted == pytest.approx([0.1, 0.4, 0.9])
    assert curve.count.tolist() == [int((p == value).sum()) for value in (0.1, 0.4, 0.9)]
    assert mixed.observed == pytest.approx(curve.observed)
    assert len(reliability_curve([0.2, 0.3, 0.9], [0, 1, 1]).count) == 1  # too few for two bins
    assert len(reliability_curve(*events(5000, 1)).count) == 15


def test_scores_are_scikit_learns():
    rng = np.random.default_rng(4)
    for n_classes in (2, 4):
        p = rng.dirichlet(np.ones(n_classes), 150)
        labels = rng.integers(0, n_classes, 150)
        assert log_loss(p, labels) == pytest.approx(sk.log_loss(labels, p))
        own = p[:, 1] if n_classes == 2 else p
        assert brier_score(p, labels) == pytest.approx(sk.brier_score_loss(labels, own))
    assert brier_score([[1, 0], [0, 1]], [0, 1]) == 0
    assert brier_score([[1, 0, 0]], [2]) == 2


def test_what_stands_for_a_classifier():
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    predicted, happened = headline_events(p, [1, 2])
    assert predicted.tolist() == [0.5, 0.8] and happened.tolist() == [0, 1]
    predicted, happened = headline_events(p[:, :2], [1, 0])
    assert predicted.tolist() == [0.3, 0.1] and happened.tolist() == [1, 0]


def test_what_metrics_say():
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.ones(3), 400)
    labels = np.array([rng.choice(3, p=row) for row in p])
    scores = calibration_scores(p, labels, list("abc"))
    assert scores["ece"] == expected_calibration_error(p.max(axis=1), p.argmax(axis=1) == labels)
    assert scores["ece_by_class"]["b"] == expected_calibration_error(p[:, 1], labels == 1)
    assert scores["ece_perfect"] == ece_of_perfect(p.max(axis=1)).to_dict()
    two = calibration_scores(p[:, :2] / p[:, :2].sum(axis=1, keepdims=True), labels % 2, ["no", "yes"])
    assert set(two["ece_by_class"].values()) == {two["ece"]}

    truth = (rng.random(p.shape) < p).astype(int)
    several = multi_label_calibration_scores(p, truth, list("abc"))
    assert several["ece_by_class"]["c"] == expected_calibration_error(p[:, 2], truth[:, 2])
    assert several["ece"] == pytest.approx(np.mean(list(several["ece_by_class"].values())))
    assert several["brier"] == pytest.approx(np.mean([sk.brier_score_loss(truth[:, k], p[:, k]) for k in range(3)]))
    assert several["log_loss"] == pytest.approx(np.mean([sk.log_loss(truth[:, k], p[:, k]) for k in range(3)]))


@pytest.mark.parametrize(
    ("p", "true", "options", "message"),
    [
        ([0.5, 1.2], [0, 1], {}, "1 are not between 0 and 1"),
        ([0.5, np.nan], [0, 1], {}, "1 are not between 0 and 1"),
        ([0.5], [0, 1], {}, "one of each a galaxy"),
        ([0.5, 0.6], [0, 2], {}, "expected 0 or 1"),
        ([], [], {}, "0 probabilities"),
        ([0.5, 0.6], [0, 1], {"bins": 0}, "bins=0"),
    ],
)
def test_what_is_no_probability_is_refused(p: list, true: list, options: dict, message: str):
    with pytest.raises(OptionError, match=message):
        expected_calibration_error(p, true, **options)
    with pytest.raises(OptionError, match="draws=0"):
        ece_of_perfect([0.5], draws=0)


def test_copies_leave_more_to_chance():
    p, true = events(100, seed=4)
    copies = np.repeat(np.arange(100), 3)
    both = np.stack([1 - p, p], axis=1)[copies]
    once = calibration_scores(both[::3], true, ["no", "yes"])["ece_perfect"]["q95"]
    together = calibration_scores(both, true[copies], ["no", "yes"], groups=copies)["ece_perfect"]["q95"]
    apart = calibration_scores(both, true[copies], ["no", "yes"])["ece_perfect"]["q95"]
    assert together > 0.8 * once
    assert apart < 0.75 * once
