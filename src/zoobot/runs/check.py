"""The checks of a finetuning run: likely label errors, duplicates and bad images, as tables and as galleries."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.data import Preprocessing
from zoobot.data.fills import FillCount
from zoobot.data.splits import group_codes
from zoobot.errors import CatalogError
from zoobot.files import home, is_file
from zoobot.finetune import FinetuneableZoobotAbstract, load
from zoobot.finishing import check_finished
from zoobot.layout import (
    CHECKS_FOLDER,
    FOLDS_FOLDER,
    GROUP_COLUMN,
    MODEL_FOLDER,
    OUTCOMES_FILE,
    PARTS_FILE,
    PREDICTIONS_FILE,
    VAL_PREDICTIONS_FILE,
)
from zoobot.predictions import feature_array, represent, write_table
from zoobot.predictions.evaluation import table_of
from zoobot.predictions.tables import read_results
from zoobot.predictions.thumbnails import Thumbnails, make_thumbnails
from zoobot.ranges import bounded
from zoobot.report.check_sheets import draw_checks
from zoobot.report.found import DUPLICATES, IMAGES, LABELS, Checks
from zoobot.report.looked import Look
from zoobot.runs.about import write_looked
from zoobot.runs.label_checks import check_labels, unchecked
from zoobot.science.duplicates import near_duplicates
from zoobot.science.image_faults import image_faults
from zoobot.science.predicted import load_predicted
from zoobot.settings import Precision

if TYPE_CHECKING:
    import numpy.typing as npt

logger = logging.getLogger(__name__)

NEEDED = ("id_str", "file_loc")
"""Columns of all tables of galaxies"""


@bounded()
def check_run(
    folder: str | Path,
    features: npt.NDArray[np.floating] | None = None,
    *,
    model: FinetuneableZoobotAbstract | None = None,
    thumbnails: Thumbnails | None = None,
    num_workers: int | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    galleries: bool = True,
    say: Callable[[str], object] = logger.info,
) -> Checks:
    """Check the galaxies of a finetuning run, and write what is found into ``checks/``.

    The files are ``labels.csv``, ``duplicates.csv`` and ``images.csv``, with a PNG each.

    Parameters
    ----------
    folder
        Of the run: it holds ``model/``, ``parts.csv`` and, with ``--folds``, ``folds/predictions.csv``. Without folds
        the labels of the validation and test parts alone are checked, for the model has been trained on the others.
    features
        (galaxy, feature) in the order of ``parts.csv``. Default: computed by the model's encoder.
    model
        The run's model, where it is in memory.
    thumbnails
        What `make_thumbnails` gives for ``parts.csv``, where it has been made.
    num_workers
        Processes that decode images.
    device, precision
        See `zoobot.represent`.
    galleries
        Write the PNGs too.
    say
        Called with a sentence on what is being done.

    Raises
    ------
    CatalogError
        The folder holds no predictions, or results that are not complete: the command that wrote them was interrupted.
    ModelFileError, ImageError, OutputError
        See `zoobot.errors`.
    """
    folder = home(folder)
    check_finished(folder)
    model = load(folder / MODEL_FOLDER) if model is None else model
    preprocessing = model.preprocessing or Preprocessing()
    predictions, notes, folds = _out_of_fold(folder, model)
    galaxies = _parts(folder, predictions)
    say(f"Looking at the images of {len(galaxies)} galaxies.")
    if thumbnails is None:
        thumbnails = make_thumbnails(galaxies["file_loc"].tolist(), preprocessing, num_workers=num_workers)
    if features is None:
        say("Comparing them with one another.")
        compute: dict[str, Any] = {"num_workers": num_workers, "device": device, "precision": precision}
        table = represent(galaxies, model, on_error="skip", checked=True, **compute)
        features = feature_array(table)
    checks = check_galaxies(galaxies, predictions, model, features, *thumbnails, notes, folds=folds)
    write_checks(checks, folder, preprocessing, galleries=galleries)
    return checks


def check_galaxies(
    galaxies: pd.DataFrame,
    predictions: pd.DataFrame | None,
    model: FinetuneableZoobotAbstract,
    features: npt.NDArray[np.floating],
    thumbnails: npt.NDArray[np.uint8],
    errors: Sequence[str],
    fills: FillCount,
    notes: Sequence[str] = (),
    *,
    folds: bool = False,
) -> Checks:
    """Return what checks of galaxies find.

    Parameters
    ----------
    galaxies
        One row per galaxy: ``id_str``, ``file_loc``, ``part`` and, where galaxies come in groups, ``galaxy_group``.
    predictions
        Of galaxies that the predicting model has not been trained on, beside their labels; None where there are none.
    model
        Which predicted them.
    features, thumbnails, errors, fills
        (galaxy, feature); (galaxy, channel, 64, 64), why an image could not be read, and images with pixels without
        data, as `make_thumbnails` gives them.
    notes
        What else to say of the labels.
    folds
        Whether predictions are by the models of folds.
    """
    images = image_faults(galaxies, thumbnails, errors)
    useless = galaxies["id_str"].isin(images.loc[images["fault"].isin(["blank", "unreadable"]), "id_str"]).to_numpy()
    good = np.flatnonzero(~useless)
    duplicates = near_duplicates(
        galaxies.iloc[good].reset_index(drop=True), thumbnails[good], features[good].astype(np.float32)
    )
    why = "all of these galaxies had a part in training"
    groups = _groups(galaxies)
    labels = unchecked(why) if predictions is None else check_labels(model, predictions, groups, folds=folds)
    if groups is not None:
        labels.table[GROUP_COLUMN] = labels.table["id_str"].map(groups)
        duplicates["grouped"] = duplicates["id_str_a"].map(groups) == duplicates["id_str_b"].map(groups)
    return Checks(
        labels.table,
        duplicates,
        images,
        len(galaxies),
        labels.n,
        [*(notes if labels.n else ()), *labels.notes],
        labels.n_groups,
        labels.figures,
        fills.sentences(),
    )


def write_checks(checks: Checks, folder: Path, preprocessing: Preprocessing, *, galleries: bool = True) -> None:
    """Write what checks found into ``checks/`` of a run's folder, and that they were made.

    Pictures are written unless ``galleries`` is off.
    """
    target = folder / CHECKS_FOLDER
    for name, table in ((LABELS, checks.labels), (DUPLICATES, checks.duplicates), (IMAGES, checks.images)):
        write_table(table, target / f"{name}.csv")
        (target / f"{name}.png").unlink(missing_ok=True)
    if galleries:
        draw_checks(checks, preprocessing, target)
    write_looked(
        folder,
        {
            DUPLICATES: Look(True, checks.n_checked),
            IMAGES: Look(True, checks.n_checked, " ".join(checks.image_notes)),
            LABELS: Look(checks.n_labels_checked > 0, checks.n_labels_checked, " ".join(checks.notes)),
        },
    )


def _out_of_fold(folder: Path, model: FinetuneableZoobotAbstract) -> tuple[pd.DataFrame, list[str], bool]:
    """Return predictions for galaxies that the predicting model has not been trained on.

    Also returned are what to say of them, and if they are of folds.
    """
    tables = {
        part: table
        for part, name in (
            ("folds", f"{FOLDS_FOLDER}/{PREDICTIONS_FILE}"),
            ("val", VAL_PREDICTIONS_FILE),
            ("test", PREDICTIONS_FILE),
        )
        if (table := _predictions(folder, part, name, model)) is not None
    }
    if "folds" in tables:
        return tables["folds"], [], True
    if not tables:
        msg = f"{folder} holds no predictions.csv: give the folder that zoobot finetune wrote."
        raise CatalogError(msg)
    parts = "validation and test galaxies" if len(tables) > 1 else "test galaxies"
    note = (
        f"There are no folds, so that only labels of the {parts} can be checked: finetune with --folds 5 to check all."
    )
    return pd.concat(tables.values(), ignore_index=True), [note], False


def _predictions(folder: Path, part: str, name: str, model: FinetuneableZoobotAbstract) -> pd.DataFrame | None:
    """Return the predictions of a part as a table.

    They are from the arrays that the folder keeps, or of earlier versions from its table.
    """
    kept = load_predicted((folder / name).with_name(OUTCOMES_FILE)).get(part)
    if kept is not None:
        return table_of(model, kept)
    return read_results(folder / name, NEEDED) if is_file(folder / name, CatalogError) else None


def _parts(folder: Path, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return all labelled galaxies with their part of the split, and their group.

    Of older runs, they are those with predictions.
    """
    path = folder / PARTS_FILE
    galaxies = read_results(path, (*NEEDED, "part")) if is_file(path, CatalogError) else predictions.assign(part="")
    columns = ["id_str", "file_loc", "part", *([GROUP_COLUMN] if GROUP_COLUMN in galaxies else [])]
    return galaxies[columns].fillna({"part": ""})


def _groups(galaxies: pd.DataFrame) -> pd.Series | None:
    """Return the group of each galaxy by its ``id_str``; None where each stands alone."""
    if GROUP_COLUMN not in galaxies:
        return None
    return pd.Series(group_codes(galaxies[GROUP_COLUMN]), galaxies["id_str"]).groupby(level=0).first()
