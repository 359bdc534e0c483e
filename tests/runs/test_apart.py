"""Galaxies that judge a model are apart from those that trained it: by file, by content, by id and by group."""

import shutil

import pandas as pd
import pytest
from tests.galaxies import make_catalog

from zoobot.data import read_catalog
from zoobot.errors import CatalogError
from zoobot.runs.overlap import check_apart


@pytest.fixture
def frames(tmp_path) -> dict[str, pd.DataFrame]:
    """Three parts without anything in common; ``object`` is a column of groups."""
    found = {}
    for seed, part in enumerate(("train", "val", "test")):
        make_catalog(tmp_path / part, 8, seed=seed)
        found[part] = read_catalog(tmp_path / part / "catalog.csv").assign(
            object=[f"{part}{row // 2}" for row in range(8)]
        )
    return found


def put(frames, part, column, value):
    """Write a value into the first row of a part."""
    frames[part] = frames[part].copy()
    frames[part].loc[0, column] = value


def test_parts_that_are_apart(frames):
    for part in ("val", "test"):
        assert check_apart(frames, part, "object") == []


@pytest.mark.parametrize(("part", "other"), [("test", "train"), ("test", "val"), ("val", "train")])
@pytest.mark.parametrize("copied", [False, True], ids=["the same file", "a copy of the file"])
def test_an_image_that_was_trained_on_is_refused(frames, part, other, copied, tmp_path):
    source = frames[other].loc[3, "file_loc"]
    put(
        frames,
        part,
        "file_loc",
        shutil.copy(source, tmp_path / "copy.jpg") and str(tmp_path / "copy.jpg") if copied else source,
    )
    with pytest.raises(CatalogError, match="1 of 8 galaxies") as refused:
        check_apart(frames, part)
    assert frames[part].loc[0, "id_str"] in str(refused.value)


def test_the_test_part_judges_the_validation_part_too_but_not_the_other_way(frames):
    put(frames, "test", "file_loc", frames["val"].loc[0, "file_loc"])
    assert check_apart(frames, "val") == []
    with pytest.raises(CatalogError, match="trained or validated on"):
        check_apart(frames, "test")


def test_an_id_or_a_group_in_common_is_said(frames):
    put(frames, "test", "id_str", frames["train"].loc[5, "id_str"])
    put(frames, "test", "object", "train2")
    ids, groups = check_apart(frames, "test", "object")
    assert frames["train"].loc[5, "id_str"] in ids and "another image" in ids
    assert groups.startswith("1 of 8 galaxies") and "object" in groups
    assert len(check_apart(frames, "test")) == 1  # without groups, the id alone
