"""Where a model looks: Grad-CAM heat maps over galaxies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoobot.data import Preprocessing
from zoobot.data.augment import centre_views
from zoobot.data.catalog import read_catalog
from zoobot.data.images import ImageSettings
from zoobot.data.pixels import as_dtype, decode_files, prediction_workers, raise_unreadable
from zoobot.encoders import Encoder
from zoobot.errors import EncoderError, ImageError, OptionError
from zoobot.finetune import FinetuneableZoobotAbstract, FinetuneableZoobotClassifier, FinetuneableZoobotTree, load

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data.fits import HDUs
    from zoobot.data.tables import CatalogSource


@dataclass(frozen=True)
class Explanation:
    """What a model says of galaxies, and where in the image it finds that."""

    frame: pd.DataFrame
    """``id_str``, ``file_loc``, and the model's predictions, as `zoobot.predict` gives them"""
    views: npt.NDArray[np.float32]
    """(galaxy, channel, height, width) in [0, 1]: what the encoder saw"""
    heat: npt.NDArray[np.float32] | None
    """(galaxy, height, width) in [0, 1]: 1 is where most speaks for the target, all 0 where nothing does; None if not asked for"""
    targets: list[str]
    """(galaxy,) the column that each map explains"""
    features: npt.NDArray[np.float32]
    """(galaxy, feature)"""


def explain(
    catalog: CatalogSource,
    model: FinetuneableZoobotAbstract | str | Path,
    *,
    target: str | None = None,
    heat: bool = True,
    limit: int | None = None,
    batch_size: int = 16,
    hdu: HDUs | None = None,
    num_workers: int | None = None,
) -> Explanation:
    """Give a heat map of each galaxy of a catalog: which parts of the image speak for what is predicted.

    Grad-CAM (Selvaraju et al. 2017): with ``A_k(y, x)`` the channels of the encoder's last spatial map and ``s`` the score of the target,
    ``heat = max(0, sum_k w_k A_k)`` where ``w_k`` is the mean over the map of ``ds/dA_k``; enlarged bilinearly to the image, averaged
    over the image's four quarter turns (strided convolutions see half a cell up and left of where their map is drawn: over the turns,
    this cancels, and handedness is kept), and divided by its maximum. ``s`` is the target's logit before calibration; for measurements the
    prediction, for votes the expected fraction.

    The map is coarse (7 x 7 cells for most encoders at 224 pixels, 4 x 4 at 128), and says where,
    not what: evidence *against* the target is left out.

    Parameters
    ----------
    catalog
        Anything that `read_catalog` takes.
    model
        A finetuned model, or whatever `zoobot.load` takes.
    target
        The column to explain, such as ``ring_1``. Default: each galaxy's most probable class or label; the first target of a regressor.
    heat
        False leaves the maps out, for encoders that have none; the rest, such as the features, is given all the same.
    limit
        Only the first so many galaxies.
    batch_size
        Galaxies a step.
    hdu
        See `zoobot.predict`.
    num_workers
        Processes that decode images.

    Raises
    ------
    EncoderError
        The encoder has no map near its top, as vision transformers, whose tokens are no image.
    OptionError
        No such column, or a tree without ``target``.
    CatalogError, ImageError, ModelFileError
        See `zoobot.errors`.
    """
    model = model if isinstance(model, nn.Module) else load(model)
    columns = model.prediction_columns()
    place = _place_of(target, columns, model)
    frame = read_catalog(catalog)[:limit]
    settings = model.preprocessing or Preprocessing(
        image_size=model.encoder.image_size, images=ImageSettings(channels=model.encoder.in_chans)
    )
    settings = settings if hdu is None else settings.with_hdu(hdu)
    files = frame["file_loc"].tolist()
    workers = prediction_workers(files, next(model.parameters()).device) if num_workers is None else num_workers
    was_training = model.training
    model.eval()
    views, maps, targets, features, values = [], [], [], [], []
    try:
        for batch in decode_files(files, settings, num_workers=workers, batch_size=batch_size):
            bad = [image for _, image in batch if isinstance(image, ImageError)]
            if bad:
                raise_unreadable(bad, len(frame))
            dtype = np.dtype(np.uint8 if all(image.dtype == np.uint8 for _, image in batch) else np.float32)  # type: ignore[union-attr]
            pixels = torch.from_numpy(np.stack([as_dtype(image, dtype) for _, image in batch]))  # type: ignore[arg-type]
            seen = centre_views(pixels, size=settings.image_size, crop=settings.exact_crop)
            drawn, chosen, feature, predictions = _grad_cam(model, seen, place, heat=heat)
            views.append(seen.numpy())
            maps.append(drawn)
            targets += [columns[one] for one in chosen]
            features.append(feature)
            values.append(predictions)
    finally:
        model.train(was_training)
    from zoobot.finetune.base import TableOptions

    table = model.to_table(model.in_units(np.concatenate(values)), TableOptions())
    shown = pd.concat([frame[["id_str", "file_loc"]].reset_index(drop=True), table], axis=1)
    return Explanation(
        shown, np.concatenate(views), np.concatenate(maps) if heat else None, targets, np.concatenate(features)
    )


def heat_maps(
    encoder: Encoder, head: nn.Module, images: Tensor, place: int | None = None
) -> tuple[npt.NDArray[np.float32], list[int]]:
    """Give Grad-CAM maps (galaxy, height, width) in [0, 1] for outputs of a head on an encoder, and the output that each explains.

    Parameters
    ----------
    encoder, head
        In eval mode.
    images
        (galaxy, channel, height, width) in [0, 1].
    place
        The output to explain; None: the largest of each galaxy.

    Raises
    ------
    EncoderError
        The encoder has no map near its top.
    """
    heat, chosen, _, _ = _maps(encoder, images, head, place)
    return heat, chosen


