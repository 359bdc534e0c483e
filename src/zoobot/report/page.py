"""`write_report`: one HTML file that says how good a run's model is, for people who were not there."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoobot.errors import OutputError
from zoobot.files import check_replaceable, home, is_file, output_path, write_whole
from zoobot.finishing import check_finished
from zoobot.layout import PLOTS_FOLDER, REPORT_FILE, kinds
from zoobot.places import refuse_lost
from zoobot.report import extras
from zoobot.report.cautions import cautions
from zoobot.report.contents import RunContents, read_run
from zoobot.report.curve_plots import breakdown_plots, learning_curve_plots
from zoobot.report.findings import Findings
from zoobot.report.galleries import Gallery, Pictures
from zoobot.report.sentences import GALLERIES, PLOTS, ROWS, TABLES, galleries, head, said, sections, trained
from zoobot.report.summary import Table, counts_table, headlines
from zoobot.report.theme import DARK, LIGHT, Plot
from zoobot.report.training_plots import training_plots
from zoobot.report.words import DASH
from zoobot.version import __version__

if TYPE_CHECKING:
    import jinja2

    from zoobot.report.sentences import Words


MOST_TILES = 4

PAGE_COLORS = {
    "light": {"paper": "#ffffff", "raised": "#f5f7f9", "red-wash": "#fdecea", "gold-wash": "#fbf4dd"},
    "dark": {"paper": "#11161c", "raised": "#1a2129", "red-wash": "#3a1a19", "gold-wash": "#332b12"},
}  # fmt: skip


@dataclass
class Section:
    """A part of the page; what is empty is left out."""

    anchor: str
    title: str = ""
    text: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    plots: list[dict[str, Any]] = field(default_factory=list)
    galleries: list[dict[str, Any]] = field(default_factory=list)
    listings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def holds_anything(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.facts or self.tables or self.plots or self.galleries or self.listings)


GENERATOR = b'<meta name="generator" content="zoobot">'
"""What our pages start with, among other things"""


def write_report(folder: str | Path, *, out: str | Path | None = None) -> Path:
    """Write a report on what ``zoobot finetune`` or ``zoobot evaluate`` left in a folder, and give its path.

    The page is one file without any other: images are inlined, and it needs no network. Its plots also go to ``plots/``
    beside it, as PNG and with their numbers as csv or json. What the folder lacks is left out; images that can't be
    found become placeholders.

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
    CatalogError
        Results that are not complete: the command that wrote them was interrupted.
    OutputError
        The file, or the plots, can't be written.
    """
    folder = home(folder)
    check_finished(folder)
    contents = read_run(folder)
    path = folder / REPORT_FILE if out is None else output_path(out)
    _check_out(path, folder)
    page = _Page(contents, path.parent / PLOTS_FOLDER)
    page.build()
    html = _environment().get_template("report.html.j2").render(page=page, css=_css())
    write_whole(path, html.encode("utf-8", "replace"))
    return path


def _check_out(path: Path, folder: Path) -> None:
    """Refuse a file for the page that is no page, and a folder of another run's, whose plots would be replaced."""
    check_replaceable(path)
    own = path.parent.resolve() == folder.resolve()
    if not own and kinds(path.parent):
        msg = (
            f"{path.parent} holds results of {kinds(path.parent)[0]}, whose plots would be replaced. Give another "
            "folder."
        )
        raise OutputError(msg)
    refuse_lost(path)
    earlier = is_file(path, OutputError)
    is_page = earlier and (GENERATOR in path.read_bytes()[:2000] or (own and path.name == REPORT_FILE))
    if earlier and not is_page:
        msg = (
            f"{path} is a file, not an earlier report: it would be written over. Give the name of a new file, such as "
            "report.html."
        )
        raise OutputError(msg)
    if not own and not earlier and (path.parent / PLOTS_FOLDER).exists():
        msg = (
            f"{path.parent / PLOTS_FOLDER} is there already, and plots would be mixed with what it holds. Give "
            "another folder."
        )
        raise OutputError(msg)


