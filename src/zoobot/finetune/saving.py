"""Saved models: a folder of ``config.json`` and ``model.safetensors``, or a checkpoint that holds the same configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import zoobot
from zoobot.encoders import Encoder, EncoderConfig
from zoobot.encoders.hub import fetch_from_hub, is_hub_name
from zoobot.encoders.saved import CONFIG_FILE, FORMAT, FORMAT_VERSION, WEIGHTS_FILE, read_saved
from zoobot.errors import EncoderError, ModelFileError
from zoobot.files import write_json, write_whole
from zoobot.finetune.base import FinetuneableZoobotAbstract
from zoobot.finetune.classifier import FinetuneableZoobotClassifier
from zoobot.finetune.regressor import FinetuneableZoobotRegressor
from zoobot.finetune.tree import FinetuneableZoobotTree
from zoobot.science import Memory, Reference

if TYPE_CHECKING:
    from torch import nn

TASKS: dict[str, type[FinetuneableZoobotAbstract]] = {
    task.__name__: task for task in (FinetuneableZoobotClassifier, FinetuneableZoobotRegressor, FinetuneableZoobotTree)
}

Model = TypeVar("Model", bound=FinetuneableZoobotAbstract)


def load(source: str | Path, *, encoder: nn.Module | None = None) -> FinetuneableZoobotAbstract:
    """Give a finetuned model, ready to predict: in eval mode, on the CPU.

    Parameters
    ----------
    source
        A folder that `FinetuneableZoobotAbstract.save` wrote, a Lightning checkpoint, or a Hub repository (``hf_hub:owner/repo``).
        Only the last needs the network, and only the first time.
    encoder
        The encoder's module, where it was given in memory and timm can't build it.

    Raises
    ------
    ModelFileError
        No such model, damaged files, a newer version, or a task of your own: load that with your class's ``load_from_checkpoint``.
    """
    return load_model(fetch_model(source), FinetuneableZoobotAbstract, encoder=encoder)


def model_config(model: FinetuneableZoobotAbstract) -> dict[str, Any]:
    """Give all that it takes to rebuild a model, beside its weights, as JSON can hold it."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "zoobot_version": zoobot.__version__,
        "task": type(model).__name__,
        "task_options": model.task_options(),
        "options": model.options,
        "encoder": model.encoder.config.to_dict(),
        "label_cols": list(model.label_cols),
        "class_names": list(model.class_names),
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
    write_whole(folder / WEIGHTS_FILE, save(state, {"format": "pt"}))
    write_json(folder / CONFIG_FILE, model_config(model))
    if model.reference is not None:
        model.reference.save(folder)
    if model.memory is not None:
        model.memory.save(folder)
    return folder


def load_model(path: str | Path, task: type[Model], *, encoder: nn.Module | None = None) -> Model:
    """Give the model saved at ``path``, which must be of the class ``task`` or a subclass.

    Raises
    ------
    ModelFileError
        See `load`.
    """
    if not str(path):
        msg = "no checkpoint was named: a trainer's best_model_path is empty until it has trained. Fit first, or give a path."
        raise ModelFileError(msg)
    config, state = read_saved(path)
    saved = config.get("task", "")
    kind = TASKS.get(saved, task)
    if not issubclass(kind, task) or (kind.__name__ != saved):
        if saved in TASKS:
            msg = f"{path} holds a {saved}, not a {task.__name__}. Use zoobot.load or {saved}."
        else:
            msg = f"{path} holds a model of the class {saved!r}, defined by its own code. Load it with {saved}.load_from_checkpoint."
        raise ModelFileError(msg)
    built = Encoder.from_config(EncoderConfig.from_dict(config["encoder"])) if encoder is None else encoder
    try:
        model: Model = kind(
            **config["task_options"], **config["options"], encoder=built, in_chans=config["encoder"]["in_chans"]
        )
        model.load_state_dict(state)
    except (RuntimeError, TypeError, KeyError) as err:
        msg = (
            f"{path} doesn't fit this version of zoobot: {err}. "
            f"Save it again with the version that wrote it ({config.get('zoobot_version')})."
        )
        raise ModelFileError(msg) from err
    model.restore_names(config)
    if Path(path).is_dir():
        model.reference, model.memory = Reference.load(path), Memory.load(path)
    return model.eval()


def fetch_model(source: str | Path) -> str | Path:
    """Give the local folder of a Hub repository, fetched once and kept; any other source as it is.

    Raises
    ------
    ModelFileError
        The repository is not there, holds no saved model, or can't be reached.
    """
    if not is_hub_name(str(source)):
        return source
    try:
        return fetch_from_hub(str(source))
    except EncoderError as err:
        raise ModelFileError(str(err)) from err
