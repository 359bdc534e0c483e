"""Beliefs about votes: against scipy's distributions, against sampling, and mixtures against their definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from zoobot.errors import OptionError
from zoobot.trees import Schema, VotePosterior, load
from zoobot.trees.mixtures import beta_binomial_cdf, beta_mixture_quantile

TREE = Schema(
    {"shape": ["smooth", "featured", "artifact"], "arms": ["yes", "no"], "count": ["1", "2", "3"], "alone": ["yes"]},
    {"arms": "shape_featured", "count": "arms_yes"},
)


def concentrations(galaxies: int, components: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.3, 30, (galaxies, components, len(TREE.label_cols)))


def assert_quantile(found: np.ndarray, share: float, a: np.ndarray, b: np.ndarray) -> None:
    """The mixture reaches the share within a millionth of a vote fraction from where it was found."""
    before, after = (stats.beta(a, b).cdf((found + step)[:, None]).mean(axis=1) for step in (-1e-6, 1e-6))
    assert (before <= share).all() and (after >= share).all()


def test_one_component_is_a_dirichlet():
    values = concentrations(5, 1)
    posterior = VotePosterior(TREE, values[:, 0])
    own = values[0, 0, :3]
    expected = stats.dirichlet(own)
    assert np.allclose(posterior.fractions()[0, :3], expected.mean())
    assert np.allclose(posterior.volunteers()[0, 0], own.sum())
    assert np.allclose(posterior.entropy()[0, 0], stats.entropy(expected.mean()))
    low, high = posterior.interval(0.8)
    marginal = stats.beta(own[1], own[0] + own[2])
    assert np.allclose([low[0, 1], high[0, 1]], marginal.ppf([0.1, 0.9]))
    assert np.allclose(low[:, -1], 1) and np.allclose(posterior.fractions()[:, -1], 1)  # a question with one answer


def test_a_mixture_is_not_its_averaged_concentrations():
    """Two models that are sure of opposite answers: the mixture is wide, the average of concentrations narrow."""
    values = np.full((1, 2, 9), 2.0)
    values[0, :, :3] = [[100, 1, 1], [1, 100, 1]]
    posterior = VotePosterior(TREE, values)
    low, high = posterior.interval(0.9)
    assert low[0, 0] < 0.03 and high[0, 0] > 0.95
    assert posterior.volunteers()[0, 0] < 3
    averaged = VotePosterior(TREE, values.mean(axis=1))
    assert averaged.volunteers()[0, 0] > 100


@pytest.mark.parametrize("components", [1, 2, 7])
def test_intervals_hold_the_mixture_s_probability(components):
    values = concentrations(40, components, seed=components)
    posterior = VotePosterior(TREE, values)
    low, high = posterior.interval(0.9)
    for index in range(8):  # the last answer is certain
        a, b = posterior.answer(index)
        for edge, share in ((low, 0.05), (high, 0.95)):
            assert_quantile(edge[:, index], share, a, b)


def test_quantiles_of_extreme_and_equal_distributions():
    a = np.array([[[1e-2], [1e-2]], [[500.0], [0.02]], [[3.0], [3.0]]])
    b = np.array([[[5.0], [5.0]], [[1.0], [90.0]], [[2.0], [2.0]]])
    for q in (0.025, 0.5, 0.975):
        found = beta_mixture_quantile(a, b, q)
        assert_quantile(found[:, 0], q, a[..., 0], b[..., 0])


def test_moments_against_sampling():
    values = concentrations(1, 3, seed=5)
    posterior = VotePosterior(TREE, values)
    draw = np.random.default_rng(0)
    samples = np.concatenate([draw.dirichlet(values[0, k, :3], 40_000) for k in range(3)])
    assert np.allclose(posterior.fractions()[0, :3], samples.mean(axis=0), atol=5e-3)
    mean, variance = samples.mean(axis=0), samples.var(axis=0)
    assert posterior.volunteers()[0, 0] == pytest.approx((mean * (1 - mean)).sum() / variance.sum() - 1, rel=0.02)
    arms = np.concatenate([draw.dirichlet(values[0, k, 3:5], 40_000) for k in range(3)])
    assert posterior.p_asked()[0, 2] == pytest.approx((samples[:, 1] * arms[:, 0]).mean(), abs=5e-3)


def test_p_asked_of_a_mixture_keeps_what_goes_together():
    """One model sees a spiral, the other an elliptical: half the volunteers are asked to count arms, not a quarter."""
    values = np.full((1, 2, 9), 1.0)
    values[0, 0, [1, 3]] = 1e6
    values[0, 1, [0, 4]] = 1e6
    assert VotePosterior(TREE, values).p_asked()[0, 2] == pytest.approx(0.5, abs=1e-3)


def test_likelihood_is_scipy_s_and_a_mixture_s():
    values = concentrations(6, 2, seed=2)
    votes = np.random.default_rng(1).integers(0, 9, (6, 9)).astype(float)
    votes[0, :3] = 0
    found = VotePosterior(TREE, values).log_likelihood(votes)
    assert found[0, 0] == 0
    one = [
        stats.dirichlet_multinomial(values[2, k, :3], votes[2, :3].sum().astype(int)).pmf(votes[2, :3].astype(int))
        for k in range(2)
    ]
    assert found[2, 0] == pytest.approx(np.log(np.mean(one)), rel=1e-9)


def test_paths_end_at_leaves():
    values = concentrations(3, 2, seed=3)
    posterior = VotePosterior(TREE, values)
    assert [answer.text for answer in TREE.leaves] == [
        "shape_smooth", "shape_artifact", "arms_no", "count_1", "count_2", "count_3", "alone_yes",
    ]  # fmt: skip
    paths = posterior.path_probabilities()
    assert np.allclose(paths[:, :-1].sum(axis=1), 1)  # each volunteer comes to one of them, and to alone_yes
    assert np.allclose(paths[:, -1], 1)


def test_counts_against_scipy():
    a, b = np.array([[2.0], [0.4]]), np.array([[3.0], [5.0]])
    below, up_to = beta_binomial_cdf(np.array([3.0, 0.0]), np.array([10.0, 4.0]), a, b)
    assert up_to[0] == pytest.approx(stats.betabinom(10, 2, 3).cdf(3))
    assert below[0] == pytest.approx(stats.betabinom(10, 2, 3).cdf(2))
    assert (below[1], up_to[1]) == (0, pytest.approx(stats.betabinom(4, 0.4, 5).pmf(0)))


def test_a_galaxy_without_prediction_is_nan_throughout():
    values = concentrations(3, 1)
    values[1] = np.nan
    posterior = VotePosterior(TREE, values)
    for figures in (posterior.fractions(), *posterior.interval(), posterior.p_asked(), posterior.entropy()):
        assert np.isnan(figures[1]).all()
        assert np.isfinite(figures[[0, 2]]).all()
    assert (posterior.leading()[1] == -1).all()


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(3)), st.integers(1, 3))
def test_permuting_answers_permutes_what_is_said(order, components):
    values = concentrations(4, components, seed=7)
    answers = ["smooth", "featured", "artifact"]
    other = Schema(
        {"shape": [answers[k] for k in order], "arms": ["yes", "no"], "count": ["1", "2", "3"], "alone": ["yes"]},
        {"arms": "shape_featured", "count": "arms_yes"},
    )
    place = [*order, *range(3, 9)]
    one, two = VotePosterior(TREE, values), VotePosterior(other, values[..., place])
    assert np.allclose(one.fractions()[:, place], two.fractions())
    assert np.allclose(one.interval()[1][:, place], two.interval()[1])
    assert np.allclose(one.p_asked(), two.p_asked())
    assert np.allclose(one.volunteers(), two.volunteers())


def test_shapes_and_levels_are_checked():
    with pytest.raises(OptionError, match="9 answers"):
        VotePosterior(TREE, np.ones((3, 8)))
    with pytest.raises(OptionError, match="level=.* must be above 0 and below 1"):
        VotePosterior(TREE, np.ones((3, 9))).interval(95)


def test_the_largest_tree():
    tree = load("gz_evo_v2")
    posterior = VotePosterior(tree, np.full((2, len(tree.label_cols)), 3.0))
    assert posterior.p_asked().shape == (2, 86)
    assert posterior.path_probabilities().shape == (2, len(tree.leaves))