class _Page:
    """What the template shows, gathered section by section; all words are those of `zoobot.report.sentences`."""

    def __init__(self, contents: RunContents, plots_folder: Path) -> None:
        self.run = Findings(contents)
        self.contents = contents
        self.view = contents.view
        self.plots_folder = plots_folder
        self.pictures = Pictures(contents.preprocessing)
        self.sections: list[Section] = []
        self.cautions = cautions(self.run)
        self.looked = said(head.LOOKED, head.looked(self.run, len(self.cautions)))
        self.banner = said(head.BANNER, self.run)
        self.title = said((*self.view.title, *head.TITLE), self.run)
        self.lead = said(head.LEAD, self.run)
        self.tiles: list[dict[str, str]] = []
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        self.footer = said(head.FOOTER, head.Written(now, __version__, str(contents.folder.absolute())))

    def build(self) -> None:
        """Gather all sections."""
        scores = headlines(self.run)
        self.tiles = self._tiles(scores)
        self._add(Section("scores", tables=self._worded(scores, *self.view.tables(self.run))))
        self._add(self._outcome_section())
        self._add(self._folds_section())
        self._add(self._curve_section())
        self._add(self._breakdown_section())
        self._add(self._gallery_section())
        self._add(self._checks_section())
        self._add(self._trained_section())

    def _add(self, section: Section) -> None:
        if section.holds_anything:
            section.title = said(sections.TITLES[section.anchor], self.run)
            self.sections.append(section)

    def _drawn(self, *plots: Plot | None) -> list[dict[str, Any]]:
        """Return plots as the template takes them, having saved each as PNG with its numbers."""
        from markupsafe import Markup

        shown = []
        for plot in plots:
            if plot is not None:
                words = self._words(PLOTS, plot.kind or plot.name)
                title, caption = said(words.title, plot.drawn), said(words.caption, plot.drawn)
                svg = Markup(plot.to_svg(title))  # matplotlib escaped all text in it
                plot.save(self.plots_folder)
                shown.append({"title": title, "caption": caption, "svg": svg, "wide": plot.wide})
        return shown

    def _words(self, of: dict[str, Words[Any]], kind: str) -> Words[Any]:
        """Return heading and caption of a kind of plot, table or gallery."""
        return self.view.words.get(kind) or of[kind]

    def _outcome_section(self) -> Section:
        section, outcomes = Section("plots", text=said(sections.OUTCOMES, self.run)), self.run.outcomes
        if outcomes is not None:
            shown = self.view.shown(self.run, outcomes)
            section.tables, section.listings = self._worded(*shown.tables), shown.listings
            section.plots = self._drawn(*shown.plots)
        return section

    def _worded(self, *tables: Table | None) -> list[dict[str, Any]]:
        """Return tables as the template takes them."""
        rows, shown = {**ROWS, "headlines": (*self.view.measures, *ROWS["headlines"])}, []
        for table in tables:
            if table is not None:
                words, row_words = self._words(TABLES, table.kind), rows.get(table.kind, ())
                shown.append(
                    {
                        "title": said(words.title, table.about),
                        "caption": said(words.caption, table.about),
                        "columns": table.columns,
                        "rows": table.rows,
                        "explained": [said(row_words, row) for row in table.rows_about],
                    }
                )
        return shown

    def _captioned(self, shown: list[Gallery]) -> list[dict[str, Any]]:
        """Return galleries as the template takes them."""
        found = []
        for gallery in shown:
            words = self._words(GALLERIES, gallery.kind)
            title, caption = said(words.title, gallery.about), said(words.caption, gallery.about)
            found.append({"title": title, "caption": caption, "cutouts": gallery.cutouts})
        return found

    def _tiles(self, scores: Table | None) -> list[dict[str, str]]:
        """Return the first few headline scores with their intervals."""
        if scores is None:
            return []
        first = scores.about.first
        named = {one.name for one in self.view.shown_metrics(self.contents.scores(first)) if one.tile}
        shown = [row for row in scores.rows if row[0] in named and row[1] != DASH][:MOST_TILES]
        return [
            {"name": said(head.TILE_NAME, (row[0], first)), "value": row[1], "interval": said(head.TILE, row[2])}
            for row in shown
        ]

    def _folds_section(self) -> Section:
        section = Section("folds", tables=self._worded(extras.folds_table(self.contents)))
        section.plots = self._drawn(extras.folds_plot(self.contents))
        return section

    def _curve_section(self) -> Section:
        curve = self.contents.learning_curve
        return Section("labels", text=said(sections.CURVE, curve), plots=self._drawn(*learning_curve_plots(curve)))

    def _breakdown_section(self) -> Section:
        section = Section("breakdown")
        if self.contents.breakdown is not None:
            section.plots = self._drawn(*breakdown_plots(self.contents.breakdown))
        return section

    def _gallery_section(self) -> Section:
        outcomes = self.run.outcomes
        found = [] if outcomes is None else self.view.galleries(outcomes, self.pictures)
        shown = [gallery for gallery in found if gallery.cutouts]
        wrong = sum(cutout.mark == "wrong" for gallery in shown for cutout in gallery.cutouts)
        seen = galleries.Gallery(self.contents.preprocessing is not None, wrong)
        section = Section("galleries", text=said(galleries.SECTION, seen), galleries=self._captioned(shown))
        section.notes = [note for one in galleries.NOTES if (note := one.say(self.pictures))]
        return section

    def _checks_section(self) -> Section:
        section = Section("checks", tables=self._worded(extras.shift_table(self.run)))
        section.galleries = self._captioned(extras.check_galleries(self.run, self.pictures))
        return section

    def _trained_section(self) -> Section:
        facts = [(name, words) for name, place in trained.FACTS if (words := said(place, self.run))]
        section = Section("trained", facts=facts, tables=self._worded(counts_table(self.run)))
        if self.contents.log is not None:
            section.plots = self._drawn(*training_plots(self.contents.log, self.view.by_epoch))
        return section


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2

    loader = jinja2.DictLoader({"report.html.j2": _template("report.html.j2")})
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)


def _template(name: str) -> str:
    return (files("zoobot.report") / "templates" / name).read_text(encoding="utf-8")


def _css() -> Any:
    """Return the style sheet with the colors of both themes; print is always light."""
    from markupsafe import Markup

    light, dark = (
        "".join(f"--{name}:{value};" for name, value in {**one, **PAGE_COLORS[theme]}.items())
        for one, theme in ((LIGHT, "light"), (DARK, "dark"))
    )
    variables = (
        f":root{{color-scheme:light dark;{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
    )
    return Markup(variables + _template("report.css"))
