"""What the configuration of an encoder may hold, ours and timm's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoobot.schema import (
    FLAG,
    NAME,
    NULL,
    Fault,
    Kind,
    either,
    entries,
    harmless,
    many,
    maybe,
    real,
    shown,
    text,
    whole,
)

MOST_CHANNELS = 1000
LARGEST_IMAGE = 16_384
"""Pixels a side"""

REACHING_OUT = (
    "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir", "pretrained_strict",
    "pretrained_filter_fn", "hf_hub_id", "file", "url", "state_dict", "model_name",
)  # fmt: skip
"""Arguments of ``timm.create_model`` that fetch weights or read files, which building a network from a configuration
never does
"""

_VALUE = harmless(8192)


def _fault_of_arguments(value: Any) -> Fault | None:
    if not isinstance(value, Mapping):
        return Fault(shown(value), "an object")
    for name, one in value.items():
        if name in REACHING_OUT or not isinstance(name, str):
            return Fault("given", "no argument that fetches weights or reads files", str(name))
        fault = _fault_of_arguments(one) if isinstance(one, Mapping) else _VALUE.fault(one)
        if fault is not None:
            return fault.inside(str(name))
    return None


MODEL_ARGUMENTS = Kind("an object", _fault_of_arguments)
"""Arguments that say how timm builds a network, and make it reach for no file and no address"""

ARCHITECTURE = text(200, NAME, "a name of timm's without '/' and ':'")

ENCODER = entries(
    {
        "architecture": maybe(ARCHITECTURE),
        "in_chans": whole(1, MOST_CHANNELS),
        "image_size": whole(1, LARGEST_IMAGE),
        "mean": many(real(-1e6, 1e6), 1, MOST_CHANNELS),
        "std": many(real(1e-9, 1e6), 1, MOST_CHANNELS),
        "name": text(),
        "num_features": whole(1, 1_000_000),
    },
    {"model_args": MODEL_ARGUMENTS, "fixed_image_size": FLAG},
    others=False,
)
"""What `EncoderConfig` holds"""

_LAYERS = either(text(1000, NAME), many(text(1000, NAME), 0, 10), NULL)

TIMM_WEIGHTS = entries(
    {},
    {
        "input_size": maybe(many(whole(1, LARGEST_IMAGE), 3, 3)),
        "fixed_input_size": maybe(FLAG),
        "mean": maybe(many(real(-1e6, 1e6), 0, MOST_CHANNELS)),
        "std": maybe(many(real(1e-9, 1e6), 0, MOST_CHANNELS)),
        "classifier": _LAYERS,
        "first_conv": _LAYERS,
    },
)
"""timm's ``pretrained_cfg``, as far as it is used"""

_SIZES = entries(
    {},
    {
        "in_chans": maybe(whole(1, MOST_CHANNELS)),
        "img_size": either(whole(1, LARGEST_IMAGE), many(whole(1, LARGEST_IMAGE), 1, 3), NULL),
    },
)
_TIMM_ARGUMENTS = Kind("an object", lambda value: _fault_of_arguments(value) or _SIZES.fault(value))

TIMM = entries({"architecture": ARCHITECTURE}, {"model_args": maybe(_TIMM_ARGUMENTS), "pretrained_cfg": TIMM_WEIGHTS})
"""timm's ``config.json``"""
