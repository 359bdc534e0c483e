"""Files: what can't be looked at is said, and only regular files are opened.

A full disk leaves what was there before.
"""

import bz2
import gzip
import json
import lzma
import os
import resource
import socket
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from zoobot import files
from zoobot.errors import CatalogError, ModelFileError, OutputError
from zoobot.files import (
    check_replaceable,
    check_writable,
    home,
    is_file,
    is_folder,
    look,
    open_regular,
    output_path,
    read_json,
    replacing,
    write_json,
    write_whole,
)
from zoobot.finetune import get_trainer
from zoobot.folders import check_file_out
from zoobot.predictions import write_table
from zoobot.predictions.tables import check_output
from zoobot.unpacking import UNPACKED_BYTES


@contextmanager
def disk_of(size: int):
    """Let no file grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_lies_at_a_path(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to(tmp_path / "absent")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    kinds = {
        "file": "a file",
        "link": "a file",
        "pipe": "a pipe",
        "absent": None,
        "broken": None,
        "file/below": None,
        ".": "a folder",
    }
    assert {name: look(tmp_path / name, CatalogError) for name in kinds} == kinds
    assert is_file(tmp_path / "file", CatalogError) and not is_file(tmp_path / "absent", CatalogError)
    for name, found in (("pipe", "a pipe"), (".", "a folder")):
        with pytest.raises(CatalogError, match=f"is {found}, not a regular file"):
            is_file(tmp_path / name, CatalogError)
    assert is_folder(tmp_path, CatalogError) and not is_folder(tmp_path / "file", CatalogError)
    assert look("/dev/zero", CatalogError) == "a device"


@pytest.mark.parametrize("wrong", [CatalogError, ModelFileError, OutputError])
@pytest.mark.parametrize(
    ("name", "said"),
    [("x" * 300, "name too long"), ("a/" * 3000, "name too long"), ("nul\0l", "null"), ("loop", "(?i)too many levels")],
)
def test_what_can_not_be_looked_at_is_said(name, said, wrong, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(wrong, match=f"(?is){said}.*[.] [A-Z].*[.]$"):
        look(f"{tmp_path}/{name}", wrong)


def test_a_home_that_nobody_has():
    assert home("~nobody_of_this_name/x") == Path("~nobody_of_this_name/x")
    assert home("~/x") == Path.home() / "x"


def test_nothing_is_written_below_a_home_that_nobody_has(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert output_path("~/x") == tmp_path / "home" / "x"
    assert output_path("x~y") == Path("x~y")
    for path in ("~nobody_of_this_name/x.csv", Path("~nobody_of_this_name")):
        for write in (output_path, lambda path: write_table(pd.DataFrame({"a": [1]}), path), get_trainer):
            with pytest.raises(OutputError, match="home of 'nobody_of_this_name', and there is no such user"):
                write(path)
    write_table(pd.DataFrame({"a": [1]}), "~/x.csv")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "home" / "x.csv"]


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{short}/socket")
        for path in (tmp_path / "pipe", "/dev/zero", tmp_path, f"{short}/socket"):
            with pytest.raises(CatalogError, match="regular file"):
                open_regular(path, CatalogError)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent", CatalogError)
    (tmp_path / "file").write_bytes(b"content")
    with open_regular(tmp_path / "file", CatalogError) as file:
        assert file.read() == b"content"


def to_the_end_in_pieces(file):
    while file.read(1 << 20):
        pass


@pytest.mark.parametrize("use", [lambda file: file.read(), lambda file: file.seek(0, 2), to_the_end_in_pieces])
def test_what_was_compressed_is_read_up_to_a_limit(use, tmp_path):
    with gzip.open(tmp_path / "bomb", "wb") as bomb:
        for _ in range(UNPACKED_BYTES // 10**7 + 2):
            bomb.write(bytes(10**7))
    assert (tmp_path / "bomb").stat().st_size < 10**6
    file = open_regular(tmp_path / "bomb", CatalogError, unpack=True)
    with file, pytest.raises(CatalogError, match="unpacks to more than 256 MB"):
        use(file)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_reads_as_it_was(pack, tmp_path):
    content = os.urandom(1000) * 1000
    (tmp_path / "file").write_bytes(pack(content))
    with open_regular(tmp_path / "file", CatalogError, unpack=True) as file:
        assert file.read() == content
        assert file.seek(-5, 2) == len(content) - 5
        assert file.read() == content[-5:]
        file.seek(0)
        assert file.read(10) == content[:10]
        assert file.tell() == 10


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN', b"null"])
def test_json_that_is_no_object_is_refused(content, tmp_path):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"run.json .*Copy it again\.$"):
        read_json(tmp_path / "run.json", ModelFileError, "Copy it again.")
    with pytest.raises(ModelFileError, match=r"absent.json is missing. Copy it again\.$"):
        read_json(tmp_path / "absent.json", ModelFileError, "Copy it again.")


def test_a_full_disk_is_said_with_the_room_left_and_leaves_the_file_of_before(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"a": 1})
    with (
        disk_of(1000),
        pytest.raises(OutputError, match=r"metrics.json can't be written, for the disk is full .*MB left"),
    ):
        write_json(path, {"a": "b" * 10_000})
    assert read_json(path, ModelFileError, "") == {"a": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["metrics.json"]


@pytest.mark.parametrize("name", ["é" * 127, "a" * 251 + ".csv", "环" * 85])
def test_any_name_that_the_disk_takes_can_be_replaced(name, tmp_path):
    write_whole(tmp_path / name, b"1")
    write_whole(tmp_path / name, b"22")
    assert (tmp_path / name).read_bytes() == b"22"
    with replacing(tmp_path / "new" / "folder" / "p.csv") as part:
        assert part.suffix == ".csv"
        part.touch()


@pytest.mark.parametrize("name", ["x" * 300, "nul\0l", "file/below"])
def test_what_can_not_be_written_is_said(name, tmp_path):
    (tmp_path / "file").touch()
    for write in (lambda path: write_whole(path, b""), check_writable):
        with pytest.raises(OutputError, match=r"(?s)can't be (written|looked at): .*[.] (Choose|Give)"):
            write(Path(f"{tmp_path}/{name}"))


@pytest.fixture
def no_files():
    """Things in a folder that are no regular files, by what messages call them.

    The path is short, as a socket's has to be.
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/socket.csv")
        os.mkfifo(f"{folder}/pipe.csv")
        Path(folder, "folder.csv").mkdir()
        for name in ("socket", "pipe", "folder"):
            Path(folder, f"link to {name}.csv").symlink_to(f"{folder}/{name}.csv")
        yield {path: path.stem.split()[-1] for path in sorted(Path(folder).iterdir())}


