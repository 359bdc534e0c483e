"""`finish_run`: what follows training, from the best checkpoint to the report."""

from __future__ import annotations

import html
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoobot.data import GalaxyDataModule
from zoobot.errors import ModelFileError, OptionError, OutputError
from zoobot.files import output_path, read_json, write_json
from zoobot.finetune import FinetuneableZoobotAbstract, load
from zoobot.finetune.trainer import FinetuneTrainer
from zoobot.finishing import check_finished, finishing
from zoobot.folders import RunFolder, check_folder, remove
from zoobot.layout import (
    CHECKPOINTS,
    FOLDS_FOLDER,
    LOG_FILE,
    MADE,
    METRICS_FILE,
    MODEL_FOLDER,
    OUTCOMES_FILE,
    PREDICTIONS_FILE,
    REPORT_FILE,
    RESULTS,
    RUN_FILE,
    VAL_PREDICTIONS_FILE,
)
from zoobot.precision import peak_memory_gb
from zoobot.predictions import evaluate, write_table
from zoobot.predictions.tables import read_results
from zoobot.report import write_report
from zoobot.report.looked import LOOKS, Look
from zoobot.runs.about import write_about, write_looked
from zoobot.runs.aftermath import remember, write_aftermath
from zoobot.runs.held_out import best_model, calibrate, evaluation_options, grouping
from zoobot.runs.settings import Timing
from zoobot.runs.trained import settings_of
from zoobot.science.predicted import save_predicted

if TYPE_CHECKING:
    import pandas as pd

    from zoobot.settings import RunSettings

logger = logging.getLogger(__name__)

COMMAND = "zoobot finetune"


