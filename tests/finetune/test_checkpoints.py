"""Checkpoints: the best and newest models, whole, wherever training stops, and no more writing than that takes."""

import resource
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from tests.finetune.test_trainer import StopAfter, parts
from torch import Tensor

from zoobot.encoders.saved import read_pickled
from zoobot.errors import OutputError
from zoobot.finetune import FinetuneableZoobotClassifier, get_trainer
from zoobot.finetune.checkpoints import PatientCheckpointIO, _write


class Record(L.Callback):
    """Keeps the weights and validation loss of every epoch, and the largest change of each weight."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, Tensor]] = []
        self.losses: list[float] = []

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.epochs.append({name: tensor.clone() for name, tensor in pl_module.state_dict().items()})
        self.losses.append(float(trainer.callback_metrics["finetuning/val_loss"]))


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the checkpoint files as they are written."""
    names = []
    save = torch.save

    def counted(checkpoint: Any, path: Path) -> None:
        names.append(path.name)
        save(checkpoint, path)

    monkeypatch.setattr("zoobot.finetune.checkpoints.torch.save", counted)
    return names


@pytest.mark.parametrize("n_blocks", [0, 1, -1])
def test_the_best_model_is_what_it_was_at_its_epoch(
    n_blocks: int, catalog_file: Path, tmp_path: Path, writes: list[str]
) -> None:
    model, galaxies = parts(catalog_file, n_blocks=n_blocks)
    record = Record()
    run = get_trainer(tmp_path, accelerator="cpu", max_epochs=8, callbacks=[record])
    run.fit(model, galaxies)
    best = record.losses.index(min(record.losses))
    saved = read_pickled(Path(run.checkpoint_callback.best_model_path))  # type: ignore[union-attr]
    assert saved["epoch"] == best
    assert all(torch.equal(saved["state_dict"][name], tensor) for name, tensor in record.epochs[best].items())
    newest = read_pickled(tmp_path / "checkpoints" / "last.ckpt")
    assert all(torch.equal(newest["state_dict"][name], tensor) for name, tensor in record.epochs[-1].items())
    assert sum(loss == min(record.losses[: place + 1]) for place, loss in enumerate(record.losses)) > 2
    assert len(writes) < 8  # the first epoch's, the best, the newest, and what five more seconds ask for


@pytest.mark.parametrize("n_blocks", [0, 1, 2, -1])
def test_frozen_names_are_those_that_do_not_change(n_blocks: int, catalog_file: Path, tmp_path: Path) -> None:
    model, galaxies = parts(catalog_file, n_blocks=n_blocks)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    get_trainer(tmp_path, accelerator="cpu", max_epochs=1, feature_cache=False).fit(model, galaxies)
    same = {name for name, tensor in model.state_dict().items() if torch.equal(tensor, before[name])}
    assert model.frozen_names() == {name for name in same if name.startswith("encoder.")}


def test_a_run_that_breaks_leaves_its_best_model(catalog_file: Path, tmp_path: Path) -> None:
    model, galaxies = parts(catalog_file)
    run = get_trainer(tmp_path, accelerator="cpu", max_epochs=6, callbacks=[StopAfter(4)])
    with pytest.raises(RuntimeError, match="power cut"):
        run.fit(model, galaxies)
    best = run.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    FinetuneableZoobotClassifier.load_from_checkpoint(best)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {Path(best).name, "last.ckpt"}


def test_a_checkpoint_that_the_user_saves_is_there_at_once(catalog_file: Path, tmp_path: Path) -> None:
    model, galaxies = parts(catalog_file)
    run = get_trainer(tmp_path, accelerator="cpu", max_epochs=1)
    run.fit(model, galaxies)
    run.save_checkpoint(tmp_path / "mine.ckpt")
    assert (tmp_path / "mine.ckpt").is_file()


def test_what_is_replaced_stays_until_the_newer_is_written(tmp_path: Path) -> None:
    old, new = tmp_path / "old.ckpt", tmp_path / "new.ckpt"
    io = PatientCheckpointIO()
    io.save_checkpoint({"state_dict": {}}, old)
    weight = torch.zeros(2)
    with io.waiting(()):
        io.save_checkpoint({"state_dict": {"weight": weight}}, new)
        io.remove_checkpoint(old)
    weight += 1
    assert old.is_file()
    assert not new.exists()
    io.write()
    assert old.is_file()
    assert torch.equal(io.load_checkpoint(new, weights_only=True)["state_dict"]["weight"], torch.zeros(2))
    io.remove_replaced()
    assert not old.exists()


def test_the_moving_average_is_what_is_saved(catalog_file: Path, tmp_path: Path) -> None:
    class Steps(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:
            steps.append(pl_module.head[1].weight.detach().clone())  # type: ignore[union-attr]

    steps: list[Tensor] = []
    model, galaxies = parts(catalog_file, n_blocks=1)
    run = get_trainer(tmp_path, accelerator="cpu", max_epochs=2, ema_decay=0.5, callbacks=[Steps()])
    run.fit(model, galaxies)
    average = steps[0]
    for weight in steps[1:]:
        average = 0.5 * average + 0.5 * weight
    saved = read_pickled(tmp_path / "checkpoints" / "last.ckpt")["state_dict"]["head.1.weight"]
    torch.testing.assert_close(saved, average)
    torch.testing.assert_close(model.head[1].weight.detach(), average)
    assert not torch.equal(average, steps[-1])


def test_a_resumed_moving_average_goes_on_bit_for_bit(catalog_file: Path, tmp_path: Path) -> None:
    def train(name: str, *callbacks: L.Callback, ckpt_path: str | None = None) -> FinetuneableZoobotClassifier:
        model, galaxies = parts(catalog_file, n_blocks=1)
        run = get_trainer(tmp_path / name, accelerator="cpu", max_epochs=5, ema_decay=0.9, callbacks=list(callbacks))
        run.fit(model, galaxies, ckpt_path=ckpt_path)
        return model

    whole = train("whole")
    with pytest.raises(RuntimeError, match="power cut"):
        train("broken", StopAfter(3))
    resumed = train("broken", ckpt_path="last")
    assert all(torch.equal(tensor, resumed.state_dict()[name]) for name, tensor in whole.state_dict().items())


def test_a_full_disk_is_said_and_leaves_the_checkpoint_of_before(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    _write({"weight": torch.zeros(2)}, path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # as on a full disk, writing stops halfway
    try:
        with pytest.raises(
            OutputError, match=r"last.ckpt can't be written, for the disk is full .* MB left. Make room"
        ):
            _write({"weight": torch.zeros(1_000_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert torch.equal(torch.load(path)["weight"], torch.zeros(2))
    assert [one.name for one in tmp_path.iterdir()] == ["last.ckpt"]
