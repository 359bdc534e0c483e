"""``--overwrite`` replaces a run by a whole one or leaves it as it was; no command deletes what it reads."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(sys.executable).with_name("zoobot")


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(finetune, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("overwrite") / "run"
    finetune(out, "--label", "ring", "--epochs", 1)
    return out


@pytest.fixture(scope="module")
def pretrained(zoobot_command, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("overwrite") / "pretrained"
    assert zoobot_command("pretrain", out, *PRETRAIN).code == 0
    return out


PRETRAIN = (
    "--architecture", "test_convnext", "--images", 16, "--batch-size", 8, "--val-galaxies", 8, "--size", 32,
    "--accelerator", "cpu", "--workers", 0,
)  # fmt: skip

MISTAKES = {
    "label": ("--label", "rong"),
    "catalog": ("none.csv", "--label", "ring"),
    "test": ("--label", "ring", "--test", "none.csv"),
    "encoder": ("--label", "ring", "--encoder", "convnext_otto"),
    "folds 1": ("--label", "ring", "--folds", 1),
    "folds -3": ("--label", "ring", "--folds", -3),
    "folds 1000": ("--label", "ring", "--folds", 1000),
    "tree": ("--tree", "gz3"),
    "group": ("--label", "ring", "--group-col", "tile"),
    "blocks": ("--label", "ring", "--blocks", 99),
    "crop": ("--label", "ring", "--crop", 7),
    "decay": ("--label", "ring", "--ema-decay", 2),
    "channels": ("--label", "ring", "--channels", 7),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_costs_no_run(mistake, whole, galaxies, quick, zoobot_command):
    before = hashes(whole)
    words = MISTAKES[mistake]
    catalog, options = (galaxies / "catalog.csv", words) if str(words[0]).startswith("--") else (words[0], words[1:])
    answer = zoobot_command("finetune", catalog, "--out", whole, *quick, *options, "--overwrite")
    assert answer.code == 2, answer.out
    assert "Traceback" not in answer.err
    assert hashes(whole) == before


@pytest.mark.parametrize(
    "options",
    [
        ("--architecture", "convnext_otto"),
        ("--galaxies", "none.csv", "--tree", "gz2"),
        ("--tree", "gz3"),
        ("--accelerator", "abacus"),
    ],
)
def test_a_mistake_costs_no_pretrained_encoder(options, pretrained, zoobot_command):
    before = hashes(pretrained)
    answer = zoobot_command("pretrain", pretrained, *PRETRAIN, *options, "--overwrite")
    assert answer.code == 2, answer.out
    assert hashes(pretrained) == before


def test_an_input_among_what_would_be_deleted_is_refused(whole, galaxies, quick, zoobot_command, pretrained, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    frame = pd.read_csv(galaxies / "catalog.csv")
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    frame.to_csv(out / "checkpoints" / "c.csv", index=False)
    (out / "plots").mkdir()
    for name in frame["file_loc"]:
        shutil.copy(name, out / "plots")
    frame.assign(file_loc=[str(out / "plots" / Path(name).name) for name in frame["file_loc"]]).to_csv(
        tmp_path / "plots.csv", index=False
    )
    frame.to_csv(tmp_path / "c.csv", index=False)
    shutil.copytree(galaxies, out / "folds", ignore=shutil.ignore_patterns("images"))
    before, c = hashes(out), tmp_path / "c.csv"
    for catalog, options in {
        out / "checkpoints" / "c.csv": ("--label", "ring"),
        tmp_path / "plots.csv": ("--label", "ring"),
        c: ("--label", "ring", "--encoder", out / "model"),
        tmp_path / "." / "c.csv": ("--label", "ring", "--test", out / "checkpoints" / "c.csv"),
        tmp_path / ".." / tmp_path.name / "c.csv": ("--tree", out / "folds" / "tree.yaml"),
    }.items():
        answer = zoobot_command("finetune", catalog, "--out", out, *quick, *options, "--overwrite")
        assert answer.code == 2 and "would be written over or deleted" in answer.err, (options, answer.err)
    assert hashes(out) == before
    before = hashes(pretrained)
    options = [*PRETRAIN[2:], "--encoder", pretrained / "encoder"]
    answer = zoobot_command("pretrain", pretrained, *options, "--overwrite")
    assert answer.code == 2 and "would be written over or deleted" in answer.err
    assert hashes(pretrained) == before


def test_the_demonstration_deletes_no_other_run(whole, zoobot_command):
    before = hashes(whole)
    answer = zoobot_command("demo", "--out", whole)
    assert answer.code == 2 and "which the demonstration would delete" in answer.err
    assert hashes(whole) == before


def test_killed_before_its_first_checkpoint_the_earlier_run_comes_back(
    whole, galaxies, quick, zoobot_command, tmp_path
):
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    before = hashes(out)
    options = [*quick, "--label", "shape", "--epochs", 100000, "--blocks", -1, "--batch-size", 1]
    command = [SCRIPT, "finetune", galaxies / "catalog.csv", "--out", out, *options, "--overwrite"]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 120
        while not (out / ".earlier-run" / "all-moved").exists():
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    answer = zoobot_command("finetune", galaxies / "catalog.csv", "--out", out, *quick, "--label", "ring")
    assert answer.code == 2 and "already holds a run" in answer.err
    assert hashes(out) == before


def test_overwritten_run_leaves_nothing_of_the_earlier(whole, finetune, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    (out / "checkpoints" / "epoch=7.ckpt").write_text("older")
    (out / "report.html").write_text("older")
    finetune(out, "--label", "shape", "--epochs", 2, "--overwrite")
    assert json.loads((out / "run.json").read_text())["label_cols"] == ["shape"]
    assert not (out / "report.html").exists() and not (out / "checkpoints" / "epoch=7.ckpt").exists()
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
