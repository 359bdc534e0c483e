"""Writes docs/options.md, the options of all commands, which have them from `zoobot.settings`.

Run it with ``python docs/make_options.py``.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, get_args

from typer.models import ArgumentInfo

from zoobot.cli import app
from zoobot.settings import options_of
from zoobot.settings.option import choices_of

PAGE = Path(__file__).with_name("options.md")
HEAD = """# Options

All options of all commands, as `zoobot COMMAND --help` shows them. In Python they have the same names, with `_` for
`-`: as arguments of `zoobot.predict`, `zoobot.represent`, `GalaxyDataModule`, `get_trainer` and the models, and as
fields of `RunSettings` and `PretrainSettings`, which `run.json` keeps. Names in parentheses mean the same: they are
Python's, or those of earlier versions.

This page is written by `python docs/make_options.py`.
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(section(one.callback) for one in app.registered_commands)


def section(command: Any) -> str:
    """Return what stands of one command: its sentence, and a table for each heading of its options."""
    options = {name: one for group in getattr(command, "settings", ()) for name, one in options_of(group).items()}
    tables: dict[str, list[str]] = {}
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        other = [name, *options[name].was] if name in options else []
        panel = getattr(get_args(parameter.annotation)[1], "rich_help_panel", None) or "Options"
        tables.setdefault(panel, []).append(row(parameter, other))
    text = f"\n## zoobot {command.__name__}\n\n{command.__doc__}\n"
    for panel in sorted(tables, key=lambda one: one != "Options"):
        text += f"\n| {panel} | default | |\n|---|---|---|\n" + "".join(tables[panel])
    return text


def row(parameter: inspect.Parameter, other_names: list[str]) -> str:
    """Return the line of one option."""
    kind, info = get_args(parameter.annotation)[:2]
    if isinstance(info, ArgumentInfo):
        names = code(info.metavar)
    else:
        spelled = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
        flags = [flag for one in spelled or [dashed(parameter.name)] for flag in one.split("/")]
        other = [flag for one in other_names if (flag := dashed(one)) not in flags]
        names = ", ".join(map(code, flags)) + (f" ({', '.join(map(code, other))})" if other else "")
    default, choices = parameter.default, choices_of(kind)
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    is_off = default is None or default is False or default == ()
    shown = "required" if default is parameter.empty else "" if is_off else "on" if default is True else code(shown)
    text = info.help + (f" One of {', '.join(map(code, choices))}." if choices else "")
    return f"| {names} | {shown} | {text} |\n"


def dashed(name: str) -> str:
    """Return a name as the command line spells it."""
    return f"--{name.replace('_', '-')}"


def code(word: object) -> str:
    """Return a word as code."""
    return f"`{word}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
