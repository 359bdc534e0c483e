"""The rows of a data module's parts: the dataset that fetches them, the orders they come in, and how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset, Sampler

from zoobot.data.augment import mixed
from zoobot.data.images import decode_image
from zoobot.data.pixels import KeptPixels, Preprocessing, as_dtype, digest, pixel_dtype

if TYPE_CHECKING:
    import numpy.typing as npt


class Galaxies(Dataset[dict[str, Any]]):
    """The galaxies of one part, fetched a whole batch at a time.

    They come from kept pixels, or are decoded anew where none are kept.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        labels: npt.NDArray[np.float32] | None,
        kept: KeptPixels | None,
        preprocessing: Preprocessing,
    ) -> None:
        self.files = frame["file_loc"].to_numpy(dtype=object)
        self.ids = frame["id_str"].to_numpy(dtype=object)
        self.labels = None if labels is None else torch.from_numpy(labels)
        self.kept = kept
        self.dtype = pixel_dtype(self.files.tolist()) if kept is None else kept.dtype
        self.preprocessing = preprocessing

    def __len__(self) -> int:
        return len(self.ids)

    def __getitems__(self, wanted: Sequence[tuple[int, int]]) -> dict[str, Any]:
        """Return the batch of the (row, view) wanted; view -1 is the evaluation view."""
        rows = np.array([row for row, _ in wanted])
        kept = self._decode(rows) if self.kept is None else self.kept.of(rows)
        batch: dict[str, Any] = {
            "pixels": kept.pixels,
            "key": kept.digests[:, 0],
            "view": np.array([view for _, view in wanted]),
            "id_str": self.ids[rows].tolist(),
        }
        if self.labels is not None:
            batch["label"] = self.labels[rows]
        return batch

    def __getitem__(self, wanted: tuple[int, int]) -> dict[str, Any]:
        return self.__getitems__([wanted])

    def _decode(self, rows: npt.NDArray[np.int64]) -> KeptPixels:
        images = [
            as_dtype(decode_image(self.files[row], self.preprocessing.images, self.preprocessing.kept_size), self.dtype)
            for row in rows
        ]
        digests = np.array([digest(image) for image in images], np.uint64)
        return KeptPixels(torch.from_numpy(np.stack(images)), digests)


class EpochSampler(Sampler[tuple[int, int]]):
    """Every row with the view to show, in an order that depends on seed and epoch only.

    The view is the epoch itself; or, where ``views`` limits them, the evaluation view (-1), then 0, 1, ..., and from
    the start again.
    """

    def __init__(
        self,
        n_rows: int,
        seed: int,
        epoch: Callable[[], int],
        *,
        views: int | None = None,
        weights: npt.NDArray[np.float64] | None = None,
    ) -> None:
        self.n_rows = n_rows
        self.seed = seed
        self.epoch = epoch
        self.views = views
        self.weights = weights

    def __len__(self) -> int:
        return self.n_rows

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch = self.epoch()
        rng = np.random.default_rng([int(mixed(self.seed, np.asarray(epoch), np.asarray(0)))])
        if self.weights is None:
            rows = rng.permutation(self.n_rows)
        else:
            rows = rng.choice(self.n_rows, self.n_rows, p=self.weights)
        view = epoch if self.views is None else epoch % self.views - 1
        return ((int(row), view) for row in rows)


class InOrder(Sampler[tuple[int, int]]):
    """Every row (or some rows) once, in order, with one view: -1 is the evaluation view."""

    def __init__(self, n_rows: int, view: int = -1, rows: npt.NDArray[np.int64] | None = None) -> None:
        self.rows = range(n_rows) if rows is None else rows.tolist()
        self.view = view

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((row, self.view) for row in self.rows)


def class_weights(labels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return for each galaxy the probability that makes all classes (combinations of labels) equally frequent."""
    classes = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    weights = 1.0 / np.bincount(classes)[classes]
    probabilities: npt.NDArray[np.float64] = weights / weights.sum()
    return probabilities


def as_it_is(batch: Any) -> Any:
    """Return a batch that its dataset has put together already.

    It is a loader's collate function that any process can import.
    """
    return batch
