"""A model's evaluation on a labelled catalog, written into a folder: what ``zoobot evaluate --out`` does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.data import Preprocessing
from zoobot.data.catalog import check_columns
from zoobot.data.labels import sentinel_note
from zoobot.data.splits import group_codes
from zoobot.errors import OptionError
from zoobot.files import write_json
from zoobot.finetune import load
from zoobot.finishing import finishing
from zoobot.folders import check_folder, refuse_inputs, remove
from zoobot.layout import (
    ABOUT_FILE,
    BREAKDOWN_FILE,
    GROUP_COLUMN,
    MADE,
    METRICS_FILE,
    OUTCOMES_FILE,
    PARTS_FILE,
    PLOTS_FOLDER,
    PREDICTIONS_FILE,
    SEEN_FILE,
    SEEN_PREDICTIONS_FILE,
    SHIFT_FILE,
)
from zoobot.places import refuse_among_images
from zoobot.predictions import Evaluation, evaluate, write_table
from zoobot.predictions.evaluation import read_labelled
from zoobot.predictions.shift import FeatureSample
from zoobot.predictions.thumbnails import make_thumbnails
from zoobot.report import write_report
from zoobot.report.looked import Look
from zoobot.runs.about import about_model, is_simulated, write_looked
from zoobot.runs.aftermath import look_at_shift
from zoobot.runs.check import check_galaxies, write_checks
from zoobot.runs.seen import recognize
from zoobot.science import measure_shift
from zoobot.science.breakdown import breakdown
from zoobot.science.predicted import save_predicted
from zoobot.settings import EvaluateSettings, PassSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from zoobot.finetune import FinetuneableZoobotAbstract

logger = logging.getLogger(__name__)


def evaluation_run(
    catalog: str,
    source: str,
    out: Path | None,
    *,
    say: Callable[[str], object] = logger.info,
    **options: Any,
) -> dict[str, Any]:
    """Score a model on the galaxies of a labelled catalog that it has not seen, and return what ``metrics.json`` holds.

    Galaxies are compared with those that the model remembers; see `find_seen`. Those of its training and validation
    parts are scored apart.

    ``out``, where given, gets ``metrics.json``, ``predictions.csv`` (of unseen galaxies), ``seen_predictions.csv`` (of
    those that had a part in training the model), ``seen.csv`` (galaxies that the model remembers, and as what),
    ``parts.csv``, ``about.json`` (what was looked at too; see `LOOKS`), plots and, with ``report``, ``shift.json``,
    ``checks/`` (see `check_galaxies`) and ``report.html``.

    Parameters
    ----------
    catalog
        The labelled catalog; see `read_catalog`.
    source
        The model; see `zoobot.load`.
    out
        Folder to write into; an earlier evaluation in it is replaced.
    say
        Called with a sentence on what is found.
    **options
        Those of `EvaluateSettings`. Scores are broken down ``by`` columns of the catalog into ``breakdown.csv``; not
        for votes.

    Returns
    -------
    dict
        ``test``: scores of galaxies that had no part in training the model; ``seen``: scores of those that had; each
        only where there are such galaxies. ``known``: how many are of the model's ``train``, ``val`` and ``test``
        parts, and how many are ``new``; absent where the model remembers no galaxies.

    Raises
    ------
    CatalogError, LabelError, ImageError, ModelFileError, OutputError
        See `zoobot.errors`.
    """
    settings = EvaluateSettings(**options)
    by, group_col, num_workers = settings.by, settings.group_col, settings.num_workers
    started = datetime.now(UTC).isoformat(timespec="seconds")
    if out is not None:
        check_folder(out, "zoobot evaluate", MADE["zoobot evaluate"])
        refuse_inputs(
            {"the catalog": catalog, "the model": source},
            [out / name for name in (*MADE["zoobot evaluate"], PLOTS_FOLDER)],
        )
        refuse_among_images(out, catalog)
    model = load(source)
    if settings.hdu is not None:
        model.preprocessing = (model.preprocessing or Preprocessing()).with_hdu(settings.hdu)
    frame, notes = read_labelled(
        catalog,
        model,
        group_col=group_col,
        drop_unlabelled=settings.drop_unlabelled,
        on_error=settings.on_error,
    )
    _check_columns(frame, by, model)
    for column in by:
        notes += sentinel_note(frame[column], "They are in the bins as they are")
    for note in notes:
        say(note)
    sample = FeatureSample(len(frame)) if out is not None and settings.report else None
    evaluation = evaluate(
        frame, model, group_col=group_col, checked=True, sample=sample, **vars(PassSettings.of(settings))
    )
    preprocessing = model.preprocessing or Preprocessing()
    thumbnails = make_thumbnails(frame["file_loc"].tolist(), preprocessing, num_workers=num_workers)
    for sentence in () if sample is not None else thumbnails.fills.sentences():
        say(sentence)
    recognized = recognize(model, source, frame, thumbnails.pictures, num_workers=num_workers)
    for sentence in recognized.sentences():
        say(sentence)
    rows = {"test": ~recognized.learned, "seen": recognized.learned}
    parts = {part: evaluation.only(own, model) for part, own in rows.items() if (own & evaluation.scored).any()}
    metrics: dict[str, Any] = {part: one.to_dict() for part, one in parts.items()}
    if recognized.seen is not None:
        metrics["known"] = recognized.seen.counts()
    if out is None:
        return metrics
    about = about_model(model, model.encoder.name, started) | {
        "catalog": str(catalog),
        "model": str(source),
        "counts": {part: len(one.labels) for part, one in parts.items()},
        "class_counts": None,
        "simulated": is_simulated(frame),
        "catalog_notes": notes,
    }
    galaxies = frame[["id_str", "file_loc"]].assign(part=np.where(recognized.learned, "seen", "test"))
    if group_col is not None:
        galaxies[GROUP_COLUMN] = frame[group_col]
    with finishing(out, "zoobot evaluate"):
        remove(out, MADE["zoobot evaluate"])  # of an earlier evaluation, which this one may not write again
        _write_results(out, metrics, parts, model, about, galaxies)
        if recognized.seen is not None and recognized.memory is not None:
            write_table(recognized.seen.table(frame, recognized.memory), out / SEEN_FILE)
        test = parts.get("test")
        if by and test is not None:
            write_table(_broken_down(frame[rows["test"]], by, test, model), out / BREAKDOWN_FILE)
        looks = {"seen": recognized.look()}
        if sample is None:
            why = "It was not looked at: the model was evaluated with --no-report."
            looks |= {name: Look(False, why=why) for name in ("shift", "duplicates", "images", "labels")}
        else:
            features = sample.array(len(frame))
            looks["shift"] = _write_shift(model, galaxies, features, out, say)
            checks = check_galaxies(galaxies, None if test is None else test.table, model, features, *thumbnails)
            write_checks(checks, out, preprocessing)
            for sentence in checks.sentences():
                say(sentence)
        write_looked(out, looks)
    if settings.report:
        write_report(out)
    return metrics


def _write_results(
    out: Path,
    metrics: dict[str, Any],
    parts: dict[str, Evaluation],
    model: FinetuneableZoobotAbstract,
    about: dict[str, Any],
    galaxies: pd.DataFrame,
) -> None:
    """Write scores, the predictions of unseen and of seen galaxies, and which galaxy is which.

    It is also written what was evaluated on what.
    """
    write_json(out / METRICS_FILE, metrics)
    save_predicted(out / OUTCOMES_FILE, {part: one.predicted(model) for part, one in parts.items()})
    for part, name in (("test", PREDICTIONS_FILE), ("seen", SEEN_PREDICTIONS_FILE)):
        if part in parts:
            write_table(parts[part].table, out / name)
    write_table(galaxies, out / PARTS_FILE)
    write_json(out / ABOUT_FILE, about)


def _write_shift(
    model: FinetuneableZoobotAbstract,
    galaxies: pd.DataFrame,
    features: npt.NDArray[np.float32],
    out: Path,
    say: Callable[[str], object],
) -> Look:
    """Write ``shift.json``: are the unseen galaxies like those of training?"""
    if model.reference is None:
        return Look(False, why="Shift was not measured: the model has no features of training galaxies.")
    test = (galaxies["part"] == "test").to_numpy()
    groups = group_codes(galaxies.loc[test, GROUP_COLUMN]) if GROUP_COLUMN in galaxies else None
    shift = measure_shift(model.reference, features[test], groups=groups, finetuned=model.n_blocks > 0)
    write_json(out / SHIFT_FILE, shift.to_dict())
    warning = shift.sentence("The test galaxies")
    if warning is not None:
        say(warning)
    return look_at_shift(shift)


def _check_columns(frame: pd.DataFrame, by: Sequence[str], model: FinetuneableZoobotAbstract) -> None:
    """Refuse columns that are not there, and models whose scores are not broken down."""
    check_columns(frame, by, "to break scores down by")
    if by and (model.label_kind == "votes" or len(model.label_cols) > 1):
        msg = (
            "scores are broken down for one label only, of classes or of a measurement. Leave --by out, or evaluate a "
            "model of one label."
        )
        raise OptionError(msg)


def _broken_down(
    frame: pd.DataFrame, by: Sequence[str], evaluation: Evaluation, model: FinetuneableZoobotAbstract
) -> pd.DataFrame:
    """Return scores in bins of each column, one below the other, with the column's name in ``column``."""
    names = model.known_classes()
    values = evaluation.values if names else evaluation.values[:, 0]
    tables = []
    for column in by:
        own = frame.loc[evaluation.scored, column]
        table = breakdown(own, values, evaluation.labels[:, 0], class_names=names, groups=evaluation.groups)
        table.insert(0, "column", column)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
