"""Pipes, sockets and the like where a command writes: refused before any work, and still there afterwards."""

import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from zoobot.data.pixels import ImageFiles
from zoobot.files import PART

PRETRAIN = (
    "--architecture", "test_convnext", "--images", 8, "--batch-size", 8, "--val-galaxies", 8, "--size", 32, "--accelerator", "cpu",
    "--workers", 0,
)  # fmt: skip
FINETUNE = ("finetune", "{catalog}", "--label", "ring", "--encoder", "{encoder}", "--image-size", 32, "--epochs", 1)
COMMANDS = {
    "finetune": (*FINETUNE, "--out", "{out}"),
    "evaluate": ("evaluate", "{catalog}", "--model", "{run}/model", "--out", "{out}"),
    "select": ("select", "{run}/predictions.csv", "--model", "{run}", "--completeness", 0.5, "--out", "{out}"),
    "compare": (
        "compare",
        "{catalog}",
        "--label",
        "ring",
        "--encoder",
        "{encoder}",
        "--image-size",
        32,
        "--out",
        "{out}",
    ),
    "explain": ("explain", "{catalog}", "--model", "{run}/model", "--limit", 1, "--out", "{out}"),
    "pretrain": ("pretrain", "{out}", *PRETRAIN),
    "simulate": ("simulate", "{out}", "--galaxies", 2, "--size", 40),
    "demo": ("demo", "--out", "{out}"),
}
"""Commands that write into a folder"""
FILES = {
    "predict": ("predict", "{catalog}", "--model", "{run}/model", "--out", "{out}.csv"),
    "predict --by": ("predict", "{catalog}", "--model", "{run}/model", "--by", "radius", "--out", "{out}.csv"),
    "report": ("report", "{run}", "--out", "{out}.html"),
}  # fmt: skip
"""Commands that write a file"""
RESULTS = {
    "finetune": ("metrics.json", "predictions.csv", "run.json", "log.csv"), "evaluate": ("metrics.json", "report.html"),
    "select": ("selected.csv", "audit.csv", "selection.json"), "compare": ("comparison.csv", "comparison.json"),
    "explain": ("neighbors.csv",), "pretrain": ("run.json", "log.csv"), "simulate": ("catalog.csv", "simulation.json"),
    "demo": ("metrics.json",),
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


def refused(command, known, zoobot_command, monkeypatch) -> str:
    """Give the message of a command that is refused before it reads an image."""
    monkeypatch.setattr(
        ImageFiles, "__getitem__", lambda *_: pytest.fail("images are read before the output is checked")
    )
    before = {path: path.lstat() for path in known["out"].parent.rglob("*")}
    answer = zoobot_command(*(str(word).format(**known) for word in command))
    assert answer.code == 2 and "Traceback" not in answer.out + answer.err, answer.out + answer.err
    after = {path: path.lstat() for path in known["out"].parent.rglob("*")}
    assert [(path, one.st_mode, one.st_ino) for path, one in before.items()] == [
        (path, one.st_mode, one.st_ino) for path, one in after.items()
    ]
    return answer.err


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
@pytest.mark.parametrize("command", FILES)
def test_what_is_no_file_is_not_replaced(command, kind, known, zoobot_command, monkeypatch):
    ending = {"predict --by": "_shift.csv", "predict": ".csv", "report": ".html"}[command]
    make(kind, known["out"].with_name(f"out{ending}"))
    message = refused(FILES[command], known, zoobot_command, monkeypatch)
    assert f"out{ending} is a {kind}, not a regular file" in message


@pytest.mark.parametrize("kind", ["pipe", "socket"])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_folder_is_not_written_into(command, kind, known, zoobot_command, monkeypatch):
    make(kind, known["out"])
    message = refused(COMMANDS[command], known, zoobot_command, monkeypatch)
    assert f"{known['out']} is a {kind}, expected a folder" in message


@pytest.mark.parametrize(("command", "name"), [(command, name) for command in RESULTS for name in RESULTS[command]])
def test_a_result_that_is_no_file_is_found_before_work(command, name, known, zoobot_command, monkeypatch):
    make("pipe", known["out"] / name)
    message = refused(COMMANDS[command], known, zoobot_command, monkeypatch)
    assert f"{name} is a pipe, not a regular file" in message


WRITTEN: list[str] | None = None
"""Paths that are opened for writing, while a list is here"""


def listen(event, details) -> None:
    """Note what is opened for writing."""
    if event == "open" and WRITTEN is not None and isinstance(details[0], str | Path):
        path, _, flags = details
        if flags & (os.O_WRONLY | os.O_RDWR) and not Path(path).is_dir():  # a folder's, of a file without a name
            WRITTEN.append(str(path))


@pytest.mark.parametrize("command", [*COMMANDS, *FILES])
def test_every_file_is_written_beside_and_put_in_place(command, known, zoobot_command, monkeypatch):
    """A writer that opens the file itself would truncate what was there, and write into devices and pipes."""
    if command == "demo":
        pytest.skip("it is simulate and finetune, and takes a minute")
    monkeypatch.setattr(sys.modules[__name__], "WRITTEN", written := [])
    if not getattr(sys, "_zoobot_listens", False):
        sys.addaudithook(lambda *event: listen(*event))
        sys._zoobot_listens = True
    words = (COMMANDS | FILES)[command]
    answer = zoobot_command(*(str(word).format(**known) for word in words))
    assert answer.code == 0, answer.out + answer.err
    own = [path for path in written if path.startswith(str(known["out"].parent))]
    made = [path for path in known["out"].parent.rglob("*") if path.is_file()]
    assert made and own
    assert [path for path in own if not PART.match(Path(path).name)] == []
