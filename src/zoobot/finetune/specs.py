"""What the configuration of a saved model may hold: the entries, their types and their ranges."""

from __future__ import annotations

from zoobot.encoders.specs import ENCODER, MOST_CHANNELS
from zoobot.ranges import RANGES
from zoobot.schema import (
    FLAG,
    LARGEST,
    NULL,
    Kind,
    either,
    entries,
    many,
    maybe,
    numbers,
    one_of,
    real,
    table,
    text,
    whole,
)

MOST_OUTPUTS = 100_000
LARGEST_ERROR = 1e60
"""Of a measurement, in whatever unit it has"""

_WORD = text(100)
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
        "stretch": maybe(_WORD),
        "percentiles": many(real(0, 100), 2, 2),
        "bands": maybe(many(whole(0, 100_000), 1, MOST_CHANNELS)),
        "hdu": either(_HDU, many(_HDU, 1, 1000), NULL),
    },
)

PREPROCESSING = entries(
    {"image_size": whole(8, int(RANGES["image_size"].high)), "crop": real(RANGES["crop"].low, 1), "images": IMAGES},
    {"custom": FLAG},
)

TASK_OPTIONS = {
    "FinetuneableZoobotClassifier": entries(
        {"num_classes": whole(1, MOST_OUTPUTS)},
        {
            "label_smoothing": real(0, 1),
            "class_weights": maybe(many(real(0, LARGEST), 1, MOST_OUTPUTS)),
            "multi_label": FLAG,
            "calibration": _WORD,
        },
    ),
    "FinetuneableZoobotRegressor": entries(
        {}, {"num_targets": whole(1, MOST_OUTPUTS), "loss": _WORD, "unit_interval": FLAG}
    ),
    "FinetuneableZoobotTree": entries(
        {"schema": entries({"questions": table(_OBJECT)})},
        {"concentrations": _WORD, "question_weights": maybe(table(real(0, LARGEST)))},
    ),
}
"""By task"""

CALIBRATION = {
    "FinetuneableZoobotClassifier": entries(
        {},
        {"scaling": maybe(numbers(1e6)), "conformal": many(entries({}, {"scores": numbers(1.001)}), 0, MOST_OUTPUTS)},
    ),
    "FinetuneableZoobotRegressor": table(numbers(LARGEST_ERROR)),
    "FinetuneableZoobotTree": table(numbers(1e6)),
}
"""By task: finite, and no larger than a probability, an error or a factor can be"""

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


def model_spec(task: str) -> Kind:
    """Return what the configuration of a model of one of our tasks holds."""
    own = {"task_options": TASK_OPTIONS[task], "options": OPTIONS, "preprocessing": maybe(PREPROCESSING)}
    return entries(_EVERY_MODEL | own, {"calibration": maybe(CALIBRATION[task]), "zoobot_version": _WORD})
