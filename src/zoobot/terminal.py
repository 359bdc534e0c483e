"""The terminal: what is written there is text, never markup.

Characters that would act on the terminal are shown as escapes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console, ConsoleDimensions
from rich.table import Column, Table
from rich.text import Text

PIPED_WIDTH = 10_000
"""Columns where the output goes to a file or a pipe: nothing is cut off or broken there."""

_ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters other than the line feed, those that change the direction of writing, and bytes that are no text
"""


def printable(text: str) -> str:
    r"""Return a text with characters that act on a terminal as escapes.

    The start of an ANSI sequence becomes ``\x1b``.
    """
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Terminal(Console):
    """A console without markup, emoji codes and highlighting.

    Parameters
    ----------
    stderr
        Write to standard error.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    @property  # type: ignore[misc]  # nobody sets it
    def size(self) -> ConsoleDimensions:
        """Width and height in characters."""
        found = super().size
        piped = not self.is_terminal and "COLUMNS" not in os.environ
        return ConsoleDimensions(PIPED_WIDTH, found.height) if piped else found

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text as rich shows it, all of it literally."""
        return super().render_str(printable(text), **{**options, "emoji": False, "markup": False})


def make_table(headings: Sequence[str], title: str | None = None, **options: Any) -> Table:
    """Return an empty table, whose cells are broken rather than cut off where they are too wide."""
    return Table(*(Column(heading, overflow="fold") for heading in headings), title=title, **options)
