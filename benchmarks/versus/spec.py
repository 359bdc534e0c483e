"""What a job is asked for."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One job, as the benchmark writes it into a file for the process that does it."""

    task: str
    folder: str
    architecture: str = "convnext_nano"
    catalog: str = ""
    train: str = ""
    val: str = ""
    test: str = ""
    label: str = ""
    num_classes: int = 2
    trained: Literal["head", "block", "whole"] = "head"
    epochs: int = 30
    feature_cache: bool = True
    predict_test: bool = False
    """Predict the test part after the fit, untimed, as our commands do"""
    seed: int = 42
    split_seed: int = 42
    encoder_file: str = ""
