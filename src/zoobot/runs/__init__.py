"""Finetuning runs, from a catalog to a folder of results: what ``zoobot finetune`` and ``zoobot demo`` do."""

from zoobot.runs.build import build
from zoobot.runs.evaluation import evaluation_run
from zoobot.runs.process import prepare_process
from zoobot.runs.run import finetune_run
from zoobot.runs.settings import RunSettings, Timing

__all__ = [
    "RunSettings",
    "Timing",
    "build",
    "evaluation_run",
    "finetune_run",
    "prepare_process",
]
