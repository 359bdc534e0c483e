"""A catalog through a network, image by image as they are decoded: one row per galaxy."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from zoobot.data import ImageSettings, Preprocessing, read_catalog
from zoobot.data.augment import Augmentation, centre_views, random_views
from zoobot.data.fills import FillCount
from zoobot.data.pixels import as_dtype, decode_files, digest, prediction_workers, raise_unreadable
from zoobot.encoders import Encoder
from zoobot.encoders.runtimes import Pass, build_pass, check_runtime
from zoobot.errors import ImageError
from zoobot.finetune import FinetuneableZoobotAbstract
from zoobot.finetune.feature_store import KeptFeatures, evaluation_store
from zoobot.precision import find_device, frozen_pass
from zoobot.predictions.shift import FeatureSample
from zoobot.progress import track_steps
from zoobot.ranges import bounded, check_choice
from zoobot.settings import HDUs, OnError, Precision, Runtime, TableOptions
from zoobot.stopping import workers_watched

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data.tables import CatalogSource

logger = logging.getLogger(__name__)

OTHER_VIEWS = Augmentation(flip=False)
"""How the views after the first vary"""


class RawPredictions:
    """What a network gave for each row of a catalog.

    Attributes
    ----------
    frame : pandas.DataFrame
        The catalog.
    values : ndarray
        float32 (galaxy, value), or (galaxy, sample, value) with dropout samples; float64 where labels were too large or
        small for float32. NaN for images that can't be read.
    errors : list of str or None
        The reason for each such image, empty for the others; None where the first would have been raised.
    fills : FillCount
        How many of the images that were decoded have pixels without data.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        values: npt.NDArray[np.floating[Any]],
        errors: list[str] | None,
        fills: FillCount | None = None,
    ) -> None:
        self.frame = frame
        self.values = values
        self.errors = errors
        self.fills = FillCount() if fills is None else fills


@bounded()
def raw_predictions(
    catalog: CatalogSource,
    model: FinetuneableZoobotAbstract,
    *,
    batch_size: int = 64,
    n_samples: int = 1,
    n_views: int = 1,
    on_error: OnError = "raise",
    keep: bool = False,
    sample: FeatureSample | None = None,
    hdu: HDUs | None = None,
    num_workers: int | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    runtime: Runtime = "torch",
) -> RawPredictions:
    """Return the model's ``predictions`` (see its class) for each galaxy, before they are made into a table.

    ``keep``: see `represent`; ``sample`` gets the features of some galaxies.
    """
    settings = model.preprocessing
    if settings is None:
        settings = default_preprocessing(model.encoder)
        logger.warning("the model doesn't know how its training images were made: using %s", settings)
    elif settings.custom:
        warnings.warn(
            "the model was trained with a custom evaluation transform, which is not saved with it: the centre view is "
            "used instead.",
            UserWarning, stacklevel=3,
        )  # fmt: skip
    settings = settings if hdu is None else settings.with_hdu(hdu)
    compute = _samples(model, n_samples) if n_samples > 1 else partial(_once, model)
    raw = run_network(
        catalog,
        settings,
        model,
        compute,
        encoder=model.encoder,
        keep=keep,
        sample=sample,
        n_views=n_views,
        batch_size=batch_size,
        on_error=on_error,
        num_workers=num_workers,
        device=device,
        precision=precision,
        runtime=runtime,
    )
    return RawPredictions(raw.frame, model.in_units(raw.values), raw.errors, raw.fills)


def prediction_table(
    model: FinetuneableZoobotAbstract, raw: RawPredictions, options: TableOptions | None = None
) -> pd.DataFrame:
    """Return the table that `predict` promises."""
    return with_galaxies(raw, model.to_table(raw.values, options or TableOptions()))


def rehearsed(
    models: Sequence[FinetuneableZoobotAbstract],
    options: TableOptions,
    *,
    n_samples: int = 1,
    n_views: int = 1,
    on_error: OnError = "raise",
) -> pd.DataFrame:
    """Return the table of one galaxy that there is not, whose columns are those of the table to come."""
    frame = pd.DataFrame({"id_str": ["id"], "file_loc": ["file"]})
    raws = []
    for model in models:
        features = torch.zeros(1, model.encoder.num_features, device=next(model.parameters()).device)
        with torch.no_grad():
            one = (_samples(model, n_samples) if n_samples > 1 else partial(_once, model))(features).numpy(force=True)
        values = one if n_views == 1 else np.tile(one.reshape(1, -1, one.shape[-1]), (1, n_views, 1))
        raws.append(RawPredictions(frame, model.in_units(values), None if on_error == "raise" else [""]))
    return prediction_table(models[0], joined(raws), options)


def joined(raws: Sequence[RawPredictions]) -> RawPredictions:
    """Return the predictions of several models as samples of one."""
    if len(raws) == 1:
        return raws[0]
    values = [raw.values if raw.values.ndim == 3 else raw.values[:, None] for raw in raws]
    return RawPredictions(raws[0].frame, np.concatenate(values, axis=1), raws[0].errors, raws[0].fills)


def _once(model: FinetuneableZoobotAbstract, features: Tensor) -> Tensor:
    """Return the predictions (batch, value) of features."""
    return model.predictions(model.head(features))


def _samples(model: FinetuneableZoobotAbstract, n_samples: int) -> Callable[[Tensor], Tensor]:
    """Return a function from features to (batch, sample, value): many passes of the head with dropout on."""

    def compute(features: Tensor) -> Tensor:
        model.head.train()
        try:
            with torch.random.fork_rng(devices=[features.device] if features.is_cuda else []):
                torch.manual_seed(model.options["seed"])
                return torch.stack([model.predictions(model.head(features)) for _ in range(n_samples)], dim=1)
        finally:
            model.head.eval()

    return compute


