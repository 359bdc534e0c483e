"""Do two images show the same sky, even if turned, mirrored, shifted a little, compressed anew or resized?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    import numpy.typing as npt

THUMBNAIL = 64
"""Width in pixels of the images that are compared"""

SAME_SKY = 0.88
"""From this similarity on, two images count as the same sky; docs/checks.md says what real pairs have"""

FINE, COARSE, AROUND = 0.7, 2.5, 4.0
"""Widths (Gaussian sigma, in thumbnail pixels) of the band of details that is compared, and of the contrast that it is
divided by
"""

FLAT = 0.004
"""Contrast, one grey level, below which there are no details"""

LARGEST_SHIFT = 6
"""Largest shift of one image against the other that is tried, in thumbnail pixels"""

WORTH_ALIGNING = 0.5
"""Correlation of the spectra from which on two images are laid over each other"""

WORTH_REFINING = 0.25
"""How far below the threshold the first, coarse alignment may be"""

SAME_ASYMMETRY = 0.5
"""Correlation of what half a turn changes, below which two images of the same shape are of different skies"""

LEAST_ASYMMETRY = 0.03
"""Size of what half a turn changes, as a share of all details, below which it tells nothing: of an image without noise
"""

RADII, ANGLES, _FREQUENCIES = 20, 64, 16
_NEARLY = (-1.4, 0.0, 1.4)  # degrees tried around the angle that the spectra give, which has steps of 2.8
_SEEN, COMPARED = 30.0, 24.0  # radii, in thumbnail pixels, of the windows for spectra and for the comparison
BLOCK = 1024


def has_details(details: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return which images (image,) can be read and have details."""
    usable: npt.NDArray[np.bool_] = np.isfinite(details).all(axis=(1, 2)) & (details.std(axis=(1, 2)) > 0)
    return usable


