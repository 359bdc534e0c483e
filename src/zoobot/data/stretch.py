"""From pixel values in any unit to brightness in [0, 1]: limits and stretches, through astropy.visualization."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from zoobot.data.fills import find_fills, shares_of_fills
from zoobot.errors import ImageError
from zoobot.settings import Stretch

ASINH_SOFTENING = 0.1
LOG_STEEPNESS = 1000.0
# no image has values beyond this: some software marks blank pixels with the largest number that its type holds
_LARGEST_VALUE = 1e100
# more than a million times the white level is white: the colors of such a pixel needn't survive, finite numbers must
_SATURATION = 1e6


class ConstantImageWarning(UserWarning):
    """An image, or a band of it, has the same value everywhere (or no value at all) and becomes zeros."""


def stretch_bands(
    bands: npt.NDArray[Any], stretch: Stretch, percentiles: tuple[float, float], name: str
) -> npt.NDArray[np.float32]:
    """Return the brightness that `stretch_with_fills` gives."""
    return stretch_with_fills(bands, stretch, percentiles, name)[0]


def stretch_with_fills(
    bands: npt.NDArray[Any], stretch: Stretch, percentiles: tuple[float, float], name: str
) -> tuple[npt.NDArray[np.float32], dict[str, float]]:
    """Return the bands of an image as brightness, exactly in [0, 1].

    The limits are the percentiles of the finite pixels that no fill value has taken (`zoobot.data.fills`), in each band
    by itself; ``zscale`` finds its own limits (the algorithm of IRAF) and is linear between them. Adding a constant to
    a band or multiplying it by a positive number changes nothing, so any flux unit and any sky level will do.

    ``lupton`` takes three bands, in the order red, green, blue, and keeps their colors (Lupton et al. 2004, PASP 116,
    133): each band loses its own lower percentile, the sky, then all three share one scale, set by the upper percentile
    of their mean. Its softening is that of ``asinh``.

    Parameters
    ----------
    bands : ndarray
        (band, y, x), floating point, any unit. NaN, infinite and blank pixels (at the edge of what the type can hold),
        and fill values far from all others, become the background level: the median of the band's other pixels.
    stretch : str
        One of ``asinh``, ``linear``, ``log``, ``sqrt``, ``zscale``, ``lupton``.
    percentiles : tuple of float
        Lower and upper percentile; where they coincide, the smallest and the largest value are taken.
    name : str
        What to call the image in messages.

    Returns
    -------
    brightness : ndarray
        (band, y, x), float32 in [0, 1]. A constant band gives zeros and a `ConstantImageWarning`.
    fills : dict
        By the value that stands for no data: the largest share of a band's pixels that have it (`shares_of_fills`).

    Raises
    ------
    ImageError
        No pixel of any band is finite, or ``lupton`` has other than three bands.
    """
    usable = np.abs(bands) < min(float(np.finfo(bands.dtype).max) / 8, _LARGEST_VALUE)
    if not usable.any():
        msg = f"{name}: no pixel is finite, so there is nothing to see. Leave this image out of the catalog."
        raise ImageError(msg)
    if stretch == "lupton" and len(bands) != 3:
        msg = (
            f"{name}: the stretch 'lupton' needs three bands (red, green, blue), but there are {len(bands)}. "
            "Pick three with bands=, or take the stretch 'asinh'."
        )
        raise ImageError(msg)

    measured = np.zeros(bands.shape, np.float64)
    counted = usable.copy()
    limits = np.zeros((len(bands), 2))
    constant = []
    fills: dict[str, float] = {}
    for index, band in enumerate(bands):
        absent, filled = find_fills(band, usable[index])
        for value, share in shares_of_fills(band, usable[index], absent | filled).items():
            fills[value] = max(share, fills.get(value, 0.0))
        usable[index] &= ~absent
        counted[index] = usable[index] & ~filled
        values = band[counted[index]].astype(np.float64)
        if values.size == 0 or values.min() == values.max():
            constant.append(index)
            continue
        measured[index] = np.where(usable[index], band, np.median(values))
        limits[index] = _limits(values, stretch, percentiles)
    if constant:
        which = "every pixel" if len(constant) == len(bands) else f"every pixel of band {', '.join(map(str, constant))}"
        msg = f"{name}: {which} has the same value; zeros are used in its place."
        warnings.warn(msg, ConstantImageWarning, stacklevel=2)

    low, high = limits.T[:, :, None, None]
    if stretch == "lupton":
        brightness = _lupton(np.maximum(measured - low, 0), counted.any(axis=0), percentiles[1])
    else:
        span = np.where(high > low, high - low, 1)
        brightness = _curve(stretch)((np.clip(measured, low, high) - low) / span)
    return np.clip(brightness, 0, 1).astype(np.float32), fills


def _limits(values: npt.NDArray[np.float64], stretch: Stretch, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return the values that become 0 and 1, the second always above the first; ``values`` are not all the same."""
    from astropy.visualization import AsymmetricPercentileInterval, ZScaleInterval

    interval = ZScaleInterval() if stretch == "zscale" else AsymmetricPercentileInterval(*percentiles)
    low, high = interval.get_limits(values)
    return (float(low), float(high)) if high > low else (float(values.min()), float(values.max()))


def _curve(stretch: Stretch) -> Any:
    """Return astropy's stretch, a function from [0, 1] to [0, 1]."""
    from astropy.visualization import AsinhStretch, LinearStretch, LogStretch, SqrtStretch

    if stretch in ("asinh", "lupton"):
        return AsinhStretch(a=ASINH_SOFTENING)
    if stretch == "log":
        return LogStretch(a=LOG_STEEPNESS)
    return SqrtStretch() if stretch == "sqrt" else LinearStretch()


def _lupton(
    flux: npt.NDArray[np.float64], counted: npt.NDArray[np.bool_], upper_percentile: float
) -> npt.NDArray[np.float64]:
    """Return the Lupton color image of three bands above their sky, none negative: (3, y, x)."""
    from astropy.visualization import ManualInterval, make_lupton_rgb

    intensity = flux.mean(axis=0)
    white = np.percentile(intensity[counted], upper_percentile) or intensity.max()
    if not white:
        return flux
    scaled = np.minimum(flux, white * _SATURATION) / white
    with np.errstate(invalid="ignore"):  # astropy divides 0 by 0 in dark pixels, then puts 0 there
        colors: npt.NDArray[np.float64] = make_lupton_rgb(
            *scaled, interval=ManualInterval(vmin=0), stretch_object=_curve("lupton"), output_dtype=float
        )
    return colors.transpose(2, 0, 1)
