"""What a finetuning run took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What a run took; ``metrics.json`` holds it under ``timing``.

    Parameters
    ----------
    fit_seconds
        Training, with decoding the images and running the frozen blocks; 0 where a resumed run had nothing left to
        train.
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
