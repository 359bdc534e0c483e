"""What a run's folder holds: settings, scores, log and predictions, each only where it is there and can be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from zoobot.data.labels import places_of
from zoobot.data.splits import group_codes
from zoobot.errors import OptionError
from zoobot.files import is_folder, look
from zoobot.layout import (
    ABOUT_FILE,
    BREAKDOWN_FILE,
    CHECKS_FOLDER,
    CONFIG_FILE,
    FOLDS_FOLDER,
    GROUP_COLUMN,
    LEARNING_CURVE_FILE,
    LOG_FILE,
    METRICS_FILE,
    MODEL_FOLDER,
    OUTCOMES_FILE,
    PARTS_FILE,
    PREDICTIONS_FILE,
    RUN_FILE,
    SEEN_FILE,
    SEEN_PREDICTIONS_FILE,
    SHIFT_FILE,
    VAL_PREDICTIONS_FILE,
)
from zoobot.report.found import CHECKS
from zoobot.report.looked import Look, looked_of
from zoobot.report.outcomes import shown_names
from zoobot.report.run_files import read_object, read_predicted, read_table
from zoobot.report.view import VIEWS, View, view_of
from zoobot.settings import RunSettings, named_now

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoobot.data import Preprocessing
    from zoobot.report.outcomes import Outcomes
    from zoobot.science.predicted import Predicted
    from zoobot.trees import Schema

PARTS: tuple[Literal["train", "val", "test"], ...] = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class RunContents:
    """What could be read of a folder that ``zoobot finetune`` or ``zoobot evaluate`` wrote.

    Absent parts are empty or None.

    Attributes
    ----------
    folder : Path
        Where it lies.
    settings, about, metrics, model : dict
        ``run.json``, ``about.json``, ``metrics.json``, ``model/config.json``.
    log : DataFrame or None
        One row per epoch.
    parts : DataFrame or None
        The split of all labelled galaxies.
    tables : dict
        Tables of predictions of ``test`` (``predictions.csv``), ``val``, ``folds`` and ``seen`` (of
        ``zoobot evaluate``: galaxies that had a part in training the model).
    fold_metrics, learning_curve, shift : dict
        ``folds/metrics.json``, ``learning_curve.json``, ``shift.json``.
    breakdown : DataFrame or None
        ``breakdown.csv``: what `zoobot.science.breakdown` gives, with the name of the ``column`` before it.
    checks : dict
        ``checks/<name>.csv``: ``labels``, ``duplicates``, ``images``, where they list any.
    seen : DataFrame or None
        ``seen.csv``: the galaxies of ``zoobot evaluate`` that the model remembers, with their ``role``; see
        `Seen.table`.
    predicted : dict
        What was predicted of the parts of ``tables``, as arrays; of folders of earlier versions empty. Tables then name
        galaxies alone.
    checked : frozenset of str
        Tables of ``checks/`` that are there, whether they list any or not.
    unread : list of str
        What is there and could not be read, and why.
    """

    folder: Path
    settings: dict[str, Any]
    about: dict[str, Any]
    metrics: dict[str, Any]
    model: dict[str, Any]
    log: pd.DataFrame | None
    parts: pd.DataFrame | None
    tables: dict[str, pd.DataFrame]
    fold_metrics: dict[str, Any]
    learning_curve: dict[str, Any]
    shift: dict[str, Any]
    breakdown: pd.DataFrame | None
    checks: dict[str, pd.DataFrame]
    seen: pd.DataFrame | None = None
    predicted: dict[str, Predicted] = field(default_factory=dict)
    checked: frozenset[str] = frozenset()
    unread: list[str] = field(default_factory=list)

    @property
    def command(self) -> Literal["finetune", "evaluate"]:
        """Which command wrote the folder: a model evaluated on a catalog of its own has no settings of a run."""
        return "evaluate" if not self.settings and "model" in self.about else "finetune"

    @cached_property
    def known(self) -> dict[str, int]:
        """How many galaxies of an evaluated catalog are of each part of the model's, where known.

        Parts are ``train``, ``val`` and ``test``, or ``new``.
        """
        counts = self.metrics.get("known")
        return {str(name): int(n) for name, n in counts.items()} if isinstance(counts, dict) else {}

    @cached_property
    def looked(self) -> dict[str, Look]:
        """What was looked at, and what was not and why, by the names of `LOOKS`; empty where nothing says so."""
        return looked_of(self.about)

    def scores(self, part: str) -> dict[str, Any]:
        """Return the scores of a part, empty where it has none."""
        scores = self.metrics.get(part)
        return scores if isinstance(scores, dict) else {}

    @cached_property
    def task(self) -> str | None:
        """What the model does, or None if not known.

        It is the kind of its task, or of a task of one's own that nothing else tells of its class.
        """
        kind, saved = self.about.get("task"), str(self.model.get("task", ""))
        options = self.model.get("task_options", {})
        if kind == "classify" and (self.about.get("multi_label") or options.get("multi_label")):  # of earlier versions
            return "multi_label"
        if kind is not None:
            return str(kind)
        if saved:
            own = "multi_label" if options.get("multi_label") else saved
            return next((kind for kind, view in VIEWS.items() if own in (kind, view.saved_as)), saved)
        return next((kind for kind, view in VIEWS.items() if self._knows(view) and view.recognizes(self)), None)

    def _knows(self, view: View) -> bool:
        """Return whether a view knows all scores there are: else they are of another task."""
        scores = {key for part in PARTS for key, value in self.scores(part).items() if isinstance(value, float)}
        return scores <= {metric.key for metric in view.metrics}

    @property
    def view(self) -> View:
        """What a page shows of the task; a plain view where it is not known."""
        return view_of(self.task)

    def has_score(self, key: str) -> bool:
        """Return whether there is such a score, of the test or the validation part."""
        return any(key in self.scores(part) for part in ("test", "val"))

    @cached_property
    def columns(self) -> set[str]:
        """Names of the columns of all tables of predictions."""
        return {str(name) for table in self.tables.values() for name in table}

    @cached_property
    def label_cols(self) -> list[str]:
        """Names of the label columns."""
        for source in (self.about, self.model, self.settings):
            if source.get("label_cols"):
                return [str(name) for name in source["label_cols"]]
        for table in self.tables.values():
            names = [name.removeprefix("true_") for name in table.columns if name.startswith("true_")]
            if names:
                return names
        return []

    @cached_property
    def class_names(self) -> list[str]:
        """Names of the classes, where labels are classes."""
        scored = [self.scores(part).get("classes") for part in ("test", "val")]
        for names in (*scored, self.about.get("class_names"), self.model.get("class_names")):
            if names:
                return [str(name) for name in names]
        return []

    @cached_property
    def shown_classes(self) -> list[str]:
        """Names of the classes as one reads them."""
        return shown_names(self.label_cols[0], self.class_names) if self.label_cols else self.class_names

    @cached_property
    def tree(self) -> Schema | None:
        """The decision tree, where the saved model or ``about.json`` has it."""
        from zoobot.errors import ZoobotError
        from zoobot.trees import Schema

        content = self.model.get("task_options", {}).get("schema") or self.about.get("schema")
        try:
            return None if content is None else Schema.from_dict(content)
        except (ZoobotError, KeyError, TypeError):
            return None

    @cached_property
    def preprocessing(self) -> Preprocessing | None:
        """How the model sees images, where the saved model says so."""
        from zoobot.data import Preprocessing

        saved = self.model.get("preprocessing") or self.about.get("preprocessing")
        try:
            return None if saved is None else Preprocessing.from_dict(saved)
        except (KeyError, TypeError, ValueError):
            return None

    @cached_property
    def simulated(self) -> bool:
        """Whether galaxies are simulated: ``about.json`` says so, or the names of the files do."""
        if "simulated" in self.about:
            return bool(self.about["simulated"])
        if "simulated" in str(self.settings.get("catalog", "")):
            return True
        table = self.tables.get("test")
        return table is not None and bool(table["file_loc"].head(100).str.contains("simulated").any())

    def outcomes(self, part: str) -> Outcomes | None:
        """Return predictions beside the truth for ``test``, ``val`` or ``folds``.

        It is None where the table lacks what that takes.
        """
        if part not in self._outcomes:
            self._outcomes[part] = self._read_outcomes(part)
        return self._outcomes[part]

    @cached_property
    def _outcomes(self) -> dict[str, Outcomes | None]:
        return {}

    def _read_outcomes(self, part: str) -> Outcomes | None:
        if part in self.predicted and self.label_cols:
            return self.view.of_arrays(self.predicted[part], self)
        table = self.tables.get(part)
        return None if table is None or not self.label_cols else self.view.outcomes(table, self)

    def groups(self, *parts: str) -> NDArray[np.int64] | None:
        """Return the group of each galaxy among the outcomes of parts, one below the other (galaxy,).

        It is None where each stands alone.
        """
        found = [outcomes for part in parts if (outcomes := self.outcomes(part)) is not None]
        if not found or self.parts is None or not {"id_str", GROUP_COLUMN} <= set(self.parts):
            return None
        by_id = self.parts.drop_duplicates("id_str").set_index("id_str")[GROUP_COLUMN]
        ids = pd.concat([outcomes.frame["id_str"].astype(str) for outcomes in found], ignore_index=True)
        codes = group_codes(ids.map(by_id))
        return None if len(np.unique(codes)) == len(codes) else codes

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many galaxies each part has where known."""
        known = {part: int(n) for part, n in (self.about.get("counts") or {}).items() if n is not None}
        for part in PARTS:
            if part in known or self.command == "evaluate":
                continue
            if self.parts is not None:
                known[part] = int((self.parts["part"] == part).sum())
            elif self.scores(part).get("n"):
                known[part] = int(self.scores(part)["n"])
        return known

    @cached_property
    def class_counts(self) -> dict[str, dict[str, int]]:
        """How many galaxies of each class each part has: {part: {class: n}} where known."""
        shown = dict(zip(self.class_names, self.shown_classes, strict=True))
        if self.about.get("class_counts"):
            given = self.about["class_counts"].items()
            return {part: {shown.get(str(k), str(k)): int(n) for k, n in own.items()} for part, own in given if own}
        found: dict[str, dict[str, int]] = {}
        if not self.view.exclusive:
            return found
        for part in PARTS:
            confusion = self.scores(part).get("confusion")
            if confusion:
                found[part] = {name: int(sum(row)) for name, row in zip(self.shown_classes, confusion, strict=False)}
            elif self.parts is not None and self.label_cols[0] in self.parts:
                places = places_of(self.parts.loc[self.parts["part"] == part, self.label_cols[0]], self.class_names)
                found[part] = {name: int((places == place).sum()) for place, name in enumerate(self.shown_classes)}
        return {part: own for part, own in found.items() if sum(own.values())}


