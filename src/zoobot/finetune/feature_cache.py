"""What is frozen is computed once.

The frozen part of the encoder runs over a few views of the galaxies, then training starts from its output.
"""

from __future__ import annotations

import logging
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import lightning as L
import numpy as np
import psutil
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from zoobot.data import GalaxyDataModule, as_batch
from zoobot.data.pixels import file_digests
from zoobot.data.rows import EpochSampler, InOrder, as_it_is
from zoobot.encoders.runtimes import Pass, build_pass
from zoobot.encoders.split import SplitEncoder, split_encoder
from zoobot.finetune.feature_store import KEPT_PER_FILE, FeatureStore, feature_key, view_settings
from zoobot.precision import frozen_pass
from zoobot.progress import track_steps
from zoobot.settings import CacheSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from zoobot.finetune.base import FinetuneableZoobotAbstract

logger = logging.getLogger(__name__)

VIEWS_FOR_HEAD = 1
VIEWS_FOR_HEAD_OF_OTHERS = 2
"""Where the user's own augmentation, or data module, makes the views."""
VIEWS_FOR_BLOCKS = 8


@dataclass(frozen=True, kw_only=True)
class FeatureCache(CacheSettings):
    """How features are kept.

    Parameters
    ----------
    views
        How many views of each training galaxy to compute; training goes through them epoch after epoch. The first is
        the evaluation view, the others are augmented. Default: 1 where the head alone is trained, for which more
        changed no score beyond the spread of its seeds (docs/results.md), else 8. With the user's own transforms 2 for
        the head; with another data module all are augmented.
    precision
        Of the frozen pass: 'auto' is bfloat16 where the hardware is fast at it, else float32; 'float32' is exact.
    runtime
        What runs the frozen blocks; see `zoobot.predict`. It takes some seconds to start, and pays from thousands of
        views.
    memory_gb
        Room for features in memory; beyond it they lie in a temporary memory-mapped file. Default: a quarter of free
        memory.
    disk_gb
        Sets of features larger than this are not kept between runs, and more than this are not put into a temporary
        file: then there are fewer views, or no cache.

    Raises
    ------
    OptionError
        A number outside its range.
    """

    runtime: Literal["torch", "compile", "openvino", "onnx"] = "torch"


def cached_data(
    model: FinetuneableZoobotAbstract,
    datamodule: L.LightningDataModule,
    cache: FeatureCache,
    *,
    device: torch.device,
    epochs: int | None,
) -> CachedData | None:
    """Return a data module of features for the frozen part of a model, computed where they are not kept already.

    None, and training then runs the whole network, where nothing is frozen, the encoder can't be cut below the blocks
    that are trained, or there is no room.
    """
    encoder = model.encoder
    if model.n_blocks == encoder.num_blocks:
        return None
    datamodule.prepare_data()
    if isinstance(datamodule, GalaxyDataModule):
        datamodule.read_catalogs()  # images are decoded where their features are not kept
        model.learn_from(datamodule)
        source: _Galaxies | _AnyData = _Galaxies(datamodule)
    else:
        datamodule.setup("fit")
        source = _AnyData(datamodule, model)
    encoder.to(device)
    images = None if model.n_blocks == 0 else source.probe().to(device)
    split = split_encoder(encoder, model.n_blocks, images)
    if split is None:
        logger.warning(
            "the encoder %s can't be cut below its top %d blocks: its frozen part runs in every step.",
            encoder.name,
            model.n_blocks,
        )
        return None
    with frozen_pass(encoder, device, cache.precision) as dtype:
        shape = (encoder.num_features,) if images is None else tuple(split.activations(images[:1])[0].shape)
        kept_as = torch.float32 if model.n_blocks == 0 else dtype
        bytes_a_galaxy = math.prod(shape) * kept_as.itemsize
        wanted = _count_views(cache, source, model.n_blocks, epochs)
        views = _views_with_room(wanted, bytes_a_galaxy, source.count, source.n_val, cache)
        if views == 0:
            return None
        passes: list[tuple[Literal["train", "val"], int]] = [
            ("val", -1),
            *(("train", view - 1) for view in range(views)),
        ]
        size = (views * source.count + source.n_val) * bytes_a_galaxy
        filler = _Filler(source, split, model, cache, device, dtype, kept_as, shape, size)
        start = time.perf_counter()
        filled = filler.run(passes)
    model.train_from_features(split.top)
    return CachedData(datamodule, source, filled[1:], filled[0], time.perf_counter() - start)


