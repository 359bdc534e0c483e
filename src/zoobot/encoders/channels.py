"""Pretrained weights for other channels than they were trained with: the stem and the normalisation, adapted."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from zoobot.errors import EncoderError


def adapt_values(values: Sequence[float], in_chans: int) -> tuple[float, ...]:
    """Return one mean or standard deviation a channel: their average for one channel, else those given, in turn."""
    if in_chans == 1:
        return (sum(values) / len(values),)
    return tuple(values[i % len(values)] for i in range(in_chans))


def adapt_stem(weight: Tensor, native: int, in_chans: int) -> Tensor:
    """Return the kernel of an input convolution for other channels.

    To one channel, the kernels are summed, so that a gray image gives what it gave as three equal channels. To several,
    they are taken in turn and scaled by ``native / in_chans``; from one channel, the features are then those of the
    channels' mean.

    Parameters
    ----------
    weight
        (filter, position * native, height, width); position is 1 except where the network first folds pixels into
        channels.
    native
        Channels that the kernel was trained with.
    in_chans
        Channels wanted.

    Returns
    -------
    Tensor
        (filter, position * in_chans, height, width), of the same type.
    """
    filters, folded, height, width = weight.shape
    kernel = weight.float().view(filters, folded // native, native, height, width)
    if in_chans == 1:
        kernel = kernel.sum(dim=2, keepdim=True)
    else:
        kernel = kernel[:, :, torch.arange(in_chans) % native] * (native / in_chans)
    return kernel.flatten(1, 2).to(weight.dtype)


def adapt_state(
    state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], native: int, in_chans: int
) -> dict[str, Tensor]:
    """Return a network's state dict for other channels: whatever differs in shape from the one wanted is its stem.

    Raises
    ------
    EncoderError
        If something other than input convolutions depends on the number of channels.
    """
    adapted = dict(state)
    for name, tensor in state.items():
        if tensor.shape == wanted[name].shape:
            continue
        if tensor.ndim == 4 and tensor.shape[1] % native == 0:
            adapted[name] = adapt_stem(tensor, native, in_chans)
        if adapted[name].shape != wanted[name].shape:
            msg = (
                f"'{name}' of shape {tuple(tensor.shape)} can't be adapted from {native} to {in_chans} channels: "
                f"use images of {native} channels, or an encoder that starts with a convolution"
            )
            raise EncoderError(msg)
    return adapted
