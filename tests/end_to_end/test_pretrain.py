"""``zoobot pretrain``: killed and resumed, on two processes, and with bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

SCRIPT = Path(sys.executable).with_name("zoobot")


@pytest.fixture(scope="module")
def options(galaxies) -> list[object]:
    """Return the options of a short run on simulated galaxies, a catalog with another tree, and unlabelled cutouts."""
    return [
        "--architecture", "test_convnext", "--galaxies", "simulated", "--tree", "gz2",
        "--galaxies", galaxies / "catalog.csv", "--tree", galaxies / "tree.yaml",
        "--unlabelled", galaxies / "catalog.csv", "--size", 32, "--images", 240, "--batch-size", 8,
        "--report-images", 80, "--val-galaxies", 8, "--accelerator", "cpu", "--workers", 0, "--save-steps", 3,
        "--precision", "float32",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole(options, zoobot_command, tmp_path_factory) -> Path:
    """Return the folder of an uninterrupted run in one process."""
    out = tmp_path_factory.mktemp("whole") / "run"
    answer = zoobot_command("pretrain", out, *options)
    assert answer.code == 0, answer.out + answer.err
    assert "images in" in answer.out
    return out


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "encoder" / "model.safetensors")


def test_killed_and_resumed_equals_uninterrupted(whole, options, zoobot_command, tmp_path):
    out, last = tmp_path / "run", tmp_path / "run" / "checkpoints" / "last.ckpt"
    command = [*map(str, [SCRIPT, "pretrain", out, *options])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 240
        while not last.is_file():
            assert process.poll() is None, f"it ended before it could be killed: {process.communicate()[1]}"
            assert time.monotonic() < until
            time.sleep(0.005)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert not (out / "encoder").exists()
    refused = zoobot_command("pretrain", out, *options)
    assert refused.code == 2
    assert "--resume" in refused.err
    refused = zoobot_command("pretrain", out, *options, "--resume", "--seed", 7)
    assert refused.code == 2
    assert "seed was 42 and is now 7" in refused.err

    answer = zoobot_command("pretrain", out, *options, "--resume")
    assert answer.code == 0, answer.out + answer.err
    assert (out / "encoder" / "model.safetensors").read_bytes() == (
        whole / "encoder" / "model.safetensors"
    ).read_bytes()
    logs = [pd.read_csv(folder / "log.csv") for folder in (out, whole)]
    pd.testing.assert_frame_equal(*logs, check_exact=True, check_like=True)


def test_two_processes_equal_one(whole, options, tmp_path):
    out = tmp_path / "run"
    command = [*map(str, [SCRIPT, "pretrain", out, *options, "--devices", 2])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = weights(whole), weights(out)
    for name, tensor in one.items():  # a share that is weighted wrongly, or left out, changes weights by 1e-3 and more
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=1e-4)
    logs = [pd.read_csv(folder / "log.csv") for folder in (out, whole)]
    pd.testing.assert_frame_equal(*logs, rtol=1e-3, check_like=True)
    assert json.loads((out / "run.json").read_text())["result"]["machine"].endswith("2 processes")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--architecture", "convnext_atto"], "images"),
        (["--architecture", "convnext_otto", "--images", 8], "unknown encoder"),
        (["--images", 8], "exactly one of architecture"),
        (["--architecture", "convnext_atto", "--images", 8, "--accelerator", "abacus"], "abacus"),
        (["--architecture", "convnext_atto", "--images", 8, "--survey", "lsst"], "lsst"),
        (["--architecture", "convnext_atto", "--images", 8, "--tree", "gz3"], "gz3"),
        (["--architecture", "convnext_atto", "--images", 8, "--galaxies", "none.csv", "--tree", "gz2"], "none.csv"),
    ],
)
def test_bad_input_is_one_message(zoobot_command, tmp_path, wrong, message):
    answer = zoobot_command("pretrain", tmp_path / "run", *wrong)
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err
