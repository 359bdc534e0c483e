"""Training from kept features is training.

It has the same losses and weights as through the whole network, and is never stale.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image
from tests.finetune.test_tasks import OtherData
from tests.galaxies import make_catalog, tiny_encoder
from tests.guard import guarded
from torch import Tensor
from torchvision.transforms import v2 as transforms

from zoobot import GalaxyDataModule
from zoobot.data import Augmentation, read_catalog
from zoobot.encoders.imagenet import converted_model, original_weights
from zoobot.encoders.split import SplitEncoder
from zoobot.errors import LabelError, OptionError
from zoobot.finetune import FinetuneableZoobotClassifier, feature_cache, get_trainer
from zoobot.finetune.feature_cache import FeatureCache
from zoobot.finetune.feature_store import cache_size, clear_cache

EXACT = FeatureCache(views=3, precision="float32")
ARCHITECTURES = {
    "resnet18": {"drop_path_rate": 0.2},
    "convnext_atto": {"drop_path_rate": 0.2},
    "tf_efficientnet_lite0": {"drop_path_rate": 0.2, "drop_rate": 0.2},
    "vit_tiny_patch16_224": {"img_size": 32, "drop_path_rate": 0.2},
}


def parts(
    catalog: object, architecture: str = "test_resnet", n_blocks: int = 0, **options: object
) -> tuple[FinetuneableZoobotClassifier, GalaxyDataModule]:
    torch.manual_seed(0)
    encoder = timm.create_model(architecture, pretrained=False, num_classes=0, **ARCHITECTURES.get(architecture, {}))
    if architecture == "tf_efficientnet_lite0":  # with random weights its batch norms amplify rounding a thousandfold
        trained = converted_model(original_weights()).state_dict()
        encoder.load_state_dict({name: tensor for name, tensor in trained.items() if "classifier" not in name})
    model = FinetuneableZoobotClassifier(2, encoder=encoder, n_blocks=n_blocks, learning_rate=1e-3)
    settings = {"image_size": 32, "batch_size": SAME_SIZE, "num_workers": 0, **options}
    return model, GalaxyDataModule("label", catalog, **settings)  # type: ignore[arg-type]


def fit(
    model: FinetuneableZoobotClassifier, galaxies: object, folder: Path, cache: object, epochs: int = 4
) -> pd.DataFrame:
    trainer = get_trainer(
        folder,
        accelerator="cpu",
        max_epochs=epochs,
        enable_progress_bar=False,
        feature_cache=cache,  # type: ignore[arg-type]
        precision="float32",
    )
    trainer.fit(model, datamodule=galaxies)  # type: ignore[arg-type]
    return pd.read_csv(folder / "log.csv")


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the images that go through the frozen blocks."""
    counted: list[int] = []
    real = SplitEncoder.activations

    def counting(self: SplitEncoder, images: Tensor) -> Tensor:
        counted.append(len(images))
        return real(self, images)

    monkeypatch.setattr(SplitEncoder, "activations", counting)
    return counted


SAME_SIZE = 14  # divides the 42 training galaxies: rounding depends on the batch size, and small batch norms amplify it
CENTRE = transforms.CenterCrop(32)  # stands for a user's own augmentation


@pytest.mark.parametrize("n_blocks", [0, 1, 2])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_losses_and_weights_as_through_the_whole_network(
    architecture: str, n_blocks: int, catalog_file: Path, tmp_path: Path
) -> None:
    whole, galaxies = parts(catalog_file, architecture, n_blocks, views=EXACT.views)
    expected = fit(whole, galaxies, tmp_path / "whole", False)
    cached, galaxies = parts(catalog_file, architecture, n_blocks)
    found = fit(cached, galaxies, tmp_path / "cached", EXACT)
    losses = [column for column in expected if column.endswith("_loss")]
    assert np.allclose(found[losses], expected[losses], rtol=1e-5, atol=1e-6)
    after = cached.state_dict()
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(after[name].float(), tensor.float(), rtol=1e-4, atol=2e-6), name
    assert not torch.allclose(whole.head[1].weight, parts(catalog_file, architecture)[0].head[1].weight)


def test_one_step_agrees_to_float_rounding(catalog_file: Path, tmp_path: Path) -> None:
    for n_blocks in (0, 1):
        weights = []
        for cache in (False, FeatureCache(views=1, precision="float32")):
            model, galaxies = parts(catalog_file, "resnet18", n_blocks, views=1, batch_size=64)
            fit(model, galaxies, tmp_path / f"{n_blocks}{bool(cache)}", cache, epochs=1)
            weights.append(model.head[1].weight.detach())
        assert (weights[0] - weights[1]).abs().max() < 1e-6


