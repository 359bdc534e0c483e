"""The checks of a finetuning run: likely label errors, duplicates and bad images, as tables and as galleries."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.data import Preprocessing
from zoobot.errors import CatalogError
from zoobot.finetune import (
    FinetuneableZoobotAbstract,
    FinetuneableZoobotClassifier,
    FinetuneableZoobotRegressor,
    load,
)
from zoobot.predictions import feature_array, represent, write_table
from zoobot.predictions.thumbnails import make_thumbnails
from zoobot.report.looked import Look, write_looked
from zoobot.report.names import (
    CHECKS_FOLDER,
    FOLDS_FOLDER,
    MODEL_FOLDER,
    PARTS_FILE,
    PREDICTIONS_FILE,
    VAL_PREDICTIONS_FILE,
)
from zoobot.report.outcomes import UNKNOWN_CLASS, places_of
from zoobot.report.sheet import Panel, draw_sheet, in_rows
from zoobot.science.duplicates import near_duplicates
from zoobot.science.image_faults import image_faults
from zoobot.science.label_check import COLUMNS, likely_label_errors, likely_multi_label_errors, unlikely_measurements

if TYPE_CHECKING:
    import numpy.typing as npt

logger = logging.getLogger(__name__)

LABELS, DUPLICATES, IMAGES = "labels", "duplicates", "images"

SHOWN = 40
"""Galaxies of a gallery"""

SHOWN_PAIRS = 20


@dataclass(frozen=True)
class Checks:
    """What the checks found."""

    labels: pd.DataFrame
    """See `zoobot.science.likely_label_errors`"""
    duplicates: pd.DataFrame
    """See `zoobot.science.near_duplicates`"""
    images: pd.DataFrame
    """See `zoobot.science.image_faults`"""
    n_checked: int
    """Galaxies with images"""
    n_labels_checked: int
    """Galaxies with predictions that were not trained on"""
    notes: list[str] = field(default_factory=list)
    """What could not be checked, and why"""

    @property
    def across(self) -> pd.DataFrame:
        """The duplicates between parts of the split, which make scores too good."""
        return self.duplicates[self.duplicates["part_a"] != self.duplicates["part_b"]]

    def sentences(self) -> list[str]:
        """Say in plain words what was found."""
        said = [
            f"{len(self.labels)} of {self.n_labels_checked} labels look wrong.",
            f"{len(self.duplicates)} pairs of near-duplicate images among {self.n_checked}, {len(self.across)} of them between "
            "parts of the split.",
            f"{len(self.images)} bad images" + (f" ({_counted(self.images['fault'])})." if len(self.images) else "."),
        ]
        if len(self.across):
            said.append(
                "The same galaxy in training and test makes scores too good: drop one of each pair, or use --group-col."
            )
        return said + self.notes


def check_run(
    folder: str | Path,
    features: npt.NDArray[np.floating] | None = None,
    *,
    model: FinetuneableZoobotAbstract | None = None,
    thumbnails: tuple[npt.NDArray[np.uint8], Sequence[str]] | None = None,
    num_workers: int | None = None,
    galleries: bool = True,
    say: Callable[[str], object] = logger.info,
) -> Checks:
    """Check the galaxies of a finetuning run, and write ``checks/labels.csv``, ``duplicates.csv`` and ``images.csv``, with a PNG each.

    Parameters
    ----------
    folder
        Of the run: it holds ``model/``, ``parts.csv`` and, with ``--folds``, ``folds/predictions.csv``. Without folds the labels of the
        validation and test parts alone are checked, for the model has been trained on the others.
    features
        (galaxy, feature) in the order of ``parts.csv``. Default: computed by the model's encoder.
    model
        The run's model, where it is in memory.
    thumbnails
        What `make_thumbnails` gives for ``parts.csv``, where it has been made.
    num_workers
        Processes that decode images.
    galleries
        Write the PNGs too.
    say
        Called with a sentence on what is being done.

    Raises
    ------
    CatalogError
        The folder holds no predictions.
    ModelFileError, ImageError, OutputError
        See `zoobot.errors`.
    """
    folder = Path(folder)
    model = load(folder / MODEL_FOLDER) if model is None else model
    preprocessing = model.preprocessing or Preprocessing()
    predictions, notes = _out_of_fold(folder)
    galaxies = _parts(folder, predictions)
    say(f"Looking at the images of {len(galaxies)} galaxies.")
    if thumbnails is None:
        thumbnails = make_thumbnails(galaxies["file_loc"].tolist(), preprocessing, num_workers=num_workers)
    if features is None:
        say("Comparing them with one another.")
        table = represent(galaxies, model, on_error="skip", num_workers=num_workers)
        features = feature_array(table)
    checks = check_galaxies(galaxies, predictions, model, features, *thumbnails, notes)
    write_checks(checks, folder, preprocessing, galleries=galleries)
    return checks


def check_galaxies(
    galaxies: pd.DataFrame,
    predictions: pd.DataFrame | None,
    model: FinetuneableZoobotAbstract,
    features: npt.NDArray[np.floating],
    thumbnails: npt.NDArray[np.uint8],
    errors: Sequence[str],
    notes: Sequence[str] = (),
) -> Checks:
    """Return what checks of galaxies find.

    Parameters
    ----------
    galaxies
        One row per galaxy: ``id_str``, ``file_loc``, ``part``.
    predictions
        Of galaxies that the predicting model has not been trained on, beside their labels; None where there are none.
    model
        Which predicted them.
    features, thumbnails, errors
        (galaxy, feature); (galaxy, channel, 64, 64) and why an image could not be read, as `make_thumbnails` gives them.
    notes
        What else to say of the labels.
    """
    images = image_faults(galaxies, thumbnails, errors)
    useless = galaxies["id_str"].isin(images.loc[images["fault"].isin(["blank", "unreadable"]), "id_str"]).to_numpy()
    good = np.flatnonzero(~useless)
    duplicates = near_duplicates(
        galaxies.iloc[good].reset_index(drop=True), thumbnails[good], features[good].astype(np.float32)
    )
    none = pd.DataFrame(columns=COLUMNS), 0, ["Labels were not checked: all of these galaxies had a part in training."]
    labels, checked, more = none if predictions is None else _labels(model, predictions)
    return Checks(labels, duplicates, images, len(galaxies), checked, [*notes, *more])


def write_checks(checks: Checks, folder: Path, preprocessing: Preprocessing, *, galleries: bool = True) -> None:
    """Write what checks found into ``checks/`` of a run's folder, with pictures unless ``galleries`` is off, and that they were made."""
    target = folder / CHECKS_FOLDER
    for name, table in ((LABELS, checks.labels), (DUPLICATES, checks.duplicates), (IMAGES, checks.images)):
        write_table(table, target / f"{name}.csv")
        (target / f"{name}.png").unlink(missing_ok=True)
    if galleries:
        draw_checks(checks, preprocessing, target)
    write_looked(
        folder,
        {
            "duplicates": Look(True, checks.n_checked),
            "images": Look(True, checks.n_checked),
            "labels": Look(checks.n_labels_checked > 0, checks.n_labels_checked, " ".join(checks.notes)),
        },
    )


