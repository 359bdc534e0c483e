"""Normalisation inside, rebuilding from the configuration, and freezing that is bit for bit."""

import json

import pytest
import torch
from torch import nn

from zoobot.encoders import Encoder, EncoderConfig, load_encoder, wrap_encoder
from zoobot.errors import EncoderError

ARCHITECTURES = ("convnext_atto", "resnet18", "tf_efficientnet_lite0", "test_vit")


def random_images(encoder: Encoder, batch: int = 2, size: int = 48) -> torch.Tensor:
    size = encoder.image_size if encoder.config.fixed_image_size else size
    return torch.rand(batch, encoder.in_chans, size, size)


def tensors_of(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in [*module.named_parameters(), *module.named_buffers()]}


def changed_by_training(encoder: Encoder, steps: int = 3) -> set[str]:
    """Return the names of the tensors that a few optimizer steps, weight decay included, change in any bit."""
    head = nn.Sequential(nn.Dropout(0.5), nn.Linear(encoder.num_features, 2))
    model = nn.ModuleList([encoder, head]).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    before = tensors_of(encoder)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(head(encoder(random_images(encoder, 4))), torch.tensor([0, 1, 0, 1]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {name for name, tensor in tensors_of(encoder).items() if not torch.equal(tensor, before[name])}


@pytest.fixture(params=ARCHITECTURES)
def encoder(request) -> Encoder:
    torch.manual_seed(0)
    return load_encoder(request.param, pretrained=False)


def test_frozen_means_frozen_bit_for_bit(encoder):
    encoder.freeze(0)
    assert changed_by_training(encoder) == set()


def test_one_block_changes_the_top_block_only(encoder):
    encoder.freeze(1)
    changed = changed_by_training(encoder)
    assert {encoder.block_of(name) for name in changed} == {encoder.num_blocks - 1}
    assert {name for name, _ in encoder.block_parameters(encoder.num_blocks - 1)} <= changed


def test_all_blocks_change_when_nothing_is_frozen(encoder):
    encoder.freeze(0)
    encoder.freeze(-1)
    assert {encoder.block_of(name) for name in changed_by_training(encoder)} == set(range(encoder.num_blocks))


@pytest.fixture(params=["test_resnet", "test_vit"])
def small_encoder(request) -> Encoder:
    torch.manual_seed(0)
    return load_encoder(request.param, pretrained=False)


@pytest.mark.parametrize("n_blocks", [0, 2, -1])
def test_modes_follow_the_frozen_blocks(encoder, n_blocks):
    encoder.train()
    encoder.freeze(n_blocks)
    first = 0 if n_blocks == -1 else encoder.num_blocks - n_blocks
    for _ in range(2):
        assert all(
            module.training == (encoder.block_of(name) >= first) for name, module in encoder.named_modules() if name
        )
        encoder.train()
    encoder.eval()
    assert not any(module.training for module in encoder.modules())


def test_functional_dropout_of_a_frozen_container_is_off():
    class Dropping(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool, self.linear = nn.AdaptiveAvgPool2d(1), nn.Linear(3, 8)

        def forward(self, images):
            return nn.functional.dropout(self.linear(self.pool(images).flatten(1)), training=self.training)

    encoder = wrap_encoder(Dropping())
    encoder.freeze(0)
    images = random_images(encoder)
    assert torch.equal(encoder.train()(images), encoder.eval()(images))


@pytest.mark.parametrize("n_blocks", [6, -2])
def test_more_blocks_than_there_are(n_blocks):
    with pytest.raises(EncoderError, match=f"n_blocks={n_blocks}.*has 5 blocks"):
        load_encoder("test_resnet", pretrained=False).freeze(n_blocks)


def test_block_parameters_are_all_parameters_once(small_encoder):
    names = [name for block in range(small_encoder.num_blocks) for name, _ in small_encoder.block_parameters(block)]
    assert sorted(names) == sorted(name for name, _ in small_encoder.named_parameters())


def test_block_of_an_unknown_name():
    with pytest.raises(EncoderError, match=r"nothing named 'model\.nowhere'"):
        load_encoder("test_resnet", pretrained=False).block_of("model.nowhere")


@torch.no_grad()
def test_normalisation_happens_inside(small_encoder):
    encoder = small_encoder
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (encoder.config.mean, encoder.config.std))
    images = random_images(encoder)
    assert encoder.config.mean == tuple(encoder.model.pretrained_cfg["mean"])
    torch.testing.assert_close(encoder(images), encoder.model((images - mean) / std))


@torch.no_grad()
def test_rebuilt_from_its_configuration_it_gives_the_same_features(small_encoder):
    encoder = small_encoder
    config = EncoderConfig.from_dict(json.loads(json.dumps(encoder.config.to_dict())))
    assert config == encoder.config
    rebuilt = Encoder.from_config(config).eval()
    rebuilt.load_state_dict(encoder.state_dict())
    images = random_images(encoder)
    assert torch.equal(rebuilt(images), encoder(images))
    assert encoder(images).shape == (2, encoder.num_features)


def test_configurations_that_cannot_be_built():
    values = load_encoder("test_resnet", pretrained=False).config.to_dict()
    with pytest.raises(EncoderError, match="pass it as encoder="):
        Encoder.from_config(EncoderConfig.from_dict(values | {"architecture": None}))
    with pytest.raises(EncoderError, match="can't build 'no_such_net'"):
        Encoder.from_config(EncoderConfig.from_dict(values | {"architecture": "no_such_net"}))
    with pytest.raises(EncoderError, match="not an encoder's configuration"):
        EncoderConfig.from_dict(values | {"surprise": 1})
    del values["std"]
    with pytest.raises(EncoderError, match="not an encoder's configuration"):
        EncoderConfig.from_dict(values)


def test_batches_that_do_not_fit():
    encoder = load_encoder("test_resnet", pretrained=False)
    with pytest.raises(EncoderError, match=r"shape \(2, 1, 64, 64\).*\(batch, 3, height, width\)"):
        encoder(torch.rand(2, 1, 64, 64))
    with pytest.raises(EncoderError, match=r"shape \(3, 64, 64\)"):
        encoder(torch.rand(3, 64, 64))
    with pytest.raises(EncoderError, match="takes 224 x 224 only"):
        load_encoder("vit_tiny_patch16_224", pretrained=False)(torch.rand(1, 3, 64, 64))
