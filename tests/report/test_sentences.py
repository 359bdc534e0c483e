"""Each sentence of a report comes from the table; it is said where it is true, and not where it isn't."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.report.cases import CASES
from tests.report.pairs import EVERYWHERE, PAIRS
from tests.report.reader import prose

from zoobot.report import sentences, tasks, write_report
from zoobot.report.sentences import Cause, Sentence, Words

DOCUMENTED = Path(__file__).parents[2] / "docs" / "report.md"
NUMBER = re.compile(r"[−\d.,e-]+")
"""What stands in a tile: a figure, which is no sentence"""


@dataclass
class Rendered:
    """A page: the texts of its elements, and what the table said, by key."""

    texts: list[str]
    said: dict[str, list[str]] = field(default_factory=dict)


def no_picture(file_loc: str, preprocessing: Any) -> str:
    """Stand in for a thumbnail, which takes long; images that are nowhere can't be read."""
    if file_loc.startswith("/nowhere"):
        msg = f"{file_loc} is gone"
        raise OSError(msg)
    return ""


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Rendered]:
    """Write each case's page, drawing nothing, and keep what the table said."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoobot.report.theme.Plot.save", lambda plot, folder: None)
        patch.setattr("zoobot.report.theme.Plot.to_svg", lambda plot, title: "<svg></svg>")
        patch.setattr("zoobot.report.galleries.thumbnail", no_picture)
        patch.setattr("zoobot.report.galleries.MOST_IMAGES", 60)
        say = Sentence.say
        for name, write in CASES.items():
            said: dict[str, list[str]] = {}

            def record(sentence: Sentence[Any], facts: Any, said: dict[str, list[str]] = said) -> str:
                words = say(sentence, facts)
                if words:
                    said.setdefault(sentence.key, []).append(words)
                return words

            patch.setattr(Sentence, "say", record)
            folder = tmp_path_factory.mktemp(name)
            write(folder)
            found[name] = Rendered(prose(write_report(folder)), said)
    return found


def in_table(value: Any) -> Iterator[str]:
    """Return the keys of all sentences in a value of the modules of sentences."""
    if isinstance(value, Sentence):
        yield value.key
    elif isinstance(value, Words):
        yield from in_table((*value.title, *value.caption))
    elif isinstance(value, Cause):
        yield f"{value.key}.title"
        yield from in_table(tuple(value.text))
    elif isinstance(value, sentences.looks.Look):
        yield from in_table(value.why_not)
    elif isinstance(value, dict):
        yield from in_table(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from in_table(one)


def all_keys() -> dict[str, list[str]]:
    """Return the keys of each module of the table."""
    found = {}
    for package in (sentences, tasks):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            content = vars(importlib.import_module(module.name))
            if not module.name.endswith(".causes"):  # which gathers those of other modules
                found[module.name] = [
                    key for name, value in content.items() if name.isupper() for key in in_table(value)
                ]
    return found


def is_made_of(text: str, spoken: set[str]) -> bool:
    """Say whether a text is one thing after the other that was said.

    Between them is a space (after a title a full stop).
    """
    reached = {0}
    for place in range(len(text)):
        if place in reached:
            ends = {place + len(one) for one in spoken if text.startswith(one, place)}
            reached |= ends | {end + len(gap) for end in ends for gap in (" ", ". ") if text.startswith(gap, end)}
    return len(text) in reached


def test_every_sentence_of_a_page_is_in_the_table(pages):
    for name, page in pages.items():
        spoken = {" ".join(text.split()) for words in page.said.values() for text in words}
        strange = [text for text in page.texts if not is_made_of(text, spoken) and not NUMBER.fullmatch(text)]
        assert not strange, name


def test_every_sentence_has_a_run_that_says_it_and_one_that_does_not():
    keys = [key for own in all_keys().values() for key in own]
    assert len(keys) == len(set(keys))
    assert set(keys) == set(PAIRS) | EVERYWHERE


def test_what_is_said_everywhere(pages):
    for name, page in pages.items():
        assert set(page.said) >= EVERYWHERE, name


def test_the_documented_cautions_are_those_of_the_table():
    before_other_tables = DOCUMENTED.read_text(encoding="utf-8").partition("## How often intervals cover")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", before_other_tables, re.MULTILINE)
    assert rows[2:] == [(cause.name, cause.documented) for cause in sentences.CAUSES]


@pytest.mark.parametrize("key", PAIRS)
def test_said_where_it_is_true_and_not_where_it_is_not(key, pages):
    true, untrue = PAIRS[key]
    assert key in pages[true].said
    assert key not in pages[untrue].said
