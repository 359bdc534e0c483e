"""Reading weights and configurations from files, without ever running code from them."""

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from zoobot.errors import ModelFileError

FORMAT = "zoobot"
FORMAT_VERSION = 1
CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
PICKLED_WEIGHTS_FILE = "pytorch_model.bin"
ENCODER_PREFIX = "encoder."
"""What names of the encoder's weights start with in a saved model."""


def read_saved(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Give the configuration and the state dict of one of our saved models or checkpoints.

    Parameters
    ----------
    path
        A folder with ``config.json`` and ``model.safetensors``, or a Lightning checkpoint that has the same
        configuration under the key ``"zoobot"``.

    Returns
    -------
    config : dict
        With ``"format": "zoobot"`` and ``"format_version"``.
    state : dict of str to Tensor
        On the CPU.

    Raises
    ------
    ModelFileError
        If it is missing, damaged, of a newer version or not ours.
    """
    path = Path(path)
    if path.is_dir():
        config = read_config(path)
        check_format(config, path)
        return config, read_weights(path / WEIGHTS_FILE)
    checkpoint = read_pickled(path)
    if not isinstance(checkpoint.get(FORMAT), dict) or "state_dict" not in checkpoint:
        msg = f"{path} is not a checkpoint of this library (it has no '{FORMAT}' entry): give one that zoobot wrote"
        raise ModelFileError(msg)
    config = checkpoint[FORMAT]
    check_format(config, path)
    state: dict[str, Tensor] = checkpoint["state_dict"]
    return config, state


def check_format(config: dict[str, Any], path: Path) -> None:
    """Refuse a configuration that isn't ours, or that a newer version wrote.

    Raises
    ------
    ModelFileError
        Saying which of the two.
    """
    if config.get("format") != FORMAT:
        msg = f'{path} is not a saved zoobot model: its configuration has no entry "format": "{FORMAT}"'
        raise ModelFileError(msg)
    version = config.get("format_version")
    if not isinstance(version, int):
        msg = f"{path} says format_version {version!r}, expected a number: save the model again"
        raise ModelFileError(msg)
    if version > FORMAT_VERSION:
        msg = (
            f"{path} was saved by a newer zoobot (format {version}, this one reads up to {FORMAT_VERSION}): "
            "upgrade with pip install -U zoobot"
        )
        raise ModelFileError(msg)


def read_config(folder: Path) -> dict[str, Any]:
    """Give ``config.json`` of a model folder.

    Raises
    ------
    ModelFileError
        If it is missing or not a JSON object.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:5]) or "nothing"
        inside = folder / "model"
        hint = f"give {inside}" if (inside / CONFIG_FILE).is_file() else "give the folder of a saved model"
        msg = f"{folder} holds no {CONFIG_FILE} (it holds {found}): {hint}"
        raise ModelFileError(msg)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as err:
        msg = f"{path} can't be read as JSON ({err}): copy or save the model again"
        raise ModelFileError(msg) from err
    if not isinstance(config, dict):
        msg = f"{path} holds a {type(config).__name__}, expected a JSON object: copy or save the model again"
        raise ModelFileError(msg)
    return config


def read_weights(path: Path) -> dict[str, Tensor]:
    """Give the tensors of a safetensors file, on the CPU.

    Raises
    ------
    ModelFileError
        If it is missing or damaged.
    """
    if not path.is_file():
        msg = f"{path} is missing: copy the whole folder of the model, weights included"
        raise ModelFileError(msg)
    try:
        state: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as err:
        msg = f"{path} is damaged or was cut short ({err}): copy, download or save it again"
        raise ModelFileError(msg) from err
    return state


def read_pickled(path: Path) -> dict[str, Any]:
    """Give a dict of tensors and plain values written by ``torch.save``, on the CPU, refusing whatever would run code.

    Raises
    ------
    ModelFileError
        If it is missing, damaged, or holds more than tensors and plain values.
    """
    if not path.is_file():
        msg = f"{path} is missing: check the path; expected a saved model's folder, a checkpoint, or hf_hub:owner/repo"
        raise ModelFileError(msg)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as err:
        msg = f"{path} is damaged, or holds Python objects, which could run code and are not loaded: save it again"
        raise ModelFileError(msg) from err
    except (RuntimeError, EOFError, OSError, ValueError) as err:
        msg = f"{path} is damaged or was cut short ({err}): copy, download or save it again"
        raise ModelFileError(msg) from err
    if not isinstance(content, dict):
        msg = f"{path} holds a {type(content).__name__}, expected a dict of weights: save it again"
        raise ModelFileError(msg)
    return content
