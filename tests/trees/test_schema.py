"""A tree says what was put into it, who is asked what, and which question is wrong."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zoobot.errors import CatalogError, OptionError, TreeError
from zoobot.trees import Schema, load, names

PAIRS = {
    "merging": ["_yes", "_no"],
    "smooth-or-featured": ["_smooth", "_featured-or-disk", "_artifact"],
    "bar": ["_yes", "_no"],
}
DEPENDENCIES = {
    "smooth-or-featured": None,
    "bar": "smooth-or-featured_featured-or-disk",
    "merging": ["smooth-or-featured_featured-or-disk", "smooth-or-featured_smooth"],
}


@pytest.fixture
def tree() -> Schema:
    return Schema(PAIRS, DEPENDENCIES, name="small", title="A small tree")


@st.composite
def trees(draw) -> Schema:
    """Random tree: each question follows up to three answers of earlier ones, then the questions are shuffled."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    pairs = {f"q{number}": [f"a{answer}" for answer in range(size)] for number, size in enumerate(sizes)}
    dependencies = {}
    earlier: list[str] = []
    for question, answers in pairs.items():
        if earlier:
            dependencies[question] = draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True))
        earlier += [f"{question}_{answer}" for answer in answers]
    order = draw(st.permutations(list(pairs)))
    return Schema({question: pairs[question] for question in order}, dependencies)


def fractions_of(tree: Schema, seed: int, n_galaxies: int = 4) -> np.ndarray:
    """Random vote fractions, which sum to one over the answers of each question."""
    rng = np.random.default_rng(seed)
    return np.hstack([rng.dirichlet(np.ones(len(question.answers)), n_galaxies) for question in tree.questions])


def test_columns_questions_and_answers(tree):
    assert tree.label_cols == [
        "merging_yes",
        "merging_no",
        "smooth-or-featured_smooth",
        "smooth-or-featured_featured-or-disk",
        "smooth-or-featured_artifact",
        "bar_yes",
        "bar_no",
    ]
    assert tree.question_index_groups == [(0, 1), (2, 4), (5, 6)]
    smooth = tree.get_question("smooth-or-featured")
    assert (smooth.start_index, smooth.end_index, smooth.asked_after) == (2, 4, ())
    assert [answer.text for answer in smooth.answers] == tree.label_cols[2:5]
    featured = tree.get_answer("smooth-or-featured_featured-or-disk")
    assert (featured.index, featured.name, featured.pretty_text) == (3, "featured-or-disk", "Featured or disk")
    assert featured == smooth.answers[1]
    assert tree.get_question("merging").asked_after == tuple(tree.label_cols[2:4])


def test_leading_underscores_make_no_difference(tree):
    plain = {question: [answer.removeprefix("_") for answer in answers] for question, answers in PAIRS.items()}
    assert Schema(plain, DEPENDENCIES) == tree


def test_a_question_without_dependency_is_asked_of_everybody():
    tree = Schema({"ring": ["_yes", "_no"]})
    assert tree.questions[0].asked_after == ()
    assert tree == Schema({"ring": ["_yes", "_no"]}, {"ring": None})


def test_equality_looks_at_answers_order_and_dependencies(tree):
    assert tree == Schema(PAIRS, DEPENDENCIES, name="other name")
    assert hash(tree) == hash(Schema(PAIRS, DEPENDENCIES, name="other name"))
    assert tree != Schema(dict(reversed(PAIRS.items())), DEPENDENCIES)
    assert tree != Schema(PAIRS, {**DEPENDENCIES, "bar": None})
    assert tree != Schema({**PAIRS, "bar": ["_no", "_yes"]}, DEPENDENCIES)
    assert tree != "small"


@settings(deadline=None)
@given(trees())
def test_dict_json_pickle_and_copy_give_the_same_tree(tree):
    assert Schema.from_dict(tree.to_dict()) == tree
    assert Schema.from_dict(json.loads(json.dumps(tree.to_dict()))) == tree
    assert pickle.loads(pickle.dumps(tree)) == tree
    assert copy.deepcopy(tree) == tree


def test_dict_keeps_name_and_title(tree):
    again = Schema.from_dict(tree.to_dict())
    assert (again.name, again.title) == ("small", "A small tree")
    assert repr(again) == "<Schema 'small': 3 questions, 7 answers>"


def test_from_dict_takes_the_constructor_arguments(tree):
    assert Schema.from_dict({"question_answer_pairs": PAIRS, "dependencies": DEPENDENCIES}) == tree


