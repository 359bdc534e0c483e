"""The table of published sets, and the functions made from it, on tiny sets of the same form."""

import inspect
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.conftest import ROOT
from tests.datasets.conftest import IMAGES, Survey, published_table, tar_of

from zoobot import datasets, trees
from zoobot.datasets.published import FILES, published_sets
from zoobot.errors import CatalogError, OutputError

NAMES = ("demo_rings", "demo_gz_candels", "galaxy_mnist", "gz2", "gz_candels", "gz_decals_5", "gz_hubble", "tidal")
FACTS = ROOT.parent / "shared" / "datasets.yaml"


def test_each_published_set_has_its_function() -> None:
    assert tuple(published_sets()) == NAMES
    for name in NAMES:
        load = getattr(datasets, name)
        assert load.__name__ == name
        assert list(inspect.signature(load).parameters)[:3] == ["root", "download", "train"]
        assert inspect.getdoc(load)


def test_the_table_is_sound() -> None:
    files = [getattr(images, kind) for images in published_sets().values() for kind in FILES]
    assert len({file.url for file in files}) == len({file.name for file in files}) == 3 * len(NAMES)
    for file in files:
        assert file.url.startswith("https://")
        assert file.name.endswith((".parquet", ".tar.gz"))
    unchecked = [file.name for file in files if file.md5 is None]
    assert unchecked == ["hubble_images.tar.gz"]
    assert all(re.fullmatch("[0-9a-f]{32}", file.md5) for file in files if file.md5)


@pytest.mark.skipif(not FACTS.is_file(), reason="the published facts are not at ../shared/datasets.yaml")
def test_the_table_has_the_published_facts() -> None:
    facts = yaml.safe_load(FACTS.read_text())
    assert set(facts) == set(NAMES)
    for name, images in published_sets().items():
        for kind, file in facts[name]["files"].items():
            assert vars(getattr(images, kind)) == file
        assert list(images.path_columns) == facts[name]["path_columns"]
        assert (f"tree {images.tree}" if images.tree else "column") in facts[name]["labels"]


@pytest.mark.parametrize("name", NAMES)
def test_gives_the_catalog_and_the_label_columns(survey: Survey, tmp_path: Path, name: str) -> None:
    survey.publish_set(name)
    root, published = tmp_path / "root", published_table(name)
    train, label_cols = getattr(datasets, name)(root)
    test, _ = getattr(datasets, name)(root, download=False, train=False)
    tree = published_sets()[name].tree
    assert label_cols == (
        trees.load(tree).label_cols if tree else list(published.columns.difference(["subfolder", "filename"]))
    )
    both = pd.concat([train, test], ignore_index=True)
    assert list(both) == ["id_str", "file_loc", *label_cols, "simulated"]
    assert both["id_str"].tolist() == [f"J{i:03d}" for i in range(9)]
    assert [Path(file).read_bytes() for file in both["file_loc"]] == list(IMAGES.values())
    assert all(Path(file).is_absolute() for file in both["file_loc"])
    assert not both["simulated"].any()
    np.testing.assert_array_equal(both[label_cols], published[label_cols].fillna(0))
    assert not both[label_cols].isna().any(axis=None)


def test_published_names_of_galaxies_and_classes_are_kept(survey: Survey, tmp_path: Path) -> None:
    classes = ["shell", "stream"] * 4 + ["none"]
    table = published_table("tidal").assign(id_str=range(100, 109), coarse_tidal_label=classes)
    survey.publish_set("tidal", table)
    train, _ = datasets.tidal(tmp_path / "root")
    assert train["id_str"].tolist() == [str(number) for number in range(100, 106)]
    assert train["coarse_tidal_label"].tolist() == classes[:6]
    assert train["finegrained_tidal_label"].dtype.kind == "i"


