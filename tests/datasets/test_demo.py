"""The two demos: real galaxies from a loopback server, or simulated ones that nobody can take for real."""

import logging
import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest
from tests.datasets.conftest import Survey

import zoobot
from zoobot.datasets import SimulatedDataWarning, demo_gz_candels, demo_rings
from zoobot.datasets.published import published_sets
from zoobot.errors import CatalogError

DEMOS = {"demo_rings": demo_rings, "demo_gz_candels": demo_gz_candels}
pytestmark = pytest.mark.usefixtures("few_simulated")


@pytest.fixture(params=DEMOS)
def name(request: pytest.FixtureRequest, survey: Survey) -> str:
    survey.publish_set(request.param)
    return request.param


def test_are_public() -> None:
    assert zoobot.demo_rings is demo_rings
    assert zoobot.demo_gz_candels is demo_gz_candels


@pytest.mark.parametrize("simulated", [None, False])
@pytest.mark.parametrize("kind", ["train_catalog", "images"])
def test_wrong_checksum_is_an_error_and_never_a_fallback(
    survey: Survey, name: str, tmp_path: Path, kind: str, simulated: bool | None
) -> None:
    (survey.folder / getattr(published_sets()[name], kind).name).write_bytes(b"altered on the way")
    root = tmp_path / "root"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CatalogError, match="md5"):
            DEMOS[name](root, simulated=simulated)
    assert not list(root.glob("simulated*"))
    assert not (root / "images").exists()


def test_refusal_by_the_server_is_no_reason_to_simulate(survey: Survey, name: str, tmp_path: Path) -> None:
    (survey.folder / published_sets()[name].images.name).unlink()
    with pytest.raises(CatalogError, match="404"):
        DEMOS[name](tmp_path / "root")
    assert not list((tmp_path / "root").glob("simulated*"))


def test_without_network_falls_back_loudly(
    survey: Survey, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    real, real_labels = DEMOS[name](tmp_path / "real")
    survey.stop()
    with (
        caplog.at_level(logging.WARNING),
        pytest.warns(SimulatedDataWarning, match="SIMULATED galaxies, not real") as caught,
    ):
        train, label_cols = DEMOS[name](tmp_path / "root")
    assert caught[0].filename == __file__, "the warning points at the user's own line"
    assert [record.levelname for record in caplog.records if record.name == "zoobot.datasets.demo"] == ["WARNING"]
    assert f"SIMULATED galaxies, not real ones: {name}" in caplog.text
    assert (list(train), label_cols) == (list(real), real_labels), "of the same form"
    assert train["simulated"].all() and not real["simulated"].any()
    assert train["id_str"].str.startswith("sim_").all() and not real["id_str"].str.startswith("sim_").any()
    folder = tmp_path / "root" / name.replace("demo", "simulated")
    assert all(folder in Path(file).parents and Path(file).is_file() for file in train["file_loc"])
    with pytest.warns(SimulatedDataWarning):  # as loud when the set is kept from before
        again, _ = DEMOS[name](tmp_path / "root")
    pd.testing.assert_frame_equal(again, train)


def test_without_network_and_real_asked_for_is_an_error(survey: Survey, name: str, tmp_path: Path) -> None:
    survey.stop()
    with pytest.raises(CatalogError, match=r"can't reach .*simulated=True"):
        DEMOS[name](tmp_path / "root", simulated=False)
    assert not list((tmp_path / "root").glob("simulated*"))


def test_real_set_that_is_there_needs_no_network_and_is_not_simulated(
    survey: Survey, name: str, tmp_path: Path
) -> None:
    DEMOS[name](tmp_path / "root")
    survey.stop()
    again, _ = DEMOS[name](tmp_path / "root")
    assert not again["simulated"].any()


def test_simulated_on_purpose_asks_no_server_and_train_and_test_are_disjoint(
    survey: Survey, name: str, tmp_path: Path
) -> None:
    train, label_cols = DEMOS[name](tmp_path, simulated=True)
    test, _ = DEMOS[name](tmp_path, train=False, simulated=True)
    assert survey.asked == []
    assert (len(train), len(test)) == (5, 3)
    assert set(train["id_str"]).isdisjoint(test["id_str"])
    contents = [Path(file).read_bytes() for file in [*train["file_loc"], *test["file_loc"]]]
    assert len(set(contents)) == 8
    assert train["simulated"].all() and test["simulated"].all()
    assert all(train[column].dtype.kind == "i" for column in label_cols)


def test_simulated_votes_follow_the_tree(tmp_path: Path) -> None:
    train, label_cols = demo_gz_candels(tmp_path, simulated=True)
    tree = zoobot.trees.load("gz_candels")
    assert label_cols == tree.label_cols
    for question in tree.questions:
        votes = train[label_cols[question.start_index : question.end_index + 1]].sum(axis=1)
        asked = train[list(question.asked_after)].sum(axis=1) if question.asked_after else votes
        assert (votes == asked).all(), question.text
    assert (train[label_cols[:3]].sum(axis=1) > 0).all()


def test_a_simulated_set_may_be_moved(name: str, tmp_path: Path) -> None:
    DEMOS[name](tmp_path / "old", simulated=True)
    shutil.move(tmp_path / "old", tmp_path / "new")
    moved, _ = DEMOS[name](tmp_path / "new", simulated=True)
    assert all(tmp_path / "new" in Path(file).parents and Path(file).is_file() for file in moved["file_loc"])
