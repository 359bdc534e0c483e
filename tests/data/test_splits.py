"""Splits: every row once, classes in proportion, groups together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobot.data.splits import check_every_class, group_codes, split_rows
from zoobot.errors import OptionError, SplitError

SHARES = (0.7, 0.1, 0.2)


@given(st.integers(3, 300), st.integers(0, 2**31))
def test_each_row_lies_in_one_part(n_rows: int, seed: int) -> None:
    parts = split_rows(n_rows, SHARES, seed=seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n_rows))
    assert all(len(part) for part in parts)
    for part, share in zip(parts, SHARES, strict=True):
        assert abs(len(part) - share * n_rows) <= 1.5


@given(st.lists(st.integers(3, 60), min_size=2, max_size=5), st.integers(0, 1000))
def test_each_class_is_shared_in_proportion(sizes: list[int], seed: int) -> None:
    strata = np.repeat(np.arange(len(sizes)), sizes)
    parts = split_rows(len(strata), SHARES, strata=strata, seed=seed)
    for label, size in enumerate(sizes):
        counts = [int((strata[part] == label).sum()) for part in parts]
        assert min(counts) >= 1
        assert sum(counts) == size
        assert all(abs(count - max(1, share * size)) <= 1.5 for count, share in zip(counts, SHARES, strict=True))


@given(st.integers(10, 60), st.integers(1, 4), st.integers(0, 1000))
def test_a_group_stays_in_one_part(n_groups: int, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), rng.integers(1, most + 1, n_groups))
    rng.shuffle(groups)
    parts = split_rows(len(groups), SHARES, groups=groups, seed=seed)
    owners = [set(groups[part].tolist()) for part in parts]
    assert not (owners[0] & owners[1] or owners[0] & owners[2] or owners[1] & owners[2])
    for part, share in zip(parts, SHARES, strict=True):
        assert abs(len(part) - share * len(groups)) <= most + 1


def test_the_seed_decides() -> None:
    first, same, other = (split_rows(100, SHARES, seed=seed)[0].tolist() for seed in (1, 1, 2))
    assert first == same != other


def test_a_part_of_share_zero_is_empty() -> None:
    assert [len(part) for part in split_rows(40, (0.75, 0.25, 0.0))] == [30, 10, 0]


def test_what_cannot_be_split_is_named() -> None:
    with pytest.raises(SplitError, match="2 galaxies are too few to split into 3 parts"):
        split_rows(2, SHARES)
    with pytest.raises(OptionError, match="sum to 1"):
        split_rows(10, (0.7, 0.1, 0.1))
    strata = np.array([0] * 20 + [1] * 2)
    with pytest.raises(SplitError, match="class 'ring' has no galaxy in the validation part: it has 2 in all"):
        check_every_class(split_rows(22, SHARES, strata=strata), strata, ["none", "ring"], grouped=False)


@pytest.mark.parametrize("missing", [None, float("nan"), "", "  "])
def test_galaxies_without_a_group_stand_alone(missing) -> None:
    codes = group_codes(pd.Series(["a", missing, "b", "a", missing], dtype=object))
    assert codes[0] == codes[3]
    assert len(np.unique(codes)) == 4


def test_numbers_are_groups_too() -> None:
    assert group_codes(pd.Series([3.0, np.nan, 3.0, 5.0, np.nan])).tolist() == [0, 2, 0, 1, 3]
