"""Thresholds for a purity or completeness.

They are tested against scikit-learn, exact binomial intervals, and samples with known truth.
"""

import json

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom, binomtest
from sklearn.metrics import precision_recall_curve

from zoobot.errors import OptionError
from zoobot.science import Prevalence, choose_threshold
from zoobot.science.purity import Rates

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
    assert found.reached and 0.8 < precision[place] < 0.87
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
    targets = np.repeat(scores, 1000)
    found = choose_threshold(scores, labels, targets, completeness=0.8, prevalence=0.23, n_draws=100)
    k = found.labelled_selected["positive"]
    exact = binomtest(k, 60).proportion_ci(0.95, method="exact")
    assert (found.completeness.low, found.completeness.high) == pytest.approx((exact.low, exact.high), abs=0.002)
    one_sided = [binomtest(n, 60, alternative="greater").proportion_ci(0.9, method="exact").low for n in (k - 1, k)]
    assert one_sided[0] < 0.8 <= one_sided[1]
    assert found.promised == pytest.approx(one_sided[1], abs=0.002)


def test_purity_interval_without_a_single_false_positive_is_not_zero_wide():
    """None of 40 negatives above the cut.

    Up to so many of the targets may be that 40 would miss them with a probability of 1 in 120.
    """
    scores, labels = np.r_[np.full(20, 0.9), np.full(40, 0.1)], np.repeat([1, 0], [20, 40])
    found = choose_threshold(scores, labels, np.repeat(scores, 2000), completeness=0.5, prevalence=1 / 3, n_draws=100)
    share = 1 - (0.05 / 3) ** (1 / 40)
    assert found.purity.low == pytest.approx(1 - share * 2, abs=0.001)
    assert found.purity.low < found.purity.value < found.purity.high == 1


def simulate(repeats, *, n1, n0, prevalence, seed, distance=DISTANCE, groups=None, copies=1, **wanted):
    """How often a promise was made, was false, and how often the interval held the truth.

    Samples are new each time.
    """
    rng = np.random.default_rng(seed)
    reached, false, inside = 0, 0, 0
    for repeat in range(repeats):
        scores, labels = sample(n1, n0, rng, distance=distance)
        n_class = rng.binomial(3000, prevalence)
        targets, truth = sample(n_class, 3000 - n_class, rng, distance=distance)
        scores, labels = np.repeat(scores, copies), np.repeat(labels, copies)
        found = choose_threshold(scores, labels, targets, n_draws=100, seed=repeat, groups=groups, **wanted)
        chosen = targets >= found.threshold
        got = truth[chosen].mean() if found.goal == "purity" else truth[chosen].sum() / truth.sum()
        reached += found.reached
        false += found.reached and got < found.wanted - 1e-12
        expected = found.purity if found.goal == "purity" else found.completeness
        inside += expected.low - 1e-9 <= got <= expected.high + 1e-9
    return reached, false, inside


@pytest.fixture
def quick(monkeypatch):
    """No curve and one top, which the choice doesn't take."""
    monkeypatch.setattr("zoobot.science.selection.CURVE_POINTS", 2)
    monkeypatch.setattr("zoobot.science.selection.TOPS", (10,))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("n", "prevalence", "distance"),
    [(50, 0.1, DISTANCE), (50, 0.1, 1.2), (50, 0.5, 0.5), (25, 0.02, DISTANCE), (25, 0.2, DISTANCE)],
)
def test_of_purities_that_are_promised_few_are_false(n, prevalence, distance):
    """Where few labels make a promise a matter of luck, none is made.

    Until this held, most of those made were false.
    """
    reached, false, inside = simulate(
        40, n1=n, n0=n, prevalence=prevalence, seed=3, distance=distance, purity=0.7, confidence=0.9
    )
    assert false <= binom.ppf(0.99, reached, 0.1)
    assert reached <= 4 or false == 0
    assert inside >= 34  # of 40, at 0.95, fewer have a probability of 1%


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("n", "prevalence"), [(40, 0.5), (1000, 0.1)])
def test_with_labels_enough_a_purity_is_promised_and_kept(n, prevalence):
    reached, false, inside = simulate(20, n1=n, n0=n, prevalence=prevalence, seed=4, purity=0.7, confidence=0.9)
    assert reached >= 10 and false == 0 and inside >= 17


