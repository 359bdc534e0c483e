"""Finetuning runs, from a catalog to a folder of results, and what is done with one.

A run is checked, galaxies are selected by it, and encoders are compared.
"""

from zoobot.runs.build import build
from zoobot.runs.check import check_run
from zoobot.runs.compare import Comparison, compare_encoders, compare_features
from zoobot.runs.evaluation import evaluation_run
from zoobot.runs.finish import Run, finish_run
from zoobot.runs.process import prepare_process
from zoobot.runs.run import finetune_run, finetune_with
from zoobot.runs.select import read_audit, select_galaxies
from zoobot.runs.settings import Timing
from zoobot.settings import RunSettings

__all__ = [
    "Comparison",
    "Run",
    "RunSettings",
    "Timing",
    "build",
    "check_run",
    "compare_encoders",
    "compare_features",
    "evaluation_run",
    "finetune_run",
    "finetune_with",
    "finish_run",
    "prepare_process",
    "read_audit",
    "select_galaxies",
]
