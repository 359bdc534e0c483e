"""Pictures of what the checks of a run found, as PNGs.

They show labels that disagree with predictions, near-duplicates and bad images.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from zoobot.data import Preprocessing
from zoobot.report.found import DUPLICATES, IMAGES, LABELS, Checks
from zoobot.report.sheet import Panel, draw_sheet, in_rows

SHOWN = 40
"""Galaxies of a gallery"""

SHOWN_PAIRS = 20


def draw_checks(checks: Checks, preprocessing: Preprocessing, folder: Path) -> list[Path]:
    """Write ``labels.png``, ``duplicates.png`` and ``images.png``, and return their paths.

    A picture is written where something was found.
    """
    written = []
    if len(checks.judged):
        panels = [Panel(str(one["file_loc"]), label_caption(one)) for _, one in checks.judged.head(SHOWN).iterrows()]
        title = (
            f"Labels that disagree with predictions: {_first(len(panels), len(checks.judged))}, the largest "
            "disagreement first"
        )
        written.append(draw_sheet(in_rows(panels), preprocessing, folder / f"{LABELS}.png", title=title))
    if len(checks.ungrouped):
        panels = []
        for _, pair in checks.ungrouped.head(SHOWN_PAIRS).iterrows():
            across = pair["part_a"] != pair["part_b"]
            for side, text in (("a", f"{pair['kind']}, {pair['similarity']:.3f}"), ("b", "")):
                caption = f"{pair[f'id_str_{side}']}\n{pair[f'part_{side}']}\n{text}"
                panels.append(Panel(str(pair[f"file_loc_{side}"]), caption.strip(), wrong=across, whole=True))
        shown = _first(len(panels) // 2, len(checks.ungrouped))
        title = f"Near-duplicates, two by two: {shown}; red between parts of the split"
        written.append(draw_sheet(in_rows(panels), preprocessing, folder / f"{DUPLICATES}.png", title=title))
    if len(checks.images):
        panels = [
            Panel(str(one["file_loc"]), f"{one['id_str']}\n{one['fault']}{_extent(one['extent'])}", whole=True)
            for _, one in checks.images.head(SHOWN).iterrows()
        ]
        title = f"Bad images: {_first(len(panels), len(checks.images))}, the worst first"
        written.append(draw_sheet(in_rows(panels), preprocessing, folder / f"{IMAGES}.png", title=title))
    return written


def label_caption(galaxy: pd.Series) -> str:
    """Write below a cutout what its label is and what it probably should be."""
    if np.isnan(float(galaxy["probability"])):
        given, suggested = float(galaxy["given"]), float(galaxy["suggested"])
        return (
            f"{galaxy['id_str']}\n{galaxy['label']} {given:.3g}\npredicted {suggested:.3g} ({-galaxy['score']:.1f} "
            "sigma)"
        )
    return (
        f"{galaxy['id_str']}\n{galaxy['label']}: {galaxy['given']}\nrather {galaxy['suggested']} "
        f"(p={galaxy['probability']:.2f})"
    )


def _extent(share: float) -> str:
    return "" if share == 1 else f" {share:.0%}"


def _first(shown: int, total: int) -> str:
    return f"all {total}" if shown == total else f"{shown} of {total}"
