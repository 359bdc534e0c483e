"""Selecting galaxies of a class from a table of predictions.

A run's labelled galaxies say what the purity and completeness are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from zoobot.data.tables import read_source
from zoobot.errors import CatalogError, OutputError
from zoobot.files import read_json, write_json
from zoobot.finishing import finishing
from zoobot.folders import check_folder, refuse_inputs
from zoobot.layout import AUDIT_FILE, MADE, SELECTED_FILE, SELECTION_FILE
from zoobot.predictions.tables import write_table
from zoobot.ranges import bounded
from zoobot.report.curves import selection_plot
from zoobot.runs.labelled import labelled_scores, summed
from zoobot.science import Audit, Selection, audit_rows, audited_purity, choose_threshold

PROBABILITY = "probability"
"""Column of the selected galaxies: of the class, at the targets' prevalence"""


@bounded()
def select_galaxies(
    predictions: str | Path,
    run: str | Path,
    out: Path,
    *,
    purity: float | None = None,
    completeness: float | None = None,
    label: str | None = None,
    class_name: str | None = None,
    prevalence: float | None = None,
    confidence: float = 0.9,
    n_audit: int = 100,
    validation: bool = False,
    seed: int = 42,
    say: Callable[[str], object] = lambda _: None,
) -> Selection:
    """Select galaxies of a class for a wanted purity or completeness, and write them with what to expect of them.

    Targets that trained the model are left out: their labels are known, and it scores them as it does no others.
    ``out`` gets ``selected.csv`` (the rows at or above the threshold, the highest first, with ``probability``: see
    `Selection.probabilities`), ``audit.csv`` (a random part of them with the empty column ``is_<class>``, to judge by
    eye), ``selection.json`` (all that is known) and ``selection.png`` with its numbers in ``selection.csv``.

    Parameters
    ----------
    predictions
        A table that `zoobot.predict` wrote for the galaxies to select from.
    run, label, class_name, validation
        See `labelled_scores`.
    out
        Folder to write into.
    purity, completeness, prevalence, confidence, seed
        See `choose_threshold`.
    n_audit
        Galaxies to judge by eye.
    say
        Called with a sentence on what is found.

    Raises
    ------
    OptionError, CatalogError
        See `labelled_scores` and `choose_threshold`.
    OutputError
        ``out`` can't be written, or holds an audit list with answers.
    """
    audit_rows(0, n_audit)
    made = MADE["zoobot select"]
    check_folder(out, "zoobot select", made)
    refuse_inputs({"the table of predictions": predictions, "the run": run}, [out / name for name in made])
    _keep_answers(out / AUDIT_FILE)
    table, _ = read_source(predictions)
    if "id_str" not in table or not len(table):
        lacks = "no rows" if "id_str" in table else "no column id_str"
        msg = f"{predictions} is no table of predictions: it has {lacks}. Give one that zoobot predict wrote."
        raise CatalogError(msg)
    labelled = labelled_scores(
        Path(run), list(table.columns), label=label, class_name=class_name, validation=validation
    )
    table = _without_trained(table, labelled.trained, say)
    targets = summed(table, labelled.columns)
    say(f"Selecting {labelled.name} by the column {labelled.column}; purity and completeness from {labelled.source}.")
    selection = choose_threshold(
        labelled.scores,
        labelled.positive,
        targets,
        purity=purity,
        completeness=completeness,
        prevalence=prevalence,
        groups=labelled.groups,
        confidence=confidence,
        seed=seed,
    )
    rows = np.flatnonzero(targets >= selection.threshold)
    rows = rows[np.argsort(-targets[rows], kind="stable")]
    selected = table.iloc[rows].assign(**{PROBABILITY: selection.probabilities(targets[rows])})
    known = int(selected["id_str"].astype(str).isin(labelled.ids).sum())
    for sentence in selection.sentences():
        say(sentence)
    if known:
        say(f"{known} of the selected galaxies are labelled galaxies of the run.")
    audit = selected.iloc[audit_rows(len(selected), n_audit, seed=seed)]
    shown = [name for name in ("id_str", "file_loc", *labelled.columns, PROBABILITY) if name in audit]
    content = selection.to_dict() | {
        "selects": labelled.name,
        "column": labelled.column,
        "labelled_galaxies": labelled.source,
        "selected_and_labelled": known,
        "predictions": str(predictions),
        "run": str(run),
        "seed": seed,
    }
    with finishing(out, "zoobot select"):
        write_table(selected, out / SELECTED_FILE)
        write_table(audit[shown].assign(**{labelled.answer: ""}), out / AUDIT_FILE)
        selection_plot(selection, targets, labelled.name).save(out)
        write_json(out / SELECTION_FILE, content)
    return selection


@bounded()
def read_audit(path: str | Path, *, level: float = 0.95) -> Audit:
    """Return the purity that a filled in ``audit.csv`` says.

    See `audited_purity`. ``audit.json`` beside it gets the same.

    Raises
    ------
    CatalogError
        No such table, no column ``is_<class>``, or see `audited_purity`.
    """
    table, _ = read_source(path)
    columns = _answer_columns(table)
    if len(columns) != 1:
        msg = (
            f"{path} is no audit list: {len(columns)} of its columns after {PROBABILITY} start with is_, not one. "
            f"Give the {AUDIT_FILE} of zoobot select, filled in."
        )
        raise CatalogError(msg)
    audit = audited_purity(table[columns[0]], level=level)
    beside = Path(path).with_suffix(".json")
    if beside.exists() and "sentence" not in read_json(beside, OutputError, f"Rename {path}."):
        msg = f"{beside}, beside the audit list, is something else, and would be written over. Rename {path}."
        raise OutputError(msg)
    write_json(beside, audit.to_dict())
    return audit


def _without_trained(table: pd.DataFrame, trained: frozenset[str], say: Callable[[str], object]) -> pd.DataFrame:
    """Return the targets that did not train the model.

    Raises
    ------
    CatalogError
        All did.
    """
    new = table[~table["id_str"].astype(str).isin(trained)]
    if not len(new):
        msg = (
            f"all {len(table)} target galaxies trained the model: their labels are known, and its scores of them say "
            "nothing of others."
        )
        raise CatalogError(msg)
    if len(new) < len(table):
        say(
            f"{len(table) - len(new):,} of the {len(table):,} target galaxies trained the model and are left out: "
            "their labels are known."
        )
    return new


def _keep_answers(path: Path) -> None:
    """Refuse to write over an audit list that somebody has begun to fill in."""
    if not path.is_file():
        return
    table, _ = read_source(path)
    if any(table[name].notna().any() for name in _answer_columns(table)):
        msg = f"{path} holds answers, which would be lost. Choose another --out, or move it away."
        raise OutputError(msg)


def _answer_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of an audit list that are answers.

    The scores of a label ``is_spiral`` start with is_ too, but come before.
    """
    names = [str(name) for name in table.columns]
    after = names[names.index(PROBABILITY) + 1 :] if PROBABILITY in names else names
    return [name for name in after if name.startswith("is_")]
