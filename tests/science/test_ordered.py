"""Ordered classes: their scores, and sets without gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from zoobot.science import fit_conformal_classes
from zoobot.science.figures import class_figures
from zoobot.science.ordered import (
    ORDERED_SCORES,
    ConformalOrdered,
    ordered_figures,
    ordered_scores,
    quadratic_kappa,
    unimodal,
)

places = st.integers(0, 4)


@given(st.lists(st.tuples(places, places), min_size=2, max_size=40).filter(lambda pairs: len(set(pairs)) > 1))
def test_kappa_is_that_of_scikit_learn(pairs):
    guess, true = np.array(pairs).T
    expected = cohen_kappa_score(guess, true, weights="quadratic", labels=range(5))
    assert quadratic_kappa(guess, true).value == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(places, places), min_size=2, max_size=40))
def test_scores_depend_on_the_order_alone(pairs):
    """Counting classes from the other end changes nothing."""
    guess, true = np.array(pairs).T
    assert ordered_scores(guess, true) == pytest.approx(ordered_scores(4 - guess, 4 - true), nan_ok=True)


def test_leaving_out_groups_is_done_exactly():
    """The interval of kappa rests on the figure without each group, which sums give without a loop."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 60)
    guess = np.clip(true + rng.integers(-1, 2, 60), 0, 3)
    groups = np.arange(60) // 2
    together = quadratic_kappa(guess, true, groups)
    alone = quadratic_kappa(guess, true)
    assert together.has_interval and together.value == alone.value
    doubled = quadratic_kappa(np.tile(guess, 2), np.tile(true, 2), np.tile(np.arange(60), 2))
    assert (doubled.low, doubled.high) == pytest.approx((alone.low, alone.high), abs=2e-3)
    left_out = [quadratic_kappa(np.delete(guess, i), np.delete(true, i)).value for i in range(60)]
    jackknife = np.std(left_out) * np.sqrt(59)
    assert (alone.high - alone.low) / 2 == pytest.approx(2 * jackknife, rel=0.3)


def test_few_galaxies_outside_the_commonest_class_have_no_interval_of_kappa():
    true = np.array([0] * 50 + [1] * 9)
    guess = true.copy()
    guess[::7] = 1
    figure = quadratic_kappa(guess, true)
    assert np.isfinite(figure.value) and not figure.has_interval
    assert "9 galaxies or groups are outside the most common class" in figure.reason
    assert quadratic_kappa(np.append(guess, 1), np.append(true, 1)).has_interval


def test_kappa_of_one_class_is_not_defined():
    figure = quadratic_kappa(np.zeros(30), np.zeros(30))
    assert np.isnan(figure.value) and figure.reason


def test_figures_are_those_of_classes_and_the_ordered_ones():
    rng = np.random.default_rng(1)
    true = rng.integers(0, 3, 200)
    p = rng.dirichlet(np.ones(3), 200) + 0.4 * np.eye(3)[true]
    p /= p.sum(axis=1, keepdims=True)
    found = ordered_figures(p, true, names=["a", "b", "c"])
    assert set(found) == set(class_figures(p, true, names=["a", "b", "c"])) | {metric.key for metric in ORDERED_SCORES}
    for name, value in ordered_scores(p.argmax(axis=1), true).items():
        assert found[name].value == pytest.approx(value)
        assert found[name].low < value < found[name].high
    assert found["class_mae"].sign == -1 and found["quadratic_kappa"].sign == 1


@given(arrays(np.float64, (5, 6), elements=st.floats(0.001, 1)))
def test_unimodal_probabilities_rise_to_the_peak_and_fall_from_it(p):
    smooth = unimodal(p)
    assert (smooth <= p).all()
    for row, given_row in zip(smooth, p, strict=True):
        peak = given_row.argmax()
        assert row[peak] == given_row[peak]
        assert (np.diff(row[: peak + 1]) >= 0).all() and (np.diff(row[peak:]) <= 0).all()
    assert np.array_equal(unimodal(smooth), smooth)


@pytest.mark.parametrize("by_class", [False, True])
def test_sets_have_no_gaps_and_keep_their_promise(by_class):
    rng = np.random.default_rng(2)
    n, level = 4000, 0.9
    true = rng.choice(5, n, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    p = rng.dirichlet(np.full(5, 0.6), n)  # with several peaks
    p = 0.6 * p + 0.4 * np.eye(5)[np.clip(true + rng.integers(-1, 2, n), 0, 4)]
    smooth = unimodal(p)
    conformal = ConformalOrdered(fit_conformal_classes(smooth[:2000], true[:2000]).scores)
    members = conformal.members(smooth[2000:], level, by_class=by_class)
    inside = np.diff(np.pad(members.astype(int), ((0, 0), (1, 1))), axis=1) == 1
    assert (inside.sum(axis=1) == 1).all()
    covered = members[np.arange(2000), true[2000:]]
    assert covered.mean() > level - 0.02
    if by_class:
        assert min(covered[true[2000:] == k].mean() for k in range(4)) > level - 0.05
    assert not members.all()
