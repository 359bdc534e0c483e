"""Every command and its options that take paths, as the typer application declares them.

A new command is found here by itself.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from typer.models import ArgumentInfo, CommandInfo

from zoobot.cli import app

NO_PATHS = {
    "finetune": {"label_cols", "group_col", "hdu", "device", "class_weights"},
    "predict": {"by", "hdu", "device"},
    "represent": {"hdu", "device"},
    "evaluate": {"by", "group_col", "hdu", "device"},
    "select": {"class_name", "label"},
    "compare": {"label", "group_col", "hdu", "device"},
    "check": {"device"},
    "explain": {"target", "group_col", "hdu"},
    "pretrain": {"surveys", "hf_split", "group_col", "hdu", "architecture", "accelerator"},
}
"""Options with text that is no path; any other text is taken for one"""

OUTPUTS = {
    ("finetune", "out"), ("evaluate", "out"), ("select", "out"), ("compare", "out"), ("explain", "out"),
    ("pretrain", "out"), ("simulate", "out"), ("demo", "out"), ("predict", "out"), ("represent", "out"),
    ("report", "out"),
}  # fmt: skip
FILES = {("predict", "out"): ".csv", ("represent", "out"): ".csv", ("report", "out"): ".html"}
"""Outputs that are files, and their ending; the others are folders"""

_QUICK = {"image_size": 32, "num_workers": 0}
BASE: dict[str, dict[str, object]] = {
    "finetune": {"catalog": "{catalog}", "label_cols": "ring", "encoder": "{encoder}", "out": "{out}", "max_epochs": 1,
        **_QUICK},
    "demo": {"out": "{out}"},
    "predict": {"catalog": "{catalog}", "model": "{run}/model", "out": "{out}.csv", "num_workers": 0},
    "represent": {"catalog": "{catalog}", "encoder": "{encoder}", "out": "{out}.csv", **_QUICK},
    "evaluate": {"catalog": "{catalog}", "model": "{run}/model", "out": "{out}", "num_workers": 0},
    "select": {"predictions": "{run}/predictions.csv", "model": "{run}", "out": "{out}", "completeness": 0.5},
    "compare": {"catalog": "{catalog}", "label": "ring", "encoder": "{encoder}", "out": "{out}", "n_repeats": 2,
        **_QUICK},
    "report": {"folder": "{run}", "out": "{out}.html"},
    "pretrain": {
        "out": "{out}", "architecture": "test_convnext", "images": 8, "batch_size": 8, "val_galaxies": 8,
        "accelerator": "cpu", **_QUICK,
    },
    "simulate": {"out": "{out}", "n_galaxies": 2, "size": 40},
    "check": {"run": "{run}", "num_workers": 0},
    "explain": {"catalog": "{catalog}", "model": "{run}/model", "out": "{out}", "limit": 1, "num_workers": 0},
    "models": {},
    "cache info": {},
    "cache clear": {},
}  # fmt: skip
"""Options with which each command does its work, quickly"""

INSTEAD: dict[tuple[str, str], dict[str, object]] = {
    ("finetune", "tree"): {"label_cols": None},
    ("pretrain", "encoder"): {"architecture": None},
    ("pretrain", "galaxies"): {"trees": "gz2"},
    ("select", "audited"): {"predictions": None, "model": None, "out": None, "completeness": None},
}
"""What else changes where an option is given"""


def _commands() -> Iterator[tuple[str, CommandInfo]]:
    groups = [("", app), *((f"{group.name} ", group.typer_instance) for group in app.registered_groups)]
    for prefix, group in groups:
        for command in group.registered_commands:
            yield prefix + (command.name or command.callback.__name__), command


def _parameters(command: Callable[..., Any]) -> Iterator[tuple[str, set[Any], Any]]:
    """Return each parameter's name, the types that it may be, and its typer declaration."""
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        assert get_origin(parameter.annotation) is Annotated
        of, info = get_args(parameter.annotation)[:2]
        kinds = get_args(of) if isinstance(of, types.UnionType) else (of,)
        yield name, {get_args(kind)[0] if get_origin(kind) is list else kind for kind in kinds}, info


_INFOS = dict(_commands())
COMMANDS = {name: info.callback for name, info in _INFOS.items()}
PATH_OPTIONS = [
    (command, name)
    for command, callback in COMMANDS.items()
    for name, kinds, _ in _parameters(callback)
    if Path in kinds or (str in kinds and name not in NO_PATHS.get(command, ()))
]


def arguments(command: str, known: dict[str, object], **changed: object) -> list[str]:
    """Return a command's arguments.

    They are those of `BASE` with what is ``known`` put in, and some options changed, as they stand. Options have the
    names of Python or, as in ``label`` and ``test``, those of the command line.
    """
    former = (_INFOS[command].context_settings or {}).get("token_normalize_func", str)
    in_python = {former(name.replace("_", "-")): name for name, _, _ in _parameters(COMMANDS[command])}
    changed = {in_python.get(former(name.replace("_", "-")), name): value for name, value in changed.items()}
    values = {name: str(value).format(**known) for name, value in BASE[command].items()}
    for option in changed:
        values |= {name: value for name, value in INSTEAD.get((command, option), {}).items() if name not in changed}
    values |= changed
    positional, options = command.split(), []
    for name, _, info in _parameters(COMMANDS[command]):
        if values.get(name) is None:
            continue
        if isinstance(info, ArgumentInfo):
            positional.append(str(values[name]))
        else:
            options += [next(iter(info.param_decls or ()), "--" + name.replace("_", "-")), str(values[name])]
    return [*positional, *options]
