"""The small pretrained encoder in the package itself, so that everything works without any network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from zoobot.encoders.encoder import Encoder
from zoobot.encoders.saving import encoder_bytes, save_encoder
from zoobot.errors import EncoderError
from zoobot.layout import CONFIG_FILE, WEIGHTS_FILE

BUNDLED = "bundled"
"""The name by which `load_encoder` knows it."""

LARGEST_BYTES = 16_000_000
"""How large its weights may be, for they are in every installation."""


def bundled_folder() -> Path:
    """Return the folder of the package that holds the encoder: configuration, weights (float16) and model card.

    Raises
    ------
    EncoderError
        This copy of the package has none.
    """
    folder = Path(str(files("zoobot.encoders").joinpath(BUNDLED)))
    if not has_bundled(folder):
        msg = (
            f"this copy of zoobot comes without the encoder 'bundled' (no {WEIGHTS_FILE} in {folder}): install a "
            "release, or choose another encoder, such as 'imagenet'"
        )
        raise EncoderError(msg)
    return folder


def has_bundled(folder: Path | None = None) -> bool:
    """Tell whether the package (or a folder like the package's) holds an encoder."""
    where = Path(str(files("zoobot.encoders").joinpath(BUNDLED))) if folder is None else folder
    return all((where / name).is_file() for name in (CONFIG_FILE, WEIGHTS_FILE))


def export_bundled(encoder: Encoder, folder: Path, card: str, *, details: Mapping[str, Any] | None = None) -> Path:
    """Write an encoder as the package holds it, its weights in float16, and give the folder.

    Parameters
    ----------
    encoder
        The encoder; a timm architecture.
    folder
        Where to: ``src/zoobot/encoders/bundled`` for the package's own.
    card
        The model card, in Markdown: data, recipe, time and machine, scores, limits.
    details
        More for its configuration, such as the settings of its pretraining.

    Raises
    ------
    EncoderError
        Weights of more than 16 MB, weights that float16 can't hold, or a network that timm can't build.
    OutputError
        A folder that can't be written.
    """
    size = len(encoder_bytes(encoder, torch.float16))
    if size > LARGEST_BYTES:
        msg = (
            f"the encoder '{encoder.name}' takes {size / 1e6:.1f} MB, more than {LARGEST_BYTES / 1e6:.0f} MB: choose "
            "a smaller one"
        )
        raise EncoderError(msg)
    largest = max(float(weight.detach().abs().max()) for weight in encoder.parameters())
    if not largest <= torch.finfo(torch.float16).max:
        msg = (
            f"the encoder '{encoder.name}' has weights up to {largest:.3g}, beyond float16: train it longer, or with "
            "weight decay"
        )
        raise EncoderError(msg)
    named = Encoder(encoder.model, replace(encoder.config, name=BUNDLED))
    return save_encoder(named, folder, card=card, dtype=torch.float16, details=details)
