"""Runs from start to end: what is written, that they learn, resume exactly, and refuse what doesn't fit."""

import json

import pandas as pd
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from safetensors.torch import load_file

import datasets
from zoobot import load_encoder
from zoobot.encoders import save_encoder
from zoobot.errors import CatalogError, EncoderError, OptionError, OutputError
from zoobot.pretrain import PretrainData, pretrain_run
from zoobot.pretrain import run as run_module
from zoobot.pretrain.callbacks import StepCheckpoint
from zoobot.pretrain.run import build_encoder
from zoobot.simulate import TRUTH_TARGETS


class PowerCut(Callback):
    """Interrupts training as a crash would."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == self.step:
            msg = "power cut"
            raise RuntimeError(msg)


def weights(out) -> dict[str, torch.Tensor]:
    return load_file(out / "encoder" / "model.safetensors")


def mixed(quick, voted, **options):
    """Settings with everything: simulated galaxies, two catalogs with a tree each, and unlabelled cutouts."""
    return quick(
        galaxies=("simulated", str(voted / "votes.csv"), str(voted / "other.csv")),
        trees=("gz2", str(voted / "tree.yaml"), str(voted / "other.yaml")),
        unlabelled=str(voted / "unlabelled.csv"),
        **options,
    )


def test_a_run_on_everything(quick, voted, tmp_path):
    settings = mixed(quick, voted, surveys=("decals", "sdss"), save_steps=3)
    result = pretrain_run(settings, tmp_path)
    assert result["images"] == 96
    assert result["steps"] == 12

    log = pd.read_csv(tmp_path / "log.csv")
    assert log["epoch"].tolist() == [0, 1, 2]
    assert log.notna().all(axis=None)
    for part in ("train", "val"):
        assert {
            f"pretraining/{part}_votes/{name}" for name in ("gz2", "tree", "other", "tree/shape", "gz2/bar-gz2")
        } <= set(log)
        assert {f"pretraining/{part}_truth/{target}" for target in TRUTH_TARGETS} <= set(log)
    assert {f"pretraining/train_unlabelled/{name}" for name in ("alike", "spread", "independent")} <= set(log)
    assert log["learning_rate"].iloc[-1] < log["learning_rate"].iloc[0]
    assert result["scores"]["votes/tree"] == pytest.approx(log["pretraining/val_votes/tree"].iloc[-1], abs=1e-5)

    encoder = load_encoder(tmp_path / "encoder")
    assert encoder.image_size == settings.image_size
    config = json.loads((tmp_path / "encoder" / "config.json").read_text())
    assert config["pretraining"] == settings.to_dict()
    of_checkpoint = load_encoder(tmp_path / "checkpoints" / "last.ckpt")
    assert all(torch.equal(one, of_checkpoint.state_dict()[name]) for name, one in encoder.state_dict().items())
    assert json.loads((tmp_path / "run.json").read_text())["result"] == result
    card = (tmp_path / "encoder" / "README.md").read_text()
    for words in ("**simulated** sdss", "`votes.csv`", "without labels", "images in 12 steps", "votes/gz2"):
        assert words in card


def test_training_learns(quick, voted, tmp_path):
    settings = quick(
        galaxies=(str(voted / "votes.csv"),), trees=(str(voted / "tree.yaml"),), epochs=30.0, ema_decay=0.9,
        architecture="test_resnet", report_images=400, batch_size=16, learning_rate=3e-3, val_fraction=0.25,
    )  # fmt: skip
    pretrain_run(settings, tmp_path)
    log = pd.read_csv(tmp_path / "log.csv")
    assert log["pretraining/val_votes/tree"].iloc[-1] < log["pretraining/val_votes/tree"].iloc[0] - 0.5
    assert log["pretraining/train_votes/tree"].iloc[-1] < log["pretraining/train_votes/tree"].iloc[0] - 0.5


@pytest.mark.parametrize("step", [2, 6, 8])
def test_resuming_equals_going_on(quick, voted, tmp_path, monkeypatch, step):
    settings = mixed(
        quick, voted, save_steps=3, drop_path=0.2
    )  # 4 steps an epoch: it stops before, inside and at the end of one
    pretrain_run(settings, tmp_path / "whole")
    make_trainer = run_module.make_trainer
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "make_trainer", lambda *args: _with(make_trainer(*args), PowerCut(step)))
        with pytest.raises(RuntimeError, match="power cut"):
            pretrain_run(settings, tmp_path / "broken")
    torch.manual_seed(99)  # the resumed process has another history of random numbers
    pretrain_run(settings, tmp_path / "broken", resume=True)
    whole, broken = weights(tmp_path / "whole"), weights(tmp_path / "broken")
    assert all(torch.equal(tensor, broken[name]) for name, tensor in whole.items())
    logs = [pd.read_csv(tmp_path / name / "log.csv") for name in ("whole", "broken")]
    pd.testing.assert_frame_equal(*logs, check_exact=True, check_like=True)


def _with(trainer, callback):
    trainer.callbacks.insert(0, callback)
    return trainer


def test_a_finished_run_resumed_gives_the_same_again(quick, tmp_path):
    settings = quick(images=16, report_images=16)
    first = pretrain_run(settings, tmp_path)
    wanted = (tmp_path / "encoder" / "model.safetensors").read_bytes()
    (tmp_path / "encoder" / "model.safetensors").unlink()
    assert pretrain_run(settings, tmp_path, resume=True)["scores"] == first["scores"]
    assert (tmp_path / "encoder" / "model.safetensors").read_bytes() == wanted


def test_runs_are_not_mixed(quick, tmp_path):
    settings = quick(images=8)
    pretrain_run(settings, tmp_path)
    with pytest.raises(OutputError, match="already holds a run"):
        pretrain_run(settings, tmp_path)
    with pytest.raises(OptionError, match="seed was 42 and is now 7"):
        pretrain_run(quick(images=8, seed=7), tmp_path, resume=True)
    with pytest.raises(OptionError, match="contradict"):
        pretrain_run(settings, tmp_path, resume=True, overwrite=True)
    pretrain_run(quick(images=8, num_workers=1), tmp_path, resume=True)
    before = weights(tmp_path)
    pretrain_run(quick(images=8, seed=7), tmp_path, overwrite=True)
    assert any(not torch.equal(tensor, before[name]) for name, tensor in weights(tmp_path).items())


def test_checkpoints_by_minutes(quick, tmp_path, monkeypatch):
    saved = []
    save = StepCheckpoint._save
    monkeypatch.setattr(
        StepCheckpoint, "_save", lambda callback, trainer: saved.append(trainer.global_step) or save(callback, trainer)
    )
    pretrain_run(quick(images=200, report_images=200, save_minutes=0.0), tmp_path)
    assert saved == [10, 20, 25]


def test_going_on_from_given_weights(quick, tmp_path):
    start = pretrain_run(quick(images=8), tmp_path / "start")
    assert start["steps"] == 1
    given = load_encoder(tmp_path / "start" / "encoder")
    settings = quick(
        encoder=str(tmp_path / "start" / "encoder"), images=8, learning_rate=1e-12, ema_decay=0.0, weight_decay=0.0
    )
    pretrain_run(settings, tmp_path / "on")
    after = load_encoder(tmp_path / "on" / "encoder")
    for name, tensor in given.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], tensor, rtol=1e-6, atol=1e-8)
    assert after.config.mean == given.config.mean


def test_a_hugging_face_set_with_workers(quick, voted, tmp_path):
    frame = pd.read_csv(voted / "votes.csv")
    columns = {name: frame[name].tolist() for name in ("shape_round", "shape_flat", "width_large", "width_small")}
    files = [{"bytes": (voted / name).read_bytes(), "path": None} for name in frame["file_loc"]]
    table = datasets.Dataset.from_dict({"image": files, **columns}).cast_column("image", datasets.Image())
    table.save_to_disk(tmp_path / "set")
    tree = str(voted / "tree.yaml")
    options = {"trees": (tree,), "images": 24, "report_images": 16, "ema_decay": 0.0}
    for out, source, workers in (("hf", f"hf:{tmp_path / 'set'}", 1), ("catalog", str(voted / "votes.csv"), 0)):
        pretrain_run(quick(galaxies=(source,), num_workers=workers, **options), tmp_path / out)
    hf, catalog = weights(tmp_path / "hf"), weights(tmp_path / "catalog")
    assert all(torch.equal(tensor, catalog[name]) for name, tensor in hf.items())


def test_validation_galaxies_are_never_trained_on(quick, voted):
    data = PretrainData(mixed(quick, voted))
    shown = {row for step in range(40) for row in data.plan.step(step).real.rows}
    assert shown == set(range(len(data.train_set)))
    for one in data.real:
        assert not set(one.rows["train"]) & set(one.rows["val"])


def test_processes_share_validation_and_none_goes_without(quick, voted, monkeypatch):
    data = PretrainData(
        mixed(quick, voted, batch_size=60, unlabelled_batch_size=8, val_galaxies=61)
    )  # two batches of simulated galaxies, one of real ones
    data.setup()
    found = []
    for rank in range(4):
        monkeypatch.setattr(data, "_place", lambda rank=rank: (rank, 4))
        found.append([data.on_after_batch_transfer(batch, 0) for batch in data.val_dataloader()])
    assert [[len(batch.get("image", ())) for batch in batches] for batches in found] == [
        [60],
        [1],
        [len(data.val_set)],
        [0],
    ]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"architecture": "convnext_otto"}, EncoderError, "did you mean"),
        ({"encoder": "no/such/folder"}, OSError, "no folder or checkpoint"),
        ({"galaxies": ("missing.csv",)}, CatalogError, "no catalog at"),
        ({"accelerator": "abacus"}, OptionError, "accelerator='abacus' with devices=1 can't be had"),
        ({"sync_batchnorm": True}, OptionError, "GPUs only"),
        ({"unlabelled": "missing.csv"}, CatalogError, "no catalog at"),
    ],
)
def test_bad_input_is_found_before_anything_is_written(quick, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        pretrain_run(quick(**options), tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()


def test_architectures_of_one_size_are_built_for_it(quick, tmp_path):
    encoder = build_encoder(quick(architecture="test_vit", image_size=48))
    assert encoder.config.fixed_image_size
    assert encoder(torch.rand(1, 3, 48, 48)).shape == (1, encoder.num_features)
    save_encoder(encoder, tmp_path, card="")
    with pytest.raises(EncoderError, match="48 pixels only: set image_size=48"):
        build_encoder(quick(encoder=str(tmp_path)))


def test_drop_path_is_for_training_only(quick):
    encoder = build_encoder(quick(drop_path=0.3))
    assert encoder.config.model_args == {}
    assert any(getattr(module, "drop_prob", 0) for module in encoder.modules())
    with pytest.raises(OptionError, match="can't have drop_path"):
        build_encoder(quick(architecture="vgg11", drop_path=0.3))


def test_a_catalog_of_another_campaign_is_refused(quick, voted, tmp_path):
    with pytest.raises(CatalogError, match="vote columns of tree 'gz2'"):
        pretrain_run(quick(galaxies=(str(voted / "votes.csv"),)), tmp_path)


def test_an_unwritable_folder_is_named(quick, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file, expected a folder"):
        pretrain_run(quick(), tmp_path / "file" / "run")
