"""Fetching a file: whole and right or not at all, and nothing twice."""

import logging
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.datasets.conftest import Survey

from zoobot.datasets import download
from zoobot.datasets.download import NoNetworkError, RemoteFile, fetch, is_kept
from zoobot.errors import CatalogError

CONTENT = np.random.default_rng(0).bytes(3_000_001)
HALF = 1_400_003


@pytest.fixture
def file(survey: Survey) -> RemoteFile:
    return survey.publish("big.tar.gz", CONTENT)


def part_of(path: Path, file: RemoteFile) -> Path:
    return path.with_name(f"{path.name}.{file.md5}.part")


def test_fetches_once(survey: Survey, file: RemoteFile, tmp_path: Path) -> None:
    path = tmp_path / "big.tar.gz"
    fetch(file, path)
    assert path.read_bytes() == CONTENT
    fetch(file, path)
    assert len(survey.answers) == 1
    assert not part_of(path, file).exists()


def test_name_is_that_of_the_address() -> None:
    assert RemoteFile("https://host/s/abc/images.tar.gz?rlkey=x/y&dl=0", None).name == "images.tar.gz"


def test_another_file_of_that_name_is_replaced(survey: Survey, file: RemoteFile, tmp_path: Path) -> None:
    path = tmp_path / "big.tar.gz"
    path.write_bytes(CONTENT[:-1])
    assert not is_kept(file, path)
    fetch(file, path)
    assert is_kept(file, path)


def test_broken_connection_is_made_anew_for_the_rest(survey: Survey, file: RemoteFile, tmp_path: Path) -> None:
    survey.cuts = [HALF, 10]
    fetch(file, tmp_path / "big.tar.gz")
    assert (tmp_path / "big.tar.gz").read_bytes() == CONTENT
    assert [answer.range for answer in survey.answers] == [None, f"bytes={HALF}-", f"bytes={HALF + 10}-"]
    assert sum(answer.sent for answer in survey.answers) == len(CONTENT), "no byte is sent twice"


def test_call_that_failed_halfway_goes_on_at_the_next(
    survey: Survey, file: RemoteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "big.tar.gz"
    monkeypatch.setattr(download, "TRIES", 1)
    survey.cuts = [HALF]
    with pytest.raises(CatalogError, match=r"broke off .*call again to go on") as caught:
        fetch(file, path)
    assert str(part_of(path, file)) in str(caught.value)
    assert not path.exists(), "half a file never has the file's name"
    assert part_of(path, file).read_bytes() == CONTENT[:HALF]
    fetch(file, path)
    assert path.read_bytes() == CONTENT
    assert survey.answers[-1].range == f"bytes={HALF}-"
    assert sum(answer.sent for answer in survey.answers) == len(CONTENT)
    assert not part_of(path, file).exists()


def test_killed_process_goes_on(survey: Survey, file: RemoteFile, tmp_path: Path) -> None:
    path = tmp_path / "big.tar.gz"
    survey.cuts, survey.hang = [HALF], True
    code = f"from zoobot.datasets.download import *; fetch({file!r}, Path({str(path)!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    part, end = part_of(path, file), time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > HALF // 2) and time.monotonic() < end:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    survey.hang = False
    had = part.stat().st_size
    fetch(file, path)
    assert path.read_bytes() == CONTENT
    answer, end = survey.answers[-1], time.monotonic() + 10
    while not answer.sent and time.monotonic() < end:  # the server counts once all is sent
        time.sleep(0.02)
    assert (answer.start, answer.sent) == (had, len(CONTENT) - had)


def test_server_that_ignores_ranges_starts_anew(survey: Survey, file: RemoteFile, tmp_path: Path) -> None:
    survey.ranges, survey.cuts = False, [HALF]
    fetch(file, tmp_path / "big.tar.gz")
    assert (tmp_path / "big.tar.gz").read_bytes() == CONTENT
    assert survey.answers[-1].range == f"bytes={HALF}-"
    assert survey.answers[-1].sent == len(CONTENT)


def test_server_that_sends_another_range_starts_anew(survey: Survey, file: RemoteFile, tmp_path: Path) -> None:
    survey.wrong_range, survey.cuts = True, [HALF]
    fetch(file, tmp_path / "big.tar.gz")
    assert (tmp_path / "big.tar.gz").read_bytes() == CONTENT
    assert [answer.start for answer in survey.answers] == [0, HALF, 0]


@pytest.mark.parametrize(("kept", "n_asked"), [(CONTENT, 1), (CONTENT + b"more", 2)], ids=["whole", "too long"])
def test_part_that_has_no_rest(survey: Survey, file: RemoteFile, tmp_path: Path, kept: bytes, n_asked: int) -> None:
    path = tmp_path / "big.tar.gz"
    part_of(path, file).write_bytes(kept)
    fetch(file, path)
    assert path.read_bytes() == CONTENT
    assert len(survey.answers) == n_asked
    assert sum(answer.sent for answer in survey.answers) == len(CONTENT) * (n_asked - 1)


@pytest.mark.parametrize("already", [b"", b"other bytes"])
def test_wrong_checksum_is_refused_and_nothing_kept(
    survey: Survey, file: RemoteFile, tmp_path: Path, already: bytes
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    if already:
        part_of(folder / "big.tar.gz", file).write_bytes(already)
    else:
        (survey.folder / "big.tar.gz").write_bytes(CONTENT[::-1])
    with pytest.raises(CatalogError, match=f"md5 checksum .* not the published {file.md5}"):
        fetch(file, folder / "big.tar.gz")
    assert list(folder.iterdir()) == []


def test_without_a_published_checksum_the_log_says_so(
    survey: Survey, file: RemoteFile, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unchecked = replace(file, md5=None)
    survey.cuts = [HALF]
    with caplog.at_level(logging.WARNING):
        fetch(unchecked, tmp_path / "big.tar.gz")
    assert "can't be checked" in caplog.text
    assert (tmp_path / "big.tar.gz").read_bytes() == CONTENT
    assert is_kept(unchecked, tmp_path / "big.tar.gz")
    assert [path.name for path in tmp_path.glob("big*")] == ["big.tar.gz"]


def test_refusal_by_the_server_names_its_status(survey: Survey, file: RemoteFile, tmp_path: Path) -> None:
    (survey.folder / "big.tar.gz").unlink()
    with pytest.raises(CatalogError, match=r"404.*Try again later"):
        fetch(file, tmp_path / "big.tar.gz")


def test_nobody_there(survey: Survey, file: RemoteFile, tmp_path: Path) -> None:
    survey.stop()
    with pytest.raises(NoNetworkError, match=r"can't reach http://127\.0\.0\.1"):
        fetch(file, tmp_path / "big.tar.gz")


def test_server_that_goes_away_halfway_is_no_absent_network(
    survey: Survey, file: RemoteFile, tmp_path: Path, monkeypatch
) -> None:
    survey.cuts = [HALF]
    monkeypatch.setattr(download.time, "sleep", lambda _: survey.server.server_close())
    with pytest.raises(CatalogError, match="broke off"):
        fetch(file, tmp_path / "big.tar.gz")
    assert part_of(tmp_path / "big.tar.gz", file).stat().st_size == HALF