def test_is_downloaded_once_and_needs_no_network_then(survey: Survey, tmp_path: Path) -> None:
    survey.publish_set("gz2")
    root = tmp_path / "root"
    train, _ = datasets.gz2(root)
    assert sorted(survey.asked) == sorted(
        ["gz2_train_catalog.parquet", "gz2_test_catalog.parquet", "images_gz2.tar.gz"]
    )
    survey.stop()
    again, _ = datasets.gz2(root)
    pd.testing.assert_frame_equal(again, train)
    visible = [path.name for path in root.iterdir() if not path.name.startswith(".")]
    assert sorted(visible) == ["gz2_test_catalog.parquet", "gz2_train_catalog.parquet", "images"], (
        "nothing but the set is kept"
    )


def test_whole_set_in_a_folder_that_can_only_be_read(survey: Survey, tmp_path: Path, monkeypatch) -> None:
    survey.publish_set("gz2")
    datasets.gz2(tmp_path / "root")
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: pytest.fail("wrote to the folder"))
    monkeypatch.setattr("zoobot.datasets.store.FileLock", lambda _: pytest.fail("wrote to the folder"))
    assert len(datasets.gz2(tmp_path / "root")[0]) == 6


def test_a_lost_image_is_brought_back_and_named_where_it_must_not_be(survey: Survey, tmp_path: Path) -> None:
    survey.publish_set("gz2")
    train, _ = datasets.gz2(tmp_path / "root")
    Path(train["file_loc"][2]).unlink()
    with pytest.raises(CatalogError, match=r"1 of 6 images of gz2 .*J002\.jpg"):
        datasets.gz2(tmp_path / "root", download=False)
    datasets.gz2(tmp_path / "root")
    assert Path(train["file_loc"][2]).is_file()


def test_archive_of_an_interrupted_unpacking_is_not_downloaded_again(
    survey: Survey, tmp_path: Path, monkeypatch
) -> None:
    survey.publish_set("gz2")
    with monkeypatch.context() as patch:
        patch.setattr("zoobot.datasets.store.unpack_images", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            datasets.gz2(tmp_path / "root")
    datasets.gz2(tmp_path / "root")
    assert survey.asked.count("images_gz2.tar.gz") == 1


def test_two_at_once_download_once(survey: Survey, tmp_path: Path) -> None:
    survey.publish_set("gz2")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: datasets.gz2(tmp_path / "root")[0], range(2))
    pd.testing.assert_frame_equal(first, second)
    assert len(survey.asked) == 3


def test_bad_archive_is_not_kept(survey: Survey, tmp_path: Path) -> None:
    survey.publish_set("gz_hubble", archive=tar_of({"../J000.jpg": b"escaped"}))
    with pytest.raises(CatalogError, match="not safe to unpack"):
        datasets.gz_hubble(tmp_path / "root")
    assert not list(tmp_path.rglob("*J000.jpg"))
    assert not list((tmp_path / "root").glob("*.tar.gz"))


def test_two_sets_never_mix_in_one_folder(survey: Survey, tmp_path: Path) -> None:
    for name in ("gz_candels", "demo_gz_candels"):
        survey.publish_set(name)
    datasets.gz_candels(tmp_path / "root")
    with pytest.raises(OutputError, match=r"keeps the set gz_candels: give demo_gz_candels a folder of its own"):
        datasets.demo_gz_candels(tmp_path / "root")


def test_published_catalog_of_another_form_names_the_columns(survey: Survey, tmp_path: Path) -> None:
    survey.publish_set("galaxy_mnist", published_table("galaxy_mnist").rename(columns={"label": "class"}))
    with pytest.raises(CatalogError, match="no column label; it has filename, class"):
        datasets.galaxy_mnist(tmp_path / "root")


def test_without_network_says_what_to_do(survey: Survey, tmp_path: Path) -> None:
    survey.publish_set("gz_decals_5")
    survey.stop()
    with pytest.raises(CatalogError, match=r"can't reach .*Connect to the network, or give a root that holds"):
        datasets.gz_decals_5(tmp_path / "root")


def test_not_there_and_not_to_be_downloaded(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"the set tidal is not in .*download=True"):
        datasets.tidal(tmp_path, download=False)


def test_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")
    with pytest.raises(OutputError, match=r"can't keep a data set in .*give a root that you may write to"):
        datasets.gz2(tmp_path / "root")
