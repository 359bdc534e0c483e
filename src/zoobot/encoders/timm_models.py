"""Encoders from timm: built by architecture, filled with weights, their stem adapted to the channels asked for."""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from huggingface_hub import try_to_load_from_cache
from torch import Tensor, nn

from zoobot.encoders.channels import adapt_state, adapt_values
from zoobot.encoders.encoder import Encoder, EncoderConfig
from zoobot.encoders.hub import explain_hub_error, reach_hub
from zoobot.encoders.probe import count_features, run_probe
from zoobot.encoders.saved import check_config, check_weights, read_pickled, read_weights
from zoobot.encoders.specs import TIMM, TIMM_WEIGHTS
from zoobot.errors import EncoderError, ModelFileError
from zoobot.layout import CONFIG_FILE, PICKLED_WEIGHTS_FILE, WEIGHTS_FILE

ZOOBOT_ENCODER = "zoobot-encoder-"  # published encoders have names that start so; they were trained on plain [0, 1]
SET_BY_ENCODER = ("num_classes", "in_chans")


class Source(NamedTuple):
    """A timm model as it was saved: all but its weights."""

    architecture: str
    model_args: dict[str, Any]
    cfg: dict[str, Any]  # timm's pretrained_cfg
    in_chans: int


def encoder_by_name(name: str, in_chans: int, pretrained: bool) -> Encoder:
    """Return the timm architecture `name`, tag or not, with timm's weights or random ones.

    Raises
    ------
    EncoderError
        If timm doesn't know the name, or has no weights for it, or they can't be fetched.
    """
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        close = difflib.get_close_matches(architecture, timm.list_models(), n=3, cutoff=0.5)
        hint = f" (did you mean {', '.join(close)}?)" if close else ""
        msg = (
            f"unknown encoder '{name}'{hint}: give a timm architecture, a folder with config.json and "
            "model.safetensors, a checkpoint (.ckpt), or hf_hub:owner/repo"
        )
        raise EncoderError(msg)
    if tag and name not in timm.list_models(f"{architecture}.*", pretrained=True, include_tags=True):
        known = ", ".join(timm.list_models(f"{architecture}.*", pretrained=True, include_tags=True)) or "none"
        msg = f"unknown weights '{tag}' of the encoder '{architecture}': choose one of {known}"
        raise EncoderError(msg)
    if pretrained and not timm.models.is_model_pretrained(name):
        msg = f"timm has no weights for '{name}': pretrained=False gives random weights, or choose another encoder"
        raise EncoderError(msg)
    published = timm.get_pretrained_cfg(name)
    if pretrained and published.hf_hub_id and try_to_load_from_cache(published.hf_hub_id, WEIGHTS_FILE) is None:
        reach_hub(name, published.hf_hub_id)
    try:
        model = timm.create_model(name, pretrained=pretrained, num_classes=0)
    except OSError as err:
        raise EncoderError(explain_hub_error(name, err)) from err
    cfg = model.pretrained_cfg
    source = Source(architecture, _rebuild_args({}, cfg), cfg, cfg["input_size"][0])
    return encoder_of(model, source, name, in_chans)


def encoder_from_folder(folder: Path, config: Mapping[str, Any], name: str, in_chans: int, pretrained: bool) -> Encoder:
    """Return the timm model saved in `folder`, whose ``config.json`` is `config`.

    Raises
    ------
    EncoderError
        If timm doesn't know the architecture.
    ModelFileError
        If the folder is incomplete or its weights don't fit the architecture.
    """
    source = _read_source(config, folder)
    if not timm.is_model(source.architecture):
        msg = f"{folder} holds a '{source.architecture}', which timm {timm.__version__} doesn't know: upgrade timm"
        raise EncoderError(msg)
    weights = _read_timm_weights(folder, source.cfg) if pretrained else None
    cfg = {key: value for key, value in source.cfg.items() if key in ("input_size", "fixed_input_size", "first_conv")}
    cfg |= {"architecture": source.architecture, "num_classes": 0, "state_dict": weights}
    try:
        # through timm's own loader, which translates weights that an older timm saved, and refuses any that don't fit
        model = timm.create_model(
            source.architecture,
            pretrained=pretrained,
            pretrained_cfg=cfg,
            num_classes=0,
            in_chans=source.in_chans,
            **source.model_args,
        )
    except Exception as err:  # of timm's builders, which raise nearly anything
        msg = f"{folder} doesn't fit its architecture '{source.architecture}' ({err}): copy, download or save it again"
        raise ModelFileError(msg) from err
    if weights is not None:
        check_weights(model, model.state_dict() | weights, folder)  # those of an older timm have other names
    return encoder_of(model, source, name, in_chans)


def encoder_of(model: nn.Module, source: Source, name: str, in_chans: int) -> Encoder:
    """Return the encoder of a timm model without classifier, adapted to `in_chans` channels."""
    if in_chans != source.in_chans:
        target = timm.create_model(source.architecture, num_classes=0, in_chans=in_chans, **source.model_args)
        target.load_state_dict(adapt_state(model.state_dict(), target.state_dict(), source.in_chans, in_chans))
        model = target
    mean, std = normalisation(source.cfg, name)
    config = EncoderConfig(
        architecture=source.architecture,
        model_args=source.model_args,
        in_chans=in_chans,
        image_size=int(source.cfg["input_size"][-1]),
        mean=adapt_values(adapt_values(mean, source.in_chans), in_chans),
        std=adapt_values(adapt_values(std, source.in_chans), in_chans),
        name=name,
        num_features=count_features(model, name, in_chans, int(source.cfg["input_size"][-1])),
        fixed_image_size=bool(source.cfg.get("fixed_input_size", False)),
    )
    return Encoder(model, config)


