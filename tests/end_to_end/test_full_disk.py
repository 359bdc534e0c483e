"""On a full disk every command ends with one message and leaves nothing half written.

The message names the file and the room left.
"""

import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(sys.executable).with_name("zoobot")


@pytest.fixture(scope="module")
def run(finetune, zoobot_command, galaxies, tmp_path_factory):
    """A run with folds and report, and its predictions of the same galaxies beside it."""
    folder = tmp_path_factory.mktemp("full")
    finetune(folder / "run", "--label", "ring", "--folds", 2, "--epochs", 1, "--report")
    command = ("predict", galaxies / "catalog.csv", "--model", folder / "run" / "model", "--out", folder / "p.csv")
    assert zoobot_command(*command).code == 0
    return folder


@contextmanager
def disk_of(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


CATALOG, MODEL = "{galaxies}/catalog.csv", "{run}/run/model"
FINETUNE = (
    "finetune", CATALOG, "--out", "{out}/run", "--label", "ring", "--encoder", "{encoder}", "--image-size", 32,
    "--epochs", 2, "--folds", 2, "--num-workers", 0,
)  # fmt: skip
COMMANDS = {
    "finetune": (FINETUNE, (50, 700, 3000, 300_000, 440_000, 447_000, 449_000, 452_000)),
    "evaluate": (("evaluate", CATALOG, "--model", MODEL, "--by", "radius", "--out", "{out}"), (50, 2000, 100_000)),
    "check": (("check", "{run}/run", "--num-workers", 0), (50, 1000)),
    "report": (("report", "{run}/run"), (50, 20_000)),
    "explain": (("explain", CATALOG, "--model", MODEL, "--limit", 2, "--num-workers", 0, "--out", "{out}"),
        (50, 20_000)),
    "compare": (
        ("compare", CATALOG, "--label", "shape", "--encoder", "{encoder}", "--image-size", 32, "--repeats", 2,
            "--out", "{out}"),
        (50, 20_000),
    ),
    "select": (("select", "{run}/p.csv", "--model", "{run}/run", "--completeness", 0.5, "--out", "{out}"),
        (50, 20_000)),
    "simulate": (("simulate", "{out}", "--galaxies", 2, "--size", 40, "--fits"), (50, 3000, 20_000)),
    "pretrain": (
        ("pretrain", "{out}", "--architecture", "test_convnext", "--images", 16, "--batch-size", 8, "--val-galaxies", 8,
            "--size", 32,
         "--accelerator", "cpu", "--workers", 0), (50, 2000, 600_000)
    ),
    **{
        f"predict {kind}": (("predict", CATALOG, "--model", MODEL, "--out", f"{{out}}/p.{kind}"), (50, 2000))
        for kind in ("csv", "parquet", "fits")
    },
}  # fmt: skip


@pytest.mark.parametrize(("command", "size"), [(name, size) for name, (_, sizes) in COMMANDS.items() for size in sizes])
def test_one_message_and_nothing_half_written(command, size, run, galaxies, encoder, zoobot_command, tmp_path):
    known = {"galaxies": galaxies, "run": run, "encoder": encoder, "out": tmp_path}
    arguments = [str(word).format(**known) for word in COMMANDS[command][0]]
    with disk_of(size):
        answer = zoobot_command(*arguments)
    assert answer.code == 2, answer.out + answer.err
    errors = [line for line in answer.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and "can't be written, for the disk is full (File too large): " in errors[0]
    assert " MB left. Make room" in errors[0]
    assert "Traceback" not in answer.out + answer.err
    assert not [path for folder in (tmp_path, run) for path in folder.rglob(".*.part*")]


def test_hdf5(run, galaxies, tmp_path):
    """In a process of its own, which the hdf5 library can take down."""
    path = tmp_path / "p.hdf5"
    command = [SCRIPT, "predict", galaxies / "catalog.csv", "--model", run / "run" / "model", "--out", path]
    subprocess.run([*map(str, command)], check=True, capture_output=True, timeout=120)
    before = path.read_bytes()
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # noqa: E731
    done = subprocess.run([*map(str, command)], preexec_fn=limit, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert f"Error: {path} can't be written, for the disk is full" in done.stderr
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_run_goes_on_once_there_is_room(finetune, galaxies, encoder, zoobot_command, tmp_path):
    arguments = [str(word).format(galaxies=galaxies, encoder=encoder, out=tmp_path) for word in FINETUNE]
    with disk_of(449_000):
        assert zoobot_command(*arguments).code == 2
    answer = zoobot_command(*arguments, "--resume")
    assert answer.code == 0, answer.err
    shutil.move(tmp_path / "run", tmp_path / "first")
    assert zoobot_command(*arguments).code == 0
    tables = [pd.read_csv(tmp_path / name / "predictions.csv") for name in ("first", "run")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    "command",
    [
        ("models",),
        ("models", "--json"),
        ("--version",),
        ("cache", "info"),
        ("simulate", "{out}", "--galaxies", "1", "--size", "40"),
    ],
)
def test_standard_output_that_is_full(command, tmp_path):
    with Path("/dev/full").open("w") as full:
        arguments = [word.format(out=tmp_path) for word in command]
        done = subprocess.run([SCRIPT, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 74
    assert done.stderr == "Error: the output can't be written: No space left on device.\n"


def test_a_reader_that_has_gone(tmp_path):
    """As ``zoobot models | head -1``: no error of this command."""
    with subprocess.Popen([SCRIPT, "models"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert "Traceback" not in err and "Exception" not in err
