"""Question reductions of a Zooniverse export, as the vote-count columns of a decision tree.

``panoptes_aggregation`` writes them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.data.catalog import listed
from zoobot.data.ids import exact_names
from zoobot.data.tables import read_source
from zoobot.data.votes import check_votes, numbers_of, spelled, tree_votes
from zoobot.errors import CatalogError, OptionError
from zoobot.trees import load

if TYPE_CHECKING:
    from zoobot.data.tables import CatalogSource
    from zoobot.trees.library import TreeSource

logger = logging.getLogger(__name__)

_NO_ANSWERS = ("data.aggregation_version", "data.None", "data.user_ids_")
"""How columns of reductions begin that are no answers: version, votes for nothing (capital N: ``none`` can be an
answer), voters.
"""


def read_question_reductions(
    source: CatalogSource,
    tree: TreeSource | Sequence[TreeSource],
    tasks: Mapping[str, str],
    *,
    reducer: str | None = None,
    answers: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return vote counts from the table that ``panoptes_aggregation reduce`` writes for question tasks.

    Parameters
    ----------
    source
        ``question_reducer_*.csv``, or its table: a row per subject and task, the votes for each answer in
        ``data.<answer>``. Blanks are 0 votes. Votes for no answer at all (``data.None``) are left out.
    tree
        Anything :func:`zoobot.trees.load` takes.
    tasks
        Question of the tree that each task asks, as ``{'T0': 'smooth-or-featured-dr5'}``. The file's other tasks are
        left out.
    reducer
        Which reducer's rows to read, where the file has several (column ``reducer`` or ``reducer_key``).
    answers
        Answer of the tree for answers that the project words otherwise: ``{'yes-edge-on-disk': 'yes'}``. Two that
        become one add up. Case, ``-``, ``_`` and spaces don't matter.

    Returns
    -------
    pandas.DataFrame
        A row per subject: ``id_str``, the subject's number as text, and the tree's ``label_cols`` as floats.

    Raises
    ------
    CatalogError
        Missing columns, a task that isn't in the file, several reducers or workflows for one subject, or an unknown
        answer.
    LabelError
        Votes that are negative, infinite or text.
    TreeError, OptionError
        ``tasks`` names a question that the tree lacks, or one question twice.
    """
    schema = load(tree)
    questions = {task: schema.get_question(question) for task, question in tasks.items()}
    if len(set(tasks.values())) < len(tasks):
        msg = f"tasks names a question of the tree twice: {dict(tasks)}. Give each task a question of its own."
        raise OptionError(msg)
    frame = _reduced_tasks(read_source(source)[0], list(tasks), reducer)
    renamed = {spelled(written): spelled(answer) for written, answer in (answers or {}).items()}
    data = [name for name in frame.columns if str(name).startswith("data.") and not name.startswith(_NO_ANSWERS)]
    subjects = pd.Index(frame["id_str"].unique())
    votes = {answer.text: np.zeros(len(subjects)) for question in questions.values() for answer in question.answers}
    for task, question in questions.items():
        rows = frame[frame["task"] == task]
        place = subjects.get_indexer(pd.Index(rows["id_str"]))
        known = {spelled(answer.name): answer.text for answer in question.answers}
        unknown = []
        for name in data:
            counts = np.nan_to_num(numbers_of(rows, name))
            written = spelled(name.removeprefix("data."))
            column = known.get(renamed.get(written, written))
            if column is not None:
                votes[column][place] += counts
            elif counts.any():
                unknown.append(name.removeprefix("data."))
        if unknown:
            msg = (
                f"task {task} has votes for answers that question {question.text!r} lacks: {listed(unknown, 10)}. "
                f"Expected {', '.join(answer.name for answer in question.answers)}. Say which is which with "
                f"answers={{{unknown[0]!r}: ...}}, or give the task the question that it asks."
            )
            raise CatalogError(msg)
    return tree_votes(pd.DataFrame({"id_str": subjects, **votes}), schema)[["id_str", *schema.label_cols]]


def _reduced_tasks(frame: pd.DataFrame, tasks: list[str], reducer: str | None) -> pd.DataFrame:
    """Rows of these tasks and of one reducer, with the subject as ``id_str``; each subject once a task."""
    lacking = [name for name in ("subject_id", "task") if name not in frame.columns]
    if lacking:
        msg = (
            f"the table of reductions has no column {' and no column '.join(lacking)}. "
            f"Its columns are: {listed(list(frame.columns), 10)}. "
            "Expected question_reducer_*.csv, as 'panoptes_aggregation reduce' writes it."
        )
        raise CatalogError(msg)
    by = next((name for name in ("reducer", "reducer_key") if name in frame.columns), None)
    reducers = sorted(frame[by].dropna().astype(str).unique()) if by else []
    if len(reducers) > 1 if reducer is None else reducer not in reducers:
        problem = "rows of several reducers" if reducer is None else f"no rows of reducer {reducer!r}"
        msg = (
            f"the table of reductions has {problem}. Its reducers are: {listed(reducers, 10)}. Name one with "
            "reducer=..."
        )
        raise CatalogError(msg)
    if by and reducer is not None:
        frame = frame[frame[by] == reducer]
    written = sorted(frame["task"].dropna().astype(str).unique())
    absent = [task for task in tasks if task not in written]
    if absent:
        msg = (
            f"the table of reductions has no task {listed(absent)}. Its tasks are: {listed(written, 20)}. Correct "
            "tasks=..."
        )
        raise CatalogError(msg)
    others = [task for task in written if task not in tasks]
    if others:
        logger.info("tasks without a question of the tree are left out: %s", listed(others, 20))
    frame = frame[frame["task"].isin(tasks)]
    subjects = frame["subject_id"]
    check_votes(frame, "subject_id", subjects.isna(), "no number", "Drop the rows.")
    frame = frame.assign(id_str=exact_names(subjects))
    repeated = frame.loc[frame.duplicated(["id_str", "task"]), "id_str"].unique()
    if len(repeated):
        msg = (
            f"{len(repeated)} subjects have several rows for one task: {listed(list(repeated))}. Expected one "
            "workflow's reductions: keep the rows of one workflow_id."
        )
        raise CatalogError(msg)
    return frame
