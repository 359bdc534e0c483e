"""What the configuration of a saved model may hold: the entries that all tasks share, their types and their ranges."""

from __future__ import annotations

from zoobot.encoders.specs import ENCODER, MOST_CHANNELS
from zoobot.ranges import RANGES
from zoobot.schema import (
    FLAG,
    NULL,
    Kind,
    either,
    entries,
    many,
    maybe,
    one_of,
    real,
    text,
    whole,
)

MOST_OUTPUTS = 100_000
WORD = text(100)
_OBJECT = entries({})
_NAMES = many(text(), 0, MOST_OUTPUTS)
_HDU = either(whole(0, 100_000), text(1000))

OPTIONS = entries(
    {},
    {
        "n_blocks": whole(-1, 10_000),
        "learning_rate": real(0, 1e6),
        "lr_decay": real(0, 1),
        "weight_decay": real(0, 1e6),
        "dropout_prob": real(0, 1),
        "cosine_schedule": FLAG,
        "warmup_epochs": whole(0, 10**9),
        "max_cosine_epochs": whole(1, 10**9),
        "max_learning_rate_reduction_factor": real(0, 1e6),
        "head": one_of("linear", "mlp"),
        "seed": whole(0, 2**64 - 1),
    },
)

IMAGES = entries(
    {},
    {
        "channels": whole(1, MOST_CHANNELS),
        "stretch": maybe(WORD),
        "percentiles": many(real(0, 100), 2, 2),
        "bands": maybe(many(whole(0, 100_000), 1, MOST_CHANNELS)),
        "hdu": either(_HDU, many(_HDU, 1, 1000), NULL),
    },
)

PREPROCESSING = entries(
    {"image_size": whole(8, int(RANGES["image_size"].high)), "crop": real(RANGES["crop"].low, 1), "images": IMAGES},
    {"custom": FLAG},
)

_EVERY_MODEL = {
    "task": text(1000),
    "task_options": _OBJECT,
    "options": _OBJECT,
    "encoder": ENCODER,
    "label_cols": _NAMES,
    "class_names": _NAMES,
    "preprocessing": maybe(_OBJECT),
}

ANY_MODEL = entries(_EVERY_MODEL)
"""What models of a user's own tasks hold too"""


def model_spec(task_options: Kind, calibration: Kind) -> Kind:
    """Return what the configuration of a model of a task holds.

    It includes the kinds of its own options and of its calibration.
    """
    own = {"task_options": task_options, "options": OPTIONS, "preprocessing": maybe(PREPROCESSING)}
    return entries(_EVERY_MODEL | own, {"calibration": maybe(calibration), "zoobot_version": WORD})
