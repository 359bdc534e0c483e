"""One finetuning run, start to end."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoobot.errors import ModelFileError, OptionError
from zoobot.files import read_json, write_json
from zoobot.finetune import FinetuneableZoobotAbstract, get_trainer
from zoobot.finetune.checkpoints import DropEarlier, Newest
from zoobot.finetune.feature_cache import FeatureCache
from zoobot.finetune.trainer import MONITOR, FinetuneTrainer, lightning_device
from zoobot.folders import RunFolder, finishing
from zoobot.layout import (
    CHECKPOINTS,
    FOLDS_FOLDER,
    LOG_FILE,
    MADE,
    METRICS_FILE,
    MODEL_FOLDER,
    PREDICTIONS_FILE,
    RUN_FILE,
    VAL_PREDICTIONS_FILE,
)
from zoobot.origins import ORIGIN_FILE, check_same
from zoobot.places import refuse_among_images
from zoobot.precision import peak_memory_gb
from zoobot.predictions import evaluate, write_table
from zoobot.report import write_report
from zoobot.report.looked import LOOKS, Look
from zoobot.runs.about import write_about, write_looked
from zoobot.runs.aftermath import remember, write_aftermath
from zoobot.runs.build import build
from zoobot.runs.folds import check_folds, keep_same_folds, run_folds
from zoobot.runs.held_out import best_model, calibrate, evaluation_options, grouping
from zoobot.runs.origin import MIXED, origin
from zoobot.runs.overlap import check_apart
from zoobot.runs.settings import Timing
from zoobot.settings import FREE_ON_RESUME, CacheSettings, RunSettings, TrainerSettings

if TYPE_CHECKING:
    from zoobot.data import GalaxyDataModule
    from zoobot.data.datamodule import Part

logger = logging.getLogger(__name__)


def finetune_run(
    settings: RunSettings,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    trainer_options: dict[str, Any] | None = None,
    say: Callable[[str], object] = logger.info,
) -> dict[str, Any]:
    """Finetune, evaluate and save; give what ``metrics.json`` holds.

    ``out`` gets ``model/`` (the best by validation loss, then calibrated on the validation part), ``checkpoints/``, ``log.csv``,
    ``metrics.json`` (scores of the validation part before calibration, of the test part, and ``timing``: see `Timing`),
    ``predictions.csv`` (of the test part), ``val_predictions.csv``, ``parts.csv`` (which galaxy was in which part), ``run.json`` (the
    settings), ``about.json`` (what was trained on what, and where, and what was looked at; see `LOOKS`), ``folds/`` where asked for (see
    `run_folds`) and, with ``settings.report``, what `write_aftermath` writes.

    Parameters
    ----------
    settings
        What to do.
    out
        Where to write.
    resume
        Go on from the newest checkpoint of an interrupted run in ``out``, to the same weights; start where there is none.
    overwrite
        Replace an earlier run in ``out``: it is deleted once this one has its first checkpoint, and put back where it ends before that.
    trainer_options
        Handed to `get_trainer`.
    say
        Called with a sentence on what is being done.

    Raises
    ------
    OutputError
        ``out`` holds a run and neither resume nor overwrite is set, holds what another command wrote, or can't be written; an input
        lies among what a run writes.
    OptionError
        Resuming with other settings than those the run was started with, or with fewer epochs than it has done; resuming and
        overwriting at once.
    CatalogError
        A test or validation catalog with images that are trained on (or, for the test, validated on); see `check_apart`.
    """
    start, started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
    folder = RunFolder(out, "zoobot finetune")
    before = _check_folder(settings, folder, resume=resume, overwrite=overwrite)
    datamodule, model = build(settings)
    folder.refuse_inputs({}, chain(*(frame["file_loc"] for frame in datamodule.frames.values())))
    if settings.folds:
        check_folds(datamodule, settings.folds)
    datamodule.check_images()
    own: dict[Part, str | None] = {"val": settings.val_catalog, "test": settings.test_catalog}
    for part in (part for part in own if own[part] is not None):
        for sentence in check_apart(datamodule.frames, part, settings.group_col):
            say(sentence)
    made_of = origin(datamodule, model)
    unknown = None if before is None else check_same(out / CHECKPOINTS, made_of, MIXED)
    if unknown is not None:
        say(unknown)
    say(_summary(settings, datamodule, model))

    def make_trainer(save_dir: Path, **options: Any) -> FinetuneTrainer:
        return get_trainer(
            save_dir,
            **vars(TrainerSettings.of(settings)),
            feature_cache=settings.feature_cache and FeatureCache(**vars(CacheSettings.of(settings))),
            precision=settings.precision,
            **lightning_device(settings.device),
            **options,
        )

    options = trainer_options or {}
    trainer = make_trainer(out, **{**options, "callbacks": [*options.get("callbacks", ()), DropEarlier(folder)]})
    with folder.replaced() if before is None else contextlib.nullcontext():
        write_json(out / RUN_FILE, settings.to_file())
        if unknown is None:
            write_json(out / CHECKPOINTS / ORIGIN_FILE, made_of)
        if before is not None and before.waited >= settings.patience:  # it had stopped early
            best: str | Path = before.best
        else:
            trainer.fit(model, datamodule, ckpt_path=None if before is None else folder.newest)
            best = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    model = best_model(model, best)

    def write_metrics(scores: dict[str, dict[str, Any]], *, reported: float | None = None) -> dict[str, Any]:
        """Write the scores with what the run took so far; ``reported`` are the seconds before the report was drawn."""
        so_far = round(time.perf_counter() - start, 3)
        timing = Timing(
            fit_seconds=round(trainer.fit_seconds, 3),
            frozen_pass_seconds=round(trainer.frozen_pass_seconds, 3),
            total_seconds=so_far,
            before_report_seconds=so_far if reported is None else reported,
            images_per_second=_rate(
                (trainer.current_epoch - (0 if before is None else before.epochs)) * len(datamodule.frames["train"]),
                trainer.fit_seconds,
            ),
            peak_memory_gb=round(peak_memory_gb(trainer.strategy.root_device), 3),
        )
        metrics = scores | {"timing": asdict(timing)}
        write_json(out / METRICS_FILE, metrics)
        return metrics

    with finishing(out, folder.command):
        _remove_stale(settings, out)
        scores = _evaluate(settings, datamodule, model, out)
        write_about(settings, datamodule, model, out, started)
        if settings.folds:
            keep_same_folds(settings, made_of, out)
            run_folds(settings, datamodule, model, out, lambda save_dir: make_trainer(save_dir, **options), say)
        write_metrics(scores)
    if settings.report:
        write_aftermath(settings, datamodule, model, out, say)
        metrics = write_metrics(scores)
        write_report(out)
        return write_metrics(scores, reported=metrics["timing"]["before_report_seconds"])
    copied = remember(settings, datamodule, model, out).copied
    if copied:
        say(
            f"{copied} test galaxies have the very image of a training or validation galaxy: scores are too good. See zoobot check, "
            "and use --group-col."
        )
    why = "It was not looked at: the run was made with --no-report."
    write_looked(out, {name: Look(False, why=why) for name in LOOKS if name != "seen"})
    return write_metrics(scores)


def _evaluate(
    settings: RunSettings, datamodule: GalaxyDataModule, model: FinetuneableZoobotAbstract, out: Path
) -> dict[str, dict[str, Any]]:
    """Calibrate the model on the validation part and save it, predict both held-out parts, and give their scores."""
    options, parts = evaluation_options(settings, model), datamodule.frames
    val = calibrate(model, parts["val"], options | grouping(datamodule, parts["val"]))
    model.save(out / MODEL_FOLDER)
    write_table(val.tabulated(model), out / VAL_PREDICTIONS_FILE)
    test = evaluate(parts["test"], model, **options, **grouping(datamodule, parts["test"]))
    write_table(test.table, out / PREDICTIONS_FILE)
    return {"val": val.to_dict(), "test": test.to_dict()}


def _remove_stale(settings: RunSettings, out: Path) -> None:
    """Remove what an earlier end of this run wrote and this one may not, such as a report, or folds that are not asked for any more."""
    keep = {MODEL_FOLDER, CHECKPOINTS, LOG_FILE} | ({FOLDS_FOLDER} if settings.folds else set())
    for name in MADE["zoobot finetune"]:
        if name not in keep and (out / name).is_dir():
            shutil.rmtree(out / name)
        elif name not in keep:
            (out / name).unlink(missing_ok=True)


def _rate(count: int, seconds: float) -> float | None:
    return round(count / seconds, 1) if seconds else None


def _check_folder(settings: RunSettings, folder: RunFolder, *, resume: bool, overwrite: bool) -> Newest | None:
    """Refuse to mix two runs in one folder, to resume with other settings, or with fewer epochs than are done; return what is done."""
    catalogs = {"the catalog": settings.catalog, "the validation catalog": settings.val_catalog}
    catalogs |= {"the test catalog": settings.test_catalog}
    inputs = catalogs | {"the encoder": settings.encoder}
    folder.refuse_inputs({**inputs, **{f"the tree {tree}": tree for tree in settings.tree}})
    for catalog in catalogs.values():
        refuse_among_images(folder.path, catalog)
    if not folder.claim(resume=resume, overwrite=overwrite, elsewhere="another --out"):
        return None
    record = folder.path / RUN_FILE
    before = RunSettings.from_file(read_json(record, ModelFileError, "Use --overwrite, or another --out."), record)
    settings.check_unchanged(before, folder.path, FREE_ON_RESUME)
    newest = Newest.read(folder.newest, MONITOR)
    if newest.epochs > settings.max_epochs:
        done = newest.epochs
        msg = (
            f"the run in {folder.path} has done {done} epochs, more than --max-epochs {settings.max_epochs}. "
            f"Give --max-epochs {done} or more."
        )
        raise OptionError(msg)
    return newest


def _summary(settings: RunSettings, datamodule: GalaxyDataModule, model: FinetuneableZoobotAbstract) -> str:
    """Say in a sentence or two what will be trained on what."""
    parts = ", ".join(f"{len(datamodule.frames[part])} {part}" for part in ("train", "val", "test"))
    blocks = "block" if model.n_blocks == 1 else f"{model.n_blocks} blocks"
    trained = {0: "the head alone is trained", model.encoder.num_blocks: "the head and all of it are trained"}.get(
        model.n_blocks, f"the head and its top {blocks} of {model.encoder.num_blocks} are trained"
    )
    classes = f" (classes {', '.join(model.class_names)})" if model.class_names else ""
    return f"{parts} galaxies; {model.kind}: {model.subject()}{classes}; {settings.encoder}, {trained}."
