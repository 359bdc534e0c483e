"""Unpacking: plain files, inside the folder, all or nothing."""

import tarfile
import zlib
from pathlib import Path

import pytest
from tests.datasets.conftest import IMAGES, jpeg, tar_of

from zoobot.datasets.archive import unpack_images
from zoobot.errors import CatalogError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "images.tar.gz"


def unpack(archive: Path, content: bytes) -> Path:
    archive.parent.mkdir(exist_ok=True)
    archive.write_bytes(content)
    unpack_images(archive, archive.parent / "images")
    return archive.parent / "images"


@pytest.mark.parametrize("mode", ["w:gz", "w", "w:xz"])
@pytest.mark.parametrize("top", ["images/", "", "./images/"])
def test_images_are_there_whatever_the_top_folder(archive: Path, top: str, mode: str) -> None:
    folder = unpack(
        archive, tar_of({name.replace("images/", top): content for name, content in IMAGES.items()}, mode=mode)
    )
    found = {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")}
    assert found == IMAGES
    assert {path.name for path in archive.parent.iterdir()} == {"images", archive.name}


def test_what_an_interrupted_unpacking_left_is_no_part_of_the_set(archive: Path) -> None:
    left = archive.parent / "images.unpacking" / "images" / "half.jpg"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    folder = unpack(archive, tar_of(IMAGES))
    assert not list(folder.rglob("half.jpg"))


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("members", "extra"),
    [
        ({"../escaped.jpg": jpeg(1)}, ()),
        ({"images/../../../escaped.jpg": jpeg(1)}, ()),
        ({"/tmp/zoobot_escaped.jpg": jpeg(1)}, ()),
        ({}, (special("images/link", tarfile.SYMTYPE, "../../.."),)),
        ({}, (special("images/link.jpg", tarfile.LNKTYPE, "images/J0/J000.jpg"),)),
        ({}, (special("images/pipe", tarfile.FIFOTYPE),)),
    ],
    ids=["parent", "deep_parent", "absolute", "symlink", "hardlink", "pipe"],
)
def test_archive_that_leaves_its_folder_is_refused_whole(
    archive: Path, tmp_path: Path, members: dict[str, bytes], extra: tuple[tarfile.TarInfo, ...]
) -> None:
    with pytest.raises(CatalogError, match="not safe to unpack"):
        unpack(archive, tar_of(IMAGES | members, extra))
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
    assert not list(tmp_path.rglob("*escaped.jpg"))
    assert not Path("/tmp/zoobot_escaped.jpg").exists()


GOOD = tar_of(IMAGES)


@pytest.mark.parametrize(
    "content",
    [
        b"<html>Log in to the network first</html>",
        GOOD[: len(GOOD) // 2],
        GOOD[:-4] + b"\0\0\0\0",
        GOOD[:-8] + (zlib.crc32(b"other bytes")).to_bytes(4, "little") + GOOD[-4:],
        GOOD[:200] + bytes(100) + GOOD[300:],
    ],
    ids=["no archive", "cut short", "wrong length", "wrong crc", "bytes altered"],
)
def test_damaged_archive_is_refused_whole(archive: Path, content: bytes) -> None:
    with pytest.raises(CatalogError, match="damaged"):
        unpack(archive, content)
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
