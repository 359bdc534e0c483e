"""Calibration: it finds what was done to right probabilities, agrees with other implementations, and stays away where nothing is wrong."""

import json

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from zoobot.errors import OptionError
from zoobot.science import (
    Curve,
    IsotonicScaling,
    TemperatureScaling,
    VectorScaling,
    expected_calibration_error,
    fit_isotonic,
    fit_scaling,
    fit_temperature,
    fit_vector,
    log_loss,
    scaling_from_dict,
)


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits - logsumexp(logits, axis=1, keepdims=True))


def simulated(n_galaxies: int, seed: int, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Give logits whose probabilities are right, and classes drawn from them."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n_galaxies, n_classes))
    return logits, (softmax(logits).cumsum(axis=1) < rng.random((n_galaxies, 1))).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.4, 2.5])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_the_temperature_that_was_taken_away_is_found(temperature: float, n_classes: int):
    logits, labels = simulated(3000, seed=1, n_classes=n_classes)
    p = softmax(logits * temperature)
    found = fit_temperature(p[:2000], labels[:2000])
    assert found.temperature == pytest.approx(temperature, rel=0.12) and found.gain > 0
    after = found.apply(p[2000:])
    assert after == pytest.approx(softmax(logits[2000:] * temperature / found.temperature))
    assert log_loss(after, labels[2000:]) < log_loss(p[2000:], labels[2000:])
    assert (after.argmax(axis=1) == p[2000:].argmax(axis=1)).all()


def test_the_temperature_is_the_most_likely_of_a_grid():
    logits, labels = simulated(150, seed=2)
    p = softmax(2 * logits)
    temperatures = np.linspace(0.5, 4, 3501)
    targets = np.full(p.shape, 1 / 152 / 2)
    targets[np.arange(150), labels] = 151 / 152
    losses = [-(targets * np.log(softmax(np.log(p) / t))).sum() for t in temperatures]
    assert fit_temperature(p, labels).temperature == pytest.approx(temperatures[np.argmin(losses)], abs=2e-3)


def test_vector_scaling_takes_back_a_change_of_class_shares():
    """Training on balanced classes tilts all probabilities: an offset a class, which no temperature can mend."""
    logits, labels = simulated(6000, seed=3)
    tilted = softmax(1.5 * logits + [0.0, 1.5, -1.5])
    found = fit_vector(tilted[:4000], labels[:4000])
    assert found.weights == pytest.approx([1 / 1.5] * 3, abs=0.12)
    assert found.offsets == pytest.approx([0, -1, 1], abs=0.2) and sum(found.offsets) == pytest.approx(0)
    with_temperature = fit_temperature(tilted[:4000], labels[:4000])
    losses = [log_loss(scaling.apply(tilted[4000:]), labels[4000:]) for scaling in (found, with_temperature)]
    assert losses[0] < losses[1] - 0.05
    assert losses[0] == pytest.approx(log_loss(softmax(logits[4000:]), labels[4000:]), abs=0.01)


def labelled(n_galaxies: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give right probabilities of two labels, wrong ones that no scale and offset can mend, and the labels."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n_galaxies, 2)) - [0, 1]
    right = 1 / (1 + np.exp(-logits))
    return right, 1 / (1 + np.exp(-np.cbrt(logits - 1))), (rng.random(right.shape) < right).astype(float)


def confident(n_galaxies: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give right probabilities of two labels, too confident ones, and the labels."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n_galaxies, 2)) - [0, 1]
    right = 1 / (1 + np.exp(-logits))
    return right, 1 / (1 + np.exp(-2.5 * logits)), (rng.random(right.shape) < right).astype(float)


def test_isotonic_curves_are_the_least_squares_rising_ones():
    """The max-min formula (Barlow et al. 1972) on the galaxies and the two that are added."""
    _, p, truth = labelled(300, seed=4)
    curves = fit_isotonic(p, truth).curves
    for place, curve in enumerate(curves):
        assert curve.x and curve.gain > 0
        order = np.argsort(p[:, place])
        y = truth[order, place]
        groups = [[y[0], 1.0], *([value] for value in y[1:-1]), [y[-1], 0.0]]
        sums, counts = (np.cumsum([0, *(f(group) for group in groups)]) for f in (sum, len))
        means = (sums[None, 1:] - sums[:-1, None]) / np.where(
            np.triu(np.ones((300, 300))), counts[None, 1:] - counts[:-1, None], 1
        )
        expected = [max(means[first, row:].min() for first in range(row + 1)) for row in range(300)]
        assert curve.apply(p[order, place]) == pytest.approx(np.array(expected))
        assert curve.y[0] > 0 and curve.y[-1] < 1
        plain = IsotonicRegression().fit(p[:, place], truth[:, place])
        assert plain.y_min is None and plain.predict(p[:, place]).min() == 0  # certain, without the two


def test_isotonic_lowers_loss_and_error_of_new_galaxies():
    right, p, truth = labelled(4000, seed=5)
    after = fit_isotonic(p[:2000], truth[:2000]).apply(p[2000:])
    for place in range(2):
        before = expected_calibration_error(p[2000:, place], truth[2000:, place])
        assert before > 0.08
        assert expected_calibration_error(after[:, place], truth[2000:, place]) < 0.04
        assert np.abs(after[:, place] - right[2000:, place]).mean() < 0.05
    order = np.argsort(p[2000:, 0])
    assert (np.diff(after[order, 0]) >= 0).all()


def test_few_galaxies_get_a_scale_and_an_offset_as_scikit_learn_fits_them():
    _, p, truth = confident(90, seed=6)
    curve = fit_isotonic(p, truth).curves[0]
    assert not curve.x and curve.weight < 1
    n_true = truth[:, 0].sum()
    shares = np.where(truth[:, 0] == 1, (n_true + 1) / (n_true + 2), 1 / (90 - n_true + 2))
    logits = np.log(p[:, :1] / (1 - p[:, :1]))
    twice, weights = np.repeat([1, 0], 90), np.concatenate([shares, 1 - shares])
    model = LogisticRegression(C=np.inf, tol=1e-8).fit(np.vstack([logits, logits]), twice, weights)
    assert (curve.weight, curve.offset) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), abs=2e-3)


