"""Shifts of known size are measured, sets alike are not warned of, and intervals cover as they promise."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from zoobot.errors import CatalogError
from zoobot.science import Reference, auroc_interval, measure_shift, shift_by
from zoobot.science.groups import Groups
from zoobot.science.isolation import far_share


def reference_of(features: np.ndarray, **kept: np.ndarray) -> Reference:
    names = [f"g{row}" for row in range(len(features))]
    return Reference.of(features, names, names, **kept)


def galaxies(count: int, rng: np.random.Generator, copies: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return features of objects of one population, and which object each is of.

    There are so many nearly equal copies of each object.
    """
    objects = rng.normal(size=(count, 12)) * np.linspace(2, 0.5, 12) + np.linspace(-1, 3, 12)
    of = np.repeat(np.arange(count), copies)
    return (objects[of] + 0.02 * rng.normal(size=(len(of), 12)) * (copies > 1)).astype(np.float32), of


def test_auroc_of_two_gaussians_is_known():
    rng = np.random.default_rng(0)
    distance = 1.0  # the best classifier's AUROC is Phi(distance / sqrt 2)
    known, target = rng.normal(size=(1000, 8)) + 5, rng.normal(size=(1000, 8)) + 5
    target[:, 2] += distance
    shift = measure_shift(reference_of(known), target.astype(np.float32))
    best = norm.cdf(distance / np.sqrt(2))
    assert shift.auroc == pytest.approx(best, abs=0.02)
    assert shift.auroc_low < best < shift.auroc_high
    assert shift.warning is None  # below the threshold
    target[:, 2] += 2
    assert "AUROC 0.9" in measure_shift(reference_of(known), target).warning


def test_the_same_survey_does_not_warn():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(800, 20)) + rng.normal(size=20)
    shift = measure_shift(reference_of(features[:500]), features[500:])
    assert shift.auroc_low < 0.5 < shift.auroc_high
    assert shift.far_low < 0.01 < shift.far_high
    assert shift.warning is None
    assert shift.to_dict()["warning"] is None


def test_far_galaxies_among_others():
    rng = np.random.default_rng(2)
    known = rng.normal(size=(600, 10)) + 4 * np.eye(10)[0]
    target = np.concatenate(
        [rng.normal(size=(180, 10)) + 4 * np.eye(10)[0], 0.1 * rng.normal(size=(20, 10)) - np.ones(10)]
    )
    shift = measure_shift(reference_of(known), target)
    assert shift.far_fraction == pytest.approx(0.1, abs=0.02)
    assert "unlike any training galaxy" in shift.warning
    assert shift.is_far and not shift.told_apart
    saved = shift.to_dict()
    assert (saved["is_far"], saved["told_apart"], saved["warning"]) == (True, False, shift.warning)
    assert shift.sentence("The test galaxies").startswith("The test galaxies differ from those that the model learned")


def test_auroc_and_its_interval():
    rng = np.random.default_rng(3)
    true = norm.cdf(1 / np.sqrt(2))
    covered = 0
    for _ in range(400):
        positive = np.arange(90) < 40
        scores = rng.normal(size=90) + positive
        area, low, high = auroc_interval(scores, positive)
        covered += low <= true <= high
    assert area == pytest.approx(roc_auc_score(positive, scores))
    assert 0.92 <= covered / 400 <= 0.98
    rounded = scores.round(0)
    assert auroc_interval(rounded, positive)[0] == pytest.approx(roc_auc_score(positive, rounded))
    area, low, high = auroc_interval(np.r_[np.zeros(20), np.ones(30)], np.arange(50) >= 20)
    assert area == high == 1
    assert low == pytest.approx(0.025 ** (1 / 20))


def test_kinds_of_targets():
    rng = np.random.default_rng(4)
    known, target = rng.normal(size=(300, 6)) + 3, rng.normal(size=(200, 6)) + 3
    target[100:] += 5 * np.eye(6)[0]
    survey = pd.Series(["here"] * 100 + ["there"] * 99 + [None])
    table = shift_by(reference_of(known), target, survey)
    assert table["group"].tolist() == ["here", "there"]
    assert table["n_target"].tolist() == [100, 99]
    assert table["auroc"][0] < 0.65 < 0.95 < table["auroc"][1]
    assert table["warning"].notna().tolist() == [False, True]
    magnitude = pd.Series(np.linspace(14, 18, 200))
    assert shift_by(reference_of(known), target, magnitude, bins=4)["n_target"].tolist() == [50] * 4


