"""Thresholds for a purity or completeness: against scikit-learn, exact binomial intervals, and samples with known truth."""

import json

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import beta, binomtest
from sklearn.metrics import precision_recall_curve

from zoobot.errors import OptionError
from zoobot.science import choose_threshold

DISTANCE = 2.5


def sample(n1, n0, rng, distance=DISTANCE):
    labels = np.repeat([1, 0], [n1, n0])
    return expit(3 * (rng.normal(distance * labels, 1) - distance / 2)), labels


def test_agrees_with_scikit_learn_at_the_labelled_prevalence():
    """With very many labelled galaxies, purity and completeness at every threshold are precision and recall."""
    rng = np.random.default_rng(0)
    scores, labels = sample(4000, 16_000, rng)
    found = choose_threshold(scores, labels, scores, purity=0.8, prevalence=0.2, n_draws=300)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    at = np.searchsorted(thresholds, found.curve["threshold"])
    many = recall[at] > 0.02
    np.testing.assert_allclose(np.array(found.curve["purity"])[many], precision[at][many], atol=0.01)
    np.testing.assert_allclose(found.curve["completeness"], recall[at])
    place = np.searchsorted(thresholds, found.threshold)
    assert found.reached and 0.8 < precision[place] < 0.83
    assert found.completeness.value == pytest.approx(recall[place])
    assert found.n_selected == (scores >= found.threshold).sum()
    assert found.found.value == pytest.approx(found.n_selected * found.purity.value)


def test_purity_follows_the_prevalence_by_bayes_rule():
    rng = np.random.default_rng(1)
    scores, labels = sample(5000, 5000, rng)
    for prevalence in (0.5, 0.05):
        found = choose_threshold(scores, labels, scores, completeness=0.7, prevalence=prevalence, n_draws=300)
        above = scores >= found.threshold
        t, f = above[labels == 1].mean(), above[labels == 0].mean()
        assert found.purity.value == pytest.approx(prevalence * t / (prevalence * t + (1 - prevalence) * f), abs=0.005)


def test_completeness_interval_is_clopper_pearson_and_choice_is_the_highest_threshold():
    rng = np.random.default_rng(2)
    scores, labels = sample(60, 200, rng)
    found = choose_threshold(scores, labels, scores, completeness=0.8, prevalence=0.1, n_draws=100)
    k = found.labelled_selected["positive"]
    exact = binomtest(k, 60).proportion_ci(0.95, method="exact")
    assert (found.completeness.low, found.completeness.high) == pytest.approx((exact.low, exact.high))
    one_sided = [binomtest(n, 60, alternative="greater").proportion_ci(0.9, method="exact").low for n in (k - 1, k)]
    assert one_sided[0] < 0.8 <= one_sided[1]
    assert found.promised == pytest.approx(one_sided[1])


def test_purity_interval_without_a_single_false_positive_is_not_zero_wide():
    """Nothing above the cut but positives: the interval is that of Beta draws of the two shares, computed here from quantiles."""
    scores, labels = np.r_[np.full(20, 0.9), np.full(40, 0.1)], np.repeat([1, 0], [20, 40])
    found = choose_threshold(scores, labels, np.repeat(scores, 2000), purity=0.8, prevalence=0.5, n_draws=4000)
    grid = (np.arange(1000) + 0.5) / 1000
    t, f = np.meshgrid(beta.ppf(grid, 20.5, 0.5), beta.ppf(grid, 0.5, 40.5))
    low, middle = np.quantile(t / (t + f), 0.025), np.mean(t / (t + f))
    assert found.purity.low == pytest.approx(low, abs=0.01)
    assert found.purity.value == pytest.approx(middle, abs=0.002)
    assert found.purity.high > 0.999


def simulate(wanted, repeats, *, n1, n0, prevalence, confidence, seed):
    """How often a promise was made, was false, and how often the interval held the truth, over new samples each time."""
    rng = np.random.default_rng(seed)
    reached, false, inside = 0, 0, 0
    for repeat in range(repeats):
        scores, labels = sample(n1, n0, rng)
        targets, truth = sample(int(4000 * prevalence), 4000 - int(4000 * prevalence), rng)
        found = choose_threshold(scores, labels, targets, confidence=confidence, n_draws=100, seed=repeat, **wanted)
        chosen = targets >= found.threshold
        got = truth[chosen].mean() if "purity" in wanted else truth[chosen].sum() / truth.sum()
        reached += found.reached
        false += found.reached and got < next(iter(wanted.values()))
        expected = found.purity if "purity" in wanted else found.completeness
        inside += expected.low - 0.005 <= got <= expected.high + 0.005
    return reached, false, inside


def test_promised_purity_holds_as_often_as_promised_although_the_prevalence_shifts(monkeypatch):
    """Labelled half and half, targets one in five, threshold and purity from the same labelled galaxies."""
    monkeypatch.setattr("zoobot.science.selection.CURVE_POINTS", 2)
    monkeypatch.setattr("zoobot.science.selection.TOPS", (10,))
    monkeypatch.setattr("zoobot.science.selection.MOST_THRESHOLDS", 60)
    reached, false, inside = simulate({"purity": 0.8}, 50, n1=200, n0=200, prevalence=0.2, confidence=0.9, seed=3)
    assert reached > 25
    assert false <= 10  # of 50 at 10%, more have a probability of 1%
    assert inside >= 43  # of 50 at 95%, fewer have one of 0.4%


