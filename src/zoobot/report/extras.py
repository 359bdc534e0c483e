"""Sections on what a run may have beside its test.

They are on folds, shift, learning curve, and what checks of labels and images found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.report.findings.copies import ungrouped
from zoobot.report.findings.suspects import Suspects, suspects
from zoobot.report.galleries import Cutout, Gallery, Mark, Pictures
from zoobot.report.outcomes import shown_names
from zoobot.report.summary import Table
from zoobot.report.theme import BLUE, FAINT, ORANGE, Plot, new_figure, style
from zoobot.report.words import PART_NAMES, between, number

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents
    from zoobot.report.findings.run import Findings

SHOWN, SHOWN_PAIRS = 24, 12
"""Galaxies, and pairs, of a gallery"""


@dataclass(frozen=True)
class FoldsDrawn:
    """What was drawn of folds: how many, and whether the test part's scores stand beside theirs."""

    n: int
    tested: bool


def folds_table(contents: RunContents) -> Table | None:
    """Return each score's mean and spread over folds."""
    mean, std = (contents.fold_metrics.get(name) or {} for name in ("mean", "std"))
    names = [name for name, value in mean.items() if isinstance(value, int | float) and name not in ("n", "level")]
    if not names:
        return None
    rows = [[contents.view.metric(name).name, number(mean[name]), number(std.get(name))] for name in names]
    return Table("folds", ["", "mean over folds", "spread"], rows, len(contents.fold_metrics.get("folds") or []))


def folds_plot(contents: RunContents) -> Plot | None:
    """Draw each fold's scores, with the test part's own beside them."""
    folds: list[dict[str, Any]] = [one for one in contents.fold_metrics.get("folds") or [] if isinstance(one, dict)]
    metrics = [
        metric
        for metric in contents.view.metrics
        if metric.better == "high" and sum(isinstance(one.get(metric.key), int | float) for one in folds) > 1
    ]
    names = [metric.key for metric in metrics]
    if not names:
        return None
    test = contents.scores("test")
    rows = [{"fold": fold, "score": name, "value": one.get(name)} for fold, one in enumerate(folds) for name in names]
    with style():
        figure = new_figure(4.6, 3.2)
        ax = figure.subplots()
        for place, name in enumerate(names):
            values = np.array([one.get(name, np.nan) for one in folds], dtype=float)
            ax.scatter(
                values,
                np.full(len(values), place),
                color=BLUE,
                s=24,
                alpha=0.7,
                linewidths=0,
                label="a fold" if place == 0 else None,
            )
            ax.plot([np.nanmean(values)] * 2, [place - 0.25, place + 0.25], color=FAINT, linewidth=1.5)
            if isinstance(test.get(name), int | float):
                ax.scatter(
                    [test[name]], [place], color=ORANGE, marker="D", s=26, label="test part" if place == 0 else None
                )
        ax.set_yticks(range(len(names)), [metric.name for metric in metrics])
        ax.set(xlabel="score", ylim=(len(names) - 0.5, -0.5))
        ax.legend()
    tested = any(isinstance(test.get(name), int | float) for name in names)
    return Plot("folds", figure, pd.DataFrame(rows), drawn=FoldsDrawn(len(folds), tested))


def shift_table(run: Findings) -> Table | None:
    """Return how unlike known galaxies those of the test part are."""
    shift = run.shift
    if shift is None:
        return None
    rows = [
        ["AUROC of telling them apart", number(shift.auroc), between(shift.auroc_interval)],
        [f"share unlike any {shift.known} galaxy", number(shift.far), between(shift.far_interval)],
    ]
    return Table("shift", ["", "value", "95% interval"], rows, shift, [("auroc", shift), ("far", shift)])


@dataclass(frozen=True)
class Listed:
    """What a check lists.

    It says how many of how many are shown, whether labels are numbers, and which pairs shown lie in different parts.
    """

    shown: int
    total: int
    numbers: bool = False
    across: int = 0


def check_galleries(run: Findings, pictures: Pictures) -> list[Gallery]:
    """Return doubtful labels, near-duplicates and bad images.

    Labels disagree with predictions which can judge them, and no group keeps the near-duplicates together.
    """
    checks = run.contents.checks
    galleries = [_labels(found, pictures) for found in suspects(run)]
    pairs = None if "duplicates" not in checks else ungrouped(checks["duplicates"], run.contents.parts)
    if pairs is not None and len(pairs):
        galleries.append(_duplicates(pairs, pictures))
    if "images" in checks:
        galleries.append(_images(checks["images"], pictures))
    return [gallery for gallery in galleries if gallery.cutouts]


def _labels(found: Suspects, pictures: Pictures) -> Gallery:
    shown = found.table.head(SHOWN)
    lines = []
    for row in shown.to_dict("records"):
        if found.numbers:
            lines.append((f"predicted {_figure(row['suggested'])}", f"{row['label']}: {_figure(row['given'])}"))
        else:
            suggested, given = shown_names(str(row["label"]), [str(row["suggested"]), str(row["given"])])
            lines.append((f"{suggested}: {float(row['probability']):.2f}", f"label: {given}"))
    cutouts = pictures.cutouts(shown, range(len(shown)), lines, ["wrong"] * len(shown))
    return Gallery("check_labels", cutouts, Listed(len(shown), found.n, numbers=found.numbers))


def _duplicates(table: pd.DataFrame, pictures: Pictures) -> Gallery:
    across = table["part_a"].astype(str) != table["part_b"].astype(str)
    shown = table.loc[across.sort_values(ascending=False, kind="stable").index].head(SHOWN_PAIRS)
    cutouts = []
    for number_of, row in enumerate(shown.to_dict("records"), start=1):
        parts = [str(row[f"part_{side}"]) for side in ("a", "b")]
        mark: Mark = "wrong" if parts[0] != parts[1] else ""
        for side, part in zip(("a", "b"), parts, strict=True):
            lines = (f"pair {number_of}", f"{PART_NAMES.get(part, part)}, similarity {float(row['similarity']):.3f}")
            cutouts.append(Cutout(pictures.show(str(row[f"file_loc_{side}"])), str(row[f"id_str_{side}"]), lines, mark))
    return Gallery(
        "check_duplicates", cutouts, Listed(len(shown), len(table), across=min(int(across.sum()), len(shown)))
    )


def _images(table: pd.DataFrame, pictures: Pictures) -> Gallery:
    shown = table.head(SHOWN)
    lines = [(str(row["fault"]), f"{float(row['extent']):.0%} of the image") for row in shown.to_dict("records")]
    cutouts = pictures.cutouts(shown, range(len(shown)), lines)
    return Gallery("check_images", cutouts, Listed(len(shown), len(table)))


def _figure(value: object) -> str:
    try:
        return f"{float(str(value)):.4g}"
    except ValueError:
        return str(value)
