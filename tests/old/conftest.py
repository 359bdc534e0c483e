"""Copies of what zoobot left at commit b9a7a53, each with the paths of where it lies now."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Answer

HERE = Path(__file__).parent
MADE_AT = "/tmp/zoobot_b9a7a53"  # as make.py has it
TASKS = ("classify", "multi_label", "regress", "tree")
Command = Callable[..., str]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the old ``galaxies``, ``runs`` and ``models``.

    Commands run in its ``galaxies``, as they did then.
    """
    folder = tmp_path / "old"
    for name in ("galaxies", "runs", "models"):
        shutil.copytree(HERE / name, folder / name)
    for path in folder.rglob("*"):
        if path.suffix in (".csv", ".json"):
            path.write_text(path.read_text().replace(MADE_AT, str(folder)))
    monkeypatch.chdir(folder / "galaxies")
    return folder


@pytest.fixture
def command(zoobot_command: Callable[..., Answer]) -> Command:
    """Return a function that runs a command which must succeed, and returns what it said."""

    def run(*arguments: object) -> str:
        answer = zoobot_command(*arguments)
        assert answer.code == 0, answer.out + answer.err
        return " ".join(answer.out.split())

    return run