class CachedData(L.LightningDataModule):
    """Batches of features in place of images; all else is the data module that they were made from."""

    def __init__(
        self,
        datamodule: L.LightningDataModule,
        source: _Galaxies | _AnyData,
        train: list[_Pass],
        val: _Pass,
        frozen_pass_seconds: float,
    ) -> None:
        super().__init__()
        self.frozen_pass_seconds = frozen_pass_seconds
        self.datamodule = datamodule
        self.source = source
        self.train_passes = train
        self.val_pass = val

    def __getattr__(self, name: str) -> Any:
        if name in ("datamodule", "_trainer"):
            raise AttributeError(name)
        return getattr(self.datamodule, name)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the training batches in the order that the data module itself would."""
        sampler = self.source.sampler(lambda: self.trainer.current_epoch if self.trainer else 0, len(self.train_passes))
        return DataLoader(
            _FeatureRows(self.train_passes), batch_size=self.source.batch_size, sampler=sampler, collate_fn=as_it_is
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the validation batches."""
        rows = InOrder(len(self.val_pass.labels))
        return DataLoader(
            _FeatureRows([self.val_pass]), batch_size=self.source.batch_size, sampler=rows, collate_fn=as_it_is
        )


@dataclass
class _Pass:
    """The features (galaxy, ...) and labels (galaxy, label) of one pass over a part's galaxies."""

    features: Tensor
    labels: Tensor


class _FeatureRows(Dataset[dict[str, Tensor]]):
    """Yields batches of (row, view), from the passes over view -1 (the evaluation view), 0, 1, ..."""

    def __init__(self, passes: Sequence[_Pass]) -> None:
        self.passes = passes

    def __len__(self) -> int:
        return len(self.passes[0].labels)

    def __getitems__(self, wanted: Sequence[tuple[int, int]]) -> dict[str, Tensor]:
        rows = torch.tensor([row for row, _ in wanted])
        kept = self.passes[wanted[0][1] + 1]
        return {"features": kept.features.index_select(0, rows).float(), "label": kept.labels.index_select(0, rows)}

    def __getitem__(self, wanted: tuple[int, int]) -> dict[str, Tensor]:
        return self.__getitems__([wanted])