def test_only_regular_files_are_replaced(no_files):
    for path, kind in no_files.items():
        before = path.lstat()
        for write in (
            lambda path: write_whole(path, b"new"),
            lambda path: write_json(path, {}),
            lambda path: write_table(pd.DataFrame({"a": [1]}), path),
            check_replaceable,
            lambda path: check_file_out(path, {}),
        ):
            with pytest.raises(OutputError, match=rf"^{path} is a {kind}, not a regular file.*Give the name of a file"):
                write(path)
        assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert sorted(next(iter(no_files)).parent.iterdir()) == list(no_files)


@pytest.mark.parametrize("device", [stat.S_IFCHR, stat.S_IFBLK])
def test_a_device_is_not_replaced(device, tmp_path, monkeypatch):
    path = tmp_path / "device.csv"
    path.write_text("before")
    real = os.stat
    mode = device | 0o666
    monkeypatch.setattr(
        os,
        "stat",
        lambda place, **rest: os.stat_result((mode, *real(place)[1:])) if place == path else real(place, **rest),
    )
    for write in (lambda: write_whole(path, b"new"), lambda: write_table(pd.DataFrame({"a": [1]}), path)):
        with pytest.raises(OutputError, match=r"device.csv is a device, not a regular file"):
            write()
    monkeypatch.undo()
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("before")
    links = {"link": tmp_path / "file", "relative": "file", "chain": "link", "new": "there/new"}
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
        write_whole(tmp_path / name, name.encode())
        assert os.readlink(tmp_path / name) == str(target)  # noqa: PTH115
        assert (tmp_path / name).resolve().read_text() == name
    assert (tmp_path / "file").read_text() == "chain" and not (tmp_path / "file").is_symlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted([*links, "there", "file", "new"])


def test_a_link_to_where_no_file_can_be_is_refused(tmp_path):
    (tmp_path / "link.csv").symlink_to("absent/p.csv")
    for write in (
        lambda path: write_whole(path, b""),
        check_replaceable,
        check_output,
        lambda path: check_file_out(path, {}),
    ):
        with pytest.raises(OutputError, match=r"link.csv is a link to .*absent/p.csv, whose folder is not there"):
            write(tmp_path / "link.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["link.csv"] and (tmp_path / "link.csv").is_symlink()


def test_what_dead_processes_left_half_written_goes_at_the_next_write(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_swept", set())
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    own, other = files._machine(), "0" * 8
    gone = [f".{dead.pid}.part.table.csv", f".{dead.pid}.{own}.part.table.csv", f".{10**30}.part.x"]
    kept = [
        f".{os.getpid()}.part.table.csv",
        f".{os.getpid()}.{own}.part.x",
        f".{dead.pid}.{other}.part.x",
        "1.part.x",
        ".x.part.y",
    ]
    for name in gone + kept:
        (tmp_path / name).touch()
    write_whole(tmp_path / "new.txt", b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "new.txt"])


def test_json_has_null_where_numbers_are_none(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1.5, float("nan")], "b": {"c": (float("inf"), -float("inf"), None, 2)}})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [1.5, None], "b": {"c": [None, None, None, 2]}}