def test_a_scale_and_an_offset_are_preferred_where_they_do_better():
    right, p, truth = confident(1500, seed=11)
    for place, curve in enumerate(fit_isotonic(p, truth).curves):
        assert not curve.x and curve.weight == pytest.approx(1 / 2.5, abs=0.06)
        assert np.abs(curve.apply(p[:, place]) - right[:, place]).max() < 0.06


def test_curves_of_exclusive_classes_sum_to_one():
    logits, labels = simulated(600, seed=7)
    p = softmax(3 * logits)
    after = fit_isotonic(p, labels, exclusive=True).apply(p)
    assert after.sum(axis=1) == pytest.approx(np.ones(600))
    assert log_loss(after, labels) < log_loss(p, labels)


def test_what_is_right_stays_as_it_is():
    changed = dict.fromkeys(("temperature", "vector", "isotonic"), 0)
    for seed in range(20):
        logits, labels = simulated(150, seed=seed + 40)
        for kind in changed:
            changed[kind] += fit_scaling(softmax(logits), labels, kind).changes
    assert changed["temperature"] <= 7  # the gain must exceed its standard error
    assert changed["vector"] <= 4


@pytest.mark.parametrize("kind", ["temperature", "vector", "isotonic"])
def test_few_galaxies_change_nothing(kind: str):
    logits, labels = simulated(19, seed=8)
    found = fit_scaling(softmax(4 * logits), labels, kind)
    assert not found.changes
    assert (found.apply(softmax(logits)) == softmax(logits)).all()


@pytest.mark.parametrize("kind", ["temperature", "vector", "isotonic"])
def test_a_few_galaxies_that_are_all_right_do_not_make_certainty(kind: str):
    """25 of 25 right leaves room for an error of several percent."""
    rng = np.random.default_rng(9)
    labels = rng.integers(0, 2, 25)
    own = rng.uniform(0.6, 0.8, 25)
    p = np.where(np.eye(2)[labels] == 1, own[:, None], 1 - own[:, None])
    after = fit_scaling(p, labels, kind).apply(p)
    assert 0.9 < after[np.arange(25), labels].mean() < 0.99


@pytest.mark.parametrize(
    "scaling",
    [
        TemperatureScaling(1.7, 0.02),
        TemperatureScaling(),
        VectorScaling((1.5, 0.5), (0.2, -0.2), 0.1),
        IsotonicScaling((Curve((0.1, 0.9), (0.2, 0.7), gain=0.1), Curve(weight=0.5, offset=-1.0))),
        IsotonicScaling((Curve(), Curve((0.1, 0.9), (0.2, 0.7))), exclusive=True),
    ],
)
def test_kept_as_json_and_nan_stays_nan(scaling):
    again = scaling_from_dict(json.loads(json.dumps(scaling.to_dict())))
    assert again == scaling
    p = np.array([[0.3, 0.7], [np.nan, np.nan], [0.0, 1.0]])
    after = again.apply(p)
    assert after.shape == p.shape and (np.isnan(after) == np.isnan(p)).all()
    assert ((after[[0, 2]] >= 0) & (after[[0, 2]] <= 1)).all()
    if scaling.to_dict()["kind"] != "isotonic" or scaling.exclusive:
        assert after[[0, 2]].sum(axis=1) == pytest.approx([1, 1])


def test_what_does_not_fit_is_refused():
    p = np.full((30, 2), 0.5)
    with pytest.raises(OptionError, match="whole numbers from 0 to 1"):
        fit_temperature(p, np.full(30, 2))
    with pytest.raises(OptionError, match="one label each"):
        fit_vector(p, np.zeros(29))
    with pytest.raises(OptionError, match="finite"):
        fit_temperature(np.where(p == 0.5, np.nan, p), np.zeros(30))
    with pytest.raises(OptionError, match="one shape"):
        fit_isotonic(p, np.zeros(30))
    with pytest.raises(OptionError, match="exclusive classes"):
        fit_scaling(p, np.zeros((30, 2)), "vector", multi_label=True)
    with pytest.raises(OptionError, match="newer version"):
        scaling_from_dict({"kind": "spline"})
