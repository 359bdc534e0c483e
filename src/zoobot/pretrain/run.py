"""One pretraining run, from settings to an encoder's folder: what ``zoobot pretrain`` does."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.utilities import rank_zero_only

from zoobot.encoders import Encoder, load_encoder, save_encoder
from zoobot.encoders.saved import ENCODER_PREFIX, read_pickled
from zoobot.errors import EncoderError, ModelFileError, OptionError
from zoobot.files import read_json, write_json
from zoobot.finetune.checkpoints import DropEarlier, be_patient
from zoobot.finetune.trainer import EpochCsvLog, leave_out_advice
from zoobot.folders import RunFolder
from zoobot.layout import CHECKPOINTS, ENCODER_FOLDER, LAST_CHECKPOINT, LOG_FILE, RUN_FILE, RUN_FORMAT, VERSION_KEY
from zoobot.origins import ORIGIN_FILE, check_same
from zoobot.precision import training_pass
from zoobot.pretrain.callbacks import AverageWeights, StepCheckpoint
from zoobot.pretrain.card import machine, model_card
from zoobot.pretrain.datamodule import CHANNELS, PretrainData
from zoobot.pretrain.model import STAGE, PretrainModel
from zoobot.pretrain.origin import origin
from zoobot.settings.pretrain import FREE_ON_RESUME, PretrainSettings
from zoobot.stopping import workers_watched

logger = logging.getLogger(__name__)

MIXED = "The encoder would be trained on a mixture that no record tells."
"""Why a run is not gone on with where something has changed"""
NEW_MEAN, NEW_STD = 0.1, 0.1
"""Normalisation of encoders that start from random weights: about the mean and spread of pixels of galaxy cutouts."""


def pretrain_run(
    settings: PretrainSettings,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    say: Callable[[str], object] = logger.info,
) -> dict[str, Any]:
    """Pretrain an encoder and save it; give what ``run.json`` holds under ``result``.

    ``out`` gets ``encoder/`` (``config.json``, ``model.safetensors``, and a model card, ``README.md``), which
    `load_encoder` takes, ``log.csv`` (losses by tree, question and true parameter, one row a validation),
    ``checkpoints/last.ckpt`` and ``run.json``.

    Parameters
    ----------
    settings
        What to do.
    out
        Where to write.
    resume
        Go on from the last checkpoint of an interrupted run in ``out``, to the same weights; start where there is none.
    overwrite
        Replace an earlier run in ``out``: it is deleted once this one has its first checkpoint, and put back where it
        ends before that.
    say
        Called with a sentence on what is being done.

    Returns
    -------
    dict
        ``images`` and ``steps`` that were trained, ``seconds``, ``images_per_second``, ``machine``, and ``scores``
        (validation losses).

    Raises
    ------
    OutputError
        ``out`` holds a run and neither resume nor overwrite is set, holds what another command wrote, or can't be
        written; an input lies among what a run writes.
    OptionError
        Resuming with other settings than those the run was started with; resuming and overwriting at once.
    CatalogError, TreeError, EncoderError
        Catalogs, trees or encoders that can't be used; resuming with others than those the run was started with.
    """
    folder = RunFolder(out, "zoobot pretrain")
    last = folder.newest
    is_first = (
        getattr(rank_zero_only, "rank", 0) == 0
    )  # the other processes come to a folder that this one has prepared
    resuming = (
        _check_folder(settings, folder, resume=resume, overwrite=overwrite) if is_first else resume and last.is_file()
    )
    encoder = build_encoder(settings)
    data = PretrainData(settings)
    model = PretrainModel(encoder, data.trees, data.targets, settings, data.plan)
    made_of = origin(data, encoder) if is_first else {}
    unknown = check_same(out / CHECKPOINTS, made_of, MIXED) if is_first and resuming else None
    if unknown is not None:
        say(unknown)
    trainer = make_trainer(settings, out, data, [DropEarlier(folder)])
    with contextlib.nullcontext() if resuming or not is_first else folder.replaced():
        if is_first:
            _write_run(out, settings, None)
            if unknown is None:
                write_json(out / CHECKPOINTS / ORIGIN_FILE, made_of)
            say(_summary(settings, data, encoder))
        with (
            workers_watched(),
            training_pass(encoder, trainer.strategy.root_device, settings.precision) as model.trains_in,
        ):
            trainer.fit(model, data, ckpt_path=str(last) if resuming else None, weights_only=True)
    return _save(settings, data, encoder, out, trainer) if trainer.is_global_zero else {}


def build_encoder(settings: PretrainSettings) -> Encoder:
    """Return the encoder to start from, with drop path where that is asked for.

    Raises
    ------
    EncoderError
        No such encoder, or one that takes images of another size only.
    OptionError
        An architecture without drop path.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        if settings.encoder is not None:
            start = load_encoder(settings.encoder, CHANNELS)
            config = start.config
            if config.fixed_image_size and config.image_size != settings.image_size:
                msg = (
                    f"the encoder '{start.name}' takes images of {config.image_size} pixels only: set "
                    f"image_size={config.image_size}."
                )
                raise EncoderError(msg)
            start.check_size(settings.image_size)
            config = replace(config, image_size=settings.image_size)
        else:
            assert settings.architecture is not None  # the settings see to it
            start = load_encoder(settings.architecture, CHANNELS, pretrained=False)
            args = {"img_size": settings.image_size} if start.config.fixed_image_size else {}
            if not args:
                start.check_size(settings.image_size)
            config = replace(
                start.config,
                image_size=settings.image_size,
                model_args=start.config.model_args | args,
                mean=(NEW_MEAN,) * CHANNELS,
                std=(NEW_STD,) * CHANNELS,
            )
        drop_path = {"drop_path_rate": settings.drop_path} if settings.drop_path else {}
        try:
            encoder = Encoder.from_config(replace(config, model_args=config.model_args | drop_path))
        except EncoderError as err:
            if not drop_path:
                raise
            msg = (
                f"the architecture '{config.architecture}' can't have drop_path={settings.drop_path} ({err}): leave "
                "it out."
            )
            raise OptionError(msg) from err
    if settings.encoder is not None:
        encoder.load_state_dict(start.state_dict())
    encoder.config = config
    return encoder


