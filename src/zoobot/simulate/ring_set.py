"""The simulated ring set: galaxies as a survey like DECaLS shows them, written as color JPEGs with their labels."""

import logging
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch import Tensor

from zoobot.errors import OptionError, OutputError
from zoobot.simulate.galaxies import BAND_SLOPES, Galaxy, draw_galaxy, light

logger = logging.getLogger(__name__)

REFERENCE_SIZE = 224  # the width in pixels at which a pixel's sky noise is 1
SMALLEST_SIZE = 32
QUIET_BELOW = 150  # galaxies: fewer take under two seconds and need no progress bar
BATCH = 8  # galaxies in memory at once; small batches stay in the processor's cache
POISSON_GAIN = 40.0  # brightness at which a source's own noise equals the sky's
SEEING_OF_BAND = (0.94, 1.0, 1.07)  # width of the PSF in each band: red is sharper
NOISE_OF_BAND = (1.4, 1.1, 1.2)
SKY_LEVEL, SOFTENING, DISPLAY_SCALE = 2.5, 7.0, 0.185  # of the display: see `_display`
TRUTH_COLUMNS = (
    "ring_strength",
    "ring_radius",
    "axis_ratio",
    "bar_strength",
    "arm_strength",
    "lens_strength",
    "bulge_fraction",
)


def rings(folder: str | Path, n_galaxies: int = 320, *, seed: int = 0, size: int = 224, first: int = 1) -> pd.DataFrame:
    """Give a labelled catalog of simulated galaxies, every second one with a ring, after writing their images.

    Writes ``folder/images/sim_rings_000001.jpg`` and so on, and ``folder/catalog.csv`` last, so that a catalog means
    a complete set. Galaxy number k of a seed has the same parameters and noise whatever `n_galaxies` and `first` are:
    sets with other numbers are disjoint.

    Parameters
    ----------
    folder : str or Path
        Where to write; made if absent.
    n_galaxies : int
        How many galaxies, at least 1.
    seed : int
        The same seed gives the same pixels; 0 or more.
    size : int
        Width and height of an image in pixels, at least 32. The field of view stays the same.
    first : int
        Number of the first galaxy, at least 1.

    Returns
    -------
    pandas.DataFrame
        `id_str`; `file_loc` (absolute; in ``catalog.csv`` relative to `folder`); `ring`, 0 or 1; `simulated`, always
        True; and true parameters of `Galaxy`: lengths in units of the image's width, `ring_radius` 0 where there is
        no ring.

    Raises
    ------
    OptionError
        A number out of its range.
    OutputError
        The folder can't be written.
    """
    for name, value, least in (
        ("n_galaxies", n_galaxies, 1),
        ("seed", seed, 0),
        ("size", size, SMALLEST_SIZE),
        ("first", first, 1),
    ):
        if value < least:
            msg = f"{name}={value!r} is too small for a simulated set: give {least} or more"
            raise OptionError(msg)
    folder = Path(folder).expanduser().resolve()
    numbers = range(first, first + n_galaxies)
    batches = [numbers[start : start + BATCH] for start in range(0, n_galaxies, BATCH)]
    rows = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tensors this small gain nothing from more, and lose much on a busy machine
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for batch in _with_progress(batches) if n_galaxies >= QUIET_BELOW else batches:
            rngs = [np.random.default_rng([seed, number]) for number in batch]
            galaxies = [draw_galaxy(rng, ring=number % 2 == 0) for rng, number in zip(rngs, batch, strict=True)]
            for number, galaxy, pixels in zip(batch, galaxies, observe(galaxies, rngs, size), strict=True):
                row = _row(number, galaxy)
                Image.fromarray(pixels.numpy()).save(folder / str(row["file_loc"]), quality=92)
                rows.append(row)
        catalog = pd.DataFrame(rows)
        catalog.to_csv(folder / "catalog.csv", index=False)
    except OSError as error:
        msg = f"can't write simulated galaxies to {folder} ({error}): give one that you may write to, with room"
        raise OutputError(msg) from error
    finally:
        torch.set_num_threads(threads)
    logger.info("simulated %d galaxies (seed %d) in %s", n_galaxies, seed, folder)
    return catalog.assign(file_loc=[str(folder / file) for file in catalog["file_loc"]])


def _with_progress(batches: list[range]) -> Iterable[range]:
    console = Console(stderr=True)
    if not console.is_terminal:
        return batches
    return track(batches, description="Simulating galaxies", console=console, transient=True)


def _row(number: int, galaxy: Galaxy) -> dict[str, str | int | float | bool]:
    id_str = f"sim_rings_{number:06d}"
    labels: dict[str, str | int | float | bool] = {
        "id_str": id_str,
        "file_loc": f"images/{id_str}.jpg",
        "ring": int(galaxy.ring_strength > 0),
        "simulated": True,
    }
    return labels | {name: getattr(galaxy, name) for name in TRUTH_COLUMNS}