def test_few_or_other_features():
    rng = np.random.default_rng(5)
    reference = reference_of(rng.normal(size=(50, 4)))
    few = measure_shift(reference, rng.normal(size=(5, 4)))
    assert np.isnan(few.auroc)
    assert few.warning is None
    assert few.to_dict()["auroc"] is None
    assert few.reason.startswith("5 new galaxies are too few: at least 10")
    grouped = measure_shift(reference, rng.normal(size=(30, 4)), groups=np.repeat(np.arange(6), 5))
    assert grouped.warning is None
    assert grouped.reason.startswith("30 new galaxies in 6 groups are too few")
    with pytest.raises(CatalogError, match="4 each"):
        measure_shift(reference, rng.normal(size=(50, 5)))


@pytest.mark.parametrize(("n_known", "expected"), [(10, 1 / 11), (22, 1 / 23), (50, 1 / 51), (250, 2 / 251)])
def test_as_many_are_far_as_is_said_and_few_sound_samples_are_told_apart(n_known: int, expected: float):
    rng = np.random.default_rng(6)
    shares, told = [], 0
    for _ in range(400):
        features, _ = galaxies(n_known + 200, rng)
        far = far_share(features[:n_known], features[n_known:], Groups.of(None, n_known), Groups.of(None, 200))
        assert far.expected == pytest.approx(expected)
        shares.append(far.value)
        told += far.p_value <= 0.01
    error = np.std(shares) / 20
    assert 0.6 * expected - 3 * error < np.mean(shares) < expected + 3 * error
    assert told <= 10  # 4 are expected


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("n_known", [10, 22, 60])
def test_the_same_population_does_not_warn_from_ten_on(n_known: int, copies: int):
    rng = np.random.default_rng(7)
    warned = 0
    for _ in range(40):
        features, of = galaxies(n_known + 25, rng, copies)
        known = of < n_known
        shift = measure_shift(reference_of(features[known], groups=of[known]), features[~known], groups=of[~known])
        assert (shift.n_reference, shift.n_reference_groups) == (copies * n_known, n_known)
        assert (shift.n_target, shift.n_target_groups) == (25 * copies, 25)
        warned += shift.warning is not None
    assert warned <= 2  # of 40; without their groups all copies are


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize(("n_known", "n_target"), [(10, 30), (30, 10), (200, 60)])
def test_another_population_is_found_from_ten_on(n_known: int, n_target: int, copies: int):
    rng = np.random.default_rng(8)
    found = 0
    for _ in range(30):
        features, of = galaxies(n_known + n_target, rng, copies)
        known = of < n_known
        target = features[~known] + 5 * np.eye(12)[11].astype(np.float32)
        shift = measure_shift(reference_of(features[known], groups=of[known]), target, groups=of[~known])
        found += shift.warning is not None
    assert found >= 27


def test_copies_change_nothing_but_the_numbers():
    """Exact copies in their groups have the figures of one each."""
    rng = np.random.default_rng(9)
    known, _ = galaxies(60, rng)
    target = galaxies(40, rng)[0] * 1.4
    once = measure_shift(reference_of(known), target)
    thrice = measure_shift(
        reference_of(np.tile(known, (3, 1)), groups=np.tile(np.arange(60), 3)),
        np.tile(target, (3, 1)),
        groups=np.tile(np.arange(40), 3),
    )
    for name in ("far_fraction", "far_low", "far_high", "far_expected", "far_p"):
        assert getattr(thrice, name) == pytest.approx(getattr(once, name))
    assert thrice.auroc == pytest.approx(once.auroc, abs=0.05)
    assert thrice.auroc_high - thrice.auroc_low == pytest.approx(once.auroc_high - once.auroc_low, rel=0.2)


