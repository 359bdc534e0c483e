"""Packaged trees are the published ones; names, files and dicts load, and say what is wrong where they don't."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from zoobot import trees
from zoobot.errors import TreeError

FACTS = Path(__file__).parents[2].parent / "shared" / "trees"


def test_names():
    assert len(trees.names()) == 16
    assert trees.names() == sorted(trees.names())
    assert {"gz2", "gz_decals_dr5", "gz_evo_v2", "gz_rings"} <= set(trees.names())


@pytest.mark.parametrize("name", trees.names())
def test_packaged_tree_holds_the_published_facts(name):
    if not FACTS.is_dir():
        pytest.skip(f"no published trees at {FACTS} to compare with")
    assert {path.stem for path in FACTS.glob("*.yaml")} == set(trees.names())
    facts = yaml.safe_load((FACTS / f"{name}.yaml").read_text())
    tree = trees.load(name)
    assert (tree.name, tree.title) == (name, facts["title"])
    columns = [f"{question}_{a}" for question, parts in facts["questions"].items() for a in parts["answers"]]
    assert tree.label_cols == columns
    assert {question.text: list(question.asked_after) for question in tree.questions} == {
        question: parts["asked_after"] for question, parts in facts["questions"].items()
    }
    assert trees.load(FACTS / f"{name}.yaml") == tree


def test_sizes_of_the_largest_tree():
    tree = trees.load("gz_evo_v2")
    assert (len(tree.questions), len(tree.label_cols)) == (86, 279)


def test_vote_columns_of_real_galaxies(real_data):
    catalog = pd.read_csv(real_data / "gz2_votes" / "train.csv")
    tree = trees.load("gz2")
    tree.check_columns(catalog.columns)
    assert list(catalog.columns[-len(tree.label_cols) :]) == tree.label_cols
    # a volunteer answers each question once, and bulge-shape only after disk-edge-on's yes
    votes = {question.text: catalog[[a.text for a in question.answers]].sum(axis=1) for question in tree.questions}
    edge_on_votes = catalog["disk-edge-on-gz2_yes"]
    assert (votes["bulge-shape-gz2"] <= edge_on_votes).mean() > 0.95


def test_a_tree_and_its_dict_and_file_are_the_same(tmp_path):
    tree = trees.load("gz2")
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(tree.to_dict(), sort_keys=False))
    assert trees.load(tree) is tree
    assert trees.load(tree.to_dict()) == tree
    assert trees.load(file) == tree
    assert trees.load(str(file)) == tree


def test_answers_in_a_file_stay_text(tmp_path):
    file = tmp_path / "plain.yaml"
    file.write_text(
        "questions:\n"
        "  ring: {answers: [yes, no]}\n"
        "  count: {answers: [1, 2, 1e3], asked_after: ring_yes}\n"
        "  odd: {answers: [on, off], asked_after: null}\n"
    )
    tree = trees.load(file)
    assert tree.name == "plain"
    assert tree.label_cols == ["ring_yes", "ring_no", "count_1", "count_2", "count_1e3", "odd_on", "odd_off"]
    assert tree.get_question("odd").asked_after == ()


def test_a_json_file_loads(tmp_path):
    file = tmp_path / "tree.json"
    file.write_text('{"name": "json", "question_answer_pairs": {"ring": ["_yes", "_no"]}}')
    assert trees.load(file).label_cols == ["ring_yes", "ring_no"]


def test_a_folder_does_not_hide_a_packaged_tree(tmp_path, monkeypatch):
    (tmp_path / "gz2").mkdir()
    monkeypatch.chdir(tmp_path)
    assert trees.load("gz2").name == "gz2"


def test_unknown_name():
    with pytest.raises(TreeError, match=r"'gz_decals_dr6'\. Did you mean 'gz_decals_dr[58]'.*gz_rings"):
        trees.load("gz_decals_dr6")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"questions: [", "not valid YAML"),
        (b"- ring", "holds no mapping"),
        (b"", "holds no mapping"),
        (b"\xff\xfe\xfa", "can't be read"),
        (b"questions:\n  bar: {answers: [a]}\n  bar: {answers: [b]}\n", "'bar' is given twice"),
        (b"questions: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_files_that_are_no_tree(tmp_path, content, message):
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    with pytest.raises(TreeError, match=message) as error:
        trees.load(file)
    assert "bad.yaml" in str(error.value)


def test_trees_import_without_torch():
    code = "import sys, zoobot.trees; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
