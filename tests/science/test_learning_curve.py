"""Learning curves and what more labels buy: power laws with known answers, and heads fitted by hand."""

import json
import re
import sys

import numpy as np
import pytest
from scipy.optimize import curve_fit

from zoobot.errors import LabelError, OptionError
from zoobot.science import fit_power_law, learning_curve
from zoobot.science.curve_scores import Fitted, score_heads
from zoobot.science.nested import Units
from zoobot.science.power_law import BENT, NUGGET

SIZES = np.array([20, 40, 80, 160, 320, 640])


def noisy(rng, floor=0.1, b=1.0, c=0.5, noise=0.004, n=100):
    """Draws of a mean curve: one error for all sizes of a draw (the same test galaxies), and one for each."""
    truth = floor + b * SIZES**-c
    mean = truth + rng.normal(0, noise, len(SIZES)) + rng.normal(0, noise)
    return mean, mean + rng.normal(0, noise, (n, len(SIZES))) + rng.normal(0, noise, (n, 1))


def test_exact_law_is_found():
    truth = 0.07 + 0.8 * SIZES**-0.6
    rng = np.random.default_rng(0)
    law = fit_power_law(SIZES, truth, truth + rng.normal(0, 1e-4, (50, len(SIZES))), n_now=800, more=100)
    assert (law.floor, law.b, law.c) == pytest.approx((0.07, 0.8, 0.6), abs=0.05)
    assert law.gain == pytest.approx(0.8 * (800**-0.6 - 900**-0.6), rel=0.05)
    assert law.error([800, 900]) == pytest.approx([law.error_now, law.error_then])


def test_agrees_with_scipys_generalized_least_squares():
    rng = np.random.default_rng(1)
    mean, draws = noisy(rng)
    law = fit_power_law(SIZES, mean, draws, n_now=800)
    covariance = np.cov(draws.T)
    bent = BENT * (mean[0] - mean[-1]) * np.log(SIZES[-1] / SIZES)
    found, _ = curve_fit(
        lambda n, floor, b, c: floor + b * n**-c, SIZES, mean, p0=[0.1, 1, 0.5],
        sigma=covariance + np.diag(NUGGET * np.diag(covariance) + bent**2), bounds=([-1, 0, 0.1], [1, 50, 2]),
    )  # fmt: skip
    np.testing.assert_allclose(law.error(SIZES), found[0] + found[1] * SIZES ** -found[2], atol=1e-3)
    assert law.error_now - law.error_then == pytest.approx(
        found[1] * (800.0 ** -found[2] - 900.0 ** -found[2]), rel=0.1
    )


def test_interval_of_the_gain_holds_the_true_gain():
    rng = np.random.default_rng(2)
    true = 0.9 * (700**-0.4 - 800**-0.4)
    laws = [fit_power_law(SIZES, *noisy(rng, 0.05, 0.9, 0.4), n_now=700) for _ in range(60)]
    promised = [law for law in laws if law.determined]
    assert len(promised) > 54  # a true law misses its points at the 5% level
    assert np.mean([law.gain_low <= true <= law.gain_high for law in promised]) > 0.93


def test_heads_that_call_everything_one_class_do_not_fix_the_law():
    """Balanced accuracies of five positives of 300.

    The smallest heads score 0.5 without any spread, and once were all that counted.
    """
    rng = np.random.default_rng(9)
    sizes = [20, 30, 46, 69, 104, 158, 238]
    errors = 1 - np.array([0.525, 0.5, 0.5, 0.5, 0.595, 0.647, 0.748])
    draws = errors + rng.normal(0, 1, (300, 7)) * [0.01, 0, 0, 0, 0.03, 0.04, 0.05]
    law = fit_power_law(sizes, errors, draws, n_now=300)
    assert not law.determined or law.error(238) == pytest.approx(errors[-1], abs=0.1)


def test_a_law_that_misses_its_points_is_not_continued():
    rng = np.random.default_rng(10)
    errors = np.array([0.5, 0.4, 0.3, 0.25, 0.4, 0.1])  # no power law bends that way
    law = fit_power_law(SIZES, errors, errors + rng.normal(0, 0.01, (200, 6)), n_now=800)
    assert law.fit_p < 0.05 and "no power law passes through the points" in law.reason and np.isnan(law.gain)


def test_a_curve_that_rises_ever_faster_may_go_on_so():
    """More features than labels: the score rises as a straight line against the labels, faster than their logarithm."""
    rng = np.random.default_rng(17)
    sizes = np.array([20, 28, 40, 56, 80, 113])
    errors = 1.05 - 0.004 * sizes
    law = fit_power_law(sizes, errors, errors + rng.normal(0, 0.01, (200, 6)), n_now=113, more=50)
    assert law.determined and law.gain_low < 0.2 < law.gain_high


