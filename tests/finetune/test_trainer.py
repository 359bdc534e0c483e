"""The trainer: what it keeps, when it stops, and that resuming repeats an uninterrupted run."""

from pathlib import Path

import lightning as L
import pandas as pd
import pytest
import torch
from tests.galaxies import tiny_encoder

from zoobot import GalaxyDataModule
from zoobot.errors import OptionError, OutputError
from zoobot.finetune import FinetuneableZoobotClassifier, get_trainer
from zoobot.precision import training_pass


def parts(catalog: Path, n_blocks: int = 2) -> tuple[FinetuneableZoobotClassifier, GalaxyDataModule]:
    torch.manual_seed(0)
    model = FinetuneableZoobotClassifier(
        2, encoder=tiny_encoder(), n_blocks=n_blocks, learning_rate=1e-3, cosine_schedule=True, max_cosine_epochs=6
    )
    return model, GalaxyDataModule("label", catalog, image_size=32, batch_size=16, num_workers=0)


def trainer(folder: Path, **options: object) -> L.Trainer:
    settings = {"accelerator": "cpu", "enable_progress_bar": False, **options}
    return get_trainer(folder, **settings)  # type: ignore[arg-type]


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


@pytest.mark.parametrize("fast", [True, False])
def test_blocks_train_in_bfloat16_where_that_is_fast(
    fast: bool, catalog_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoobot.precision.is_fast_in_bfloat16", lambda device: fast)
    seen = {}
    losses = {}
    for precision in ("auto", "float32"):
        model, galaxies = parts(catalog_file, n_blocks=-1)
        convolutions = [module for module in model.encoder.modules() if isinstance(module, torch.nn.Conv2d)]
        last_conv = [module for module in convolutions if module.kernel_size != (1, 1)][-1]
        last_conv.register_forward_hook(
            lambda module, _, out, key=precision: seen.update(
                {key: (out.dtype, module.weight.is_contiguous(memory_format=torch.channels_last))}
            )
        )
        model.head.register_forward_hook(lambda _, given, out: seen.update(head=(given[0].dtype, out.dtype)))
        run = trainer(tmp_path / precision, max_epochs=3, precision=precision)
        run.fit(model, galaxies)
        losses[precision] = pd.read_csv(tmp_path / precision / "log.csv")["finetuning/train_loss"]
        assert model.trains_in == torch.float32
        assert last_conv.weight.is_contiguous()
    assert seen["auto"] == (torch.bfloat16 if fast else torch.float32, True)
    assert seen["float32"] == (torch.float32, False)
    assert seen["head"] == (torch.float32, torch.float32)
    assert losses["auto"].tolist() == pytest.approx(losses["float32"].tolist(), rel=0.05)


def test_networks_of_depthwise_convolutions_train_in_float32_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoobot.precision.is_fast_in_bfloat16", lambda device: True)
    wanted = {"test_efficientnet": torch.float32, "convnext_atto": torch.bfloat16, "test_resnet": torch.bfloat16}
    for name, dtype in wanted.items():
        with training_pass(tiny_encoder(name), torch.device("cpu"), "auto") as chosen:
            assert chosen == dtype, name
        with training_pass(tiny_encoder(name), torch.device("cuda"), "auto") as chosen:
            assert chosen == torch.bfloat16


@pytest.mark.parametrize(("n_blocks", "cached", "threads"), [(0, True, 1), (0, False, 3), (1, True, 3)])
def test_a_head_trains_from_features_on_one_core(
    n_blocks: int, cached: bool, threads: int, catalog_file: Path, tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        model, galaxies = parts(catalog_file, n_blocks=n_blocks)
        seen = set()
        model.head.register_forward_hook(lambda *_: seen.add(torch.get_num_threads()))
        trainer(tmp_path, max_epochs=1, feature_cache=cached).fit(model, galaxies)
        assert seen == {threads}
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_an_average_must_forget(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="ema_decay=.* must be above 0 and below 1"):
        trainer(tmp_path, ema_decay=1.0)


def test_two_processes_train_as_one_model(catalog_file: Path, tmp_path: Path) -> None:
    """Data-parallel training on two CPU processes ends with the same weights in both and scores every galaxy."""
    model, galaxies = parts(catalog_file)
    run = trainer(tmp_path, max_epochs=1, devices=2, strategy="ddp_spawn")
    run.fit(model, galaxies)
    assert run.checkpoint_callback is not None
    log = pd.read_csv(tmp_path / "log.csv")
    assert log["finetuning/val_loss"].notna().all()
