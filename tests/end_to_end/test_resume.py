"""A run that is killed and resumed ends where an uninterrupted one does, bit for bit."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from tests.end_to_end.outcome import outcome

from zoobot.data.rows import EpochSampler

SCRIPT = Path(sys.executable).with_name("zoobot")
EPOCHS = 12
OPTIONS = ("--label", "shape", "--blocks", -1, "--epochs", EPOCHS, "--patience", 5, "--batch-size", 16)
RESULTS = ("model/model.safetensors", "model/config.json", "metrics.json", "predictions.csv")


@pytest.fixture(scope="module")
def whole(finetune, tmp_path_factory) -> Path:
    """Return the folder of an uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "run"
    finetune(out, *OPTIONS)
    return out


@pytest.fixture(scope="module")
def killed(galaxies, quick, tmp_path_factory) -> Path:
    """Return the folder of a run that was killed once its second epoch was done."""
    out = tmp_path_factory.mktemp("killed") / "run"
    command = [SCRIPT, "finetune", galaxies / "catalog.csv", "--out", out, *quick, *OPTIONS]
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 120
        while not (epochs_done(out) >= 2 and (out / "checkpoints" / "last.ckpt").is_file()):
            assert process.poll() is None, f"it ended before it could be killed: {process.communicate()[1]}"
            assert time.monotonic() < until
            time.sleep(0.005)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert 2 <= epochs_done(out) < EPOCHS
    assert not (out / "metrics.json").exists()
    return out


def epochs_done(out: Path) -> int:
    log = out / "log.csv"
    return len(log.read_text().splitlines()) - 1 if log.is_file() else 0


def test_killed_and_resumed_equals_uninterrupted(whole, killed, finetune, zoobot_command, galaxies, quick, monkeypatch):
    command = ("finetune", galaxies / "catalog.csv", "--out", killed, *quick, *OPTIONS)
    before = (killed / "checkpoints" / "last.ckpt").read_bytes()

    refused = zoobot_command(*command)
    assert refused.code == 2
    assert "--resume" in refused.err
    refused = zoobot_command(*command, "--resume", "--seed", 7)
    assert refused.code == 2
    assert "seed was 42 and is now 7" in refused.err
    assert (killed / "checkpoints" / "last.ckpt").read_bytes() == before

    trained = []
    started = EpochSampler.__iter__
    monkeypatch.setattr(EpochSampler, "__iter__", lambda sampler: trained.append(sampler.epoch()) or started(sampler))
    finetune(killed, *OPTIONS, "--resume")
    assert trained[0] >= 1
    assert trained == list(range(trained[0], len(pd.read_csv(whole / "log.csv"))))
    for name in RESULTS:
        assert outcome(killed, name) == outcome(whole, name), name
    logs = [pd.read_csv(out / "log.csv") for out in (killed, whole)]
    assert logs[0]["epoch"].is_unique
    pd.testing.assert_frame_equal(*logs, check_exact=True)


def test_a_finished_run_resumed_gives_the_same_again(whole, finetune):
    wanted = {name: outcome(whole, name) for name in (*RESULTS, "log.csv")}
    (whole / "metrics.json").unlink()
    (whole / "model" / "model.safetensors").unlink()
    answer = finetune(whole, *OPTIONS, "--resume")
    assert {name: outcome(whole, name) for name in wanted} == wanted
    assert str(whole / "metrics.json") in answer.out


def test_a_run_that_stopped_early_is_finished(finetune, tmp_path):
    options = ("--label", "shape", "--blocks", -1, "--epochs", 40, "--patience", 1, "--learning-rate", 0.1)
    finetune(tmp_path, *options)
    wanted = {name: outcome(tmp_path, name) for name in (*RESULTS, "log.csv")}
    assert epochs_done(tmp_path) < 40
    finetune(tmp_path, *options, "--resume")
    assert {name: outcome(tmp_path, name) for name in wanted} == wanted


def test_more_epochs_go_on_from_a_finished_run(finetune, tmp_path):
    options = ("--label", "ring", "--batch-size", 16, "--patience", 50)
    finetune(tmp_path / "long", *options, "--epochs", 4)
    finetune(tmp_path / "short", *options, "--epochs", 2)
    finetune(tmp_path / "short", *options, "--epochs", 4, "--resume")
    for name in ("model/model.safetensors", "log.csv", "metrics.json"):
        assert outcome(tmp_path / "short", name) == outcome(tmp_path / "long", name), name


