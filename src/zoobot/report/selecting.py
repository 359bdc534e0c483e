"""Selecting galaxies of a class from a table of predictions, with what a run's labelled galaxies say of purity and completeness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from zoobot.data.catalog import listed
from zoobot.data.tables import read_source
from zoobot.encoders.saved import CONFIG_FILE
from zoobot.errors import CatalogError, OptionError, OutputError
from zoobot.files import write_json
from zoobot.predictions.tables import check_output, write_table
from zoobot.report.contents import RunContents, read_run
from zoobot.report.curves import selection_plot
from zoobot.report.names import METRICS_FILE
from zoobot.report.outcomes import Classes, Labels
from zoobot.science import Audit, Selection, align_scores, audit_rows, audited_purity, choose_threshold
from zoobot.science.alignment import FEWEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

SELECTED_FILE, AUDIT_FILE, SELECTION_FILE = "selected.csv", "audit.csv", "selection.json"
PROBABILITY = "probability"
"""Column of the selected galaxies: of the class, at the targets' prevalence"""

Part = Literal["folds", "test", "val"]
PART_WORDS: dict[Part, str] = {
    "folds": "out of fold predictions of {n} labelled galaxies{aligned}",
    "test": "{n} test galaxies",
    "val": "{n} validation galaxies (which chose the epoch and calibrated the model: a little optimistic)",
}


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labelled galaxies with scores that the model gave without having been trained on them.

    Attributes
    ----------
    column : str
        Of the score, in their table and in the targets'.
    name : str
        What is selected, as one reads it.
    answer : str
        Column of the audit list: ``is_<class>``.
    scores, positive : ndarray
        (galaxy,)
    ids : set of str
        Names of all labelled galaxies of the run.
    source : str
        Which galaxies they are, in words.
    """

    column: str
    name: str
    answer: str
    scores: Values
    positive: NDArray[np.bool_]
    ids: frozenset[str]
    source: str


def labelled_scores(
    run: Path, columns: list[str], *, label: str | None = None, class_name: str | None = None, validation: bool = False
) -> Labelled:
    """Read what a run says of its labelled galaxies: out of fold where it made folds, else of the test part.

    Out of fold scores come from other models than that which predicts the targets: `align_scores` brings them to its scale, by the test and
    validation galaxies, which both have predicted.

    Parameters
    ----------
    run
        Folder of ``zoobot finetune``, or its ``model`` folder.
    columns
        Of the targets' table: calibrated scores are used where both tables have them.
    label
        The label column, where there are several (independent labels).
    class_name
        The class to select. Default: the second of two.
    validation
        Add the validation part to the test part.

    Raises
    ------
    OptionError
        No such run, a run without predictions of classes, or a label or class that it doesn't know.
    CatalogError
        The targets' table lacks the score.
    """
    folder = run.parent if not (run / METRICS_FILE).is_file() and (run / CONFIG_FILE).is_file() else run
    contents = read_run(folder)
    if contents.task not in ("classify", "multi_label"):
        msg = f"the run in {folder} is not one of classes ({contents.task or 'unknown'}): there is no class to select."
        raise OptionError(msg)
    _refuse_seen(contents)
    label = _known("label column", label, contents.label_cols, folder)
    parts: list[Part] = ["folds"] if "folds" in contents.tables else ["test", "val"] if validation else ["test"]
    found, words = [], []
    for part in parts:
        outcomes = contents.outcomes(part)
        if outcomes is None:
            msg = f"the run in {folder} has no {part} predictions that can be read. Finetune again, or with --folds 5."
            raise OptionError(msg)
        column, scores, positive, name = _scores(outcomes, label, class_name, columns, contents)
        n_common = 0
        if part == "folds":
            scores, n_common = _aligned(scores, outcomes.frame["id_str"], column, contents)
        found.append((scores, positive))
        aligned = f", on the scale that the run's model has for {n_common} of them" if n_common else ""
        words.append(PART_WORDS[part].format(n=len(scores), aligned=aligned) + _doubt(contents))
    ids = [str(one) for table in contents.tables.values() for one in table["id_str"]]
    if contents.parts is not None and "id_str" in contents.parts:
        ids += [str(one) for one in contents.parts["id_str"]]
    return Labelled(
        column,
        name if contents.task == "multi_label" else f"{label} = {name}",
        f"is_{name}",
        np.concatenate([scores for scores, _ in found]),
        np.concatenate([positive for _, positive in found]),
        frozenset(ids),
        " and ".join(words),
    )


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

    ``out`` gets ``selected.csv`` (the rows at or above the threshold, the highest first, with ``probability`` at the targets' prevalence),
    ``audit.csv`` (a random part of them with the empty column ``is_<class>``, to judge by eye), ``selection.json`` (all that is known) and
    ``selection.png`` with its numbers in ``selection.csv``.

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
    check_output(out / SELECTED_FILE)
    _keep_answers(out / AUDIT_FILE)
    table, _ = read_source(predictions)
    if "id_str" not in table or not len(table):
        lacks = "no rows" if "id_str" in table else "no column id_str"
        msg = f"{predictions} is no table of predictions: it has {lacks}. Give one that zoobot predict wrote."
        raise CatalogError(msg)
    labelled = labelled_scores(
        Path(run), list(table.columns), label=label, class_name=class_name, validation=validation
    )
    targets = pd.to_numeric(table[labelled.column], errors="coerce").to_numpy(np.float64)
    say(f"Selecting {labelled.name} by the column {labelled.column}; purity and completeness from {labelled.source}.")
    selection = choose_threshold(
        labelled.scores,
        labelled.positive,
        targets,
        purity=purity,
        completeness=completeness,
        prevalence=prevalence,
        confidence=confidence,
        seed=seed,
    )
    rows = np.flatnonzero(targets >= selection.threshold)
    rows = rows[np.argsort(-targets[rows], kind="stable")]
    selected = table.iloc[rows].assign(**{PROBABILITY: selection.prevalence.probabilities(targets[rows])})
    known = int(selected["id_str"].astype(str).isin(labelled.ids).sum())
    for sentence in selection.sentences():
        say(sentence)
    if known:
        say(f"{known} of the selected galaxies are labelled galaxies of the run.")
    write_table(selected, out / SELECTED_FILE)
    audit = selected.iloc[audit_rows(len(selected), n_audit, seed=seed)]
    shown = [name for name in ("id_str", "file_loc", labelled.column, PROBABILITY) if name in audit]
    write_table(audit[shown].assign(**{labelled.answer: ""}), out / AUDIT_FILE)
    content = selection.to_dict() | {
        "selects": labelled.name,
        "column": labelled.column,
        "labelled_galaxies": labelled.source,
        "selected_and_labelled": known,
        "predictions": str(predictions),
        "run": str(run),
        "seed": seed,
    }
    selection_plot(selection, targets, labelled.name).save(out)
    write_json(out / SELECTION_FILE, content)
    return selection


def read_audit(path: str | Path, *, level: float = 0.95) -> Audit:
    """Give the purity that a filled in ``audit.csv`` says; see `audited_purity`. ``audit.json`` beside it gets the same.

    Raises
    ------
    CatalogError
        No such table, no column ``is_<class>``, or see `audited_purity`.
    """
    table, _ = read_source(path)
    columns = [str(name) for name in table.columns if str(name).startswith("is_")]
    if len(columns) != 1:
        msg = f"{path} is no audit list: {len(columns)} of its columns start with is_. Give the {AUDIT_FILE} of zoobot select, filled in."
        raise CatalogError(msg)
    audit = audited_purity(table[columns[0]], level=level)
    write_json(Path(path).with_suffix(".json"), audit.to_dict())
    return audit


def _refuse_seen(contents: RunContents) -> None:
    """Refuse an evaluation of galaxies that all had a part in training the model."""
    if contents.command == "evaluate" and "test" not in contents.tables and "seen" in contents.tables:
        msg = (
            f"all {len(contents.tables['seen'])} galaxies that were evaluated in {contents.folder} had a part in training the model: they "
            "can't say how pure or complete a selection of others is. Evaluate galaxies that it has not seen, or give the folder of the "
            "run that finetuned it."
        )
        raise OptionError(msg)


def _doubt(contents: RunContents) -> str:
    """Say where it is not known whether the model has seen the galaxies that it was evaluated on."""
    look = contents.looked.get("seen")
    unknown = contents.command == "evaluate" and not (look is not None and look.done)
    return " (it is not known whether the model has seen them)" if unknown else ""


def _keep_answers(path: Path) -> None:
    """Refuse to write over an audit list that somebody has begun to fill in."""
    if not path.is_file():
        return
    table, _ = read_source(path)
    answers = [table[name] for name in table.columns if str(name).startswith("is_")]
    if any(column.notna().any() for column in answers):
        msg = f"{path} holds answers, which would be lost. Choose another --out, or move it away."
        raise OutputError(msg)


def _scores(
    outcomes: Any, label: str, class_name: str | None, columns: list[str], contents: RunContents
) -> tuple[str, Values, NDArray[np.bool_], str]:
    """Give the score's column, scores, whether each is positive, and the class's name."""
    if isinstance(outcomes, Labels):
        if class_name is not None:
            msg = f"{label} is one of several independent labels, without classes: leave --class out."
            raise OptionError(msg)
        base, name, place = label, label, outcomes.names.index(label)
        positive = outcomes.truth[:, place]
    elif isinstance(outcomes, Classes):
        names = contents.class_names or [one.removeprefix(f"{label} = ") for one in outcomes.names]
        if class_name is None and len(names) != 2:
            msg = f"{label} has {len(names)} classes: {', '.join(names)}. Name the one to select with --class."
            raise OptionError(msg)
        name = _known("class", class_name or names[1], names, contents.folder)
        base, place = f"{label}_{name}", names.index(name)
        positive = outcomes.truth == place
    else:
        msg = f"the run in {contents.folder} has no predictions of classes."
        raise OptionError(msg)
    calibrated = f"{base}_calibrated"
    if outcomes.calibrated is not None and calibrated in columns:
        return calibrated, outcomes.calibrated[:, place], positive, name
    if base not in columns:
        msg = f"the table of predictions has no column {base}: it was not written by this run's model. It has {listed(columns, 12)}."
        raise CatalogError(msg)
    return base, outcomes.raw[:, place], positive, name


def _aligned(scores: Values, ids: pd.Series[Any], column: str, contents: RunContents) -> tuple[Values, int]:
    """Give out of fold scores on the scale of the run's model, and by how many galaxies that was found: test and validation."""
    tables = [contents.tables[part] for part in ("test", "val") if part in contents.tables]
    own = [table.set_index("id_str")[column] for table in tables if column in table]
    if not own:
        return scores, 0
    after = pd.to_numeric(ids.map(pd.concat(own).groupby(level=0).first()), errors="coerce").to_numpy(np.float64)
    known = np.isfinite(after)
    if known.sum() < FEWEST:
        return scores, 0
    return align_scores(scores, scores[known], after[known]), int(known.sum())


def _known(what: str, value: str | None, names: list[str], folder: Path) -> str:
    if value is None and len(names) == 1:
        return names[0]
    if value in names:
        return str(value)
    said = f"has no {what} {value!r}" if value else f"has {len(names)} {what}s"
    msg = f"the run in {folder} {said}. Name one of: {', '.join(names)}."
    raise OptionError(msg)
