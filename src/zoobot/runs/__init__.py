"""Finetuning runs, from a catalog to a folder of results: what ``zoobot finetune`` and ``zoobot demo`` do."""

from zoobot.runs.build import build, infer_task
from zoobot.runs.evaluation import evaluation_run
from zoobot.runs.process import prepare_process
from zoobot.runs.run import finetune_run
from zoobot.runs.settings import RunSettings, Task, Timing

__all__ = [
    "RunSettings",
    "Task",
    "Timing",
    "build",
    "evaluation_run",
    "finetune_run",
    "infer_task",
    "prepare_process",
]
