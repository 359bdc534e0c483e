"""What surrounds and belongs to a galaxy as small sources: stars, distant galaxies, and the galaxy's own clumps."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zoobot.simulate.draws import Draws, Values
from zoobot.simulate.galaxy import Table
from zoobot.simulate.surveys import Survey

N_CLUMPS = 22
CLUMP_COLUMNS = N_CLUMPS * 4
N_NEIGHBORS = 96
NEIGHBOR_COLUMNS = N_NEIGHBORS * 7 + 8
CLUMP_REDNESS = -1.1
ROOM = 3.6  # e-folding lengths that a source's square reaches out to, at least
LARGEST_NEIGHBOR = 150.0  # flux over the faintest's


@dataclass(frozen=True)
class Sources:
    """Small sources of many images, one after the other.

    Attributes
    ----------
    image
        Number of the image that each is in, (source,).
    x, y
        Places from the image's center, in widths of the image.
    radius
        E-folding length, in widths of the image; 0 is a point.
    axis_ratio, angle
        Shapes.
    flux
        Nanomaggies in each band, (source, band).
    """

    image: npt.NDArray[np.int64]
    x: Values
    y: Values
    radius: Values
    axis_ratio: Values
    angle: Values
    flux: Values

    def pick(self, chosen: npt.NDArray[np.bool_]) -> "Sources":
        """Return some of the sources."""
        return Sources(**{name: values[chosen] for name, values in vars(self).items()})

    def of(self, images: range) -> "Sources":
        """Return the sources of some images, which are numbered from 0 anew."""
        chosen = (self.image >= images.start) & (self.image < images.stop)
        some = self.pick(chosen)
        return replace(some, image=some.image - images.start)


def join(parts: list[Sources]) -> Sources:
    """Return several lists of sources as one."""
    return Sources(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def band_fluxes(flux: Values, redness: Values, survey: Survey) -> Values:
    """Return flux in each band, (..., band), from flux in the middle one and color."""
    red, blue = (base + slope * redness for base, slope in zip(survey.colors, survey.color_ranges, strict=True))
    return np.stack([flux * 10 ** (-0.4 * red), flux, flux * 10 ** (-0.4 * blue)], axis=-1)


def neighbors(draws: Draws, width: Values, survey: Survey) -> Sources:
    """Return the stars and galaxies of fields that are `width` arcsec wide.

    The faint are many, for numbers follow power laws.
    """
    square_arcmin = (width / 60) ** 2
    crowded = draws.log_normal(1.0, 0.45)
    stars = np.minimum(survey.stars * square_arcmin * draws.log_normal(1.0, 0.6), N_NEIGHBORS / 2)
    galaxies = np.minimum(survey.galaxies * square_arcmin * crowded, N_NEIGHBORS / 2)
    clustered = draws.chance(0.2)  # in a group, neighbors are red and near
    u = draws.block(7, N_NEIGHBORS)
    place = np.arange(N_NEIGHBORS)
    half = N_NEIGHBORS // 2
    is_star = place < half
    expected = np.where(is_star, stars[:, None], (galaxies * np.where(clustered, 1.5, 1.0))[:, None])
    present = u[:, 0] < expected / half
    brightness = np.minimum(
        u[:, 1].clip(1e-6) ** (-1 / np.where(is_star, 0.55, 0.85)), np.where(is_star, 60, 1) * LARGEST_NEIGHBOR
    )
    flux = survey.faintest * brightness
    redness = np.where(is_star, 5.5 * (u[:, 2] - 0.36), np.where(clustered[:, None], 0.9, 2.4 * (u[:, 2] - 0.2)))
    spread = np.where(clustered[:, None] & ~is_star, 0.75, 1.0)
    x, y = (u[:, 3] - 0.5) * 1.08 * spread, (u[:, 4] - 0.5) * 1.08 * spread
    arcsec = 0.30 * (flux / survey.faintest) ** 0.28 * np.exp(1.2 * (u[:, 5] - 0.5)) * (survey.pixel / 0.3) ** 0.5
    radius = np.where(is_star, 0.0, arcsec / width[:, None])
    axis_ratio = np.where(is_star, 1.0, 0.3 + 0.7 * u[:, 6])
    angle = np.pi * (u[:, 5] + u[:, 6])
    image = np.broadcast_to(np.arange(len(width))[:, None], present.shape)
    shown = present & (np.hypot(x, y) > 0.012)
    return Sources(image, x, y, radius, axis_ratio, angle, band_fluxes(flux, redness, survey)).pick(shown)


def clumps(draws: Draws, galaxies: Table, survey: Survey) -> Sources:
    """Return the clumps of galaxies' disks: along the arms where there are arms, else anywhere in the disk."""
    u = draws.block(4, N_CLUMPS)
    v = {name: values[:, None] for name, values in galaxies.items()}
    radius = v["scale_length"] * (0.35 - 1.1 * np.log(1 - 0.93 * u[:, 0]))
    winding = v["handedness"] * np.log(radius / v["scale_length"]) / np.tan(v["arm_pitch"])
    arm = np.floor(u[:, 1] * 60) % v["arm_count"]
    on_arm = v["arm_phase"] + winding + 2 * np.pi * arm / v["arm_count"] + 0.35 * (u[:, 2] - 0.5)
    angle = np.where((v["arm_contrast"] > 0) & (u[:, 2] < 0.8), on_arm, 2 * np.pi * (7 * u[:, 1] % 1))
    along = radius * np.cos(angle)
    thin = np.cos(v["inclination"]) ** 2
    across = radius * np.sin(angle) * np.sqrt(thin + (1 - thin) * 0.08**2)
    cosine, sine = np.cos(v["position_angle"]), np.sin(v["position_angle"])
    x = v["x"] + along * cosine - across * sine + v["lopsidedness"] * v["scale_length"] * np.cos(v["lopsided_angle"])
    y = v["y"] + along * sine + across * cosine + v["lopsidedness"] * v["scale_length"] * np.sin(v["lopsided_angle"])
    weight = u[:, 3].clip(0.02) ** -0.8 * np.exp(-0.35 * radius / v["scale_length"])
    flux = v["flux"] * v["clump_fraction"] * weight / weight.sum(-1, keepdims=True)
    size = v["clump_spread"] / v["width"] * (0.6 + 0.8 * u[:, 2])
    image = np.broadcast_to(np.arange(len(u))[:, None], flux.shape)
    shown = flux > 0
    redness = np.broadcast_to(0.5 * v["young_redness"] + 0.5 * CLUMP_REDNESS, flux.shape)
    ones, zeros = np.ones_like(flux), np.zeros_like(flux)
    bands = band_fluxes(flux, redness, survey)
    return Sources(image, x / v["width"], y / v["width"], size, ones, zeros, bands).pick(shown)


