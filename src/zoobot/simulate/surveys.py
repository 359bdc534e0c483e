"""The surveys that can be simulated: their bands, sharpness, depth, fields, and how their color pictures are made."""

import difflib
from dataclasses import dataclass

from zoobot.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class Display:
    """How flux becomes a color picture: the asinh stretch of Lupton et al. (2004), which keeps colors.

    Attributes
    ----------
    scales
        What a nanomaggy a native pixel is worth in red, green and blue.
    offset
        Added to each color, so that the sky's noise is seen around 0.
    softening
        Q: the larger, the more the bright is held back against the faint.
    saturation
        How much of the color is kept: 0 is gray.
    gray_below
        Brightness (before the stretch) below which color fades out, as Galaxy Zoo DECaLS made its noise gray.
    """

    scales: tuple[float, float, float]
    offset: float
    softening: float
    saturation: float = 1.0
    gray_below: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What decides how a galaxy looks in a survey's pictures.

    Attributes
    ----------
    name, bands
        The bands in the order displayed: red, green, blue. The green one is the band that magnitudes and sizes are
        given in.
    colors, color_ranges
        Color of a middle-aged population, and how it changes with redness (-1 to 1), against the middle band:
        magnitudes to add to the red and to the blue band.
    pixel
        Width of the survey's own pixels, arcsec.
    seeing, seeing_scatter
        Median full width at half maximum of the PSF in each band, arcsec, and its scatter (natural logarithm).
    noise, noise_scatter
        Standard deviation of the sky in a native pixel in each band, nanomaggies, and its scatter.
    sky
        Brightness of the sky in a native pixel in each band, nanomaggies: with `noise` it says how many electrons there
        are.
    noise_width
        Native pixels: width of the Gaussian that resampling and compression make of one pixel's noise.
    background
        How far the sky's mean is off 0 in each band, over the sky's standard deviation.
    registration
        How well the bands lie on each other, arcsec along each axis.
    sizes
        Median half-light radius of the sample, arcsec, and its scatter.
    frames
        Cutouts: widths over half-light radii, their scatter, and share of the cutouts, for each way in which cutouts
        were made.
    fixed_frames
        Median width of cutouts of one size for all, arcsec, its scatter, and share of the cutouts.
    brightness
        Added to the mean surface brightness of galaxies, magnitudes.
    stars, galaxies
        Sources a square arcmin that are brighter than `faintest`.
    faintest
        Flux of the faintest sources around the galaxy, nanomaggies.
    display
        Its color pictures.
    """

    name: str
    bands: tuple[str, str, str]
    colors: tuple[float, float]
    color_ranges: tuple[float, float]
    pixel: float
    seeing: tuple[float, float, float]
    seeing_scatter: float
    noise: tuple[float, float, float]
    noise_scatter: float
    sky: tuple[float, float, float]
    noise_width: float
    registration: float
    background: float
    sizes: tuple[float, float]
    frames: tuple[float, float, float]
    fixed_frames: tuple[float, float, float]
    brightness: float
    stars: float
    galaxies: float
    faintest: float
    display: Display


# Depths and seeing: SDSS (York et al. 2000; Abazajian et al. 2009), DECaLS (Dey et al. 2019), HSC wide (Aihara et al.
# 2018), Euclid's VIS with NISP's Y (Euclid Collaboration 2024). Cutouts of sdss: those of Galaxy Zoo 1 grow with the
# galaxy, a part of Galaxy Zoo 2's do not.
SURVEYS = {
    survey.name: survey
    for survey in (
        Survey(
            name="sdss",
            bands=("i", "r", "g"),
            colors=(-0.27, 0.58),
            color_ranges=(-0.09, 0.30),
            pixel=0.396,
            seeing=(1.20, 1.26, 1.34),
            seeing_scatter=0.10,
            noise=(0.050, 0.034, 0.022),
            noise_scatter=0.15,
            sky=(1.3, 0.75, 0.32),
            noise_width=0.74,
            registration=0.05,
            background=0.25,
            sizes=(3.2, 0.42),
            frames=(14.2, 0.28, 0.65),
            fixed_frames=(30.0, 0.22, 0.35),
            brightness=-0.3,
            stars=6.0,
            galaxies=20.0,
            faintest=0.7,
            display=Display(scales=(0.58, 0.62, 0.86), offset=0.016, softening=6.0, gray_below=0.05),
        ),
        Survey(
            name="decals",
            bands=("z", "r", "g"),
            colors=(-0.50, 0.55),
            color_ranges=(-0.18, 0.26),
            pixel=0.262,
            seeing=(1.10, 1.20, 1.30),
            seeing_scatter=0.12,
            noise=(0.046, 0.0245, 0.0145),
            noise_scatter=0.25,
            sky=(0.9, 0.3, 0.12),
            noise_width=0.6,
            registration=0.02,
            background=0.12,
            sizes=(7.0, 0.28),
            frames=(10.8, 0.28, 1.0),
            fixed_frames=(60.0, 0.2, 0.0),
            brightness=-0.25,
            stars=12.0,
            galaxies=55.0,
            faintest=0.42,
            display=Display(scales=(1.80, 2.75, 4.7), offset=0.068, softening=6.0, saturation=0.42, gray_below=0.2),
        ),
        Survey(
            name="hsc",
            bands=("i", "r", "g"),
            colors=(-0.27, 0.58),
            color_ranges=(-0.09, 0.30),
            pixel=0.168,
            seeing=(0.60, 0.70, 0.75),
            seeing_scatter=0.10,
            noise=(0.0028, 0.0019, 0.0014),
            noise_scatter=0.2,
            sky=(0.22, 0.13, 0.06),
            noise_width=0.6,
            registration=0.01,
            background=0.1,
            sizes=(1.6, 0.38),
            frames=(13.0, 0.28, 1.0),
            fixed_frames=(25.0, 0.2, 0.0),
            brightness=0.5,
            stars=6.0,
            galaxies=60.0,
            faintest=0.05,
            display=Display(scales=(8.4, 9.0, 13.0), offset=0.03, softening=7.0, saturation=0.9),
        ),
        Survey(
            name="euclid",
            bands=("Y", "VIS+Y", "VIS"),
            colors=(-0.30, 0.35),
            color_ranges=(-0.15, 0.18),
            pixel=0.1,
            seeing=(0.36, 0.25, 0.17),
            seeing_scatter=0.03,
            noise=(0.0030, 0.0016, 0.0010),
            noise_scatter=0.1,
            sky=(0.05, 0.03, 0.02),
            noise_width=0.6,
            registration=0.01,
            background=0.1,
            sizes=(1.1, 0.40),
            frames=(12.0, 0.28, 1.0),
            fixed_frames=(15.0, 0.2, 0.0),
            brightness=0.9,
            stars=5.0,
            galaxies=80.0,
            faintest=0.04,
            display=Display(scales=(16.0, 21.0, 30.0), offset=0.03, softening=7.0, saturation=0.7, gray_below=0.1),
        ),
    )
}


def get_survey(survey: str | Survey) -> Survey:
    """Return a survey by its name; a survey is given back.

    Raises
    ------
    OptionError
        There is none of that name.
    """
    if isinstance(survey, Survey):
        return survey
    if survey not in SURVEYS:
        close = difflib.get_close_matches(survey, SURVEYS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        msg = (
            f"No survey called {survey!r} can be simulated.{hint} Give one of {', '.join(SURVEYS)}, or a Survey of "
            "your own."
        )
        raise OptionError(msg)
    return SURVEYS[survey]
