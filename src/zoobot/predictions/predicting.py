"""`predict` and `represent`: tables of what a model says of each galaxy of a catalog."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from torch import nn

from zoobot.data import Preprocessing, read_catalog
from zoobot.data.catalog import check_columns
from zoobot.data.images import is_image_name
from zoobot.data.labels import sentinel_note
from zoobot.encoders import Encoder, load_encoder, wrap_encoder
from zoobot.errors import EncoderError, ModelFileError, OptionError
from zoobot.files import home, look
from zoobot.finetune import FinetuneableZoobotAbstract, load
from zoobot.finetune.table_names import refuse_twice
from zoobot.folders import check_file_out, refuse_inputs
from zoobot.places import refuse_among_images
from zoobot.predictions.engine import (
    default_preprocessing,
    joined,
    prediction_table,
    raw_predictions,
    rehearsed,
    run_network,
    with_galaxies,
)
from zoobot.predictions.shift import FeatureSample, is_shift, shift_file, warn_of_shift
from zoobot.predictions.tables import check_columns_fit, check_earlier, check_output, write_table
from zoobot.ranges import bounded
from zoobot.settings import HDUs, LookSettings, OnError, Precision, Runtime, TableOptions

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data.tables import CatalogSource

logger = logging.getLogger(__name__)

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
        A model, or whatever `zoobot.load` takes. Images are read and scaled as in its training. Several models of the
        same task and labels (an ensemble) are averaged.
    save_loc
        Write the table here as well: csv, parquet, FITS or hdf5, by the ending.
    batch_size
        Galaxies a step; does not change the result.
    n_samples
        More than 1: repeat with dropout on, for a spread. Each column then holds the mean, and ``<column>_std`` and
        ``<column>_sample_<k>`` the standard deviation and the samples. Views, and the models of an ensemble, count as
        samples too.
    on_error
        'raise' stops at an image that can't be read; 'skip' leaves NaN in its row and the reason in the column
        ``error``.
    n_views
        More than 1: look at each image so many times: at its centre as in validation, then turned, zoomed and shifted a
        little (never mirrored, for handedness may matter).
    level
        Of a tree's credible intervals (``<answer>_low``, ``<answer>_high``); the coverage of conformal sets of classes
        (``<label>_set``) and of intervals of measurements.
    by_class
        Let conformal sets keep that coverage for the galaxies of each class, not only for all together.
    min_asked
        Leave the answers (NaN) to a tree's questions out that are asked with less than this probability.
    by
        Columns of the catalog, such as the survey or a magnitude: say of each of their groups (numbers in four bins)
        whether its galaxies are like those of training, in a warning, and in ``<save_loc without ending>_shift.csv``.
    limit
        Predict only this many galaxies, the first of the catalog. Default: all.
    hdu
        HDU of FITS files, where these galaxies have the image in another one than those of training: see
        `ImageSettings`.
    num_workers
        Processes that decode images ahead. Default: one a usable core, at most 8; none where the encoder runs on the
        CPU: pictures are then decoded by threads between its steps.
    device
        'auto' (a GPU where there is one), or a torch device.
    precision
        Of the encoder: 'auto' is bfloat16 where the hardware is fast at it, else float32; 'float32' is exact.
    runtime
        What runs the encoder: 'torch', 'compile' (torch.compile), or on a CPU 'openvino' or 'onnx' (extras of this
        package), which are proved equal to torch, to rounding, before they are used. They take 3 to 25 s to start.
        'auto' tries them where more than a minute of work is left, and goes on with the fastest.

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
            msg = (
                "by: the model doesn't remember its training galaxies, to compare others with. Use one that zoobot "
                "finetune wrote."
            )
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
    settings = preprocessing or learned or default_preprocessing(encoder)
    settings = settings if look is None else settings.with_look(look)
    settings = settings if hdu is None else settings.with_hdu(hdu)
    raw = run_network(
        catalog, settings, encoder, nn.Identity(), encoder=encoder, keep=keep,
        batch_size=batch_size, on_error=on_error, num_workers=num_workers, device=device, precision=precision,
        runtime=runtime,
    )  # fmt: skip
    for note in () if checked else raw.fills.sentences():
        logger.warning(note)
    table = with_galaxies(raw, pd.DataFrame(raw.values, columns=names))
    if save_loc is not None:
        write_table(table, save_loc)
    return table


def feature_array(table: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Return the features (galaxy, feature) of a table that `represent` gave."""
    return table.filter(regex=r"^feature_\d+$").to_numpy(np.float32)


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