@dataclass(frozen=True)
class Run:
    """A finished run; in a notebook it shows its scores.

    Attributes
    ----------
    folder : Path
        Where everything lies.
    model : FinetuneableZoobotAbstract
        The best epoch's, calibrated on the validation part.
    metrics : dict
        What ``metrics.json`` holds.
    """

    folder: Path
    model: FinetuneableZoobotAbstract
    metrics: dict[str, Any]

    @classmethod
    def read(cls, folder: str | Path) -> Run:
        """Return the run that a folder holds, whatever wrote it.

        Raises
        ------
        ModelFileError, CatalogError
            No run, or one that is not complete.
        """
        path = output_path(folder)
        check_finished(path)
        metrics = read_json(path / METRICS_FILE, ModelFileError, "Give the folder of a finished run.")
        return cls(path, load(path / MODEL_FOLDER), metrics)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Predictions of the test part, one row per galaxy, with the labels as ``true_<label>``."""
        return read_results(self.folder / PREDICTIONS_FILE)

    def report(self) -> Path:
        """Draw ``report.html`` anew, and return its path."""
        return write_report(self.folder)

    def _repr_html_(self) -> str:
        """Return the scores of the validation and test parts as a table for notebooks."""
        parts = {part: scores for part, scores in self.metrics.items() if isinstance(scores, dict) and "n" in scores}
        names = dict.fromkeys(
            name for scores in parts.values() for name, value in scores.items() if isinstance(value, int | float)
        )
        head = "".join(f"<th>{html.escape(part)}</th>" for part in parts)
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th>"
            f"{''.join(f'<td>{_shown(own.get(name))}</td>' for own in parts.values())}</tr>"
            for name in names
        )
        report = self.folder / REPORT_FILE
        link = f'<p><a href="{html.escape(report.as_uri())}">report.html</a></p>' if report.is_file() else ""
        return f"<table><tr><th></th>{head}</tr>{rows}</table>{link}"


@dataclass(frozen=True)
class Trained:
    """What training left: all that `finish` needs.

    Attributes
    ----------
    settings, datamodule, trainer
        Of the run.
    model
        The best epoch's.
    out
        The run's folder.
    epochs_before
        Epochs that an earlier, interrupted call had done.
    start, started
        When the run began, by `time.perf_counter` and by the calendar.
    """

    settings: RunSettings
    datamodule: GalaxyDataModule
    trainer: FinetuneTrainer
    model: FinetuneableZoobotAbstract
    out: Path
    epochs_before: int = 0
    start: float = field(default_factory=time.perf_counter)
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def timing(self, *, reported: float | None) -> Timing:
        """Return what the run took so far; ``reported`` are the seconds before the report was drawn."""
        so_far, fit_seconds = round(time.perf_counter() - self.start, 3), self.trainer.fit_seconds
        images = (self.trainer.current_epoch - self.epochs_before) * len(self.datamodule.frames["train"])
        return Timing(
            fit_seconds=round(fit_seconds, 3),
            frozen_pass_seconds=round(self.trainer.frozen_pass_seconds, 3),
            total_seconds=so_far,
            before_report_seconds=so_far if reported is None else reported,
            images_per_second=round(images / fit_seconds, 1) if fit_seconds else None,
            peak_memory_gb=round(peak_memory_gb(self.trainer.strategy.root_device), 3),
        )


def finish_run(
    trainer: FinetuneTrainer,
    *,
    out: str | Path | None = None,
    report: bool = True,
    overwrite: bool = False,
    say: Callable[[str], object] = logger.info,
) -> Run:
    """Finish a run that a script has trained, as ``zoobot finetune`` does.

    The best epoch's model is calibrated on the validation part, evaluated on the test part, and saved with what it
    remembers of its galaxies; ``out`` gets all that ``zoobot finetune`` writes, and `zoobot.load`, ``zoobot check``,
    ``select``, ``explain`` and ``report`` take it from there.

    Parameters
    ----------
    trainer
        A trainer of `get_trainer` that has fitted a model on a `GalaxyDataModule`.
    out
        The run's folder. Default: the trainer's ``save_dir``.
    report
        Write ``report.html``, with checks of labels, images and training set.
    overwrite
        Replace the results of an earlier run in ``out``.
    say
        Called with a sentence on what is being done.

    Returns
    -------
    Run
        The calibrated model, scores and predictions.

    Raises
    ------
    OptionError
        A trainer that has not fitted a model of ours on a `GalaxyDataModule` with a test part, or that kept no
        checkpoint.
    OutputError
        ``out`` holds results already, or can't be written.

    Examples
    --------
    >>> trainer.fit(model, datamodule)  # doctest: +SKIP
    >>> run = zoobot.finish_run(trainer)  # doctest: +SKIP
    >>> run.metrics["test"]["accuracy"], run.report()  # doctest: +SKIP
    """
    start = time.perf_counter()
    model, datamodule = _fitted(trainer)
    path = output_path(trainer.default_root_dir if out is None else out)
    if not trainer.is_global_zero:  # of several that train together, the first finishes
        trainer.strategy.barrier("finish_run")
        return Run.read(path)
    folder = RunFolder(path, COMMAND)
    check_folder(path, folder.command)
    sources = {
        f"the catalog {place}": source
        for place, source in enumerate((datamodule.catalog, *datamodule.sources.values()))
    }
    folder.refuse_inputs(sources, chain(*(frame["file_loc"] for frame in datamodule.frames.values())))
    there = [name for name in RESULTS[COMMAND] if (path / name).exists()]
    if there and not overwrite:
        msg = (
            f"{path} already holds a run's {' and '.join(there)}. Give overwrite=True to replace its results, or "
            "another out."
        )
        raise OutputError(msg)
    settings = settings_of(trainer, model, datamodule, report=report)
    write_json(path / RUN_FILE, settings.to_file())
    log = Path(trainer.default_root_dir) / LOG_FILE
    if log.is_file() and log.parent.resolve() != path.resolve():
        shutil.copyfile(log, path / LOG_FILE)
    best = best_model(model, trainer.checkpoint_callback.best_model_path)  # type: ignore[union-attr]
    run = finish(Trained(settings, datamodule, trainer, best, path, start=start - trainer.fit_seconds), say)
    trainer.strategy.barrier("finish_run")
    return run


def finish(trained: Trained, say: Callable[[str], object], folds: Callable[[], object] | None = None) -> Run:
    """Write what follows training into the run's folder; ``folds`` cross-validates."""
    settings, datamodule, model, out = trained.settings, trained.datamodule, trained.model, trained.out

    def write_metrics(reported: float | None = None) -> dict[str, Any]:
        """Write the scores with what the run took so far; ``reported`` are the seconds before the report was drawn."""
        metrics = scores | {"timing": asdict(trained.timing(reported=reported))}
        write_json(out / METRICS_FILE, metrics)
        return metrics

    with finishing(out, COMMAND):
        _remove_stale(settings, out)
        scores = _evaluate(settings, datamodule, model, out)
        write_about(settings, datamodule, model, out, trained.started)
        if folds is not None:
            folds()
        write_metrics()
    if settings.report:
        write_aftermath(settings, datamodule, model, out, say)
        before_report = write_metrics()["timing"]["before_report_seconds"]
        write_report(out)
        return Run(out, model, write_metrics(before_report))
    copied = remember(settings, datamodule, model, out).copied
    if copied:
        say(
            f"{copied} test galaxies have the very image of a training or validation galaxy: scores are too good. See "
            "zoobot check, and use --group-col."
        )
    why = "It was not looked at: the run was made with --no-report."
    write_looked(out, {name: Look(False, why=why) for name in LOOKS if name != "seen"})
    return Run(out, model, write_metrics())