def test_a_run_of_an_earlier_version_goes_on(finetune, tmp_path):
    options = ("--label", "ring", "--blocks", 1, "--batch-size", 16, "--patience", 50)
    finetune(tmp_path / "whole", *options, "--epochs", 3)
    finetune(tmp_path / "run", *options, "--epochs", 2)
    record = tmp_path / "run" / "run.json"
    settings = json.loads(record.read_text())
    earlier = {
        was: settings[now] for was, now in (("blocks", "n_blocks"), ("epochs", "max_epochs"), ("test", "test_catalog"))
    }
    kept = (
        "catalog",
        "label_cols",
        "encoder",
        "pretrained",
        "patience",
        "batch_size",
        "image_size",
        "learning_rate",
        "seed",
        "num_workers",
    )
    record.write_text(json.dumps(earlier | {name: settings[name] for name in kept}))
    finetune(tmp_path / "run", *options, "--epochs", 3, "--resume")
    for name in ("model/model.safetensors", "log.csv"):
        assert outcome(tmp_path / "run", name) == outcome(tmp_path / "whole", name), name
    assert json.loads(record.read_text())["format_version"] == 2


def test_fewer_epochs_than_were_done_are_refused(whole, zoobot_command, galaxies, quick):
    command = ("finetune", galaxies / "catalog.csv", "--out", whole, *quick, *OPTIONS)
    answer = zoobot_command(*command, "--epochs", 1, "--resume")
    assert answer.code == 2
    assert "epochs" in answer.err
    assert "Traceback" not in answer.err


def test_resume_without_a_run_starts_one(finetune, tmp_path):
    finetune(tmp_path / "run", "--label", "ring", "--epochs", 1, "--resume")
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]["n"] > 0


def test_overwrite_replaces_a_run(finetune, tmp_path):
    finetune(tmp_path / "first", "--label", "ring", "--epochs", 2)
    finetune(tmp_path / "first", "--label", "shape", "--epochs", 1, "--overwrite")
    finetune(tmp_path / "second", "--label", "shape", "--epochs", 1)
    assert tree_of(tmp_path / "first") == tree_of(tmp_path / "second")
    for name in (*RESULTS, "log.csv"):
        assert outcome(tmp_path / "first", name) == outcome(tmp_path / "second", name), name


def test_resume_and_overwrite_contradict_each_other(whole, zoobot_command, galaxies, quick):
    before = tree_of(whole)
    command = ("finetune", galaxies / "catalog.csv", "--out", whole, *quick, *OPTIONS)
    answer = zoobot_command(*command, "--resume", "--overwrite")
    assert answer.code == 2
    assert tree_of(whole) == before


def tree_of(folder: Path) -> list[str]:
    """Return the files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("run.json", None, "not run.json, which says what they are of"),
        ("run.json", b"", "can't be read as JSON"),
        ("run.json", b"[1]", "holds a list"),
        ("run.json", b"{}", "says nothing of a run's settings"),
        ("run.json", b"null", "holds a NoneType"),
        ("run.json", b"[" * 10_000, "can't be read as JSON"),
        ("checkpoints/last.ckpt", b"", "damaged"),
        ("checkpoints/last.ckpt", b"PK\x03\x04 no archive", "damaged"),
        ("checkpoints/last.ckpt", {"epoch": 1}, "neither its epoch nor its best model"),
        ("checkpoints/last.ckpt", {"callbacks": {"x": []}, "epoch": "x"}, "neither its epoch nor its best model"),
    ],
)
@pytest.mark.parametrize("option", ["--resume", None])
def test_what_is_damaged_is_not_gone_on_with(
    name, content, words, option, whole, zoobot_command, galaxies, quick, tmp_path
):
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / name).unlink()
    if isinstance(content, bytes):
        (run / name).write_bytes(content)
    elif content is not None:
        torch.save(content, run / name)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    command = ("finetune", galaxies / "catalog.csv", "--out", run, *quick, *OPTIONS, *([option] if option else []))
    answer = zoobot_command(*command)
    assert answer.code == 2 and "Traceback" not in answer.err
    assert (words if option else "already holds a run") in answer.err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
