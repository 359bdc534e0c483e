"""GalaxyDataModule: a catalog in, batches of augmented galaxies and their labels out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import lightning as L
import numpy as np
import pandas as pd
from torch.utils.data import DataLoader, Sampler

from zoobot.data.augment import Augmentation, Transform, centre_views, custom_views, random_views
from zoobot.data.catalog import label_columns, read_catalog
from zoobot.data.fills import FillCount
from zoobot.data.images import check_first_images
from zoobot.data.labels import LabelKind, check_values, infer_kind, is_names, read_labels
from zoobot.data.pixels import KeptPixels, Preprocessing, default_workers, keep_pixels
from zoobot.data.rows import EpochSampler, Galaxies, InOrder, as_it_is, class_weights
from zoobot.data.scales import LabelScale
from zoobot.data.splits import check_every_class, group_codes, group_notes, split_rows
from zoobot.data.unlabelled import leave_out_unlabelled
from zoobot.errors import CatalogError, OptionError
from zoobot.ranges import bounded
from zoobot.settings import DEFAULT_PERCENTILES, ClassBalance, ImageSettings, SplitSettings, Stretch

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.data.tables import CatalogSource

logger = logging.getLogger(__name__)

Part = Literal["train", "val", "test", "predict"]
Augment = bool | Augmentation | Transform | tuple[Transform, Transform]

SPLIT_PARTS: tuple[Part, ...] = ("train", "val", "test")


class GalaxyDataModule(L.LightningDataModule):
    """Batches for training, validation, test and prediction.

    Each is a dict: ``image`` float32 (batch, channel, image_size, image_size) in [0, 1], ``label`` float32 (batch,
    label), ``id_str``.

    Parameters
    ----------
    label_cols
        The column, or columns, that hold the labels; None for prediction only. Whole numbers or names are classes,
        several 0/1 columns several independent labels, other numbers targets of regression, and vote counts the answers
        of a tree.
    catalog
        A catalog (anything `read_catalog` takes) to split into training, validation and test parts.
    train_catalog, val_catalog, test_catalog, predict_catalog
        Catalogs of the parts. Where ``val_catalog`` is absent, validation galaxies are split off the training ones.
    batch_size
        Batch size. A training set smaller than this is one batch.
    train_fraction, val_fraction, test_fraction
        The share of each part of ``catalog``; they sum to 1. Where ``test_catalog`` is given, ``catalog`` is shared in
        the same proportion between training and validation alone.
    image_size
        Height and width that the encoder sees, in pixels.
    crop
        The centre share of the image's width that is shown, above 0, at most 1.
    num_workers
        Processes that decode images. Default: one a usable core, at most 8. The result does not depend on it.
    stretch, percentiles, bands, hdu, channels
        How files are read: see `ImageSettings`.
    label_kind
        What the labels are: 'classes', 'flags' (independent 0/1 columns), 'numbers' or 'votes'. Default: a column of
        names holds classes, and numbers are as they stand, whatever they mean, until a model says so: see
        `read_labels_as`.
    classes
        The classes in order, where they are known, as of a trained model. Default: those of the training galaxies.
    drop_unlabelled
        Leave galaxies without a label (or without any vote) out, and say how many in ``notes``; else they are an error.
    augment
        True: rotation, flips, zoom and shift. False: training sees the evaluation view. Or an `Augmentation` with other
        choices, a callable (torchvision v2, kornia, any function of a float (channel, height, width) image in [0, 1]),
        or a pair of callables, the second for evaluation.
    class_balance
        'sampler' draws training galaxies so that each class is as frequent as any other; 'none' takes each once an
        epoch.
    group_col
        Galaxies with the same value here (one object, one tile) stay in one part.
    stratify
        Share each class in the same proportion among the parts.
    memory_gb
        Room for decoded pixels in memory; beyond it they lie in a temporary memory-mapped file. Default: a quarter of
        free memory.
    views
        How many different training views of each galaxy to show, over and over: the evaluation view, then augmented
        ones. Default: a new augmented one every epoch.
    seed
        Decides the split and the order, and custom transforms; the built-in views have a seed of their own in
        `Augmentation`.

    Raises
    ------
    CatalogError, LabelError, SplitError, ImageError, OptionError
        On `setup`, before any training: see `zoobot.errors`.
    """

    @bounded()
    def __init__(
        self,
        label_cols: str | Sequence[str] | None = None,
        catalog: CatalogSource | None = None,
        *,
        train_catalog: CatalogSource | None = None,
        val_catalog: CatalogSource | None = None,
        test_catalog: CatalogSource | None = None,
        predict_catalog: CatalogSource | None = None,
        batch_size: int = 32,
        train_fraction: float = 0.7,
        val_fraction: float = 0.1,
        test_fraction: float = 0.2,
        image_size: int = 224,
        crop: float = 0.8,
        num_workers: int | None = None,
        stretch: Stretch | None = None,
        percentiles: tuple[float, float] = DEFAULT_PERCENTILES,
        bands: tuple[int, ...] | None = None,
        hdu: int | str | tuple[int | str, ...] | None = None,
        channels: int = 3,
        label_kind: LabelKind | None = None,
        classes: Sequence[str] = (),
        drop_unlabelled: bool = False,
        augment: Augment = True,
        class_balance: ClassBalance = "none",
        group_col: str | None = None,
        stratify: bool = True,
        memory_gb: float | None = None,
        views: int | None = None,
        seed: int = 42,
    ) -> None:
        super().__init__()
        if catalog is not None and train_catalog is not None:
            msg = (
                "catalog and train_catalog were both given. Give catalog to have it split, or train_catalog with its "
                "companions."
            )
            raise OptionError(msg)
        SplitSettings(
            train_fraction=train_fraction,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            class_balance=class_balance,
        )
        images = ImageSettings(channels=channels, stretch=stretch, percentiles=percentiles, bands=bands, hdu=hdu)
        self.train_transform, self.eval_transform, self.augmentation = _transforms(augment)
        self.preprocessing = Preprocessing(
            image_size=image_size, crop=crop, images=images, custom=self.eval_transform is not None
        )
        self.wanted_labels = label_cols
        self.label_kind = label_kind
        self.classes = tuple(classes)
        self.drop_unlabelled = drop_unlabelled
        self.sources = {"train": train_catalog, "val": val_catalog, "test": test_catalog, "predict": predict_catalog}
        self.catalog = catalog
        self.batch_size = batch_size
        self.fractions = (train_fraction, val_fraction, test_fraction)
        self.num_workers = default_workers() if num_workers is None else num_workers
        self.class_balance = class_balance
        self.group_col = group_col
        self.stratify = stratify
        self.memory_gb = memory_gb
        self.views = views
        self.seed = seed

        self.label_cols: list[str] = []
        self.class_names: dict[str, tuple[str, ...]] = {}
        self.notes: list[str] = []
        self.judges_labels = self.judges_images = True
        """Whether to say what is odd about them; False where somebody else does"""
        self.label_scale: LabelScale | None = None
        self._labelled: list[pd.DataFrame] = []
        self.frames: dict[Part, pd.DataFrame] = {}
        self.labels: dict[Part, npt.NDArray[np.float32]] = {}
        self.pixels: dict[Part, KeptPixels | None] = {}

    def read_catalogs(self) -> None:
        """Read, check and split the catalogs, and read no image.

        Fills ``frames``, ``labels``, ``label_cols``, ``class_names``, and ``notes``: what is odd about the labels, in
        sentences that are logged as warnings too.
        """
        if self.frames:
            return
        frames: dict[Part, pd.DataFrame] = {}
        for part in ("train", "val", "test", "predict"):
            if self.sources[part] is not None:
                frames[part] = self._read(self.sources[part], "" if part == "predict" else f" of the {part} catalog")
        whole = None if self.catalog is None else self._read(self.catalog, " of the catalog")
        labelled = ([] if whole is None else [whole]) + [frames[part] for part in SPLIT_PARTS if part in frames]
        if self.wanted_labels is not None and labelled:
            for frame in labelled:
                self.label_cols = label_columns(frame, self.wanted_labels)
            self._labelled = labelled
            self._learn_classes()
            for frame in labelled:
                self._read_labels(frame)
        if whole is not None:
            shares = (*self.fractions[:2], 0.0) if "test" in frames else self.fractions
            shares = (shares[0], 0.0, shares[2]) if "val" in frames else shares
            frames |= self._split(whole, shares)
        elif "train" in frames and "val" not in frames:
            frames |= self._split(frames["train"], (*self.fractions[:2], 0.0))
        self.frames = frames
        if self.label_cols:
            self._label_parts()

    def _read(self, source: CatalogSource, what: str) -> pd.DataFrame:
        """Read one catalog, whose galaxies may have to be left out.

        ``what`` names the galaxies in the message, and is empty where they need no labels.
        """
        frame = read_catalog(source)
        if not (what and self.drop_unlabelled and self.wanted_labels is not None):
            return frame
        columns = label_columns(frame, self.wanted_labels)
        frame, notes = leave_out_unlabelled(frame, columns, what, votes=self.label_kind == "votes")
        self.note(notes)
        return frame

    def read_labels_as(self, kind: LabelKind) -> None:
        """Read the labels as another kind: as a classifier does, for which numbers such as 1 and 2 are classes.

        Raises
        ------
        LabelError
            Labels that can't be of this kind.
        """
        self.label_kind = kind
        self.read_catalogs()
        self._learn_classes()
        self._label_parts()

    def scale_labels(self) -> LabelScale | None:
        """Scale measurements that float32 can't hold, and return the scaling.

        It is None where float32 holds them as they are, which is nearly always. ``labels``, and the labels of batches,
        are then scaled.
        """
        self.read_catalogs()
        scale = LabelScale.of(self._read_numbers(self._labelled[0]))
        self.label_scale = None if scale.is_identity else scale
        self._label_parts()
        return self.label_scale

    def _learn_classes(self) -> None:
        """Find the classes of the training galaxies, and what is odd about the labels of each catalog.

        Without training galaxies, the classes of all galaxies are found.
        """
        training, kind = self._labelled[0], self._kind(self._labelled[0])
        self.class_names = {
            column: read_labels(training, [column], kind="classes", classes=self.classes).classes
            for column in self.label_cols
            if self.label_kind == "classes" or is_names(training[column])
        }
        for frame in self._labelled if self.judges_labels else ():
            self.note(check_values(frame, self.label_cols, kind))

    def note(self, notes: list[str]) -> None:
        """Keep what is odd about the catalog, and log each sentence once."""
        for note in notes:
            if note not in self.notes:
                self.notes.append(note)
                logger.warning(note)

    def _kind(self, frame: pd.DataFrame) -> LabelKind:
        return self.label_kind or infer_kind(frame, self.label_cols)

    def _label_parts(self) -> None:
        for part in SPLIT_PARTS:
            if part in self.frames:
                self.labels[part] = self._read_labels(self.frames[part])

    def _read_labels(self, frame: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Return labels (galaxy, label) as training sees them."""
        values = self._read_numbers(frame)
        if self.label_scale is not None:
            return self.label_scale.reduce(values)
        with np.errstate(over="ignore"):  # infinite ones are scaled, or refused, by the model
            return values.astype(np.float32)

    def _read_numbers(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Return labels (galaxy, label): places of names among the classes, other labels as they stand."""
        columns = [
            read_labels(frame, [column], kind="classes", classes=self.class_names[column])
            if column in self.class_names
            else read_labels(frame, [column], kind="numbers")
            for column in self.label_cols
        ]
        return np.concatenate([one.values for one in columns], axis=1)

    def check_images(self) -> None:
        """Decode the first few images of each part, and refuse settings that they can't be read with.

        See `check_first_images`.
        """
        self.read_catalogs()
        for frame in self.frames.values():
            check_first_images(frame["file_loc"].tolist(), self.preprocessing.images)

    def setup(self, stage: str | None = None) -> None:
        """Read the catalogs and decode the images that the stage needs, once."""
        self.read_catalogs()
        wanted: dict[str | None, tuple[Part, ...]] = {
            "fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ("predict",)
        }  # fmt: skip
        self.check_images()
        fills = FillCount()
        for part in wanted.get(stage, ("train", "val", "test", "predict")):
            if part in self.frames and part not in self.pixels:
                files = self.frames[part]["file_loc"].tolist()
                self.pixels[part] = keep_pixels(
                    files,
                    self.preprocessing,
                    num_workers=self.num_workers,
                    memory_gb=self.memory_gb,
                    description=f"Reading {part} images",
                    fills=fills,
                )
        if self.judges_images:
            self.note(fills.sentences())

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the training batches, with a new order and new views in every epoch.

        Each galaxy is shown once an epoch, or galaxies are balanced by class.
        """
        return self._loader("train", self.train_sampler(self._epoch, self.views))

    def train_sampler(self, epoch: Callable[[], int], views: int | None) -> EpochSampler:
        """Return the order of the training galaxies.

        ``epoch`` tells the epoch, and ``views`` how many views there are of each galaxy.
        """
        weights = class_weights(self.labels["train"]) if self.class_balance == "sampler" else None
        return EpochSampler(len(self.part("train")), self.seed, epoch, views=views, weights=weights)

    def view_loader(self, part: Part, view: int, rows: npt.NDArray[np.int64] | None = None) -> DataLoader[Any]:
        """Return one view of a part's galaxies, or of some rows, in order.

        Pixels are as they are kept: `finish` turns them into images. ``view`` is the epoch that training would show it
        in; -1 asks for the evaluation view.
        """
        return self._loader(part, InOrder(len(self.part(part)), view, rows), finished=False)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the validation batches, in the catalog's order."""
        return self._loader("val", InOrder(len(self.part("val"))))

    def test_dataloader(self) -> DataLoader[Any]:
        """Return the test batches, in the catalog's order."""
        return self._loader("test", InOrder(len(self.part("test"))))

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return the prediction batches, in the catalog's order."""
        return self._loader("predict", InOrder(len(self.part("predict"))))

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Make the views on the device that training runs on, where that is not the CPU.

        On a CPU, the loader has made them.
        """
        return self.finish(batch) if isinstance(batch, dict) and "pixels" in batch else batch

    def finish(self, batch: Any) -> dict[str, Any]:
        """Turn a batch of kept pixels into views: random ones for training rows, the fixed one for others."""
        pixels, keys, views = batch.pop("pixels"), batch.pop("key"), batch.pop("view")
        size, crop = self.preprocessing.image_size, self.preprocessing.exact_crop
        if (views >= 0).all() and self.train_transform is not None:
            image = custom_views(pixels, keys, views, transform=self.train_transform, size=size, seed=self.seed)
        elif (views >= 0).all() and self.augmentation is not None:
            image = random_views(pixels, keys, views, size=size, crop=crop, augmentation=self.augmentation)
        elif self.eval_transform is not None:
            image = custom_views(pixels, keys, 0 * views, transform=self.eval_transform, size=size, seed=self.seed)
        else:
            image = centre_views(pixels, size=size, crop=crop)
        return {"image": image, **batch}

    def part(self, part: Part) -> pd.DataFrame:
        """Return the catalog of one part.

        Raises
        ------
        CatalogError
            There is no such part, or none yet.
        """
        if part not in self.frames:
            if self.frames:
                msg = (
                    f"this data module has no {part} part, only {', '.join(self.frames)}. Give catalog= or "
                    f"{part}_catalog=."
                )
            else:
                msg = "this data module has read no catalog yet. Call setup() first; a trainer does so by itself."
            raise CatalogError(msg)
        return self.frames[part]

    def _loader(self, part: Part, sampler: Sampler[tuple[int, int]], *, finished: bool = True) -> DataLoader[Any]:
        pixels = self.pixels.get(part)
        galaxies = Galaxies(self.frames[part], self.labels.get(part), pixels, self.preprocessing)
        on_cpu = self.trainer is None or self.trainer.strategy.root_device.type == "cpu"
        return DataLoader(
            galaxies,
            batch_size=self.batch_size,
            sampler=sampler,
            num_workers=self.num_workers if pixels is None else 0,
            collate_fn=self.finish if on_cpu and finished else as_it_is,
            pin_memory=not on_cpu,
        )

    def _epoch(self) -> int:
        return 0 if self.trainer is None else self.trainer.current_epoch

    def _split(self, frame: pd.DataFrame, shares: tuple[float, float, float]) -> dict[Part, pd.DataFrame]:
        """Split a catalog's rows among the parts with a share."""
        total = sum(shares)
        fractions = [share / total for share in shares]
        strata, names = self.strata(frame)
        groups = None
        if self.group_col is not None:
            if self.group_col not in frame.columns:
                msg = (
                    f"group_col={self.group_col!r} is not a column of the catalog. Its columns are: "
                    f"{', '.join(map(str, frame.columns))}."
                )
                raise CatalogError(msg)
            groups = group_codes(frame[self.group_col])
            self.note(group_notes(frame[self.group_col]))
        parts = split_rows(len(frame), fractions, strata=strata, groups=groups, seed=self.seed)
        if strata is not None and names:
            check_every_class(parts, strata, names, grouped=groups is not None)
        return {
            part: frame.iloc[rows].reset_index(drop=True)
            for part, rows, share in zip(SPLIT_PARTS, parts, shares, strict=True)
            if share > 0
        }

    def strata(self, frame: pd.DataFrame) -> tuple[npt.NDArray[np.int64] | None, list[str]]:
        """Return the stratum of each row (row,), and the classes' names where strata are classes.

        Both are None where labels are neither classes nor flags.
        """
        if not self.stratify or not self.label_cols:
            return None, []
        kind = self._kind(frame)
        if kind not in ("classes", "flags") or (kind == "flags" and self.class_names):
            return None, []
        labels = read_labels(frame, self.label_cols, kind=kind, classes=self.class_names.get(self.label_cols[0], ()))
        return labels.strata(), list(labels.classes)


def _transforms(augment: Augment) -> tuple[Transform | None, Transform | None, Augmentation | None]:
    """Return the user's own transforms for training and evaluation, and the built-in augmentation.

    Each is None where it is not wanted.
    """
    if isinstance(augment, bool):
        return None, None, Augmentation() if augment else None
    if isinstance(augment, Augmentation):
        return None, None, augment
    if isinstance(augment, tuple) and len(augment) == 2 and all(callable(part) for part in augment):
        return augment[0], augment[1], None
    if callable(augment):
        return augment, None, None
    msg = (
        f"augment={augment!r} must be True, False, an Augmentation, a callable, or a pair of callables (training, "
        "evaluation)."
    )
    raise OptionError(msg)