def test_a_curve_may_level_off_beyond_its_last_point():
    """Of as many labels as features the score rises steeply, and no more soon after: errors of 1 / (n - d)."""
    rng = np.random.default_rng(18)
    sizes = np.array([60, 64, 68, 74, 80, 88])
    errors = 1 / (sizes - 50)
    law = fit_power_law(sizes, errors, errors + rng.normal(0, 0.002, (200, 6)), n_now=100, more=50)
    assert not law.determined or law.gain_low <= 1 / 50 - 1 / 100 <= law.gain_high


def test_no_gain_exceeds_the_error_that_is_left():
    rng = np.random.default_rng(11)
    errors = 0.4 - 0.11 * np.log(SIZES / 20)  # straight against log n, and soon below 0
    law = fit_power_law(SIZES, errors, errors + rng.normal(0, 0.004, (200, 6)), n_now=700, more=600)
    assert law.determined and law.gain == law.error_now and law.error_then == 0 == law.error(1300)
    assert law.gain_high <= law.error_now


def test_a_curve_that_rose_and_levelled_off_is_not_called_flat():
    rng = np.random.default_rng(5)
    errors = np.array([0.189, 0.163, 0.157, 0.147, 0.148, 0.141, 0.139])
    draws = errors + rng.normal(0, 0.018, (400, 1)) + rng.normal(0, 0.006, (400, 7))
    law = fit_power_law([20, 39, 75, 147, 285, 553, 1074], errors, draws, n_now=942)
    assert not law.determined
    assert law.reason.startswith(
        "the last points of the curve, which count most, can't be told from a flat one (p = 0.0"
    )
    assert "though between 20 and 1074 labels the score improves by 0.05" in law.reason


def test_curves_that_say_nothing_are_not_continued():
    rng = np.random.default_rng(3)
    laws = [fit_power_law(SIZES, *noisy(rng, 0.3, 0.0), n_now=800) for _ in range(40)]
    refused = [law for law in laws if not law.determined]
    assert len(refused) >= 35
    for law in refused:
        improved = "improvement -" not in law.reason  # the lower end of its interval is above 0
        assert "can't be ruled out" not in law.reason or not improved
    assert any("a flat curve can't be ruled out" in law.reason for law in refused)
    assert any("it has not improved so far" in law.reason for law in refused)
    assert np.isnan(refused[0].gain)
    assert refused[0].to_dict()["gain"] is None
    mean, draws = noisy(rng)
    assert "too many to predict the gain" in fit_power_law(SIZES, mean, draws, n_now=700, more=1500).reason
    assert "too few" in fit_power_law(SIZES[:3], mean[:3], draws[:, :3], n_now=80).reason


def gaussian(n, rng, d=40, distance=2.2):
    """Two classes whose means are a known distance apart, a little in each of many features."""
    labels = np.arange(n) % 2
    x = rng.normal(0, 1, (n, d))
    x += distance * (labels[:, None] - 0.5) / np.sqrt(d)
    return x.astype(np.float32), labels


def test_gain_of_real_heads_agrees_with_what_more_labels_gave():
    """Foreseen from 300 galaxies, over several samples; checked by heads fitted to more, on very many new galaxies."""
    from sklearn.linear_model import RidgeClassifierCV

    rng = np.random.default_rng(4)
    new, truth = gaussian(8_000, rng)

    def accuracy(n):
        heads = [RidgeClassifierCV(np.geomspace(0.1, 1e4, 9)).fit(*gaussian(n, rng)) for _ in range(15)]
        return np.mean([head.score(new, truth) for head in heads])

    true = accuracy(450) - accuracy(300)
    curves = [learning_curve(*gaussian(300, rng), more=150, n_draws=150, seed=seed) for seed in range(4)]
    laws = [curve.laws["balanced_accuracy"] for curve in curves if curve.laws["balanced_accuracy"].determined]
    assert true > 0.003
    assert len(laws) >= 2 and all(law.gain_low <= true <= law.gain_high for law in laws)
    assert np.mean([law.gain for law in laws]) == pytest.approx(true, abs=0.015)
    assert curves[0].scores["balanced_accuracy"][:, -1].mean() == pytest.approx(accuracy(240), abs=0.06)


def test_regression_recovers_the_noise():
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (400, 10))
    y = x @ np.arange(10) + rng.normal(0, 2, 400)
    curve = learning_curve(x, y, "regress", n_repeats=2, n_draws=60)
    assert curve.headline == "r2" and set(curve.scores) == {"r2", "rmse"}
    assert curve.scores["rmse"][:, -1].mean() == pytest.approx(2, rel=0.15)
    assert (np.diff(curve.scores["rmse"].mean(axis=0)) < 0.05).all()
    assert "lower the RMSE" in curve.sentence("rmse") or "can't be said" in curve.sentence("rmse")


