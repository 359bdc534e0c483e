"""Learning curves and what more labels buy: power laws with known answers, and heads fitted by hand."""

import json

import numpy as np
import pytest
from scipy.optimize import curve_fit

from zoobot.errors import LabelError, OptionError
from zoobot.science import fit_power_law, learning_curve

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


def test_agrees_with_scipys_least_squares():
    rng = np.random.default_rng(1)
    mean, draws = noisy(rng)
    law = fit_power_law(SIZES, mean, draws, n_now=800)
    found, _ = curve_fit(
        lambda n, floor, b, c: floor + b * n**-c, SIZES, mean, p0=[0.1, 1, 0.5], sigma=draws.std(axis=0),
        bounds=([0, 0, 0.1], [1, 50, 2]),
    )  # fmt: skip
    np.testing.assert_allclose(law.error(SIZES), found[0] + found[1] * SIZES ** -found[2], atol=1e-3)
    assert law.error_now - law.error_then == pytest.approx(
        found[1] * (800.0 ** -found[2] - 900.0 ** -found[2]), rel=0.1
    )


def test_interval_of_the_gain_holds_the_true_gain():
    rng = np.random.default_rng(2)
    true = 0.9 * (700**-0.4 - 800**-0.4)
    laws = [fit_power_law(SIZES, *noisy(rng, 0.05, 0.9, 0.4), n_now=700) for _ in range(60)]
    inside = [law.gain_low <= true <= law.gain_high for law in laws]
    assert all(law.determined for law in laws)
    assert np.mean(inside) > 0.85


def test_curves_that_say_nothing_are_not_continued():
    rng = np.random.default_rng(3)
    laws = [fit_power_law(SIZES, *noisy(rng, 0.3, 0.0), n_now=800) for _ in range(40)]
    refused = [law for law in laws if not law.determined]
    assert len(refused) >= 35
    assert "doesn't rise beyond chance" in refused[0].reason and np.isnan(refused[0].gain)
    assert refused[0].to_dict()["gain"] is None
    mean, draws = noisy(rng)
    assert "too many to foresee" in fit_power_law(SIZES, mean, draws, n_now=700, more=1500).reason
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
    curves = [learning_curve(*gaussian(300, rng), more=150, n_repeats=2, n_draws=60, seed=seed) for seed in range(3)]
    laws = [curve.laws["balanced_accuracy"] for curve in curves]
    assert true > 0.003
    assert sum(law.gain_low - 0.002 <= true <= law.gain_high + 0.002 for law in laws) >= 2
    assert np.mean([law.gain for law in laws]) == pytest.approx(true, abs=0.012)
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
    assert low[-1] < 0.55 and high[-1] < 0.75
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