def make_trainer(settings: PretrainSettings, out: Path, data: PretrainData, more: Sequence[Callback] = ()) -> L.Trainer:
    """Return the Lightning trainer: all epochs of the plan, a checkpoint every few minutes, and the log.

    Raises
    ------
    OptionError
        Devices that this machine doesn't have, or synchronized batch norms without a GPU.
    """
    last = out / CHECKPOINTS / LAST_CHECKPOINT
    callbacks: list[Callback] = [StepCheckpoint(last, minutes=settings.save_minutes, steps=settings.save_steps), *more]
    if settings.ema_decay:
        callbacks.append(AverageWeights(settings.ema_decay))
    shows = sys.stderr.isatty()
    if shows:
        callbacks.append(RichProgressBar())
    leave_out_advice()
    try:
        trainer = L.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.nodes,
            strategy="ddp" if settings.processes > 1 else "auto",
            sync_batchnorm=settings.sync_batchnorm,
            precision="32-true",
            max_epochs=data.plan.epochs,
            gradient_clip_val=settings.clip,
            use_distributed_sampler=False,
            logger=EpochCsvLog(out / LOG_FILE, STAGE),
            callbacks=callbacks,
            default_root_dir=out,
            enable_progress_bar=shows,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
        )
    except (MisconfigurationException, ValueError) as err:
        msg = (
            f"accelerator={settings.accelerator!r} with devices={settings.devices} can't be had here: {err} "
            "Use accelerator='cpu', or fewer devices."
        )
        raise OptionError(msg) from err
    if settings.sync_batchnorm and trainer.strategy.root_device.type != "cuda":
        msg = (
            "sync_batchnorm works on GPUs only: leave it out, or choose an architecture with layer norms, such as "
            "convnext_atto."
        )
        raise OptionError(msg)
    be_patient(trainer.strategy)
    return trainer


