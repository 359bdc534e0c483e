"""Labelled galaxies of a run with scores of a model that was not trained on them.

A selection's purity is judged by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from zoobot.data.catalog import listed
from zoobot.errors import CatalogError, ModelFileError, OptionError
from zoobot.files import is_file
from zoobot.finishing import check_finished
from zoobot.layout import CONFIG_FILE, METRICS_FILE, OUTCOMES_FILE
from zoobot.report.contents import RunContents, read_run
from zoobot.science import align_scores
from zoobot.science.alignment import FEWEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zoobot.report.outcomes import Outcomes

    Values = NDArray[np.float64]

Part = Literal["folds", "test", "val"]
PART_WORDS: dict[Part, str] = {
    "folds": "out of fold predictions of {n} labelled galaxies{aligned}",
    "test": "{n} test galaxies",
    "val": "{n} validation galaxies (which had a part in training: a little optimistic)",
}


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labelled galaxies with scores that the model gave without having been trained on them.

    Attributes
    ----------
    columns : tuple of str
        Whose sum is the score, in their table and in the targets'.
    name : str
        What is selected, as one reads it.
    answer : str
        Column of the audit list: ``is_<class>``.
    scores, positive : ndarray
        (galaxy,)
    groups : ndarray or None
        (galaxy,) codes of galaxies that aren't independent; None where each stands alone.
    ids, trained : set of str
        Names of all labelled galaxies of the run, and of those that trained the model.
    source : str
        Which galaxies they are, in words.
    """

    columns: tuple[str, ...]
    name: str
    answer: str
    scores: Values
    positive: NDArray[np.bool_]
    groups: NDArray[np.int64] | None
    ids: frozenset[str]
    trained: frozenset[str]
    source: str

    @property
    def column(self) -> str:
        """The columns, as they are shown."""
        return " + ".join(self.columns)


def labelled_scores(
    run: Path, columns: list[str], *, label: str | None = None, class_name: str | None = None, validation: bool = False
) -> Labelled:
    """Read what a run says of its labelled galaxies: out of fold where it made folds, else of the test part.

    Out of fold scores come from other models than that which predicts the targets: `align_scores` brings them to its
    scale, by the test and validation galaxies, which both have predicted.

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
    ModelFileError
        The predictions that the run keeps are damaged.
    """
    folder = (
        run.parent if not is_file(run / METRICS_FILE, OptionError) and is_file(run / CONFIG_FILE, OptionError) else run
    )
    check_finished(folder)
    contents = read_run(folder)
    damaged = next((one for one in contents.unread if OUTCOMES_FILE in one), None)
    if damaged is not None:
        raise ModelFileError(damaged)
    if not contents.view.probabilities:
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
        score_columns, scores, positive, name = _scores(outcomes, label, class_name, columns, contents)
        n_common = 0
        if part == "folds":
            same = partial(_scores, label=label, class_name=class_name, columns=columns, contents=contents)
            scores, n_common = _aligned(scores, outcomes.frame["id_str"], score_columns, same, contents)
        found.append((scores, positive))
        aligned = f", on the scale that the run's model has for {n_common} of them" if n_common else ""
        words.append(PART_WORDS[part].format(n=len(scores), aligned=aligned) + _doubt(contents))
    ids = [str(one) for table in contents.tables.values() for one in table["id_str"]]
    trained: list[str] = []
    if contents.parts is not None and "id_str" in contents.parts:
        ids += [str(one) for one in contents.parts["id_str"]]
        trained = contents.parts.loc[contents.parts["part"] == "train", "id_str"].astype(str).tolist()
    return Labelled(
        score_columns,
        f"{label} {'' if len(score_columns) > 1 else '= '}{name}" if contents.view.exclusive else name,
        f"is_{name}",
        np.concatenate([scores for scores, _ in found]),
        np.concatenate([positive for _, positive in found]),
        _joined([contents.groups(part) for part in parts], [len(scores) for scores, _ in found]),
        frozenset(ids),
        frozenset(trained),
        " and ".join(words),
    )


