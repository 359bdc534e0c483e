"""The tables of a report: how good the model is, with intervals, and how many galaxies there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.report.findings.figures import figure
from zoobot.report.words import DASH, PART_NAMES, between, number
from zoobot.science.metric import ECE, metric_of

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings
    from zoobot.science.figure import Figure

MEASURES = (
    "accuracy",
    "balanced_accuracy",
    "auroc",
    "average_precision",
    "log_loss",
    "brier",
    "ece",
    "rmse",
    "mae",
    "r2",
    "skill",
    "loss",
    "fraction_mae",
)
"""Scores of the headline table, in its order"""


@dataclass(frozen=True)
class Table:
    """A table of texts; `zoobot.report.sentences` has its words.

    Attributes
    ----------
    kind : str
        Which heading and caption it has.
    columns, rows : list
        Headings of the columns; texts (row, column).
    about : object
        The facts that its words are made of.
    rows_about : list
        The facts of what each row is, where that is said in small print.
    """

    kind: str
    columns: list[str]
    rows: list[list[str]]
    about: Any = None
    rows_about: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Measure:
    """What a row of the headline table is.

    Attributes
    ----------
    name : str
        The score, as ``metrics.json`` names it.
    run : Findings
        The run.
    calibrated : bool
        Whether it is the score of calibrated probabilities.
    figure : Figure or None
        The score with its interval or its test.
    known : int or None
        Labels over which it is a mean, where not all of them have it.
    """

    name: str
    run: Findings
    calibrated: bool = False
    figure: Figure | None = None
    known: int | None = None


@dataclass(frozen=True)
class Headlines:
    """The headline table.

    Attributes
    ----------
    run : Findings
        The run.
    first : str
        The part whose scores come first, with intervals.
    methods : dict
        Names of the scores with an interval, by how it was found.
    reasons : dict
        Names of the scores that are known and have no interval, by the reason.
    undefined : list of str
        Names of the scores that these galaxies don't define.
    """

    run: Findings
    first: str
    methods: dict[str, list[str]]
    reasons: dict[str, list[str]]
    undefined: list[str]


def counts_table(run: Findings) -> Table | None:
    """Return how many galaxies each part has, by class or by label, and in how many groups."""
    contents = run.contents
    parts = [*run.parts, *([seen] if (seen := run.part("seen")).n else [])]
    if not parts:
        return None
    names = list(dict.fromkeys(name for own in contents.class_counts.values() for name in own))
    grouped = any(part.n_groups for part in parts)
    rows = []
    for part in parts:
        own = contents.class_counts.get(part.part)
        each = [DASH if own is None else number(own.get(name, 0)) for name in names]
        groups = [number(part.n_groups or part.n)] if grouped else []
        rows.append([part.name, number(part.n), *groups, *each])
    return Table("counts", ["part", "galaxies", *(["groups"] if grouped else []), *names], rows)


def headlines(run: Findings) -> Table | None:
    """Return the scores of the test part with 95% intervals, and those of the validation part and of seen galaxies beside them."""
    scores = {part: own for part in ("test", "val", "seen") if (own := run.contents.scores(part))}
    if not scores:
        return None
    first = next(iter(scores))
    figures = run.figures(first)
    rows, about = [], []
    words = Headlines(run, first, {}, {}, [])
    for name in MEASURES:
        if not any(name in own for own in scores.values()):
            continue
        shown, one = metric_of(name).name, figure(figures, name)
        texts = [number(own.get(name)) for own in scores.values()]
        rows.append([shown, texts[0], _ends(one), *texts[1:]])
        about.append(Measure(name, run, figure=one, known=_known(scores[first], name)))
        _note(words, shown, one, known=texts[0] != DASH)
        calibrated = [(own.get("calibrated") or {}).get(name) for own in scores.values()]
        after = [number(value) for value in calibrated]
        if after[0] not in (DASH, texts[0]):  # a calibration that changes nothing needs no row
            rows.append([f"{shown}, calibrated", after[0], _ends(figure(figures, "calibrated", name)), *after[1:]])
            about.append(Measure(name, run, calibrated=True, figure=figure(figures, "calibrated", name)))
    if not rows:
        return None
    heads = [f"{PART_NAMES.get(part, part)} (n={number(own.get('n'))})" for part, own in scores.items()]
    return Table("headlines", ["", heads[0], "95% interval", *heads[1:]], rows, words, about)


def _ends(one: Figure | None) -> str:
    """Write a figure's interval, or a dash."""
    return DASH if one is None else between((one.low, one.high))


def _note(words: Headlines, shown: str, one: Figure | None, *, known: bool) -> None:
    """Note how the interval of a score was found, or why there is none."""
    if not known:
        words.undefined.append(shown)
    elif one is not None and one.has_interval:
        words.methods.setdefault(", ".join(dict.fromkeys(one.method.split("; "))), []).append(shown)
    elif shown != ECE.name:  # which is compared with chance in its row
        words.reasons.setdefault("none is computed" if one is None else one.reason, []).append(shown)


def _known(scores: dict[str, Any], name: str) -> int | None:
    """Return how many labels have a score, where not all of them have it."""
    each = scores.get("labels")
    if not isinstance(each, dict):
        return None
    known = sum(isinstance(one.get(name), int | float) for one in each.values())
    return known if 0 < known < len(each) else None