def _fitted(trainer: FinetuneTrainer) -> tuple[FinetuneableZoobotAbstract, GalaxyDataModule]:
    """Return what a trainer has fitted, and on what."""
    if not isinstance(trainer, FinetuneTrainer):
        msg = f"finish_run takes a trainer of zoobot.get_trainer, and was given a {type(trainer).__name__}."
        raise OptionError(msg)
    try:
        model = trainer.lightning_module
    except (AttributeError, RuntimeError):
        model = None
    checkpoints = trainer.checkpoint_callback
    if not isinstance(model, FinetuneableZoobotAbstract) or not getattr(checkpoints, "best_model_path", ""):
        msg = (
            "the trainer has fitted no model of zoobot.finetune yet, or has kept no checkpoint of it. Call "
            "trainer.fit(model, datamodule) first."
        )
        raise OptionError(msg)
    given: Any = trainer.datamodule  # type: ignore[attr-defined]  # that of the last fit
    datamodule = getattr(given, "datamodule", given)  # of kept features
    if not isinstance(datamodule, GalaxyDataModule):
        msg = (
            "finish_run reads the catalogs of a GalaxyDataModule, and the model was fitted on a "
            f"{type(datamodule).__name__}. Use zoobot.evaluate with a catalog instead."
        )
        raise OptionError(msg)
    datamodule.read_catalogs()
    absent = [part for part in ("train", "val", "test") if part not in datamodule.frames]
    if absent:
        msg = f"the data module has no {' or '.join(absent)} part. Give it catalog=, or {absent[0]}_catalog= as well."
        raise OptionError(msg)
    return model, datamodule


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
    save_predicted(out / OUTCOMES_FILE, {"val": val.predicted(model), "test": test.predicted(model)})
    return {"val": val.to_dict(), "test": test.to_dict()}


def _remove_stale(settings: RunSettings, out: Path) -> None:
    """Remove what an earlier end of this run wrote and this one may not.

    Such are a report, or folds that are not asked for any more.
    """
    keep = {MODEL_FOLDER, CHECKPOINTS, LOG_FILE} | ({FOLDS_FOLDER} if settings.folds else set())
    remove(out, [name for name in MADE[COMMAND] if name not in keep])


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else html.escape(str(value))
