"""Where a network runs, and in what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from zoobot.settings.option import Option, Settings

Precision = Literal["auto", "float32"]
Runtime = Literal["torch", "compile", "openvino", "onnx", "auto"]

RUN = "Run"

PrecisionOption = Annotated[
    Precision, Option("'auto' computes in bfloat16 where the hardware is fast at it; 'float32' never does.", RUN)
]


@dataclass(frozen=True, kw_only=True)
class ComputeSettings(Settings):
    """Where a network runs, and in what."""

    precision: PrecisionOption = "auto"
    device: Annotated[
        str, Option("What to compute on: 'auto' (a GPU where there is one), 'cpu', 'cuda', 'cuda:1' or 'mps'.", RUN)
    ] = "auto"