def test_bounds_of_the_purity_hold_at_all_thresholds_together():
    """A purity that is the same at all thresholds is the worst case: any of them may look better by luck."""
    tail, repeats = 0.2, 200
    known = Prevalence(0.3, 0.3, 0.3, 0.95, "given", 0.5, 0.0, 1.0, 0.0, 1.0, (0.0, 1.0))
    rng = np.random.default_rng(5)

    def negatives(n):
        return rng.random(n) * (rng.random(n) < 0.25)  # a quarter of them score as positives do, the others 0

    broken = 0
    for _ in range(repeats):
        positives, others = rng.random(300), negatives(700)
        targets = np.sort(np.r_[positives, others])
        promises = Rates(np.sort(rng.random(50)), np.sort(negatives(50)), targets, known, 0.95).promised_purities(tail)
        true = [(positives >= one).sum() / (targets >= one).sum() for one in promises.thresholds]
        broken += bool((promises.bounds > true).any())
    assert 0 < broken <= tail * repeats + 3 * np.sqrt(tail * repeats)


@pytest.mark.usefixtures("quick")
def test_promised_completeness_holds_as_often_as_promised():
    for n1, n0, prevalence in ((80, 40, 0.2), (25, 25, 0.02)):
        reached, false, _ = simulate(40, n1=n1, n0=n0, prevalence=prevalence, seed=4, completeness=0.8, confidence=0.9)
        assert reached >= 35 and false <= binom.ppf(0.99, reached, 0.1)


@pytest.mark.usefixtures("quick")
def test_copies_count_once_in_promises_and_intervals():
    """25 galaxies of each class in six copies aren't 150."""
    groups = np.repeat(np.arange(50), 6)
    found = simulate(10, n1=25, n0=25, prevalence=0.5, seed=6, groups=groups, copies=6, purity=0.8, confidence=0.9)
    assert found == simulate(10, n1=25, n0=25, prevalence=0.5, seed=6, purity=0.8, confidence=0.9)
    reached, *_ = simulate(10, n1=25, n0=25, prevalence=0.5, seed=6, copies=6, purity=0.8, confidence=0.9)
    assert reached > found[0]


def test_few_selected_galaxies_have_wide_intervals():
    rng = np.random.default_rng(10)
    scores, labels = sample(3000, 3000, rng)
    few, many = (
        choose_threshold(scores, labels, targets, completeness=0.8, prevalence=0.5, n_draws=20)
        for targets in (rng.choice(scores, 40), scores)
    )
    assert few.purity.high - few.purity.low > 3 * (many.purity.high - many.purity.low) > 0
    assert few.completeness.high - few.completeness.low > 3 * (many.completeness.high - many.completeness.low) > 0


def test_what_can_not_be_promised_is_said_with_the_labels_that_it_takes():
    rng = np.random.default_rng(5)
    scores, labels = sample(30, 30, rng)
    targets, _ = sample(40, 3960, rng)
    found = choose_threshold(scores, labels, targets, purity=0.95, prevalence=0.01, n_draws=200)
    assert not found.reached and found.promised < 0.95 and found.n_selected > 0
    share = 0.01 * 0.05 / (0.95 * 0.99)  # of the negatives may be selected beside all positives
    assert (1 - share) ** found.needed <= 0.01 / 2 < (1 - share) ** (found.needed - 1)
    said = " ".join(found.sentences())
    assert f"takes about {found.needed:,} labelled galaxies that are not of the class" in said
    assert "Promised" not in said and ("no promise" in said or "reaches 0.95 nowhere" in said)


def test_completeness_takes_as_many_labels_as_wilks_says():
    rng = np.random.default_rng(12)
    scores, labels = sample(30, 30, rng)
    targets, _ = sample(2000, 2000, rng)
    found = choose_threshold(scores, labels, targets, completeness=0.99, n_draws=50)
    assert not found.reached and found.threshold == scores[labels == 1].min() and found.needed == 230
    assert "takes about 230 labelled galaxies that are of the class" in " ".join(found.sentences())


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
        assert one.purity.low <= true <= one.purity.high
    assert found.top[0].mean_probability > found.top[-1].mean_probability
    few = choose_threshold([0.1, 0.2, 0.3, 0.9], [0, 0, 1, 1], targets, completeness=0.5, n_draws=20)
    assert few.top[0].purity is None and few.top[0].mean_probability is None  # two labelled positives say nothing


