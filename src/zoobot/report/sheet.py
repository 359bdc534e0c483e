"""Contact sheets: rows of cutouts with a caption under each, for any ranked list of galaxies."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.data.images import ConstantImageWarning, decode_image
from zoobot.errors import ImageError
from zoobot.files import replacing
from zoobot.ranges import bounded
from zoobot.report.theme import plain_text

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoobot.data.pixels import Preprocessing

A_CLASS = 8
"""Galaxies shown of each class"""

PANEL = 1.35
"""Width of a cutout, in inches"""

CAPTION_WIDTH = 28
"""Letters of a caption's line"""

TITLE_LETTERS, NOTE_LETTERS = 12, 18
"""Letters of a title and of a note that fit into an inch"""

HALF = 0.5
"""Heat at which a line is drawn"""

OPAQUE = 0.6
"""Opacity of heat 1; below, in proportion to the square root of heat"""

BAR = 0.12
"""Height of a color bar, in inches"""

WRONG = "#c0392b"


@dataclass(frozen=True)
class ColorBar:
    """What heat means."""

    label: str
    top: float
    """What heat 1 stands for; heat 0 stands for 0"""


@dataclass(frozen=True)
class Panel:
    """One cutout of a sheet."""

    file_loc: str
    caption: str
    wrong: bool = False
    """Framed red"""
    pixels: npt.NDArray[np.floating] | None = None
    """(channel, y, x) in [0, 1] to show instead of the file"""
    heat: npt.NDArray[np.floating] | None = None
    """(y, x) in [0, 1] to lay over it"""
    whole: bool = False
    """Show the whole image, not the centre that the model sees"""


@bounded()
def draw_sheet(
    rows: Sequence[tuple[str, Sequence[Panel]]],
    preprocessing: Preprocessing,
    path: Path,
    *,
    title: str,
    note: str = "",
    bar: ColorBar | None = None,
    columns: int | None = None,
) -> Path:
    """Write a PNG of rows of cutouts, each row with a name at its left.

    An image that can't be read leaves an empty frame.

    Parameters
    ----------
    rows
        A row's name, and what it shows.
    preprocessing
        How the model sees images: cutouts are shown as it sees them.
    path
        Where to write; gives it back.
    title
        What the sheet is headed.
    note
        What is said below.
    bar
        What heat means, drawn below the rows.
    columns
        Panels a row. Default: those of the longest row.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    with plain_text():
        figure = _sheet(rows, preprocessing, title, note, bar, columns)
        with replacing(path) as part:
            figure.savefig(part, dpi=120)
    return path


def _sheet(
    rows: Sequence[tuple[str, Sequence[Panel]]],
    preprocessing: Preprocessing,
    title: str,
    note: str,
    bar: ColorBar | None,
    columns: int | None,
) -> Figure:
    """Return the figure that `draw_sheet` writes."""
    from matplotlib.figure import Figure

    width = columns or max((len(panels) for _, panels in rows), default=1)
    lines = [max((_caption(one.caption).count("\n") + 1 for one in panels), default=0) for _, panels in rows] or [0]
    heights = [PANEL + 0.08 + 0.1 * count for count in lines]
    across = max(PANEL * width + 0.4, 5)
    said = [line for part in note.split("\n") for line in wrap(part, int(NOTE_LETTERS * across))]
    below = 0.14 * len(said) + (0 if bar is None else BAR + 0.4)
    figure = Figure(figsize=(across, sum(heights) + 0.6 + below), layout="constrained")
    spec = figure.add_gridspec(len(heights) + 1, width, height_ratios=[*heights, BAR if bar is not None else 0.01])
    grid = np.array([[figure.add_subplot(spec[row, column]) for column in range(width)] for row in range(len(heights))])
    for ax in grid.flat:
        ax.set(xticks=[], yticks=[])
        ax.axis("off")
    for axes, (name, panels) in zip(grid, rows, strict=False):
        at = {"rotation": 90, "va": "center", "ha": "right", "transform": axes[0].transAxes, "fontsize": 9}
        axes[0].text(-0.08, 0.5, name, **at)
        for ax, panel in zip(axes, panels, strict=False):
            _show(ax, panel, preprocessing)
    if bar is not None:
        _draw_bar(figure.add_subplot(spec[-1, :]), bar)
    figure.suptitle("\n".join(wrap(title, int(TITLE_LETTERS * across))), fontsize=10)
    if said:
        figure.supxlabel("\n".join(said), fontsize=7)
    return figure


def _draw_bar(ax: Axes, bar: ColorBar) -> None:
    """Draw a color bar as heat looks over dark sky, with the line at half of its top."""
    heat = np.linspace(0, 1, 256)[None]
    ax.set_facecolor("black")
    ax.imshow(
        heat,
        cmap="inferno",
        vmin=0,
        vmax=1,
        alpha=OPAQUE * np.sqrt(heat),
        extent=(0, bar.top, 0, 1),
        aspect="auto",
        zorder=1,
    )
    ax.axvline(HALF * bar.top, color="white", linewidth=0.7)
    ax.set(yticks=[], xlim=(0, bar.top))
    ax.tick_params(labelsize=6, length=2)
    ax.set_xlabel(bar.label, fontsize=7)


def in_rows(panels: Sequence[Panel], columns: int = A_CLASS) -> list[tuple[str, Sequence[Panel]]]:
    """Return a ranked list of panels as rows without names, to be read like a page."""
    return [("", panels[start : start + columns]) for start in range(0, len(panels), columns)]


def confident_sheet(
    table: pd.DataFrame,
    label: str,
    class_names: list[str],
    preprocessing: Preprocessing,
    path: Path,
    *,
    title: str,
) -> Path:
    """Write a PNG with the galaxies that a classifier is most confident of, a row per class.

    Wrong predictions are framed red.

    Parameters
    ----------
    table
        What `zoobot.evaluate` gives: ``id_str``, ``file_loc``, ``<label>_<class>``, ``<label>_predicted``,
        ``true_<label>``.
    label, class_names
        The label column, and its classes.
    preprocessing, path, title
        As for `draw_sheet`.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    rows = []
    for name in class_names:
        own = table[table[f"{label}_predicted"].astype(str) == name]
        surest = own.sort_values(f"{label}_{name}", ascending=False).head(A_CLASS)
        panels = []
        for _, galaxy in surest.iterrows():
            truth = str(galaxy[f"true_{label}"])
            caption = f"{galaxy['id_str']}\np={galaxy[f'{label}_{name}']:.2f}, is {truth}"
            panels.append(Panel(str(galaxy["file_loc"]), caption, wrong=truth != name))
        rows.append((f"{label}: {name}", panels))
    return draw_sheet(rows, preprocessing, path, title=title, columns=A_CLASS)


