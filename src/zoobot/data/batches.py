"""The one batch type: a dict of ``image``, ``label`` and ``id_str``, whatever a data module yields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor

from zoobot.data.augment import unit
from zoobot.errors import CatalogError


class Batch(TypedDict):
    """What the models take: see the keys."""

    image: Tensor
    """float32 (batch, channel, height, width) in [0, 1]"""
    label: Tensor | None
    """float32 (batch, label); None where there are no labels"""
    id_str: list[str] | None
    """(batch,) the galaxies' names; None where the data module gives none"""


def as_batch(batch: Any, label_cols: Sequence[str] | None = None) -> Batch:
    """Return any data module's batch as a `Batch`.

    Parameters
    ----------
    batch
        ``(image, label)``, an image tensor alone, or a dict with ``image`` and either ``label`` or one entry per label
        column. Images: (batch, channel, height, width), uint8 or float in [0, 1]. Labels: (batch,) or (batch, label).
    label_cols
        The entries of a dict that are labels, in order. Default: every tensor of it that is not the image.

    Raises
    ------
    CatalogError
        A batch of another form, or one without the label columns.
    """
    if isinstance(batch, Tensor):
        return Batch(image=unit(batch), label=None, id_str=None)
    if isinstance(batch, Mapping):
        if "image" not in batch:
            msg = (
                f"the data module's batch has no entry 'image', only {sorted(map(str, batch))}. Expected a dict with "
                "'image' and labels."
            )
            raise CatalogError(msg)
        ids = batch.get("id_str")
        return Batch(
            image=unit(batch["image"]), label=_labels(batch, label_cols), id_str=None if ids is None else list(ids)
        )
    if isinstance(batch, Sequence) and len(batch) == 2:
        return Batch(image=unit(batch[0]), label=_columns(batch[1]), id_str=None)
    msg = (
        f"the data module's batch is a {type(batch).__name__}. Expected (image, label), or a dict with 'image' and "
        "'label'."
    )
    raise CatalogError(msg)


def _labels(batch: Mapping[str, Any], label_cols: Sequence[str] | None) -> Tensor | None:
    if "label" in batch and (label_cols is None or "label" not in label_cols or len(label_cols) == 1):
        label = batch["label"]
        return None if label is None else _columns(label)
    columns = (
        list(label_cols)
        if label_cols
        else [name for name, value in batch.items() if name != "image" and isinstance(value, Tensor)]
    )
    missing = [name for name in columns if name not in batch]
    if missing:
        if len(missing) == len(columns):
            return None
        msg = f"the data module's batch lacks the labels {missing}; it has {sorted(map(str, batch))}."
        raise CatalogError(msg)
    return torch.cat([_columns(batch[name]) for name in columns], dim=1) if columns else None


def _columns(label: Tensor) -> Tensor:
    """Return labels as float32 (batch, label)."""
    label = torch.as_tensor(label)
    return (label[:, None] if label.ndim == 1 else label).float()
