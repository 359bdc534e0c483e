"""Contact sheets: cutouts with what was predicted of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.data.images import decode_image
from zoobot.errors import OutputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from zoobot.data.pixels import Preprocessing

A_CLASS = 8
"""Galaxies shown of each class"""

PANEL = 1.35
"""Width of a cutout, in inches"""

WRONG = "#c0392b"


def confident_sheet(
    table: pd.DataFrame,
    label: str,
    class_names: list[str],
    preprocessing: Preprocessing,
    path: Path,
    *,
    title: str,
) -> Path:
    """Write a PNG with the galaxies that a classifier is most confident of, a row a class; wrong predictions are framed red.

    Parameters
    ----------
    table
        What `zoobot.evaluate` gives: ``id_str``, ``file_loc``, ``<label>_<class>``, ``<label>_predicted``, ``true_<label>``.
    label, class_names
        The label column, and its classes.
    preprocessing
        How the model sees images: cutouts are shown as it sees them.
    path
        Where to write; gives it back.
    title
        What the sheet is headed.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PANEL * A_CLASS + 0.4, (PANEL + 0.5) * len(class_names) + 0.6), layout="constrained")
    grid = figure.subplots(len(class_names), A_CLASS, squeeze=False)
    for panels, name in zip(grid, class_names, strict=True):
        own = table[table[f"{label}_predicted"].astype(str) == name]
        surest = own.sort_values(f"{label}_{name}", ascending=False).head(A_CLASS)
        for ax in panels:
            ax.set(xticks=[], yticks=[])
            ax.axis("off")
        at = {"rotation": 90, "va": "center", "ha": "right", "transform": panels[0].transAxes, "fontsize": 9}
        panels[0].text(-0.08, 0.5, f"{label}: {name}", **at)
        for ax, (_, galaxy) in zip(panels, surest.iterrows(), strict=False):
            _show(
                ax,
                galaxy,
                preprocessing,
                truth=str(galaxy[f"true_{label}"]),
                predicted=name,
                p=galaxy[f"{label}_{name}"],
            )
    figure.suptitle(title, fontsize=10)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120)
    except OSError as err:
        msg = f"{path} can't be written: {err.strerror or err}. Choose a place that you may write to."
        raise OutputError(msg) from err
    return path


def _show(
    ax: Axes, galaxy: pd.Series[Any], preprocessing: Preprocessing, *, truth: str, predicted: str, p: float
) -> None:
    """Draw one cutout with its name, probability and true class below."""
    pixels = decode_image(str(galaxy["file_loc"]), preprocessing.images, preprocessing.kept_size)
    margin = (preprocessing.kept_size - preprocessing.image_size) // 2
    seen = pixels[:, margin : margin + preprocessing.image_size, margin : margin + preprocessing.image_size]
    shown = np.moveaxis(seen, 0, -1)
    ax.axis("on")
    ax.imshow(shown[..., :3] if shown.shape[-1] >= 3 else shown[..., 0], cmap="gray")
    right = truth == predicted
    ax.set_xlabel(f"{galaxy['id_str']}\np={p:.2f}, is {truth}", fontsize=6, color="0.2" if right else WRONG)
    for side in ax.spines.values():
        side.set(color="0.7" if right else WRONG, linewidth=0.6 if right else 2.2)
