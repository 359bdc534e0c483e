"""The encoder: a network with its normalisation inside, rebuilt from its configuration, frozen block by block."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import timm
import torch
from torch import Tensor, nn

from zoobot.encoders.blocks import assign_blocks
from zoobot.encoders.probe import run_probe
from zoobot.errors import EncoderError, lacks_memory
from zoobot.schema import NAME

MODEL_PREFIX = "model."


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """All that it takes to build an encoder again without the network; weights come separately.

    Parameters
    ----------
    architecture
        timm's name of the architecture; None for a module given in memory that timm can't build again.
    model_args
        Keyword arguments of ``timm.create_model`` beside ``num_classes=0`` and ``in_chans``; JSON-able.
    in_chans
        Channels of the images.
    image_size
        Preferred height and width of the images, in pixels.
    mean, std
        Normalisation, one value a channel, of images in [0, 1].
    name
        Where the encoder came from, as it was asked for.
    num_features
        Length of the feature vector.
    fixed_image_size
        Whether the architecture takes images of `image_size` only.
    """

    architecture: str | None
    in_chans: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    name: str
    num_features: int
    model_args: dict[str, Any] = field(default_factory=dict)
    fixed_image_size: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON has it (lists for tuples)."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration that `to_dict` wrote.

        Raises
        ------
        EncoderError
            If an entry is missing or not known.
        """
        try:
            return cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
        except (KeyError, TypeError) as err:
            msg = (
                f"not an encoder's configuration (found {sorted(values)}, expected {[f.name for f in fields(cls)]}): "
                "save the model again with this version of zoobot"
            )
            raise EncoderError(msg) from err


