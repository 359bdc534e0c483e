"""What an entry of the table of sentences is: a key, the condition under which it is true, and its words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zoobot.report.caution import Caution, Gravity

if TYPE_CHECKING:
    from zoobot.report.findings import Findings

F = TypeVar("F")
"""The facts that a sentence is about: a whole run, one part, one label, or what a plot drew"""


def always(facts: object) -> bool:  # noqa: ARG001
    """Return True: the condition of a sentence that is true wherever its place is shown."""
    return True


@dataclass(frozen=True)
class Sentence(Generic[F]):
    """One thing that a page can say, in a sentence or a few that stand or fall together.

    Attributes
    ----------
    key : str
        Its name, unique in the table.
    when : callable
        Takes the facts and says whether it is true of them.
    text : str or callable
        The words, or what makes them of the facts.
    """

    key: str
    when: Callable[[F], object]
    text: str | Callable[[F], str]

    def say(self, facts: F) -> str:
        """Return the words, empty where they are not true of the facts."""
        if not self.when(facts):
            return ""
        return self.text if isinstance(self.text, str) else self.text(facts)


def said(place: Sequence[Sentence[F]], facts: F) -> str:
    """Return what is true of the facts among the sentences of a place, one after the other."""
    return " ".join(words for one in place if (words := one.say(facts)))


@dataclass(frozen=True, kw_only=True)
class Words(Generic[F]):
    """Heading and caption of a plot, table or gallery."""

    title: Sequence[Sentence[F]] = ()
    caption: Sequence[Sentence[F]] = ()


def the_whole_run(run: Findings) -> list[Any]:
    """Return the run itself: what a caution is about that is given once."""
    return [run]


@dataclass(frozen=True, kw_only=True)
class Cause(Generic[F]):
    """A cause for caution.

    Attributes
    ----------
    key : str
        Its key, unique in the table.
    name : str
        What it is in a few words; the caution's title, unless ``title`` makes one of the facts.
    each : callable
        Takes the findings and returns what it may be given for: the run, or its parts, labels, questions.
    when : callable
        Takes one of them and says whether there is cause.
    gravity : str or callable
        How grave it is.
    title : callable or None
        Takes the facts and returns the title.
    text : sequence of Sentence
        What follows of it.
    documented : str
        When it is given, as docs/report.md says it.
    """

    key: str
    name: str
    each: Callable[[Findings], Iterable[F]] = the_whole_run
    when: Callable[[F], object]
    gravity: Gravity | Callable[[F], Gravity]
    title: Callable[[F], str] | None = None
    text: Sequence[Sentence[F]]
    documented: str

    def cautions(self, run: Findings) -> list[Caution]:
        """Return the cautions that a run gives cause for."""
        return [self._caution(facts) for facts in self.each(run) if self.when(facts)]

    def _caution(self, facts: F) -> Caution:
        title = Sentence(f"{self.key}.title", always, self.title or self.name)
        gravity = self.gravity(facts) if callable(self.gravity) else self.gravity
        return Caution(gravity, title.say(facts), said(self.text, facts))
