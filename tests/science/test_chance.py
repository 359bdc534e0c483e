"""Tests against chance are exact for few galaxies, and two-sided.

They hold their level where galaxies are copies of one another.
"""

import numpy as np
import pytest
from scipy import stats

from zoobot.science import chance


@pytest.mark.parametrize(("m", "n"), [(3, 3), (4, 9), (12, 20), (60, 90)])
def test_single_galaxies_are_mann_whitneys(m, n):
    rng = np.random.default_rng(m)
    positive = np.arange(m + n) < m
    score = rng.normal(size=m + n) + 0.6 * positive
    expected = stats.mannwhitneyu(score[positive], score[~positive], method="exact")
    found = chance.auroc_chance(score, positive)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert chance.auroc_chance(-score, positive).p_value == pytest.approx(found.p_value)
    best = chance.auroc_chance(positive.astype(float) + 1e-3 * rng.random(m + n), positive)
    assert best.p_value == pytest.approx(found.smallest_p)


def test_ties_are_counted_exactly():
    rng = np.random.default_rng(1)
    positive = np.arange(30) < 8
    score = rng.integers(0, 3, 30) + positive.astype(float)
    ranks = stats.rankdata(score)
    shuffled = np.stack([ranks[rng.permutation(30)[:8]].sum() for _ in range(40_000)])
    reached = ranks[positive].sum()
    expected = 2 * min((shuffled >= reached).mean(), (shuffled <= reached).mean())
    assert chance.auroc_chance(score, positive).p_value == pytest.approx(expected, abs=0.006)
    assert chance.auroc_chance(np.ones(30), positive).p_value == 1


def test_very_many_galaxies_use_the_normal_distribution():
    rng = np.random.default_rng(2)
    positive = rng.random(20_000) < 0.4
    score = rng.normal(size=20_000) + 0.02 * positive
    expected = stats.mannwhitneyu(score[positive], score[~positive]).pvalue
    assert chance.auroc_chance(score, positive).p_value == pytest.approx(expected)


def noise(rng, kind):
    """A test of noise in three copies of each of 40 objects, as a function of the groups."""
    groups = np.repeat(np.arange(40), 3)
    scores = 0.9 * rng.normal(size=(40, 3))[groups] + 0.4 * rng.normal(size=(120, 3))
    one, two, three = (
        (rng.permutation(40) % 2)[groups],
        (rng.permutation(40) % 3)[groups],
        rng.normal(size=(40, 2))[groups],
    )
    first, both = scores[:, 0], scores[:, :2]
    return groups, {
        "two classes": lambda own: chance.auroc_chance(first, one == 1, own),
        "classes": lambda own: chance.mean_auroc_chance(scores, two, own),
        "labels": lambda own: chance.mean_label_auroc_chance(both, np.stack([one, two > 0], axis=1), own),
        "numbers": lambda own: chance.mean_rank_correlation_chance(both, three, own),
        "mixed groups": lambda own: chance.auroc_chance(first, scores[:, 1] + np.arange(120) % 3 > 1, own),
        "mixed numbers": lambda own: chance.rank_correlation_chance(first, three[:, 0] + 1e-3 * scores[:, 1], own),
        "skill": lambda own: chance.skill_chance(5 + both, own),
    }[kind]


@pytest.mark.parametrize(
    "kind", ["two classes", "classes", "labels", "numbers", "mixed groups", "mixed numbers", "skill"]
)
def test_noise_in_copies_is_told_from_chance_as_often_as_it_should_be(kind):
    p_values, without = [], []
    for number in range(150):
        groups, test = noise(np.random.default_rng(number), kind)
        p_values.append(test(groups).p_value)
        without.append(test(np.arange(120)).p_value)
    rates = [float((np.array(p_values) <= level).mean()) for level in (0.05, 0.2)]
    assert rates[0] <= 0.12
    assert 0.1 <= rates[1] <= 0.31
    if kind != "mixed groups":  # what galaxies that are taken as independent would give
        assert (np.array(without) <= 0.05).mean() > 0.1


