"""Options: groups of settings that commands, files, documentation and Python share. Light: nothing here imports torch."""

from zoobot.settings.compute import ComputeSettings, Precision
from zoobot.settings.data import (
    DEFAULT_PERCENTILES,
    HDU,
    CatalogSettings,
    ClassBalance,
    HDUs,
    ImageSettings,
    LoadSettings,
    ReadSettings,
    SplitSettings,
    Stretch,
    ViewSettings,
)
from zoobot.settings.finetune import (
    BALANCED,
    CacheSettings,
    CalibrationKind,
    ClassifySettings,
    ConcentrationKind,
    FinetuneSettings,
    HeadKind,
    RegressionLoss,
    RegressSettings,
    TrainerSettings,
    TreeSettings,
)
from zoobot.settings.option import FORMAT_VERSION, Option, Settings, named_now, options_of, types_of
from zoobot.settings.predict import OnError, PassSettings, PredictSettings, Runtime, TableOptions
from zoobot.settings.pretrain import PretrainSettings
from zoobot.settings.run import FREE_ON_RESUME, RunSettings

__all__ = [
    "BALANCED",
    "DEFAULT_PERCENTILES",
    "FORMAT_VERSION",
    "FREE_ON_RESUME",
    "HDU",
    "CacheSettings",
    "CalibrationKind",
    "CatalogSettings",
    "ClassBalance",
    "ClassifySettings",
    "ComputeSettings",
    "ConcentrationKind",
    "FinetuneSettings",
    "HDUs",
    "HeadKind",
    "ImageSettings",
    "LoadSettings",
    "OnError",
    "Option",
    "PassSettings",
    "Precision",
    "PredictSettings",
    "PretrainSettings",
    "ReadSettings",
    "RegressSettings",
    "RegressionLoss",
    "RunSettings",
    "Runtime",
    "Settings",
    "SplitSettings",
    "Stretch",
    "TableOptions",
    "TrainerSettings",
    "TreeSettings",
    "ViewSettings",
    "named_now",
    "options_of",
    "types_of",
]
