"""Fixtures that every test may use: the commands, run in this process, and the real galaxies.

The latter are in ``shared/data``, where they are present.
"""

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from tests.galaxies import make_catalog

import zoobot.cli

ROOT = Path(__file__).parents[1]

# The suite has a worker on every core already: more threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("COLUMNS", None)  # the suite's processes are given one, by which commands would break their lines


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real labelled galaxies (``ZOOBOT_TEST_DATA``, else ``../shared/data``)."""
    folder = Path(os.environ.get("ZOOBOT_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"no real galaxies at {folder}: set ZOOBOT_TEST_DATA to the folder that holds rings/, sdss_gz1/, ..."
        )
    return folder


@pytest.fixture(scope="session")
def catalog_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the catalog of 60 made-up galaxies: two classes, named (label) and numbered (number), and a size."""
    folder = tmp_path_factory.mktemp("galaxies")
    make_catalog(folder)
    return folder / "catalog.csv"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep each test's features in a folder of its own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ZOOBOT_CACHE", str(folder))
    return folder


@dataclass
class Answer:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def zoobot_command() -> Callable[..., Answer]:
    """Return a function that runs ``zoobot`` with some arguments in this process, as the script would."""

    def run(*arguments: object) -> Answer:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["zoobot", *map(str, arguments)])
            out, err = StringIO(), StringIO()
            with redirect_stdout(out), redirect_stderr(err):
                try:
                    zoobot.cli.main()
                    code = 0
                except SystemExit as end:
                    code = int(end.code or 0)
        return Answer(code, out.getvalue(), err.getvalue())

    return run
