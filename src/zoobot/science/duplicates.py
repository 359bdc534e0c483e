"""Near-duplicate images: the same sky twice, even if turned, mirrored, shifted a little, compressed anew or resized."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from zoobot.errors import CatalogError, ImageError

if TYPE_CHECKING:
    import numpy.typing as npt

THUMBNAIL = 64
"""Width in pixels of the images that are compared"""

SAME_SKY = 0.88
"""From this similarity on, two images count as the same sky; docs/checks.md says what real pairs have"""

FINE, COARSE, AROUND = 0.7, 2.5, 4.0
"""Widths (Gaussian sigma, in thumbnail pixels) of the band of details that is compared, and of the contrast that it is divided by"""

FLAT = 0.004
"""Contrast, one grey level, below which there are no details"""

LARGEST_SHIFT = 6
"""Largest shift of one image against the other that is tried, in thumbnail pixels"""

WORTH_ALIGNING = 0.5
"""Correlation of the spectra from which on two images are laid over each other"""

WORTH_REFINING = 0.25
"""How far below the threshold the first, coarse alignment may be"""

_RADII, _ANGLES = 20, 64
_NEARLY = (-1.4, 0.0, 1.4)  # degrees tried around the angle that the spectra give, which has steps of 2.8
_SEEN, _COMPARED = 30.0, 24.0  # radii, in thumbnail pixels, of the windows for spectra and for the comparison
_BLOCK = 1024

COLUMNS = ["id_str_a", "id_str_b", "part_a", "part_b", "similarity", "kind", "file_loc_a", "file_loc_b"]


def near_duplicates(
    frame: pd.DataFrame,
    thumbnails: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    features: npt.NDArray[np.float32] | None = None,
    *,
    threshold: float = SAME_SKY,
    neighbors: int = 4,
) -> pd.DataFrame:
    """Give the pairs of images that show the same sky, the most similar first; pairs across parts of a split come before all others.

    Candidates are each image's nearest neighbors by features (cosine) and by a signature of its pixels that neither turning nor mirroring
    nor shifting changes (the amplitude spectrum in polar coordinates, and of that the amplitudes along the angle). Candidates are then
    turned, mirrored and shifted onto each other (Reddy & Chatterji 1996), and compared.

    What is compared are details, not the galaxy's light: with ``G_s`` a Gaussian blur, ``d = G_0.7 I - G_2.5 I`` of the grey image, divided
    by the contrast around it, ``sqrt(G_4 d^2)`` (plus 0.3 times its median over the image). Noise, stars and neighbors thus weigh as
    much as the galaxy, so that two smooth ellipticals, or two edge-on disks, are not taken for one. The similarity is the correlation
    coefficient (Pearson) of these within a circle of 0.75 times the width, the greatest over turns, mirror images and shifts of up to
    a tenth of the width. 1: the same pixels.

    Parameters
    ----------
    frame
        One row an image: ``id_str``, ``file_loc``, and ``part`` ('train', 'val', 'test') where there are parts.
    thumbnails
        (image, channel, 64, 64), uint8 or float in [0, 1], each the whole image; see `zoobot.data.images.decode_image`. NaN marks an image
        that can't be read; it has no duplicates, and neither has one without details.
    features
        (image, feature), for more candidates; rows with NaN give none.
    threshold
        The least similarity.
    neighbors
        Candidates an image, by features and by pixels each.

    Returns
    -------
    DataFrame
        ``id_str_a``, ``id_str_b``, ``part_a``, ``part_b`` (empty without parts), ``similarity``, ``kind``: 'identical' (the same
        thumbnail), 'copy', 'rotated' or 'mirrored' (which may be rotated too), ``file_loc_a``, ``file_loc_b``.

    Raises
    ------
    ImageError
        Thumbnails of another size.
    CatalogError
        Another number of rows than thumbnails or features.
    """
    if thumbnails.ndim != 4 or thumbnails.shape[2:] != (THUMBNAIL, THUMBNAIL):
        msg = f"thumbnails have the shape {thumbnails.shape}: expected (image, channel, {THUMBNAIL}, {THUMBNAIL})."
        raise ImageError(msg)
    if len(frame) != len(thumbnails) or (features is not None and len(features) != len(frame)):
        counts = f"{len(thumbnails)} thumbnails{'' if features is None else f' and {len(features)} rows of features'}"
        msg = f"the table has {len(frame)} rows, but there are {counts}: give one of each an image."
        raise CatalogError(msg)
    details = _details(thumbnails)
    usable = np.flatnonzero(np.isfinite(details).all(axis=(1, 2)) & (details.std(axis=(1, 2)) > 0))
    details = details[usable]
    spectra = _spectra(details)
    pairs = _neighbors(_signature(spectra), neighbors)
    if features is not None:
        pairs |= _neighbors(features[usable], neighbors)
    pairs |= _identical(thumbnails[usable])
    candidates = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    similarity, turn, mirrored = _compare(details, spectra, candidates, threshold)
    found = similarity >= threshold
    a, b = usable[candidates[found, 0]], usable[candidates[found, 1]]
    return _table(frame, thumbnails, a, b, similarity[found], turn[found], mirrored[found])


def _details(thumbnails: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give details of even contrast (image, y, x); 0 where an image has none."""
    from scipy.ndimage import gaussian_filter

    details = np.empty((len(thumbnails), THUMBNAIL, THUMBNAIL), np.float32)
    for start in range(0, len(thumbnails), _BLOCK):
        block = thumbnails[start : start + _BLOCK]
        grey = block.mean(axis=1, dtype=np.float32) / (255 if block.dtype == np.uint8 else 1)
        band = gaussian_filter(grey, (0, FINE, FINE)) - gaussian_filter(grey, (0, COARSE, COARSE))
        contrast = np.sqrt(gaussian_filter(band**2, (0, AROUND, AROUND)).clip(0))
        typical = np.median(contrast, axis=(1, 2), keepdims=True)
        details[start : start + _BLOCK] = band / (contrast + 0.3 * typical + FLAT)
        flat = grey.std(axis=(1, 2)) < FLAT
        details[start : start + _BLOCK][flat] = 0
    return details


