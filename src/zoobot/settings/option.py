"""What an option is: a field of a frozen dataclass, with its type, default, range and help.

It is written once for commands, files and Python.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from zoobot.errors import ModelFileError, OptionError
from zoobot.ranges import check_choice, check_fields

FORMAT_VERSION = 2
"""Of settings in files; those without one are of version 1"""
_VERSION_KEY = "format_version"


@dataclass(frozen=True)
class Option:
    """How a command takes a field of settings, and what it is for: ``Annotated[int, Option("Batch size.")]``.

    Parameters
    ----------
    help
        What it is for, in a sentence or two; the range is added.
    panel
        The heading of ``--help`` that it stands under.
    was
        Earlier names: files of earlier versions and command lines may have them.
    flag
        Its name on the command line, where that is not the field's.
    metavar
        What stands for the value in ``--help``.
    argument
        It is given by its place on the command line, not by a flag.
    given
        What the command line holds, where that is not the field's type.
    read
        Makes the field's value of what the command line holds.
    """

    help: str
    panel: str = "Options"
    was: tuple[str, ...] = ()
    flag: str = ""
    metavar: str | None = None
    argument: bool = False
    given: Any = None
    read: Callable[[Any], Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A group of options; each field is one.

    Raises
    ------
    OptionError
        A number outside its range, or none of the choices.
    """

    room: ClassVar[str] = ""
    """Whose ranges count; see `zoobot.ranges.RANGES`"""

    def __post_init__(self) -> None:
        for name, kind in types_of(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, list) and any(tuple in (part, get_origin(part)) for part in (kind, *get_args(kind))):
                object.__setattr__(self, name, tuple(value))
            choices = choices_of(kind)
            if choices and not (value is None and NoneType in get_args(kind)):
                check_choice(name, value, choices)
        check_fields(self, self.room)

    @classmethod
    def of(cls, settings: Any) -> Self:
        """Return this group of options out of settings that have them among others."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})

    def to_dict(self) -> dict[str, Any]:
        """Return the options by name, as JSON can hold them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def to_file(self) -> dict[str, Any]:
        """Return what a file of settings holds; see `from_file`."""
        return {_VERSION_KEY: FORMAT_VERSION, **self.to_dict()}

    @classmethod
    def from_file(cls, content: Mapping[str, Any], where: object) -> Self:
        """Return the settings that a file of this version, or of an earlier one, holds.

        Parameters
        ----------
        content
            What the file holds, as JSON.
        where
            What to call the file.

        Raises
        ------
        ModelFileError
            A newer version, an unknown option, or values that can't be.
        """
        version = content.get(_VERSION_KEY, 1)
        if not isinstance(version, int) or version > FORMAT_VERSION:
            msg = (
                f"{where} has settings of format {version}, and this version of zoobot reads formats up to "
                f"{FORMAT_VERSION}. Use the version of zoobot that wrote it, or a newer one."
            )
            raise ModelFileError(msg)
        named = named_now(cls, content)
        if not set(named) & {field.name for field in fields(cls)}:
            msg = (
                f"{where} says nothing of a run's settings: it is damaged, or of something else. Use --overwrite, or "
                "another folder."
            )
            raise ModelFileError(msg)
        unknown = set(named) - {field.name for field in fields(cls)}
        if unknown:
            msg = (
                f"{where} has settings that this version of zoobot doesn't know: {', '.join(sorted(unknown))}. Use "
                "the version that wrote it."
            )
            raise ModelFileError(msg)
        try:
            return cls(**named)
        except (TypeError, ValueError) as err:
            msg = f"{where} holds settings that can't be: {err}"
            raise ModelFileError(msg) from err

    def check_unchanged(self, before: Self, folder: object, free: Collection[str]) -> None:
        """Refuse to go on with a run with other settings than ``before``, those in ``free`` apart.

        Raises
        ------
        OptionError
            Some differ; names them, with both values.
        """
        then, now = before.to_dict(), self.to_dict()
        changed = [
            f"{name} was {then[name]!r} and is now {now[name]!r}"
            for name in now
            if name not in free and then[name] != now[name]
        ]
        if changed:
            msg = (
                f"the run in {folder} was started with other settings: {'; '.join(changed)}. Resume with the same, or "
                "use --overwrite."
            )
            raise OptionError(msg)


def types_of(group: type[Settings]) -> dict[str, Any]:
    """Return the type of each field."""
    hints = get_type_hints(group)
    return {field.name: hints[field.name] for field in fields(group)}


def options_of(group: type[Settings]) -> dict[str, Option]:
    """Return the option that each field is; fields that no command takes are left out."""
    hints = get_type_hints(group, include_extras=True)
    found = {field.name: getattr(hints[field.name], "__metadata__", ()) for field in fields(group)}
    return {name: extras[0] for name, extras in found.items() if extras}


def named_now(group: type[Settings], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a file holds under the names that they have now."""
    now = {was: name for name, option in options_of(group).items() for was in option.was}
    return {now.get(name, name): value for name, value in content.items() if name != _VERSION_KEY}


def choices_of(kind: Any) -> tuple[str, ...]:
    """Return the values that a type allows, where it is a list of them (and None); else none."""
    named, *others = (
        part for part in (get_args(kind) if get_origin(kind) in (Union, UnionType) else [kind]) if part is not NoneType
    )
    return get_args(named) if get_origin(named) is Literal and not others else ()