def test_same_seed_is_the_same_curve_and_shuffled_labels_teach_nothing():
    rng = np.random.default_rng(6)
    x, labels = gaussian(120, rng)
    options = {"n_repeats": 2, "n_draws": 40}
    one, other = learning_curve(x, labels, **options), learning_curve(x, labels, **options)
    np.testing.assert_array_equal(one.draws["auroc"], other.draws["auroc"])
    nothing = learning_curve(x, rng.permutation(labels), **options)
    low, high = nothing.interval("auroc")
    assert low[-1] < 0.5 < high[-1]
    assert not nothing.laws["balanced_accuracy"].determined
    assert "can't be said" in nothing.sentence()


def test_nan_rows_many_features_and_gaps_in_the_classes():
    rng = np.random.default_rng(7)
    x, labels = gaussian(90, rng, d=300)
    x[3, 5], classes = np.nan, np.where(labels == 1, 4.0, 1.0)
    classes[8] = np.nan
    curve = learning_curve(x, classes, n_repeats=2, n_draws=30)
    assert curve.n_labels == 88
    assert curve.sizes[0] == 20 and curve.sizes[-1] <= 88 * 0.8
    kept = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert kept["sizes"] == curve.sizes.tolist() and kept["sentence"] == curve.sentence()
    assert len(kept["scores"]["auroc"]["repeats"]) == 2


@pytest.mark.filterwarnings("error")
def test_rare_class_and_one_class():
    rng = np.random.default_rng(8)
    x, _ = gaussian(80, rng)
    rare = np.r_[np.zeros(40), np.ones(37), np.full(3, 2)]
    assert learning_curve(x, rare, n_repeats=2, n_draws=20).sizes[-1] < 80  # three folds: one of the class in each
    for labels, said in (
        (np.zeros(80), "0: 80"),
        (np.r_[np.zeros(79), 1], "two galaxies or more"),
        (rare + 0.5, "whole"),
    ):
        with pytest.raises(LabelError, match=said):
            learning_curve(x, labels)
    with pytest.raises(LabelError, match="nothing to learn"):
        learning_curve(x, np.ones(80), "regress")
    with pytest.raises(LabelError, match="too few"):
        learning_curve(x[:30], rare[:30])


def test_other_mistakes_are_named():
    with pytest.raises(OptionError, match="task='tree'"):
        learning_curve(np.zeros((60, 2)), np.zeros(60), "tree")
    with pytest.raises(OptionError, match="don't agree"):
        learning_curve(np.zeros((60, 2)), np.zeros(61))
    with pytest.raises(OptionError, match="at least 2"):
        learning_curve(np.zeros((60, 2)), np.zeros(60), n_repeats=1)


def copies(n, rng, d=60, times=3):
    """Noise: galaxies in rotated copies, whose features are nearly the same, with labels that mean nothing."""
    x = np.repeat(rng.normal(0, 1, (n, d)), times, axis=0) + rng.normal(0, 0.2, (n * times, d))
    return x, np.repeat(rng.permutation(np.arange(n) % 2), times), np.repeat(np.arange(n), times)


def test_noise_in_copies_stays_at_chance():
    for seed in range(3):
        x, labels, groups = copies(80, np.random.default_rng(seed))
        curve = learning_curve(x, labels, groups=groups, n_repeats=2, n_draws=80, seed=seed)
        low, high = curve.interval("balanced_accuracy")
        assert (low < 0.5).all() and (high > 0.5).all() and not curve.laws["balanced_accuracy"].determined
        assert (curve.n_labels, curve.n_groups) == (240, 80)
        np.testing.assert_array_equal(curve.sizes, 3 * curve.groups)
        assert "240 labelled galaxies (80 groups, kept whole)" in curve.sentence()
        numbers = np.repeat(np.random.default_rng(seed).normal(0, 1, 80), 3)
        assert learning_curve(x, numbers, "regress", groups=groups, n_repeats=2, n_draws=40).scores["r2"].max() < 0.1


def test_copies_say_what_single_galaxies_say():
    rng = np.random.default_rng(3)
    x, labels = gaussian(150, rng)
    options = {"n_repeats": 2, "n_draws": 150}
    single = learning_curve(x, labels, **options)
    tripled = learning_curve(
        np.repeat(x, 3, axis=0), np.repeat(labels, 3), groups=np.repeat(np.arange(150), 3), **options
    )
    for score in single.scores:
        assert tripled.scores[score].mean(axis=0) == pytest.approx(single.scores[score].mean(axis=0), abs=0.04)
        wide, narrow = (np.subtract(*one.interval(score)) for one in (single, tripled))
        assert narrow.mean() == pytest.approx(wide.mean(), rel=0.15)  # three times the rows, and no surer


