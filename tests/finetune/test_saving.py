"""Saved models: complete, safe to load, and clear about what is wrong with a file."""

import json
from pathlib import Path

import pytest
import torch
from tests.galaxies import tiny_encoder

import zoobot
from zoobot import GalaxyDataModule
from zoobot.errors import EncoderError, ModelFileError, OutputError
from zoobot.finetune import (
    FinetuneableZoobotAbstract,
    FinetuneableZoobotClassifier,
    FinetuneableZoobotRegressor,
    FinetuneableZoobotTree,
    get_trainer,
)

IMAGES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def tasks() -> list[FinetuneableZoobotAbstract]:
    tree = {"questions": {"smooth": {"answers": ["yes", "no"]}}}
    models: list[FinetuneableZoobotAbstract] = [
        FinetuneableZoobotClassifier(
            3, encoder=tiny_encoder(), class_weights=[1, 2, 3], label_smoothing=0.1, head="mlp"
        ),
        FinetuneableZoobotClassifier(2, encoder=tiny_encoder("test_vit"), multi_label=True, n_blocks=1),
        FinetuneableZoobotRegressor(encoder=tiny_encoder("test_convnext"), loss="mae", num_targets=2),
        FinetuneableZoobotTree(tree, encoder=tiny_encoder(), n_blocks=-1),
    ]
    return models


@pytest.mark.parametrize("place", range(4))
def test_a_model_comes_back_as_it_was(place: int, tmp_path: Path) -> None:
    model = tasks()[place].eval()
    size = model.encoder.image_size if place == 1 else 32
    images = torch.rand(2, 3, size, size)
    model.label_cols, model.class_names = model.label_cols or ["ring"], ["no", "yes", "maybe"]
    again = zoobot.load(model.save(tmp_path / "model"))
    assert type(again) is type(model)
    assert torch.equal(again.predictions(again(images)), model.predictions(model(images)))
    assert again.options == model.options
    assert again.task_options() == model.task_options()
    assert (again.label_cols, again.class_names) == (model.label_cols, model.class_names)
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]
    assert not again.training


def test_a_checkpoint_holds_names_preprocessing_and_scale(catalog_file: Path, tmp_path: Path) -> None:
    galaxies = GalaxyDataModule("size", catalog_file, image_size=32, crop=0.9, stretch="sqrt", num_workers=0)
    model = FinetuneableZoobotRegressor(encoder=tiny_encoder(), learning_rate=1e-2)
    trainer = get_trainer(tmp_path, accelerator="cpu", max_epochs=1, enable_progress_bar=False)
    trainer.fit(model, galaxies)
    best = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    again = FinetuneableZoobotRegressor.load_from_checkpoint(best)
    assert again.label_cols == ["size"]
    assert again.preprocessing == galaxies.preprocessing
    assert torch.equal(again.target_mean, model.target_mean)
    assert torch.equal(again(IMAGES), model.eval()(IMAGES))
    encoder = zoobot.load_encoder(tmp_path / "checkpoints" / "last.ckpt")
    assert torch.equal(encoder(IMAGES), model.encoder(IMAGES))
    onward = FinetuneableZoobotClassifier(2, zoobot_checkpoint_loc=tmp_path / "checkpoints" / "last.ckpt")
    assert torch.equal(onward.encoder(IMAGES), model.encoder(IMAGES))


def test_a_model_with_a_larger_seed_than_is_taken_now_loads(tmp_path: Path) -> None:
    """Earlier versions took any seed that torch takes."""
    model = tasks()[3]
    model.options["seed"] = 2**40 + 3
    model.save(tmp_path)
    assert zoobot.load(tmp_path).options["seed"] == 3


def test_an_encoder_that_timm_cannot_build_must_be_given_again(tmp_path: Path) -> None:
    def own() -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())

    model = FinetuneableZoobotClassifier(2, encoder=own()).eval()
    model.save(tmp_path)
    with pytest.raises(EncoderError, match="encoder="):
        zoobot.load(tmp_path)
    assert torch.equal(zoobot.load(tmp_path, encoder=own())(IMAGES), model(IMAGES))


def test_loading_never_runs_code(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",))

    path = tmp_path / "trap.ckpt"
    torch.save({"zoobot": {"format": "zoobot", "format_version": 1}, "state_dict": {}, "extra": Trap()}, path)
    with pytest.raises(ModelFileError, match="could run code"):
        zoobot.load(path)
    assert not (tmp_path / "ran").exists()


def test_a_file_of_another_task_says_so(tmp_path: Path) -> None:
    FinetuneableZoobotClassifier(2, encoder=tiny_encoder()).save(tmp_path)
    with pytest.raises(ModelFileError, match="holds a FinetuneableZoobotClassifier, not a FinetuneableZoobotRegressor"):
        FinetuneableZoobotRegressor.load_from_checkpoint(tmp_path)


def damaged(folder: Path, how: str) -> Path:
    FinetuneableZoobotClassifier(2, encoder=tiny_encoder()).save(folder)
    config, weights = folder / "config.json", folder / "model.safetensors"
    if how == "newer":
        config.write_text(json.dumps({**json.loads(config.read_text()), "format_version": 99}))
    elif how == "cut weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif how == "cut config":
        config.write_text(config.read_text()[:100])
    elif how == "no weights":
        weights.unlink()
    elif how == "other weights":
        config.write_text(config.read_text().replace('"num_classes": 2', '"num_classes": 5'))
    elif how == "other task":
        config.write_text(config.read_text().replace("FinetuneableZoobotClassifier", "Galaxies"))
    return folder


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("newer", "saved by a newer zoobot"),
        ("cut weights", "damaged or was cut short"),
        ("cut config", "can't be read as JSON"),
        ("no weights", "is missing"),
        ("other weights", "doesn't fit this version"),
        ("other task", "Galaxies.load_from_checkpoint"),
    ],
)
def test_a_damaged_folder_says_how(how: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=message):
        zoobot.load(damaged(tmp_path, how))


def test_no_model_and_nowhere_to_save(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="best_model_path is empty"):
        FinetuneableZoobotClassifier.load_from_checkpoint("")
    with pytest.raises(ModelFileError, match="missing"):
        zoobot.load(tmp_path / "gone.ckpt")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't be written"):
        FinetuneableZoobotClassifier(2, encoder=tiny_encoder()).save(tmp_path / "file" / "model")
