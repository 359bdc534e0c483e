"""`predict` and `represent`: a catalog through a model, image by image as they are decoded, to one row per galaxy."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from zoobot.data import ImageSettings, Preprocessing, read_catalog
from zoobot.data.augment import Augmentation, centre_views, random_views
from zoobot.data.catalog import check_columns
from zoobot.data.fills import FillCount
from zoobot.data.images import is_image_name
from zoobot.data.labels import sentinel_note
from zoobot.data.pixels import as_dtype, decode_files, digest, prediction_workers, raise_unreadable
from zoobot.encoders import Encoder, load_encoder, wrap_encoder
from zoobot.encoders.runtimes import Pass, build_pass, check_runtime
from zoobot.errors import EncoderError, ImageError, ModelFileError, OptionError
from zoobot.files import home, look
from zoobot.finetune import FinetuneableZoobotAbstract, load
from zoobot.finetune.feature_store import KeptFeatures, evaluation_store
from zoobot.finetune.table_names import refuse_twice
from zoobot.folders import check_file_out, refuse_inputs
from zoobot.places import refuse_among_images
from zoobot.precision import find_device, frozen_pass
from zoobot.predictions.shift import FeatureSample, is_shift, shift_file, warn_of_shift
from zoobot.predictions.tables import check_columns_fit, check_earlier, check_output, write_table
from zoobot.progress import track_steps
from zoobot.ranges import bounded, check_choice
from zoobot.settings import HDUs, LookSettings, OnError, Precision, Runtime, TableOptions
from zoobot.stopping import workers_watched

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data.tables import CatalogSource

logger = logging.getLogger(__name__)

OTHER_VIEWS = Augmentation(flip=False)
"""How the views after the first vary"""

ModelSource = FinetuneableZoobotAbstract | str | Path


@bounded()
def predict(
    catalog: CatalogSource,
    model: ModelSource | Sequence[ModelSource],
    save_loc: str | Path | None = None,
    batch_size: int = 64,
    n_samples: int = 1,
    on_error: OnError = "raise",
    *,
    n_views: int = 1,
    level: float = 0.9,
    by_class: bool = False,
    min_asked: float = 0.0,
    by: Sequence[str] = (),
    limit: int | None = None,
    hdu: HDUs | None = None,
    num_workers: int | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    runtime: Runtime = "torch",
) -> pd.DataFrame:
    """Return what a finetuned model says of each galaxy of a catalog, one row per galaxy, in the catalog's order.

    Parameters
    ----------
    catalog
        Anything that `read_catalog` takes; it needs no labels.
    model
        A model, or whatever `zoobot.load` takes. Images are read and scaled as in its training. Several models of the same task and
        labels (an ensemble) are averaged.
    save_loc
        Write the table here as well: csv, parquet, FITS or hdf5, by the ending.
    batch_size
        Galaxies a step; does not change the result.
    n_samples
        More than 1: repeat with dropout on, for a spread. Each column then holds the mean, and ``<column>_std`` and ``<column>_sample_<k>``
        the standard deviation and the samples. Views, and the models of an ensemble, count as samples too.
    on_error
        'raise' stops at an image that can't be read; 'skip' leaves NaN in its row and the reason in the column ``error``.
    n_views
        More than 1: look at each image so many times: at its centre as in validation, then turned, zoomed and shifted a little (never
        mirrored, for handedness may matter).
    level
        Of a tree's credible intervals (``<answer>_low``, ``<answer>_high``); the coverage of conformal sets of classes
        (``<label>_set``) and of intervals of measurements.
    by_class
        Let conformal sets keep that coverage for the galaxies of each class, not only for all together.
    min_asked
        Leave the answers (NaN) to a tree's questions out that are asked with less than this probability.
    by
        Columns of the catalog, such as the survey or a magnitude: say of each of their groups (numbers in four bins) whether its galaxies
        are like those of training, in a warning, and in ``<save_loc without ending>_shift.csv``.
    limit
        Predict only this many galaxies, the first of the catalog. Default: all.
    hdu
        HDU of FITS files, where these galaxies have the image in another one than those of training: see `ImageSettings`.
    num_workers
        Processes that decode images ahead. Default: one a usable core, at most 8; none where the encoder runs on the CPU: pictures are
        then decoded by threads between its steps.
    device
        'auto' (a GPU where there is one), or a torch device.
    precision
        Of the encoder: 'auto' is bfloat16 where the hardware is fast at it, else float32; 'float32' is exact.
    runtime
        What runs the encoder: 'torch', 'compile' (torch.compile), or on a CPU 'openvino' or 'onnx' (extras of this package), which are
        proved equal to torch, to rounding, before they are used. They take 3 to 25 s to start. 'auto' tries them where more than a
        minute of work is left, and goes on with the fastest.

    Returns
    -------
    ``id_str``, ``file_loc``, then columns named after label and class: see the model's class.

    Raises
    ------
    CatalogError, ImageError, ModelFileError, OutputError, OptionError
        See `zoobot.errors`.
    """
    options = TableOptions(level=level, by_class=by_class, min_asked=min_asked)
    if save_loc is not None:
        save_loc = check_output(save_loc)
        sources = [model] if isinstance(model, (nn.Module, str, Path)) else list(model)
        _check_inputs(save_loc, catalog, sources)
        if by:
            _check_inputs(shift_file(save_loc), catalog, sources)
            check_earlier(shift_file(save_loc), is_shift)
    models = _models(model)
    rehearsal = rehearsed(models, options, n_samples=n_samples, n_views=n_views, on_error=on_error)
    refuse_twice(rehearsal.columns.tolist())
    if save_loc is not None:
        check_columns_fit(rehearsal, Path(save_loc))
    if limit is not None:
        catalog = read_catalog(catalog, check_files=False)[:limit]
    if by:
        if models[0].reference is None:
            msg = "by: the model doesn't remember its training galaxies, to compare others with. Use one that zoobot finetune wrote."
            raise OptionError(msg)
        catalog = read_catalog(catalog, check_files=False)
        check_columns(catalog, by, "to group its galaxies by")
        for note in (note for column in by for note in sentinel_note(catalog[column], "They are grouped as they are")):
            logger.warning(note)
    sample = FeatureSample()
    raw = joined(
        [
            raw_predictions(
                catalog,
                one,
                sample=sample if place == 0 else None,
                batch_size=batch_size,
                n_samples=n_samples,
                n_views=n_views,
                on_error=on_error,
                hdu=hdu,
                num_workers=num_workers,
                device=device,
                precision=precision,
                runtime=runtime,
            )
            for place, one in enumerate(models)
        ]
    )
    if models[0].reference is not None and len(sample):
        warn_of_shift(models[0].reference, sample, raw.frame, by, save_loc, finetuned=models[0].n_blocks > 0)
    for note in raw.fills.sentences():
        logger.warning(note)
    table = prediction_table(models[0], raw, options)
    if save_loc is not None:
        write_table(table, save_loc)
    return table


@bounded()
def represent(
    catalog: CatalogSource,
    encoder_or_model: nn.Module | str | Path,
    save_loc: str | Path | None = None,
    batch_size: int = 64,
    on_error: OnError = "raise",
    *,
    preprocessing: Preprocessing | None = None,
    look: LookSettings | None = None,
    hdu: HDUs | None = None,
    keep: bool = False,
    checked: bool = False,
    num_workers: int | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    runtime: Runtime = "torch",
) -> pd.DataFrame:
    """Return the encoder's features of each galaxy: ``id_str``, ``file_loc``, ``feature_0``, ``feature_1``, ...

    Parameters
    ----------
    catalog, save_loc, batch_size, on_error, hdu, num_workers, device, precision, runtime
        As for `predict`.
    encoder_or_model
        An encoder, a finetuned model (its encoder and preprocessing are used), or the name or path of either.
    preprocessing
        How files become images. Default: the model's, or for a bare encoder the defaults at its preferred size.
    look
        What of the preprocessing is to be otherwise; settings that have their defaults change nothing.
    keep
        Take features that an earlier run kept (see `zoobot cache info`), and keep those that are new.
    checked
        Say nothing of images that have pixels without data.

    Raises
    ------
    CatalogError, ImageError, EncoderError, ModelFileError, OutputError
        See `zoobot.errors`.
    """
    if save_loc is not None:
        save_loc = check_output(save_loc)
        _check_inputs(save_loc, catalog, [encoder_or_model])
    encoder, learned = encoder_of(encoder_or_model)
    names = [f"feature_{place}" for place in range(encoder.num_features)]
    if save_loc is not None:
        one = pd.DataFrame(np.zeros((1, len(names)), np.float32), columns=names)
        check_columns_fit(one.assign(id_str="id", file_loc="file"), Path(save_loc))
    settings = preprocessing or learned or _defaults(encoder)
    settings = settings if look is None else settings.with_look(look)
    settings = settings if hdu is None else settings.with_hdu(hdu)
    raw = _run(
        catalog, settings, encoder, nn.Identity(), encoder=encoder, keep=keep,
        batch_size=batch_size, on_error=on_error, num_workers=num_workers, device=device, precision=precision, runtime=runtime,
    )  # fmt: skip
    for note in () if checked else raw.fills.sentences():
        logger.warning(note)
    table = _table(raw, pd.DataFrame(raw.values, columns=names))
    if save_loc is not None:
        write_table(table, save_loc)
    return table


def feature_array(table: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Return the features (galaxy, feature) of a table that `represent` gave."""
    return table.filter(regex=r"^feature_\d+$").to_numpy(np.float32)