def details_of(thumbnails: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return details of even contrast (image, y, x); 0 where an image has none."""
    from scipy.ndimage import gaussian_filter

    details = np.empty((len(thumbnails), THUMBNAIL, THUMBNAIL), np.float32)
    for start in range(0, len(thumbnails), BLOCK):
        block = thumbnails[start : start + BLOCK]
        grey = block.mean(axis=1, dtype=np.float32) / (255 if block.dtype == np.uint8 else 1)
        band = gaussian_filter(grey, (0, FINE, FINE)) - gaussian_filter(grey, (0, COARSE, COARSE))
        contrast = np.sqrt(gaussian_filter(band**2, (0, AROUND, AROUND)).clip(0))
        typical = np.median(contrast, axis=(1, 2), keepdims=True)
        details[start : start + BLOCK] = band / (contrast + 0.3 * typical + FLAT)
        flat = grey.std(axis=(1, 2)) < FLAT
        details[start : start + BLOCK][flat] = 0
    return details


def spectra_of(details: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return square roots of the amplitude spectra (image, radius, angle), angles over half a turn.

    They have mean 0 at each radius, and norm 1.
    """
    from scipy.fft import fft2, fftshift

    window = np.clip((_SEEN - distance_from_middle()) / 3, 0, 1).astype(np.float32)
    resample = _polar()
    spectra = np.empty((len(details), RADII, ANGLES), np.float32)
    for start in range(0, len(details), BLOCK):
        amplitude = np.sqrt(np.abs(fftshift(fft2(details[start : start + BLOCK] * window), axes=(1, 2))))
        polar = (resample @ amplitude.reshape(len(amplitude), -1).T).T.reshape(-1, RADII, ANGLES)
        polar -= polar.mean(axis=2, keepdims=True)
        spectra[start : start + BLOCK] = polar / np.sqrt((polar**2).sum(axis=(1, 2), keepdims=True) + 1e-12)
    return spectra


def _polar() -> Any:
    """Return the sparse matrix that interpolates a shifted spectrum (y, x) bilinearly at (radius, angle)."""
    from scipy.sparse import csr_matrix

    radius, angle = np.linspace(3, 24, RADII)[:, None], np.arange(ANGLES) * np.pi / ANGLES
    y, x = THUMBNAIL / 2 + radius * np.sin(angle), THUMBNAIL / 2 + radius * np.cos(angle)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    parts = []
    for down, weight_y in ((0, 1 - (y - top)), (1, y - top)):
        for right, weight_x in ((0, 1 - (x - left)), (1, x - left)):
            pixel = ((top + down) * THUMBNAIL + left + right).ravel()
            place = (np.arange(pixel.size), pixel)
            shape = (pixel.size, THUMBNAIL**2)
            parts.append(csr_matrix(((weight_y * weight_x).ravel().astype(np.float32), place), shape=shape))
    return sum(parts[1:], parts[0])


def distance_from_middle() -> npt.NDArray[np.float32]:
    """Return the distance of each pixel from the middle, in pixels."""
    place = np.arange(THUMBNAIL, dtype=np.float32) - (THUMBNAIL - 1) / 2
    far: npt.NDArray[np.float32] = np.hypot(place[:, None], place)
    return far


def amplitudes(spectra: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the first amplitudes of spectra along the angle (image, radius x frequency)."""
    amplitude = np.abs(np.fft.rfft(spectra, axis=2)[:, :, 1 : _FREQUENCIES + 1]).astype(np.float32)
    return amplitude.reshape(len(amplitude), -1)


def compare(
    details: npt.NDArray[np.float32],
    spectra: npt.NDArray[np.float32],
    pairs: npt.NDArray[np.int64],
    threshold: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return each pair's similarity, the turn of the second image in degrees, and its mirroring.

    The similarity is 0 where it can't reach the threshold, and where only what is symmetric agrees: see `_differ`.
    """
    similarity, turn = np.zeros(len(pairs)), np.zeros(len(pairs))
    mirrored = np.zeros(len(pairs), bool)
    waves = waves_of(spectra)
    for mirror in (False, True):
        for start in range(0, len(pairs), BLOCK):
            a, b = pairs[start : start + BLOCK].T
            along = correlate_turns(waves[a], waves[b], mirror=mirror)
            rows = start + np.flatnonzero(along.max(axis=1) > WORTH_ALIGNING)
            degrees = np.zeros(len(pairs))
            degrees[start : start + BLOCK] = along.argmax(axis=1) * 180 / ANGLES
            for part in range(0, len(rows), 64):
                some = rows[part : part + 64]
                coarse, near = align(details, pairs[some], degrees[some], mirror, (0, 180), exact=False)
                promising = coarse > threshold - WORTH_REFINING
                some, near = some[promising], near[promising]
                if len(some):
                    best, angle = align(details, pairs[some], near, mirror, _NEARLY, exact=True)
                    better = best > similarity[some]
                    some = some[better]
                    similarity[some], turn[some], mirrored[some] = best[better], angle[better], mirror
    alike = np.flatnonzero(similarity >= threshold)
    for part in range(0, len(alike), 64):
        some = alike[part : part + 64]
        similarity[some[_differ(details, pairs[some], turn[some], mirrored[some])]] = 0
    return similarity, turn, mirrored


def waves_of(spectra: npt.NDArray[np.floating]) -> npt.NDArray[np.complex64]:
    """Return the Fourier transform of spectra along the angle (image, radius, frequency)."""
    return np.fft.rfft(spectra.astype(np.float32), axis=2).astype(np.complex64)


def correlate_turns(
    first: npt.NDArray[np.complex64], second: npt.NDArray[np.complex64], *, mirror: bool
) -> npt.NDArray[np.floating]:
    """Return the correlation of pairs of spectra at each turn of the second image (pair, angle)."""
    other = second if mirror else second.conj()  # an angle of the other sign conjugates
    turned: npt.NDArray[np.floating] = np.fft.irfft((first * other).sum(axis=1), ANGLES, axis=1)
    return turned


def align(
    details: npt.NDArray[np.float32],
    pairs: npt.NDArray[np.int64],
    degrees: npt.NDArray[np.float64],
    mirror: bool,
    tries: tuple[float, ...],
    *,
    exact: bool,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the greatest correlation of each pair, over shifts and turns, and that turn.

    Turns are by ``degrees`` plus one of ``tries``.
    """
    fixed = torch.from_numpy(details[pairs[:, 0]])
    moved = torch.from_numpy(details[pairs[:, 1]])
    turns = degrees[:, None] + np.array(tries)
    found = _correlate(fixed, _turned(moved.flip(1) if mirror else moved, turns), exact=exact)
    greatest = found.amax(dim=(2, 3)).numpy().astype(float)
    best = greatest.argmax(axis=1)
    rows = np.arange(len(pairs))
    return greatest[rows, best], (turns[rows, best] + 180) % 360 - 180


def _differ(
    details: npt.NDArray[np.float32],
    pairs: npt.NDArray[np.int64],
    degrees: npt.NDArray[np.float64],
    mirrored: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Return which pairs that correlate once aligned are of different skies, for they agree in what is symmetric alone.

    Half a turn maps smooth rings, bars and disks onto themselves, but neither noise nor neighbors. What it changes,
    ``d(x) - d(-x)``, correlates by 0.7 or more where both show the same sky, and by 0.3 or less where they show
    different smooth galaxies of one shape.
    """
    fixed = torch.from_numpy(details[pairs[:, 0]])
    moved = torch.from_numpy(details[pairs[:, 1]])
    moved = torch.where(torch.from_numpy(mirrored)[:, None, None], moved.flip(1), moved)
    turned = _turned(moved, degrees[:, None])
    best = _correlate(fixed, turned, exact=True)[:, 0].flatten(1).argmax(dim=1)
    near = _near()
    shifts = zip(near[best // len(near)].tolist(), near[best % len(near)].tolist(), strict=True)
    laid = torch.stack([one.roll((-y, -x), (0, 1)) for one, (y, x) in zip(turned[:, 0], shifts, strict=True)])
    inside = _inside()
    both = [((image - image.flip((1, 2))) * inside).flatten(1) for image in (fixed, laid)]
    norms = [one.norm(dim=1) for one in both]
    telling = torch.minimum(*norms) > LEAST_ASYMMETRY * torch.minimum(
        *((image * inside).flatten(1).norm(dim=1) for image in (fixed, laid))
    )
    agreement = (both[0] * both[1]).sum(dim=1) / (norms[0] * norms[1]).clamp(min=1e-6)
    different: npt.NDArray[np.bool_] = (telling & (agreement < SAME_ASYMMETRY)).numpy()
    return different


def _turned(images: torch.Tensor, degrees: npt.NDArray[np.float64]) -> torch.Tensor:
    """Return images (pair, y, x) turned by angles (pair, try), as (pair, try, y, x)."""
    theta = torch.from_numpy(np.deg2rad(degrees.ravel()).astype(np.float32))[:, None, None]
    place = (torch.arange(THUMBNAIL) * 2 + 1) / THUMBNAIL - 1
    y, x = place[:, None], place[None]
    grid = torch.stack([theta.cos() * x + theta.sin() * y, theta.cos() * y - theta.sin() * x], dim=-1)
    repeated = images.repeat_interleave(degrees.shape[1], dim=0)[:, None]
    return F.grid_sample(repeated, grid, align_corners=False).reshape(*degrees.shape, THUMBNAIL, THUMBNAIL)


def _inside() -> torch.Tensor:
    """Return 1 within the circle that is compared, 0 outside (y, x)."""
    return torch.from_numpy((distance_from_middle() < COMPARED).astype(np.float32))


def _near() -> torch.Tensor:
    """Return the shifts that are tried along each axis, in pixels."""
    return torch.tensor([*range(LARGEST_SHIFT + 1), *range(-LARGEST_SHIFT, 0)])


def _correlate(fixed: torch.Tensor, moved: torch.Tensor, *, exact: bool) -> torch.Tensor:
    """Return Pearson's correlation of the middle of ``fixed`` with ``moved``, at shifts.

    Shapes are (pair, y, x), (pair, try, y, x), and (pair, try, y, x). Not ``exact``: the spread of ``moved`` is taken
    where it is unshifted, which saves most of the work.
    """
    inside = _inside()
    area = inside.sum()
    middle = (fixed * inside) - inside * (fixed * inside).sum(dim=(1, 2), keepdim=True) / area
    shape = (THUMBNAIL, THUMBNAIL)
    spectrum = torch.fft.rfft2(moved)
    product = torch.fft.irfft2(torch.fft.rfft2(middle).conj()[:, None] * spectrum, s=shape)
    if exact:
        window = torch.fft.rfft2(inside).conj()
        total = torch.fft.irfft2(window * spectrum, s=shape)
        squares = torch.fft.irfft2(window * torch.fft.rfft2(moved**2), s=shape)
    else:
        total = (moved * inside).sum(dim=(2, 3), keepdim=True)
        squares = (moved**2 * inside).sum(dim=(2, 3), keepdim=True)
    spread = (squares - total**2 / area).clamp(min=1e-3) * (middle**2).sum(dim=(1, 2))[:, None, None, None]
    near = _near()
    correlation: torch.Tensor = (product / spread.sqrt().clamp(min=1e-6))[:, :, near][..., near]
    return correlation