def test_the_interval_holds_one_half_for_the_same_population():
    """Cross-validated scores depend on one another: DeLong's own interval holds it in 0.8 to 0.9 of such samples."""
    rng = np.random.default_rng(10)
    covered = 0
    for _ in range(150):
        features, _ = galaxies(90, rng)
        shift = measure_shift(reference_of(features[:40]), features[40:])
        covered += shift.auroc_low <= 0.5 <= shift.auroc_high
    assert covered >= 0.93 * 150


def test_auroc_interval_of_groups():
    rng = np.random.default_rng(11)
    true, covered, naive = norm.cdf(1 / np.sqrt(2)), 0, 0
    groups = np.repeat(np.arange(60), 4)
    positive = groups % 2 == 0
    for _ in range(300):
        scores = rng.normal(size=60)[groups] + 0.2 * rng.normal(size=240) + 1.02 * positive
        low, high = auroc_interval(scores, positive, groups=groups)[1:]
        covered += low <= true <= high
        low, high = auroc_interval(scores, positive)[1:]
        naive += low <= true <= high
    assert covered >= 0.93 * 300
    assert naive < 0.8 * 300
    scores, positive = rng.normal(size=50), np.arange(50) < 20
    assert auroc_interval(scores, positive, groups=np.arange(50)) == auroc_interval(scores, positive)


def test_a_finetuned_encoder_is_judged_by_galaxies_that_it_was_not_finetuned_on():
    """Its features fit the training galaxies: all others look shifted."""
    rng = np.random.default_rng(12)
    features, _ = galaxies(260, rng)
    train, val, test = features[:120] + 4 * np.eye(12)[3], features[120:160], features[160:]
    frozen = measure_shift(reference_of(train), test)
    assert "training galaxies" in str(frozen.warning)
    assert frozen.compared_with == "training"
    untold = measure_shift(reference_of(train), test, finetuned=True)
    assert np.isnan(untold.auroc)
    assert untold.warning is None
    assert "finetuned on the training galaxies" in untold.reason
    held_out = measure_shift(reference_of(train, held_out=val), test, finetuned=True)
    assert (held_out.compared_with, held_out.n_reference, held_out.reason) == ("validation", 40, "")
    assert held_out.warning is None
    assert "validation galaxies" in measure_shift(reference_of(train, held_out=val), test + 9, finetuned=True).warning
    assert "validation galaxy" in held_out.far_means


def test_what_far_means():
    rng = np.random.default_rng(13)
    features, _ = galaxies(400, rng)
    few = measure_shift(reference_of(features[:50]), features[300:])
    assert (
        few.far_means
        == "farther from its nearest training galaxy than any training galaxy is from its nearest other one"
    )
    assert measure_shift(reference_of(features[:150]), features[300:]).far_means == few.far_means
    many = measure_shift(reference_of(features[:300]), features[300:])
    assert many.far_means == (
        "farther from its nearest training galaxy than 99% of the training galaxies are from their nearest other one"
    )


def test_many_kinds_are_compared_more_carefully():
    """Holm's adjustment tells one kind apart, and not one of ten.

    The smallest of ten p-values is between 0.001 and 0.01.
    """
    rng = np.random.default_rng(14)
    reference = reference_of(galaxies(100, rng)[0])
    kinds = [galaxies(20, rng)[0] for _ in range(10)]
    alone = [measure_shift(reference, kind) for kind in kinds]
    table = shift_by(reference, np.concatenate(kinds), pd.Series(np.repeat(list("abcdefghij"), 20)))
    for name in ("far_p", "auroc_p"):
        p = np.array([getattr(one, name) for one in alone])
        assert table[name].min() == pytest.approx(min(1, 10 * p.min()))
        assert (table[name] >= p).all()
        assert (table[name].to_numpy()[np.argsort(p)] == np.sort(table[name])).all()


def test_reference_keeps_groups_and_held_out_galaxies(tmp_path):
    rng = np.random.default_rng(15)
    features, groups = galaxies(30, rng, 2)
    kept = reference_of(features, groups=groups, held_out=features[:7], held_out_groups=groups[:7])
    kept.save(tmp_path)
    again = Reference.load(tmp_path)
    assert (again.groups == groups).all()
    assert (again.held_out == kept.held_out).all()
    assert (again.held_out_groups == groups[:7]).all()
    reference_of(features).save(tmp_path)
    assert Reference.load(tmp_path).groups is None
