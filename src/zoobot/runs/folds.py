"""Cross-validation: every labelled galaxy predicted by a model that has not seen it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.data import GalaxyDataModule
from zoobot.data.splits import group_codes, split_rows
from zoobot.errors import ModelFileError, OptionError, OutputError, SplitError, ZoobotError
from zoobot.files import is_file, read_json, write_json
from zoobot.folders import remove
from zoobot.layout import FOLD, FOLDS_FOLDER, METRICS_FILE, OUTCOMES_FILE, PREDICTIONS_FILE
from zoobot.origins import ORIGIN_FILE
from zoobot.predictions import evaluate, write_table
from zoobot.predictions.tables import read_results
from zoobot.runs.build import build_encoder, build_model, data_options
from zoobot.runs.held_out import best_model, calibrate, evaluation_options, grouping, labelled_galaxies
from zoobot.runs.trained import Given
from zoobot.science.predicted import joined, load_predicted, save_predicted
from zoobot.settings import RunSettings
from zoobot.trees import load as load_tree

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.finetune import FinetuneableZoobotAbstract
    from zoobot.finetune.trainer import FinetuneTrainer

ENDINGS = ("csv", "safetensors", "json")
"""Of what is kept of a fold that is done: its table, the same as arrays, and its scores"""

VAL_SHARE = 1 / 8
"""Of the galaxies that a fold is not tried on: they decide when its training stops, and calibrate it"""


def run_folds(
    settings: RunSettings,
    given: Given,
    datamodule: GalaxyDataModule,
    model: FinetuneableZoobotAbstract,
    out: Path,
    make_trainer: Callable[[Path], FinetuneTrainer],
    say: Callable[[str], object],
) -> dict[str, Any]:
    """Write out-of-fold predictions of all labelled galaxies, and scores fold by fold, to ``out/folds``.

    Return the scores. The galaxies (the test part too) are dealt into ``settings.folds`` folds as the parts were. For
    each fold a model like that of the run is trained, stopped and calibrated on the others and predicts it. A fold that
    is done is not done again.

    Parameters
    ----------
    settings, given, datamodule, model
        Of the run.
    out
        The run's folder.
    make_trainer
        Gives the trainer that writes into a folder.
    say
        Called with a sentence on what is being done.

    Returns
    -------
    ``folds``: the scores of each; ``mean`` and ``std`` (n - 1) of each figure over them.

    Raises
    ------
    SplitError
        Fewer galaxies of a class than folds.
    """
    folder = out / FOLDS_FOLDER
    summary = folder / METRICS_FILE
    if not is_file(summary, OutputError):  # it is written last
        write_json(summary, _train_folds(settings, given, datamodule, model, folder, make_trainer, say))
    remove(folder, [path.name for path in folder.glob(FOLD.format("*"))])
    return read_json(summary, ModelFileError, f"Delete {folder}, to train the folds anew.")


def _train_folds(
    settings: RunSettings,
    given: Given,
    datamodule: GalaxyDataModule,
    model: FinetuneableZoobotAbstract,
    folder: Path,
    make_trainer: Callable[[Path], FinetuneTrainer],
    say: Callable[[str], object],
) -> dict[str, Any]:
    """Train the folds that are not done, write the predictions of all, and return their scores."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = labelled_galaxies(datamodule)
    folds = deal_folds(datamodule, frame, settings.folds)
    for fold in range(settings.folds):
        if not all((folder / f"{FOLD.format(fold)}.{ending}").is_file() for ending in ENDINGS):
            say(f"Fold {fold + 1} of {settings.folds}.")
            _run_fold(
                settings, given, datamodule, model, frame, folds == fold, folder / FOLD.format(fold), make_trainer
            )
    tables = [read_results(folder / f"{FOLD.format(fold)}.csv") for fold in range(settings.folds)]
    tables = [table.assign(fold=fold) for fold, table in enumerate(tables)]
    write_table(pd.concat(tables, ignore_index=True), folder / PREDICTIONS_FILE)
    kept = [load_predicted(folder / f"{FOLD.format(fold)}.safetensors")["folds"] for fold in range(settings.folds)]
    save_predicted(folder / OUTCOMES_FILE, {"folds": joined(kept)})
    scores = [
        read_json(folder / f"{FOLD.format(fold)}.json", ModelFileError, "Delete it, to train the fold anew.")
        for fold in range(settings.folds)
    ]
    return {"folds": scores, **_spread(scores)}


