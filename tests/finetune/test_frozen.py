"""Frozen means frozen, through the trainer and bit for bit.

It holds for networks with batch norm, layer norm, dropout and attention.
"""

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor

from zoobot import GalaxyDataModule
from zoobot.finetune import FinetuneableZoobotClassifier, get_trainer

ARCHITECTURES = {
    "convnext_atto": {"drop_path_rate": 0.2},
    "resnet18": {"drop_path_rate": 0.1},
    "tf_efficientnet_lite0": {"drop_path_rate": 0.2, "drop_rate": 0.2},
    "vit_tiny_patch16_224": {"img_size": 32, "drop_path_rate": 0.1, "drop_rate": 0.1},
}


def train(
    architecture: str, n_blocks: int, catalog: Path, folder: Path
) -> tuple[FinetuneableZoobotClassifier, dict[str, Tensor]]:
    """Return a model trained for two epochs and the encoder's state before."""
    torch.manual_seed(0)
    encoder = timm.create_model(architecture, pretrained=False, num_classes=0, **ARCHITECTURES[architecture])
    model = FinetuneableZoobotClassifier(2, encoder=encoder, n_blocks=n_blocks, learning_rate=1e-2)
    before = {name: tensor.clone() for name, tensor in model.encoder.state_dict().items()}
    galaxies = GalaxyDataModule("label", catalog, image_size=32, batch_size=16, num_workers=0)
    trainer = get_trainer(folder, accelerator="cpu", max_epochs=2, enable_progress_bar=False)
    trainer.fit(model, galaxies)
    trainer.test(model, galaxies, verbose=False)
    return model, before


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_training_the_head_leaves_the_encoder_as_it_was(architecture: str, catalog_file: Path, tmp_path: Path) -> None:
    model, before = train(architecture, 0, catalog_file, tmp_path)
    after = model.encoder.state_dict()
    assert after.keys() == before.keys()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == []
    assert all(parameter.grad is None for parameter in model.encoder.parameters())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_block_changes_the_top_block_only(architecture: str, catalog_file: Path, tmp_path: Path) -> None:
    model, before = train(architecture, 1, catalog_file, tmp_path)
    after = model.encoder.state_dict()
    changed = {model.encoder.block_of(name) for name in before if not torch.equal(before[name], after[name])}
    assert changed == {model.encoder.num_blocks - 1}
