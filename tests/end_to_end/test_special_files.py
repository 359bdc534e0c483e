"""Pipes, sockets and the like where a command writes: refused before any work, and still there afterwards."""

import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest
from tests.end_to_end.options import FILES, OUTPUTS, arguments

from zoobot.data.pixels import ImageFiles
from zoobot.files import PART

FOLDERS = tuple(command for command, _ in sorted(OUTPUTS) if (command, "out") not in FILES)
"""Commands that write into a folder"""
RESULTS = {
    "finetune": ("metrics.json", "predictions.csv", "run.json", "log.csv"), "evaluate": ("metrics.json", "report.html"),
    "select": ("selected.csv", "audit.csv", "selection.json"), "compare": ("comparison.csv", "comparison.json"),
    "explain": ("neighbors.csv", "explain.json"), "pretrain": ("run.json", "log.csv"),
    "simulate": ("catalog.csv", "simulation.json"), "demo": ("metrics.json",),
}  # fmt: skip
"""What they write there"""


@pytest.fixture(scope="module")
def run(finetune, tmp_path_factory) -> Path:
    """A run that remembers its training galaxies."""
    out = tmp_path_factory.mktemp("special") / "run"
    finetune(out, "--label", "ring", "--epochs", 1, "--report")
    return out


@pytest.fixture
def known(run, galaxies, encoder):
    """What stands in the commands, in a folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"catalog": galaxies / "catalog.csv", "run": run, "encoder": encoder, "out": Path(folder) / "out"}


def make(kind: str, path: Path) -> None:
    """Put something that is no regular file at a path."""
    path.parent.mkdir(exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))


def refused(command, known, zoobot_command, monkeypatch, **options) -> str:
    """Return the message of a command that is refused before it reads an image."""
    monkeypatch.setattr(
        ImageFiles, "__getitem__", lambda *_: pytest.fail("images are read before the output is checked")
    )
    before = {path: path.lstat() for path in known["out"].parent.rglob("*")}
    answer = zoobot_command(*arguments(command, known, **options))
    assert answer.code == 2 and "Traceback" not in answer.out + answer.err, answer.out + answer.err
    after = {path: path.lstat() for path in known["out"].parent.rglob("*")}
    assert [(path, one.st_mode, one.st_ino) for path, one in before.items()] == [
        (path, one.st_mode, one.st_ino) for path, one in after.items()
    ]
    return answer.err


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
@pytest.mark.parametrize(
    ("command", "ending", "options"),
    [*((command, ending, {}) for (command, _), ending in FILES.items()), ("predict", "_shift.csv", {"by": "radius"})],
)
def test_what_is_no_file_is_not_replaced(command, ending, options, kind, known, zoobot_command, monkeypatch):
    make(kind, known["out"].with_name(f"out{ending}"))
    message = refused(command, known, zoobot_command, monkeypatch, **options)
    assert f"out{ending} is a {kind}, not a regular file" in message


@pytest.mark.parametrize("kind", ["pipe", "socket"])
@pytest.mark.parametrize("command", FOLDERS)
def test_what_is_no_folder_is_not_written_into(command, kind, known, zoobot_command, monkeypatch):
    make(kind, known["out"])
    message = refused(command, known, zoobot_command, monkeypatch)
    assert f"{known['out']} is a {kind}, expected a folder" in message


@pytest.mark.parametrize(("command", "name"), [(command, name) for command in RESULTS for name in RESULTS[command]])
def test_a_result_that_is_no_file_is_found_before_work(command, name, known, zoobot_command, monkeypatch):
    make("pipe", known["out"] / name)
    message = refused(command, known, zoobot_command, monkeypatch)
    assert f"{name} is a pipe, not a regular file" in message


WRITTEN: list[str] | None = None
"""Paths that are opened for writing, while a list is here"""


def listen(event, details) -> None:
    """Note what is opened for writing."""
    if event == "open" and WRITTEN is not None and isinstance(details[0], str | Path):
        path, _, flags = details
        if flags & (os.O_WRONLY | os.O_RDWR) and not Path(path).is_dir():  # a folder's, of a file without a name
            WRITTEN.append(str(path))


@pytest.mark.parametrize("command", sorted({command for command, _ in OUTPUTS} - {"demo"}))
def test_every_file_is_written_beside_and_put_in_place(
    command, run, galaxies, encoder, zoobot_command, tmp_path, monkeypatch
):
    """A writer that opens the file itself would truncate what was there, and write into devices and pipes."""
    monkeypatch.setattr(sys.modules[__name__], "WRITTEN", written := [])
    if not getattr(sys, "_zoobot_listens", False):
        sys.addaudithook(lambda *event: listen(*event))
        sys._zoobot_listens = True
    monkeypatch.setenv("HOME", os.path.commonpath([run, galaxies, encoder, tmp_path]))
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    known = {"catalog": galaxies / "catalog.csv", "run": run, "encoder": encoder, "out": tmp_path / "out" / "out"}
    from_home = {name: Path("~", path.relative_to(Path.home())) for name, path in known.items()}
    answer = zoobot_command(*arguments(command, from_home))
    assert answer.code == 0, answer.out + answer.err
    own = [path for path in written if path.startswith(str(tmp_path))]
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert made and own
    assert [path for path in made if path.relative_to(tmp_path).parts[0] != "out"] == []
    assert [path for path in own if not PART.match(Path(path).name)] == []
