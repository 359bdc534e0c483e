"""Every option of every command that takes a path, given one that can't be used.

The exit code is 2, there is one message, and nothing is written.
"""

import os
import socket
import tempfile
from pathlib import Path

import pytest
from tests.end_to_end.options import BASE, COMMANDS, FILES, OUTPUTS, PATH_OPTIONS, arguments

from zoobot.data.pixels import ImageFiles

BAD = {
    "too long": "{folder}/" + "x" * 300,
    "too long in all": "{folder}/" + "/".join(["y" * 200] * 30),
    "a circle": "{folder}/loop",
    "below a circle": "{folder}/loop/x",
    "a null character": "{folder}/nul\0l",
    "below a file": "{folder}/file/x",
    "a pipe": "{folder}/pipe",
    "a socket": "{folder}/socket",
    "below a pipe": "{folder}/pipe/x",
    "nobody's home": "~nobody_of_this_name/x",
    "no text": "{folder}/\udcff\udcfe",
    "empty": "",
    "blank": " ",
    "not allowed": "{folder}/closed/x",
    "of the other kind": "{folder}/other",
    "too long with what is written below it": "{folder}/" + "/".join(["z" * 200] * 20),
}  # fmt: skip


@pytest.fixture(scope="module")
def run(finetune, tmp_path_factory):
    """A run without report."""
    out = tmp_path_factory.mktemp("paths") / "run"
    finetune(out, "--label", "ring", "--epochs", 1)
    return out


@pytest.fixture
def folder():
    """A folder of paths that can't be used; its own is short, as a socket's has to be, and anyone may look into it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        for ending in {"", *FILES.values()}:
            (folder / f"loop{ending}").symlink_to(folder / f"loop{ending}")
            os.mkfifo(folder / f"pipe{ending}")
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(f"{place}/socket{ending}")
        (folder / "file").write_text("x")
        (folder / "closed").mkdir(mode=0o700)
        yield folder


def there(folder: Path) -> list[tuple[str, int, int]]:
    """Return what lies in a folder: names, kinds, sizes."""
    found = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    return [(str(path), one.st_mode, one.st_size) for path, one in found if not path.is_dir()]


def test_every_command_has_options_to_start_from():
    assert set(COMMANDS) == set(BASE)
    assert {one for one in PATH_OPTIONS if one[1] == "out"} == OUTPUTS


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("command", "option"), PATH_OPTIONS, ids=map("-".join, PATH_OPTIONS))
def test_a_path_that_is_none(
    command, option, bad, run, galaxies, encoder, folder, zoobot_command, tmp_path, monkeypatch
):
    ending = FILES.get((command, option), "")
    is_folder = (command, option) in OUTPUTS and not ending
    if bad == "too long with what is written below it" and not is_folder:
        pytest.skip("nothing is written below it")
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    (folder / f"other{ending}").touch() if is_folder else (folder / f"other{ending}").mkdir()
    monkeypatch.chdir(cwd)
    if bad == "not allowed":
        not_allowed(monkeypatch)
    known = {"catalog": galaxies / "catalog.csv", "run": run, "encoder": encoder, "out": tmp_path / "out"}
    monkeypatch.setattr(
        ImageFiles, "__getitem__", lambda *_: pytest.fail("images are read before the paths are checked")
    )
    before = [there(run), there(folder), there(tmp_path)]
    path = BAD[bad].format(folder=folder)
    if bad.startswith("too long with"):
        path = path[: 4096 - len("/model/config.json")]
    answer = zoobot_command(*arguments(command, known, **{option: path + ending if path.strip() else path}))
    monkeypatch.undo()
    assert answer.code == 2, answer.out + answer.err
    assert "Traceback" not in answer.out + answer.err
    errors = [line for line in answer.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and len(errors[0]) < 8000
    assert not path.strip() or path[:14] in errors[0]
    assert [there(run), there(folder), there(tmp_path)] == before


def not_allowed(monkeypatch):
    """Let the system refuse to look into the folder ``closed``, as it does for all but root."""
    if os.geteuid():
        return
    for name in ("stat", "lstat", "open", "mkdir", "scandir", "listdir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


def refusing(function):
    def call(path=".", *arguments, **options):
        if isinstance(path, str | bytes | os.PathLike) and "closed/" in os.fsdecode(path):
            raise PermissionError(13, "Permission denied", path)
        return function(path, *arguments, **options)

    return call
