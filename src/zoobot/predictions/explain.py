"""Heat maps over galaxies, by hiding parts of them or by Grad-CAM.

It is also measured what hiding their hottest quarter does to the prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from zoobot.data import Preprocessing
from zoobot.data.augment import centre_views
from zoobot.data.catalog import check_columns, read_catalog
from zoobot.data.pixels import as_dtype, decode_files, prediction_workers, raise_unreadable
from zoobot.data.splits import group_codes
from zoobot.errors import ImageError, OptionError
from zoobot.finetune import FinetuneableZoobotAbstract, load
from zoobot.predictions.grad_cam import choose_columns, grad_cam, heat_maps, spatial_layer, to_heat
from zoobot.predictions.occlusion import (
    CELLS,
    Score,
    blurred,
    edge_colored,
    enlarged,
    falls_by_quarters,
    occlusion,
)
from zoobot.progress import track, track_steps
from zoobot.ranges import bounded, check_choice
from zoobot.science.explanation import Explanation, Hiding
from zoobot.science.masking import compare_masks
from zoobot.settings import ImageSettings, MapKind, TableOptions
from zoobot.stopping import workers_watched

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data.tables import CatalogSource
    from zoobot.settings import HDUs

__all__ = ["Explanation", "MapKind", "explain", "heat_maps", "spatial_layer"]

HIDINGS: Mapping[Hiding, Callable[[Tensor], Tensor]] = {"blur": blurred, "edge color": edge_colored}
"""Ways to hide a part of an image. Occlusion maps are made by the first."""


@bounded()
@workers_watched()
def explain(
    catalog: CatalogSource,
    model: FinetuneableZoobotAbstract | str | Path,
    *,
    target: str | None = None,
    heat: bool = True,
    maps: MapKind = "occlusion",
    limit: int | None = None,
    group_col: str | None = None,
    batch_size: int = 16,
    hdu: HDUs | None = None,
    num_workers: int | None = None,
) -> Explanation:
    """Return a heat map of each galaxy of a catalog, and what hiding the hottest quarter does.

    The effect is that on what is predicted.

    **Occlusion** hides parts of the image by a blur, one after the other: the map shows by how much the score falls;
    see `zoobot.predictions.occlusion`. It has 8 x 8 cells, works for every encoder, and takes 75 images per galaxy.

    **Grad-CAM** (Selvaraju et al. 2017) needs no hiding: with ``A_k(y, x)`` the channels of the encoder's last map and
    ``s`` the target's output, ``heat = max(0, sum_k w_k A_k)`` where ``w_k`` is the mean over the map of ``ds/dA_k``;
    enlarged bilinearly to the image, averaged over the image's four quarter turns (strided convolutions see half a cell
    up and left of where their map is drawn: over the turns, this cancels, and handedness is kept), and divided by its
    maximum. It has 7 x 7 cells for most encoders at 224 pixels, 4 x 4 at 128.

    Both leave out what speaks *against* the target, and say where, not what. The score is the logit of a class or label
    before calibration; for measurements the prediction, for votes the expected fraction. With either, ``comparisons``
    say by how much it falls where the hottest quarter of the maps is hidden, the central quarter, and as much at random
    places; docs/checks.md has what they said on real galaxies.

    Parameters
    ----------
    catalog
        Anything that `read_catalog` takes.
    model
        A finetuned model, or whatever `zoobot.load` takes.
    target
        The column to explain, such as ``ring_1``. Default: each galaxy's most probable class or label; the first target
        of a regressor.
    heat
        False leaves the maps out; the rest, such as the features, is given all the same.
    maps
        'occlusion' or 'grad-cam'.
    limit
        Only this many galaxies, from the start.
    group_col
        Column that names which galaxies belong together, such as copies of one object: intervals and tests count them
        as one.
    batch_size
        Images a step.
    hdu
        See `zoobot.predict`.
    num_workers
        Processes that decode images.

    Raises
    ------
    EncoderError
        Grad-CAM of an encoder that has no map near its top, as vision transformers, whose tokens are no image.
    OptionError
        No such column or kind of map, or a tree without ``target``.
    CatalogError, ImageError, ModelFileError
        See `zoobot.errors`.
    """
    check_choice("maps", maps, get_args(MapKind))
    model = model if isinstance(model, nn.Module) else load(model)
    columns = model.prediction_columns()
    place = model.explained_by_default() if target is None else _place_of(target, columns)
    frame = read_catalog(catalog)[:limit]
    check_columns(frame, [] if group_col is None else [group_col], "of groups")
    settings = model.preprocessing or Preprocessing(
        image_size=model.encoder.image_size, images=ImageSettings(channels=model.encoder.in_chans)
    )
    settings = settings if hdu is None else settings.with_hdu(hdu)
    model.encoder.check_size(settings.image_size)
    if heat and maps == "grad-cam":
        size = settings.image_size
        spatial_layer(model.encoder, torch.zeros(1, model.encoder.in_chans, size, size))
    files = frame["file_loc"].tolist()
    workers = prediction_workers(files, next(model.parameters()).device) if num_workers is None else num_workers
    was_training = model.training
    model.eval()
    views, outputs, features = [], [], []
    drawn: _Drawn | None = None
    try:
        for batch in decode_files(files, settings, num_workers=workers, batch_size=batch_size):
            bad = [image for _, image in batch if isinstance(image, ImageError)]
            if bad:
                raise_unreadable(bad, len(frame))
            bytes_only = all(image.dtype == np.uint8 for _, image in batch)  # type: ignore[union-attr]
            dtype = np.dtype(np.uint8 if bytes_only else np.float32)
            pixels = np.stack([as_dtype(image, dtype) for _, image in batch])  # type: ignore[arg-type]
            seen = centre_views(torch.from_numpy(pixels), size=settings.image_size, crop=settings.exact_crop)
            with torch.no_grad():
                features.append(model.encoder(seen))
                outputs.append(model.head(features[-1]))
            views.append(seen)
        images, output = torch.cat(views), torch.cat(outputs)
        with torch.no_grad():
            predictions = model.predictions(output).float()
            chosen = choose_columns(model.to_explain(output), place)
        if heat:
            drawn = _draw(model, images, chosen, maps, batch_size)
    finally:
        model.train(was_training)
    table = model.to_table(model.in_units(predictions.numpy()), TableOptions())
    shown = pd.concat([frame[["id_str", "file_loc"]].reset_index(drop=True), table], axis=1)
    targets, feature = [columns[one] for one in chosen.tolist()], torch.cat(features).numpy()
    groups = None if group_col is None else group_codes(frame[group_col])
    if drawn is None:
        return Explanation(shown, images.numpy(), None, targets, feature)
    return Explanation(
        shown,
        images.numpy(),
        to_heat(drawn.raw).numpy(),
        targets,
        feature,
        maps=maps,
        cells=drawn.cells,
        falls=None if drawn.falls is None else drawn.falls.numpy(),
        largest=drawn.raw.clamp(min=0).amax(dim=(1, 2)).numpy(),
        score=model.explained_score,
        quarters=drawn.quarters,
        comparisons={hiding: compare_masks(*falls.T, groups=groups) for hiding, falls in drawn.quarters.items()},
    )


@dataclass(frozen=True)
class _Drawn:
    """Maps of galaxies, not yet scaled."""

    raw: Tensor
    cells: tuple[int, int]
    falls: Tensor | None
    quarters: Mapping[Hiding, npt.NDArray[np.float64]]


def _draw(model: FinetuneableZoobotAbstract, images: Tensor, chosen: Tensor, maps: MapKind, batch_size: int) -> _Drawn:
    """Return maps, and by how much scores fall where quarters are hidden."""
    score = score_of(model)
    batches = list(zip(torch.split(images, batch_size), torch.split(chosen, batch_size), strict=True))
    if maps == "occlusion":
        galaxies = track(zip(images, chosen, strict=True), "Hiding parts of galaxies", len(images))
        falls = torch.stack([occlusion(score, image, column, batch_size) for image, column in galaxies])
        raw, cells = enlarged(falls, images), (CELLS, CELLS)
    else:
        falls = None
        steps = track_steps(((batch, len(batch[0])) for batch in batches), "Drawing maps of galaxies", len(images))
        found = [grad_cam(model.encoder, model.head, some, columns, model.to_explain) for some, columns in steps]
        raw, cells = torch.cat([heat for heat, _ in found]), found[0][1]
    rng = np.random.default_rng(0)
    lost: dict[Hiding, list[npt.NDArray[np.float64]]] = {hiding: [] for hiding in HIDINGS}
    parts = zip(batches, torch.split(raw, batch_size), strict=True)
    sized = ((part, len(part[1])) for part in parts)
    for (some, columns), hot in track_steps(sized, "Hiding quarters of galaxies", len(images)):
        for hiding, hide in HIDINGS.items():
            lost[hiding].append(np.stack(falls_by_quarters(score, some, hide(some), columns, hot, rng), axis=1))
    return _Drawn(raw, cells, falls, {hiding: np.concatenate(found) for hiding, found in lost.items()})


def score_of(model: FinetuneableZoobotAbstract) -> Score:
    """Return what gives the score of images (image, channel, height, width) for a column each, (image,)."""

    def score(images: Tensor, columns: Tensor) -> Tensor:
        with torch.no_grad():
            return model.explained_scores(model.head(model.encoder(images))).gather(1, columns[:, None])[:, 0]

    return score


def _place_of(target: str, columns: list[str]) -> int:
    """Return the place of the column to explain."""
    if target not in columns:
        msg = f"the model predicts no {target!r}. Choose from {', '.join(columns[:30])}."
        raise OptionError(msg)
    return columns.index(target)
