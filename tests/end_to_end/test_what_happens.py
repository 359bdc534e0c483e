"""Every message that docs/what_happens_when.md quotes is what a command says.

The exit code is the one that the page names.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.data.hostile import bomb
from tests.docs.pages import blocks_of
from tests.end_to_end.test_killed_workers import let_workers_die
from tests.test_files import disk_of

from zoobot.data.pixels import ImageFiles
from zoobot.finetune.checkpoints import NewestCheckpoint

SCRIPT = Path(sys.executable).with_name("zoobot")
QUOTES = [block for block in blocks_of("docs/what_happens_when.md") if block.language == "text"]


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """The folder of kept features, for the time in which the commands below run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOOBOT_CACHE", str(tmp_path_factory.mktemp("features")))
        yield Path(os.environ["ZOOBOT_CACHE"])


@pytest.fixture(scope="module")
def said(features, galaxies, quick, finetune, zoobot_command, tmp_path_factory) -> dict[str, tuple[int, str]]:
    """What commands said, with their exit codes, by what happened."""
    folder = tmp_path_factory.mktemp("happens")
    shutil.copytree(galaxies, folder / "galaxies")
    catalog, run = folder / "galaxies" / "catalog.csv", folder / "run"
    training = ("finetune", catalog, *quick, "--label", "ring", "--epochs", 2, "--out")
    predicting = ("predict", catalog, "--num-workers", 0, "--model")
    found: dict[str, tuple[int, str]] = {}

    def note(name: str, *words: object) -> None:
        answer = zoobot_command(*words)
        found[name] = (answer.code, " ".join((answer.err + answer.out).split()))

    finetune(run, "--label", "ring", "--epochs", 2, catalog=catalog)
    kept = list(features.glob("features/*/*"))
    assert kept
    for path in kept:
        path.write_bytes(b"")
    note("features", *training, folder / "again")
    stop_at_an_epoch(note, "Ctrl+C", signal.SIGINT, *training, folder / "stopped")
    stop_at_an_epoch(note, "SIGTERM", signal.SIGTERM, *training, folder / "stopped", "--resume")
    note("no results", "report", folder / "stopped")
    note("no model", *predicting, folder / "stopped", "--out", folder / "p.csv")
    (folder / "stopped" / ".unfinished").touch()
    note("not complete", "report", folder / "stopped")
    with disk_of(20_000):
        note("full", *training, folder / "full")
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run([SCRIPT, "models"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    found["stdout"] = (answer.returncode, answer.stderr.strip())
    note("run", *training, run)
    note("settings", *training, run, "--batch-size", 16, "--resume")
    note("epochs", *training, run, "--epochs", 1, "--resume")
    note("input", *predicting, run / "model", "--out", catalog)
    note("results", *predicting, run / "model", "--out", run / "predictions.csv")
    note("folder", "evaluate", catalog, "--model", run / "model", "--out", run)
    shutil.copy(run / "parts.csv", folder / "mine.csv")
    note("other", *predicting, run / "model", "--out", folder / "mine.csv")
    os.mkfifo(folder / "pipe.csv")
    note("pipe", *predicting, run / "model", "--out", folder / "pipe.csv")
    with pytest.MonkeyPatch.context() as patch:
        let_workers_die(patch, ImageFiles, "__getitem__")
        note("worker", *predicting[:2], "--num-workers", 1, "--model", run / "model", "--out", folder / "p.csv")
    bomb()(folder / "bomb.csv.gz")
    note("bomb", "predict", folder / "bomb.csv.gz", "--model", run / "model", "--out", folder / "p.csv")
    damage(note, folder, run, training, predicting)
    images = sorted((folder / "galaxies" / "images").iterdir())
    images[0].write_bytes(images[0].read_bytes()[:300])
    note("image", *predicting, run / "model", "--out", folder / "p.csv")
    assert not (folder / "p.csv").exists()
    note("skip", *predicting, run / "model", "--out", folder / "p.csv", "--on-error", "skip")
    images[0].unlink()
    note("missing", *predicting, run / "model", "--out", folder / "p.csv")
    shutil.copy(galaxies / "images" / images[0].name, images[0])
    pd.read_csv(catalog).drop(index=1).to_csv(catalog, index=False)
    note("changed", *training, run, "--resume")
    return found


def stop_at_an_epoch(note, name, number, *words) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NewestCheckpoint, "on_train_epoch_start", lambda *_: os.kill(os.getpid(), number), raising=False)
        note(name, *words)


def damage(note, folder, run, training, predicting) -> None:
    """Damage copies of a run's files, one at a time."""
    for name, file, change in (
        ("weights", "model/model.safetensors", lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]),
        ("config", "model/config.json", lambda content: content[:500]),
        ("checkpoint", "checkpoints/last.ckpt", lambda content: content[:5000]),
        ("arrays", "outcomes.safetensors", lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]),
        ("newer", "about.json", lambda content: json.dumps(json.loads(content) | {"format_version": 3}).encode()),
    ):
        copied = folder / name
        shutil.copytree(run, copied)
        (copied / file).write_bytes(change((copied / file).read_bytes()))
        if name == "checkpoint":
            note(name, *training, copied, "--resume")
        elif name in ("arrays", "newer"):
            note(name, "check", copied)
        else:
            note(name, *predicting, copied / "model", "--out", folder / "p.csv")


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: quote.name)
def test_a_command_says_so(quote, said):
    pattern = ".*".join(re.escape(part) for part in " ".join(quote.text.split()).split("..."))
    assert [name for name, (_, words) in said.items() if re.search(pattern, words)], quote.text


def test_exit_codes(said):
    codes = {name: code for name, (code, _) in said.items()}
    expected = {"Ctrl+C": 130, "SIGTERM": 143, "stdout": 74, "worker": 1, "features": 0, "skip": 0}
    assert codes == {name: expected.get(name, 2) for name in codes}
    assert "stopped by SIGTERM" in said["SIGTERM"][1]
