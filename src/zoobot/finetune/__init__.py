"""Finetuning: a file per task (and the class to make your own of), the trainer, saving and loading."""

from zoobot.finetune.base import FinetuneableZoobotAbstract
from zoobot.finetune.classifier import FinetuneableZoobotClassifier
from zoobot.finetune.feature_cache import FeatureCache
from zoobot.finetune.loading import load
from zoobot.finetune.multi_label import FinetuneableZoobotMultiLabel
from zoobot.finetune.ordinal import FinetuneableZoobotOrdinal
from zoobot.finetune.regressor import FinetuneableZoobotRegressor
from zoobot.finetune.trainer import get_trainer
from zoobot.finetune.tree import FinetuneableZoobotTree

__all__ = [
    "FeatureCache",
    "FinetuneableZoobotAbstract",
    "FinetuneableZoobotClassifier",
    "FinetuneableZoobotMultiLabel",
    "FinetuneableZoobotOrdinal",
    "FinetuneableZoobotRegressor",
    "FinetuneableZoobotTree",
    "get_trainer",
    "load",
]
