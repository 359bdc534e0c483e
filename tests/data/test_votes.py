"""Vote tables: every published form gives the tree's own counts, and every mistake is named."""

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zoobot.data.reductions import read_question_reductions
from zoobot.data.votes import GZ2_ANSWERS, read_votes, tree_votes, vote_notes
from zoobot.errors import CatalogError, LabelError, OptionError, TreeError
from zoobot.trees import Schema, load, names

TREE = Schema(
    {"smooth-or-featured-x": ["smooth", "featured"], "bar-x": ["strong", "weak", "no"]},
    {"bar-x": "smooth-or-featured-x_featured"},
    name="small",
)
COUNTS = pd.DataFrame(
    [[3, 7, 1, 2, 4], [10, 0, 0, 0, 0], [0, 0, 0, 0, 0]], columns=TREE.label_cols, index=[4, 9, 9], dtype=float
)
SMOOTH, FEATURED, STRONG, WEAK, NO = TREE.label_cols


def short(tree: Schema, question: str) -> str:
    """The question without the campaign, where all questions of the tree are of one."""
    campaigns = {q.text.rpartition("-")[2] for q in tree.questions}
    return question.removesuffix(f"-{campaigns.pop()}") if len(campaigns) == 1 else question


packaged = cache(load)


def own(counts: pd.DataFrame, tree: Schema) -> pd.DataFrame:
    return counts.copy()


def with_ending(ending: str) -> Callable[[pd.DataFrame, Schema], pd.DataFrame]:
    return lambda counts, tree: counts.add_suffix(ending)


def without_campaign(counts: pd.DataFrame, tree: Schema) -> pd.DataFrame:
    return counts.rename(columns={a.text: f"{short(tree, q.text)}_{a.name}" for q in tree.questions for a in q.answers})


def other_spelling(counts: pd.DataFrame, tree: Schema) -> pd.DataFrame:
    return counts.rename(columns={column: column.replace("-", "_").upper() for column in counts})


def fractions(fraction: str, total: str, digits: int = 4) -> Callable[[pd.DataFrame, Schema], pd.DataFrame]:
    """Published fractions, rounded, with no fraction where nobody voted."""

    def write(counts: pd.DataFrame, tree: Schema) -> pd.DataFrame:
        columns = {}
        for question in tree.questions:
            votes = counts[[answer.text for answer in question.answers]].sum(axis=1)
            columns[f"{short(tree, question.text)}{total}"] = votes
            for answer in question.answers:
                share = (counts[answer.text] / votes.replace(0, np.nan)).round(digits)
                columns[f"{short(tree, question.text)}_{answer.name}{fraction}"] = share
        return pd.DataFrame(columns)

    return write


def blank_zeros(counts: pd.DataFrame, tree: Schema) -> pd.DataFrame:
    return counts.replace(0, np.nan)


FORMS = {
    "own": own,
    "count": with_ending("_count"),
    "hyphen": with_ending("-count"),
    "spelling": other_spelling,
    "campaign": without_campaign,
    "fraction": fractions("_fraction", "_total-votes"),
    "frac": fractions("_frac", "_total"),
    "fraction with hyphens": fractions("-fraction", "_total_votes"),
    "blank": blank_zeros,
}


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_every_form_of_every_tree_gives_its_counts(form: str, data: st.DataObject) -> None:
    tree = packaged(data.draw(st.sampled_from(names())))
    shape = (data.draw(st.integers(1, 3)), len(tree.label_cols))
    votes = data.draw(hnp.arrays(float, shape, elements=st.integers(0, 60).map(float), fill=st.just(0.0)))
    counts = pd.DataFrame(votes, columns=tree.label_cols)
    read = tree_votes(FORMS[form](counts, tree), tree)
    pd.testing.assert_frame_equal(read[tree.label_cols], counts, check_exact=True)


@pytest.mark.parametrize("form", FORMS)
def test_reading_twice_changes_nothing_and_keeps_the_table(form: str) -> None:
    frame = FORMS[form](COUNTS, TREE).assign(mass=[9.5, 10.0, 11.0])
    before = frame.copy()
    once = tree_votes(frame, TREE)
    pd.testing.assert_frame_equal(frame, before)  # the caller's table is left alone
    assert once.columns[: len(frame.columns)].tolist() == frame.columns.tolist()
    assert once["mass"].tolist() == [9.5, 10.0, 11.0] and once.index.tolist() == [4, 9, 9]
    pd.testing.assert_frame_equal(tree_votes(once, TREE), once)