def _spectra(details: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give square roots of the amplitude spectra (image, radius, angle), angles over half a turn; mean 0 at each radius, norm 1."""
    from scipy.fft import fft2, fftshift

    window = np.clip((_SEEN - _distance()) / 3, 0, 1).astype(np.float32)
    resample = _polar()
    spectra = np.empty((len(details), _RADII, _ANGLES), np.float32)
    for start in range(0, len(details), _BLOCK):
        amplitude = np.sqrt(np.abs(fftshift(fft2(details[start : start + _BLOCK] * window), axes=(1, 2))))
        polar = (resample @ amplitude.reshape(len(amplitude), -1).T).T.reshape(-1, _RADII, _ANGLES)
        polar -= polar.mean(axis=2, keepdims=True)
        spectra[start : start + _BLOCK] = polar / np.sqrt((polar**2).sum(axis=(1, 2), keepdims=True) + 1e-12)
    return spectra


def _polar() -> Any:
    """Give the sparse matrix that interpolates a shifted spectrum (y, x) bilinearly at (radius, angle)."""
    from scipy.sparse import csr_matrix

    radius, angle = np.linspace(3, 24, _RADII)[:, None], np.arange(_ANGLES) * np.pi / _ANGLES
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


def _distance() -> npt.NDArray[np.float32]:
    """Give the distance of each pixel from the middle, in pixels."""
    place = np.arange(THUMBNAIL, dtype=np.float32) - (THUMBNAIL - 1) / 2
    far: npt.NDArray[np.float32] = np.hypot(place[:, None], place)
    return far


def _signature(spectra: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give what turns and mirroring leave of spectra: amplitudes along the angle (image, radius x frequency)."""
    amplitude = np.abs(np.fft.rfft(spectra, axis=2)[:, :, 1:17]).astype(np.float32)
    flat = amplitude.reshape(len(amplitude), -1)
    centred: npt.NDArray[np.float32] = flat - flat.mean(axis=0) if len(flat) else flat
    return centred


def _neighbors(features: npt.NDArray[np.float32], count: int) -> set[tuple[int, int]]:
    """Give each row's nearest others by cosine, exactly, as pairs with the lower row first."""
    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    rows = features[known] / np.maximum(np.linalg.norm(features[known], axis=1, keepdims=True), 1e-12)
    count = min(count, len(rows) - 1)
    pairs: set[tuple[int, int]] = set()
    if count < 1:
        return pairs
    for start in range(0, len(rows), _BLOCK):
        cosine = torch.from_numpy(rows[start : start + _BLOCK] @ rows.T)
        here = torch.arange(len(cosine))
        cosine[here, here + start] = -2
        nearest = known[cosine.topk(count, dim=1).indices.numpy()]
        for row, others in zip(known[start : start + _BLOCK].tolist(), nearest.tolist(), strict=True):
            pairs.update((min(row, other), max(row, other)) for other in others)
    return pairs


def _identical(thumbnails: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> set[tuple[int, int]]:
    """Give images of the same pixels, each with the one before, so that none is missed however many there are."""
    last: dict[bytes, int] = {}
    pairs = set()
    for row, image in enumerate(thumbnails):
        content = image.tobytes()
        if content in last:
            pairs.add((last[content], row))
        last[content] = row
    return pairs


def _compare(
    details: npt.NDArray[np.float32],
    spectra: npt.NDArray[np.float32],
    pairs: npt.NDArray[np.int64],
    threshold: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Give each pair's similarity (0 where it can't reach the threshold), the turn of the second image in degrees, and its mirroring."""
    similarity, turn = np.zeros(len(pairs)), np.zeros(len(pairs))
    mirrored = np.zeros(len(pairs), bool)
    waves = np.fft.rfft(spectra, axis=2).astype(np.complex64)
    for mirror in (False, True):
        for start in range(0, len(pairs), _BLOCK):
            a, b = pairs[start : start + _BLOCK].T
            other = waves[b] if mirror else waves[b].conj()  # an angle of the other sign conjugates
            along = np.fft.irfft((waves[a] * other).sum(axis=1), _ANGLES, axis=1)
            rows = start + np.flatnonzero(along.max(axis=1) > WORTH_ALIGNING)
            degrees = np.zeros(len(pairs))
            degrees[start : start + _BLOCK] = along.argmax(axis=1) * 180 / _ANGLES
            for part in range(0, len(rows), 64):
                some = rows[part : part + 64]
                coarse, near = _align(details, pairs[some], degrees[some], mirror, (0, 180), exact=False)
                promising = coarse > threshold - WORTH_REFINING
                some, near = some[promising], near[promising]
                if len(some):
                    best, angle = _align(details, pairs[some], near, mirror, _NEARLY, exact=True)
                    better = best > similarity[some]
                    some = some[better]
                    similarity[some], turn[some], mirrored[some] = best[better], angle[better], mirror
    return similarity, turn, mirrored


def _align(
    details: npt.NDArray[np.float32],
    pairs: npt.NDArray[np.int64],
    degrees: npt.NDArray[np.float64],
    mirror: bool,
    tries: tuple[float, ...],
    *,
    exact: bool,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give the greatest correlation of each pair, over shifts and turns of ``degrees`` plus one of ``tries``, and that turn."""
    fixed = torch.from_numpy(details[pairs[:, 0]])
    moved = torch.from_numpy(details[pairs[:, 1]])
    moved = moved.flip(1) if mirror else moved
    turns = degrees[:, None] + np.array(tries)
    theta = torch.from_numpy(np.deg2rad(turns.ravel()).astype(np.float32))[:, None, None]
    place = (torch.arange(THUMBNAIL) * 2 + 1) / THUMBNAIL - 1
    y, x = place[:, None], place[None]
    grid = torch.stack([theta.cos() * x + theta.sin() * y, theta.cos() * y - theta.sin() * x], dim=-1)
    repeated = moved.repeat_interleave(len(tries), dim=0)[:, None]
    turned = F.grid_sample(repeated, grid, align_corners=False).reshape(len(pairs), len(tries), THUMBNAIL, THUMBNAIL)
    found = _correlate(fixed, turned, exact=exact).numpy().astype(float)
    best = found.argmax(axis=1)
    rows = np.arange(len(pairs))
    return found[rows, best], (turns[rows, best] + 180) % 360 - 180


def _correlate(fixed: torch.Tensor, moved: torch.Tensor, *, exact: bool) -> torch.Tensor:
    """Give the greatest Pearson correlation, over shifts, of the middle of ``fixed`` (pair, y, x) with ``moved`` (pair, try, y, x).

    Not ``exact``: the spread of ``moved`` is taken where it is unshifted, which saves most of the work.
    """
    inside = torch.from_numpy((_distance() < _COMPARED).astype(np.float32))
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
    near = torch.tensor([*range(LARGEST_SHIFT + 1), *range(-LARGEST_SHIFT, 0)])
    correlation = (product / spread.sqrt().clamp(min=1e-6))[:, :, near][..., near]
    greatest: torch.Tensor = correlation.amax(dim=(2, 3))
    return greatest


def _table(
    frame: pd.DataFrame,
    thumbnails: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    a: npt.NDArray[np.int64],
    b: npt.NDArray[np.int64],
    similarity: npt.NDArray[np.float64],
    turn: npt.NDArray[np.float64],
    mirrored: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Give the table of pairs that `near_duplicates` promises."""
    ids, files = frame["id_str"].astype(str).to_numpy(), frame["file_loc"].astype(str).to_numpy()
    parts = frame["part"].astype(str).to_numpy() if "part" in frame else np.full(len(frame), "")
    identical = np.array(
        [np.array_equal(thumbnails[one], thumbnails[two]) for one, two in zip(a, b, strict=True)], bool
    )
    kind = np.select([identical, mirrored, np.abs(turn) > 3], ["identical", "mirrored", "rotated"], "copy")
    values = [ids[a], ids[b], parts[a], parts[b], similarity.clip(-1, 1).round(4), kind, files[a], files[b]]
    table = pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))
    across = table["part_a"] != table["part_b"]
    order = table.assign(across=across).sort_values(["across", "similarity"], ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