def _grad_cam(
    model: FinetuneableZoobotAbstract, images: Tensor, place: int | None, *, heat: bool
) -> tuple[npt.NDArray[np.float32], list[int], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Give heat maps, the column that each explains, features, and the model's predictions."""
    score = None if isinstance(model, FinetuneableZoobotClassifier) else partial(_columns, model)
    if heat:
        drawn, chosen, features, outputs = _maps(model.encoder, images, model.head, place, score)
    else:
        with torch.no_grad():
            features = model.encoder(images)
            outputs = model.head(features)
            scores = outputs if score is None else score(outputs)
        drawn, chosen = np.zeros((0, *images.shape[2:]), np.float32), _chosen(scores, place).tolist()
    with torch.no_grad():
        predictions = model.predictions(outputs).float().numpy()
    return drawn, chosen, features.numpy(), predictions


def _columns(model: FinetuneableZoobotAbstract, outputs: Tensor) -> Tensor:
    return model.to_columns(model.predictions(outputs))


def _maps(
    encoder: Encoder, images: Tensor, head: nn.Module, place: int | None, score: Any = None
) -> tuple[npt.NDArray[np.float32], list[int], Tensor, Tensor]:
    """Give heat maps, the output that each explains, features and outputs."""
    layer, channels_last = spatial_layer(encoder, images[:1])
    raw = torch.zeros(len(images), 1, *images.shape[2:])
    turns = range(4) if images.shape[2] == images.shape[3] else (0, 2)
    for turn in turns:
        kept: list[Tensor] = []
        with torch.enable_grad(), _listening(layer, kept):
            found = encoder(images.rot90(turn, dims=(2, 3)).detach().clone().requires_grad_())
            given = head(found)
            scores = given if score is None else score(given)
            if turn == 0:
                features, outputs = found.detach(), given.detach()
                chosen = _chosen(scores, place)
            (slope,) = torch.autograd.grad(scores[torch.arange(len(images)), chosen].sum(), kept[-1])
        activation = kept[-1].detach()
        if channels_last:
            activation, slope = activation.permute(0, 3, 1, 2), slope.permute(0, 3, 1, 2)
        small = (slope.mean(dim=(2, 3), keepdim=True) * activation).sum(dim=1, keepdim=True).clamp(min=0)
        large = F.interpolate(small, images.shape[2:], mode="bilinear", align_corners=False)
        raw += large.rot90(-turn, dims=(2, 3)) / len(turns)
    most = raw.amax(dim=(1, 2, 3), keepdim=True)
    heat = torch.where(most > 0, raw / most.clamp(min=torch.finfo(torch.float32).tiny), 0).clamp(0, 1)
    return heat[:, 0].numpy(), chosen.tolist(), features, outputs


def _chosen(scores: Tensor, place: int | None) -> Tensor:
    """Give the column (galaxy,) to explain."""
    return scores.argmax(dim=1) if place is None else torch.full((len(scores),), place)


def spatial_layer(encoder: Encoder, image: Tensor) -> tuple[nn.Module, bool]:
    """Give the module of the encoder's top block whose output is its last map, and whether the map's channels come last.

    Parameters
    ----------
    encoder
        In eval mode.
    image
        (1, channel, height, width) to try it on.

    Raises
    ------
    EncoderError
        The top block gives no map (galaxy, channel, y, x) of more than one pixel.
    """
    found: list[tuple[nn.Module, bool]] = []
    names = {module: name for name, module in encoder.named_modules()}

    def look(module: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor) or output.ndim != 4:
            return
        last = output.shape[-1] == encoder.num_features != output.shape[1]
        pixels = output.shape[1:3] if last else output.shape[2:4]
        if pixels[0] == pixels[1] > 1 and encoder.block_of(names[module]) == encoder.num_blocks - 1:
            found.append((module, last))

    hooks = [module.register_forward_hook(look) for module in encoder.model.modules() if module is not encoder.model]
    try:
        with torch.no_grad():
            encoder(image)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        msg = (
            f"the encoder '{encoder.name}' has no map of more than one pixel in its top block for images of {image.shape[-1]} pixels, "
            "so there is no heat map: use a convolutional encoder, such as a ConvNeXt or an EfficientNet, on larger images, or leave "
            "the maps out with heat=False (--no-heat)"
        )
        raise EncoderError(msg)
    return found[-1]


@contextmanager
def _listening(layer: nn.Module, kept: list[Tensor]) -> Iterator[None]:
    """Keep what a layer gives."""
    hook = layer.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    try:
        yield
    finally:
        hook.remove()


def _place_of(target: str | None, columns: list[str], model: FinetuneableZoobotAbstract) -> int | None:
    """Give the place of the column to explain; None for the most probable class."""
    if target is not None:
        if target not in columns:
            msg = f"the model predicts no {target!r}. Choose from {', '.join(columns[:30])}."
            raise OptionError(msg)
        return columns.index(target)
    if isinstance(model, FinetuneableZoobotTree):
        msg = f"a decision tree answers many questions: name the answer to explain, such as target={columns[0]!r}."
        raise OptionError(msg)
    return None if isinstance(model, FinetuneableZoobotClassifier) else 0
