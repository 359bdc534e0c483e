"""Simulated galaxies before anyone observes them: their true parameters, how these are drawn, and their light.

Lengths are in units of the image's width, angles in radians, brightness in units of the sky noise that a pixel has in
an image 224 pixels wide. Bands are ordered as displayed: red, green, blue (z, r, g in DECaLS).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

EDGE_ON_AXIS_RATIO = 0.2  # the thickness of a disk: the axis ratio that it has at 90 degrees of inclination
TRUNCATION = 3.6  # scale lengths at which a disk ends
ARM_SHARPNESS = 2.5  # concentration of an arm around its ridge, as in the von Mises distribution
BAR_WIDTH = 0.4  # minor over major axis of a bar
TEXTURE_CELLS = 56  # clumps are as large as one of these cells of the image's width
BAND_SLOPES = (0.09, 0.0, -0.11)  # brightness in a band is exp(slope x redness)


@dataclass(frozen=True)
class Galaxy:
    """The true parameters of one simulated galaxy, with or without a ring.

    Attributes
    ----------
    brightness : float
        Central brightness of the disk seen face-on.
    scale_length, axis_ratio, position_angle : float
        Exponential disk: e-folding length, apparent minor over major axis, angle of the major axis.
    bulge_fraction, bulge_radius, bulge_index, bulge_axis_ratio : float
        Sersic bulge: share of the light of bulge plus disk, half-light radius (major axis), Sersic index, axis ratio.
    bar_strength, bar_length, bar_angle : float
        Bar: central brightness in units of the disk's, half length, angle in the plane of the disk. Strength 0: no bar.
    arm_strength, arm_count, arm_phase, pitch_angle : float
        Logarithmic spiral arms: brightness on the ridge in units of the disk there, number, phase, pitch. Strength 0:
        no arms.
    ring_strength, ring_radius, ring_width, ring_angle, ring_evenness : float
        Ring: brightness on the ridge in units of the disk there, radius and Gaussian width in the plane of the disk,
        angle of the brighter half and, between 0 and 1, how alike the halves are. Strength 0: no ring, and radius 0.
    lens_strength, lens_radius : float
        Lens: a plateau with a sharp edge, in units of the disk's central brightness. It has an edge like a ring's,
        and no ring.
    clumpiness : float
        Scatter (natural logarithm) of the young light from place to place; the disk has a quarter of it.
    bulge_redness, disk_redness, young_redness : float
        Colors: 1 is an old population, -1 a young one. Arms and ring have the young color.
    texture_seed : int
        Decides where the clumps are.
    """

    brightness: float
    scale_length: float
    axis_ratio: float
    position_angle: float
    bulge_fraction: float
    bulge_radius: float
    bulge_index: float
    bulge_axis_ratio: float
    bar_strength: float
    bar_length: float
    bar_angle: float
    arm_strength: float
    arm_count: float
    arm_phase: float
    pitch_angle: float
    ring_strength: float
    ring_radius: float
    ring_width: float
    ring_angle: float
    ring_evenness: float
    lens_strength: float
    lens_radius: float
    clumpiness: float
    bulge_redness: float
    disk_redness: float
    young_redness: float
    texture_seed: int


def draw_galaxy(rng: np.random.Generator, *, ring: bool) -> Galaxy:
    """Give a galaxy drawn at random, with a ring or without.

    All but the ring, the arms and the lens is drawn alike for both, so that nothing else tells them apart. The
    ringless ones are hard: a half has spiral arms, often wound so tightly that they look like rings, and a third a
    lens. Rings go from faint (0.4 of the disk there) to obvious (3 times the disk), evenly in the logarithm.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    ring : bool
        Whether the galaxy has a ring.

    Returns
    -------
    Galaxy
        Its true parameters.
    """
    late_type = rng.beta(1.3, 1.6)  # 0 is a lenticular, 1 a late spiral: goes with a small bulge, clumps and blue light
    face_on = rng.uniform(0.4, 1.0)  # cosine of the inclination
    scale_length = 0.067 * math.exp(rng.normal(0, 0.22))
    bulge_axis_ratio = rng.uniform(0.8, 1.0)
    barred = rng.random() < 0.5
    armed = rng.random() < (0.25 if ring else 0.5)
    lensed = rng.random() < (0.15 if ring else 0.33)
    ring_radius = scale_length * rng.uniform(1.3, 2.3)
    bar_length = ring_radius * rng.uniform(0.5, 0.95)
    parameters = {
        "brightness": 110 * math.exp(rng.normal(0, 0.4) - 0.5 * late_type),
        "scale_length": scale_length,
        "axis_ratio": math.sqrt(face_on**2 + EDGE_ON_AXIS_RATIO**2 * (1 - face_on**2)),
        "position_angle": rng.uniform(0, math.pi),
        "bulge_fraction": float(np.clip(0.34 * (1 - late_type) + rng.normal(0.04, 0.05), 0.02, 0.5)),
        "bulge_radius": scale_length * rng.uniform(0.2, 0.45),
        "bulge_index": rng.uniform(0.8, 3.0),
        "bulge_axis_ratio": bulge_axis_ratio * (0.45 + 0.55 * face_on),
        "bar_strength": barred * rng.uniform(0.3, 1.2),
        "bar_length": bar_length,
        "bar_angle": rng.uniform(0, math.pi),
        "arm_strength": armed * rng.uniform(0.4, 1.5) * (0.5 + 0.7 * late_type),
        "arm_count": float(rng.choice([1, 2, 3, 4], p=[0.1, 0.65, 0.15, 0.1])),
        "arm_phase": rng.uniform(0, 2 * math.pi),
        "pitch_angle": math.radians(rng.uniform(9, 30)) * rng.choice([-1, 1]),
        "ring_strength": ring * math.exp(rng.uniform(math.log(0.4), math.log(3.0))),
        "ring_radius": ring * ring_radius,
        "ring_width": ring_radius * rng.uniform(0.07, 0.18),
        "ring_angle": rng.uniform(0, 2 * math.pi),
        "ring_evenness": rng.uniform(0.5, 1.0),
        "lens_strength": lensed * rng.uniform(0.1, 0.4),
        "lens_radius": scale_length * rng.uniform(1.3, 2.3),
        "clumpiness": 0.08 + 0.6 * late_type**2 * rng.uniform(0.5, 1.0),
        "bulge_redness": 1.0 - 0.4 * late_type + rng.normal(0, 0.15),
        "disk_redness": 1.0 - 1.2 * late_type + rng.normal(0, 0.15),
        "young_redness": 0.6 - 1.3 * late_type + rng.normal(0, 0.2),
    }
    texture_seed = int(rng.integers(2**31))
    return Galaxy(**{name: float(value) for name, value in parameters.items()}, texture_seed=texture_seed)


def light(galaxies: Sequence[Galaxy], size: int, margin: int = 0) -> Tensor:
    """Give the noise-free brightness of galaxies, each in the center of its image and not yet blurred.

    Bulge by Sersic (1968), with b(n) by Ciotti & Bertin (1999); exponential disk, truncated (van der Kruit 1979); bar
    by Ferrers (1877), of index 1; logarithmic spiral arms. A galaxy with a ring has less disk inside the ring, as if
    the ring had gathered it.

    Parameters
    ----------
    galaxies : sequence of Galaxy
        What to draw.
    size : int
        Width and height of the image in pixels.
    margin : int
        Pixels to add on each side.

    Returns
    -------
    torch.Tensor
        float32 (galaxy, band, y, x), never negative or NaN.
    """
    values = {name: _column(galaxies, name) for name in Galaxy.__dataclass_fields__}
    axis = (torch.arange(-margin, size + margin) + 0.5) / size - 0.5
    y, x = axis[:, None], axis[None, :]
    cosine, sine = values["position_angle"].cos(), values["position_angle"].sin()
    along, across = x * cosine + y * sine, y * cosine - x * sine
    texture = values["clumpiness"] * _texture(galaxies, size, margin)

    pixel = 0.3 / size  # the center of a pixel is not the average of it: keeps a cusp finite
    bulge_radii = torch.hypot(along, across / values["bulge_axis_ratio"]).clamp_min(pixel) / values["bulge_radius"]
    plane_y = across / values["axis_ratio"]
    radii = torch.hypot(along, plane_y).clamp_min(pixel)
    angles = torch.atan2(plane_y, along)

    lengths = radii / values["scale_length"]
    disk = torch.exp(-lengths - (lengths / TRUNCATION) ** 4)
    young = disk * (_arms(values, radii, angles) + _ring(values, radii, angles)) * torch.exp(texture)
    old = disk * (1 - _gap(values, radii)) * torch.exp(0.25 * texture)
    old = old + values["lens_strength"] * torch.exp(-((radii / values["lens_radius"]) ** 6))
    old = old + _bar(values, along, plane_y)
    parts = (
        (_bulge(values, bulge_radii), values["bulge_redness"]),
        (old, values["disk_redness"]),
        (young, values["young_redness"]),
    )
    return torch.stack(
        [
            values["brightness"] * sum((part * torch.exp(slope * redness) for part, redness in parts), torch.zeros(()))
            for slope in BAND_SLOPES
        ],
        dim=1,
    )


def _column(galaxies: Sequence[Galaxy], name: str) -> Tensor:
    return torch.tensor([float(getattr(galaxy, name)) for galaxy in galaxies])[:, None, None]


def _texture(galaxies: Sequence[Galaxy], size: int, margin: int) -> Tensor:
    cells = [np.random.default_rng(g.texture_seed).standard_normal((1, TEXTURE_CELLS, TEXTURE_CELLS)) for g in galaxies]
    coarse = torch.from_numpy(np.stack(cells).astype(np.float32))
    fine = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    return torch.nn.functional.pad(fine[:, 0], (margin,) * 4)


def _bulge(values: dict[str, Tensor], radii: Tensor) -> Tensor:
    index = values["bulge_index"]
    b = 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25515 * index**2)
    share = values["bulge_fraction"] / (1 - values["bulge_fraction"])
    disk_flux = values["scale_length"] ** 2 * values["axis_ratio"]  # this and the next without their factor 2 pi
    area = values["bulge_radius"] ** 2 * values["bulge_axis_ratio"]
    unit_flux = area * index * torch.exp(b + torch.lgamma(2 * index) - 2 * index * b.log())
    return share * disk_flux / unit_flux * torch.exp(-b * (radii ** (1 / index) - 1))


def _bar(values: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    cosine, sine = values["bar_angle"].cos(), values["bar_angle"].sin()
    length = values["bar_length"]
    squared = ((x * cosine + y * sine) / length) ** 2 + ((y * cosine - x * sine) / (BAR_WIDTH * length)) ** 2
    return values["bar_strength"] * (1 - squared).clamp_min(0)


def _arms(values: dict[str, Tensor], radii: Tensor, angles: Tensor) -> Tensor:
    winding = torch.log(radii / values["scale_length"]) / values["pitch_angle"].tan()
    phase = values["arm_count"] * (angles - winding) - values["arm_phase"]
    ridge = torch.exp(ARM_SHARPNESS * (phase.cos() - 1))
    outside_bulge = torch.sigmoid(8 * (radii / values["scale_length"] - 1))
    return values["arm_strength"] * ridge * outside_bulge


def _ring(values: dict[str, Tensor], radii: Tensor, angles: Tensor) -> Tensor:
    ridge = torch.exp(-0.5 * ((radii - values["ring_radius"]) / values["ring_width"]) ** 2)
    uneven = 1 - (1 - values["ring_evenness"]) * (0.5 - 0.5 * torch.cos(angles - values["ring_angle"]))
    return values["ring_strength"] * ridge * uneven


def _gap(values: dict[str, Tensor], radii: Tensor) -> Tensor:
    depth = 0.7 * values["ring_strength"] / (1 + values["ring_strength"])
    return depth * torch.exp(-0.5 * ((radii - 0.68 * values["ring_radius"]) / (1.5 * values["ring_width"])) ** 2)
