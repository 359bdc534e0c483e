"""How plots look: one style for the page and for PNG files.

Colors follow the page's light or dark theme in the report and are dark on white in PNG files.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.files import write_json, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

LIGHT = {
    "ink": "#1f2933", "faint": "#6b7785", "grid": "#d8dde3", "gray": "#5b6571",
    "blue": "#2468b2", "orange": "#c4571a", "green": "#1f7f56", "purple": "#7a4fb1",
    "gold": "#8c6b04", "pink": "#b8336b", "teal": "#0f7c8d", "red": "#b3261e",
}  # fmt: skip
"""Colors by name; matplotlib draws with these. In the page each becomes a CSS variable ``--<name>``."""

DARK = {
    "ink": "#e6e9ed", "faint": "#9aa6b2", "grid": "#37414c", "gray": "#aeb8c2",
    "blue": "#6fb1f4", "orange": "#f49a58", "green": "#5cc99a", "purple": "#b99bec",
    "gold": "#dcb84a", "pink": "#f084b0", "teal": "#53c5d6", "red": "#f28b82",
}  # fmt: skip
"""What the variables are where the reader asks for a dark page"""

INK, FAINT, GRID, BLUE, ORANGE, GREEN = (LIGHT[name] for name in ("ink", "faint", "grid", "blue", "orange", "green"))
SERIES = tuple(LIGHT[name] for name in ("blue", "orange", "green", "purple", "gold", "pink", "teal", "gray"))
DASHES = ("-", "--", ":", "-.")

WIDTH, HEIGHT = 4.6, 3.5
"""Of a plot that shares its row, in inches"""
WIDE = 9.4
"""Width of one that doesn't"""

LONGEST_NAME = 24

MOST_POINTS = 1500
"""Drawn one by one in a panel"""
SHADES = 70
"""Cells a side of the picture that stands for more"""
MIDDLE = (0.27, 0.53, 0.82)
"""Blue that can be seen on light and dark: pictures can't follow the page's colors"""