def _save(
    settings: PretrainSettings, data: PretrainData, encoder: Encoder, out: Path, trainer: L.Trainer
) -> dict[str, Any]:
    """Save the encoder of the last checkpoint, with its card, and write what the run gave."""
    checkpoint = _read_checkpoint(out / CHECKPOINTS / LAST_CHECKPOINT)
    steps, kept = checkpoint["global_step"], checkpoint[STAGE]
    weights = {
        name.removeprefix(ENCODER_PREFIX): tensor
        for name, tensor in checkpoint["state_dict"].items()
        if name.startswith(ENCODER_PREFIX)
    }
    encoder.load_state_dict(weights)
    images = steps * data.plan.batch_size
    result = {
        "images": images,
        "steps": steps,
        "seconds": round(kept["seconds"], 1),
        "images_per_second": round(images / kept["seconds"], 1),
        "machine": machine(trainer.strategy.root_device, trainer.world_size),
        "scores": {name: round(value, 5) for name, value in kept["scores"].items()},
    }
    save_encoder(
        encoder, out / ENCODER_FOLDER, card=model_card(encoder, settings, result), details={STAGE: settings.to_dict()}
    )
    _write_run(out, settings, result)
    return result


def _write_run(out: Path, settings: PretrainSettings, result: dict[str, Any] | None) -> None:
    content = {VERSION_KEY: RUN_FORMAT, "settings": settings.to_file()} | ({} if result is None else {"result": result})
    write_json(out / RUN_FILE, content)


def _check_folder(settings: PretrainSettings, folder: RunFolder, *, resume: bool, overwrite: bool) -> bool:
    """Tell whether there is a run to go on with.

    Refuse to mix two runs in one folder, and to resume with other settings.
    """
    inputs: dict[str, object] = {"unlabelled": settings.unlabelled, "the encoder": settings.encoder}
    inputs |= {f"the galaxies of {source.where}": source.where for source in settings.sources()}
    inputs |= {f"the tree {tree}": tree for tree in settings.trees}
    folder.refuse_inputs(inputs)
    if not folder.claim(resume=resume, overwrite=overwrite, elsewhere="another folder"):
        return False
    record = folder.path / RUN_FILE
    settings.check_unchanged(PretrainSettings.from_file(_settings_in(record), record), folder.path, FREE_ON_RESUME)
    _read_checkpoint(folder.newest)
    return True


def _read_checkpoint(last: Path) -> dict[str, Any]:
    """Return what a checkpoint of a pretraining run holds."""
    checkpoint = read_pickled(last)
    if not all(
        isinstance(checkpoint.get(name), kind)
        for name, kind in (("global_step", int), (STAGE, dict), ("state_dict", dict))
    ):
        msg = f"{last} is no checkpoint of a pretraining run: choose another folder, or use --overwrite."
        raise ModelFileError(msg)
    return checkpoint


def _settings_in(record: Path) -> dict[str, Any]:
    settings = read_json(record, ModelFileError, "Choose another folder, or use --overwrite.").get("settings")
    if not isinstance(settings, dict):
        msg = f"{record} is not the record of a pretraining run: choose another folder, or use --overwrite."
        raise ModelFileError(msg)
    return settings


def _summary(settings: PretrainSettings, data: PretrainData, encoder: Encoder) -> str:
    """Say in a sentence or two what will be trained on what."""
    plan = data.plan
    sources = [
        source.where if source.kind != "simulated" else f"simulated {source.where}" for source in settings.sources()
    ]
    votes = f"votes on {', '.join(tree.name for tree in data.trees.trees)}" if data.trees else "no votes"
    truth = f"; {len(data.targets)} true parameters" if data.targets else ""
    unlabelled = f"; {plan.n_unlabelled} unlabelled galaxies" if plan.n_unlabelled else ""
    start = "from random weights" if settings.encoder is None else f"from {settings.encoder}"
    return (
        f"{encoder.config.architecture} {start}, {plan.steps * plan.batch_size} images of {settings.image_size} px in "
        f"{plan.steps} steps: {', '.join(sources)}; {votes}{truth}{unlabelled}."
    )
