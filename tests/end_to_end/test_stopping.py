"""A command that a signal stops ends with the signal's exit code and one message.

What it had done is there to go on from.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
from tests.end_to_end.outcome import outcome

from zoobot.data.pixels import ImageFiles
from zoobot.finetune.checkpoints import NewestCheckpoint
from zoobot.pretrain.callbacks import StepCheckpoint
from zoobot.simulate import sets

SCRIPT = Path(sys.executable).with_name("zoobot")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
OPTIONS = ("--label", "shape", "--blocks", -1, "--epochs", 8, "--batch-size", 16)
RESULTS = ("model/model.safetensors", "model/config.json", "metrics.json", "predictions.csv", "log.csv")


@pytest.fixture
def stop_at(monkeypatch):
    """Return a function that lets this process get a signal when something is called for the n-th time."""

    def arrange(number: int, target: object, name: str, calls: int = 1) -> None:
        original, seen = getattr(target, name), []

        def signalling(*arguments, **options):
            seen.append(1)
            if len(seen) == calls:
                os.kill(os.getpid(), number)
            return original(*arguments, **options)

        monkeypatch.setattr(target, name, signalling)

    return arrange


def check(answer, number, words=""):
    """Check the exit code, and that there is one message."""
    assert answer.code == CODES[number], answer.out + answer.err
    assert "Traceback" not in answer.out + answer.err
    assert [line[:7] for line in answer.err.splitlines()] == ["Error: "]
    assert "stopped by" in answer.err and words in answer.err


@pytest.fixture(scope="module")
def whole(finetune, tmp_path_factory):
    """The folder of an uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "run"
    finetune(out, *OPTIONS)
    return out


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("epoch", [1, 4])
def test_finetune_goes_on_to_the_same_model(
    number, epoch, whole, finetune, galaxies, quick, zoobot_command, stop_at, tmp_path
):
    command = ("finetune", galaxies / "catalog.csv", "--out", tmp_path / "run", *quick, *OPTIONS)
    stop_at(number, NewestCheckpoint, "on_train_epoch_end", epoch)
    check(zoobot_command(*command), number, "Go on with the same command and --resume.")
    assert signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL)
    finetune(tmp_path / "run", *OPTIONS, "--resume")
    for name in RESULTS:
        assert outcome(tmp_path / "run", name) == outcome(whole, name), name
    assert sorted(path.name for path in (tmp_path / "run").rglob("*")) == sorted(path.name for path in whole.rglob("*"))


@pytest.mark.parametrize("number", SIGNALS)
def test_pretrain(number, zoobot_command, stop_at, tmp_path):
    options = (
        "--architecture", "test_convnext", "--size", 32, "--images", 48, "--batch-size", 8, "--val-galaxies", 8,
        "--report-images", 16, "--accelerator", "cpu", "--workers", 0,
    )  # fmt: skip
    stop_at(number, StepCheckpoint, "on_train_batch_end", 3)
    check(zoobot_command("pretrain", tmp_path, *options), number, "Go on with the same command and --resume.")
    answer = zoobot_command("pretrain", tmp_path, *options, "--resume")
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "command",
    [
        ("predict", "{catalog}", "--model", "{run}/model", "--out", "{out}.csv"),
        ("evaluate", "{catalog}", "--model", "{run}/model", "--out", "{out}"),
        ("compare", "{catalog}", "--label", "shape", "--encoder", "{encoder}", "--image-size", 32, "--out", "{out}"),
        ("check", "{run}"),
        ("explain", "{catalog}", "--model", "{run}/model", "--out", "{out}"),
    ],
)
def test_commands_that_read_images(number, command, whole, galaxies, encoder, zoobot_command, stop_at, tmp_path):
    known = {"catalog": galaxies / "catalog.csv", "run": whole, "out": tmp_path / "out", "encoder": encoder}
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    stop_at(number, ImageFiles, "__getitem__")
    check(zoobot_command(*(str(word).format(**known) for word in command), "--num-workers", 0), number)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("number", SIGNALS)
def test_processes_that_decode_images_end_quietly(number, whole, galaxies, tmp_path):
    """Ctrl+C and batch systems stop all processes of a command at once."""
    code = (
        "import os, sys, time, zoobot.cli; from zoobot.data.pixels import ImageFiles\n"
        "ImageFiles.__getitem__ = lambda files, row: (print('decoding', flush=True), time.sleep(60))\n"
        "zoobot.cli.main()"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "predict",
        galaxies / "catalog.csv",
        "--model",
        whole / "model",
        "--out",
        tmp_path / "p.csv",
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([*map(str, command), "--num-workers", "2"], **pipes) as process:
        assert process.stdout.read(1)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == CODES[number]
    assert len(err.splitlines()) == 1 and err.startswith("Error: stopped by")


@pytest.mark.parametrize("number", SIGNALS)
def test_simulate_goes_on(number, zoobot_command, stop_at, tmp_path):
    command = ("simulate", tmp_path / "set", "--galaxies", 4, "--size", 40, "--tree", "none")
    stop_at(number, sets, "write_whole", 3)
    check(zoobot_command(*command), number, "Go on with the same command.")
    assert not list(tmp_path.rglob("*.part*"))
    assert zoobot_command(*command).code == 0


def test_all_processes_of_a_training_end(tmp_path):
    """Told to one process, as Ctrl+C is where the others are not of its terminal."""
    options = (
        "--architecture", "test_convnext", "--size", 32, "--images", 10**9, "--batch-size", 8, "--val-galaxies", 8,
        "--save-steps", 3, "--accelerator", "cpu", "--workers", 0, "--devices", 2,
    )  # fmt: skip
    command = [*map(str, (SCRIPT, "pretrain", tmp_path, *options))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        wait_for(tmp_path / "checkpoints" / "last.ckpt", process)
        (child,) = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        child.wait(60)
    assert process.returncode == 130
    assert err == "Error: stopped by Ctrl+C (SIGINT). Go on with the same command and --resume.\n"


def wait_for(path, process):
    until = time.monotonic() + 240
    while not path.is_file():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.01)


def test_the_script(galaxies, quick, tmp_path):
    command = [
        SCRIPT,
        "finetune",
        galaxies / "catalog.csv",
        "--out",
        tmp_path / "run",
        *quick,
        *OPTIONS,
        "--epochs",
        100_000,
        "--patience",
        100_000,
    ]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(tmp_path / "run" / "checkpoints" / "last.ckpt", process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err == "Error: stopped by SIGTERM. Go on with the same command and --resume.\n"
    assert len(pd.read_csv(tmp_path / "run" / "log.csv")) >= 1