STYLE: Any = {
    "text.parse_math": False,
    "font.size": 9.0, "axes.titlesize": 9.0, "axes.labelsize": 9.0, "legend.fontsize": 8.0,
    "xtick.labelsize": 8.0, "ytick.labelsize": 8.0,
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": FAINT, "ytick.color": FAINT,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.edgecolor": FAINT, "axes.linewidth": 0.7,
    "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6, "axes.axisbelow": True,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none", "legend.frameon": False,
    "lines.linewidth": 1.6, "svg.fonttype": "path",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Plot:
    """A figure, and what was drawn in it; `zoobot.report.sentences` has the words.

    Attributes
    ----------
    name : str
        Name of its files, without ending.
    figure : matplotlib.figure.Figure
        Drawn within `style`.
    numbers : DataFrame or dict
        What is plotted; goes to ``<name>.csv`` or ``<name>.json``.
    wide : bool
        Whether it takes the page's whole width.
    drawn : object
        The facts that its title and caption are made of.
    kind : str
        Which title and caption those are; default: its name.
    """

    name: str
    figure: Figure
    numbers: pd.DataFrame | dict[str, Any] = field(default_factory=dict)
    wide: bool = False
    drawn: Any = None
    kind: str = ""

    def to_svg(self, title: str) -> str:
        """Return the figure as SVG to be put into a page.

        Its colors are the page's variables, and its ids start with its name.
        """
        import matplotlib as mpl

        buffer = io.StringIO()
        with style(), mpl.rc_context({"svg.hashsalt": self.name}), plain_text():
            self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        self.figure.set_layout_engine("none")  # placed once: the PNG has the same places
        return _for_page(buffer.getvalue(), self.name, title)

    def save(self, folder: Path) -> None:
        """Write ``<name>.png``, dark on white, and the numbers.

        Raises
        ------
        OutputError
            The folder can't be written.
        """
        picture = io.BytesIO()
        with style(), plain_text():
            self.figure.savefig(picture, format="png", dpi=130, facecolor="white")
        write_whole(folder / f"{self.name}.png", picture.getvalue())
        if isinstance(self.numbers, dict):
            if self.numbers:
                write_json(folder / f"{self.name}.json", self.numbers)
        else:
            write_whole(folder / f"{self.name}.csv", self.numbers.to_csv(index=False).encode())


@contextmanager
def style() -> Iterator[None]:
    """Draw as the report's plots are drawn."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """Return an empty figure of a size in inches; call it within `style`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panels(
    count: int, x: str, y: str, *, columns: int = 4, shared: bool = True, titles: int = 1, heading: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """Return a figure with a grid of equal panels, and these; call it within `style`.

    Places are fixed, which draws many panels in a fraction of the time that a layout engine takes.

    Parameters
    ----------
    count, columns
        Panels, and how many side by side at most.
    x, y
        What the axes are.
    shared
        Whether all panels have the same axes.
    titles
        Lines above each panel.
    heading
        Inches to leave free at the top.
    """
    from matplotlib.figure import Figure

    across, down = _grid(count, columns)
    width, above = WIDE if across > 1 else WIDTH, 0.1 + 0.17 * titles
    left, right, bottom = (0.62 if shared else 0.72), 0.12, 0.55
    gap, below = (0.3, 0.12) if shared else (0.6, 0.3)
    side = (width - left - right - gap * (across - 1)) / across
    tall = min(side, 2.6)
    height = bottom + heading + down * (tall + above) + below * (down - 1)
    figure = Figure(figsize=(width, height))
    grid = figure.subplots(down, across, squeeze=False, sharex=shared, sharey=shared)
    figure.subplots_adjust(
        left=left / width, right=1 - right / width, bottom=bottom / height, top=1 - (above + heading) / height,
        wspace=gap / side, hspace=(above + below) / tall,
    )  # fmt: skip
    for ax in grid.flat[count:]:
        ax.axis("off")
    for column in range(across):  # the lowest panel of a column, which may be above an empty place, has the numbers
        grid[(count - 1 - column) // across, column].tick_params(labelbottom=True)
    figure.supxlabel(x, fontsize=9, color=INK, x=(left + width - right) / 2 / width, y=0.06 / height, va="bottom")
    figure.supylabel(y, fontsize=9, color=INK, x=0.04 / width, y=(bottom + height - above) / 2 / height, ha="left")
    return figure, list(grid.flat[:count])


def _grid(count: int, columns: int) -> tuple[int, int]:
    """Return how many panels to put side by side, and one below the other."""
    across = max(1, min(3 if columns == 4 and count in (5, 6, 9) else columns, count))
    return across, max(1, -(-count // across))


def cloud(
    ax: Axes,
    x: Values,
    y: Values,
    span: tuple[tuple[float, float], tuple[float, float]],
    *,
    sizes: Values | None = None,
) -> None:
    """Draw points, or where they are very many the shade of their number, in one picture."""
    if len(x) <= MOST_POINTS:
        area = 14 if sizes is None else sizes
        ax.scatter(x, y, s=area, color=BLUE, alpha=float(np.clip(40 / max(len(x), 1), 0.15, 0.7)), linewidths=0)
        return
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    blue = MIDDLE
    colors = LinearSegmentedColormap.from_list("cloud", [(*blue, 0.15), (*blue, 1.0)])
    counts, _, _ = np.histogram2d(x, y, SHADES, span)
    shown = np.where(counts > 0, counts, np.nan).T
    ax.imshow(
        shown, origin="lower", extent=(*span[0], *span[1]), aspect="auto", interpolation="nearest", zorder=1,
        cmap=colors, norm=LogNorm(1, max(counts.max(), 2)),
    )  # fmt: skip


def plain_log(ax: Axes) -> None:
    """Make a vertical axis logarithmic, with numbers as they are read."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    ax.set_yscale("log")
    ax.set_ylim(bottom=0.7)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def series(place: int) -> dict[str, Any]:
    """Return the color and dashes of the line of one of many classes."""
    return {"color": SERIES[place % len(SERIES)], "linestyle": DASHES[place // len(SERIES) % len(DASHES)]}


def short(name: object, longest: int = LONGEST_NAME) -> str:
    """Return a name that fits into a plot: on one line, its middle left out where it is long."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in str(name)).split())
    fitted = text if len(text) <= longest else f"{text[: longest - 9]}…{text[-8:]}"
    return f" {fitted}" if fitted.startswith("_") else fitted  # matplotlib leaves names that start so out of legends


def shorts(names: Sequence[object], longest: int = LONGEST_NAME) -> list[str]:
    """Return `short` of each name."""
    return [short(name, longest) for name in names]


@contextmanager
def plain_text() -> Iterator[None]:
    """Draw names as text in any script.

    A dollar starts no formula, and letters that the font lacks become boxes without a warning each.
    """
    import matplotlib as mpl

    with warnings.catch_warnings(), mpl.rc_context({"text.parse_math": False}):
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*missing from.*")
        warnings.filterwarnings("ignore", message=".*does not have a glyph.*")
        yield


def _for_page(svg: str, name: str, title: str) -> str:
    """Strip what a page doesn't need, name the colors, and keep ids apart from other plots'."""
    from markupsafe import escape

    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->\n?|<metadata>.*?</metadata>\n?", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = body.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    for color, value in LIGHT.items():
        body = body.replace(value, f"var(--{color})")
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', body)[0]
    opening = (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {width} {height}" '
        'xmlns="http://www.w3.org/2000/svg"'
    )
    opening += f' role="img" aria-label="{escape(title)}">'
    return re.sub(r"<svg[^>]*>", lambda _: opening, body, count=1)
