"""Scores of predicted votes: a model that means what it says is covered exactly, and one that doesn't is found out."""

import numpy as np
import pytest
from scipy import optimize, stats

from zoobot.errors import OptionError
from zoobot.science import LEVELS, best_constant, score_votes
from zoobot.trees import Schema, VotePosterior

TREE = Schema({"shape": ["smooth", "featured", "artifact"], "arms": ["yes", "no"]}, {"arms": "shape_featured"})
SHAPE = slice(0, 3)


def simulated(galaxies: int, seed: int = 0, volunteers: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Concentrations, and votes that were drawn from just those."""
    draw = np.random.default_rng(seed)
    concentrations = np.exp(draw.normal(1, 1, (galaxies, 5)))
    votes = np.zeros((galaxies, 5))
    for row, own in enumerate(concentrations):
        votes[row, :3] = draw.multinomial(draw.integers(1, volunteers), draw.dirichlet(own[:3]))
        votes[row, 3:] = draw.multinomial(draw.integers(0, 12), draw.dirichlet(own[3:]))
    return concentrations, votes


def test_a_calibrated_model_covers_what_it_promises():
    concentrations, votes = simulated(6000)
    scores = score_votes(VotePosterior(TREE, concentrations), votes)
    for question in scores.values():
        for level in LEVELS:
            assert question.coverage[f"{level}"] == pytest.approx(level, abs=0.015)
        assert np.allclose(question.pit, 1, atol=0.08)
        assert np.mean(question.pit) == pytest.approx(1)
        assert question.fraction_bias < 0.01
        assert question.skill > 0


@pytest.mark.parametrize(("factor", "side"), [(8.0, -1), (0.1, 1)])
def test_confidence_that_is_not_earned_shows(factor, side):
    concentrations, votes = simulated(2000, seed=1)
    scores = score_votes(VotePosterior(TREE, concentrations * factor), votes)["shape"]
    assert side * (scores.coverage["0.8"] - 0.8) > 0.05
    middle, ends = np.mean(scores.pit[4:6]), np.mean([scores.pit[0], scores.pit[-1]])
    assert side * (middle - ends) > 0.2  # U where overconfident, a hump where too cautious


def test_coverage_counts_an_edge_s_share():
    """One volunteer, an even chance: the central half holds half of either step of the distribution."""
    posterior = VotePosterior(Schema({"q": ["yes", "no"]}), np.full((2, 2), 1.0))
    scores = score_votes(posterior, np.array([[1.0, 0.0], [0.0, 1.0]]))["q"]
    assert scores.coverage["0.5"] == pytest.approx(0.5)
    assert scores.pit == pytest.approx([1.0] * 10)


def test_the_randomized_transform_on_average():
    concentrations, votes = simulated(300, seed=2, volunteers=6)
    scores = score_votes(VotePosterior(TREE, concentrations), votes)["arms"]
    asked = votes[:, 3:].sum(axis=1) > 0
    n, k, a, b = votes[asked, 3:].sum(axis=1), votes[asked, 3], concentrations[asked, 3], concentrations[asked, 4]
    below, up_to = stats.betabinom(n, a, b).cdf(k - 1), stats.betabinom(n, a, b).cdf(k)
    draw = np.random.default_rng(0)
    u = below + (up_to - below) * draw.uniform(size=(4000, len(n)))
    assert scores.pit == pytest.approx(np.histogram(u, bins=10, range=(0, 1), density=True)[0], abs=0.02)
    assert scores.coverage["0.8"] == pytest.approx(((u > 0.1) & (u < 0.9)).mean(), abs=0.005)


def test_the_constant_is_the_most_likely_one():
    _, votes = simulated(400, seed=3)
    found = best_constant(votes[:, SHAPE])

    def loss(logs):
        a = np.exp(logs)
        return -np.mean([
            stats.dirichlet_multinomial(a, int(row.sum())).logpmf(row.astype(int)) for row in votes[:, SHAPE]
        ])  # fmt: skip

    other = optimize.minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8})
    assert found == pytest.approx(np.exp(other.x), rel=2e-3)
    constant = np.tile(np.concatenate([found, best_constant(votes[:, 3:])]), (400, 1))
    for question in score_votes(VotePosterior(TREE, constant), votes).values():
        assert question.skill == pytest.approx(0, abs=1e-9)


def test_unanimous_votes_have_a_constant_too():
    found = best_constant(np.array([[5.0, 0.0], [7.0, 0.0]]))
    assert np.isfinite(found).all() and found[0] / found.sum() > 0.99


def test_errors_are_weighted_by_votes():
    posterior = VotePosterior(Schema({"q": ["yes", "no"]}), np.array([[3.0, 1.0], [1.0, 1.0]]))
    scores = score_votes(posterior, np.array([[30.0, 0.0], [0.0, 10.0]]))["q"]
    assert scores.fraction_mae == pytest.approx((0.25 * 30 + 0.5 * 10) / 40)
    assert scores.bias["q_yes"] == pytest.approx((-0.25 * 30 + 0.5 * 10) / 40)
    assert scores.fraction_bias == pytest.approx(abs(scores.bias["q_yes"]))
    assert (scores.n_asked, scores.n_confident) == (2, 2)


def test_leading_answers_of_clear_galaxies():
    posterior = VotePosterior(Schema({"q": ["yes", "no"]}), np.array([[3.0, 1.0], [3.0, 1.0], [1.0, 3.0]]))
    scores = score_votes(posterior, np.array([[9.0, 1.0], [1.0, 9.0], [5.0, 5.0]]))["q"]
    assert (scores.accuracy, scores.n_confident) == (0.5, 2)


def test_a_question_nobody_was_asked():
    scores = score_votes(VotePosterior(TREE, np.ones((2, 5))), np.array([[4.0, 1, 0, 0, 0], [2, 2, 1, 0, 0]]))
    assert scores["arms"].n_asked == 0 and np.isnan(scores["arms"].skill)
    assert scores["shape"].n_asked == 2


def test_votes_must_fit():
    with pytest.raises(OptionError, match="don't fit 2 galaxies and 5 answers"):
        score_votes(VotePosterior(TREE, np.ones((2, 5))), np.ones((3, 5)))
