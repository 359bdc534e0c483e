"""`write_report`: one HTML file that says how good a run's model is, for people who were not there."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoobot.files import write_whole
from zoobot.report import extras
from zoobot.report.cautions import cautions
from zoobot.report.classifier_plots import conformal_plot, confusion_plot, histograms
from zoobot.report.contents import RunContents, read_run
from zoobot.report.curve_plots import breakdown_plots, learning_curve_plots
from zoobot.report.galleries import (
    Gallery,
    Pictures,
    class_galleries,
    label_galleries,
    number_galleries,
    vote_galleries,
)
from zoobot.report.names import PLOTS_FOLDER, REPORT_FILE
from zoobot.report.outcomes import Classes, Labels, Numbers, Votes
from zoobot.report.ranking_plots import Events, class_events, label_events, ranking_plots
from zoobot.report.regression_plots import regression_plots
from zoobot.report.reliability_plots import reliability_of_classes, reliability_of_labels
from zoobot.report.summary import (
    DASH,
    Table,
    class_table,
    counts_table,
    facts,
    headlines,
    label_table,
    number,
    target_table,
)  # fmt: skip
from zoobot.report.theme import DARK, LIGHT, Plot
from zoobot.report.training_plots import training_plots
from zoobot.report.votes import question_table, saved_scores, vote_plots
from zoobot.science import score_votes

if TYPE_CHECKING:
    import jinja2


TILES = (
    "accuracy",
    "balanced accuracy",
    "AUROC",
    "average precision",
    "RMSE",
    "MAE",
    "R²",
    "skill",
    "error of vote fractions",
)
MOST_TILES = 4

TASKS = {
    "classify": "Classifier of {labels}", "multi_label": "Multi-label classifier of {labels}", "regress": "Regression of {labels}",
    "tree": "Votes on the tree {tree}", None: "A model of {labels}",
}  # fmt: skip
PAGE_COLORS = {
    "light": {"paper": "#ffffff", "raised": "#f5f7f9", "red-wash": "#fdecea", "gold-wash": "#fbf4dd"},
    "dark": {"paper": "#11161c", "raised": "#1a2129", "red-wash": "#3a1a19", "gold-wash": "#332b12"},
}  # fmt: skip


@dataclass
class Section:
    """A part of the page; what is empty is left out."""

    anchor: str
    title: str
    text: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[dict[str, Any]] = field(default_factory=list)
    galleries: list[Gallery] = field(default_factory=list)
    listings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def holds_anything(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.facts or self.tables or self.plots or self.galleries or self.listings)


def write_report(folder: str | Path, *, out: str | Path | None = None) -> Path:
    """Write a report on what ``zoobot finetune`` or ``zoobot evaluate`` left in a folder, and give its path.

    The page is one file without any other: images are inlined, and it needs no network. Its plots also go to ``plots/`` beside it, as PNG
    and with their numbers as csv or json. What the folder lacks is left out; images that can't be found become placeholders.

    Parameters
    ----------
    folder
        The ``--out`` folder of a run, with ``metrics.json`` or ``predictions.csv``.
    out
        The file to write. Default: ``report.html`` in the folder.

    Raises
    ------
    OptionError
        A folder that holds nothing to report on.
    OutputError
        The file, or the plots, can't be written.
    """
    contents = read_run(Path(folder))
    path = Path(folder) / REPORT_FILE if out is None else Path(out)
    page = _Page(contents, path.parent / PLOTS_FOLDER)
    page.build()
    html = _environment().get_template("report.html.j2").render(page=page, css=_css())
    write_whole(path, html.encode("utf-8", "replace"))
    return path


class _Page:
    """What the template shows, gathered section by section."""

    def __init__(self, contents: RunContents, plots_folder: Path) -> None:
        self.contents = contents
        self.plots_folder = plots_folder
        self.pictures = Pictures(contents.preprocessing)
        self.sections: list[Section] = []
        self.cautions = cautions(contents)
        self.banner = "SIMULATED GALAXIES: these figures say nothing about real ones" if contents.simulated else ""
        self.title = self._title()
        self.lead = self._lead()
        self.tiles: list[dict[str, str]] = []
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        self.footer = f"Written {now} by zoobot {_version()} from {contents.folder.absolute()}."

    def build(self) -> None:
        """Gather all sections."""
        contents = self.contents
        outcomes = contents.outcomes("test")
        events = (
            class_events(outcomes)
            if isinstance(outcomes, Classes)
            else label_events(outcomes)
            if isinstance(outcomes, Labels)
            else None
        )
        scores = headlines(contents, events)
        self.tiles = _tiles(scores)
        tables = (scores, class_table(contents, events), label_table(contents), target_table(contents))
        self._add(Section("scores", "How good is it?", tables=[table for table in tables if table is not None]))
        self._add(self._outcome_section(outcomes, events))
        self._add(self._folds_section())
        self._add(self._curve_section())
        self._add(self._breakdown_section())
        self._add(self._gallery_section(outcomes))
        self._add(self._checks_section())
        self._add(self._trained_section())

    def _add(self, section: Section) -> None:
        if section.holds_anything:
            self.sections.append(section)

    def _drawn(self, *plots: Plot | None) -> list[dict[str, Any]]:
        """Give plots as the template takes them, having saved each as PNG with its numbers."""
        from markupsafe import Markup

        shown = []
        for plot in plots:
            if plot is not None:
                svg = Markup(plot.to_svg())  # matplotlib escaped all text in it
                plot.save(self.plots_folder)
                shown.append({"title": plot.title, "caption": plot.caption, "svg": svg, "wide": plot.wide})
        return shown

    def _outcome_section(self, outcomes: object, events: Events | None) -> Section:
        section = Section(
            "plots",
            "Predictions against labels",
            "All of the test galaxies, which neither training nor calibration has seen.",
        )
        conformal = self.contents.scores("test").get("conformal") or {}
        if isinstance(outcomes, Classes):
            assert events is not None  # made of them
            plots = [
                confusion_plot(outcomes),
                *ranking_plots(events),
                histograms(outcomes),
                reliability_of_classes(outcomes),
            ]
            section.plots = self._drawn(*plots, conformal_plot(outcomes, conformal))
        elif isinstance(outcomes, Labels):
            assert events is not None  # made of them
            section.plots = self._drawn(*ranking_plots(events), histograms(outcomes), reliability_of_labels(outcomes))
        elif isinstance(outcomes, Numbers):
            section.plots = self._drawn(*regression_plots(outcomes, conformal.get("level")))
        elif isinstance(outcomes, Votes):
            scores = saved_scores(self.contents.scores("test"), outcomes) or score_votes(
                outcomes.posterior, outcomes.counts
            )
            table = question_table(scores)
            rows = [
                [number(value) if not isinstance(value, str) else value for value in row]
                for row in table.itertuples(index=False)
            ]
            section.tables = [Table("By question", list(table.columns), rows, QUESTIONS)]
            section.plots = self._drawn(*vote_plots(outcomes.posterior, outcomes.counts, scores))
            if outcomes.knows_paths:
                section.listings = [str(outcomes.posterior.tree)]
        return section

    def _folds_section(self) -> Section:
        section = Section("folds", "Folds")
        table = extras.folds_table(self.contents)
        section.tables = [] if table is None else [table]
        section.plots = self._drawn(extras.folds_plot(self.contents))
        return section

    def _curve_section(self) -> Section:
        curve = self.contents.learning_curve
        section = Section("labels", "Would more labels help?", str(curve.get("sentence") or ""))
        section.plots = self._drawn(*learning_curve_plots(curve))
        return section

    def _breakdown_section(self) -> Section:
        section = Section("breakdown", "For which galaxies?")
        if self.contents.breakdown is not None:
            section.plots = self._drawn(*breakdown_plots(self.contents.breakdown))
        return section

    def _gallery_section(self, outcomes: object) -> Section:
        seen = (
            "as the model sees them"
            if self.contents.preprocessing is not None
            else "whole, for how the model sees them is not in this folder"
        )
        text = f"Test galaxies, shown {seen}."
        if isinstance(outcomes, Classes | Labels):
            text += " An orange frame and a cross mark predictions that differ from the label."
        section = Section("galleries", "Galaxies", text)
        if isinstance(outcomes, Classes):
            section.galleries = class_galleries(outcomes, self.pictures)
        elif isinstance(outcomes, Labels):
            section.galleries = label_galleries(outcomes, self.pictures)
        elif isinstance(outcomes, Numbers):
            section.galleries = number_galleries(outcomes, self.pictures)
        elif isinstance(outcomes, Votes):
            section.galleries = vote_galleries(outcomes, self.pictures)
        section.notes = self.pictures.notes()
        return section

    def _checks_section(self) -> Section:
        section = Section("checks", "Labels, duplicates and shift")
        section.tables = [table for table in (extras.shift_table(self.contents),) if table is not None]
        section.galleries = extras.check_galleries(self.contents, self.pictures)
        return section

    def _trained_section(self) -> Section:
        section = Section("trained", "What was trained on what", facts=facts(self.contents))
        counts = counts_table(self.contents)
        section.tables = [] if counts is None else [counts]
        section.plots = [] if self.contents.log is None else self._drawn(*training_plots(self.contents.log))
        return section

    def _title(self) -> str:
        contents = self.contents
        names = contents.label_cols
        labels = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "") or "unnamed labels"
        tree = contents.tree.name if contents.tree is not None else "of volunteers' questions"
        return TASKS[contents.task].format(labels=labels, tree=tree)

    def _lead(self) -> str:
        contents = self.contents
        parts = [
            f"{n:,} {name}"
            for part, name in (("train", "training"), ("val", "validation"), ("test", "test"))
            if (n := contents.counts.get(part))
        ]
        sentences = [f"{', '.join(parts)} galaxies" if parts else ""]
        catalog = contents.settings.get("catalog") or contents.about.get("catalog")
        if catalog:
            sentences[0] += f" of {'/'.join(Path(str(catalog)).parts[-2:])}"
        if contents.class_names and contents.task == "classify":
            classes = contents.shown_classes
            sentences.append(f"classes {', '.join(classes[:8])}{' …' if len(classes) > 8 else ''}")
        encoder = contents.about.get("encoder") or contents.settings.get("encoder")
        if encoder:
            blocks = contents.about.get("n_blocks", contents.settings.get("blocks"))
            sentences.append(
                f"encoder {encoder}, "
                + ("its head alone trained" if blocks == 0 else f"{blocks} blocks trained" if blocks else "finetuned")
            )
        return "; ".join(sentence for sentence in sentences if sentence) + "."


QUESTIONS = (
    "Over the galaxies of which somebody was asked. Skill: 1 − loss / loss of the best constant prediction; 0 knows "
    "nothing of the galaxy. Error of fractions: mean absolute, weighted by votes; largest bias: of any answer's mean "
    "fraction. Leading answer right: of galaxies in which it has more than 80% of the votes. 90% intervals hold: the "
    "share of counts within their predictive interval, which should be 0.9."
)


def _tiles(scores: Table | None) -> list[dict[str, str]]:
    """Give the first few headline scores with their intervals."""
    if scores is None:
        return []
    rows = {row[0]: row for row in scores.rows}
    shown = [rows[name] for name in TILES if name in rows and rows[name][1] != DASH][:MOST_TILES]
    return [{"name": row[0], "value": row[1], "interval": "" if row[2] == DASH else f"95%: {row[2]}"} for row in shown]


def _version() -> str:
    import zoobot

    return zoobot.__version__


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2

    loader = jinja2.DictLoader({"report.html.j2": _template("report.html.j2")})
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)


def _template(name: str) -> str:
    return (files("zoobot.report") / "templates" / name).read_text(encoding="utf-8")


def _css() -> Any:
    """Give the style sheet with the colors of both themes; print is always light."""
    from markupsafe import Markup

    light, dark = (
        "".join(f"--{name}:{value};" for name, value in {**one, **PAGE_COLORS[theme]}.items())
        for one, theme in ((LIGHT, "light"), (DARK, "dark"))
    )
    variables = (
        f":root{{color-scheme:light dark;{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
    )
    return Markup(variables + _template("report.css"))
