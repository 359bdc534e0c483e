"""The settings of a run that a script trained, as far as its trainer, model and data module tell them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import EarlyStopping
from torch import nn

from zoobot.data import Augmentation
from zoobot.encoders import load_encoder, wrap_encoder
from zoobot.settings import ImageSettings, RunSettings
from zoobot.settings.data import absolute

if TYPE_CHECKING:
    from zoobot.data import GalaxyDataModule
    from zoobot.data.tables import CatalogSource
    from zoobot.encoders import Encoder
    from zoobot.finetune import FinetuneableZoobotAbstract
    from zoobot.finetune.trainer import FinetuneTrainer

IN_MEMORY = "(in memory)"
"""What settings call a catalog or an encoder that is no file"""


@dataclass(frozen=True)
class Given:
    """Catalogs and an encoder as a script gives them: settings hold names alone."""

    catalog: CatalogSource | None = None
    val_catalog: CatalogSource | None = None
    test_catalog: CatalogSource | None = None
    encoder: nn.Module | None = None

    def new_encoder(self, settings: RunSettings) -> Encoder:
        """Return the encoder to finetune, a new one at each call."""
        if self.encoder is not None:
            return wrap_encoder(copy.deepcopy(self.encoder), settings.channels)
        return load_encoder(settings.encoder, settings.channels, pretrained=settings.pretrained)


def named(source: Any) -> str | None:
    """Return what settings call a catalog: its path from the root, or that it is in memory.

    It is None where there is none.
    """
    if source is None:
        return None
    return absolute(str(source)) if isinstance(source, str) or hasattr(source, "__fspath__") else IN_MEMORY


def settings_of(
    trainer: FinetuneTrainer, model: FinetuneableZoobotAbstract, datamodule: GalaxyDataModule, *, report: bool
) -> RunSettings:
    """Return the settings that a trained model was trained with.

    Those that a script alone knows have their defaults.
    """
    images, cache = datamodule.preprocessing.images, trainer.feature_cache
    known = {field.name for field in fields(RunSettings)}
    own = {name: value for name, value in model.task_options().items() if name in known and value is not None}
    augmentation = datamodule.augmentation or Augmentation()
    train, val, test = datamodule.fractions
    found: dict[str, Any] = {
        "catalog": named(datamodule.catalog if datamodule.catalog is not None else datamodule.sources["train"]),
        "val_catalog": named(datamodule.sources["val"]),
        "test_catalog": named(datamodule.sources["test"]),
        "label_cols": tuple(model.label_cols),
        "classes": datamodule.classes,
        "task": model.kind,
        "encoder": model.encoder.name,
        **{name: value for name, value in model.options.items() if name in known},
        **own,
        **vars(ImageSettings.of(images)),
        "image_size": datamodule.preprocessing.image_size,
        "crop": datamodule.preprocessing.crop,
        "flip": augmentation.flip,
        "batch_size": datamodule.batch_size,
        "num_workers": datamodule.num_workers,
        "memory_gb": datamodule.memory_gb,
        "train_fraction": train,
        "val_fraction": val,
        "test_fraction": test,
        "class_balance": datamodule.class_balance,
        "group_col": datamodule.group_col,
        "drop_unlabelled": datamodule.drop_unlabelled,
        "accumulate_grad_batches": trainer.accumulate_grad_batches,
        "ema_decay": trainer.ema_decay,
        "feature_cache": cache is not None,
        "precision": trainer.block_precision,
        "report": report,
    }
    if trainer.max_epochs is not None and trainer.max_epochs > 0:
        found["max_epochs"] = trainer.max_epochs
    if cache is not None:
        found |= {"views": cache.views, "disk_gb": cache.disk_gb}
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, EarlyStopping):
            found["patience"] = callback.patience
    return RunSettings(**found)
