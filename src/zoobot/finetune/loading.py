"""`load`: a saved model of any task, ready to predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoobot.finetune.base import FinetuneableZoobotAbstract
from zoobot.finetune.saving import fetch_model, load_model

if TYPE_CHECKING:
    from torch import nn


def load(source: str | Path, *, encoder: nn.Module | None = None) -> FinetuneableZoobotAbstract:
    """Return a finetuned model, ready to predict: in eval mode, on the CPU.

    Parameters
    ----------
    source
        A folder that `FinetuneableZoobotAbstract.save` wrote, a Lightning checkpoint, or a Hub repository
        (``hf_hub:owner/repo``). Only the last needs the network, and only the first time. For a task of your own,
        import the module that defines its class first.
    encoder
        The encoder's module, where it was given in memory and timm can't build it.

    Raises
    ------
    ModelFileError
        No such model, damaged files, a newer version, or a task whose class is not imported.
    """
    return load_model(fetch_model(source), FinetuneableZoobotAbstract, encoder=encoder)
