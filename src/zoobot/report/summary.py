"""The tables of a report: how good the model is, with intervals, and how many galaxies there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoobot.report.findings.figures import figure
from zoobot.report.words import DASH, PART_NAMES, between, number
from zoobot.science.metric import ECE

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings
    from zoobot.science.figure import Figure


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
    """Return the scores of the test part with 95% intervals.

    Those of the validation part and of seen galaxies stand beside them.
    """
    scores = {part: own for part in ("test", "val", "seen") if (own := run.contents.scores(part))}
    if not scores:
        return None
    first = next(iter(scores))
    figures = run.figures(first)
    rows, about = [], []
    words = Headlines(run, first, {}, {}, [])
    for metric in run.view.shown_metrics(scores[first]):
        name, shown = metric.key, metric.name
        if not any(name in own for own in scores.values()):
            continue
        one = figure(figures, name)
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


def with_ends(value: float | None, one: Figure | None) -> str:
    """Write a score with its interval, where it has one."""
    return (
        f"{number(value)} ({_ends(one)})"
        if one is not None and one.has_interval and value is not None
        else number(value)
    )
