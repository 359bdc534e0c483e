"""What the values of a JSON object must be.

Read from a file that may be damaged or hostile, they are checked before they are used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LARGEST = 1e12
"""No number of a saved model is larger"""

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
"""A name that is no path and no address"""


@dataclass(frozen=True)
class Fault:
    """A value that is not of its kind: where it is in the object, what was found and what was expected."""

    found: str
    expected: str
    at: str = ""

    def inside(self, place: str) -> Fault:
        """Return the same fault, of an entry of something larger."""
        dot = "." if self.at and not self.at.startswith("[") else ""
        return Fault(self.found, self.expected, f"{place}{dot}{self.at}")

    def __str__(self) -> str:
        return f"{self.at or 'it'} is {self.found}, expected {self.expected}"


@dataclass(frozen=True)
class Kind:
    """What a value must be.

    It is given in words that follow "expected", and as a function to what is wrong with a value, or None.
    """

    expected: str
    fault: Callable[[Any], Fault | None]


def plain(expected: str, accepts: Callable[[Any], bool]) -> Kind:
    """Return the kind of values without parts that a function accepts."""
    return Kind(expected, lambda value: None if accepts(value) else Fault(shown(value), expected))


def whole(low: int, high: int) -> Kind:
    """Return the kind of whole numbers in a range, ends included."""

    def accepts(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return plain(f"a whole number from {low:,} to {high:,}", accepts)


def real(low: float = -LARGEST, high: float = LARGEST) -> Kind:
    """Return the kind of finite numbers in a range, ends included."""

    def accepts(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high  # false for NaN

    return plain(f"a number from {low:g} to {high:g}", accepts)


def text(longest: int = 10_000, pattern: str | None = None, expected: str = "a text") -> Kind:
    """Return the kind of texts that are no longer than so many letters, and as a pattern says."""

    def accepts(value: Any) -> bool:
        known = isinstance(value, str) and len(value) <= longest
        return known and (pattern is None or re.fullmatch(pattern, value) is not None)

    return plain(expected, accepts)


def one_of(*values: str) -> Kind:
    """Return the kind of some texts."""
    return plain(f"one of {', '.join(map(repr, values))}", lambda value: isinstance(value, str) and value in values)


FLAG = plain("true or false", lambda value: isinstance(value, bool))
NULL = plain("null", lambda value: value is None)
ANYTHING = Kind("anything", lambda _: None)


def either(*kinds: Kind) -> Kind:
    """Return the kind of values that are of one kind or another."""
    expected = " or ".join(kind.expected for kind in kinds)

    def fault(value: Any) -> Fault | None:
        faults = [kind.fault(value) for kind in kinds]
        if None in faults:
            return None
        deeper = [one for one in faults if one is not None and one.at]
        return deeper[0] if deeper else Fault(shown(value), expected)

    return Kind(expected, fault)


def maybe(kind: Kind) -> Kind:
    """Return the kind of a value that may be ``null``."""
    return either(kind, NULL)


def many(kind: Kind, least: int = 0, most: int = 1_000_000) -> Kind:
    """Return the kind of lists of so many values of a kind."""
    expected = f"a list of {f'{least:,}' if least == most else f'{least:,} to {most:,}'} values"

    def fault(value: Any) -> Fault | None:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            return Fault(shown(value), expected)
        return _first((f"[{place}]", kind.fault(one)) for place, one in enumerate(value))

    return Kind(expected, fault)


def table(kind: Kind) -> Kind:
    """Return the kind of objects whose entries, of any name, are all of one kind."""

    def fault(value: Any) -> Fault | None:
        if not isinstance(value, Mapping):
            return Fault(shown(value), "an object")
        return _first((str(name), kind.fault(one)) for name, one in value.items())

    return Kind("an object", fault)


def entries(required: Mapping[str, Kind], optional: Mapping[str, Kind] | None = None, *, others: bool = True) -> Kind:
    """Return the kind of objects with entries of known names.

    It says which entries must be there, which may be, and whether others may.
    """
    known = {**required, **(optional or {})}
    expected = f"an object with {', '.join(required)}" if required else "an object"

    def fault(value: Any) -> Fault | None:
        if not isinstance(value, Mapping):
            return Fault(shown(value), expected)
        for name in required:
            if name not in value:
                return Fault("missing", required[name].expected, name)
        unknown = [name for name in value if name not in known]
        if unknown and not others:
            return Fault("not known", f"one of {', '.join(known)}", str(unknown[0]))
        return _first((name, kind.fault(value[name])) for name, kind in known.items() if name in value)

    return Kind(expected, fault)


def numbers(most: float, depth: int = 6) -> Kind:
    """Return the kind of anything that JSON can hold, with numbers that are finite and within a limit.

    A temperature is above 0.
    """
    number, temperature = real(-most, most), real(1e-9, LARGEST)
    expected = f"finite numbers up to {most:g}"

    def fault(value: Any) -> Fault | None:
        if value is None or isinstance(value, bool | str):
            return None
        if isinstance(value, int | float):
            return number.fault(value)
        if depth == 0 or not isinstance(value, Mapping | list | tuple):
            return Fault(shown(value), expected)
        inner = numbers(most, depth - 1)
        if isinstance(value, Mapping):
            parts = (
                (str(name), (temperature if name == "temperature" else inner).fault(one)) for name, one in value.items()
            )
        else:
            parts = ((f"[{place}]", inner.fault(one)) for place, one in enumerate(value))
        return _first(parts)

    return Kind(expected, fault)


def harmless(most: float) -> Kind:
    """Return the kind of values that say no more than how something is built.

    They are numbers, flags, short names, and lists of these.
    """

    def accepts(value: Any, depth: int = 3) -> bool:
        if isinstance(value, list | tuple):
            return depth > 0 and len(value) <= 1000 and all(accepts(one, depth - 1) for one in value)
        if isinstance(value, str):
            return len(value) <= 100 and not re.search(r"[/\\:\0]", value)
        if isinstance(value, int | float):
            return math.isfinite(value) and abs(value) <= most
        return value is None

    return plain(f"numbers up to {most:,.0f}, names without '/' and ':', true, false, null, or lists of these", accepts)


def shown(value: Any) -> str:
    """Return a value as a message names it, short."""
    whole_value = (
        repr(value) if not isinstance(value, Mapping | list | tuple) else f"{type(value).__name__} of {len(value)}"
    )
    return whole_value if len(whole_value) <= 80 else f"{whole_value[:77]}..."


def _first(parts: Iterable[tuple[str, Fault | None]]) -> Fault | None:
    """Return the first fault of the parts of something, with its place."""
    return next((fault.inside(place) for place, fault in parts if fault is not None), None)
