"""An encoder cut at a block boundary: the halves add up to the whole and share its parameters."""

import pytest
import timm
import torch
from torch import Tensor, nn

from zoobot.encoders import wrap_encoder
from zoobot.encoders.split import split_encoder

ARCHITECTURES = [
    "convnext_atto", "resnet18", "tf_efficientnet_lite0", "efficientnet_b0", "mobilenetv3_small_100", "regnety_002",
    "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "maxvit_rmlp_pico_rw_256", "densenet121",
]  # fmt: skip


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_halves_are_the_whole(architecture: str) -> None:
    torch.manual_seed(0)
    encoder = wrap_encoder(timm.create_model(architecture, pretrained=False, num_classes=0)).eval()
    images = torch.rand(2, 3, encoder.image_size, encoder.image_size)
    encoder.freeze(2)
    split = split_encoder(encoder, 2, images)
    assert split is not None
    with torch.no_grad():
        assert torch.allclose(split.top(split.activations(images)), encoder(images), atol=1e-5)
    assert {id(p) for p in split.top.parameters()} <= {id(p) for p in encoder.parameters()}
    trained = {id(p) for p in encoder.parameters() if p.requires_grad}
    assert trained == {
        id(p) for p in split.top.parameters()
    }  # all that is trained lies above the cut, and nothing else
    frozen = {id(p) for p in encoder.parameters() if not p.requires_grad}
    assert frozen == {id(p) for p in split.bottom.parameters()}


def test_no_blocks_above_leaves_the_whole_below() -> None:
    encoder = wrap_encoder(timm.create_model("test_resnet", pretrained=False, num_classes=0)).eval()
    images = torch.rand(2, 3, 32, 32)
    split = split_encoder(encoder, 0, images)
    assert split is not None
    assert torch.equal(split.activations(images), encoder(images))


class Skips(nn.Module):
    """Two tensors pass from the stem to the top."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.side = nn.Conv2d(3, 4, 3, padding=1)
        self.top = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return (self.top(self.stem(images)) * self.side(images)).mean(dim=(2, 3))


class Decides(nn.Module):
    """What it computes depends on its input's values, which tracing can't follow."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.top = nn.Conv2d(4, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        return (self.top(x) if x.mean() > 0 else x).mean(dim=(2, 3))


@pytest.mark.parametrize("network", [Skips, Decides])
def test_what_cannot_be_cut_is_left_whole(network: type[nn.Module]) -> None:
    encoder = wrap_encoder(network()).eval()
    assert split_encoder(encoder, 1, torch.rand(2, 3, 16, 16)) is None