@workers_watched()
def run_network(
    catalog: CatalogSource,
    settings: Preprocessing,
    network: nn.Module,
    compute: Callable[[Tensor], Tensor],
    *,
    encoder: Encoder,
    keep: bool = False,
    sample: FeatureSample | None = None,
    n_views: int = 1,
    batch_size: int,
    on_error: OnError,
    num_workers: int | None,
    device: str,
    precision: Precision,
    runtime: Runtime,
) -> RawPredictions:
    """Run the encoder, and ``compute`` on its features, over a catalog's images while workers decode the next ones.

    More than one view gives values (galaxy, view * sample, value).
    """
    check_choice("on_error", on_error, get_args(OnError))
    where = find_device(device)
    check_runtime(runtime, where)
    frame = read_catalog(catalog, check_files=on_error == "raise")
    network.to(where)
    encoder.check_size(settings.image_size)
    files = frame["file_loc"].tolist()
    errors = [""] * len(frame)
    table = _Values(len(frame), compute, sample)
    workers = prediction_workers(files, where) if num_workers is None else num_workers
    run: Pass | None = None
    fills = FillCount()
    with frozen_pass(network, where, precision) as dtype:
        kept = None
        left = np.arange(len(frame))
        if keep and n_views == 1 and on_error == "raise":
            kept = KeptFeatures(evaluation_store(encoder, settings, dtype, runtime), files)
            for rows, features in kept.known(batch_size):
                table.add(rows, [features.to(where)])
            left = kept.missing
        batches = decode_files(
            [files[row] for row in left], settings, num_workers=workers, batch_size=batch_size, fills=fills
        )
        for batch in track_steps(((batch, len(batch)) for batch in batches), "Predicting", len(left)):
            errors_here = {left[row]: image for row, image in batch if isinstance(image, ImageError)}
            if errors_here and on_error == "raise":
                raise_unreadable(list(errors_here.values()), len(frame))
            for row, reason in errors_here.items():
                errors[row] = str(reason)
            places, images = _stack(batch)
            if places:
                rows, views = left[places], []
                for view in _views(images, where, settings, n_views):
                    run = run or build_pass(runtime, encoder, view, dtype, len(frame) * n_views)
                    views.append(run(view).float())
                table.add(rows, views)
                if kept is not None:
                    kept.add(rows, views[0])
        if kept is not None:
            kept.write()
    if table.values is None:
        raise_unreadable([ImageError(reason) for reason in errors], len(frame))
    return RawPredictions(frame, table.values, errors if on_error == "skip" else None, fills)


class _Values:
    """What is computed of features, row by row.

    ``values`` is (galaxy, value) or (galaxy, view * sample, value), NaN where nothing was computed.
    """

    def __init__(self, n_rows: int, compute: Callable[[Tensor], Tensor], sample: FeatureSample | None) -> None:
        self.n_rows = n_rows
        self.compute = compute
        self.sample = sample
        self.values: npt.NDArray[np.float32] | None = None

    def add(self, rows: npt.NDArray[np.int64], views: Sequence[Tensor]) -> None:
        """Compute the values of some rows from the features (row, feature) of each view."""
        with torch.autocast(views[0].device.type, enabled=False):
            parts = [self.compute(features).float().numpy(force=True) for features in views]
        computed = (
            parts[0]
            if len(parts) == 1
            else np.concatenate([one.reshape(len(rows), -1, one.shape[-1]) for one in parts], axis=1)
        )
        if self.values is None:
            self.values = np.full((self.n_rows, *computed.shape[1:]), np.nan, np.float32)
        self.values[rows] = computed
        if self.sample is not None:
            self.sample.add(rows, views[0], self.n_rows)


def _views(images: Tensor, where: torch.device, settings: Preprocessing, n_views: int) -> Iterator[Tensor]:
    """Return the centre view of images, and then others, each decided by the image's pixels and the view's number."""
    pixels = images.to(where)
    yield centre_views(pixels, size=settings.image_size, crop=settings.exact_crop)
    if n_views == 1:
        return
    keys = np.array([digest(image)[0] for image in images.numpy()], dtype=np.uint64)
    for view in range(1, n_views):
        numbers = np.full(len(keys), view)
        yield random_views(
            pixels, keys, numbers, size=settings.image_size, crop=settings.exact_crop, augmentation=OTHER_VIEWS
        )


def _stack(batch: list[tuple[int, Any]]) -> tuple[list[int], Tensor]:
    """Return the rows and pixels of the images that could be read."""
    good = [(row, image) for row, image in batch if not isinstance(image, ImageError)]
    if not good:
        return [], torch.empty(0)
    dtype = np.dtype(np.uint8 if all(image.dtype == np.uint8 for _, image in good) else np.float32)
    return [row for row, _ in good], torch.from_numpy(np.stack([as_dtype(image, dtype) for _, image in good]))


def with_galaxies(raw: RawPredictions, columns: pd.DataFrame) -> pd.DataFrame:
    """Return columns (galaxy,) with the galaxies' names before them.

    The reason stands after them where an image can't be read.
    """
    table = pd.concat([raw.frame[["id_str", "file_loc"]], columns], axis=1)
    return table if raw.errors is None else pd.concat([table, pd.DataFrame({"error": raw.errors})], axis=1)


def default_preprocessing(encoder: Encoder) -> Preprocessing:
    """Return how images are shown to an encoder that was not finetuned."""
    return Preprocessing(image_size=encoder.image_size, images=ImageSettings(channels=encoder.in_chans))
