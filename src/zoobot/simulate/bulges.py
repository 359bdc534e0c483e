"""Sersic bulges, with care for their cusps.

What is sampled by pixels is what the pixels receive, to a fraction of a percent.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from zoobot.simulate.galaxy import Columns

CORE = 16  # width in pixels of the center of a bulge that is drawn with SUBPIXELS points a pixel, along each axis
SUBPIXELS = 4
CUSP = 2  # the same for its very center
CUSP_SUBPIXELS = 24  # a multiple of SUBPIXELS
STEEP = 3.0  # pixels around a cusp where light is low-passed before it is sampled
LOBES = 4  # of the Lanczos kernel that does it
SMALLEST = 1e-6


def sky_axes(canvas: int, pixel: Tensor) -> tuple[Tensor, Tensor]:
    """Return the places of pixel centers, from the image's center: (galaxy, 1, x) and (galaxy, y, 1)."""
    axis = (torch.arange(canvas, device=pixel.device, dtype=torch.float32) + 0.5 - canvas / 2) * pixel
    return axis, axis.transpose(1, 2)


def bulges(galaxies: Columns, pixel: Tensor, canvas: int) -> Tensor:
    """Return the light of Sersic (1968) bulges: (galaxy, y, x) of unit flux times its fraction.

    Each pixel has the light at its center, but in a square of `CORE` pixels the mean over subpixels. There, what is
    within about `STEEP` pixels of the cusp changes so much between pixels that sampling would alias: it is low-passed
    before (`_decimation`).

    Parameters
    ----------
    galaxies : Columns
        (galaxy,) each.
    pixel : Tensor
        Width of a pixel in arcsec, (galaxy,).
    canvas : int
        Width and height of the image in pixels.
    """
    light = sersic(galaxies, *sky_axes(canvas, pixel[:, None, None]))
    centers = [galaxies[name] / pixel + canvas / 2 for name in ("x", "y")]

    def grid(width: int, n_points: int) -> tuple[list[Tensor], list[Tensor]]:
        """Return the first pixel of a square around each center, and the places of its points in pixels.

        The first pixel is along x and y.
        """
        points = (torch.arange(width * n_points, device=pixel.device) + 0.5) / n_points
        starts = [(center - width / 2).round().clamp(0, canvas - width) for center in centers]
        return starts, [start[:, None] + points for start in starts]

    def brightness(places: list[Tensor]) -> Tensor:
        x, y = ((place - canvas / 2) * pixel[:, None] for place in places)
        return sersic(galaxies, x[:, None, :], y[:, :, None])

    galaxy = torch.arange(len(pixel), device=pixel.device)[:, None, None]
    starts, places = grid(CORE, SUBPIXELS)
    fine = brightness(places)
    cusp_starts, cusp_places = grid(CUSP, CUSP_SUBPIXELS)
    finest = F.avg_pool2d(brightness(cusp_places)[:, None], CUSP_SUBPIXELS // SUBPIXELS)[:, 0]
    offsets = torch.arange(CUSP * SUBPIXELS, device=pixel.device)
    columns, rows = (
        ((cusp - start) * SUBPIXELS).long()[:, None] + offsets for cusp, start in zip(cusp_starts, starts, strict=True)
    )
    fine[galaxy, rows[:, :, None], columns[:, None, :]] = finest
    across, down = (place - center[:, None] for place, center in zip(places, centers, strict=True))
    distance = torch.hypot(across[:, None, :], down[:, :, None])
    steep = (1 - distance / STEEP).clamp(0, 1) ** 2 * (1 + 2 * distance / STEEP)
    low_pass = _decimation(pixel.device)
    core = F.avg_pool2d((fine * (1 - steep))[:, None], SUBPIXELS)[:, 0] + low_pass @ (fine * steep) @ low_pass.T
    whole = torch.arange(CORE, device=pixel.device)
    columns, rows = (start.long()[:, None] + whole for start in starts)
    light[galaxy, rows[:, :, None], columns[:, None, :]] = core
    return light


def _decimation(device: torch.device) -> Tensor:
    """Return the matrix (pixel, subpixel) that integrates subpixels over pixels and takes out what pixels can't sample.

    A box of one pixel convolved with the Lanczos kernel of `LOBES`: a flat response below the Nyquist frequency, next
    to none above.
    """
    pixels = torch.arange(CORE, device=device) + 0.5
    subpixels = (torch.arange(CORE * SUBPIXELS, device=device) + 0.5) / SUBPIXELS
    within = (torch.arange(16, device=device) + 0.5) / 16 - 0.5
    distance = pixels[:, None, None] - subpixels[:, None] - within
    kernel = torch.sinc(distance) * torch.sinc(distance / LOBES) * (distance.abs() < LOBES)
    return kernel.mean(-1) / SUBPIXELS


def sersic(galaxies: Columns, sky_x: Tensor, sky_y: Tensor) -> Tensor:
    """Return the brightness of Sersic bulges at places on the sky, (galaxy, y, x).

    Each galaxy has its fraction of a flux of 1. The exponent's b(n) is that of Ciotti & Bertin (1999).
    """
    v = galaxies.broad()
    cosine, sine = v["bulge_angle"].cos(), v["bulge_angle"].sin()
    x, y = sky_x - v["x"], sky_y - v["y"]
    along, across = x * cosine + y * sine, (y * cosine - x * sine) / v["bulge_axis_ratio"]
    along, across = along * along, across * across
    squared = (along + across).clamp_min(SMALLEST**2)
    cosine_of_twice = (along - across) / squared
    squared = squared * (1 + v["bulge_boxiness"] * (2 * cosine_of_twice * cosine_of_twice - 1)) ** 2
    index = v["bulge_index"]
    b = 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25515 * index**2)
    log_flux = torch.log(index) + b + torch.lgamma(2 * index) - 2 * index * b.log()
    unit = 2 * torch.pi * v["bulge_axis_ratio"] * v["bulge_radius"] ** 2
    exponent = torch.exp((squared / v["bulge_radius"] ** 2).log() * (0.5 / index))
    return torch.exp(b * (1 - exponent) - log_flux) * (v["bulge_fraction"] / unit)