def deal_folds(datamodule: GalaxyDataModule, frame: pd.DataFrame, n_folds: int) -> npt.NDArray[np.int64]:
    """Return the fold (row,) of each labelled galaxy: classes in the same proportions, groups together."""
    if not 2 <= n_folds <= len(frame):
        msg = (
            f"{n_folds} folds of {len(frame)} galaxies: give a number from 2 to the number of galaxies, 5 for instance."
        )
        raise OptionError(msg)
    strata, names = datamodule.strata(frame)
    groups = np.arange(len(frame)) if datamodule.group_col is None else group_codes(frame[datamodule.group_col])
    if names and strata is not None:
        pairs = np.unique(np.stack([strata, groups]), axis=1)[0]
        rarest, count = min(zip(*np.unique(pairs, return_counts=True), strict=True), key=lambda one: one[1])
        what = "galaxies" if datamodule.group_col is None else "groups of galaxies"
        if count < n_folds:
            msg = (
                f"{n_folds} folds need {n_folds} {what} of each class, and {names[rarest]!r} has {count}. Use fewer "
                "folds, or label more."
            )
            raise SplitError(msg)
    elif np.unique(groups).size < n_folds:
        msg = (
            f"{n_folds} folds of {np.unique(groups).size} groups of galaxies: give at most as many folds as there are "
            "groups."
        )
        raise SplitError(msg)
    folds = np.empty(len(frame), np.int64)
    for fold, rows in enumerate(_split(datamodule, frame, [1 / n_folds] * n_folds, strata)):
        folds[rows] = fold
    return folds


def keep_same_folds(settings: RunSettings, made_of: Mapping[str, str], out: Path) -> None:
    """Delete folds of an interrupted run that were made of something else, or with other settings: they are made anew.

    Parameters
    ----------
    settings
        Of the run.
    made_of
        See `origin`.
    out
        The run's folder.
    """
    record = out / FOLDS_FOLDER / ORIGIN_FILE
    if record.is_file():
        earlier = read_json(record, ModelFileError, f"Delete {record}.")
        with contextlib.suppress(ZoobotError):
            before = RunSettings.from_file(earlier.get("settings", {}), record)
            settings.check_unchanged(before, out, ("num_workers", "memory_gb", "device", "report"))
            if earlier.get("made_of") == made_of:
                return
    if record.parent.is_dir():
        shutil.rmtree(record.parent)
    write_json(record, {"made_of": made_of, "settings": settings.to_file()})


def check_folds(datamodule: GalaxyDataModule, n_folds: int) -> None:
    """Refuse, before anything is trained, folds that can't be dealt or split.

    Raises
    ------
    OptionError, SplitError
        A number of folds that there can't be; fewer galaxies of a class than folds.
    """
    frame = labelled_galaxies(datamodule)
    folds = deal_folds(datamodule, frame, n_folds)
    for fold in range(n_folds):
        _split_rest(datamodule, frame[folds != fold])


def _split_rest(datamodule: GalaxyDataModule, rest: pd.DataFrame) -> list[npt.NDArray[np.int64]]:
    """Return the rows to train on and to validate on of the galaxies that a fold is not tried on."""
    return _split(datamodule, rest, [1 - VAL_SHARE, VAL_SHARE], datamodule.strata(rest)[0])


def _split(
    datamodule: GalaxyDataModule, frame: pd.DataFrame, shares: list[float], strata: npt.NDArray[np.int64] | None
) -> list[npt.NDArray[np.int64]]:
    group_col = datamodule.group_col
    groups = None if group_col is None else group_codes(frame[group_col])
    return split_rows(len(frame), shares, strata=strata, groups=groups, seed=datamodule.seed)


def _run_fold(
    settings: RunSettings,
    given: Given,
    datamodule: GalaxyDataModule,
    model: FinetuneableZoobotAbstract,
    frame: pd.DataFrame,
    held_out: npt.NDArray[np.bool_],
    path: Path,
    make_trainer: Callable[[Path], FinetuneTrainer],
) -> None:
    """Train on what is not held out, and write predictions (.csv) and scores (.json) of what is."""
    task = type(model)
    rest = frame[~held_out].reset_index(drop=True)
    train, val = _split_rest(datamodule, rest)
    encoder = model.encoder if settings.n_blocks == 0 else build_encoder(settings, given)
    fold = GalaxyDataModule(
        datamodule.label_cols,
        train_catalog=rest.iloc[train].reset_index(drop=True),
        val_catalog=rest.iloc[val].reset_index(drop=True),
        test_catalog=frame[held_out].reset_index(drop=True),
        classes=model.class_names,
        **data_options(settings, encoder, task),
    )
    fold.judges_labels = fold.judges_images = False  # those of the whole catalog have been judged
    fold.read_catalogs()
    tree = load_tree(settings.tree) if settings.tree else None
    trained = build_model(settings, task, fold, encoder, tree)
    trainer = make_trainer(path)
    trainer.fit(trained, fold)
    trained = best_model(trained, trainer.checkpoint_callback.best_model_path)  # type: ignore[union-attr]
    options = evaluation_options(settings, trained) | grouping(fold, frame)
    calibrate(trained, fold.frames["val"], options)
    evaluation = evaluate(fold.frames["test"], trained, **options)
    write_table(evaluation.table, path.with_suffix(".csv"))
    save_predicted(path.with_suffix(".safetensors"), {"folds": evaluation.predicted(trained)})
    write_json(path.with_suffix(".json"), evaluation.to_dict())
    shutil.rmtree(path, ignore_errors=True)


def _spread(scores: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation over folds of each figure that all of them have."""
    names = [name for name in scores[0] if all(isinstance(one.get(name), float) for one in scores)]
    values = {name: np.array([one[name] for one in scores]) for name in names}
    return {
        "mean": {name: float(value.mean()) for name, value in values.items()},
        "std": {name: float(value.std(ddof=1)) for name, value in values.items()},
    }
