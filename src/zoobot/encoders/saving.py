"""Writing an encoder by itself, in a folder that `load_encoder` reads and that can be published.

The folder holds configuration, weights and model card.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from zoobot.encoders.encoder import Encoder
from zoobot.encoders.saved import ENCODER_PREFIX, FORMAT, FORMAT_VERSION
from zoobot.errors import EncoderError
from zoobot.files import write_json, write_whole
from zoobot.layout import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE
from zoobot.sealing import DIGESTS, digest_of
from zoobot.version import __version__


def encoder_config(encoder: Encoder) -> dict[str, Any]:
    """Return the configuration of a saved encoder, as JSON can hold it."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "zoobot_version": __version__,
        "encoder": encoder.config.to_dict(),
    }


def encoder_bytes(encoder: Encoder, dtype: torch.dtype | None = None) -> bytes:
    """Return the content of ``model.safetensors``, with floating point weights as ``dtype`` where one is given.

    Norms and biases (tensors of one dimension) stay as they are: they are few, and small numbers matter in them.
    """
    from safetensors.torch import save

    state = {}
    for name, tensor in encoder.state_dict().items():
        is_large = tensor.is_floating_point() and tensor.ndim > 1
        kept = tensor.detach().to("cpu", dtype if dtype is not None and is_large else tensor.dtype)
        state[ENCODER_PREFIX + name] = kept.contiguous().clone()
    content: bytes = save(state, {"format": "pt"})
    return content


def save_encoder(
    encoder: Encoder,
    folder: Path,
    *,
    card: str,
    details: Mapping[str, Any] | None = None,
    dtype: torch.dtype | None = None,
) -> Path:
    """Write an encoder's folder: ``model.safetensors``, ``README.md`` and, last, ``config.json``.

    Each file is written whole or not at all.

    Parameters
    ----------
    encoder
        What to save.
    folder
        Where to; it is made.
    card
        The model card, in Markdown.
    details
        Further entries of ``config.json``, such as what it was trained on.
    dtype
        What to store weights as, other than norms and biases; as they are by default.

    Raises
    ------
    EncoderError
        An encoder that nobody could build again, for timm doesn't know it.
    OutputError
        A folder that can't be written.
    """
    if encoder.config.architecture is None:
        msg = (
            f"the encoder '{encoder.name}' was a module in memory that timm can't build again: save its state dict "
            "yourself"
        )
        raise EncoderError(msg)
    weights = encoder_bytes(encoder, dtype)
    config = {**encoder_config(encoder), **(details or {}), DIGESTS: {WEIGHTS_FILE: digest_of(weights)}}
    write_whole(folder / WEIGHTS_FILE, weights)
    write_whole(folder / CARD_FILE, card.encode())
    write_json(folder / CONFIG_FILE, config)
    return folder