def test_forms_mix_and_the_first_that_is_whole_wins() -> None:
    bar = fractions("_fraction", "_total-votes")(COUNTS, TREE).filter(like="bar_")
    smooth = COUNTS[[SMOOTH, FEATURED]]
    wrong = (smooth + 1).add_suffix("_count")
    read = tree_votes(pd.concat([wrong, smooth, bar], axis=1), TREE)
    pd.testing.assert_frame_equal(read[TREE.label_cols], COUNTS)
    read = tree_votes(pd.concat([wrong, smooth[[SMOOTH]], bar], axis=1), TREE)
    assert read[FEATURED].tolist() == [8, 1, 1]  # the tree's own columns are not whole


def test_columns_of_any_number_type_become_floats() -> None:
    frame = COUNTS.astype("Int64")
    frame.iloc[2] = pd.NA
    frame[SMOOTH] = ["3", "10", None]
    read = tree_votes(frame, TREE)
    assert (read.dtypes == np.float64).all()
    pd.testing.assert_frame_equal(read, COUNTS)


def test_fractions_stay_fractional_unless_their_total_is_whole() -> None:
    frame = pd.DataFrame({"ring_yes_fraction": [0.333, 0.333, 0.5], "ring_no_fraction": [0.667, 0.667, 0.5]})
    read = tree_votes(frame.assign(**{"ring_total-votes": [9, 9.01, 5]}), load("gz_rings"))
    assert read["ring_yes"].tolist() == [3, pytest.approx(3.00033), 2.5]
    assert read["ring_no"].tolist() == [6, pytest.approx(6.00967), 2.5]


def test_fractions_a_rounding_outside_their_range_are_clipped_and_no_votes_are_zero() -> None:
    frame = pd.DataFrame({"ring_yes_frac": [1.0004, np.nan, np.nan], "ring_no_frac": [-0.0004, np.nan, np.nan]})
    read = tree_votes(frame.assign(ring_total=[1000.5, 0, np.nan]), load("gz_rings"))
    assert read[["ring_yes", "ring_no"]].to_numpy().tolist() == [[1000.5, 0], [0, 0], [0, 0]]


def test_a_blank_count_is_no_vote_while_the_total_agrees() -> None:
    frame = pd.DataFrame({"ring_yes": [4.0, np.nan, np.nan], "ring_no": [np.nan, np.nan, 2], "ring_total": [4, 0, 2]})
    assert tree_votes(frame, load("gz_rings"))["ring_no"].tolist() == [0, 0, 2]
    with pytest.raises(
        LabelError, match=r"2 of 3 .* no count, though 'ring_total' has more .* 'ring_yes': row 1 \(nan\)"
    ):
        tree_votes(frame.assign(ring_total=[4, 3, 4]), load("gz_rings"))