@pytest.mark.parametrize("n", [4, 7, 12, 40])
def test_rank_correlation(n):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(2, n)) + rng.normal(size=n)
    shuffled = np.array([stats.spearmanr(x, rng.permutation(y)).statistic for _ in range(2000)])
    reached = stats.spearmanr(x, y).statistic
    expected = 2 * min((shuffled >= reached - 1e-9).mean(), (shuffled <= reached + 1e-9).mean())
    assert chance.rank_correlation_chance(x, y).p_value == pytest.approx(expected, abs=0.05)
    perfect = chance.rank_correlation_chance(x, x)
    assert perfect.p_value <= max(perfect.smallest_p, 1e-3) + 1e-12


def test_small_samples_say_what_they_could_reach():
    assert chance.auroc_chance([1, 2, 3, 4, 5, 6], [0, 0, 0, 1, 1, 1]).smallest_p == pytest.approx(0.1)
    groups = np.repeat(np.arange(6), 10)
    assert chance.auroc_chance(np.arange(60), groups >= 3, groups).smallest_p == pytest.approx(0.1)
    assert chance.rank_correlation_chance([1, 2, 3, 4], [1, 2, 3, 5]).smallest_p == pytest.approx(2 / 24)
    assert np.isnan(chance.auroc_chance([1, 2], [1, 1]).p_value)
    assert np.isnan(chance.rank_correlation_chance([1, 1], [1, 2]).p_value)


def test_a_constant_that_has_seen_the_votes_makes_no_model_worse():
    """A model as good as the best constant of very many galaxies.

    Its loss is above that of the constant fitted to these very votes.
    """
    from zoobot.science import best_constant, constant_optimism, vote_figures, vote_losses
    from zoobot.trees import Schema, VotePosterior

    tree = Schema({"smooth": ["_yes", "_no", "_star"], "bar": ["_a", "_b", "_c", "_d"]})
    rng = np.random.default_rng(3)
    alpha = [np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 1.0, 1.0])]

    def votes(n):
        return np.concatenate([[rng.multinomial(20, p) for p in rng.dirichlet(a, n)] for a in alpha], axis=1)

    many = votes(20_000)
    best = np.concatenate([best_constant(many[:, :3]), best_constant(many[:, 3:])])
    seen, verdicts = [], []
    for _ in range(60):
        counts = votes(25)
        posterior = VotePosterior(tree, np.tile(best, (25, 1)))
        losses = vote_losses(posterior, counts)
        optimism = constant_optimism(tree.questions, counts)
        seen.append((losses[:, 0].mean() - losses[:, 1].mean(), optimism))
        figure = vote_figures(losses, optimism=optimism)["skill"]
        verdicts.append(figure.verdict)
        assert figure.value < 0 <= figure.high
    short, taken_off = np.mean(seen, axis=0)
    assert taken_off == pytest.approx(7 / 2 / 25, rel=0.25)  # seven concentrations
    assert short == pytest.approx(taken_off, rel=0.3)
    assert verdicts.count("unclear") >= 58


def test_holm():
    assert chance.holm([0.01, 0.04, np.nan, 0.03]) == pytest.approx([0.03, 0.06, np.nan, 0.06], nan_ok=True)
    assert chance.holm([0.9, 0.8]).tolist() == [1, 1]


def test_shares_of_the_same_kind_are_told_apart_as_rarely_as_the_level_says():
    rng = np.random.default_rng(0)
    drawn = rng.binomial([[40], [25]], 0.7, (2, 2000)) / np.array([[40], [25]])
    p_values = np.array([chance.shares_chance(pair, [40, 25]).p_value for pair in drawn.T])
    assert all((p_values <= level).mean() <= level + 0.005 for level in (0.01, 0.05, 0.2))
    far = chance.shares_chance([1.0, 0.0], [40, 25])
    assert far.p_value == far.smallest_p < 1e-15
    assert chance.shares_chance([0.5, 0.5], [2, 2]).smallest_p > 0.05
