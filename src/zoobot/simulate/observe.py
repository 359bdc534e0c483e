"""A survey's view of light: blurred by its PSF, with noise and mishaps, and as the survey's color picture."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zoobot.simulate.draws import Draws, Values
from zoobot.simulate.surveys import Survey

MOFFAT_BETA = 3.5  # between the 2.5 to 4.8 of ground-based images; its transfer function has a closed form
REACH = 2  # pixels that smoothed noise takes from each side
VIEW_COLUMNS = 40
MISHAPS = {"trail": 0.009, "gap": 0.012, "edge": 0.012, "background": 0.04, "bright_star": 0.025}
"""Probability that an image has: a satellite's trail, a chip gap in one band, a border between two exposures, a sloping
background, and a star with diffraction spikes.
"""


@dataclass(frozen=True)
class View:
    """How each galaxy was observed: (galaxy,) or (galaxy, band), lengths in arcsec.

    Attributes
    ----------
    width
        Of the image.
    seeing, noise, offset, shift
        Full width at half maximum of the PSF; the sky's standard deviation in a native pixel, and its mean over that;
        and by how much the band is displaced along x and y (galaxy, band, 2).
    mishaps
        For each of `MISHAPS` 1 where it happened, and ``place``, ``angle``, ``strength``, each between 0 and 1.
    """

    width: Values
    seeing: Values
    noise: Values
    offset: Values
    shift: Values
    mishaps: dict[str, Values]


def draw_view(draws: Draws, width: Values, survey: Survey) -> View:
    """Return how galaxies are observed, in images that are `width` arcsec wide."""
    common = draws.normal(0, survey.seeing_scatter)
    seeing = np.stack([fwhm * np.exp(common + draws.normal(0, 0.05)) for fwhm in survey.seeing], axis=-1)
    deep = draws.normal(0, survey.noise_scatter)
    noise = np.stack([sigma * np.exp(deep + draws.normal(0, 0.1)) for sigma in survey.noise], axis=-1)
    unclean = draws.log_normal(survey.background, 0.7)
    offset = np.stack([unclean * draws.normal(0, 1) for _ in survey.bands], axis=-1)
    loose = draws.log_normal(survey.registration, 0.5)
    shift = np.stack(
        [np.stack([loose * draws.normal(), loose * draws.normal()], axis=-1) for _ in survey.bands], axis=1
    )
    mishaps = {name: draws.chance(p).astype(float) for name, p in MISHAPS.items()}
    mishaps |= {name: draws.uniform() for name in ("place", "angle", "strength")}
    return View(width, seeing, noise, offset, shift, mishaps)


def transfer(fwhm: Tensor, canvas: int) -> Tensor:
    """Return the optical transfer function of Moffat PSFs of index 3.5, for ``rfft2`` of a canvas.

    The Fourier transform of (1 + r^2 / a^2)^-b is (k a)^(b-1) K_(b-1)(k a) but for a constant; with b - 1 = 5/2 the
    Bessel function is elementary, and this is (1 + x + x^2 / 3) exp(-x), x = 2 pi a f.

    Parameters
    ----------
    fwhm
        Full widths at half maximum in pixels, any shape.
    canvas
        Width and height of the canvas in pixels.

    Returns
    -------
    Tensor
        (..., canvas, canvas // 2 + 1), 1 at frequency 0.
    """
    rows = torch.fft.fftfreq(canvas, device=fwhm.device)[:, None]
    frequency = torch.hypot(rows, torch.fft.rfftfreq(canvas, device=fwhm.device)[None, :])
    scale = fwhm / (2 * (2 ** (1 / MOFFAT_BETA) - 1) ** 0.5)
    x = (2 * torch.pi * scale)[..., None, None] * frequency
    response: Tensor = torch.exp(-x) * (1 + x + x * x / 3)
    return response


def blur(images: Tensor, fwhm: Tensor, shift: Tensor | None = None) -> Tensor:
    """Blur images (galaxy, band, canvas, canvas) by PSFs of `fwhm` pixels (galaxy, band). The canvas's edges meet.

    Where given, `shift` (galaxy, band, 2) displaces each band by so many pixels along x and y.
    """
    canvas = images.shape[-1]
    waves = torch.fft.rfft2(images).mul_(transfer(fwhm, canvas))
    if shift is not None:
        for axis, frequency in ((0, torch.fft.rfftfreq(canvas)), (1, torch.fft.fftfreq(canvas))):
            turn = -2 * torch.pi * shift[..., axis, None] * frequency.to(images.device)
            phase = torch.polar(torch.ones_like(turn), turn)
            waves.mul_(phase[..., None, :] if axis == 0 else phase[..., :, None])
    blurred: Tensor = torch.fft.irfft2(waves, s=(canvas, canvas))
    return blurred


def correlate(noise: Tensor, sigma: Tensor) -> Tensor:
    """Smooth white noise by Gaussians of `sigma` pixels (galaxy,), cut at `REACH`: its variance stays 1.

    From (galaxy, band, y, x) it takes `REACH` pixels on each side.
    """
    near, far = (torch.exp(-0.5 * (step / sigma) ** 2)[:, None, None, None] for step in (1, 2))
    middle = (1 + 2 * near**2 + 2 * far**2).rsqrt()
    for axis in (-1, -2):
        size = noise.shape[axis] - 2 * REACH
        back2, back1, here, on1, on2 = (noise.narrow(axis, start, size) for start in range(2 * REACH + 1))
        noise = here * middle + (back1 + on1).mul_(near * middle) + (back2 + on2).mul_(far * middle)
    return noise


def show(flux: Tensor, pixel: Tensor, survey: Survey) -> Tensor:
    """Return the survey's color picture of calibrated flux: (galaxy, 3, y, x) in [0, 1].

    Parameters
    ----------
    flux
        Nanomaggies a pixel, (galaxy, band, y, x).
    pixel
        Width of a pixel in arcsec, (galaxy,).
    survey
        How it makes its pictures.
    """
    display = survey.display
    scales = torch.tensor(display.scales, device=flux.device)[None, :] * (survey.pixel / pixel[:, None]) ** 2
    colors = (flux * scales[:, :, None, None] + display.offset).clamp_min(0)
    intensity = colors.mean(1, keepdim=True).clamp_min(1e-4)
    if display.saturation < 1 or display.gray_below > 0:
        kept = (
            display.saturation * (intensity / display.gray_below).clamp_max(1)
            if display.gray_below
            else display.saturation
        )
        colors = intensity + kept * (colors - intensity)
    soft = display.softening * intensity
    stretched = (soft + (soft * soft + 1).sqrt()).log() / soft  # asinh, quicker
    return (colors * stretched).clamp(0, 1)


def add_noise(flux: Tensor, white: Tensor, noise: Tensor, pixel: Tensor, survey: Survey) -> Tensor:
    """Add the noise of sky and sources, normal as counts are high, to calibrated flux.

    Parameters
    ----------
    flux, white
        Nanomaggies a pixel, (galaxy, band, y, x), and independent normal numbers, the same but `REACH` more on each
        side.
    noise
        The sky's standard deviation in a native pixel, (galaxy, band).
    pixel
        Width of a pixel in arcsec, (galaxy,).
    survey
        Its native pixel, and sky, which says how many electrons a nanomaggy is.
    """
    ratio = pixel / survey.pixel
    # where a picture's pixels are smaller than the survey's own, several share one's noise
    sigma = (survey.noise_width / ratio).clamp_min(0.3)
    # resampling to smaller pixels keeps the noise of a surface brightness, to larger ones averages
    averaged = torch.where(ratio < 1, ratio**2, ratio)
    deviation = (noise * averaged[:, None])[:, :, None, None]
    sky = torch.tensor(survey.sky, device=flux.device)[None, :] * ratio[:, None] ** 2
    grows = (1 + flux.clamp_min(0) / sky[:, :, None, None]).sqrt()
    return flux + deviation * grows * correlate(white, sigma)
