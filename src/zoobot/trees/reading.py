"""Reading the text of a tree's file: YAML without types, code or surprises, and not without end."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from zoobot.errors import TreeError

MOST_BYTES = 200_000
MOST_NODES = 20_000
"""Questions, answers and all else, with what aliases stand for; the largest published tree has some 500"""
MOST_DEPTH = 12

_MAP, _LIST, _TEXT, _NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "null"))


def parse(text: str, source: str) -> dict[Any, Any]:
    """Return the mapping that a YAML (or JSON) text holds, every scalar but null as text.

    Parameters
    ----------
    text
        The text.
    source
        Where it is from, for messages.

    Raises
    ------
    TreeError
        It is not valid YAML, holds no mapping, has types, or is too large, too deep or endless.
    """
    if len(text) > MOST_BYTES:
        msg = (
            f"Tree file {source} has {len(text):,} letters, more than the {MOST_BYTES:,} that a tree can have: is it "
            "another file?"
        )
        raise TreeError(msg)
    try:
        _check_size(text, source)
        content = yaml.load(text, Loader=_TextLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, TreeError):
            raise
        msg = f"Tree file {source} is not valid YAML: {error}"
        raise TreeError(msg) from error
    if not isinstance(content, dict):
        msg = f"Tree file {source} holds no mapping: 'questions:' with one entry for each question was expected."
        raise TreeError(msg)
    return content


def _check_size(text: str, source: str) -> None:
    """Count nodes as they would be with each alias written out, before any is made."""
    sizes: dict[str, int] = {}
    around: list[tuple[str | None, int]] = []  # of each collection that is open: its anchor, and the nodes before it
    nodes = 0
    for event in yaml.parse(text, Loader=_TextLoader):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                msg = (
                    f"Tree file {source} has an alias *{event.anchor} inside of what it stands for, or of nothing: "
                    "write it out."
                )
                raise TreeError(msg)
            nodes += sizes[event.anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            around.append((event.anchor, nodes))
            sizes.pop(event.anchor or "", None)
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = around.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        if nodes > MOST_NODES or len(around) > MOST_DEPTH:
            msg = (
                f"Tree file {source} holds more than {MOST_NODES:,} entries, with what its aliases stand for, or more "
                f"than {MOST_DEPTH} inside one another: no tree does."
            )
            raise TreeError(msg)


class _TextLoader(yaml.SafeLoader):
    """YAML's safe loader that keeps every scalar but null as text, and refuses types and a key given twice.

    Plain YAML turns the answers ``yes`` and ``no`` into booleans, and keeps only the last of two equal questions.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own attribute)
        first: [(tag, pattern) for tag, pattern in resolvers if tag == _NULL]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012 (PyYAML's own attribute)
        tag: maker
        for tag, maker in yaml.SafeLoader.yaml_constructors.items()
        if tag in (_MAP, _LIST, _TEXT, _NULL, None)
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Mapping of one node, whose keys must be texts that differ."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != _TEXT:
                raise yaml.constructor.ConstructorError(problem="a name must be text", problem_mark=key.start_mark)
            if key.value in seen:
                problem = f"{key.value!r} is given twice; each may stand once"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