def test_choosing_by_the_estimate_is_what_bounds_guard_against():
    """Scores that know little: the purity is flat, and among many thresholds some seem to have enough by luck."""
    rng = np.random.default_rng(9)
    naive, false, repeats = 0, 0, 30
    for repeat in range(repeats):
        scores, labels = sample(100, 100, rng, distance=0.4)
        precision, _, thresholds = precision_recall_curve(labels, scores)
        several = thresholds <= np.sort(scores[labels == 1])[-5]
        lucky = thresholds[several & (precision[:-1] >= 0.7)]
        targets, truth = sample(2000, 2000, rng, distance=0.4)
        naive += len(lucky) > 0 and truth[targets >= lucky[0]].mean() < 0.7
        found = choose_threshold(scores, labels, targets, purity=0.7, prevalence=0.5, n_draws=200, seed=repeat)
        false += found.reached and truth[targets >= found.threshold].mean() < 0.7
    assert naive > 10
    assert false <= 7  # of 30 at 10%, more have a probability of 1%


def test_few_selected_galaxies_have_wide_intervals():
    rng = np.random.default_rng(10)
    scores, labels = sample(3000, 3000, rng)
    few = choose_threshold(scores, labels, rng.choice(scores, 40), completeness=0.8, prevalence=0.5)
    many = choose_threshold(scores, labels, scores, completeness=0.8, prevalence=0.5)
    assert few.threshold == many.threshold
    p, n = many.purity.value, few.n_selected
    assert few.purity.high - few.purity.low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / n), rel=0.3)
    assert many.purity.high - many.purity.low < 0.03


def test_promised_completeness_holds_as_often_as_promised(monkeypatch):
    monkeypatch.setattr("zoobot.science.selection.CURVE_POINTS", 2)
    monkeypatch.setattr("zoobot.science.selection.TOPS", (10,))
    reached, false, _ = simulate({"completeness": 0.8}, 100, n1=80, n0=40, prevalence=0.2, confidence=0.9, seed=4)
    assert reached == 100 and 2 <= false <= 18


def test_unreachable_purity_gives_the_best_there_is():
    rng = np.random.default_rng(5)
    scores, labels = sample(30, 30, rng)
    found = choose_threshold(scores, labels, scores, purity=0.95, prevalence=0.01, n_draws=200)
    assert not found.reached and found.promised < 0.95
    assert found.n_selected > 0
    assert any(
        "can't be promised" in sentence and f"{found.promised:.2f}" in sentence for sentence in found.sentences()
    )
    assert (
        choose_threshold(scores, labels, scores, completeness=0.99, n_draws=50).threshold == scores[labels == 1].min()
    )


def test_something_is_selected_where_targets_score_lower_than_any_labelled_galaxy():
    rng = np.random.default_rng(11)
    scores, labels = sample(50, 50, rng)
    targets = 0.02 * rng.random(300)
    for cut in (1.0, 0.5):  # of a class whose scores reach down to the targets', and of one whose don't
        own = np.where(labels == 1, np.maximum(scores, 0.1), scores) if cut == 1 else scores
        found = choose_threshold(own, labels, targets, purity=0.9, n_draws=50)
        assert not found.reached and found.n_selected > 0


def test_top_of_rare_objects():
    rng = np.random.default_rng(6)
    scores, labels = sample(500, 20_000, rng, distance=4)
    targets, truth = sample(200, 9800, rng, distance=4)
    found = choose_threshold(scores, labels, targets, purity=0.9, n_draws=400)
    order = np.argsort(-targets)
    assert [one.n for one in found.top] == [10, 30, 100, 300, 1000, 3000, 10_000]
    for one in found.top:
        true = truth[order[: one.n]].mean()
        assert one.threshold == targets[order[one.n - 1]]
        assert one.mean_probability == pytest.approx(true, abs=0.1)
        if one.n >= 100:
            assert one.purity.low - 0.03 <= true <= one.purity.high + 0.03
    assert found.top[0].mean_probability > found.top[-1].mean_probability
    few = choose_threshold([0.1, 0.2, 0.3, 0.9], [0, 0, 1, 1], targets, completeness=0.5, n_draws=20)
    assert few.top[0].purity is None  # two labelled positives say nothing


def test_shifted_targets_are_cautioned_and_everything_is_json():
    rng = np.random.default_rng(7)
    scores, labels = sample(200, 200, rng)
    found = choose_threshold(scores, labels, expit(rng.normal(0, 0.2, 2000)), purity=0.6)
    assert any("CAUTION" in sentence for sentence in found.sentences())
    kept = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert kept["purity"]["low"] <= kept["purity"]["value"] <= kept["purity"]["high"]
    assert kept["prevalence"]["unlike"] is True and kept["sentences"] == found.sentences()


def test_unreadable_targets_are_not_selected():
    rng = np.random.default_rng(8)
    scores, labels = sample(50, 50, rng)
    found = choose_threshold(scores, labels, np.r_[scores, np.full(7, np.nan)], completeness=0.5, n_draws=50)
    assert found.n_target == 100 and found.n_selected == (scores >= found.threshold).sum()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "either a purity or a completeness"),
        ({"purity": 0.9, "completeness": 0.9}, "either a purity or a completeness"),
        ({"purity": 90}, "purity=90 must be above 0 and below 1"),
        ({"completeness": 0}, "completeness=0 must be"),
        ({"purity": 0.9, "confidence": 1}, "confidence=1 must be"),
    ],
)
def test_mistakes_are_named(options, said):
    with pytest.raises(OptionError, match=said):
        choose_threshold([0.2, 0.8], [0, 1], [0.5], **options)