class _Galaxies:
    """Passes over the galaxies of a `GalaxyDataModule` in the catalog's order.

    Digests name each galaxy's features.
    """

    def __init__(self, datamodule: GalaxyDataModule) -> None:
        self.datamodule = datamodule
        self.batch_size = datamodule.batch_size
        self.count = len(datamodule.part("train"))
        self.n_val = len(datamodule.part("val"))
        self.views_for_head = VIEWS_FOR_HEAD if datamodule.train_transform is None else VIEWS_FOR_HEAD_OF_OTHERS
        self.is_augmented = datamodule.train_transform is not None or datamodule.augmentation is not None
        self._digests: dict[str, npt.NDArray[np.uint64]] = {}

    def probe(self) -> Tensor:
        self.datamodule.setup("fit")
        batch = next(iter(self.datamodule.view_loader("val", -1)))
        image: Tensor = self.datamodule.finish(batch)["image"]
        return image

    def sampler(self, epoch: Callable[[], int], views: int) -> EpochSampler:
        return self.datamodule.train_sampler(epoch, views)

    @property
    def can_be_kept(self) -> bool:
        """Whether the views can be made again from the files alone."""
        return self.datamodule.train_transform is None and self.datamodule.eval_transform is None

    def digests(self, part: Literal["train", "val"]) -> npt.NDArray[np.uint64]:
        if part not in self._digests:
            self._digests[part] = file_digests(self.datamodule.frames[part]["file_loc"].tolist())
        return self._digests[part]

    def labels(self, part: Literal["train", "val"]) -> Tensor:
        return torch.from_numpy(self.datamodule.labels[part])

    def images(
        self, part: Literal["train", "val"], view: int, rows: npt.NDArray[np.int64], device: torch.device
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Return the view of these rows, batch by batch, made on the device."""
        self.datamodule.setup("fit")
        for batch in self.datamodule.view_loader(part, view, rows):
            batch["pixels"] = batch["pixels"].to(device)
            yield self.datamodule.finish(batch)["image"], None


class _AnyData:
    """Passes over somebody else's data module: as its loaders give them, with whatever augmentation they do."""

    def __init__(self, datamodule: L.LightningDataModule, model: FinetuneableZoobotAbstract) -> None:
        self.datamodule = datamodule
        self.label_cols = model.label_cols or None
        self.seed = model.options["seed"]
        loaders = {"train": datamodule.train_dataloader(), "val": datamodule.val_dataloader()}
        sizes = {part: [len(self._batch(batch)["image"]) for batch in loader] for part, loader in loaders.items()}
        self.batch_size = max(sizes["train"])
        self.count, self.n_val = sum(sizes["train"]), sum(sizes["val"])
        self.views_for_head = VIEWS_FOR_HEAD_OF_OTHERS
        self.is_augmented = True

    def probe(self) -> Tensor:
        image: Tensor = self._batch(next(iter(self.datamodule.val_dataloader())))["image"]
        return image

    def sampler(self, epoch: Callable[[], int], views: int) -> EpochSampler:
        return EpochSampler(self.count, self.seed, epoch, views=views)

    def images(
        self, part: Literal["train", "val"], view: int, rows: npt.NDArray[np.int64], device: torch.device
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Return a pass of the part's loader with its labels; it decides the order."""
        loader = self.datamodule.train_dataloader() if part == "train" else self.datamodule.val_dataloader()
        for batch in loader:
            galaxies = self._batch(batch)
            yield galaxies["image"].to(device), galaxies["label"]

    def _batch(self, batch: Any) -> Any:
        return as_batch(batch, self.label_cols)


class _Frozen(nn.Module):
    """The frozen blocks as one module, from images in [0, 1] to the activations at the boundary."""

    def __init__(self, split: SplitEncoder) -> None:
        super().__init__()
        self.split = split
        self.bottom = split.bottom

    def forward(self, images: Tensor) -> Tensor:
        return self.split.activations(images)


class _Filler:
    """Runs the frozen network over the passes that are wanted, skipping what is kept on disk."""

    def __init__(
        self,
        source: _Galaxies | _AnyData,
        split: SplitEncoder,
        model: FinetuneableZoobotAbstract,
        cache: FeatureCache,
        device: torch.device,
        computed_in: torch.dtype,
        dtype: torch.dtype,
        shape: tuple[int, ...],
        size: int,
    ) -> None:
        self.source = source
        self.network = _Frozen(split)
        self.runtime = cache.runtime
        self.device = device
        self.computed_in = computed_in
        self.dtype = dtype
        self.shape = shape
        self.forward: Pass | None = None
        self.left = 0
        self.in_memory = size <= _memory_bytes(cache)
        self.stores: dict[bool, FeatureStore] = {}
        if isinstance(source, _Galaxies) and source.can_be_kept and size <= cache.disk_gb * 1e9:
            datamodule, first = source.datamodule, model.encoder.num_blocks - model.n_blocks
            for augmented in (False, True):
                settings = view_settings(
                    datamodule.preprocessing,
                    datamodule.augmentation if augmented else None,
                    dtype,
                    computed_in,
                    cache.runtime,
                )
                self.stores[augmented] = FeatureStore(feature_key(model.encoder, first, settings))

    def run(self, passes: list[tuple[Literal["train", "val"], int]]) -> list[_Pass]:
        """Return the features and labels of each (part, view)."""
        filled = [_Pass(self._room(part), torch.empty(0)) for part, _ in passes]
        missing = [self._read(part, view, kept) for (part, view), kept in zip(passes, filled, strict=True)]
        self.left = sum(map(len, missing))
        steps = (
            step
            for (part, view), kept, rows in zip(passes, filled, missing, strict=True)
            if len(rows)
            for step in self._compute(part, view, kept, rows)
        )
        for _ in track_steps(steps, "Running the frozen encoder", self.left, "views"):
            pass
        for (part, _), kept in zip(passes, filled, strict=True):
            if isinstance(self.source, _Galaxies):
                kept.labels = self.source.labels(part)
        return filled

    def _room(self, part: Literal["train", "val"]) -> Tensor:
        shape = (self.source.count if part == "train" else self.source.n_val, *self.shape)
        if self.in_memory:
            return torch.empty(shape, dtype=self.dtype)
        with tempfile.TemporaryFile() as file:
            size = int(np.prod(shape)) * self.dtype.itemsize
            return torch.from_numpy(np.memmap(file, np.uint8, "w+", shape=(size,))).view(self.dtype).reshape(shape)

    def _read(self, part: Literal["train", "val"], view: int, kept: _Pass) -> npt.NDArray[np.int64]:
        """Fill in what is kept on disk and give the rows that are not."""
        rows = np.arange(len(kept.features))
        if not self.stores or not isinstance(self.source, _Galaxies):
            return rows
        known, features = self.stores[view >= 0].read(view, self.source.digests(part))
        if features is not None:
            kept.features[torch.from_numpy(known)] = features
        return np.setdiff1d(rows, known)

    def _compute(
        self, part: Literal["train", "val"], view: int, kept: _Pass, rows: npt.NDArray[np.int64]
    ) -> Iterator[tuple[None, int]]:
        """Compute the features of these rows, keeping them on disk as they come."""
        done = written = 0
        labels = []
        for images, label in self.source.images(part, view, rows, self.device):
            if self.forward is None:
                self.forward = build_pass(self.runtime, self.network, images, self.computed_in, self.left)
            place = torch.from_numpy(rows[done : done + len(images)])
            kept.features[place] = self.forward(images).to("cpu", self.dtype)
            done += len(images)
            if label is not None:
                labels.append(label)
            if done - written >= KEPT_PER_FILE or done == len(rows):
                self._write(part, view, kept, rows[written:done])
                written = done
            yield None, len(images)
        if labels:
            kept.labels = torch.cat(labels)

    def _write(self, part: Literal["train", "val"], view: int, kept: _Pass, rows: npt.NDArray[np.int64]) -> None:
        if self.stores and isinstance(self.source, _Galaxies):
            self.stores[view >= 0].write(view, self.source.digests(part)[rows], kept.features[torch.from_numpy(rows)])


def _count_views(cache: FeatureCache, source: _Galaxies | _AnyData, n_blocks: int, epochs: int | None) -> int:
    """Return how many views to compute.

    There are no more than epochs to show them in (None or -1: no end), and 1 where all are the same.
    """
    views = cache.views or (source.views_for_head if n_blocks == 0 else VIEWS_FOR_BLOCKS)
    if not source.is_augmented:
        return 1
    return views if epochs is None or epochs < 1 else min(views, epochs)


def _views_with_room(wanted: int, bytes_a_galaxy: int, n_train: int, n_val: int, cache: FeatureCache) -> int:
    """Return how many views fit into memory, or else into the temporary file.

    It says so where that is fewer than wanted.
    """
    room = max(_memory_bytes(cache), cache.disk_gb * 1e9)
    views = max(0, min(wanted, int((room / bytes_a_galaxy - n_val) / n_train)))
    if views < wanted:
        logger.warning(
            "%d views of features take %.1f GB, and there is room for %.1f GB: %s.",
            wanted,
            (wanted * n_train + n_val) * bytes_a_galaxy / 1e9,
            room / 1e9,
            f"{views} are used" if views else "the frozen part of the encoder runs in every step",
        )
    return views


def _memory_bytes(cache: FeatureCache) -> float:
    return psutil.virtual_memory().available / 4 if cache.memory_gb is None else cache.memory_gb * 1e9
