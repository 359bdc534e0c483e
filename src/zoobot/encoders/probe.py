"""Running a network on a probe batch without leaving a trace in it."""

import torch
from torch import Tensor, nn

from zoobot.errors import EncoderError


def run_probe(model: nn.Module, images: Tensor) -> Tensor:
    """Return what `model` makes of `images` in eval mode, without gradients.

    Its buffers and modes stay as they were.
    """
    modes = {module: module.training for module in model.modules()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.eval()
    try:
        with torch.no_grad():
            output: Tensor = torch.func.functional_call(model, buffers, (images,))
    finally:
        for module, mode in modes.items():
            module.training = mode
    return output


def count_features(model: nn.Module, name: str, in_chans: int, image_size: int) -> int:
    """Return the length of the feature vector that `model` makes of an image.

    Raises
    ------
    EncoderError
        If it doesn't take such an image, or gives anything but (batch, feature).
    """
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    images = torch.zeros(2, in_chans, image_size, image_size, device=device)
    try:
        output = run_probe(model, images)
    except Exception as err:  # the network may be the user's own: whatever it raises means that it can't take the batch
        msg = (
            f"the encoder '{name}' fails on a batch of shape {tuple(images.shape)} ({type(err).__name__}: {err}): "
            "pass the number of channels that it takes as in_chans="
        )
        raise EncoderError(msg) from err
    if not isinstance(output, Tensor) or output.ndim != 2:
        found = f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
        msg = (
            f"the encoder '{name}' gives {found} for a batch of shape {tuple(images.shape)}, "
            "expected (batch, feature): end it with pooling and nn.Flatten()"
        )
        raise EncoderError(msg)
    return output.shape[1]
