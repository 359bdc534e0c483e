"""Small made-up galaxies for tests: bright or faint blobs, round or flat, as JPEG or FITS."""

from pathlib import Path

import numpy as np
import pandas as pd
import timm
from PIL import Image
from torch import nn


def make_catalog(
    folder: Path, n_galaxies: int = 60, *, n_classes: int = 2, size: int = 40, seed: int = 0, fits: bool = False
) -> pd.DataFrame:
    """Write images whose class shows in their flattening and color.

    Return their catalog, also written as ``catalog.csv``. Columns: id_str, file_loc (relative), label (names), number
    (0, 1, ...), size (float), object (pairs share one).
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    rows = []
    for place in range(n_galaxies):
        number = place % n_classes
        width = rng.uniform(0.12, 0.2) * size
        angle = rng.uniform(0, np.pi)
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        light = np.exp(-0.5 * ((along / width) ** 2 + (across * (1 + 1.5 * number) / width) ** 2))
        light += rng.normal(0, 0.03, light.shape)
        name = f"g{seed}_{place:03d}.{'fits' if fits else 'jpg'}"
        if fits:
            from astropy.io import fits as fits_io

            fits_io.writeto(folder / "images" / name, (100 * light).astype(np.float32), overwrite=True)
        else:
            color = np.array([1.0, 0.8, 0.5 + 0.4 * number / n_classes])
            pixels = (np.clip(light[..., None] * color, 0, 1) * 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "images" / name, quality=95)
        rows.append((f"g{seed}_{place:03d}", f"images/{name}", "abcdef"[number], number, width / size, place // 2))
    frame = pd.DataFrame(rows, columns=["id_str", "file_loc", "label", "number", "size", "object"])
    frame.to_csv(folder / "catalog.csv", index=False)
    return frame


def tiny_encoder(architecture: str = "test_resnet", in_chans: int = 3) -> nn.Module:
    """Return a timm network of some hundred thousand random weights."""
    network: nn.Module = timm.create_model(architecture, pretrained=False, num_classes=0, in_chans=in_chans)
    return network
