"""The model card of a pretrained encoder.

It says what it is, what it was trained on, how, for how long, on what machine, and how well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zoobot.machine import cpu_cores, cpu_name
from zoobot.settings.pretrain import SIMULATED
from zoobot.terminal import printable
from zoobot.version import __version__

if TYPE_CHECKING:
    from zoobot.encoders import Encoder
    from zoobot.settings.pretrain import PretrainSettings

HEAD = """---
library_name: zoobot
tags: [astronomy, galaxies, image-feature-extraction]
---
"""


def model_card(encoder: Encoder, settings: PretrainSettings, result: Mapping[str, Any]) -> str:
    """Return the card, in Markdown, of an encoder that a run with these settings gave.

    ``result`` is what `pretrain_run` returns.
    """
    n_parameters = sum(parameter.numel() for parameter in encoder.parameters())
    start = f"random weights of {_code(settings.architecture)}" if settings.encoder is None else _code(settings.encoder)
    average = "a moving average over the last steps" if settings.ema_decay else "those of the last step"
    return (
        "\n\n".join(
            [
                f"{HEAD}# {encoder.config.architecture}, pretrained on galaxies with Zoobot {__version__}",
                f"An encoder of {n_parameters / 1e6:.1f} million parameters and {encoder.num_features} features, for "
                f"images of {encoder.image_size} x {encoder.image_size} pixels, {encoder.in_chans} channels in [0, "
                "1]; normalisation is inside. Load it with `zoobot.load_encoder(FOLDER)`, or finetune it with "
                "`--encoder FOLDER`.",
                f"## Data\n\n{_data(settings)}",
                f"## Recipe\n\nStarted from {start}. {result['images']} labelled images in {result['steps']} steps of "
                f"{settings.batch_size}; all settings are under `pretraining` in `config.json`. The weights are "
                f"{average}.",
                f"## Time and machine\n\n{result['seconds']:.0f} s of training on {result['machine']}.",
                f"## Losses on validation galaxies\n\n{_scores(result['scores'])}",
            ]
        )
        + "\n"
    )


def machine(device: torch.device, processes: int) -> str:
    """Return a few words on what is computed on, where each of several processes has a device like this one."""
    if device.type == "cuda":
        return f"{processes} x {torch.cuda.get_device_name(device)}"
    shared = f", {processes} processes" if processes > 1 else ""
    return f"{cpu_cores()} CPU cores ({cpu_name()}){shared}"


def _data(settings: PretrainSettings) -> str:
    lines = []
    for source in settings.sources():
        votes = "the true parameters" if source.tree is None else f"votes on the tree {_code(Path(source.tree).stem)}"
        what = (
            f"**simulated** {source.where} galaxies"
            if source.kind == SIMULATED
            else f"real galaxies of {_code(Path(source.where).name)}"
        )
        also = " and the true parameters" if source.kind == SIMULATED and source.tree is not None else ""
        lines.append(f"- {what}: {votes}{also}")
    if settings.unlabelled is not None:
        lines.append(f"- real galaxies of {_code(Path(settings.unlabelled).name)}, without labels (VICReg)")
    return "\n".join(lines)


def _scores(scores: Mapping[str, float]) -> str:
    rows = [f"| {_code(name)} | {value:.4f} |" for name, value in scores.items()]
    return "\n".join(["| loss | mean |", "|---|---|", *rows])


def _code(name: object) -> str:
    """Return a name as code, which Markdown takes as it is.

    It stands between more backticks than it holds, and has no ends of table cells.
    """
    text = " ".join(printable(str(name)).split("\n")).replace("|", "\\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}" if len(fence) == 1 else f"{fence} {text} {fence}"