def test_no_more_of_the_class_are_found_than_there_are():
    rng = np.random.default_rng(14)
    scores, labels = sample(700, 600, rng)
    targets, _ = sample(20, 980, rng)
    found = choose_threshold(scores, labels, targets, completeness=0.8, prevalence=0.02, n_draws=50)
    assert found.in_target.high == 20
    assert found.found.high <= max(20, found.found.value) + 1e-9
    for one in found.top[1:]:
        assert one.purity.high <= max(20 / one.n, one.purity.value) + 1e-9
    curve = found.curve
    for n, high, value in zip(curve["n_selected"], curve["purity_high"], curve["purity"], strict=True):
        assert n * high <= max(20, n * value) + 1e-9


def test_probabilities_agree_with_the_purity_and_reach_as_far_as_labels():
    """A fifth of the others looks like the class.

    The line through the logits knows nothing of that, the counts above the cut do.
    """
    rng = np.random.default_rng(13)

    def impostors(n1, n0):
        z = np.r_[rng.normal(4, 1, n1), np.where(rng.random(n0) < 0.2, rng.normal(4, 1, n0), rng.normal(0, 1, n0))]
        return expit(4 * (z - 2)), np.repeat([1, 0], [n1, n0])

    scores, labels = impostors(500, 500)
    targets, truth = impostors(250, 4750)
    found = choose_threshold(scores, labels, targets, completeness=0.8, prevalence=0.05, n_draws=50)
    chosen = targets >= found.threshold
    probabilities, true = found.probabilities(targets[chosen]), truth[chosen].mean()
    assert probabilities.mean() == pytest.approx(found.purity.value, abs=1e-3)
    assert probabilities.mean() == pytest.approx(true, abs=0.05)
    assert found.prevalence.probabilities(targets[chosen]).mean() > 1.3 * true
    assert found.reach == np.sort(scores[labels == 1])[-5]
    assert len(set(found.probabilities([found.reach, (found.reach + 1) / 2, 1.0]))) == 1
    assert np.isnan(found.probabilities([np.nan]))[0]


def test_every_sentence_is_one_of_its_branch():
    rng = np.random.default_rng(7)
    scores, labels = sample(200, 200, rng)
    targets, _ = sample(1000, 1000, rng)
    odd = expit(rng.normal(0, 0.2, 2000))

    def said(targets, **options):
        found = choose_threshold(scores, labels, targets, n_draws=200, **options)
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["sentences"] == found.sentences()
        return found, " ".join(found.sentences())

    found, text = said(targets, purity=0.8)
    assert found.reached and "Promised with 90% confidence: a purity of at least 0.8" in text
    assert "at most 0.01 end in a false promise" in text and "at most 0.1 are wrong, wherever 0.1 of runs" in text
    assert "not of the class score alike" in text and "is estimated to make up" in text
    assert "CAUTION" not in text and "no promise" not in text and "count once" not in text

    found, text = said(targets, completeness=0.8, prevalence=0.5, confidence=0.8)
    assert found.reached and "Promised with 80% confidence: a completeness of at least 0.8" in text
    assert "at most 0.2 end in a false promise" in text and "galaxies of the class score alike" in text
    assert "makes up 0.5 of the targets, as given" in text and "a purity of" not in text

    found, text = said(targets[targets > 0.9], completeness=0.97, prevalence=0.98)
    assert found.n_selected == found.n_target and f"all {found.n_target:,} galaxies" in text

    found, text = said(targets, purity=0.999)
    assert not found.reached and "can't be promised" in text and "Promised" not in text

    found, text = said(odd, purity=0.6)
    assert not found.reached and found.promised == 0
    assert text.count("CAUTION") == 1 and "not those of any mixture" in text and "Nothing is promised" in text
    assert "if the targets were like the labelled galaxies" in text

    found, text = said(targets, purity=0.6, prevalence=0.02)
    assert not found.reached and text.count("CAUTION") == 1 and "not the 0.02 given" in text and "Promised" not in text

    found, text = said(targets, purity=0.8, groups=np.repeat(np.arange(200), 2))
    assert "400 labelled galaxies are 200" in text


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
