"""What a finetuning run is asked for, and what its folder holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from zoobot.ranges import check_fields

if TYPE_CHECKING:
    from zoobot.data.fits import HDUs
    from zoobot.data.images import Stretch
    from zoobot.finetune.classifier import CalibrationKind
    from zoobot.finetune.heads import HeadKind
    from zoobot.finetune.losses import ConcentrationKind
    from zoobot.precision import Precision

FREE_ON_RESUME = ("epochs", "patience", "num_workers", "folds", "report")
"""Settings that may differ when a run is resumed: the others would make it another run."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What a finetuning run was asked for; written to ``run.json``. See `GalaxyDataModule` and `FinetuneableZoobotAbstract`."""

    catalog: str
    label_cols: tuple[str, ...]
    task: str | None = None
    tree: tuple[str, ...] = ()
    test: str | None = None
    encoder: str = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano"
    pretrained: bool = True
    blocks: int = 0
    epochs: int = 100
    patience: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-4
    head: HeadKind = "linear"
    concentrations: ConcentrationKind = "sigmoid"
    image_size: int | None = None
    crop: float = 0.8
    channels: int = 3
    stretch: Stretch | None = None
    hdu: HDUs | None = None
    flip: bool = True
    class_balance: Literal["none", "sampler"] = "none"
    group_col: str | None = None
    drop_unlabelled: bool = False
    feature_cache: bool = True
    views: int | None = None
    precision: Precision = "auto"
    accumulate: int = 1
    ema_decay: float | None = None
    calibration: CalibrationKind = "auto"
    folds: int = 0
    report: bool = True
    num_workers: int | None = None
    seed: int = 42

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What a run took; ``metrics.json`` holds it under ``timing``.

    Parameters
    ----------
    fit_seconds
        Training, with decoding the images and running the frozen blocks; 0 where a resumed run had nothing left to train.
    frozen_pass_seconds
        The share of it that the frozen blocks took: near 0 where their features were kept from an earlier run.
    total_seconds
        The whole run: reading catalogs and weights, training, evaluating, folds, checks, writing.
    before_report_seconds
        The same without drawing the report, which tells it.
    images_per_second
        Training galaxies, counted anew each epoch, a second of ``fit_seconds``; None where nothing was trained.
    peak_memory_gb
        The most memory that this process has held so far, of the GPU where it trained on one (10^9 bytes).
    """

    fit_seconds: float
    frozen_pass_seconds: float
    total_seconds: float
    before_report_seconds: float
    images_per_second: float | None
    peak_memory_gb: float
