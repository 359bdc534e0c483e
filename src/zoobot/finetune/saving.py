"""Saved models.

A model is a folder of ``config.json`` and ``model.safetensors``, or a checkpoint that holds the same configuration.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from zoobot.encoders import EncoderConfig
from zoobot.encoders.hub import fetch_from_hub, is_hub_name
from zoobot.encoders.load import build_saved
from zoobot.encoders.saved import FORMAT, FORMAT_VERSION, check_config, check_weights, read_saved, seals
from zoobot.errors import EncoderError, ModelFileError
from zoobot.files import home, is_folder, write_json, write_whole
from zoobot.finetune.registry import find_task
from zoobot.finetune.specs import ANY_MODEL, model_spec
from zoobot.layout import CONFIG_FILE, MEMORY_FILE, REFERENCE_FILE, WEIGHTS_FILE
from zoobot.science import Memory, Reference
from zoobot.sealing import DIGESTS, digest_of
from zoobot.settings import TableOptions
from zoobot.version import __version__

if TYPE_CHECKING:
    from torch import nn

    from zoobot.finetune.base import FinetuneableZoobotAbstract

Model = TypeVar("Model", bound="FinetuneableZoobotAbstract")


def model_config(model: FinetuneableZoobotAbstract) -> dict[str, Any]:
    """Return all that it takes to rebuild a model, beside its weights, as JSON can hold it."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "zoobot_version": __version__,
        "task": type(model).__name__,
        "task_options": model.task_options(),
        "options": model.options,
        "encoder": model.encoder.config.to_dict(),
        "label_cols": list(model.label_cols),
        "class_names": list(model.class_names),
        "label_scale": None if model.label_scale is None else model.label_scale.to_dict(),
        "preprocessing": None if model.preprocessing is None else model.preprocessing.to_dict(),
        "calibration": model.calibration_dict(),
    }


def save_model(model: FinetuneableZoobotAbstract, folder: Path) -> Path:
    """Write a model's folder; each file appears whole or not at all. Gives the folder.

    Raises
    ------
    OutputError
        A folder that can't be written.
    """
    from safetensors.torch import save

    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
    config, weights = model_config(model), save(state, {"format": "pt"})
    write_whole(folder / WEIGHTS_FILE, weights)
    for name in (REFERENCE_FILE, MEMORY_FILE):  # of a model that was here before
        (folder / name).unlink(missing_ok=True)
    write_json(folder / CONFIG_FILE, config | {DIGESTS: {WEIGHTS_FILE: digest_of(weights), **seals(config)}})
    if model.reference is not None:
        model.reference.save(folder)
    if model.memory is not None:
        model.memory.save(folder)
    return folder


def load_model(path: str | Path, task: type[Model], *, encoder: nn.Module | None = None) -> Model:
    """Return the model saved at ``path``, which must be of the class ``task`` or a subclass.

    Raises
    ------
    ModelFileError
        See `load`.
    """
    if not str(path):
        msg = (
            "no checkpoint was named: a trainer's best_model_path is empty until it has trained. Fit first, or give a "
            "path."
        )
        raise ModelFileError(msg)
    path = home(path)
    config, state = read_saved(path)
    check_config(config, ANY_MODEL, path)
    saved = config["task"]
    kind = find_task(saved)
    if kind is None:
        msg = (
            f"{path} holds a model of the class {saved!r}, which is not imported. Import the module that defines it, "
            f"or load it with {saved}.load_from_checkpoint."
        )
        raise ModelFileError(msg)
    if kind.saved_options is not None:
        check_config(config, model_spec(kind.saved_options, kind.saved_calibration), path)
    kind = kind.saved_class(config["task_options"])
    if not issubclass(kind, task):
        msg = f"{path} holds a {kind.__name__}, not a {task.__name__}. Use zoobot.load or {kind.__name__}."
        raise ModelFileError(msg)
    built = build_saved(EncoderConfig.from_dict(config["encoder"]), path) if encoder is None else encoder
    try:
        _check_size(config, state)
        seed = config["options"].get("seed", 0) % 2**32  # earlier versions took larger ones
        options = config["task_options"] | config["options"] | {"seed": seed}
        model = kind(**options, encoder=built, in_chans=config["encoder"]["in_chans"])
        model.load_state_dict(state)
        model.restore_names(config)
        _try_out(model)
    except Exception as err:  # whatever a configuration that is damaged makes the model's own code raise
        msg = (
            f"{path} doesn't fit this version of zoobot: {err}. "
            f"Save it again with the version that wrote it ({config.get('zoobot_version')})."
        )
        raise ModelFileError(msg) from err
    check_weights(model, state, path)
    if is_folder(path, ModelFileError):
        model.reference, model.memory = Reference.load(path), Memory.load(path)
    return model.eval()


def _check_size(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Refuse a head that is larger than all weights together, before memory is taken for it."""
    outputs = next(
        (config["task_options"][name] for name in ("num_classes", "num_targets") if name in config["task_options"]), 1
    )
    if outputs * config["encoder"]["num_features"] > sum(tensor.numel() for tensor in state.values()):
        msg = f"{outputs} outputs of {config['encoder']['num_features']} features are more than its weights hold"
        raise ValueError(msg)


def _try_out(model: FinetuneableZoobotAbstract) -> None:
    """Make a table of one galaxy, which fails where names and calibration don't fit the outputs."""
    if model.preprocessing is None:
        return
    log = logging.getLogger("zoobot.finetune")
    level = log.level
    try:
        log.setLevel(logging.ERROR)
        with torch.no_grad(), np.errstate(all="ignore"):
            values = model.predictions(torch.zeros(1, model.num_outputs)).numpy()
            model.to_table(values, TableOptions())
    finally:
        log.setLevel(level)
    vars(model).get("_said_few", set()).clear()  # nothing has been said yet


def fetch_model(source: str | Path) -> str | Path:
    """Return the local folder of a Hub repository, fetched once and kept; any other source with ``~`` spelled out.

    Raises
    ------
    ModelFileError
        The repository is not there, holds no saved model, or can't be reached.
    """
    if not is_hub_name(str(source)):
        return home(source) if str(source) else source
    try:
        return fetch_from_hub(str(source))
    except EncoderError as err:
        raise ModelFileError(str(err)) from err
