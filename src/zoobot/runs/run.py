"""Finetuning runs, start to end: `finetune_run` from Python, `finetune_with` from settings."""

from __future__ import annotations

import contextlib
import difflib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from zoobot.errors import ModelFileError, OptionError
from zoobot.files import output_path, read_json, write_json
from zoobot.finetune import get_trainer
from zoobot.finetune.checkpoints import DropEarlier, Newest
from zoobot.finetune.feature_cache import FeatureCache
from zoobot.finetune.trainer import MONITOR, FinetuneTrainer, lightning_device
from zoobot.folders import RunFolder
from zoobot.layout import CHECKPOINTS, RUN_FILE
from zoobot.origins import ORIGIN_FILE, check_same
from zoobot.places import refuse_among_images
from zoobot.runs.build import build
from zoobot.runs.finish import COMMAND, Run, Trained, finish
from zoobot.runs.folds import check_folds, keep_same_folds, run_folds
from zoobot.runs.held_out import best_model
from zoobot.runs.origin import MIXED, origin
from zoobot.runs.overlap import check_apart
from zoobot.runs.trained import IN_MEMORY, Given, named
from zoobot.settings import FREE_ON_RESUME, CacheSettings, RunSettings, TrainerSettings

if TYPE_CHECKING:
    from zoobot.data import GalaxyDataModule
    from zoobot.data.datamodule import Part
    from zoobot.data.tables import CatalogSource
    from zoobot.finetune import FinetuneableZoobotAbstract

logger = logging.getLogger(__name__)


def finetune_run(
    catalog: CatalogSource,
    label_cols: str | Sequence[str] = (),
    out: str | Path = "",
    *,
    val_catalog: CatalogSource | None = None,
    test_catalog: CatalogSource | None = None,
    encoder: str | Path | nn.Module | None = None,
    tree: str | Sequence[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    trainer_options: dict[str, Any] | None = None,
    say: Callable[[str], object] = logger.info,
    **options: Any,
) -> Run:
    """Finetune an encoder on a labelled catalog, and evaluate it on galaxies that it has not seen.

    This is ``zoobot finetune`` in one call.

    Parameters
    ----------
    catalog
        A file, a folder, or a table in memory: see `zoobot.read_catalog`.
    label_cols
        The column, or columns, that hold the labels; may be left out with ``tree``.
    out
        The run's folder.
    val_catalog, test_catalog
        Separate catalogs. Default: split off ``catalog``.
    encoder
        What `zoobot.load_encoder` takes, or a module in memory. Default: that of ``zoobot finetune``.
    tree
        The decision tree of the votes, a name such as 'gz2' or a YAML file, or several.
    resume, overwrite
        Go on with an interrupted run in ``out``; replace an earlier run.
    trainer_options
        More options of ``lightning.Trainer``.
    say
        Called with a sentence on what is being done.
    **options
        Those of ``zoobot finetune``, by the names of `zoobot.settings.RunSettings`: ``n_blocks``, ``max_epochs``,
        ``image_size``, ``folds``, ``report``, ...

    Returns
    -------
    Run
        The calibrated model, scores, predictions and folder.

    Raises
    ------
    OptionError
        An option that there is not, or out of range; see `finetune_with` for the rest.

    Examples
    --------
    >>> run = zoobot.finetune_run("galaxies.csv", "ring", "rings", encoder="bundled")  # doctest: +SKIP
    >>> run.metrics["test"]["accuracy"], run.predictions.head(), run.report()  # doctest: +SKIP
    """
    known = {one.name for one in fields(RunSettings)}
    unknown = [name for name in options if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(known), n=1)
        msg = (
            f"finetune_run has no option {unknown[0]!r}. "
            f"{f'Did you mean {near[0]}?' if near else 'See docs/options.md for all of them.'}"
        )
        raise OptionError(msg)
    module = encoder if isinstance(encoder, nn.Module) else None
    if encoder is not None:
        options["encoder"] = IN_MEMORY if module is not None else str(encoder)
    settings = RunSettings(
        catalog=named(catalog) or "",
        val_catalog=named(val_catalog),
        test_catalog=named(test_catalog),
        label_cols=(label_cols,) if isinstance(label_cols, str) else tuple(label_cols),
        tree=(tree,) if isinstance(tree, str) else tuple(tree),
        **options,
    )
    given = Given(catalog, val_catalog, test_catalog, module)
    return finetune_with(
        settings, output_path(out), given, resume=resume, overwrite=overwrite, trainer_options=trainer_options, say=say
    )


def finetune_with(
    settings: RunSettings,
    out: Path,
    given: Given | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    trainer_options: dict[str, Any] | None = None,
    say: Callable[[str], object] = logger.info,
) -> Run:
    """Finetune, evaluate and save.

    ``out`` gets ``model/`` (the best by validation loss, then calibrated on the validation part), ``checkpoints/``,
    ``log.csv``, ``metrics.json`` (scores of the validation part before calibration, of the test part, and ``timing``:
    see `Timing`), ``predictions.csv`` (of the test part), ``val_predictions.csv``, ``parts.csv`` (which galaxy was in
    which part), ``run.json`` (the settings), ``about.json`` (what was trained on what, and where, and what was looked
    at; see `LOOKS`), ``folds/`` where asked for (see `run_folds`) and, with ``settings.report``, what `write_aftermath`
    writes.

    Parameters
    ----------
    settings
        What to do.
    out
        Where to write.
    given
        Catalogs and an encoder in memory, which settings can't hold.
    resume
        Go on from the newest checkpoint of an interrupted run in ``out``, to the same weights; start where there is
        none.
    overwrite
        Replace an earlier run in ``out``: it is deleted once this one has its first checkpoint, and put back where it
        ends before that.
    trainer_options
        Handed to `get_trainer`.
    say
        Called with a sentence on what is being done.

    Raises
    ------
    OutputError
        ``out`` holds a run and neither resume nor overwrite is set, holds what another command wrote, or can't be
        written; an input lies among what a run writes.
    OptionError
        Resuming with other settings than those the run was started with, or with fewer epochs than it has done;
        resuming and overwriting at once.
    CatalogError
        A test or validation catalog with images that are trained on (or, for the test, validated on); see
        `check_apart`.
    """
    start, started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
    given = given or Given()
    folder = RunFolder(out, COMMAND)
    before = _check_folder(settings, folder, resume=resume, overwrite=overwrite)
    datamodule, model = build(settings, given)
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
            **lightning_device(settings.device) | options,
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
    trained = Trained(
        settings,
        datamodule,
        trainer,
        best_model(model, best),
        out,
        0 if before is None else before.epochs,
        start,
        started,
    )

    def folds() -> None:
        keep_same_folds(settings, made_of, out)
        run_folds(
            settings, given, datamodule, trained.model, out, lambda save_dir: make_trainer(save_dir, **options), say
        )

    return finish(trained, say, folds if settings.folds else None)


def _check_folder(settings: RunSettings, folder: RunFolder, *, resume: bool, overwrite: bool) -> Newest | None:
    """Refuse to mix two runs in one folder, or to resume otherwise than it began; return what is done.

    A run is not resumed with other settings, or with fewer epochs than are done.
    """
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