def test_a_class_of_too_few_has_no_promise_and_no_interval():
    rng = np.random.default_rng(12)
    labels = (np.arange(300) < 5).astype(int)
    x = rng.normal(0, 1, (300, 20)) + labels[:, None]
    curve = learning_curve(x, labels, n_repeats=2, n_draws=40)
    assert "the rarest class has 5 galaxies, and 20 are needed" in curve.sentence()
    assert not curve.figure().has_interval and "10 are needed" in curve.figure().reason
    fifteen = learning_curve(x, (np.arange(300) < 15).astype(int), n_repeats=2, n_draws=40)
    assert not fifteen.laws["auroc"].determined and fifteen.figure().has_interval
    times = np.repeat(np.arange(15), 2)  # thirty labels of fifteen galaxies
    groups = np.r_[times, np.arange(15, 285)]
    paired = learning_curve(x, (np.arange(300) < 30).astype(int), groups=groups, n_repeats=2, n_draws=40)
    assert "the rarest class has 15 groups of galaxies" in paired.sentence()


def test_the_gain_is_counted_from_the_labels_that_train():
    rng = np.random.default_rng(13)
    x, labels = gaussian(400, rng, distance=3.0)
    curve = learning_curve(x, labels, n_now=250, more=80, n_draws=150)
    law = curve.laws["balanced_accuracy"]
    assert law.determined and (law.n_now, curve.n_labels) == (250, 400)
    assert law.gain == pytest.approx(float(law.error(250) - law.error(330)))
    assert "330 instead of 250" in curve.sentence() and "all 400 labelled galaxies" in curve.sentence()
    assert "not the test score" in curve.sentence()
    kept = curve.to_dict()
    assert (kept["n_now"], kept["n_labels"], kept["galaxies"]) == (250, 400, "all 400 labelled galaxies, out of fold")
    assert "ridge classifier on frozen features" in kept["head"]
    most = kept["at_most_labels"]["balanced_accuracy"]
    assert (
        most["value"] == kept["scores"]["balanced_accuracy"]["mean"][-1] and most["low"] < most["value"] < most["high"]
    )


def test_what_is_said_does_not_depend_on_the_unit():
    rng = np.random.default_rng(14)
    x = rng.normal(0, 1, (200, 10))
    y = x @ np.arange(10) + rng.normal(0, 5, 200)
    one, milli = (learning_curve(x, unit * y, "regress", n_repeats=2, n_draws=60) for unit in (1, 1e-3))
    assert one.sentence("r2") == milli.sentence("r2")
    laws = one.laws["rmse"], milli.laws["rmse"]
    assert laws[0].determined == laws[1].determined
    assert 1e-3 * laws[0].error_now == pytest.approx(laws[1].error_now)
    assert not re.search(r" 0\.000\b", milli.sentence("rmse"))


def test_a_head_that_is_always_right_is_not_certain():
    labels = np.arange(100) % 2
    x = np.stack([labels * 10.0, np.zeros(100)], axis=1) + np.random.default_rng(15).normal(0, 0.1, (100, 2))
    curve = learning_curve(x, labels, n_repeats=2, n_draws=40)
    low, high = curve.interval("balanced_accuracy")
    assert curve.scores["balanced_accuracy"].min() == 1 and (high == 1).all()
    assert low == pytest.approx(0.97)  # the rule of three
    assert not curve.laws["balanced_accuracy"].determined


def test_auroc_is_of_pairs_within_a_fold():
    """Heads of different folds share no scale: an offset of one fold's scores changes nothing."""
    rng = np.random.default_rng(16)
    truth, folds = np.arange(60) % 2, np.repeat([0, 1, 2], 20)
    score = rng.normal(truth, 1)
    found = []
    for offset in (0, 5):
        shifted = score + offset * folds
        fitted = Fitted(np.stack([-shifted, shifted], axis=1)[None, None], folds[None], np.ones((1, 3, 1), np.int64))
        found.append(score_heads(fitted, truth.astype(float), "classify", Units.of(truth, None), n_draws=20, seed=0))
    assert found[0][0]["auroc"] == pytest.approx(found[1][0]["auroc"])
    np.testing.assert_allclose(found[0][1]["auroc"], found[1][1]["auroc"])


def test_of_very_many_galaxies_some_are_used(monkeypatch):
    monkeypatch.setattr(sys.modules["zoobot.science.learning_curve"], "MOST", 80)
    x, labels = gaussian(200, np.random.default_rng(17))
    curve = learning_curve(x, labels, groups=np.arange(200) // 2, n_repeats=2, n_draws=20)
    assert (curve.n_labels, curve.n_given, curve.n_now) == (80, 200, 200)
    assert "out of fold on 80 of the 200 labelled galaxies, drawn at random" in curve.sentence()
