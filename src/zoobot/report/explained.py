"""Sheets of explained predictions: the galaxy, its Grad-CAM map, and the labelled galaxies that it looks most like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoobot.report.sheet import Panel, draw_sheet
from zoobot.science.neighbors import nearest

if TYPE_CHECKING:
    from zoobot.data.pixels import Preprocessing
    from zoobot.predictions.explain import Explanation
    from zoobot.science.reference import Reference

A_SHEET = 8
"""Galaxies of a sheet"""


def draw_explained(
    explanation: Explanation, reference: Reference | None, preprocessing: Preprocessing, folder: Path, *, k: int = 5
) -> list[Path]:
    """Write ``explain_1.png``, ``explain_2.png``, ... of 8 galaxies each, a row a galaxy, and give their paths.

    A row has the galaxy as the encoder sees it, with the value of the column that is explained; the same with its heat map; and the
    nearest labelled training galaxies, the most similar first, with label and similarity.

    Parameters
    ----------
    explanation
        Of `zoobot.predictions.explain`.
    reference
        The model's training galaxies; None leaves them out.
    preprocessing
        How the model sees images.
    folder
        Where to write.
    k
        Neighbors a galaxy.

    Raises
    ------
    OutputError, CatalogError
        See `draw_sheet` and `nearest`.
    """
    frame = explanation.frame
    similar = None if reference is None else nearest(reference, explanation.features, k)
    rows: list[tuple[str, list[Panel]]] = []
    for place, (_, galaxy) in enumerate(frame.iterrows()):
        target = explanation.targets[place]
        pixels = explanation.views[place]
        panels = [Panel("", f"{galaxy['id_str']}\n{target}: {galaxy[target]:.2f}", pixels=pixels)]
        if explanation.heat is not None:
            heat = explanation.heat[place]
            where = f"Grad-CAM: {target}" if heat.any() else f"Grad-CAM: nothing for {target}"
            panels.append(Panel("", where, pixels=pixels, heat=heat))
        if similar is not None and reference is not None:
            for row, cosine in zip(similar[0][place].tolist(), similar[1][place].tolist(), strict=True):
                if row >= 0:
                    label = reference.labels[row] or "no label"
                    panels.append(
                        Panel(reference.file_locs[row], f"{label}\n{reference.ids[row]}\nsimilarity {cosine:.3f}")
                    )
        rows.append(("", panels))
    title = "Galaxy" + ("" if explanation.heat is None else "; where the model sees what is predicted")
    title += "" if reference is None else "; nearest training galaxies"
    starts = range(0, len(rows), A_SHEET)
    return [
        draw_sheet(rows[start : start + A_SHEET], preprocessing, folder / f"explain_{number}.png", title=title)
        for number, start in enumerate(starts, start=1)
    ]
