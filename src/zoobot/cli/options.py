"""Commands that take the fields of settings as options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, get_args, get_origin

import typer

from zoobot.cli.common import checked
from zoobot.ranges import range_of
from zoobot.settings import Option, Settings, options_of, types_of


def with_options(*groups: type[Settings]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take the fields of settings as options.

    Its parameters of those types get the settings, built and checked.
    """

    def wrap(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [one for one in signature.parameters.values() if one.annotation not in groups]
        holders = {one.annotation: name for name, one in signature.parameters.items() if one.annotation in groups}
        named = {group: options_of(group) for group in groups}
        options = [
            _parameter(field, named[group][field.name], types[field.name], group.room)
            for group, types in ((group, types_of(group)) for group in groups)
            for field in fields(group)
            if field.name in named[group]
        ]

        def run(**given: Any) -> None:
            for group, holder in holders.items():
                taken = {name: (option, given.pop(name)) for name, option in named[group].items()}
                read = {
                    name: _read(option, value) for name, (option, value) in taken.items() if value not in (None, [])
                }
                given[holder] = group(**read)
            command(**given)

        parameters = [*options, *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own)]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.settings = groups  # type: ignore[attr-defined]  # for who writes a page of options
        return run

    return wrap


def former_names(*groups: type[Settings]) -> dict[str, Any]:
    """Return the ``context_settings`` by which a command knows options by their earlier names too, and by Python's."""
    now = {
        was.replace("_", "-"): _flag(name, option)
        for group in groups
        for name, option in options_of(group).items()
        for was in (name, *option.was)
    }
    return {"token_normalize_func": lambda token: now.get(token, token)}


def _parameter(field: Field[Any], option: Option, kind: Any, room: str) -> inspect.Parameter:
    """Return a field as typer takes it, with its flags, help and range.

    The help says the range and a callback checks it.
    """
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    details: dict[str, Any] = {"metavar": option.metavar, "show_default": default not in (None, ())}
    for part in (kind, *get_args(kind)):
        if get_origin(part) is tuple and Ellipsis in get_args(part):  # typer has no tuple[X, ...]
            kind, default = list[get_args(part)[0]] | None, None  # type: ignore[misc]
            break
    kind = option.given or kind
    details |= checked(option.help, range_of(field.name, room))
    if option.argument:
        info: Any = typer.Argument(**details)
    else:
        details["rich_help_panel"] = option.panel
        flag = f"--{_flag(field.name, option)}"
        info = typer.Option(f"{flag}/--no-{flag[2:]}" if field.default is True else flag, **details)
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )


def _flag(name: str, option: Option) -> str:
    return option.flag or name.replace("_", "-")


def _read(option: Option, value: Any) -> Any:
    return value if option.read is None else option.read(value)
