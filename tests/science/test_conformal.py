"""Conformal sets and intervals keep their promise: on simulations, exactly as often as theory says."""

import json

import numpy as np
import pytest
from scipy.stats import betabinom, kstest

from zoobot.errors import OptionError
from zoobot.science import (
    ConformalClasses,
    ConformalIntervals,
    conformal_quantile,
    coverage_p_value,
    expected_coverage,
    fewest_for,
    fit_conformal_classes,
    fit_conformal_intervals,
    score_intervals,
    score_sets,
    set_names,
)

SPLITS, N_VALIDATION, N_TEST = 200, 80, 300


def galaxies(n_galaxies: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of three classes that mean nothing much (too confident, and tilted), and classes."""
    logits = rng.normal(size=(n_galaxies, 3))
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (right.cumsum(axis=1) < rng.random((n_galaxies, 1))).sum(axis=1)
    wrong = np.exp(3 * logits + [0, 1, 0])
    return wrong / wrong.sum(axis=1, keepdims=True), labels


def agrees(covered: list[int], n_validation: int, level: float, rng: np.random.Generator) -> None:
    """Compare the galaxies covered in each split with the exact beta-binomial distribution.

    Its mean and its whole shape are compared.
    """
    place = int(np.ceil((n_validation + 1) * level))
    theory = betabinom(N_TEST, place, n_validation + 1 - place)
    counts = np.array(covered)
    error = theory.std() / np.sqrt(len(counts))
    assert abs(counts.mean() - theory.mean()) < 3.5 * error
    spread = theory.cdf(counts - 1) + rng.random(len(counts)) * theory.pmf(counts)
    assert kstest(spread, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_sets_cover_as_promised(level: float):
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(SPLITS):
        conformal = fit_conformal_classes(*galaxies(N_VALIDATION, rng))
        p, labels = galaxies(N_TEST, rng)
        members = 1 - p <= conformal.thresholds(level)  # before stand-ins, which only add
        covered.append(int(members[np.arange(N_TEST), labels].sum()))
        with_stand_ins = conformal.members(p, level)
        assert (with_stand_ins >= members).all() and with_stand_ins.any(axis=1).all()
    agrees(covered, N_VALIDATION, level, rng)


def test_sets_by_class_cover_each_class_as_promised():
    rng = np.random.default_rng(2)
    covered: dict[int, list[int]] = {0: [], 1: [], 2: []}
    p, labels = galaxies(400_000, rng)
    pools = [p[labels == k] for k in range(3)]
    for split in range(SPLITS):
        rows = [pool[split * 500 : split * 500 + N_VALIDATION + N_TEST] for pool in pools]
        known = np.concatenate([part[:N_VALIDATION] for part in rows])
        conformal = fit_conformal_classes(known, np.repeat(range(3), N_VALIDATION))
        thresholds = conformal.thresholds(0.9, by_class=True)
        for k in range(3):
            covered[k].append(int((1 - rows[k][N_VALIDATION:, k] <= thresholds[k]).sum()))
            members = conformal.members(rows[k][N_VALIDATION:], 0.9, by_class=True)
            assert members[:, k].sum() >= covered[k][-1]
    for counts in covered.values():
        agrees(counts, N_VALIDATION, 0.9, rng)
    marginal = fit_conformal_classes(p[:5000], labels[:5000]).members(p[5000:50_000], 0.9)
    each = [marginal[labels[5000:50_000] == k, k].mean() for k in range(3)]
    assert max(each) - min(each) > 0.05  # which the promise for all together leaves open


def test_intervals_cover_as_promised():
    rng = np.random.default_rng(3)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        truth = rng.normal(size=(n, 2))
        return truth + rng.exponential([0.2, 3.0], (n, 2)), truth  # biased, skewed

    covered: list[list[int]] = [[], []]
    for _ in range(SPLITS):
        conformal = fit_conformal_intervals(*draw(N_VALIDATION))
        guess, truth = draw(N_TEST)
        inside = np.abs(guess - truth) <= conformal.half_widths(0.9)
        for place in range(2):
            covered[place].append(int(inside[:, place].sum()))
    for counts in covered:
        agrees(counts, N_VALIDATION, 0.9, rng)


def test_a_cap_on_what_is_kept_keeps_the_promise():
    rng = np.random.default_rng(4)
    covered = []
    for seed in range(SPLITS):
        conformal = fit_conformal_classes(*galaxies(200, rng), most=N_VALIDATION, seed=seed)
        assert len(conformal) == N_VALIDATION
        p, labels = galaxies(N_TEST, rng)
        covered.append(int((1 - p[np.arange(N_TEST), labels] <= conformal.thresholds(0.9)[0]).sum()))
    agrees(covered, N_VALIDATION, 0.9, rng)


def test_the_expected_range_is_that_of_a_simulation():
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(4000):
        threshold = conformal_quantile(np.sort(rng.random(40)), 0.9)
        shares.append((rng.random(70) <= threshold).mean())
    low, high = expected_coverage(40, 0.9, 70)
    assert (low, high) == pytest.approx(np.quantile(shares, [0.025, 0.975]), abs=0.0151)  # a galaxy is 1/70
    assert expected_coverage(5, 0.9, 70) == (1, 1)


@pytest.mark.parametrize(("n_validation", "n_test"), [(20, 200), (40, 70), (300, 30)])
def test_a_kept_promise_has_a_small_p_value_as_seldom_as_it_says(n_validation, n_test):
    """Few validation galaxies scatter coverage as few test galaxies do: a binomial p-value would forget them."""
    rng = np.random.default_rng(6)
    found = []
    for _ in range(4000):
        threshold = conformal_quantile(np.sort(rng.random(n_validation)), 0.9)
        found.append(coverage_p_value((rng.random(n_test) <= threshold).mean(), 0.9, n_test, n_validation))
    for level in (0.01, 0.05):
        assert np.mean(np.array(found) <= level) <= level + 3 * np.sqrt(level / 4000)
    assert np.mean(np.array(found) <= 0.2) > 0.1


def test_coverage_of_no_promise_is_no_evidence():
    assert coverage_p_value(1.0, 0.9, 70, n_validation=5) == 1
    assert coverage_p_value(float("nan"), 0.9, 0) == 1
    assert coverage_p_value(0.5, 0.9, 100) < 1e-20


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("n_scores", [19, 40, 99])
def test_the_quantile_is_numpys_at_a_higher_level(level: float, n_scores: int):
    scores = np.sort(np.random.default_rng(6).random(n_scores))
    share = min(1.0, np.ceil(round((n_scores + 1) * level, 9)) / n_scores)
    assert conformal_quantile(scores, level) == np.quantile(scores, share, method="inverted_cdf")


def test_too_few_galaxies_promise_nothing_but_everything():
    assert [fewest_for(level) for level in (0.5, 0.8, 0.9, 0.95, 0.99)] == [1, 4, 9, 19, 99]
    for level in (0.8, 0.9, 0.95):
        fewest = fewest_for(level)
        assert conformal_quantile(np.arange(fewest), level) == fewest - 1
        assert np.isinf(conformal_quantile(np.arange(fewest - 1), level))
    few = ConformalClasses(((0.1, 0.2), tuple(np.linspace(0.1, 0.5, 20)), ()))
    p = np.array([[0.02, 0.97, 0.01]])
    assert few.members(p, 0.9, by_class=True).tolist() == [[True, True, True]]
    assert few.members(p, 0.9).tolist() == [[False, True, False]]
    assert few.members(p, 0.99).all()


def test_no_set_is_empty_but_of_galaxies_without_probabilities():
    conformal = ConformalClasses((tuple(np.linspace(0, 0.2, 20)), tuple(np.linspace(0, 0.2, 20))))
    p = np.array([[0.45, 0.55], [0.95, 0.05], [np.nan, np.nan]])
    members = conformal.members(p, 0.9)
    assert members.tolist() == [[False, True], [True, False], [False, False]]
    assert set_names(members, ["ring", "none"]).tolist() == ["none", "ring", None]
    assert set_names(np.array([[True, False, True]]), ["a", "b", "c"]).tolist() == ["a|c"]
    assert len(set_names(np.zeros((0, 2), dtype=bool), ["a", "b"])) == 0


def test_higher_levels_give_larger_sets_and_wider_intervals():
    rng = np.random.default_rng(7)
    conformal = fit_conformal_classes(*galaxies(500, rng))
    p, _ = galaxies(500, rng)
    sizes = [conformal.members(p, level).sum() for level in (0.5, 0.8, 0.9, 0.99)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
    intervals = fit_conformal_intervals(rng.normal(size=(200, 1)), np.zeros((200, 1)))
    assert (np.diff([intervals.half_widths(level)[0] for level in (0.5, 0.8, 0.95)]) > 0).all()


def test_what_metrics_say():
    rng = np.random.default_rng(8)
    conformal = fit_conformal_classes(*galaxies(200, rng))
    p, labels = galaxies(600, rng)
    scores = score_sets(conformal, p, labels, list("abc"), 0.9)
    members = conformal.members(p, 0.9)
    assert scores["coverage"] == members[np.arange(600), labels].mean()
    assert scores["mean_size"] == members.sum() / 600
    assert scores["by_class"]["b"]["coverage"] == members[labels == 1, 1].mean()
    assert scores["coverage_interval"][0] < scores["coverage"] < scores["coverage_interval"][1]
    assert scores["expected"][0] < 0.9 < scores["expected"][1] and scores["n_validation"] == 200
    own = scores["class_conditional"]["by_class"]
    assert all(part["coverage"] > 0.8 for part in own.values())
    absent = score_sets(conformal, p[labels < 2], labels[labels < 2], list("abc"), 0.9)["by_class"]["c"]
    assert absent["n"] == 0 and np.isnan(absent["coverage"]) and absent["coverage_interval"] == [0, 1]

    intervals = fit_conformal_intervals(rng.normal(size=(100, 2)), np.zeros((100, 2)))
    figures = score_intervals(intervals, rng.normal(size=(300, 2)), np.zeros((300, 2)), ["mass", "age"], 0.9)
    assert figures["coverage"] == pytest.approx(np.mean([each["coverage"] for each in figures["targets"].values()]))
    assert figures["targets"]["age"]["half_width"] == intervals.half_widths(0.9)[1]


def test_kept_as_json():
    rng = np.random.default_rng(9)
    conformal = fit_conformal_classes(*galaxies(50, rng))
    assert ConformalClasses.from_dict(json.loads(json.dumps(conformal.to_dict()))) == conformal
    intervals = fit_conformal_intervals(rng.normal(size=(50, 2)), np.zeros((50, 2)))
    assert ConformalIntervals.from_dict(json.loads(json.dumps(intervals.to_dict()))) == intervals


def test_what_does_not_fit_is_refused():
    with pytest.raises(OptionError, match="one label each"):
        fit_conformal_classes(np.full((3, 2), 0.5), [0, 1])
    with pytest.raises(OptionError, match="finite"):
        fit_conformal_classes(np.full((2, 2), np.nan), [0, 1])
    with pytest.raises(OptionError, match="one shape"):
        fit_conformal_intervals(np.full((2, 2), np.nan), np.zeros((2, 2)))


def copied(n_objects: int, copies: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions and truth (galaxy, 1) of objects whose copies share their errors.

    Which object each is of is returned too.
    """
    of = np.repeat(np.arange(n_objects), copies)
    errors = rng.normal(size=n_objects)[of] + 0.1 * rng.normal(size=len(of))
    return errors[:, None], np.zeros((len(of), 1)), of


def test_intervals_of_groups_cover_new_groups_as_expected():
    """Eighty objects in three copies each are 80 galaxies, not 240: the coverage scatters as much as theirs."""
    rng = np.random.default_rng(10)
    inside, taken_for_alone, coverages = 0, 0, []
    for seed in range(SPLITS):
        guess, truth, of = copied(40, 3, rng)
        conformal = fit_conformal_intervals(guess, truth, groups=of, seed=seed)
        assert len(conformal.scores[0]) == 40
        guess, truth, of = copied(30, 3, rng)
        scores = score_intervals(conformal, guess, truth, ["size"], 0.9, groups=of)["targets"]["size"]
        coverages.append(scores["coverage"])
        inside += scores["expected"][0] <= scores["coverage"] <= scores["expected"][1]
        low, high = expected_coverage(120, 0.9, 90)
        taken_for_alone += low <= scores["coverage"] <= high
    assert inside >= 0.93 * SPLITS
    assert taken_for_alone < 0.9 * SPLITS
    assert np.mean(coverages) + 3 * np.std(coverages) / np.sqrt(SPLITS) > 0.9


def test_sets_of_groups_keep_one_galaxy_of_each():
    rng = np.random.default_rng(11)
    p, labels = galaxies(50, rng)
    groups = np.repeat(np.arange(50), 4)
    conformal = fit_conformal_classes(p[groups], labels[groups], groups=groups)
    assert conformal == fit_conformal_classes(p, labels)
    assert len(fit_conformal_classes(p[groups], labels[groups], groups=groups, most=20)) == 20
    once, fourfold = (
        score_sets(conformal, p[of], labels[of], list("abc"), 0.9, groups=of) for of in (np.arange(50), groups)
    )
    for name in ("coverage", "coverage_interval", "expected", "mean_size", "informative"):
        assert fourfold[name] == pytest.approx(once[name])
    for name, one in once["by_class"].items():
        assert fourfold["by_class"][name]["coverage_interval"] == pytest.approx(one["coverage_interval"])


def test_sets_of_all_classes_and_endless_intervals_tell_nothing():
    rng = np.random.default_rng(12)
    p, labels = galaxies(60, rng)
    four = score_sets(fit_conformal_classes(p[:4], labels[:4]), p, labels, list("abc"), 0.9)
    assert not four["informative"] and four["mean_size"] == 3
    assert score_sets(fit_conformal_classes(p[:40], labels[:40]), p, labels, list("abc"), 0.5)["informative"]

    few = fit_conformal_intervals(rng.normal(size=(4, 2)), np.zeros((4, 2)))
    scores = score_intervals(few, rng.normal(size=(30, 2)), np.zeros((30, 2)), ["mass", "age"], 0.9)
    assert not scores["informative"] and np.isnan(scores["coverage"])
    assert not scores["targets"]["mass"]["informative"]
    mixed = ConformalIntervals((few.scores[0], tuple(np.linspace(0, 1, 50))))
    scores = score_intervals(mixed, rng.normal(size=(30, 2)), np.zeros((30, 2)), ["mass", "age"], 0.9)
    assert scores["informative"] and scores["coverage"] == scores["targets"]["age"]["coverage"]
