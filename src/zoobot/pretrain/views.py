"""Views of pretraining images beyond geometry.

Brightness and colors vary a little, as between surveys and displays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from zoobot.data.augment import Augmentation, random_views, uniforms

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

SELF_SUPERVISED = {"zoom": (0.7, 1.3), "shift": 0.05, "noise": 0.02}
"""How the two views of an unlabelled galaxy vary, beside rotation and flips."""

OTHER_VIEW = 2**32
"""Added to the pass of the second view."""


def vary_colors(images: Tensor, keys: npt.ArrayLike, passes: npt.ArrayLike, *, strength: float, seed: int) -> Tensor:
    """Return images (batch, channel, height, width) in [0, 1] with another brightness, and half as much another color.

    Parameters
    ----------
    images
        In [0, 1].
    keys, passes
        (batch,) whole numbers, which together decide the factors.
    strength
        The standard deviation of the logarithm of the factor on all channels; each channel has a further one of half
        that.
    seed
        Another seed gives other factors.
    """
    if strength == 0:
        return images
    channels = images.shape[1]
    # uniform in -1 to 1 has a standard deviation of 1/sqrt(3)
    draws = (2 * uniforms(seed, passes, keys, 1 + channels) - 1) * np.sqrt(3) * strength
    factors = np.exp(draws[:, :1] + draws[:, 1:] / 2)
    return (images * torch.from_numpy(factors).to(images)[:, :, None, None]).clamp(0, 1)


def two_views(
    pixels: Tensor,
    keys: npt.ArrayLike,
    passes: npt.NDArray[np.int64],
    *,
    size: int,
    crop: float,
    jitter: float,
    seed: int,
) -> Tensor:
    """Return two different views (2 * batch, channel, size, size) of each image.

    The first views of all images come first, then the second ones.
    """
    augmentation = Augmentation(**SELF_SUPERVISED, seed=seed)  # type: ignore[arg-type]
    views = []
    for which in (passes, passes + OTHER_VIEW):
        view = random_views(pixels, keys, which, size=size, crop=crop, augmentation=augmentation)
        views.append(vary_colors(view, keys, which, strength=jitter, seed=seed))
    return torch.cat(views)