def read_run(folder: Path) -> RunContents:
    """Read a run's folder.

    Raises
    ------
    OptionError
        A folder with neither ``metrics.json`` nor ``predictions.csv``.
    """
    if not any(look(folder / name, OptionError) == "a file" for name in (METRICS_FILE, PREDICTIONS_FILE)):
        there = (
            "there is no such folder"
            if not is_folder(folder, OptionError)
            else "it holds neither metrics.json nor predictions.csv"
        )
        msg = (
            f"there is nothing to report on in {folder}: {there}. Give the --out folder of `zoobot finetune` or "
            "`zoobot evaluate`."
        )
        raise OptionError(msg)
    unread: list[str] = []
    predicted = read_predicted(folder, OUTCOMES_FILE, unread) | read_predicted(
        folder, f"{FOLDS_FOLDER}/{OUTCOMES_FILE}", unread
    )
    tables = {part: one.frame for part, one in predicted.items()} | {
        part: table
        for part, name in (
            ("test", PREDICTIONS_FILE),
            ("val", VAL_PREDICTIONS_FILE),
            ("folds", f"{FOLDS_FOLDER}/{PREDICTIONS_FILE}"),
            ("seen", SEEN_PREDICTIONS_FILE),
        )
        if part not in predicted
        and (table := read_table(folder, name, unread, needs=("id_str", "file_loc"))) is not None
    }
    checks = {
        name: table
        for name in CHECKS
        if (table := read_table(folder, f"{CHECKS_FOLDER}/{name}.csv", unread)) is not None
    }
    return RunContents(
        folder=folder,
        settings=named_now(RunSettings, read_object(folder, RUN_FILE, unread)),
        about=read_object(folder, ABOUT_FILE, unread),
        metrics=read_object(folder, METRICS_FILE, unread),
        model=read_object(folder, f"{MODEL_FOLDER}/{CONFIG_FILE}", unread),
        log=read_table(folder, LOG_FILE, unread, needs=("epoch",)),
        parts=read_table(folder, PARTS_FILE, unread, needs=("part",), as_text=True),
        tables=tables,
        fold_metrics=read_object(folder, f"{FOLDS_FOLDER}/{METRICS_FILE}", unread),
        learning_curve=read_object(folder, LEARNING_CURVE_FILE, unread),
        shift=read_object(folder, SHIFT_FILE, unread),
        breakdown=read_table(folder, BREAKDOWN_FILE, unread, needs=("column", "bin", "n")),
        checks=checks,
        predicted=predicted,
        seen=read_table(folder, SEEN_FILE, unread, needs=("id_str", "role"), as_text=True),
        checked=frozenset(name for name in CHECKS if (folder / CHECKS_FOLDER / f"{name}.csv").is_file()),
        unread=unread,
    )
