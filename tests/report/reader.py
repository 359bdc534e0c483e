"""Reads pages: their tags, attributes and text, and whether what is opened is closed."""

from html.parser import HTMLParser
from pathlib import Path

Attributes = list[tuple[str, str | None]]
VOID = {"meta", "img", "br", "link", "hr"}


class Reader(HTMLParser):
    """Reads a page: its tags and attributes, its text, and whether what is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.stack: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(html)
        assert not self.stack

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.stack or self.stack[-1] != "style":
            self.text.append(data)


def read(path: Path) -> Reader:
    return Reader(path.read_text(encoding="utf-8"))


def said(page: Reader) -> str:
    return " ".join(" ".join(page.text).split())


PROSE = {"p", "h1", "h2", "h3", "figcaption", "small", "dd", "footer"}
"""Elements that hold sentences"""
PROSE_CLASSES = {"banner", "caution"}
NOT_PROSE = {"kind", "id", "cutout"}
"""Classes of elements that hold names and numbers of galaxies, or the name of the page"""


class Prose(HTMLParser):
    """Collects the text of each element that holds sentences."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[tuple[str, bool, bool]] = []
        self.inside = self.left_out = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag in VOID:
            return
        classes = set((dict(attrs).get("class") or "").split())
        starts = tag in PROSE or bool(classes & PROSE_CLASSES)
        out = bool(classes & NOT_PROSE) or tag in ("style", "svg", "script")
        self.open.append((tag, starts, out))
        self.left_out += out
        if starts and not self.inside and not self.left_out:
            self.found.append("")
        self.inside += starts

    def handle_endtag(self, tag: str) -> None:
        while self.open:
            name, starts, out = self.open.pop()
            self.inside -= starts
            self.left_out -= out
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if self.inside and not self.left_out:
            self.found[-1] += data


def prose(path: Path) -> list[str]:
    """Return the text of each element of a page that holds sentences, with single spaces."""
    texts = (" ".join(text.split()) for text in Prose(path.read_text(encoding="utf-8")).found)
    return [text for text in texts if text]