def draw_checks(checks: Checks, preprocessing: Preprocessing, folder: Path) -> list[Path]:
    """Write ``labels.png``, ``duplicates.png`` and ``images.png`` of what was found, where something was, and give their paths."""
    written = []
    if len(checks.labels):
        panels = [Panel(str(one["file_loc"]), label_caption(one)) for _, one in checks.labels.head(SHOWN).iterrows()]
        title = f"Labels that look wrong: {_first(len(panels), len(checks.labels))}, the surest first"
        written.append(draw_sheet(in_rows(panels), preprocessing, folder / f"{LABELS}.png", title=title))
    if len(checks.duplicates):
        panels = []
        for _, pair in checks.duplicates.head(SHOWN_PAIRS).iterrows():
            across = pair["part_a"] != pair["part_b"]
            for side, text in (("a", f"{pair['kind']}, {pair['similarity']:.3f}"), ("b", "")):
                caption = f"{pair[f'id_str_{side}']}\n{pair[f'part_{side}']}\n{text}"
                panels.append(Panel(str(pair[f"file_loc_{side}"]), caption.strip(), wrong=across, whole=True))
        shown = _first(len(panels) // 2, len(checks.duplicates))
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
        return f"{galaxy['id_str']}\n{galaxy['label']} {given:.3g}\npredicted {suggested:.3g} ({-galaxy['score']:.1f} sigma)"
    return f"{galaxy['id_str']}\n{galaxy['label']}: {galaxy['given']}\nrather {galaxy['suggested']} (p={galaxy['probability']:.2f})"


def _out_of_fold(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """Give the predictions for galaxies that the predicting model has not been trained on, and what to say of them."""
    folds = folder / FOLDS_FOLDER / PREDICTIONS_FILE
    if folds.is_file():
        return _read(folds), []
    found = [_read(path) for path in (folder / VAL_PREDICTIONS_FILE, folder / PREDICTIONS_FILE) if path.is_file()]
    if not found:
        msg = f"{folder} holds no predictions.csv: give the folder that zoobot finetune wrote."
        raise CatalogError(msg)
    parts = "validation and test galaxies" if len(found) > 1 else "test galaxies"
    note = (
        f"There are no folds: labels of the {parts} alone were checked. Finetune with --folds 5 to check all of them."
    )
    return pd.concat(found, ignore_index=True), [note]


def _parts(folder: Path, predictions: pd.DataFrame) -> pd.DataFrame:
    """Give all labelled galaxies with their part of the split; of older runs, those with predictions."""
    path = folder / PARTS_FILE
    galaxies = _read(path) if path.is_file() else predictions.assign(part="")
    return galaxies[["id_str", "file_loc", "part"]].fillna({"part": ""})


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"id_str": str, "file_loc": str}, low_memory=False)