def encoder_in_memory(model: nn.Module, in_chans: int) -> Encoder:
    """Return the encoder of a timm model in memory; its classifier is removed.

    Its architecture is recorded only if timm, asked for it again, gives a model with the same weights and features.
    """
    cfg: dict[str, Any] = dict(getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", {}))
    if callable(reset := getattr(model, "reset_classifier", None)):
        reset(0)
    made_with = dict(getattr(model, "_model_args", {}))
    image_size = _width(made_with.get("img_size") or cfg.get("input_size", (224,)))
    cfg["input_size"] = (in_chans, image_size, image_size)
    architecture = cfg.get("architecture") or type(model).__name__
    source = Source(architecture, _rebuild_args(made_with, cfg), cfg, in_chans)
    mean, std = normalisation(cfg, architecture)
    num_features = count_features(model, architecture, in_chans, image_size)
    config = EncoderConfig(
        architecture=architecture if _can_rebuild(model, source) else None,
        model_args=source.model_args,
        in_chans=in_chans,
        image_size=image_size,
        mean=adapt_values(mean, in_chans),
        std=adapt_values(std, in_chans),
        name=architecture,
        num_features=num_features,
        fixed_image_size=bool(cfg.get("fixed_input_size", False)),
    )
    return Encoder(model, config)


def normalisation(cfg: Mapping[str, Any], name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and standard deviation that the weights want: 0 and 1 for published Zoobot encoders."""
    if name.rstrip("/").rpartition("/")[2].startswith(ZOOBOT_ENCODER):
        return (0.0,), (1.0,)
    return tuple(cfg.get("mean") or (0.0,)), tuple(cfg.get("std") or (1.0,))


def _read_source(config: Mapping[str, Any], folder: Path) -> Source:
    """Return what timm's ``config.json`` says, in its present layout or the older flat one."""
    if "architecture" not in config:
        msg = f"{folder / CONFIG_FILE} names no architecture: give a folder that timm or zoobot saved"
        raise ModelFileError(msg)
    check_config(config, TIMM, folder)
    cfg = dict(config.get("pretrained_cfg", config))
    check_config(cfg, TIMM_WEIGHTS, folder)
    given_args = dict(config.get("model_args") or {})
    channels, height, width = cfg.get("input_size") or (3, 224, 224)
    in_chans = int(given_args.get("in_chans") or channels)
    size = _width(given_args.get("img_size") or (height, width))
    cfg["input_size"] = (in_chans, size, size)
    return Source(str(config["architecture"]), _rebuild_args(given_args, cfg), cfg, in_chans)


def _read_timm_weights(folder: Path, cfg: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the state dict in a timm folder, without the classifier."""
    pickled = folder / PICKLED_WEIGHTS_FILE
    if pickled.is_file() and not (folder / WEIGHTS_FILE).is_file():
        weights = read_pickled(pickled)
    else:
        weights = read_weights(folder / WEIGHTS_FILE)
    if not weights:
        msg = f"the weights in {folder} are empty: copy, download or save it again"
        raise ModelFileError(msg)
    if not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        msg = f"the weights in {folder} are no tensors: copy, download or save it again"
        raise ModelFileError(msg)
    classifier = cfg.get("classifier") or ()
    layers = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    return {name: tensor for name, tensor in weights.items() if name.rpartition(".")[0] not in layers}


def _rebuild_args(given: Mapping[str, Any], cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments that make timm build the architecture again.

    They have the image size where it is fixed.
    """
    args = {key: value for key, value in given.items() if key not in SET_BY_ENCODER and _is_plain(value)}
    if cfg.get("fixed_input_size", False):
        args["img_size"] = _width(cfg["input_size"])
    return args


def _is_plain(value: object) -> bool:
    """Tell whether JSON can hold `value`."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _width(size: int | tuple[int, ...]) -> int:
    """Return the width in pixels of timm's ways to write a size: 224, (224, 224) or (3, 224, 224)."""
    return size if isinstance(size, int) else int(size[-1])


def _can_rebuild(model: nn.Module, source: Source) -> bool:
    """Tell whether timm, asked for the architecture again, gives the same features from the same weights."""
    size = source.cfg["input_size"][-1]
    try:
        with torch.random.fork_rng(devices=[]):
            again = timm.create_model(source.architecture, num_classes=0, in_chans=source.in_chans, **source.model_args)
        again.load_state_dict(model.state_dict())
        device = next(model.parameters()).device
        images = torch.linspace(0, 1, source.in_chans * size * size, device=device).view(1, source.in_chans, size, size)
        return torch.allclose(run_probe(model, images), run_probe(again.to(device), images), rtol=1e-4, atol=1e-5)
    except (RuntimeError, TypeError, ValueError, KeyError):
        return False