@dataclass(frozen=True)
class ByClass:
    """What the table of classes holds.

    Attributes
    ----------
    classes : int
        How many.
    auroc, ece : bool
        Whether it has these columns.
    absent, unpredicted : bool
        Whether any class has no galaxies, or is never predicted.
    one_class : bool
        Whether all galaxies are of one class.
    methods : list of str
        How intervals of completeness and purity were found.
    """

    classes: int
    auroc: bool
    ece: bool
    absent: bool
    unpredicted: bool
    one_class: bool
    methods: list[str]


def class_table(run: Findings) -> Table | None:
    """Return completeness, purity and F1 of each class in the test part, with intervals.

    Classes without galaxies have neither completeness nor purity nor F1; where one class only is there, purity says nothing either.
    """
    contents = run.contents
    confusion = contents.scores("test").get("confusion")
    if not confusion:
        return None
    counts = np.asarray(confusion)
    one_class = int((counts.sum(axis=1) > 0).sum()) < 2
    ece = (contents.scores("test").get("calibrated") or contents.scores("test")).get("ece_by_class") or {}
    ece = {} if one_class else ece
    figures = run.figures("test").get("classes") or {}
    areas = {name: one for name in contents.shown_classes if (one := figure(figures, name, "auroc")) is not None}
    areas = {} if one_class else areas
    methods: set[str] = set()
    rows = []
    for place, name in enumerate(contents.shown_classes):
        hits, true, predicted = counts[place, place], counts[place].sum(), counts[:, place].sum()
        told = bool(true) and not one_class
        both = [figure(figures, name, kind) for kind in ("completeness", "purity")]
        methods |= {one.method for one in both if one is not None and one.has_interval}
        f1 = number(float(2 * hits / (true + predicted))) if told else DASH
        pure = _with(hits, predicted, both[1]) if told else DASH
        row = [name, number(int(true)), _with(hits, true, both[0]), number(int(predicted)), pure, f1]
        row += [number(areas[name].value) if name in areas else DASH] if areas else []
        rows.append([*row, number(ece.get(contents.class_names[place]))] if ece else row)
    columns = ["class", "labelled", "completeness", "predicted", "purity", "F1"]
    columns += [*(["AUROC"] if areas else []), *(["ECE"] if ece else [])]
    about = ByClass(
        classes=len(rows),
        auroc=bool(areas),
        ece=bool(ece),
        absent=bool((counts.sum(axis=1) == 0).any()),
        unpredicted=bool((counts.sum(axis=0) == 0).any()),
        one_class=one_class,
        methods=sorted(methods),
    )
    return Table("classes", columns, rows, about)


@dataclass(frozen=True)
class ByLabel:
    """What the table of labels holds.

    Attributes
    ----------
    n : int
        Galaxies in all.
    one_sided : bool
        Whether any label lacks galaxies of one kind.
    reasons : dict
        Why some scores of a label have no interval.
    """

    n: int
    one_sided: bool
    reasons: dict[str, str]


def label_table(run: Findings) -> Table | None:
    """Return the scores of each independent label in the test part, with intervals of two of them."""
    scores = run.contents.scores("test")
    each = scores.get("labels")
    if not isinstance(each, dict):
        return None
    names = ("accuracy", "balanced_accuracy", "auroc", "average_precision", "log_loss")
    figures = run.figures("test").get("labels") or {}
    rows, one_sided, reasons = [], False, {}
    for label, own in each.items():
        sides = [sum(side) for side in own["confusion"]] if own.get("confusion") else []
        one_sided |= 0 in sides
        shown = {name: None if 0 in sides and name == "balanced_accuracy" else own.get(name) for name in names}
        cells = []
        for name in names:
            one = figure(figures, label, name)
            cells.append(_of(shown[name], one))
            if shown[name] is not None and one is not None and not one.has_interval:
                reasons[label] = one.reason
        rows.append([label, number(sides[1] if sides else None), *cells])
    columns = ["label", "galaxies", *(metric_of(name).name for name in names)]
    return Table("labels", columns, rows, ByLabel(int(scores.get("n") or 0), one_sided, reasons))


def target_table(run: Findings) -> Table | None:
    """Return the scores of each target in the test part, with intervals, where there are several."""
    each = run.contents.scores("test").get("targets")
    if not isinstance(each, dict) or len(each) < 2:
        return None
    figures = run.figures("test").get("targets") or {}
    names, rows = ("rmse", "mae", "r2"), []
    for target, scores in each.items():
        rows.append([target, *(_of(scores.get(name), figure(figures, target, name)) for name in names)])
    reasons = {one.reason for own in figures.values() for one in own.values() if one.reason}
    return Table("targets", ["target", "RMSE", "MAE", "R²"], rows, sorted(reasons))


def _of(value: float | None, one: Figure | None) -> str:
    """Write a score with its interval, where it has one."""
    return (
        f"{number(value)} ({_ends(one)})"
        if one is not None and one.has_interval and value is not None
        else number(value)
    )


def _with(hits: int, total: int, one: Figure | None) -> str:
    if not total:
        return DASH
    known = f" ({one.low:.2f}–{one.high:.2f})" if one is not None and one.has_interval else ""
    return f"{hits / total:.2f}{known}"