def _joined(groups: list[NDArray[np.int64] | None], sizes: list[int]) -> NDArray[np.int64] | None:
    """Return the groups of several parts' galaxies, one part after the other; None where each galaxy stands alone."""
    if all(own is None for own in groups):
        return None
    codes = [np.arange(size) if own is None else own for own, size in zip(groups, sizes, strict=True)]
    starts = np.cumsum([0, *(int(own.max()) + 1 for own in codes[:-1])])
    return np.concatenate([own + start for own, start in zip(codes, starts, strict=True)])


def _refuse_seen(contents: RunContents) -> None:
    """Refuse an evaluation of galaxies that all had a part in training the model."""
    if contents.command == "evaluate" and "test" not in contents.tables and "seen" in contents.tables:
        msg = (
            f"all {len(contents.tables['seen'])} galaxies that were evaluated in {contents.folder} had a part in "
            "training the model: they can't say how pure or complete a selection of others is. Evaluate galaxies that "
            "it has not seen, or give the folder of the run that finetuned it."
        )
        raise OptionError(msg)


def _doubt(contents: RunContents) -> str:
    """Say where it is not known whether the model has seen the galaxies that it was evaluated on."""
    look = contents.looked.get("seen")
    unknown = contents.command == "evaluate" and not (look is not None and look.done)
    return " (it is not known whether the model has seen them)" if unknown else ""


def _scores(
    outcomes: Outcomes, label: str, class_name: str | None, columns: list[str], contents: RunContents
) -> tuple[tuple[str, ...], Values, NDArray[np.bool_], str]:
    """Return the score's columns, scores, whether each is positive, and the class's name."""
    events = {event.of_class: event for event in outcomes.selectable() if event.label == label}
    names, classes = list(events), [event.of_class for event in outcomes.events() if event.label == label]
    if class_name is not None and classes == [""]:
        msg = f"{label} is one of several independent labels, without classes: leave --class-name out."
        raise OptionError(msg)
    if class_name is None and len(classes) > 2:
        several = f", or several together, such as {names[-1]!r}" if len(names) > len(classes) else ""
        msg = (
            f"{label} has {len(classes)} classes: {', '.join(classes)}. Name the one to select with "
            f"--class-name{several}."
        )
        raise OptionError(msg)
    name = classes[-1] if class_name is None else _known("class", class_name, names, contents.folder)
    event = events[name]
    calibrated = tuple(f"{column}_calibrated" for column in event.columns)
    if event.calibrated is not None and set(calibrated) <= set(columns):
        return calibrated, event.calibrated, event.so, name or label
    if absent := [column for column in event.columns if column not in columns]:
        msg = (
            f"the table of predictions has no column {absent[0]}: it was not written by this run's model. It has "
            f"{listed(columns, 12)}."
        )
        raise CatalogError(msg)
    return event.columns, event.raw, event.so, name or label


def summed(table: pd.DataFrame, columns: Sequence[str]) -> Values:
    """Return the sum of columns (galaxy,), NaN where one of them is no number."""
    each = [pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64) for column in columns]
    return np.asarray(np.sum(each, axis=0))


def _aligned(
    scores: Values,
    ids: pd.Series[Any],
    columns: Sequence[str],
    scores_of: Callable[[Outcomes], tuple[Sequence[str], Values, Any, str]],
    contents: RunContents,
) -> tuple[Values, int]:
    """Return out of fold scores on the scale of the run's model.

    By how many galaxies of test and validation that was found is returned too.
    """
    own = []
    for part in ("test", "val"):
        outcomes = contents.outcomes(part)
        if outcomes is not None and (found := scores_of(outcomes))[0] == columns:
            own.append(pd.Series(found[1], outcomes.frame["id_str"]))
    if not own:
        return scores, 0
    after = ids.map(pd.concat(own).groupby(level=0).first()).to_numpy(np.float64)
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