def _show(ax: Axes, panel: Panel, preprocessing: Preprocessing) -> None:
    """Draw one cutout with its caption below."""
    ax.axis("on")
    pixels = _pixels(panel, preprocessing)
    if pixels is None:
        ax.text(0.5, 0.5, "can't be read", transform=ax.transAxes, ha="center", va="center", fontsize=7, color="0.4")
        ax.set_aspect("equal")
    else:
        shown = np.moveaxis(pixels, 0, -1)
        largest = 255 if shown.dtype == np.uint8 else 1
        ax.imshow(shown[..., :3] if shown.shape[-1] >= 3 else shown[..., 0], cmap="gray", vmin=0, vmax=largest)
    if panel.heat is not None:
        ax.imshow(panel.heat, cmap="inferno", vmin=0, vmax=1, alpha=OPAQUE * np.sqrt(panel.heat))
        if panel.heat.min() < HALF < panel.heat.max():
            ax.contour(panel.heat, [HALF], colors="white", linewidths=0.7)
    ax.set_xlabel(_caption(panel.caption), fontsize=6, color=WRONG if panel.wrong else "0.2")
    for side in ax.spines.values():
        side.set(color=WRONG if panel.wrong else "0.7", linewidth=2.2 if panel.wrong else 0.6)


def _pixels(panel: Panel, preprocessing: Preprocessing) -> npt.NDArray[Any] | None:
    """Return a panel's image (channel, y, x); None where it can't be read."""
    if panel.pixels is not None:
        return panel.pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConstantImageWarning)
            pixels = decode_image(panel.file_loc, preprocessing.images, preprocessing.kept_size)
    except ImageError:
        return None
    if panel.whole:
        return pixels
    return pixels[:, preprocessing.central, preprocessing.central]


def _caption(text: str) -> str:
    """Break lines that are wider than a cutout."""
    parts = [
        line[start : start + CAPTION_WIDTH]
        for line in text.split("\n")
        for start in range(0, max(len(line), 1), CAPTION_WIDTH)
    ]
    return "\n".join(parts)
