"""The share of a class among unlabelled galaxies.

It is tested against EM itself, scikit-learn's logistic regression, and planted shares.
"""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from zoobot.errors import OptionError
from zoobot.science import estimate_prevalence


def sample(n1, n0, rng, *, distance=2.5, miscalibrated=1.4):
    """Scores of Gaussian logits, steeper than probabilities, and labels."""
    labels = np.repeat([1, 0], [n1, n0])
    z = rng.normal(distance * labels, 1)
    return expit(miscalibrated * distance * (z - distance / 2)), labels


def test_agrees_with_em_on_recalibrated_scores():
    """Saerens et al.'s iteration, written as in their paper, from scikit-learn's regression on the logit."""
    rng = np.random.default_rng(0)
    scores, labels = sample(150, 300, rng)
    targets, _ = sample(400, 3600, rng)
    found = estimate_prevalence(scores, labels, targets, n_boot=2)
    x = np.clip(logit(scores), -12, 12)[:, None]
    fit = LogisticRegression(C=np.inf).fit(x, labels)
    p = fit.predict_proba(np.clip(logit(targets), -12, 12)[:, None])[:, 1]
    prior = share = labels.mean()
    for _ in range(3000):
        weighted = p * share / prior
        share = (weighted / (weighted + (1 - p) * (1 - share) / (1 - prior))).mean()
    assert found.value == pytest.approx(share, abs=0.003)
    assert found.slope == pytest.approx(fit.coef_[0, 0], rel=0.03)
    corrected = weighted / (weighted + (1 - p) * (1 - share) / (1 - prior))
    np.testing.assert_allclose(found.probabilities(targets), corrected, atol=0.02)


@pytest.mark.parametrize("planted", [0.02, 0.2, 0.7])
def test_interval_holds_the_planted_share(planted):
    """95% of intervals should; labelled galaxies are balanced whatever the targets are."""
    rng = np.random.default_rng(1)
    inside, values = [], []
    for seed in range(40):
        scores, labels = sample(150, 150, rng)
        n1 = rng.binomial(3000, planted)
        found = estimate_prevalence(scores, labels, sample(n1, 3000 - n1, rng)[0], n_boot=100, seed=seed)
        inside.append(found.low <= planted <= found.high)
        values.append(found.value)
    assert np.mean(values) == pytest.approx(planted, abs=0.01)
    assert np.sum(inside) >= 34  # of 40, at 0.95, fewer have a probability of 1%


def test_says_when_targets_are_no_mixture_of_the_classes():
    rng = np.random.default_rng(2)
    scores, labels = sample(200, 200, rng)
    like, _ = sample(300, 2700, rng)
    undecided = expit(rng.normal(0, 0.3, 3000))  # scores that neither class has many of
    assert not estimate_prevalence(scores, labels, like).unlike
    found = estimate_prevalence(scores, labels, undecided)
    assert found.unlike and found.misfit > 0.2


def test_million_targets_are_counted_in_bins():
    """The same distribution of scores gives the same share, however many galaxies have it."""
    rng = np.random.default_rng(3)
    scores, labels = sample(100, 100, rng)
    targets, _ = sample(500, 4500, rng)
    few = estimate_prevalence(scores, labels, targets, n_boot=100)
    many = estimate_prevalence(scores, labels, np.tile(targets, 100), n_boot=100)
    assert many.value == pytest.approx(few.value, abs=1e-6)


def test_given_and_absent_values():
    scores, labels = np.array([0.9, 0.7, 0.2, 0.4]), np.array([1, 1, 0, 0])
    found = estimate_prevalence(scores, labels, [0.5, np.nan, 1.0, 0.0], given=0.03)
    assert (found.value, found.low, found.high, found.method) == (0.03, 0.03, 0.03, "given")
    assert not found.unlike and found.allowed == (0.0, 1.0)
    p = found.probabilities([0.1, 0.9, np.nan])
    assert p[0] < p[1] and np.isnan(p[2])
    assert found.to_dict()["contradicted"] is False


def test_a_given_share_that_the_targets_contradict_is_noticed():
    rng = np.random.default_rng(5)
    scores, labels = sample(200, 200, rng)
    targets, _ = sample(2000, 2000, rng)
    found = estimate_prevalence(scores, labels, targets, given=0.05, n_boot=50)
    assert found.contradicted and found.value == 0.05 and found.allowed[0] > 0.3
    assert not estimate_prevalence(scores, labels, targets, given=0.5, n_boot=50).contradicted


def impostors(n1, n0, rng, share):
    """Scores where some of the other galaxies look just like those of the class.

    The logistic recalibration is wrong.
    """
    z = np.r_[rng.normal(3.5, 1, n1), np.where(rng.random(n0) < share, rng.normal(3.5, 1, n0), rng.normal(0, 1, n0))]
    return expit(3.5 * (z - 1.75)), np.repeat([1, 0], [n1, n0])


@pytest.mark.parametrize("n", [10, 100])
def test_interval_needs_no_recalibration_to_be_right(n):
    rng = np.random.default_rng(6)
    inside = []
    for seed in range(40):
        scores, labels = impostors(n, n, rng, 0.1)
        n1 = rng.binomial(2000, 0.02)
        found = estimate_prevalence(scores, labels, impostors(n1, 2000 - n1, rng, 0.1)[0], n_boot=2, seed=seed)
        inside.append(found.low <= n1 / 2000 <= found.high)
    assert np.sum(inside) >= 34  # of 40, at 0.95, fewer have a probability of 1%


def test_copies_count_once():
    rng = np.random.default_rng(7)
    scores, labels = sample(40, 40, rng)
    targets, _ = sample(500, 500, rng)
    copies = estimate_prevalence(
        np.repeat(scores, 3), np.repeat(labels, 3), targets, groups=np.repeat(np.arange(80), 3), n_boot=50
    )
    assert copies.to_dict() == estimate_prevalence(scores, labels, targets, n_boot=50).to_dict()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([0.2, 0.3], [1, 1], [0.4]), "all 2 labelled galaxies are of the class"),
        (([0.2, 0.3], [0, 0], [0.4]), "are not of the class"),
        (([0.2, 3.0], [0, 1], [0.4]), "labelled galaxies are from 0.2 to 3"),
        (([0.2, np.nan], [0, 1], [0.4]), "labelled galaxies"),
        (([0.2, 0.3], [0, 1], [np.nan]), "no score of targets"),
        (([0.2, 0.3], [0, 2], [0.4]), "labels 0 or 1"),
    ],
)
def test_mistakes_are_named(arguments, said):
    with pytest.raises(OptionError, match=said):
        estimate_prevalence(*arguments)


def test_impossible_share_is_refused():
    with pytest.raises(OptionError, match="above 0 and below 1"):
        estimate_prevalence([0.2, 0.3], [0, 1], [0.4], given=1.0)


def test_none_of_the_class_has_an_interval_with_a_width():
    """Where all targets look like the other class, it says up to how common the class may be.

    It is about what n times nothing allows.
    """
    rng = np.random.default_rng(4)
    scores, labels = sample(300, 300, rng, distance=5)
    found = estimate_prevalence(scores, labels, sample(0, 1000, rng, distance=5)[0])
    assert 0 == found.low < found.value < found.high < 0.01
