"""Blocks are ordered, complete and never empty, for architectures of every family."""

import pytest
import timm
import torch
from torch import nn

from zoobot.encoders.blocks import assign_blocks

COUNTS = {
    "convnext_atto": 5,
    "convnextv2_atto": 5,
    "resnet18": 5,
    "efficientnet_b0": 8,
    "tf_efficientnet_lite0": 8,
    "tf_efficientnetv2_s": 7,
    "maxvit_rmlp_nano_rw_256": 5,
    "maxvit_tiny_tf_224": 5,
    "vit_tiny_patch16_224": 13,
    "swin_tiny_patch4_window7_224": 5,
    "mobilenetv3_small_100": 7,
    "regnety_002": 5,
    "densenet121": 5,
    "vgg11": 8,
    "inception_v3": 13,  # its group_matcher is a function
    "poolformer_s12": 5,  # has no group_matcher
    "pit_ti_224": 4,  # nor has this
}


@pytest.fixture(scope="module", params=COUNTS)
def model(request) -> nn.Module:
    with torch.device("meta"):
        return timm.create_model(request.param, num_classes=0)


def test_every_part_has_a_block_and_no_block_is_empty(model):
    blocks = assign_blocks(model)
    names = [name for name, _ in [*model.named_parameters(), *model.named_buffers(), *model.named_modules()]]
    assert set(names) == set(blocks)
    found = {blocks[name] for name, _ in model.named_parameters()}
    assert found == set(range(COUNTS[model.pretrained_cfg["architecture"]]))


def test_norm_statistics_and_activations_go_with_their_parameters(model):
    blocks = assign_blocks(model)
    for name, module in model.named_modules():
        own = [
            f"{name}.{key}"
            for key, _ in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        ]
        if own and not list(module.children()):
            assert {blocks[key] for key in own} == {blocks[name]}


@pytest.mark.parametrize(
    "name", ["convnext_atto", "resnet18", "tf_efficientnet_lite0", "mobilenetv3_small_100", "densenet121"]
)
def test_blocks_run_in_order(name):
    model = timm.create_model(name, num_classes=0).eval()
    blocks = assign_blocks(model)
    ran: list[int] = []
    for key, module in model.named_modules():
        if next(module.parameters(recurse=False), None) is not None:
            module.register_forward_hook(lambda *_, block=blocks[key]: ran.append(block))
    with torch.no_grad():
        model(torch.rand(1, 3, 64, 64))
    assert ran == sorted(ran)


@pytest.mark.parametrize(
    ("name", "trailing"),
    [
        ("convnext_atto", "head.norm.weight"),
        ("swin_tiny_patch4_window7_224", "norm.weight"),
        ("vit_tiny_patch16_224", "norm.bias"),
        ("mobilenetv3_small_100", "conv_head.weight"),
        ("densenet121", "features.norm5.running_mean"),
        ("tf_efficientnet_lite0", "bn2.running_var"),
    ],
)
def test_what_comes_last_is_in_the_top_block(name, trailing):
    with torch.device("meta"):
        blocks = assign_blocks(timm.create_model(name, num_classes=0))
    assert blocks[trailing] == max(blocks.values())


def test_children_in_order_where_the_module_is_not_timms():
    blocks = assign_blocks(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    )
    assert [blocks[key] for key in ("0.weight", "1", "2.running_mean", "3", "4.bias", "")] == [0, 0, 1, 1, 2, 0]


def test_a_matcher_that_raises_is_replaced_by_the_children():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)

        def group_matcher(self, coarse):
            raise RuntimeError

    assert assign_blocks(Broken()) == {
        "": 0, "one": 0, "one.weight": 0, "one.bias": 0, "two": 1, "two.weight": 1, "two.bias": 1,
    }  # fmt: skip


def test_a_module_without_parameters_is_one_block():
    assert assign_blocks(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())) == {"": 0, "0": 0, "1": 0}