def test_questions_without_columns_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    tree = load("gz_desi")
    counts = pd.DataFrame(1.0, index=range(2), columns=tree.label_cols[:3])
    read = tree_votes(counts, tree)
    assert (read[tree.label_cols[:3]] == 1).all(axis=None) and (read[tree.label_cols[3:]] == 0).all(axis=None)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    message = record.getMessage()
    assert "9 of the 10 questions of tree 'gz_desi'" in message
    assert message.endswith("disk-edge-on, has-spiral-arms, bar, bulge-size, how-rounded, ...")
    caplog.clear()
    tree_votes(COUNTS, TREE)
    assert not caplog.records


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (COUNTS.drop(columns=WEAK), "question 'bar-x' lacks 1 of the columns of its votes: bar-x_weak. Expected"),
        (
            COUNTS.drop(columns=WEAK).assign(**{f"{NO}_count": 1}),
            "question 'bar-x' lacks 1 of .*: bar-x_weak. Expected",
        ),
        (
            COUNTS.drop(columns=[WEAK, NO]).assign(**{f"{STRONG}_count": 1, f"{NO}_count": 1}),
            "question 'bar-x' lacks 1 of .*: bar-x_weak_count. Expected",
        ),
        (
            COUNTS.drop(columns=[WEAK, NO]).add_suffix("_count"),
            "question 'bar-x' lacks 2 .*: bar-x_weak_count, bar-x_no_count. Expected",
        ),
        (
            fractions("_frac", "_total")(COUNTS, TREE).drop(columns="bar_total"),
            "question 'bar-x' lacks 1 .*: bar-x_total-votes. Expected",
        ),
        (
            COUNTS[[SMOOTH]].join(COUNTS[[STRONG, WEAK, NO]].add_suffix("_count")),
            "question 'smooth-or-featured-x' lacks 1 .*: smooth-or-featured-x_featured.",
        ),
        (
            COUNTS.rename(columns={NO: "bar_no"}).assign(BAR_X_NO=0),
            "columns 'BAR_X_NO' and 'bar_no' both fit 'bar-x_no'.*name the counts 'bar-x_no'",
        ),
        (
            COUNTS.add_suffix("_count").assign(**{"bar-x_no-count": 0}),
            "columns 'bar-x_no_count' and 'bar-x_no-count' both fit 'bar-x_no'",
        ),
        (COUNTS.set_axis([*TREE.label_cols[:3], NO, NO], axis=1).assign(**{WEAK: 1}), "'bar-x_no' and 'bar-x_no' both"),
        (
            fractions("_frac", "_total")(COUNTS, TREE).assign(**{"bar_x_total_votes": 1}),
            "'bar_x_total_votes' and 'bar_total' both fit 'bar-x'",
        ),
        (pd.DataFrame({"mass": [1.0]}), "lacks 5 of the 5 vote columns of tree 'small'"),
        (pd.DataFrame({0: [1.0]}), "lacks 5 of the 5 vote columns of tree 'small'"),
    ],
)
def test_columns_that_are_missing_or_ambiguous_are_named(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        tree_votes(frame, TREE)


def test_a_tree_of_several_campaigns_needs_their_names() -> None:
    frame = pd.DataFrame({"bar_yes": [1], "bar_no": [2]})
    assert tree_votes(frame, Schema({"bar-x": ["yes", "no"]}))["bar-x_no"].tolist() == [2]
    with pytest.raises(CatalogError, match="lacks 4 of the 4 vote columns"):
        tree_votes(frame, Schema({"bar-x": ["yes", "no"], "bar-y": ["yes", "no"]}))


def test_a_second_total_matters_only_where_it_is_needed() -> None:
    frame = COUNTS.assign(bar_total=1, **{"bar-x_total": 1})
    pd.testing.assert_frame_equal(tree_votes(frame, TREE)[TREE.label_cols], COUNTS)


RINGS = pd.DataFrame({"ring_yes": [1, 2, 3.0], "ring_no": [3, 2, 1.0]})
SHARES = pd.DataFrame(
    {"ring_yes_frac": [0.5, 0.1, np.nan], "ring_no_frac": [0.5, 0.9, np.nan], "ring_total": [4, 9, 0]}
)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            RINGS.assign(ring_no=[1, -2, -3]),
            r"2 of 3 .* negative or infinite count in column 'ring_no': row 1 \(-2\), row 2",
        ),
        (
            RINGS.assign(ring_yes=[1, 2, np.inf]),
            r"1 of 3 .* negative or infinite count in column 'ring_yes': row 2 \(inf\)",
        ),
        (RINGS.assign(ring_no=["1", "many", "3"]), r"no number in column 'ring_no': row 1 \(many\)"),
        (RINGS.assign(ring_no=[1, -2, 3], id_str=list("abc")), r"in column 'ring_no': b \(-2\)"),
        (
            SHARES.assign(ring_yes_frac=[0.5, 1.1, 0]),
            r"fraction outside \[0, 1\] in column 'ring_yes_frac': row 1 \(1.1\)",
        ),
        (
            SHARES.assign(ring_yes_frac=[-0.1, 1, 0]),
            r"fraction outside \[0, 1\] in column 'ring_yes_frac': row 0 \(-0.1\)",
        ),
        (SHARES.assign(ring_total=[-1, 9, 0]), r"negative or infinite count in column 'ring_total': row 0 \(-1\)"),
        (
            SHARES.assign(ring_total=[4, 9, 7]),
            r"no fraction, though 'ring_total' says .* 'ring_yes_frac': row 2 \(nan\)",
        ),
        (
            SHARES.assign(ring_total=[np.nan, 9, 0]),
            r"vote fractions but no total in column 'ring_total': row 0 \(nan\)",
        ),
    ],
)
def test_votes_that_are_none_are_named(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        tree_votes(frame, load("gz_rings"))


# the vote columns of gz2_hart16.csv (Hart et al. 2016), without their _count, _weight, _fraction,
# _weighted_fraction, ...
GZ2_COLUMNS = [
    "t01_smooth_or_features_a01_smooth",
    "t01_smooth_or_features_a02_features_or_disk",
    "t01_smooth_or_features_a03_star_or_artifact",
    "t02_edgeon_a04_yes",
    "t02_edgeon_a05_no",
    "t04_spiral_a08_spiral",
    "t04_spiral_a09_no_spiral",
    "t03_bar_a06_bar",
    "t03_bar_a07_no_bar",
    "t05_bulge_prominence_a13_dominant",
    "t05_bulge_prominence_a12_obvious",
    "t05_bulge_prominence_a11_just_noticeable",
    "t05_bulge_prominence_a10_no_bulge",
    "t06_odd_a14_yes",
    "t06_odd_a15_no",
    "t07_rounded_a16_completely_round",
    "t07_rounded_a17_in_between",
    "t07_rounded_a18_cigar_shaped",
    "t09_bulge_shape_a25_rounded",
    "t09_bulge_shape_a26_boxy",
    "t09_bulge_shape_a27_no_bulge",
    "t10_arms_winding_a28_tight",
    "t10_arms_winding_a29_medium",
    "t10_arms_winding_a30_loose",
    "t11_arms_number_a31_1",
    "t11_arms_number_a32_2",
    "t11_arms_number_a33_3",
    "t11_arms_number_a34_4",
    "t11_arms_number_a36_more_than_4",
    "t11_arms_number_a37_cant_tell",
]  # written in the order of the tree's columns
GZ2_ODD = ["ring", "lens_or_arc", "disturbed", "irregular", "other", "merger"]


def gz2_table(kinds: dict[str, float]) -> pd.DataFrame:
    """A galaxy whose n-th answer has n votes, times the kind's factor.

    Other columns of the table are wrong on purpose.
    """
    columns = {f"{c}_{kind}": [n * by] for n, c in enumerate(GZ2_COLUMNS) for kind, by in kinds.items()}
    for c in GZ2_COLUMNS:
        columns |= {
            f"{c}_{kind}": [-9.0] for kind in ("fraction", "weighted_fraction", "debiased", "flag", "count_fraction")
        }
    columns |= {f"t08_odd_feature_a{19 + n}_{odd}_count": [-9.0] for n, odd in enumerate(GZ2_ODD)}
    return pd.DataFrame(columns | {"t01_smooth_or_features_total_count": [-9.0], "dr7objid": [587722981736120347]})


@pytest.mark.parametrize("tree", ["gz2", "gz_evo_v2"])
@pytest.mark.parametrize("upper", [False, True])
def test_the_original_names_of_galaxy_zoo_2_are_read_by_number(tree: str, upper: bool) -> None:
    table = gz2_table({"count": 1, "weight": 0.9})
    read = tree_votes(table.rename(columns=str.upper) if upper else table, load(tree))
    assert read[load("gz2").label_cols].iloc[0].tolist() == list(range(30))
    read = tree_votes(gz2_table({"weight": 0.9}), load(tree))
    assert read[load("gz2").label_cols].iloc[0].tolist() == pytest.approx(0.9 * np.arange(30))


def test_the_numbers_of_galaxy_zoo_2_cover_its_tree() -> None:
    tree = load("gz2")
    assert sorted(f"{q}_{a}" for q, answers in GZ2_ANSWERS.items() for a in answers.values()) == sorted(tree.label_cols)
    table = gz2_table({"count": 1}).drop(columns="t03_bar_a07_no_bar_count")
    with pytest.raises(
        CatalogError, match=r"question 'bar-gz2' lacks 1 .*: bar-gz2_no \(GZ2's t\.\._a\.\._\.\._count\)"
    ):
        tree_votes(table, tree)


def test_real_votes_read_alike_in_every_form(real_data: Path, tmp_path: Path) -> None:
    path = real_data / "gz2_votes" / "train.csv"
    if not path.is_file():
        pytest.skip(f"no real votes at {path}")
    tree = load("gz2")
    counts = pd.read_csv(path)[tree.label_cols].astype(float)
    read = read_votes(path, "gz2")
    pd.testing.assert_frame_equal(read[tree.label_cols], counts)
    assert len(read) > 100 and read["id_str"].str.startswith("gz2s82_").all()
    for form in FORMS.values():
        pd.testing.assert_frame_equal(tree_votes(form(counts, tree), tree)[tree.label_cols], counts)
    counts.add_suffix("_count").to_parquet(tmp_path / "votes.parquet")
    pd.testing.assert_frame_equal(read_votes(tmp_path / "votes.parquet", "gz2")[tree.label_cols], counts)


def test_votes_are_read_from_tables_without_images(tmp_path: Path) -> None:
    without_campaign(COUNTS, TREE).to_csv(tmp_path / "votes.csv", index=False)
    pd.testing.assert_frame_equal(
        read_votes(tmp_path / "votes.csv", TREE.to_dict())[TREE.label_cols], COUNTS.reset_index(drop=True)
    )
    with pytest.raises(CatalogError, match="the vote table has no rows"):
        read_votes(COUNTS.iloc[:0], TREE)
    with pytest.raises(CatalogError, match="there is no catalog at"):
        read_votes(tmp_path / "gone.csv", TREE)


# Written by panoptes_aggregation 5.3.1 (config, extract, reduce) from a made-up workflow and ten made-up
# classifications of three subjects. Subject 102: dan skipped T5 and bob T9 (data.None); subject 101: cat answered
# "None" to T5 (data.none).
REDUCTIONS = """\
subject_id,workflow_id,task,reducer,data.smooth,data.features-or-disk,data.star-or-artifact,data.aggregation_version,\
data.no-something-else,data.none,data.no,data.yes,data.yes-edge-on-disk,data.moderate,data.large,data.None
101,10,T0,question_reducer,2.0,1.0,1.0,5.3.1,,,,,,,,
101,10,T1,question_reducer,,,,5.3.1,1.0,,,,,,,
101,10,T5,question_reducer,,,,5.3.1,,1.0,,,,,,
101,10,T9,question_reducer,,,,5.3.1,,,2.0,1.0,,,,
102,10,T0,question_reducer,,4.0,,5.3.1,,,,,,,,
102,10,T1,question_reducer,,,,5.3.1,3.0,,,,1.0,,,
102,10,T5,question_reducer,,,,5.3.1,,,,,,1.0,1.0,1.0
102,10,T9,question_reducer,,,,5.3.1,,,,,,,,1.0
103,10,T0,question_reducer,1.0,,1.0,5.3.1,,,,,,,,
103,10,T1,question_reducer,,,,5.3.1,,,,,,,,
103,10,T5,question_reducer,,,,5.3.1,,,,,,,,
103,10,T9,question_reducer,,,,5.3.1,,,1.0,,,,,
"""
PROJECT = Schema(
    {
        "shape-p": ["smooth", "Features_or_Disk", "star-or-artifact"],
        "edge-on-p": ["yes", "no"],
        "bulge-size-p": ["none", "small", "moderate", "large"],
        "ring-p": ["yes", "no"],
    }
)
TASKS = {"T0": "shape-p", "T1": "edge-on-p", "T5": "bulge-size-p", "T9": "ring-p"}
ANSWERS = {"Yes edge_on Disk": "yes", "no-something-else": "No"}


@pytest.fixture
def reductions(tmp_path: Path) -> Path:
    (tmp_path / "question_reducer_gal.csv").write_text(REDUCTIONS)
    return tmp_path / "question_reducer_gal.csv"


def table(reductions: Path) -> pd.DataFrame:
    return pd.read_csv(reductions)


def test_reductions_of_the_real_tool_become_counts(reductions: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    read = read_question_reductions(reductions, PROJECT, TASKS, answers=ANSWERS)
    expected = pd.DataFrame(
        [[2, 1, 1, 0, 1, 1, 0, 0, 0, 1, 2], [0, 4, 0, 1, 3, 0, 0, 1, 1, 0, 0], [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]],
        columns=PROJECT.label_cols,
        dtype=float,
    )
    expected.insert(0, "id_str", ["101", "102", "103"])
    pd.testing.assert_frame_equal(read, expected)
    assert not caplog.records
    again = table(reductions).astype({"subject_id": float}).rename(columns={"reducer": "reducer_key"})
    again = again.sample(frac=1, random_state=3).query("not (subject_id == 103 and task == 'T5')")
    again = read_question_reductions(again, PROJECT, TASKS, answers=ANSWERS).sort_values("id_str", ignore_index=True)
    pd.testing.assert_frame_equal(again, expected)


def test_tasks_and_questions_left_out_are_said_once(reductions: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    read = read_question_reductions(reductions, PROJECT, {"T0": "shape-p"})
    assert read.drop(columns="id_str").sum().tolist() == [3, 5, 2, *[0] * 8]
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.INFO, "tasks without a question of the tree are left out: T1, T5, T9"),
        (
            logging.WARNING,
            "3 of the 4 questions of tree 'tree' have no columns in the table and count as 0 votes: "
            "edge-on-p, bulge-size-p, ring-p",
        ),
    ]


def test_answers_that_become_one_add_up(reductions: Path) -> None:
    answers = {"large": "moderate", "none": "small"}
    read = read_question_reductions(reductions, PROJECT, {"T5": "bulge-size-p"}, answers=answers)
    assert read[["bulge-size-p_small", "bulge-size-p_moderate"]].to_numpy().tolist() == [[1, 0], [0, 2], [0, 0]]


def test_one_reducer_of_several_is_read(reductions: Path) -> None:
    frame = table(reductions)
    double = frame.assign(reducer="first", **{"data.smooth": 2 * frame["data.smooth"]})
    both = pd.concat([frame, double], ignore_index=True)
    read = read_question_reductions(both, PROJECT, {"T0": "shape-p"}, reducer="first")
    assert read["shape-p_smooth"].tolist() == [4, 0, 2]
    with pytest.raises(
        CatalogError, match=r"rows of several reducers. Its reducers are: first, question_reducer. Name one"
    ):
        read_question_reductions(both, PROJECT, {"T0": "shape-p"})
    with pytest.raises(
        CatalogError, match=r"no rows of reducer 'last'. Its reducers are: first, question_reducer. Name one"
    ):
        read_question_reductions(both, PROJECT, {"T0": "shape-p"}, reducer="last")


def test_who_voted_is_no_answer(reductions: Path) -> None:
    frame = table(reductions).assign(**{"data.user_ids_smooth": "[97, 98]"})
    assert read_question_reductions(frame, PROJECT, {"T0": "shape-p"})["shape-p_smooth"].tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("tasks", "error", "message"),
    [
        (
            {"T0": "shape-p", "T7": "ring-p"},
            CatalogError,
            "has no task T7. Its tasks are: T0, T1, T5, T9. Correct tasks",
        ),
        ({"T0": "shap-p"}, TreeError, "no question 'shap-p'. Did you mean 'shape-p'"),
        ({"T0": "ring-p", "T9": "ring-p"}, OptionError, "tasks names a question of the tree twice"),
        (
            {"T1": "edge-on-p"},
            CatalogError,
            "task T1 has votes for answers that question 'edge-on-p' lacks: no-something-else, yes-edge-on-disk. "
            "Expected yes, no. Say which is which with answers={'no-something-else': ...}",
        ),
        (
            {"T9": "shape-p"},
            CatalogError,
            "task T9 has votes for answers that question 'shape-p' lacks: no, yes. Expected smooth",
        ),
    ],
)
def test_tasks_that_do_not_fit_are_named(
    reductions: Path, tasks: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_question_reductions(reductions, PROJECT, tasks)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns=["task"]), "has no column task. Its columns are: subject_id, .*question_reducer_"),
        (
            lambda f: pd.concat([f, f.assign(workflow_id=11)]),
            "3 subjects have several rows for one task: 101, 102, 103",
        ),
        (
            lambda f: f.assign(subject_id=f["subject_id"].where(f["subject_id"] != 102)),
            r"1 of 3 .* 'subject_id': row 4",
        ),
        (
            lambda f: f.assign(**{"data.smooth": -f["data.smooth"]}),
            r"negative .* 'data.smooth': 101 \(-2.0\), 103 \(-1.0\)",
        ),
    ],
)
def test_reductions_that_are_none_are_named(
    reductions: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    with pytest.raises(CatalogError, match=message):
        read_question_reductions(change(table(reductions)), PROJECT, {"T0": "shape-p"})


def many(**changes: object) -> pd.DataFrame:
    """Counts of 40 galaxies, with some columns changed."""
    rng = np.random.default_rng(5)
    smooth, strong = rng.integers(2, 20, 40), rng.integers(0, 12, 40)
    columns = {SMOOTH: smooth, FEATURED: 20 - smooth, STRONG: strong, WEAK: 12 - strong, NO: rng.integers(0, 5, 40)}
    return (
        pd.DataFrame({"id_str": [f"g{place}" for place in range(40)], **columns})
        .astype({SMOOTH: float})
        .assign(**changes)
    )


def spoiled(column: str, value: float, n: int) -> pd.DataFrame:
    frame = many(**{"bar-x_total-votes": many()[[STRONG, WEAK, NO]].sum(axis=1)}).astype({column: float})
    frame.loc[: n - 1, column] = value
    return frame


@pytest.mark.parametrize("value", [999.0, -99.0, -9999.0, 1e20, 2.0**31 - 1])
@pytest.mark.parametrize("column", [SMOOTH, STRONG, "bar-x_total-votes"])
def test_sentinels_among_votes_are_refused_with_column_value_and_number(column: str, value: float) -> None:
    with pytest.raises(LabelError, match="3 of 40 galaxies") as caught:
        vote_notes(spoiled(column, value, 3), TREE)
    assert f"in column '{column}': g0 (" in str(caught.value)
    assert repr(value).removesuffix(".0") in str(caught.value)


@pytest.mark.parametrize("write", [lambda frame: frame, lambda frame: frame.replace(0, np.nan)])
def test_votes_that_are_sound_get_no_word(write: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    total = many()[[STRONG, WEAK, NO]].sum(axis=1)
    assert vote_notes(write(many(**{"bar-x_total-votes": total})), TREE) == []
    assert vote_notes(fractions("_fraction", "_total-votes")(COUNTS, TREE), TREE) == []
    assert vote_notes(many()[TREE.label_cols] / 3, TREE) == []  # counts with weights


@pytest.mark.parametrize(("whole", "what"), [(1, "vote fractions"), (100, "percentages")])
@pytest.mark.parametrize("digits", [2, 6])
def test_shares_in_place_of_counts_are_refused(whole: int, what: str, digits: int) -> None:
    frame = many()
    answers = [STRONG, WEAK, NO]
    frame[answers] = frame[answers].div(frame[answers].sum(axis=1), axis=0).mul(whole).round(digits)
    frame.loc[3, answers] = 0
    with pytest.raises(LabelError, match=rf"galaxies have {what}.*, where counts are expected, in column '{STRONG}'"):
        vote_notes(frame, TREE)


def test_totals_that_are_no_sums_are_counted() -> None:
    total = many()[[STRONG, WEAK, NO]].sum(axis=1).astype(float)
    total[[4, 9]] += 5
    total[20] = np.nan
    (said,) = vote_notes(many(**{"bar-x_total-votes": total}), TREE)
    assert "'bar-x_total-votes' are not the sum of the answers for 2 of 40 galaxies (g4:" in said


def test_votes_of_a_file_are_judged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    total = many()[[STRONG, WEAK, NO]].sum(axis=1) + 1
    many(**{"bar-x_total-votes": total}).drop(columns="id_str").to_csv(tmp_path / "votes.csv", index=False)
    read_votes(tmp_path / "votes.csv", TREE)
    assert "for 40 of 40 galaxies (row 0:" in caplog.text
    spoiled(SMOOTH, 9999.0, 3).drop(columns="id_str").to_csv(tmp_path / "votes.csv", index=False)
    with pytest.raises(LabelError, match="3 of 40 galaxies"):
        read_votes(tmp_path / "votes.csv", TREE)


def test_whole_numbers_that_sum_to_100_are_said_to_be_maybe_percentages() -> None:
    frame = many()
    counts = frame[[STRONG, WEAK, NO]].to_numpy(float)
    rounded = np.rint(100 * counts / counts.sum(axis=1, keepdims=True))
    (said,) = vote_notes(frame.assign(**dict(zip([STRONG, WEAK, NO], rounded.T, strict=True))), TREE)
    assert said.startswith("The votes for question 'bar-x' sum to 100 for every galaxy")
    assert vote_notes(many().head(3).assign(**dict(zip([STRONG, WEAK, NO], rounded[:3].T, strict=True))), TREE) == []
