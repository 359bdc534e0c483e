"""Sections on what a run may have beside its test: folds, shift, learning curve, and what checks of labels and images found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.report.galleries import Cutout, Gallery, Mark, Pictures
from zoobot.report.outcomes import shown_names
from zoobot.report.summary import NAMES, PART_NAMES, Table, between, number
from zoobot.report.theme import BLUE, FAINT, ORANGE, Plot, new_figure, style

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents

FOLD_SCORES = ("accuracy", "balanced_accuracy", "auroc", "average_precision", "r2")
"""Drawn fold by fold: those that are at most 1"""

SHOWN, SHOWN_PAIRS = 24, 12
"""Galaxies, and pairs, of a gallery"""


def folds_table(contents: RunContents) -> Table | None:
    """Give each score's mean and spread over folds."""
    mean, std = (contents.fold_metrics.get(name) or {} for name in ("mean", "std"))
    names = [name for name, value in mean.items() if isinstance(value, int | float) and name not in ("n", "level")]
    if not names:
        return None
    rows = [[NAMES.get(name, name), number(mean[name]), number(std.get(name))] for name in names]
    count = len(contents.fold_metrics.get("folds") or [])
    caption = (
        f"Each of {count} folds was predicted by a model trained on the others. The spread is the standard deviation "
        "over folds, of their galaxies and of training together."
    )
    return Table("", ["", "mean over folds", "spread"], rows, caption)


def folds_plot(contents: RunContents) -> Plot | None:
    """Draw each fold's scores, with the test part's own beside them."""
    folds: list[dict[str, Any]] = [one for one in contents.fold_metrics.get("folds") or [] if isinstance(one, dict)]
    names = [name for name in FOLD_SCORES if sum(isinstance(one.get(name), int | float) for one in folds) > 1]
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
        ax.set_yticks(range(len(names)), [NAMES.get(name, name) for name in names])
        ax.set(xlabel="score", ylim=(len(names) - 0.5, -0.5))
        ax.legend()
    caption = (
        "Points are folds, lines their means, diamonds the test part. How far folds lie apart is how far a score can "
        "be trusted that one split gave."
    )
    return Plot("folds", "Scores of folds", caption, figure, pd.DataFrame(rows))


def shift_table(contents: RunContents) -> Table | None:
    """Give how unlike the training galaxies those of the test part are."""
    shift = contents.shift
    if shift.get("auroc") is None:
        return None
    rows = []
    for name, key, low, high in (
        ("AUROC of telling them apart", "auroc", "auroc_low", "auroc_high"),
        ("share unlike any training galaxy", "far_fraction", "far_low", "far_high"),
    ):
        interval = tuple(float("nan") if shift.get(end) is None else float(shift[end]) for end in (low, high))
        rows.append([name, number(shift.get(key)), between((interval[0], interval[1]))])
    explained = [
        "of a simple classifier that sees the encoder's features: 0.5 where both look alike, 1 where each gives "
        "itself away",
        "farther from every training galaxy than 99% of those are from one another: 0.01 is expected",
    ]
    caption = (
        f"{number(shift.get('n_target'))} test galaxies against {number(shift.get('n_reference'))} training "
        "galaxies, in the features of the frozen encoder."
    )
    return Table("", ["", "value", "95% interval"], rows, caption, explained)


def check_galleries(contents: RunContents, pictures: Pictures) -> list[Gallery]:
    """Show labels that look wrong, near-duplicates and bad images, as far as ``checks/`` lists any."""
    makers = (("labels", _labels), ("duplicates", _duplicates), ("images", _images))
    galleries = [make(contents.checks[name], pictures) for name, make in makers if name in contents.checks]
    return [gallery for gallery in galleries if gallery.cutouts]


def _labels(table: pd.DataFrame, pictures: Pictures) -> Gallery:
    shown = table.head(SHOWN)
    lines = []
    for row in shown.to_dict("records"):
        probability = row.get("probability", float("nan"))
        if probability == probability:
            suggested, given = shown_names(str(row["label"]), [str(row["suggested"]), str(row["given"])])
            lines.append((f"{suggested}: {probability:.2f}", f"label: {given}"))
        else:
            lines.append((f"predicted {_figure(row['suggested'])}", f"{row['label']}: {_figure(row['given'])}"))
    caption = (
        "Galaxies whose label and out-of-sample prediction disagree most, the surest first (classes: confident "
        "learning, Northcutt et al. 2021; numbers: residuals beyond what a normal distribution gives). Look at them "
        "before believing either: a rare kind of galaxy is found here too."
    )
    title = f"Labels that look wrong ({_of(len(shown), len(table))})"
    return Gallery(title, pictures.cutouts(shown, range(len(shown)), lines, ["wrong"] * len(shown)), caption)


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
    caption = (
        "Images that show the same galaxy or nearly so, two by two; those marked lie in different parts of the "
        "split, so that the model is tested on what it has seen. Drop one of each, or keep them together with "
        "--group-col."
    )
    return Gallery(f"Near-duplicates ({_of(len(shown), len(table))} pairs)", cutouts, caption)


def _images(table: pd.DataFrame, pictures: Pictures) -> Gallery:
    shown = table.head(SHOWN)
    lines = [(str(row["fault"]), f"{float(row['extent']):.0%} of the image") for row in shown.to_dict("records")]
    cutouts = pictures.cutouts(shown, range(len(shown)), lines)
    return Gallery(
        f"Images that look bad ({_of(len(shown), len(table))})", cutouts, "Blank, saturated, cut off or unreadable."
    )


def _figure(value: object) -> str:
    try:
        return f"{float(str(value)):.4g}"
    except ValueError:
        return str(value)


def _of(shown: int, total: int) -> str:
    return f"all {total}" if shown == total else f"{shown} of {total:,}"
