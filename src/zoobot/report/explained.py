"""Sheets of explained predictions, and what their maps are worth.

A sheet shows the galaxy, its heat map, and the labelled galaxies that it looks most like.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoobot.ranges import bounded
from zoobot.report.sheet import ColorBar, Panel, draw_sheet
from zoobot.report.words import between, count, number
from zoobot.science.figure import SIGNIFICANCE
from zoobot.science.neighbors import nearest

if TYPE_CHECKING:
    from zoobot.data.pixels import Preprocessing
    from zoobot.science.explanation import Explanation, Hiding
    from zoobot.science.figure import Figure
    from zoobot.science.masking import MaskComparison
    from zoobot.science.reference import Reference

A_SHEET = 8
"""Galaxies of a sheet"""

HIDDEN: dict[Hiding, str] = {
    "blur": "Blurring {}",
    "edge color": "Filling {} with the median color of the image's edge",
}
"""How a part of an image is hidden"""


@bounded()
def draw_explained(
    explanation: Explanation, reference: Reference | None, preprocessing: Preprocessing, folder: Path, *, k: int = 5
) -> list[Path]:
    """Write ``explain_1.png``, ``explain_2.png``, ... of 8 galaxies each, one row per galaxy, and return their paths.

    A row has the galaxy as the encoder sees it, with the value of the column that is explained; the same with its heat
    map; and the nearest labelled training galaxies, the most similar first, with label and similarity. Occlusion maps
    of all sheets share one scale. Below stands what hiding the hottest quarter of the maps does (`describe_maps`).

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
        Neighbors per galaxy.

    Raises
    ------
    OutputError, CatalogError
        See `draw_sheet` and `nearest`.
    """
    frame = explanation.frame
    similar = None if reference is None else nearest(reference, explanation.features, k)
    scales, bar = _scales(explanation)
    rows: list[tuple[str, list[Panel]]] = []
    for place, (_, galaxy) in enumerate(frame.iterrows()):
        target = explanation.targets[place]
        pixels = explanation.views[place]
        panels = [Panel("", f"{galaxy['id_str']}\n{target}: {number(float(galaxy[target]))}", pixels=pixels)]
        if explanation.heat is not None:
            heat = scales[place] * explanation.heat[place]
            panels.append(Panel("", _heat_caption(explanation, place), pixels=pixels, heat=heat))
        if similar is not None and reference is not None:
            for row, cosine in zip(similar[0][place].tolist(), similar[1][place].tolist(), strict=True):
                if row >= 0:
                    lines = (reference.labels[row], reference.ids[row], f"similarity {cosine:.3f}")
                    panels.append(Panel(reference.file_locs[row], "\n".join(line for line in lines if line)))
        rows.append(("", panels))
    shown = ["Galaxy", *_map_title(explanation), *(["nearest training galaxies"] if reference is not None else [])]
    note = "\n".join(describe_maps(explanation))
    starts = range(0, len(rows), A_SHEET)
    return [
        draw_sheet(
            rows[start : start + A_SHEET],
            preprocessing,
            folder / f"explain_{sheet}.png",
            title="; ".join(shown),
            note=note,
            bar=bar,
        )
        for sheet, start in enumerate(starts, start=1)
    ]


def describe_maps(explanation: Explanation) -> list[str]:
    """Return what hiding the hottest quarter of the maps does, for each way of hiding.

    It is compared with the central quarter and random places.
    """
    return [_compared(found, HIDDEN[hiding], explanation.score) for hiding, found in explanation.comparisons.items()]


def _compared(found: MaskComparison, hidden: str, score: str) -> str:
    opening = hidden.format("the hottest quarter of each map")
    said = (
        f"{opening} {_moves(found.hottest, score)} on average ({_galaxies(found.hottest)}); the central quarter "
        f"{_moves(found.center, 'it')}, as much at random places {_moves(found.random, 'it')}."
    )
    if found.against_center.verdict == "untellable":
        return (
            f"{said} {_galaxies(found.hottest)} {'is' if found.hottest.n == 1 else 'are'} too few to tell these apart."
        )
    center, random = found.against_center, found.against_random
    return f"{said} {_difference(center, 'the central quarter')} {_difference(random, 'random places')}"


def _difference(figure: Figure, other: str) -> str:
    """Return by how much more the hottest quarter lowers the score, or what is not known of that."""
    value, low, high, verdict = figure.value, figure.low, figure.high, figure.verdict
    if verdict == "worse":
        value, low, high = -value, -high, -low
    numbers = f"{figure.level:.0%} interval {between((low, high))}, p = {figure.p_value:.2g}"
    if verdict in ("better", "worse"):
        more = "more" if verdict == "better" else "less"
        return f"The hottest quarter lowers it by {number(value)} {more} than {other} ({numbers})."
    claim = f"the hottest quarter lowers it more than {other}"
    return (
        f"These galaxies don't tell whether {claim} (difference {number(value)}, {numbers}; at most {SIGNIFICANCE} is "
        "asked for)."
    )


def _moves(figure: Figure, score: str) -> str:
    return f"{'lowers' if figure.value >= 0 else 'raises'} {score} by {number(abs(figure.value))}"


def _galaxies(figure: Figure) -> str:
    galaxies = count(figure.n, "galaxy")
    return galaxies if figure.n_groups == figure.n else f"{galaxies} in {count(figure.n_groups, 'group')}"


def _scales(explanation: Explanation) -> tuple[list[float], ColorBar | None]:
    """Return what to multiply each map by, and what heat then means; no bar where there is no heat."""
    if explanation.largest is None:
        return [], None
    top = float(explanation.largest.max())
    if not top > 0:
        return [1.0] * len(explanation.largest), None
    if explanation.maps == "occlusion":
        label = (
            f"mean fall of {explanation.score} where squares of 1/4 and 1/2 of the image's width are blurred; white: "
            "half of its top"
        )
        return (explanation.largest / top).tolist(), ColorBar(label, top)
    return [1.0] * len(explanation.largest), ColorBar(
        "Grad-CAM, as a share of each map's maximum; white: half of it", 1.0
    )


def _map_title(explanation: Explanation) -> list[str]:
    if explanation.cells is None:
        return []
    cells = f"({explanation.cells[0]} x {explanation.cells[1]} cells)"
    if explanation.maps == "occlusion":
        return [f"by how much {explanation.score} falls where parts are hidden {cells}"]
    return [f"Grad-CAM {cells}"]


def _heat_caption(explanation: Explanation, place: int) -> str:
    target, largest = explanation.targets[place], explanation.largest
    most = 0.0 if largest is None else float(largest[place])
    if explanation.maps == "grad-cam":
        return f"Grad-CAM: {target if most > 0 else f'nothing for {target}'}"
    falls = f"falls by up to {number(most)}" if most > 0 else "falls nowhere"
    return f"{target}\n{explanation.score.removeprefix('the ')} {falls}"