def observe(galaxies: list[Galaxy], rngs: list[np.random.Generator], size: int) -> Tensor:
    """Give galaxies as a ground-based survey shows them: with neighbors and stars, blurred, with noise, in color.

    Parameters
    ----------
    galaxies : list of Galaxy
        What to observe.
    rngs : list of numpy.random.Generator
        The randomness of each galaxy's field, so that it doesn't depend on the others.
    size : int
        Width and height in pixels.

    Returns
    -------
    torch.Tensor
        uint8 (galaxy, y, x, 3).
    """
    margin = size // 28
    field = light(galaxies, size, margin) + torch.stack([_neighbors(rng, size, margin) for rng in rngs])
    seeing = torch.tensor([0.0135 * math.exp(rng.normal(0, 0.2)) for rng in rngs])
    blurred = _blur(field, seeing * size)[..., margin:-margin, margin:-margin]
    return torch.stack([_display(_with_noise(image, rng), rng) for image, rng in zip(blurred, rngs, strict=True)])


def _neighbors(rng: np.random.Generator, size: int, margin: int) -> Tensor:
    """Draw stars and small galaxies of the field, float32 (band, y, x); most are faint."""
    n_stars, n_galaxies = rng.poisson(6), rng.poisson(30)
    n_sources = n_stars + n_galaxies
    is_star = np.arange(n_sources) < n_stars
    radius = np.where(is_star, 0.5 / size, np.minimum(0.005 * np.exp(rng.normal(0, 0.5, n_sources)), 0.02))
    # numbers of sources grow towards the faint as a power law does
    flux = np.where(is_star, 0.006, 0.0022) * rng.pareto(np.where(is_star, 0.9, 1.1)).clip(0.2, 150)
    flux = np.where(is_star, flux, flux.clip(0, 0.15))
    redness = np.where(is_star, rng.normal(0.8, 2.2, n_sources), rng.normal(1.0, 1.8, n_sources))
    axis_ratio = np.where(is_star, 1.0, rng.uniform(0.35, 1.0, n_sources))
    angle = rng.uniform(0, math.pi, n_sources)
    canvas = size + 2 * margin
    position = rng.uniform(0, canvas, (2, n_sources))
    half = size // 9
    field = np.zeros((len(BAND_SLOPES), canvas, canvas), dtype=np.float32)
    for i in range(n_sources):
        rows, columns = (slice(max(0, int(p) - half), int(p) + half + 1) for p in position[:, i])
        y = (np.arange(canvas)[rows, None] + 0.5 - position[0, i]) / size
        x = (np.arange(canvas)[None, columns] + 0.5 - position[1, i]) / size
        along, across = x * np.cos(angle[i]) + y * np.sin(angle[i]), y * np.cos(angle[i]) - x * np.sin(angle[i])
        profile = np.exp(-np.hypot(along, across / axis_ratio[i]) / radius[i])
        peak = flux[i] / (2 * math.pi * radius[i] ** 2 * axis_ratio[i])
        for band, slope in enumerate(BAND_SLOPES):
            field[band, rows, columns] += peak * np.exp(slope * redness[i]) * profile
    return torch.from_numpy(field)


def _blur(images: Tensor, fwhm: Tensor) -> Tensor:
    """Blur (galaxy, band, y, x) by air of `fwhm` pixels (galaxy,): long-exposure transfer by Fried (1966)."""
    size = images.shape[-1]
    frequency = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None, :])
    width = fwhm[:, None, None, None] * torch.tensor(SEEING_OF_BAND)[:, None, None]
    transfer = torch.exp(-3.44 * (width * frequency / 0.976) ** (5 / 3))
    blurred: Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * transfer, s=(size, size))
    return blurred.clamp_min(0)


def _with_noise(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Add sky and Poisson noise (normal: counts are high) to (band, y, x), correlated as resampling makes it."""
    white = torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
    correlated = (white + 0.6 * (white.roll(1, -1) + white.roll(1, -2)) + 0.36 * white.roll((1, 1), (-1, -2))) / 1.36
    depth = math.exp(rng.normal(0, 0.25)) * image.shape[-1] / REFERENCE_SIZE
    per_band = torch.tensor(NOISE_OF_BAND)[:, None, None]
    return image + depth * per_band * correlated * (1 + image / POISSON_GAIN).sqrt()


def _display(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Show (band, y, x) as uint8 (y, x, 3) with the asinh stretch of Lupton et al. (2004), which keeps colors."""
    level = SKY_LEVEL + torch.from_numpy(rng.normal(0, 0.06, (3, 1, 1)).astype(np.float32))
    image = image + level
    intensity = image.mean(0, keepdim=True).clamp_min(1e-3)
    stretched = DISPLAY_SCALE * torch.asinh(intensity / SOFTENING)
    shown = image * (stretched / intensity)
    return (255 * shown.clamp(0, 1)).round().to(torch.uint8).permute(1, 2, 0)
