"""Grad-CAM: heat maps from the slopes of a score by the encoder's last map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoobot.encoders import Encoder
from zoobot.errors import EncoderError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Columns = Callable[[Tensor], Tensor]
"""From a head's outputs (galaxy, output) to what is explained, (galaxy, column)"""


def heat_maps(
    encoder: Encoder, head: nn.Module, images: Tensor, place: int | None = None
) -> tuple[npt.NDArray[np.float32], list[int]]:
    """Return Grad-CAM maps in [0, 1] for outputs of a head on an encoder, and these outputs.

    Maps are (galaxy, height, width), and each explains one output.

    Parameters
    ----------
    encoder, head
        In eval mode.
    images
        (galaxy, channel, height, width) in [0, 1].
    place
        The output to explain; None: the largest of each galaxy.

    Raises
    ------
    EncoderError
        The encoder has no map near its top.
    """
    with torch.no_grad():
        chosen = choose_columns(head(encoder(images)), place)
    raw, _ = grad_cam(encoder, head, images, chosen)
    return to_heat(raw).numpy(), chosen.tolist()


def grad_cam(
    encoder: Encoder, head: nn.Module, images: Tensor, chosen: Tensor, columns: Columns = lambda outputs: outputs
) -> tuple[Tensor, tuple[int, int]]:
    """Return what speaks for a column, and the rows and columns of cells that the map has.

    The former is (galaxy, height, width), from 0.

    Parameters
    ----------
    encoder, head, images
        As for `heat_maps`.
    chosen
        (galaxy,) the column to explain.
    columns
        From the head's outputs to columns.

    Raises
    ------
    EncoderError
        As for `heat_maps`.
    """
    layer, channels_last = spatial_layer(encoder, images[:1])
    raw = torch.zeros(len(images), 1, *images.shape[2:])
    turns = range(4) if images.shape[2] == images.shape[3] else (0, 2)
    for turn in turns:
        kept: list[Tensor] = []
        with torch.enable_grad(), _listening(layer, kept):
            found = encoder(images.rot90(turn, dims=(2, 3)).detach().clone().requires_grad_())
            scores = columns(head(found))
            (slope,) = torch.autograd.grad(scores[torch.arange(len(images)), chosen].sum(), kept[-1])
        activation = kept[-1].detach()
        if channels_last:
            activation, slope = activation.permute(0, 3, 1, 2), slope.permute(0, 3, 1, 2)
        small = (slope.mean(dim=(2, 3), keepdim=True) * activation).sum(dim=1, keepdim=True).clamp(min=0)
        large = F.interpolate(small, images.shape[2:], mode="bilinear", align_corners=False)
        raw += large.rot90(-turn, dims=(2, 3)) / len(turns)
    return raw[:, 0], (small.shape[2], small.shape[3])


def to_heat(raw: Tensor) -> Tensor:
    """Return maps (galaxy, height, width) without what is below 0, divided by their maxima.

    They are all 0 where nothing is above 0.
    """
    positive = raw.clamp(min=0)
    most = positive.amax(dim=(1, 2), keepdim=True)
    return torch.where(most > 0, positive / most.clamp(min=torch.finfo(torch.float32).tiny), 0).clamp(0, 1)


def choose_columns(scores: Tensor, place: int | None) -> Tensor:
    """Return the column (galaxy,) to explain: the given one, or the largest of each galaxy."""
    return scores.argmax(dim=1) if place is None else torch.full((len(scores),), place)


def spatial_layer(encoder: Encoder, image: Tensor) -> tuple[nn.Module, bool]:
    """Return the module of the encoder's top block whose output is its last map.

    Also returned is whether the map's channels come last.

    Parameters
    ----------
    encoder
        In eval mode.
    image
        (1, channel, height, width) to try it on.

    Raises
    ------
    EncoderError
        The top block gives no map (galaxy, channel, y, x) of more than one pixel.
    """
    found: list[tuple[nn.Module, bool]] = []
    names = {module: name for name, module in encoder.named_modules()}

    def look(module: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor) or output.ndim != 4:
            return
        last = output.shape[-1] == encoder.num_features != output.shape[1]
        pixels = output.shape[1:3] if last else output.shape[2:4]
        if pixels[0] == pixels[1] > 1 and encoder.block_of(names[module]) == encoder.num_blocks - 1:
            found.append((module, last))

    hooks = [module.register_forward_hook(look) for module in encoder.model.modules() if module is not encoder.model]
    try:
        with torch.no_grad():
            encoder(image)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        msg = (
            f"the encoder '{encoder.name}' has no map of more than one pixel in its top block for images of "
            f"{image.shape[-1]} pixels, so there is no heat map by Grad-CAM: use maps='occlusion' (--map occlusion), "
            "which works for every encoder, or leave the maps out with heat=False (--no-heat)"
        )
        raise EncoderError(msg)
    return found[-1]


@contextmanager
def _listening(layer: nn.Module, kept: list[Tensor]) -> Iterator[None]:
    """Keep what a layer gives."""
    hook = layer.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    try:
        yield
    finally:
        hook.remove()
