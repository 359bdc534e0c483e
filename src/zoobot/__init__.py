"""Zoobot: finetune pretrained encoders on galaxy images, from a catalog to labels that you can trust.

Everything listed in ``__all__`` is imported when first used, so that ``import zoobot`` is immediate.
"""

import importlib
from typing import TYPE_CHECKING, Any

from zoobot.version import __version__

_HOMES = {
    "GalaxyDataModule": "zoobot.data",
    "FinetuneableZoobotAbstract": "zoobot.finetune",
    "FinetuneableZoobotClassifier": "zoobot.finetune",
    "FinetuneableZoobotMultiLabel": "zoobot.finetune",
    "FinetuneableZoobotOrdinal": "zoobot.finetune",
    "FinetuneableZoobotRegressor": "zoobot.finetune",
    "FinetuneableZoobotTree": "zoobot.finetune",
    "demo_gz_candels": "zoobot.datasets",
    "demo_rings": "zoobot.datasets",
    "evaluate": "zoobot.predictions",
    "finetune_run": "zoobot.runs",
    "finish_run": "zoobot.runs",
    "get_trainer": "zoobot.finetune",
    "load": "zoobot.finetune",
    "load_encoder": "zoobot.encoders",
    "predict": "zoobot.predictions",
    "read_catalog": "zoobot.data",
    "read_image": "zoobot.data",
    "represent": "zoobot.predictions",
}
_MODULES = ("errors", "finetune", "trees")

__all__ = [
    "__version__",
    *_HOMES,
    *_MODULES,
]

if TYPE_CHECKING:  # imported as themselves, by which type checkers know that they are exported
    from zoobot import errors as errors
    from zoobot import finetune as finetune
    from zoobot import trees as trees
    from zoobot.data import GalaxyDataModule as GalaxyDataModule
    from zoobot.data import read_catalog as read_catalog
    from zoobot.data import read_image as read_image
    from zoobot.datasets import demo_gz_candels as demo_gz_candels
    from zoobot.datasets import demo_rings as demo_rings
    from zoobot.encoders import load_encoder as load_encoder
    from zoobot.finetune import *
    from zoobot.predictions import evaluate as evaluate
    from zoobot.predictions import predict as predict
    from zoobot.predictions import represent as represent
    from zoobot.runs import finetune_run as finetune_run
    from zoobot.runs import finish_run as finish_run


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"zoobot.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    msg = f"module 'zoobot' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
