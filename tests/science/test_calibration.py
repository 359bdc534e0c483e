"""Calibration finds what was done to right probabilities.

It does no harm where nothing is wrong or galaxies are few.
"""

import json

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import ttest_rel
from sklearn.isotonic import IsotonicRegression

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
from zoobot.science.groups import Groups
from zoobot.science.scaling import evidence_of
from zoobot.science.shrinkage import measure_gain


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits - logsumexp(logits, axis=1, keepdims=True))


def simulated(n_galaxies: int, seed: int, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return logits whose probabilities are right, and classes drawn from them."""
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


def test_the_temperature_is_the_most_probable_of_a_grid():
    logits, labels = simulated(150, seed=2)
    logs = np.log(softmax(2 * logits))
    inverse = np.linspace(0.2, 2, 3601)
    losses = np.array([(logsumexp(w * logs, axis=1) - w * logs[np.arange(150), labels]).sum() for w in inverse])
    information = ((np.exp(logs) * logs**2).sum(axis=1) - (np.exp(logs) * logs).sum(axis=1) ** 2).mean()
    best = inverse[np.argmin(losses + 7.5 * np.sqrt(information) * np.abs(inverse - 1))]
    likeliest = inverse[np.argmin(losses)]
    assert 1 / fit_temperature(np.exp(logs), labels).temperature == pytest.approx(best, abs=1e-3)
    assert likeliest < best < 1


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
    """Return right probabilities of two labels, wrong ones that no scale and offset can mend, and the labels."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n_galaxies, 2)) - [0, 1]
    right = 1 / (1 + np.exp(-logits))
    return right, 1 / (1 + np.exp(-np.cbrt(logits - 1))), (rng.random(right.shape) < right).astype(float)


def confident(n_galaxies: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return right probabilities of two labels, too confident ones, and the labels."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n_galaxies, 2)) - [0, 1]
    right = 1 / (1 + np.exp(-logits))
    return right, 1 / (1 + np.exp(-2.5 * logits)), (rng.random(right.shape) < right).astype(float)


def test_isotonic_curves_are_the_least_squares_rising_ones():
    """The max-min formula (Barlow et al. 1972) on the galaxies and the two that are added."""
    _, p, truth = labelled(300, seed=4)
    curves = fit_isotonic(p, truth).curves
    for place, curve in enumerate(curves):
        assert curve.x and curve.share > 0.5 and curve.gain_low > 0
        order = np.argsort(p[:, place])
        y = truth[order, place]
        groups = [[y[0], 1.0], *([value] for value in y[1:-1]), [y[-1], 0.0]]
        sums, counts = (np.cumsum([0, *(f(group) for group in groups)]) for f in (sum, len))
        means = (sums[None, 1:] - sums[:-1, None]) / np.where(
            np.triu(np.ones((300, 300))), counts[None, 1:] - counts[:-1, None], 1
        )
        expected = [max(means[first, row:].min() for first in range(row + 1)) for row in range(300)]
        assert np.interp(p[order, place], curve.x, curve.y) == pytest.approx(np.array(expected))
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


def test_few_galaxies_get_the_most_probable_scale_and_offset():
    _, p, truth = confident(90, seed=6)
    curve = fit_isotonic(p, truth).curves[0]
    assert not curve.x and curve.weight < 1
    logits = np.log(p[:, 0] / (1 - p[:, 0]))
    doubt = 5 * np.sqrt(1.5**2 + 2 * np.log(2))
    information = p[:, 0] * (1 - p[:, 0])

    def cost(weight: float, offset: float) -> float:
        scores = weight * logits + offset
        lost = (np.logaddexp(0, scores) - truth[:, 0] * scores).sum()
        prior = np.sqrt((information * logits**2).mean()) * abs(weight - 1) + np.sqrt(information.mean()) * abs(offset)
        return lost + doubt * prior

    best = cost(curve.weight, curve.offset)
    for weight, offset in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        assert cost(curve.weight + weight, curve.offset + offset) > best


def test_a_scale_and_an_offset_do_most_where_they_do_better():
    right, p, truth = confident(1500, seed=11)
    for place, curve in enumerate(fit_isotonic(p, truth).curves):
        assert curve.weight == pytest.approx(1 / 2.5, abs=0.06)
        assert not curve.x or curve.share < 0.3
        assert np.abs(curve.apply(p[:, place]) - right[:, place]).max() < 0.06


def test_curves_of_exclusive_classes_sum_to_one():
    logits, labels = simulated(600, seed=7)
    p = softmax(3 * logits)
    after = fit_isotonic(p, labels, exclusive=True).apply(p)
    assert after.sum(axis=1) == pytest.approx(np.ones(600))
    assert log_loss(after, labels) < log_loss(p, labels)


def costs(kind: str, spoil: float, n_galaxies: int, draws: int, n_classes: int = 2) -> tuple[np.ndarray, float, float]:
    """Return what calibration costs, the share of fits 'shown' to help, and what there was to gain.

    Costs are in nats (below 0: gains).
    """
    logits, _ = simulated(3000, seed=1, n_classes=n_classes)
    right, p = softmax(logits), softmax(spoil * logits)

    def loss(of: np.ndarray) -> float:
        return float(-(right * np.log(of)).sum(axis=1).mean())

    found, shown = [], 0
    for seed in range(draws):
        logits, labels = simulated(n_galaxies, seed=seed + 100, n_classes=n_classes)
        scaling = fit_scaling(softmax(spoil * logits), labels, kind)
        found.append(loss(scaling.apply(p)) - loss(p))
        shown += scaling.evidence == "shown"
    return np.array(found), shown / draws, loss(right) - loss(p)


@pytest.mark.parametrize(
    ("kind", "n_classes"), [("temperature", 2), ("temperature", 5), ("vector", 3), ("isotonic", 2)]
)
def test_it_does_no_harm_where_probabilities_are_right_and_galaxies_few(kind: str, n_classes: int):
    """Kept by a rule of one standard error, a temperature cost 0.003 nats, and 0.05 in one of a hundred fits."""
    cost, shown, _ = costs(kind, 1.0, 25, 150, n_classes)
    assert cost.mean() <= 0.002
    assert (cost > 0.03).mean() <= 0.02
    assert shown <= 0.05


@pytest.mark.parametrize(
    ("kind", "spoil"), [("temperature", 2.0), ("temperature", 0.5), ("vector", 2.0), ("isotonic", 2.0)]
)
def test_most_of_the_gain_is_kept_from_a_hundred_galaxies_on(kind: str, spoil: float):
    cost, _, possible = costs(kind, spoil, 100, 40)
    assert cost.mean() < 0.7 * possible
    cost, shown, possible = costs(kind, spoil, 600, 10)
    assert cost.mean() < 0.9 * possible
    assert shown > 0.5


@pytest.mark.parametrize("kind", ["temperature", "vector", "isotonic"])
def test_copies_in_groups_count_once(kind: str):
    logits, labels = simulated(160, seed=12)
    p = softmax(2 * logits)
    once = fit_scaling(p, labels, kind)
    groups = np.tile(np.arange(160), 3)
    thrice = fit_scaling(np.tile(p, (3, 1)), np.tile(labels, 3), kind, groups=groups)
    assert once.changes
    assert thrice.apply(p) == pytest.approx(once.apply(p), abs=0.02)
    apart = fit_scaling(np.tile(p, (3, 1)), np.tile(labels, 3), kind)
    assert np.abs(apart.apply(p) - once.apply(p)).max() > np.abs(thrice.apply(p) - once.apply(p)).max()
    few = fit_scaling(np.tile(p[:19], (3, 1)), np.tile(labels[:19], 3), kind, groups=np.tile(np.arange(19), 3))
    assert not few.changes


def test_what_speaks_for_it():
    logits, labels = simulated(400, seed=13)
    clear = fit_temperature(softmax(2.5 * logits), labels)
    assert clear.evidence == "shown" and 0 < clear.gain_low < clear.gain < clear.gain_high and clear.n == 400
    assert TemperatureScaling(1.2, 0.01, -0.01, 0.03, 40).evidence == "fitted"
    assert TemperatureScaling().evidence == "none"
    both = IsotonicScaling((Curve(), Curve(weight=0.5, gain=0.2, gain_low=0.1, gain_high=0.3, n=50)))
    assert both.evidence == "shown"
    assert evidence_of(both, ["ring", "bar"])["labels"] == {
        "ring": {"evidence": "none", "gain": 0.0, "gain_low": 0.0, "gain_high": 0.0, "n": 0},
        "bar": {"evidence": "shown", "gain": 0.2, "gain_low": 0.1, "gain_high": 0.3, "n": 50},
    }


def test_the_interval_of_the_gain_is_student_s_over_groups():
    rng = np.random.default_rng(14)
    before, after = rng.normal(size=30), rng.normal(size=30)
    gain = measure_gain(before, after, Groups.of(None, 30))
    assert (gain.low, gain.high) == pytest.approx(ttest_rel(before, after).confidence_interval(0.95))
    copied = measure_gain(np.tile(before, 4), np.tile(after, 4), Groups.of(np.tile(np.arange(30), 4), 120))
    assert (copied.value, copied.low, copied.high) == pytest.approx((gain.value, gain.low, gain.high))
    assert copied.n == 120


@pytest.mark.parametrize("kind", ["temperature", "vector", "isotonic"])
def test_few_galaxies_change_nothing(kind: str):
    logits, labels = simulated(19, seed=8)
    found = fit_scaling(softmax(4 * logits), labels, kind)
    assert not found.changes
    assert (found.apply(softmax(logits)) == softmax(logits)).all()


@pytest.mark.parametrize("kind", ["temperature", "vector", "isotonic"])
def test_a_few_galaxies_that_are_all_right_do_not_make_certainty(kind: str):
    """Of n galaxies that are all right, the rule of succession leaves 1 / (n + 2) for the next one to be wrong."""
    rng = np.random.default_rng(9)
    labels = rng.integers(0, 2, 25)
    own = rng.uniform(0.6, 0.8, 25)
    p = np.where(np.eye(2)[labels] == 1, own[:, None], 1 - own[:, None])
    for copies in (1, 40):
        of = np.tile(np.arange(25), copies)
        after = fit_scaling(p[of], labels[of], kind).apply(p)[np.arange(25), labels]
        assert own.mean() < after.mean() < 1 - 1 / (25 * copies + 2)


@pytest.mark.parametrize(
    "scaling",
    [
        TemperatureScaling(1.7, 0.02),
        TemperatureScaling(1.7, 0.02, 0.01, 0.03, 90),
        IsotonicScaling((Curve((0.1, 0.9), (0.2, 0.7), 0.5, 0.3, share=0.4),)),
        TemperatureScaling(),
        VectorScaling((1.5, 0.5), (0.2, -0.2), 0.1),
        IsotonicScaling((Curve((0.1, 0.9), (0.2, 0.7), gain=0.1), Curve(weight=0.5, offset=-1.0))),
        IsotonicScaling((Curve(), Curve((0.1, 0.9), (0.2, 0.7))), exclusive=True),
    ],
)
def test_kept_as_json_and_nan_stays_nan(scaling):
    again = scaling_from_dict(json.loads(json.dumps(scaling.to_dict())))
    assert again == scaling
    p = np.array([[0.3, 0.7], [np.nan, np.nan], [0.0, 1.0]])[:, : len(getattr(scaling, "curves", (0, 0)))]
    after = again.apply(p)
    assert after.shape == p.shape and (np.isnan(after) == np.isnan(p)).all()
    assert ((after[[0, 2]] >= 0) & (after[[0, 2]] <= 1)).all()
    if scaling.to_dict()["kind"] != "isotonic" or scaling.exclusive:
        assert after[[0, 2]].sum(axis=1) == pytest.approx([1, 1])


def test_what_earlier_versions_kept_is_read():
    assert scaling_from_dict({"kind": "temperature", "temperature": 2.0, "gain": 0.1}) == TemperatureScaling(2.0, 0.1)
    curve = {"x": [0.1, 0.9], "y": [0.2, 0.7], "weight": 1.0, "offset": 0.0, "gain": 0.1}
    again = scaling_from_dict({"kind": "isotonic", "curves": [curve], "exclusive": False})
    assert again.apply([[0.5]]) == pytest.approx(np.array([[0.45]]))
    assert again.evidence == "fitted"


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