def test_drawing():
    pairs = {
        "shape": ["smooth", "disk", "star"],
        "edge-on": ["yes", "no"],
        "bar": ["yes", "no"],
        "merging": ["yes", "no"],
        "odd": ["yes", "no"],
    }
    dependencies = {
        "edge-on": "shape_disk",
        "bar": "edge-on_no",
        "merging": ["shape_smooth", "edge-on_yes", "edge-on_no"],
    }
    assert str(Schema(pairs, dependencies, name="drawn")) == (
        "drawn: 5 questions, 11 answers\n"
        "├── shape: smooth | disk | star\n"
        "│   ├── disk → edge-on: yes | no\n"
        "│   │   ├── no → bar: yes | no\n"
        "│   │   └── yes, no → merging: yes | no\n"
        "│   └── smooth → merging (as above)\n"
        "└── odd: yes | no"
    )


@settings(deadline=None)
@given(trees())
def test_drawing_has_each_question_once(tree):
    drawn = str(tree)
    for question in tree.questions:
        assert drawn.count(f"{question.text}: {' | '.join(answer.name for answer in question.answers)}") == 1


def test_p_asked_sums_over_paths_whatever_the_order_of_questions(tree):
    #            merging    smooth featured artifact  bar
    fractions = [0.3, 0.7, 0.5, 0.3, 0.2, 0.6, 0.4]
    np.testing.assert_allclose(tree.p_asked(fractions), [0.8, 1, 0.3])
    np.testing.assert_allclose(tree.joint_p(fractions, "bar_yes"), 0.3 * 0.6)
    np.testing.assert_allclose(tree.joint_p(fractions, "merging"), [0.8 * 0.3, 0.8 * 0.7])
    np.testing.assert_allclose(tree.joint_p(fractions, "smooth-or-featured_smooth"), 0.5)


def test_p_asked_multiplies_along_a_path_listed_child_first():
    tree = Schema({"c": ["x"], "b": ["y", "n"], "a": ["y", "n"]}, {"c": "b_y", "b": "a_y"})
    np.testing.assert_allclose(tree.p_asked([1, 0.5, 0.5, 0.4, 0.6]), [0.2, 0.4, 1])


def test_paths_that_overlap_stop_at_one():
    tree = Schema({"a": ["y", "n"], "b": ["y", "n"], "c": ["x"]}, {"c": ["a_y", "b_y"]})
    assert tree.p_asked([0.9, 0.1, 0.8, 0.2, 1.0])[2] == 1


@settings(deadline=None)
@given(trees(), st.integers(0, 1000))
def test_p_asked_equals_its_recursive_definition(tree, seed):
    fractions = fractions_of(tree, seed)
    asked = tree.p_asked(fractions)
    assert asked.shape == (4, len(tree.questions))
    assert ((asked >= 0) & (asked <= 1)).all()

    def recursive(question):
        if not question.asked_after:
            return np.ones(4)
        total = np.zeros(4)
        for column in question.asked_after:
            parent = next(q for q in tree.questions if column in [answer.text for answer in q.answers])
            total += recursive(parent) * fractions[:, tree.label_cols.index(column)]
        return np.minimum(total, 1)

    for number, question in enumerate(tree.questions):
        np.testing.assert_allclose(asked[:, number], recursive(question))
        joint = tree.joint_p(fractions, question.text)
        np.testing.assert_allclose(joint.sum(axis=-1), asked[:, number])
        for answer in question.answers:
            np.testing.assert_array_equal(
                tree.joint_p(fractions, answer.text), joint[:, answer.index - question.start_index]
            )


@settings(deadline=None)
@given(hnp.array_shapes(min_dims=0, max_dims=3, max_side=3))
def test_shapes_and_dtypes_of_probabilities(shape):
    tree = Schema(PAIRS, DEPENDENCIES)
    fractions = np.full((*shape, 7), 0.5, dtype=np.float32)
    assert tree.p_asked(fractions).shape == (*shape, 3)
    assert tree.p_asked(fractions).dtype == np.float32
    assert tree.joint_p(fractions, "bar_yes").shape == shape
    assert tree.joint_p(fractions, "bar").shape == (*shape, 2)


