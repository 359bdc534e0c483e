"""A process that decodes images is killed, as for want of memory.

Every command that has such processes says so, with exit code 1.
"""

import os
import signal

import pytest
from tests.end_to_end.options import BASE, arguments

from zoobot.data import pixels
from zoobot.data.rows import Galaxies
from zoobot.pretrain.datamodule import StepGalaxies, ValidationGalaxies
from zoobot.stopping import workers_watched

DECODING = sorted(command for command, options in BASE.items() if "num_workers" in options and command != "pretrain")


@pytest.fixture(scope="module")
def run(finetune, tmp_path_factory):
    """A run without report."""
    out = tmp_path_factory.mktemp("workers") / "run"
    finetune(out, "--label", "ring", "--epochs", 1)
    return out


@pytest.fixture
def known(run, galaxies, encoder, tmp_path):
    """What stands in the commands."""
    return {"catalog": galaxies / "catalog.csv", "run": run, "encoder": encoder, "out": tmp_path / "out"}


def let_workers_die(monkeypatch, of, name: str) -> None:
    """Let every process but this one be killed when it calls a method."""
    here, method = os.getpid(), getattr(of, name)

    def call(*arguments):
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*arguments)

    monkeypatch.setattr(of, name, call)


def check(answer) -> None:
    assert answer.code == 1, answer.out + answer.err
    assert "Traceback" not in answer.out + answer.err
    errors = [line for line in answer.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and "a process that decodes images was killed" in errors[0]
    assert "for want of memory" in errors[0] and "--num-workers 1" in errors[0]


@pytest.mark.parametrize("command", DECODING)
def test_while_each_image_is_decoded_once(command, known, monkeypatch, zoobot_command):
    let_workers_die(monkeypatch, pixels.ImageFiles, "__getitem__")
    more = {"limit": 96} if command == "explain" else {}
    check(zoobot_command(*arguments(command, known, num_workers=1, **more)))


def test_while_images_are_decoded_in_each_epoch(known, monkeypatch, zoobot_command):
    monkeypatch.setattr(pixels, "_room_for", lambda *_: None)
    let_workers_die(monkeypatch, Galaxies, "__getitems__")
    check(zoobot_command(*arguments("finetune", known, num_workers=1, batch_size=8), "--no-feature-cache"))


@pytest.mark.parametrize("of", [StepGalaxies, ValidationGalaxies])
def test_while_an_encoder_is_pretrained(of, known, monkeypatch, zoobot_command):
    monkeypatch.setattr(pixels, "_room_for", lambda *_: None)
    let_workers_die(monkeypatch, of, "__getitem__")
    tree = known["catalog"].with_name("tree.yaml")
    check(zoobot_command(*arguments("pretrain", known, num_workers=1, galaxies=known["catalog"], tree=tree)))


def test_a_mistake_in_such_a_process_is_not_taken_for_that():
    said = "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback ..."
    with pytest.raises(RuntimeError, match="Caught") as error, workers_watched():
        raise RuntimeError(said)
    assert type(error.value) is RuntimeError
