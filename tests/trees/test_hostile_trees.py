"""A file that is no tree is refused as such, at once, whatever it is.

It may be endless, deep, typed, of the wrong kind, or no file at all.
"""

import os

import pytest
import yaml

from zoobot import trees
from zoobot.errors import TreeError
from zoobot.trees.reading import MOST_BYTES, MOST_DEPTH, MOST_NODES, parse

GOOD = {
    "name": "n",
    "title": "t",
    "questions": {"ring": {"answers": ["yes", "no"]}, "arms": {"answers": ["1", "2"], "asked_after": ["ring_yes"]}},
}


def laughs(levels: int, kind: str) -> str:
    """A billion laughs: each line stands for ten of the line before."""
    lines = ["a0: &a0 [x, x]"]
    for n in range(levels):
        ten = ", ".join([f"*a{n}"] * 10)
        lines.append(
            f"a{n + 1}: &a{n + 1} "
            + (f"[{ten}]" if kind == "list" else "{" + ", ".join(f"k{k}: *a{n}" for k in range(10)) + "}")
        )
    return "\n".join([*lines, "questions: {q: {answers: *a1}}"])


HOSTILE = {
    "laughs": (laughs(9, "list"), "entries, with what its aliases stand for"),
    "laughing mappings": (laughs(9, "mapping"), "entries, with what its aliases stand for"),
    "deep lists": ("questions: " + "[" * 5000 + "]" * 5000, f"more than {MOST_DEPTH} inside one another"),
    "deep mappings": ("questions: " + "{a: " * 5000 + "b" + "}" * 5000, f"more than {MOST_DEPTH} inside one another"),
    "deep blocks": ("\n".join(" " * n + "a:" for n in range(400)), f"more than {MOST_DEPTH} inside one another"),
    "long": ("questions: {q: {answers: [" + "a, " * (MOST_NODES + 1) + "b]}}", "no tree does"),
    "a circle": ("questions: &q {a: *q}", "inside of what it stands for"),
    "a circle of lists": ("questions: {q: {answers: &a [*a]}}", "inside of what it stands for"),
    "an unknown alias": ("questions: *q", "of nothing"),
    "too large": ("# " + "x" * MOST_BYTES, "is it another file"),
    "an int": ("questions: {q: {answers: [!!int x, b]}}", "not valid YAML"),
    "a good int": ("questions: {q: {answers: [!!int 3, b]}}", "not valid YAML"),
    "a float": ("questions: {q: {answers: [!!float x]}}", "not valid YAML"),
    "a time": ("questions: {q: {answers: [!!timestamp x]}}", "not valid YAML"),
    "bytes": ("questions: {q: {answers: [!!binary x]}}", "not valid YAML"),
    "a set": ("questions: !!set {q, r}", "not valid YAML"),
    "an object": ("questions: !!python/object/apply:os.getcwd []", "not valid YAML"),
    "a list as a name": ("questions: {[a, b]: {answers: [c]}}", "a name must be text"),
    "null as a name": ("questions: {~: {answers: [c]}}", "a name must be text"),
    "two documents": ("questions: {q: {answers: [a]}}\n---\nquestions: {}", "not valid YAML"),
    "a null character": ("questions: {q: {answers: [a\0]}}", "not valid YAML"),
    "tabs": ("questions:\n\tq: 1", "not valid YAML"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files(kind, tmp_path):
    text, words = HOSTILE[kind]
    (tmp_path / "tree.yaml").write_text(text)
    with pytest.raises(TreeError, match=words) as error:
        trees.load(tmp_path / "tree.yaml")
    assert len(str(error.value)) < 1000


def test_a_few_aliases_are_fine(tmp_path):
    (tmp_path / "tree.yaml").write_text(
        "questions: {q: {answers: &yes-no [yes, no]}, r: {answers: *yes-no, asked_after: q_yes}}"
    )
    assert trees.load(tmp_path / "tree.yaml").label_cols == ["q_yes", "q_no", "r_yes", "r_no"]


def places(value, at=()):
    yield at
    for name, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(one, (*at, name))


ODD = (
    None,
    "",
    "x",
    3,
    -1.5,
    True,
    [],
    {},
    [[]],
    [{}],
    {"a": []},
    {"a": {"b": "c"}},
    [None],
    ["x", "x"],
    10**30,
    b"x",
    object(),
)


@pytest.mark.parametrize("at", [at for at in places({**GOOD, "campaigns": {"c": ["ring"]}}) if at])
def test_any_entry_may_be_of_another_type(at):
    """A tree, or a TreeError that is not long: nothing else."""
    for odd in ODD:
        content = yaml.safe_load(yaml.safe_dump({**GOOD, "campaigns": {"c": ["ring"]}}))
        inner = content
        for step in at[:-1]:
            inner = inner[step]
        inner[at[-1]] = odd
        try:
            tree = trees.load(content)
        except TreeError as error:
            message = str(error)
        else:
            message = str(tree)
            assert trees.load(tree.to_dict()) == tree
            assert all(type(column) is str for column in tree.label_cols)
            assert type(tree.name) is str and type(tree.title) is str
        assert len(message) < 1000


@pytest.mark.parametrize(
    "content",
    [
        {"question_answer_pairs": {"q": "yes"}},
        {"question_answer_pairs": {"q": {"a": 1}}},
        {"question_answer_pairs": {1: ["a"]}},
        {"question_answer_pairs": {"q": ["a"]}, "dependencies": ["q"]},
        {"question_answer_pairs": {"q": ["a"]}, "dependencies": {"q": 1}},
        {"question_answer_pairs": {"q": ["a"]}, "name": ["n"]},
        {"question_answer_pairs": {"q": ["a"]}, "campaigns": "c"},
        {"question_answer_pairs": {f"q{n}": ["a"] for n in range(1000)}},
    ],
)
def test_the_other_form_too(content):
    with pytest.raises(TreeError):
        trees.load(content)


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    for path in (
        tmp_path / "pipe.yaml",
        "/dev/zero",
        tmp_path,
        "x" * 300,
        "nul\0l",
        tmp_path / "loop.yaml",
        "",
        "~nobody_here/x",
        tmp_path / "no.yaml",
    ):
        with pytest.raises(TreeError):
            trees.load(path)


def test_json_is_yaml():
    assert parse('{"questions": {"q": {"answers": ["a"], "asked_after": null}}}', "x") == {
        "questions": {"q": {"answers": ["a"], "asked_after": None}}
    }
