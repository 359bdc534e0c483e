"""Reads pages: their tags, attributes and text, and whether what is opened is closed."""

from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br", "link", "hr"}


class Reader(HTMLParser):
    """Reads a page: its tags and attributes, its text, and whether what is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.stack, self.text, self.attributes = [], [], [], []
        self.feed(html)
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if not self.stack or self.stack[-1] != "style":
            self.text.append(data)


def read(path: Path) -> Reader:
    return Reader(path.read_text(encoding="utf-8"))


def said(page: Reader) -> str:
    return " ".join(" ".join(page.text).split())
