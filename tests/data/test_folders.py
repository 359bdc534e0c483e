"""Folders of images: what is listed, what is left out and said, and which class a subfolder stands for."""

import logging
import os
import re
from pathlib import Path

import pytest
from PIL import Image

from zoobot.data import GalaxyDataModule, read_catalog, read_image
from zoobot.errors import CatalogError, LabelError


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (9, 9), 128).save(path)
    return path


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    for name in ("ring/1.png", "ring/2.jpg", "bar/1.png"):
        picture(tmp_path / "set" / name)
    return tmp_path / "set"


def listed(folder: Path) -> dict[str, object]:
    read = read_catalog(folder)
    return dict(zip(read["id_str"], read["label"], strict=True))


CLASSES = {"bar/1": "bar", "ring/1": "ring", "ring/2": "ring"}


@pytest.mark.parametrize(
    "junk",
    [
        "ring/.ipynb_checkpoints/1-checkpoint.png", ".ipynb_checkpoints/3.png", "__MACOSX/ring/1.png",
        "__MACOSX/._ring.png", "ring/._1.png", "bar/.hidden.png", "@eaDir/1.png", ".git/1.png", "#recycle/1.png",
        "System Volume Information/1.png", "bar/__pycache__/1.png", "@Recycle/1.png", "ring/#snapshot/1.png",
    ],
)  # fmt: skip
def test_hidden_files_and_what_archives_leave_are_skipped(
    classes: Path, junk: str, caplog: pytest.LogCaptureFixture
) -> None:
    picture(classes / junk)
    for name in ("Thumbs.db", "ehthumbs.db", "Icon\r"):
        (classes / name).write_bytes(b"thumbs")
    caplog.clear()
    assert listed(classes) == CLASSES
    assert not caplog.text


def test_a_hidden_folder_can_be_asked_for(tmp_path: Path) -> None:
    picture(tmp_path / ".set" / "1.png")
    assert len(read_catalog(tmp_path / ".set")) == 1


def test_files_that_are_no_images_are_counted(classes: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("ring/a.bmp", "ring/b.bmp", "notes.txt"):
        (classes / name).write_text("no image")
    with caplog.at_level(logging.WARNING):
        assert listed(classes) == CLASSES
    assert "3 files" in caplog.text
    assert "2 .bmp, 1 .txt" in caplog.text


def test_a_picture_outside_the_class_folders_has_no_label(classes: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture(classes / "overview.png")
    picture(classes / "bar" / "2020" / "deep.png")
    with caplog.at_level(logging.WARNING):
        labels = listed(classes)
    assert {name: label for name, label in labels.items() if isinstance(label, str)} == CLASSES
    assert "2 of 5 images" in caplog.text
    assert "bar/2020/deep.png, overview.png" in caplog.text
    with pytest.raises(LabelError, match=r"2 of 5 galaxies have no label .*overview"):
        GalaxyDataModule("label", train_catalog=classes, image_size=16).read_catalogs()


def test_linked_folders_are_followed_once_and_loops_end(
    classes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture(tmp_path / "elsewhere" / "3.png")
    (classes / "merger").symlink_to(tmp_path / "elsewhere")
    (classes / "a_link_that_comes_first").symlink_to(classes / "ring")
    (classes / "bar" / "loop").symlink_to(classes)
    (classes / "lost").symlink_to(tmp_path / "nowhere")
    (classes / "ring" / "gone.png").symlink_to(tmp_path / "gone.png")
    (classes / "ring" / "found.png").symlink_to(tmp_path / "elsewhere" / "3.png")
    with caplog.at_level(logging.WARNING):
        found = listed(classes)
    assert found == {"bar/1": "bar", "merger/3": "merger", "ring/1": "ring", "ring/2": "ring", "ring/found": "ring"}
    said = "4 links of .* and are left out: a_link_that_comes_first, bar/loop, lost, ring/gone.png"
    assert re.search(said, caplog.text)


def test_a_semicolon_in_a_path_is_refused(classes: Path) -> None:
    """Elsewhere it sets the files of one galaxy apart."""
    picture(classes / "ring" / "a;b.png")
    with pytest.raises(CatalogError, match=r"1 of 4 images of .* have a ; in their path.*: ring/a;b.png. Rename them"):
        read_catalog(classes)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_can_not_be_read_is_said(classes: Path, caplog: pytest.LogCaptureFixture) -> None:
    (classes / "bar").chmod(0)
    with caplog.at_level(logging.WARNING):
        listed(classes)
    (classes / "bar").chmod(0o700)
    assert "can't be read" in caplog.text


def test_names_that_repeat_become_paths(classes: Path) -> None:
    assert set(listed(classes)) == set(CLASSES)
    (classes / "bar" / "1.png").rename(classes / "bar" / "3.png")
    assert set(listed(classes)) == {"1", "2", "3"}
    picture(classes / "ring" / "1.jpg")
    assert set(listed(classes)) == {"bar/3.png", "ring/1.jpg", "ring/1.png", "ring/2.jpg"}


def test_webp_is_read(tmp_path: Path) -> None:
    color = Image.new("RGB", (12, 10), (255, 0, 0))
    color.save(tmp_path / "a.webp", lossless=True)
    assert read_catalog(tmp_path)["id_str"].tolist() == ["a"]
    image = read_image(tmp_path / "a.webp")
    assert image.shape == (3, 10, 12)
    assert image[:, 5, 5].tolist() == [1, 0, 0]


def test_file_names_that_are_no_text_are_refused(classes: Path) -> None:
    (classes / "ring" / "1.png").rename(classes / "ring" / os.fsdecode(b"gal\xe9.png"))
    with pytest.raises(CatalogError, match=r"1 of 3 rows have a file whose name is no Unicode text: row 2 .*Rename"):
        read_catalog(classes)
