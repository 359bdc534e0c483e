"""Galleries: cutouts as the model sees them, small and inlined, with what was predicted of each."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoobot.errors import ZoobotError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from zoobot.data import Preprocessing
    from zoobot.report.outcomes import Classes, Labels, Numbers, Votes

    Values = NDArray[np.float64]

EACH = 8
"""Galaxies of a kind"""
UNCERTAIN = 16
MOST_CLASSES = 10
MOST_IMAGES = 400
"""In a report; the rest are left out, and it says so"""
THUMB = 128
"""Width of a thumbnail in pixels"""
WHOLE_WIDTH = 128
"""Pixels to which images are reduced where the model's own view isn't known"""

Mark = Literal["", "right", "wrong"]


@dataclass(frozen=True)
class Cutout:
    """One galaxy of a gallery: its picture as a data URL ('' where it can't be shown), its id, and lines about it."""

    picture: str
    id_str: str
    lines: tuple[str, ...]
    mark: Mark = ""
    ra_dec: str = ""


@dataclass(frozen=True)
class Gallery:
    """Cutouts with a heading and a caption."""

    title: str
    cutouts: list[Cutout]
    caption: str = ""


@dataclass
class Pictures:
    """Makes thumbnails, each image once, and counts those that can't be shown.

    Parameters
    ----------
    preprocessing
        How the model sees images; None shows them whole.
    """

    preprocessing: Preprocessing | None
    made: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    left_out: int = 0

    def show(self, file_loc: str) -> str:
        """Give a thumbnail as a data URL, '' where the image can't be read or there are too many."""
        if file_loc not in self.made:
            if len(self.made) >= MOST_IMAGES:
                self.left_out += 1
                return ""
            try:
                self.made[file_loc] = thumbnail(file_loc, self.preprocessing)
            except (ZoobotError, OSError, ValueError) as err:
                self.failed.append(str(err))
                self.made[file_loc] = ""
        return self.made[file_loc]

    def notes(self) -> list[str]:
        """Say which images could not be shown."""
        said = []
        if self.failed:
            said.append(
                f"{len(self.failed)} images could not be read and are shown as placeholders; the first: "
                f"{self.failed[0]}"
            )
        if self.left_out:
            said.append(f"{self.left_out} more were left out, to keep this page small.")
        return said

    def cutouts(
        self,
        frame: pd.DataFrame,
        rows: Sequence[int],
        lines: Sequence[tuple[str, ...]],
        marks: Sequence[Mark] | None = None,
    ) -> list[Cutout]:
        """Give a cutout for each of ``rows`` of a table, with its lines and marks."""
        given = marks or [""] * len(rows)
        ids, files = frame["id_str"], frame["file_loc"]
        return [
            Cutout(self.show(str(files.iloc[row])), str(ids.iloc[row]), own, mark)
            for row, own, mark in zip(rows, lines, given, strict=True)
        ]


def thumbnail(file_loc: str, preprocessing: Preprocessing | None) -> str:
    """Give an image as the model sees it (its centre, stretched as in training) as a small JPEG in a data URL.

    Raises
    ------
    ImageError
        An image that can't be read.
    """
    import warnings

    from PIL import Image

    from zoobot.data.images import ConstantImageWarning, ImageSettings, decode_image, read_image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantImageWarning)
        if preprocessing is None:
            square = _plane(
                read_image(file_loc) if ";" in file_loc else decode_image(file_loc, ImageSettings(), WHOLE_WIDTH)
            )
        else:
            pixels = decode_image(file_loc, preprocessing.images, preprocessing.kept_size)
            margin = (preprocessing.kept_size - preprocessing.image_size) // 2
            kept = slice(margin, margin + preprocessing.image_size)
            square = _plane(pixels[:, kept, kept])
    picture = Image.fromarray(square)
    picture.thumbnail((THUMB, THUMB), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=82, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _plane(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Give (y, x) or (y, x, 3) bytes of an image (channel, y, x): the first three channels, or the first."""
    shown = np.moveaxis(pixels[:3], 0, -1) if len(pixels) >= 3 else pixels[0]
    return shown if shown.dtype == np.uint8 else np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)


def class_galleries(outcomes: Classes, pictures: Pictures) -> list[Gallery]:
    """Show, of each class, the surest right and the surest wrong predictions, and then the least certain ones."""
    p, names = outcomes.probabilities, outcomes.names
    predicted = outcomes.predicted
    surest = np.take_along_axis(p, predicted[:, None], axis=1)[:, 0]
    right = predicted == outcomes.truth
    galleries = []
    kinds: tuple[tuple[Mark, NDArray[np.bool_]], ...] = (("right", right), ("wrong", ~right))
    for place, name in enumerate(names[:MOST_CLASSES]):
        for kind, chosen in kinds:
            rows = _highest(surest, chosen & (predicted == place))
            title = f"Surest of “{name}”, and {kind}"
            galleries.append(_of_classes(title, outcomes, pictures, rows, surest, kind))
    least = np.argsort(surest, kind="stable")[:UNCERTAIN]
    marks = "The most probable class of these has the lowest probability: a person's label is worth most here."
    galleries.append(_of_classes("Least certain", outcomes, pictures, least, surest, "", caption=marks))
    return [gallery for gallery in galleries if gallery.cutouts]


def _of_classes(
    title: str,
    outcomes: Classes,
    pictures: Pictures,
    rows: NDArray[np.int64],
    surest: Values,
    mark: Mark,
    caption: str = "",
) -> Gallery:
    names = outcomes.names
    lines, marks = [], []
    for row in rows:
        predicted, true = names[outcomes.predicted[row]], names[outcomes.truth[row]]
        lines.append((f"{predicted}: {surest[row]:.2f}", f"label: {true}"))
        marks.append(mark or ("right" if predicted == true else "wrong"))
    return Gallery(title, pictures.cutouts(outcomes.frame, rows.tolist(), lines, marks), caption)


def label_galleries(outcomes: Labels, pictures: Pictures) -> list[Gallery]:
    """Show, of each label, the surest right and the surest wrong ones of both kinds."""
    galleries = []
    for place, name in enumerate(outcomes.names[:MOST_CLASSES]):
        p, true = outcomes.probabilities[:, place], outcomes.truth[:, place]
        for title, rows, mark in (
            (f"“{name}”: surest, and right", _highest(p, true & (p >= 0.5)), "right"),
            (f"“{name}”: surest that it is, where the label says not", _highest(p, ~true & (p >= 0.5)), "wrong"),
            (f"“{name}”: surest that it is not, where the label says it is", _highest(-p, true & (p < 0.5)), "wrong"),
        ):
            lines = [(f"P {p[row]:.2f}", f"label: {int(true[row])}") for row in rows]
            marks: list[Mark] = ["right" if mark == "right" else "wrong"] * len(rows)
            galleries.append(Gallery(title, pictures.cutouts(outcomes.frame, rows.tolist(), lines, marks)))
    return [gallery for gallery in galleries if gallery.cutouts]


def number_galleries(outcomes: Numbers, pictures: Pictures) -> list[Gallery]:
    """Show, of each target, the galaxies whose prediction is most too high and most too low, and those predicted best."""
    galleries = []
    for place, name in enumerate(outcomes.names[:MOST_CLASSES]):
        true, predicted = outcomes.truth[:, place], outcomes.predicted[:, place]
        error = predicted - true
        every = np.ones(len(true), dtype=bool)
        for title, rows in (
            (f"“{name}”: predicted most too high", _highest(error, error > 0)),
            (f"“{name}”: predicted most too low", _highest(-error, error < 0)),
            (f"“{name}”: highest predictions", _highest(predicted, every)),
            (f"“{name}”: lowest predictions", _highest(-predicted, every)),
        ):
            lines = [(f"predicted {predicted[row]:.4g}", f"true {true[row]:.4g}") for row in rows]
            galleries.append(Gallery(title, pictures.cutouts(outcomes.frame, rows.tolist(), lines)))
    return [gallery for gallery in galleries if gallery.cutouts]


def vote_galleries(outcomes: Votes, pictures: Pictures) -> list[Gallery]:
    """Show the highest expected fractions of each answer to the questions that everybody is asked, and the largest errors."""
    tree, expected = outcomes.posterior.tree, outcomes.posterior.fractions()
    galleries = []
    questions = (
        [question for question in tree.questions if not question.asked_after]
        if outcomes.knows_paths
        else tree.questions[:1]
    )
    for question in questions[:2]:
        columns = question.columns
        totals = outcomes.counts[:, columns].sum(axis=1)
        asked = totals > 0
        observed = outcomes.counts[:, columns] / np.where(asked, totals, 1)[:, None]
        for answer in question.answers:
            rows = _highest(expected[:, answer.index], asked)
            lines = [
                (
                    f"predicted {expected[row, answer.index]:.2f}",
                    f"votes {outcomes.counts[row, answer.index]:g}/{totals[row]:g}",
                )
                for row in rows
            ]
            galleries.append(
                Gallery(
                    f"{question.text}: highest predicted fraction of “{answer.name}”",
                    pictures.cutouts(outcomes.frame, rows.tolist(), lines),
                )
            )
        error = np.abs(expected[:, columns] - observed)
        worst = _highest(error.max(axis=1), asked & (totals >= 5))
        lines = []
        for row in worst:
            place = int(error[row].argmax())
            answer = question.answers[place]
            lines.append(
                (
                    f"{answer.name}: predicted {expected[row, answer.index]:.2f}",
                    f"votes {outcomes.counts[row, answer.index]:g}/{totals[row]:g}",
                )
            )
        galleries.append(
            Gallery(
                f"{question.text}: largest errors",
                pictures.cutouts(outcomes.frame, worst.tolist(), lines),
                "Of galaxies with 5 votes or more.",
            )
        )
    return [gallery for gallery in galleries if gallery.cutouts]


def _highest(values: Values, chosen: NDArray[np.bool_], count: int = EACH) -> NDArray[np.int64]:
    """Give the rows of the highest values among those chosen, from the highest down."""
    rows = np.flatnonzero(chosen)
    order = np.argsort(-values[rows], kind="stable")[:count]
    found: NDArray[np.int64] = rows[order]
    return found