def add_sources(images: Tensor, sources: Sources, size: int) -> None:
    """Add sources to images (image, band, canvas, canvas) in place, each within a square around its center.

    Parameters
    ----------
    images
        The middle `size` pixels of a canvas are the image.
    sources
        What to add, on the CPU.
    size
        Width of the image in pixels.
    """
    large = max(4, size // 14)
    small = min(4, large)
    points, compact = sources.radius == 0, sources.radius * size * ROOM <= small
    for chosen, half in ((points, 2), (compact & ~points, small), (~compact, large)):
        if chosen.any():
            _add(images, sources.pick(chosen), size, half)


def _add(images: Tensor, sources: Sources, size: int, half: int) -> None:
    n_bands, canvas = images.shape[1], images.shape[-1]
    # what is larger than its square would be seen to be one
    radius = np.minimum(sources.radius * size, half / ROOM)
    pixels = (sources.x * size + canvas / 2, sources.y * size + canvas / 2, radius)
    numbers = np.stack([*pixels, sources.axis_ratio, sources.angle]).astype(np.float32)
    x, y, radius, axis_ratio, angle = torch.from_numpy(numbers).to(images.device)[..., None, None]
    flux = torch.from_numpy(sources.flux.astype(np.float32)).to(images.device)
    image = torch.from_numpy(sources.image).to(images.device)
    offsets = torch.arange(-half, half + 1, device=images.device)
    columns = x[:, 0, 0].floor().long()[:, None] + offsets
    rows = y[:, 0, 0].floor().long()[:, None] + offsets
    across, down = columns[:, None, :] + 0.5 - x, rows[:, :, None] + 0.5 - y
    cosine, sine = angle.cos(), angle.sin()
    squared = (across * cosine + down * sine) ** 2 + ((down * cosine - across * sine) / axis_ratio) ** 2
    # a point is as wide as a pixel: its light is spread over the pixels around it before the air blurs it
    profile = torch.where(radius > 0, torch.exp(-(squared + 0.15).sqrt() / (radius + 0.3)), torch.exp(-squared / 0.4))
    profile = profile / profile.sum((1, 2), keepdim=True)
    inside = ((columns >= 0) & (columns < canvas))[:, None, :] & ((rows >= 0) & (rows < canvas))[:, :, None]
    light = (profile * inside)[:, None] * flux[:, :, None, None]
    place = rows.clamp(0, canvas - 1)[:, :, None] * canvas + columns.clamp(0, canvas - 1)[:, None, :]
    bands = image[:, None] * n_bands + torch.arange(n_bands, device=images.device)
    index = bands[:, :, None, None] * canvas**2 + place[:, None]
    images.view(-1).index_add_(0, index.flatten(), light.flatten())
