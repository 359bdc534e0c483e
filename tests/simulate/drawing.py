"""Images of galaxies whose parameters a test chooses."""

from collections.abc import Sequence

import numpy as np
import torch

from zoobot.simulate.galaxy import Columns, Galaxy, as_table
from zoobot.simulate.light import TEXTURE_SHAPE, light
from zoobot.simulate.observe import blur


def draw(
    galaxies: Sequence[Galaxy], size: int = 128, pixel: float = 0.4, fwhm: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Return the light of galaxies, all components together, float64 (galaxy, y, x).

    It is blurred if `fwhm` (arcsec) is not 0.
    """
    texture = torch.from_numpy(
        np.random.default_rng(seed).standard_normal((len(galaxies), *TEXTURE_SHAPE)).astype(np.float32)
    )
    columns = Columns.of(as_table(galaxies), torch.device("cpu"))
    image = light(columns, torch.full((len(galaxies),), pixel), size, texture).sum(1, keepdim=True)
    if fwhm:
        image = blur(image, torch.full((len(galaxies), 1), fwhm / pixel))
    return image[:, 0].double().numpy()


def radii(size: int = 128, pixel: float = 0.4) -> np.ndarray:
    """Return the distance of each pixel from the image's center in arcsec."""
    axis = (np.arange(size) + 0.5 - size / 2) * pixel
    return np.hypot(axis[:, None], axis[None, :])