def _labels(model: FinetuneableZoobotAbstract, predictions: pd.DataFrame) -> tuple[pd.DataFrame, int, list[str]]:
    """Give the likely label errors, how many galaxies were checked for them, and what to say of it."""
    columns = model.prediction_columns()
    truths = [f"true_{name}" for name in model.label_cols]
    missing = [name for name in (*columns, *truths) if name not in predictions]
    is_known = isinstance(model, FinetuneableZoobotClassifier | FinetuneableZoobotRegressor)
    if not is_known or missing:
        why = f"the predictions lack {missing[0]}" if is_known else "votes are no single label"
        return pd.DataFrame(columns=COLUMNS), 0, [f"Labels were not checked: {why}."]
    values = predictions[columns].to_numpy(float)
    if isinstance(model, FinetuneableZoobotRegressor):
        found = unlikely_measurements(predictions, values, predictions[truths].to_numpy(float), model.label_cols)
    elif model.multi_label:
        found = likely_multi_label_errors(predictions, values, predictions[truths].to_numpy(float), model.label_cols)
    else:
        names = [column.removeprefix(f"{model.label_cols[0]}_") for column in columns]
        codes = _classes(predictions[truths[0]], names)
        found = likely_label_errors(predictions, values, codes, names, label=model.label_cols[0])
    return found, int(np.isfinite(values).all(axis=1).sum()), []


def _classes(labels: pd.Series, names: Sequence[str]) -> npt.NDArray[np.int64]:
    places = places_of(labels, names)
    unknown = places == UNKNOWN_CLASS
    if unknown.any():
        msg = f"the true label '{labels[unknown].iloc[0]}' is not among the classes {', '.join(names)}: the predictions are of another run."
        raise CatalogError(msg)
    return places


def _counted(values: pd.Series) -> str:
    return ", ".join(f"{count} {name}" for name, count in values.value_counts().items())


def _extent(share: float) -> str:
    return "" if share == 1 else f" {share:.0%}"


def _first(shown: int, total: int) -> str:
    return f"all {total}" if shown == total else f"{shown} of {total}"
