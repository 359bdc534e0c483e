"""Reading weights and configurations from files.

They are checked before they are used, and no code from them is ever run.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from zoobot.errors import ModelFileError
from zoobot.files import is_file, is_folder, read_json
from zoobot.layout import CHECKPOINTS, CONFIG_FILE, WEIGHTS_FILE
from zoobot.schema import Kind
from zoobot.sealing import DAMAGED, DIGESTS, check_seal, digest_of

FORMAT = "zoobot"
FORMAT_VERSION = 1
ENCODER_PREFIX = "encoder."
"""What names of the encoder's weights start with in a saved model."""

SEALED_ENTRIES = ("calibration",)
"""Entries of ``config.json`` that have a digest of their own: nobody would edit them"""


def read_saved(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the configuration and the state dict of one of our saved models or checkpoints.

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
        If it is missing, damaged, of a newer version or not ours, or if its files are not as they were saved.
    """
    path = Path(path)
    if is_folder(path, ModelFileError):
        config = read_config(path)
        check_format(config, path)
        _check_entries(config, path)
        return config, read_weights(path / WEIGHTS_FILE)
    checkpoint = read_pickled(path)
    state = checkpoint.get("state_dict")
    if not isinstance(checkpoint.get(FORMAT), dict) or not isinstance(state, Mapping):
        msg = f"{path} is not a checkpoint of this library (it has no '{FORMAT}' entry): give one that zoobot wrote"
        raise ModelFileError(msg)
    config = checkpoint[FORMAT]
    check_format(config, path)
    if not all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()):
        msg = f"the weights in {path} are no tensors with names: {DAMAGED}"
        raise ModelFileError(msg)
    return config, dict(state)


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
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        msg = f"{path} says format_version {version!r}, expected a number: save the model again"
        raise ModelFileError(msg)
    if version > FORMAT_VERSION:
        msg = (
            f"{path} was saved by a newer zoobot (format {version}, this one reads up to {FORMAT_VERSION}): "
            "upgrade with pip install -U zoobot"
        )
        raise ModelFileError(msg)


def check_config(config: Mapping[str, Any], kind: Kind, path: str | Path) -> None:
    """Refuse a configuration with an entry that is missing, of the wrong kind or out of range.

    Raises
    ------
    ModelFileError
        Naming the entry, what was found and what was expected.
    """
    if fault := kind.fault(config):
        msg = f"the configuration in {path} is damaged: {fault}. To mend it, {DAMAGED}."
        raise ModelFileError(msg)


def seals(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of the entries of a configuration that have one of their own."""
    return {name: digest_of(config[name]) for name in SEALED_ENTRIES if config.get(name) is not None}


def _check_entries(config: Mapping[str, Any], path: Path) -> None:
    digests = config.get(DIGESTS)
    if not isinstance(digests, dict):
        return
    for name, found in seals(config).items():
        if digests.get(name, found) != found:
            msg = f"{name!r} in {path / CONFIG_FILE} is damaged, or was changed after it was saved: {DAMAGED}."
            raise ModelFileError(msg)


def check_weights(model: nn.Module, state: Mapping[str, Tensor], path: str | Path) -> None:
    """Refuse weights that fit a model by name and shape, but not by what they are.

    Such are whole numbers for fractions, NaN, and infinity.

    Raises
    ------
    ModelFileError
        Naming the first of them.
    """
    parameters = {name for name, _ in model.named_parameters()}
    for name, own in model.state_dict().items():
        tensor = state.get(name)
        if tensor is None or not own.is_floating_point():
            continue
        if not tensor.is_floating_point():
            msg = f"{name!r} in {path} is of the type {tensor.dtype}, expected floating point numbers: {DAMAGED}."
            raise ModelFileError(msg)
        if tensor.numel() == 0:
            continue
        low, high = torch.aminmax(tensor)
        finite = torch.isfinite(low) & torch.isfinite(high)
        if not (finite if name in parameters else ~torch.isnan(low)):  # a buffer may hold the infinite of a mask
            msg = (
                f"{name!r} in {path} holds values that are not finite: it is damaged, or its training diverged. To "
                f"mend it, {DAMAGED}."
            )
            raise ModelFileError(msg)


def read_config(folder: Path) -> dict[str, Any]:
    """Return ``config.json`` of a model folder.

    Raises
    ------
    ModelFileError
        If it is missing or not a JSON object.
    """
    path = folder / CONFIG_FILE
    if not is_file(path, ModelFileError):
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:5]) or "nothing"
        inside = folder / "model"
        hint = "give the folder of a saved model"
        if is_file(inside / CONFIG_FILE, ModelFileError):
            hint = f"give {inside}"
        elif is_folder(folder / CHECKPOINTS, ModelFileError):
            hint = "it is of a run that is not finished; go on with it by zoobot finetune --resume"
        msg = f"{folder} holds no {CONFIG_FILE} (it holds {found}): {hint}"
        raise ModelFileError(msg)
    return read_json(path, ModelFileError, "Copy or save the model again.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, on the CPU.

    Raises
    ------
    ModelFileError
        If it is missing or damaged, or not as it was saved.
    """
    if not is_file(path, ModelFileError):
        msg = f"{path} is missing: copy the whole folder of the model, weights included"
        raise ModelFileError(msg)
    try:
        state: dict[str, Tensor] = load_file(path)
    except (
        SafetensorError,
        OSError,
        ValueError,
        KeyError,
        AttributeError,
    ) as err:  # the last two: a type that torch lacks
        msg = f"{path} is damaged or was cut short ({err}): copy, download or save it again"
        raise ModelFileError(msg) from err
    check_seal(path)
    return state


def read_pickled(path: Path) -> dict[str, Any]:
    """Return a dict of tensors and plain values written by ``torch.save``, on the CPU.

    Whatever would run code is refused.

    Raises
    ------
    ModelFileError
        If it is missing, damaged, or holds more than tensors and plain values.
    """
    if not is_file(path, ModelFileError):
        msg = f"{path} is missing: check the path; expected a saved model's folder, a checkpoint, or hf_hub:owner/repo"
        raise ModelFileError(msg)
    try:
        _check_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as err:
        msg = f"{path} is damaged, or holds Python objects, which could run code and are not loaded: save it again"
        raise ModelFileError(msg) from err
    except ModelFileError:
        raise
    except Exception as err:  # a damaged archive makes torch raise nearly anything
        msg = f"{path} is damaged or was cut short ({err}): copy, download or save it again"
        raise ModelFileError(msg) from err
    if not isinstance(content, dict):
        msg = f"{path} holds a {type(content).__name__}, expected a dict of weights: save it again"
        raise ModelFileError(msg)
    return content


def _check_archive(path: Path) -> None:
    """Refuse an archive whose checksums are wrong, or that unpacks to more than it takes on the disk.

    Torch packs nothing. torch itself looks at no checksum where it reads weights.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > path.stat().st_size:
            msg = (
                f"{path} unpacks to {unpacked / 1e6:,.0f} MB, more than it takes on the disk: it is damaged or "
                "hostile. Save it again."
            )
            raise ModelFileError(msg)
        for entry in entries:
            if entry.CRC:  # torch can be told to write none
                with archive.open(entry) as content:
                    while content.read(1 << 20):
                        pass
