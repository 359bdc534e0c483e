"""The tasks there are.

They are all subclasses of `FinetuneableZoobotAbstract`, ours and users' own, once their modules are imported.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from zoobot.errors import OptionError

if TYPE_CHECKING:
    from zoobot.data.labels import LabelKind
    from zoobot.finetune.base import FinetuneableZoobotAbstract

TASKS: dict[str, type[FinetuneableZoobotAbstract]] = {}
"""By the name of the class"""


def register(task: type[FinetuneableZoobotAbstract]) -> None:
    """Add a task.

    One defined anew in the same place, as when the cell of a notebook runs again, replaces the one before.

    Raises
    ------
    OptionError
        Another class has its name, or another task its kind.
    """
    there = TASKS.get(task.__name__)
    if there is not None and _place(there) != _place(task):
        msg = (
            f"two tasks are called {task.__name__}: in {_place(there)} and in {_place(task)}. Saved models name their "
            "class: rename one of them."
        )
        raise OptionError(msg)
    same = [one for name, one in TASKS.items() if one.kind == task.kind and name != task.__name__]
    if same and not any(issubclass(task, one) for one in same):
        msg = (
            f"{task.__name__} and {same[0].__name__} are both of the kind {task.kind!r}. Give one of them a kind of "
            "its own."
        )
        raise OptionError(msg)
    TASKS[task.__name__] = task


def find_task(name: str) -> type[FinetuneableZoobotAbstract] | None:
    """Return the task whose class has a name.

    It is an imported task, or one that an installed package declares, or None where there is none.
    """
    if name not in TASKS:
        _import_declared()
    return TASKS.get(name)


def task_of_kind(kind: str) -> type[FinetuneableZoobotAbstract]:
    """Return the task of a kind, as ``--task`` names it.

    Raises
    ------
    OptionError
        No such task.
    """
    kinds = _by_kind()
    if kind not in kinds:
        _import_declared()
        kinds = _by_kind()
    if kind not in kinds:
        msg = (
            f"there is no task {kind!r}. Expected one of {', '.join(sorted(kinds))}; import the module that defines a "
            "task of your own."
        )
        raise OptionError(msg)
    return kinds[kind]


def task_for_labels(labels: LabelKind) -> type[FinetuneableZoobotAbstract]:
    """Return the task for labels of a kind where no task was named."""
    return next(task for task in TASKS.values() if task.takes == labels and task.by_default)


def _by_kind() -> dict[str, type[FinetuneableZoobotAbstract]]:
    """Return the first task of each kind: those of ours come before classes made of them."""
    return {task.kind: task for task in reversed(TASKS.values())}


def _import_declared() -> None:
    """Import the tasks that installed packages declare, as entry points of the group ``zoobot.tasks``.

    They register themselves.
    """
    for point in entry_points(group="zoobot.tasks"):
        point.load()


def _place(task: type) -> str:
    """Return where a class is defined: a script that runs, and is imported too, defines it once."""
    file = getattr(sys.modules.get(task.__module__), "__file__", None)
    return f"{file or task.__module__} ({task.__qualname__})"
