"""The optimizer's parameter groups and the cosine schedule.

Each block has its learning rate, and norms and biases have no weight decay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from zoobot.encoders import Encoder


def parameter_groups(
    head: nn.Module, encoder: Encoder, n_blocks: int, *, learning_rate: float, lr_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Return AdamW's groups for the head and the encoder's top ``n_blocks``.

    The head learns at ``learning_rate``; the k-th block below it (k = 1 is the top block) at
    ``learning_rate * lr_decay**k``. Parameters of one dimension or none (norms, biases) have no weight decay.
    """
    groups = _decayed_or_not("head", head.named_parameters(), learning_rate, weight_decay)
    for depth in range(1, n_blocks + 1):
        block = encoder.num_blocks - depth
        named = encoder.block_parameters(block)
        groups += _decayed_or_not(f"block{block}", named, learning_rate * lr_decay**depth, weight_decay)
    return groups


def _decayed_or_not(
    name: str, named_parameters: Iterable[tuple[str, nn.Parameter]], learning_rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    parameters = [parameter for _, parameter in named_parameters if parameter.requires_grad]
    decayed = [p for p in parameters if p.ndim > 1]
    free = [p for p in parameters if p.ndim <= 1]
    groups = [
        {"name": name, "params": decayed, "lr": learning_rate, "weight_decay": weight_decay},
        {"name": f"{name}_norms_biases", "params": free, "lr": learning_rate, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def warmup_cosine(warmup_steps: int, cosine_steps: int, lowest: float) -> Callable[[int], float]:
    """Return the factor on the learning rate at each step.

    It rises linearly from 0 over ``warmup_steps``, falls along half a cosine from 1 to ``lowest`` until
    ``cosine_steps``, and stays there (Loshchilov & Hutter 2017). ``cosine_steps`` of 0 keeps it at 1 after the warm-up.
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        if cosine_steps == 0:
            return 1.0
        done = min(1.0, (step - warmup_steps) / max(1, cosine_steps - warmup_steps))
        return lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * done))

    return factor