class Encoder(nn.Module):
    """A network from images (batch, channel, height, width) in [0, 1] to features (batch, feature).

    Normalisation happens inside. NaN pixels give NaN features. Blocks are counted from the stem (0) to the top
    (``num_blocks - 1``).

    Parameters
    ----------
    model
        The network, from normalised images to pooled features; used as it is, not copied.
    config
        What it is.

    Attributes
    ----------
    model : nn.Module
        The network, without normalisation.
    config : EncoderConfig
        What it is; `num_features`, `image_size`, `in_chans` and `name` are read from it.
    num_blocks : int
        How many blocks it has: 5 for ConvNeXt and ResNet, one for each layer and the stem for a ViT.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, config: EncoderConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.register_buffer("mean", torch.tensor(config.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(1, -1, 1, 1), persistent=False)
        in_model = assign_blocks(model)
        self._blocks = {"": 0, "mean": 0, "std": 0, "model": in_model[""]}
        self._blocks |= {MODEL_PREFIX + name: block for name, block in in_model.items() if name}
        self.num_blocks = max(in_model.values()) + 1
        self._first_trainable = 0
        self._sizes: set[int] = set()  # of images that it is known to take

    @classmethod
    def from_config(cls, config: EncoderConfig) -> Self:
        """Return the encoder that `config` describes, with random weights: load its state dict into it.

        Raises
        ------
        EncoderError
            If it was a module in memory, which only its owner can build, or if timm doesn't know the architecture.
        """
        if config.architecture is None:
            msg = (
                f"the encoder '{config.name}' was a module in memory, which can't be built from a saved model: "
                "build it yourself and pass it as encoder="
            )
            raise EncoderError(msg)
        if not re.fullmatch(NAME, config.architecture):
            msg = (
                f"{config.architecture!r} is no architecture of timm: expected a name without '/' and ':', such as "
                "'convnext_nano'"
            )
            raise EncoderError(msg)
        try:
            model = timm.create_model(config.architecture, num_classes=0, in_chans=config.in_chans, **config.model_args)
        except (RuntimeError, TypeError, ValueError) as err:
            msg = (
                f"timm {timm.__version__} can't build '{config.architecture}' with {config.model_args} ({err}): "
                "install the version of timm that the model was saved with, or a newer one"
            )
            raise EncoderError(msg) from err
        return cls(model, config)

    @property
    def num_features(self) -> int:
        """Length of the feature vector."""
        return self.config.num_features

    @property
    def image_size(self) -> int:
        """Preferred height and width of the images, in pixels."""
        return self.config.image_size

    @property
    def in_chans(self) -> int:
        """Channels of the images."""
        return self.config.in_chans

    @property
    def name(self) -> str:
        """Where the encoder came from, as it was asked for."""
        return self.config.name

    def forward(self, images: Tensor) -> Tensor:
        """Return the pooled features of a batch.

        Parameters
        ----------
        images
            (batch, channel, height, width), float, in [0, 1].

        Returns
        -------
        Tensor
            (batch, feature).

        Raises
        ------
        EncoderError
            If the batch has other dimensions or channels, or another size where only one will do.
        """
        features: Tensor = self.model(self.normalise(images))
        return features

    def check_size(self, size: int) -> None:
        """Refuse a height and width of images that the network can't take, by trying them on an empty image.

        Parameters
        ----------
        size
            In pixels.

        Raises
        ------
        EncoderError
            Saying which sizes it takes.
        """
        if size in (self.image_size, *self._sizes):
            return
        failure = self._try(size)
        if failure is not None:
            msg = f"the encoder '{self.name}' can't take images of {size} x {size} pixels. {self._remedy(size)}"
            raise EncoderError(msg) from failure
        self._sizes.add(size)

    def _try(self, size: int) -> Exception | None:
        """Return why the network can't take images of a size; None where it can."""
        images = torch.zeros(1, self.in_chans, size, size, device=self.mean.device)
        try:
            features = run_probe(self, images)
        except EncoderError:
            raise
        except Exception as err:  # whatever an architecture raises where images are too small, or not of its windows
            if lacks_memory(err):
                raise
            return err
        return None if torch.isfinite(features).all() else ValueError("its features are not finite")

    def _remedy(self, size: int) -> str:
        """Say which size to set in place of one that the network can't take."""
        own = self.image_size
        if size < own:
            failing, taken = size, min(2 * size, own)
            while taken < own and self._try(taken) is not None:
                failing, taken = taken, min(2 * taken, own)
            while taken - failing > 1:
                middle = (failing + taken) // 2
                failing, taken = (failing, middle) if self._try(middle) is None else (middle, taken)
            if taken < own and self._try(taken + 1) is None:
                return (
                    f"The smallest that it takes is {taken}: set the image size to {taken} or more; it was made for "
                    f"{own}."
                )
        return f"It takes some sizes only: set the image size to {own}, which it was made for."

    def normalise(self, images: Tensor) -> Tensor:
        """Return images (batch, channel, height, width) in [0, 1] as the network wants them.

        It is checked that the network can take them.
        """
        self._check(images)
        return (images - self.mean) / self.std

    def _check(self, images: Tensor) -> None:
        """Refuse a batch that the network would choke on, in words that say what it wants."""
        size = self.image_size
        shape = tuple(images.shape)
        if images.ndim != 4 or shape[1] != self.in_chans:
            msg = (
                f"images of shape {shape} given to the encoder '{self.name}', which takes "
                f"(batch, {self.in_chans}, height, width): choose the channels of the images, or load it with in_chans="
            )
            raise EncoderError(msg)
        if self.config.fixed_image_size and shape[2:] != (size, size):
            msg = (
                f"images of {shape[2]} x {shape[3]} pixels given to the encoder '{self.name}', which takes "
                f"{size} x {size} only: set image_size={size}, or choose an encoder for any size, such as a ConvNeXt"
            )
            raise EncoderError(msg)

    def block_of(self, name: str) -> int:
        """Return the block of a parameter, buffer or module of this encoder: 0 is the stem, ``num_blocks - 1`` the top.

        A module that spans several blocks has the lowest of them.

        Raises
        ------
        EncoderError
            If the encoder has nothing of that name.
        """
        if name not in self._blocks:
            msg = f"the encoder '{self.name}' has nothing named '{name}': use a name that named_parameters() gives"
            raise EncoderError(msg)
        return self._blocks[name]

    def block_parameters(self, block: int) -> Iterator[tuple[str, nn.Parameter]]:
        """Return the named parameters of one block, 0 being the stem."""
        return ((name, parameter) for name, parameter in self.named_parameters() if self._blocks[name] == block)

    def freeze(self, n_blocks: int) -> None:
        """Leave only the top `n_blocks` to be finetuned and freeze what lies below.

        Frozen blocks have no gradients and stay in eval mode, whatever `train` is told, so that nothing in them
        changes: neither parameters nor norm statistics. A module that spans frozen and trainable blocks stays in eval
        mode too.

        Parameters
        ----------
        n_blocks
            0 freezes all, -1 (or `num_blocks`) nothing.

        Raises
        ------
        EncoderError
            If the encoder has fewer blocks.
        """
        if not -1 <= n_blocks <= self.num_blocks:
            msg = (
                f"n_blocks={n_blocks}, but the encoder '{self.name}' has {self.num_blocks} blocks: "
                f"choose from 0 (head only) to {self.num_blocks}, or -1 for all"
            )
            raise EncoderError(msg)
        self._first_trainable = 0 if n_blocks == -1 else self.num_blocks - n_blocks
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(self._blocks[name] >= self._first_trainable and parameter.is_floating_point())
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set training mode, except in frozen blocks, which stay in eval mode."""
        super().train(mode)
        for name, module in self.named_modules():
            if name and self._blocks[name] < self._first_trainable:
                module.training = False
        return self
