"""The trainer: what it keeps, when it stops, and that resuming repeats an uninterrupted run."""

from pathlib import Path

import lightning as L
import pandas as pd
import pytest
import torch
from tests.galaxies import tiny_encoder

from zoobot import GalaxyDataModule
from zoobot.errors import OutputError
from zoobot.finetune import FinetuneableZoobotClassifier, get_trainer


def parts(catalog: Path) -> tuple[FinetuneableZoobotClassifier, GalaxyDataModule]:
    torch.manual_seed(0)
    model = FinetuneableZoobotClassifier(
        2, encoder=tiny_encoder(), n_blocks=2, learning_rate=1e-3, cosine_schedule=True, max_cosine_epochs=6
    )
    return model, GalaxyDataModule("label", catalog, image_size=32, batch_size=16, num_workers=0)


def trainer(folder: Path, **options: object) -> L.Trainer:
    return get_trainer(folder, **{"accelerator": "cpu", "enable_progress_bar": False, **options})  # type: ignore[arg-type]


class StopAfter(L.Callback):
    """Interrupts training as a crash would: after the checkpoint of an epoch is written."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch == self.epoch:
            msg = "power cut"
            raise RuntimeError(msg)


def test_resuming_repeats_the_uninterrupted_run_bit_for_bit(catalog_file: Path, tmp_path: Path) -> None:
    whole, galaxies = parts(catalog_file)
    trainer(tmp_path / "whole", max_epochs=6).fit(whole, galaxies)

    broken, galaxies = parts(catalog_file)
    with pytest.raises(RuntimeError, match="power cut"):
        trainer(tmp_path / "broken", max_epochs=6, callbacks=[StopAfter(3)]).fit(broken, galaxies)
    resumed, galaxies = parts(catalog_file)
    torch.manual_seed(99)  # the resumed process has another history of random numbers
    trainer(tmp_path / "broken", max_epochs=6).fit(resumed, galaxies, ckpt_path="last")

    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert not torch.equal(broken.head[1].weight, whole.head[1].weight)
    logs = [pd.read_csv(tmp_path / run / "log.csv") for run in ("whole", "broken")]
    pd.testing.assert_frame_equal(logs[0], logs[1])


def test_early_stopping_and_the_best_checkpoint(catalog_file: Path, tmp_path: Path) -> None:
    model, galaxies = parts(catalog_file)
    model.options["learning_rate"] = 1.0  # diverges, so that the loss does not improve for long
    run = trainer(tmp_path, max_epochs=50, patience=2, save_top_k=1)
    run.fit(model, galaxies)
    losses = pd.read_csv(tmp_path / "log.csv")["finetuning/val_loss"]
    best = int(losses.idxmin())
    assert len(losses) == best + 3 < 50
    assert Path(run.checkpoint_callback.best_model_path).name == f"epoch={best}.ckpt"  # type: ignore[union-attr]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == sorted([f"epoch={best}.ckpt", "last.ckpt"])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't be written"):
        get_trainer(tmp_path / "file" / "run")


def test_lightning_options_pass_through(catalog_file: Path, tmp_path: Path) -> None:
    model, galaxies = parts(catalog_file)
    run = trainer(tmp_path, max_epochs=1, accumulate_grad_batches=2, logger=False, precision="bf16-mixed")
    run.fit(model, galaxies)
    assert run.global_step == 2
    assert not (tmp_path / "log.csv").exists()


def test_two_processes_train_as_one_model(catalog_file: Path, tmp_path: Path) -> None:
    """Data-parallel training on two CPU processes ends with the same weights in both and scores every galaxy."""
    model, galaxies = parts(catalog_file)
    run = trainer(tmp_path, max_epochs=1, devices=2, strategy="ddp_spawn")
    run.fit(model, galaxies)
    assert run.checkpoint_callback is not None
    log = pd.read_csv(tmp_path / "log.csv")
    assert log["finetuning/val_loss"].notna().all()