def test_frozen_blocks_run_once_a_view(catalog_file: Path, tmp_path: Path, passes: list[int]) -> None:
    model, galaxies = parts(catalog_file)
    fit(model, galaxies, tmp_path, EXACT, epochs=10)
    assert sum(passes) == 3 * 42 + 6
    clear_cache()
    passes.clear()
    model, galaxies = parts(catalog_file)
    fit(model, galaxies, tmp_path / "short", EXACT, epochs=1)
    assert sum(passes) == 42 + 6  # no more views than epochs


def test_another_head_seed_fold_or_label_starts_at_once(
    catalog_file: Path, tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, galaxies = parts(catalog_file)
    fit(model, galaxies, tmp_path / "a", EXACT)
    first = sum(passes)
    again, galaxies = parts(catalog_file)
    monkeypatch.setattr(
        galaxies, "setup", lambda stage: pytest.fail("images were decoded, though their features are kept")
    )
    assert fit(again, galaxies, tmp_path / "b", EXACT).equals(pd.read_csv(tmp_path / "a" / "log.csv"))
    assert sum(passes) - first == 0  # all else was kept
    other = FinetuneableZoobotClassifier(2, encoder=tiny_encoder(), head="mlp", seed=7)
    other.encoder.load_state_dict(model.encoder.state_dict())
    fold = GalaxyDataModule("number", read_catalog(catalog_file), image_size=32, batch_size=16, num_workers=0, seed=7)
    passes.clear()
    fit(other, fold, tmp_path / "c", EXACT)
    seen = {part: set(galaxies.frames[part]["id_str"]) for part in ("train", "val")}
    moved = set(fold.frames["train"]["id_str"]) - seen["train"]
    new = (moved | set(fold.frames["val"]["id_str"])) - seen["train"] - seen["val"]
    assert len(new) > 0
    assert sum(passes) == 2 * len(moved) + len(new)  # the evaluation view serves training and validation


def test_the_head_alone_learns_from_the_evaluation_view(catalog_file: Path, tmp_path: Path, passes: list[int]) -> None:
    counts = []
    for number, (n_blocks, options) in enumerate([(0, {}), (0, {"augment": CENTRE}), (1, {}), (1, {"augment": False})]):
        clear_cache()
        passes.clear()
        model, galaxies = parts(catalog_file, n_blocks=n_blocks, **options)
        fit(model, galaxies, tmp_path / str(number), FeatureCache(precision="float32"), epochs=8)
        counts.append((sum(passes) - 6) // 42)
    assert counts == [1, 2, 8, 1]


@pytest.mark.parametrize(
    "change", ["weights", "augmentation", "image size", "crop", "one image", "precision", "nothing"]
)
def test_a_change_is_never_answered_with_old_features(
    change: str, tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_catalog(tmp_path, 60)
    catalog = tmp_path / "catalog.csv"
    model, galaxies = parts(catalog)
    fit(model, galaxies, tmp_path / "a", EXACT)
    everything = 3 * 42 + 6
    passes.clear()
    cache, options = EXACT, {}
    if change == "weights":
        monkeypatch.setattr(
            "tests.finetune.test_feature_cache.torch.manual_seed",
            lambda seed: torch.random.default_generator.manual_seed(5),
        )
    elif change == "augmentation":
        options = {"augment": Augmentation(shift=0.1)}
    elif change == "image size":
        options = {"image_size": 40}
    elif change == "crop":
        options = {"crop": 0.6}
    elif change == "precision":
        monkeypatch.setattr("zoobot.precision.is_fast_in_bfloat16", lambda device: True)
        cache = FeatureCache(views=3)
    elif change == "one image":
        path = Path(galaxies.frames["train"]["file_loc"][0])
        pixels = np.asarray(Image.open(path)).copy()
        pixels[20, 20] = 255 - pixels[20, 20]
        Image.fromarray(pixels).save(path, quality=95)
    model, galaxies = parts(catalog, **options)  # type: ignore[arg-type]
    fit(model, galaxies, tmp_path / "b", cache)
    expected = {"nothing": 0, "one image": 3, "augmentation": 2 * 42}.get(
        change, everything
    )  # the first view is not augmented
    assert sum(passes) == expected


def test_an_interrupted_pass_goes_on_where_it_stopped(
    catalog_file: Path, tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "KEPT_PER_FILE", 16)
    counting = SplitEncoder.activations

    def failing(self: SplitEncoder, images: Tensor) -> Tensor:
        if sum(passes) > 60:
            msg = "power cut"
            raise RuntimeError(msg)
        return counting(self, images)

    monkeypatch.setattr(SplitEncoder, "activations", failing)
    model, galaxies = parts(catalog_file)
    with pytest.raises(RuntimeError, match="power cut"):
        fit(model, galaxies, tmp_path / "a", EXACT)
    monkeypatch.setattr(SplitEncoder, "activations", counting)
    before = sum(passes)
    model, galaxies = parts(catalog_file)
    broken = fit(model, galaxies, tmp_path / "b", EXACT)
    assert sum(passes) - before < 3 * 42 + 6 - 30
    clear_cache()
    model, galaxies = parts(catalog_file)
    assert fit(model, galaxies, tmp_path / "c", EXACT).equals(broken)


def flipped(content: bytes) -> bytes:
    """Flip a bit of the last number, of the features: names in the file come after its header by their letters."""
    return content[:-2] + bytes([content[-2] ^ 64]) + content[-1:]


def changed(**tensors: object) -> Callable[[bytes], bytes]:
    """Return a function that puts other tensors into a file, or none, and keeps its metadata."""

    def change(content: bytes) -> bytes:
        held = safetensors.torch.load(content)
        made = {name: one for name, one in (held | tensors).items() if one is not None}
        about = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        new = {name: one(held) if callable(one) else one for name, one in made.items()}  # type: ignore[operator,misc]
        return safetensors.torch.save(new, about)

    return change


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda content: content[:-1],
    "header alone": lambda content: content[:100],
    "empty": lambda _: b"",
    "text": lambda _: b"file_loc,label\n" * 1000,
    "zeros": lambda content: bytes(len(content)),
    "a long header": lambda content: (2**60).to_bytes(8, "little") + content[8:],
    "a bit": flipped,
    "no names": changed(digests=None),
    "no features": changed(features=None),
    "fewer features": changed(features=lambda held: held["features"][:5].clone()),
    "names of another kind": changed(digests=lambda held: held["digests"].float()),
    "names without shape": changed(digests=torch.tensor(3)),
    "wider features": changed(features=lambda held: torch.zeros(len(held["digests"]), 7)),
    "features of another kind": changed(features=lambda held: held["features"].long()),
    "unsealed": lambda content: safetensors.torch.save(safetensors.torch.load(content)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_computed_anew(
    damage: str,
    catalog_file: Path,
    tmp_path: Path,
    own_cache: Path,
    passes: list[int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, galaxies = parts(catalog_file)
    whole = fit(model, galaxies, tmp_path / "a", EXACT)
    damaged = next(own_cache.glob("features/*/view1_*.safetensors"))
    damaged.write_bytes(DAMAGES[damage](damaged.read_bytes()))
    passes.clear()
    model, galaxies = parts(catalog_file)
    assert fit(model, galaxies, tmp_path / "b", EXACT).equals(whole)
    assert sum(passes) == 42
    assert [record.message.startswith(f"Kept features in {damaged} can't be read") for record in caplog.records] == [
        True
    ]
    passes.clear()
    model, galaxies = parts(catalog_file)
    assert fit(model, galaxies, tmp_path / "c", EXACT).equals(whole)
    assert not passes and len(caplog.records) == 1 and not damaged.exists()


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop"])
def test_what_is_no_file_of_features_is_passed_over(
    kind: str, catalog_file: Path, tmp_path: Path, own_cache: Path, passes: list[int]
) -> None:
    model, galaxies = parts(catalog_file)
    whole = fit(model, galaxies, tmp_path / "a", EXACT)
    path = next(own_cache.glob("features/*/view1_*.safetensors"))
    path.unlink()
    {"pipe": os.mkfifo, "folder": Path.mkdir, "loop": lambda path: path.symlink_to(path)}[kind](path)
    passes.clear()
    model, galaxies = parts(catalog_file)
    with guarded():
        assert fit(model, galaxies, tmp_path / "b", EXACT).equals(whole)
    assert sum(passes) == 42 and not path.is_file()


def test_features_of_another_network_are_not_taken(
    catalog_file: Path, tmp_path: Path, own_cache: Path, passes: list[int]
) -> None:
    """A file that was copied into the folder of another key has the right names and the wrong features."""
    model, galaxies = parts(catalog_file)
    whole = fit(model, galaxies, tmp_path / "a", EXACT)
    (folder,) = {path.parent for path in own_cache.glob("features/*/view1_*")}
    right = next(folder.glob("view1_*"))
    model, galaxies = parts(catalog_file)
    with torch.no_grad():
        for weights in model.encoder.parameters():
            weights += 0.01
    fit(model, galaxies, tmp_path / "b", EXACT)
    wrong = next(path for path in own_cache.glob("features/*/view1_*") if path.parent != folder)
    shutil.copy(wrong, right)
    passes.clear()
    model, galaxies = parts(catalog_file)
    assert fit(model, galaxies, tmp_path / "c", EXACT).equals(whole)
    assert sum(passes) == 42


def test_what_a_killed_process_left_half_written_goes(catalog_file: Path, tmp_path: Path, own_cache: Path) -> None:
    model, galaxies = parts(catalog_file)
    fit(model, galaxies, tmp_path / "a", EXACT)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = next(own_cache.glob("features/*/view1_*")).with_name(f".{dead.pid}.part.safetensors")
    left.touch()
    model, galaxies = parts(catalog_file)
    fit(model, galaxies, tmp_path / "b", EXACT)
    assert not left.exists()


def test_memory_file_and_fewer_views(catalog_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logs = []
    for name, cache in (("memory", EXACT), ("file", FeatureCache(views=3, precision="float32", memory_gb=0.0))):
        clear_cache()
        model, galaxies = parts(catalog_file, n_blocks=1)
        logs.append(fit(model, galaxies, tmp_path / name, cache))
    assert logs[0].equals(logs[1])
    clear_cache()
    model, galaxies = parts(catalog_file)
    fit(
        model,
        galaxies,
        tmp_path / "few",
        FeatureCache(views=1000, memory_gb=1e-4, disk_gb=1e-4, precision="float32"),
        epochs=12,
    )
    assert "views of features take" in caplog.text
    assert 0 < cache_size()[1] < 1.1e5  # as many views as there is room for
    model, galaxies = parts(catalog_file)
    fit(model, galaxies, tmp_path / "none", FeatureCache(memory_gb=0.0, disk_gb=0.0), epochs=1)
    assert "runs in every step" in caplog.text


@pytest.mark.parametrize("form", ["tuple", "column"])
def test_any_data_module_trains_from_features(form: str, tmp_path: Path, passes: list[int]) -> None:
    model, _ = parts(None)
    fit(model, OtherData(form), tmp_path, EXACT, epochs=5)
    assert sum(passes) == 4 * 24
    assert cache_size()[0] == 0  # nobody knows what its views depend on


@pytest.mark.parametrize("n_blocks", [0, 1])
def test_another_engine_gives_the_same_features_under_another_name(
    n_blocks: int, catalog_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    logs = []
    for runtime in ("torch", "onnx"):
        model, galaxies = parts(catalog_file, n_blocks=n_blocks)
        cache = FeatureCache(views=2, precision="float32", runtime=runtime)  # type: ignore[arg-type]
        logs.append(fit(model, galaxies, tmp_path / runtime, cache, epochs=2))
    pd.testing.assert_frame_equal(*logs, rtol=1e-3)
    assert cache_size()[0] == 2 * 2  # of evaluation and of augmented views


def test_labels_are_checked_before_the_frozen_pass(catalog_file: Path, tmp_path: Path, passes: list[int]) -> None:
    model, galaxies = parts(read_catalog(catalog_file).assign(label=[-1, 0, 1] * 20))
    with pytest.raises(LabelError, match="negative class"):
        fit(model, galaxies, tmp_path, EXACT)
    assert passes == []


def test_the_cache_can_be_looked_at_and_cleared(catalog_file: Path, tmp_path: Path, own_cache: Path) -> None:
    assert cache_size() == (0, 0)
    model, galaxies = parts(catalog_file)
    fit(model, galaxies, tmp_path, EXACT, epochs=1)
    n_sets, size = cache_size()
    assert n_sets == 1
    assert size == clear_cache() > 0
    assert cache_size() == (0, 0)
    shutil.rmtree(own_cache)
    assert cache_size() == (0, 0)
    with pytest.raises(OptionError, match="views=0"):
        FeatureCache(views=0)


def test_without_room_for_pixels_features_are_still_kept_in_memory(
    catalog_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, galaxies = parts(catalog_file)
    expected = fit(model, galaxies, tmp_path / "a", EXACT)
    clear_cache()
    monkeypatch.setattr("zoobot.data.datamodule.keep_pixels", lambda *arguments, **options: None)
    model, galaxies = parts(catalog_file)
    assert fit(model, galaxies, tmp_path / "b", EXACT).equals(expected)
    assert cache_size()[0] == 2  # evaluation and augmented views