class RawPredictions:
    """What a network gave for each row of a catalog.

    Attributes
    ----------
    frame : pandas.DataFrame
        The catalog.
    values : ndarray
        float32 (galaxy, value), or (galaxy, sample, value) with dropout samples; float64 where labels were too large or small for float32.
        NaN for images that can't be read.
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
        settings = _defaults(model.encoder)
        logger.warning("the model doesn't know how its training images were made: using %s", settings)
    elif settings.custom:
        warnings.warn(
            "the model was trained with a custom evaluation transform, which is not saved with it: the centre view is used instead.",
            UserWarning, stacklevel=3,
        )  # fmt: skip
    settings = settings if hdu is None else settings.with_hdu(hdu)
    compute = _samples(model, n_samples) if n_samples > 1 else partial(_once, model)
    raw = _run(
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
    return _table(raw, model.to_table(raw.values, options or TableOptions()))


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


def _models(source: ModelSource | Sequence[ModelSource]) -> list[FinetuneableZoobotAbstract]:
    """Return the models of an ensemble, which must predict the same things, or the only one."""
    sources = [source] if isinstance(source, (nn.Module, str, Path)) else list(source)
    models = [one if isinstance(one, nn.Module) else load(one) for one in sources]
    if not models:
        msg = "no model was given. Give one, or a list of several that were trained on the same labels."
        raise OptionError(msg)
    for one in models[1:]:
        if type(one) is not type(models[0]) or one.prediction_columns() != models[0].prediction_columns():
            msg = (
                f"the models predict different things: {', '.join(models[0].prediction_columns()[:5])} and "
                f"{', '.join(one.prediction_columns()[:5])}. An ensemble is of models trained on the same labels."
            )
            raise OptionError(msg)
    return models


def _check_inputs(save_loc: Path, catalog: CatalogSource, models: Sequence[object]) -> None:
    """Refuse a table's file that is an input: the catalog, one of its images, or a model; or another command's."""
    check_file_out(save_loc, {"the catalog": catalog, **{f"the model {one}": one for one in models}})
    if is_image_name(save_loc):
        refuse_among_images(save_loc, catalog)
    if save_loc.exists():
        files = read_catalog(catalog, check_files=False)["file_loc"]
        named = files[files.astype(str).str.endswith(save_loc.name)]
        refuse_inputs({f"the image {file}": str(file) for file in named}, [save_loc])


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
def _run(
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
    """What is computed of features, row by row: ``values`` (galaxy, value) or (galaxy, view * sample, value), NaN where nothing was."""

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


def _table(raw: RawPredictions, columns: pd.DataFrame) -> pd.DataFrame:
    table = pd.concat([raw.frame[["id_str", "file_loc"]], columns], axis=1)
    return table if raw.errors is None else pd.concat([table, pd.DataFrame({"error": raw.errors})], axis=1)


def encoder_of(source: nn.Module | str | Path) -> tuple[Encoder, Preprocessing | None]:
    """Return the encoder, and the preprocessing that it was finetuned with, if it was."""
    if isinstance(source, FinetuneableZoobotAbstract):
        return source.encoder, source.preprocessing
    if isinstance(source, nn.Module):
        return wrap_encoder(source), None
    if look(home(source), ModelFileError) is not None:
        try:
            model = load(source)
        except (ModelFileError, EncoderError):
            return load_encoder(source), None
        return model.encoder, model.preprocessing
    return load_encoder(source), None


def _defaults(encoder: Encoder) -> Preprocessing:
    return Preprocessing(image_size=encoder.image_size, images=ImageSettings(channels=encoder.in_chans))