def test_no_votes_make_nan_only_where_somebody_may_be_asked():
    tree = Schema({"a": ["y", "n"], "b": ["y", "n"], "c": ["x"]}, {"b": "a_y", "c": "b_y"})
    nan = np.nan
    np.testing.assert_array_equal(tree.p_asked([0.0, 1.0, nan, nan, nan]), [1, 0, 0])
    np.testing.assert_array_equal(tree.p_asked([0.5, 0.5, nan, nan, nan]), [1, 0.5, nan])
    np.testing.assert_array_equal(tree.p_asked([nan, nan, 0.5, 0.5, 1.0]), [1, nan, nan])


def test_counts_instead_of_fractions_are_refused(tree):
    with pytest.raises(OptionError, match=r"\[0, 1\], got 12"):
        tree.p_asked([12, 3, 0, 0, 0, 0, 0])
    with pytest.raises(OptionError, match=r"\(6,\).*7 answers"):
        tree.joint_p(np.zeros(6), "bar")


@pytest.mark.parametrize(
    ("pairs", "dependencies", "message"),
    [
        ({}, {}, "no questions"),
        ({"bar": []}, {}, "'bar' has no answers"),
        ({"bar": "_yes"}, {}, "'bar' has no answers.*'_yes'"),
        ({"bar": [True, False]}, {}, "'bar' has the answer True"),
        ({"bar": ["_"]}, {}, "'bar' has the answer '_'"),
        ({"": ["_yes"]}, {}, "name is text"),
        ({"bar": ["_yes", "yes"]}, {}, "'bar' has two answers with the column 'bar_yes'"),
        ({"a": ["b_c"], "a_b": ["c"]}, {}, "'a' and 'a_b' share the column 'a_b_c'"),
        ({"a": ["yes"], "bar": ["no"]}, {"bar": "a_yess"}, "'bar' is asked after 'a_yess'.*Did you mean 'a_yes'"),
        ({"a": ["yes"], "bar": ["no"]}, {"bar": ["a_yes", "a_yes"]}, "'bar' is asked after the same answer twice"),
        ({"bar": ["no"]}, {"baz": None}, "not in tree.*'baz'.*Did you mean 'bar'"),
        ({"bar": ["no"]}, {"bar": "bar_no"}, "cycle: 'bar' -> 'bar'"),
        ({"a": ["x"], "b": ["y"]}, {"a": "b_y", "b": "a_x"}, "cycle: '[ab]' -> '[ab]' -> '[ab]'"),
    ],
)
def test_what_is_not_a_tree(pairs, dependencies, message):
    with pytest.raises(TreeError, match=message):
        Schema(pairs, dependencies)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "needs 'questions'.*None"),
        ({"questions": ["bar"]}, "needs 'questions'"),
        ({"question_answer_pairs": ["bar"]}, "needs 'questions'"),
        ({"questions": {"bar": ["yes"]}}, "'bar' needs 'answers'"),
        ({"questions": {"bar": {"asked_after": []}}}, "'bar' needs 'answers'"),
        ({"questions": {"bar": {"answers": ["yes"], "asked-after": "a_b"}}}, "'bar' needs.*nothing else"),
    ],
)
def test_what_is_not_a_tree_as_dict(content, message):
    with pytest.raises(TreeError, match=message):
        Schema.from_dict(content)


def test_unknown_names_are_refused_with_the_nearest(tree):
    with pytest.raises(TreeError, match=r"no question 'bars'\. Did you mean 'bar'"):
        tree.get_question("bars")
    with pytest.raises(TreeError, match=r"no answer column 'bar_yess'\. Did you mean 'bar_yes'"):
        tree.get_answer("bar_yess")
    with pytest.raises(TreeError, match="no question or answer column 'clumps'"):
        tree.joint_p(np.zeros(7), "clumps")


def test_check_columns(tree):
    tree.check_columns([*reversed(tree.label_cols), "id_str"])
    with pytest.raises(CatalogError, match=r"lacks 1 of the 7 .*'small': bar_no\. Expected"):
        tree.check_columns(tree.label_cols[:-1])
    with pytest.raises(CatalogError) as error:
        tree.check_columns(["bar_no"])
    assert "lacks 6 of the 7" in str(error.value)
    assert ", ".join(tree.label_cols[:5]) + " and 1 more" in str(error.value)
    assert tree.label_cols[5] not in str(error.value)


@pytest.mark.parametrize("name", names())
def test_p_asked_of_the_packaged_trees_is_a_probability(name):
    tree = load(name)
    fractions = fractions_of(tree, seed=0)
    asked = tree.p_asked(fractions)
    assert ((asked > 0) & (asked <= 1)).all()
    everybody = [number for number, question in enumerate(tree.questions) if not question.asked_after]
    assert (asked[:, everybody] == 1).all()
