"""A simulated galaxy's true parameters (``Galaxy``), and tables of many galaxies' (``Table``)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Values = npt.NDArray[np.float64]
Table = dict[str, Values]
"""Parameters of many galaxies: the name of each field of `Galaxy` with its values, float64 (galaxy,)."""


@dataclass(frozen=True, kw_only=True)
class Galaxy:
    """The true parameters of one galaxy; the defaults leave out every component but a round exponential disk.

    Lengths are in arcsec on the sky, along the major axis where the galaxy is inclined; angles in radians, from the
    image's x axis towards its y axis, which points down as displayed. Fractions are of the galaxy's light in the
    reference band (the middle one displayed); what the components with a fraction leave over is the disk's. Rednesses
    are colors from -1 (young) to 1 (old).

    Attributes
    ----------
    flux
        In nanomaggies, in the reference band.
    x, y
        Place, from the image's center.
    position_angle, inclination, thickness
        Of the disk: its major axis, 0 (face-on) to pi/2 (edge-on), and vertical scale height over scale length (sech^2
        in height).
    scale_length, truncation
        Exponential disk (Freeman 1970): e-folding length, and the radius, in scale lengths, at which it ends (van der
        Kruit 1979).
    lopsidedness, lopsided_angle
        How far the disk's center is from the bulge's, in scale lengths, and in which direction.
    bulge_fraction, bulge_radius, bulge_index, bulge_axis_ratio, bulge_angle, bulge_boxiness
        Sersic bulge (or the whole of an elliptical): half-light radius, index, axis ratio, major axis, and the share by
        which isophotes are box-shaped (above 0) or disk-shaped (below 0): a4 / a of Bender et al. (1988), with its sign
        changed.
    bar_fraction, bar_length, bar_axis_ratio, bar_angle
        Bar: half length, width over length, angle in the plane of the disk.
    lens_fraction, lens_radius
        Lens: a plateau with a sharp edge, in the plane of the disk.
    arm_contrast, arm_count, arm_pitch, arm_phase, arm_sharpness, arm_start, arm_unevenness, handedness, flocculence
        Logarithmic spiral arms: 0 to 1 (all young light in arms), number, pitch angle, phase of the first,
        concentration on the ridge (as in the von Mises distribution), where they begin in scale lengths, how much
        brighter one side is, 1 if they turn clockwise outwards as displayed and -1 if not, and the scatter (natural
        logarithm) of the pieces they are broken into.
    young_fraction
        The share of the disk's light that is of young stars.
    inner_ring_fraction, inner_ring_radius, inner_ring_width, inner_ring_axis_ratio, inner_ring_break
        Ring in the plane of the disk, along the bar: radius, Gaussian width, axis ratio, and from 0 (even) to 1 (a half
        is missing).
    outer_ring_fraction, outer_ring_radius, outer_ring_width, outer_ring_axis_ratio, outer_ring_break
        The same for an outer ring, across the bar.
    ring_angle, ring_gap
        The side on which broken rings are whole; how far rings have gathered the disk's light inside them, from 0 (not
        at all) to 1.
    clump_fraction, clump_spread
        Clumps (star-forming knots): of the light, and their size.
    tail_fraction, tail_start, tail_sweep, tail_pitch, tail_angle, tail_width, tail_count
        Tidal tails: where they begin in arcsec, over how many radians they sweep, how fast they go out, where they
        begin, their width over their radius, one or two. The light is that within the image.
    shell_fraction, shell_radius, shell_angle
        Shells around an elliptical: radius of the innermost, axis along which they alternate.
    dust, dust_offset
        Optical depth of the dust: of the lane of an edge-on disk, which is off the middle by so many scale heights; in
        other disks of lanes along the arms, more of it on the near side, which the sign of the offset gives.
    bulge_redness, disk_redness, young_redness
        Colors.
    """

    flux: float = 100.0
    x: float = 0.0
    y: float = 0.0
    position_angle: float = 0.0
    inclination: float = 0.0
    thickness: float = 0.15
    scale_length: float = 2.0
    truncation: float = 99.0
    lopsidedness: float = 0.0
    lopsided_angle: float = 0.0
    bulge_fraction: float = 0.0
    bulge_radius: float = 1.0
    bulge_index: float = 2.0
    bulge_axis_ratio: float = 1.0
    bulge_angle: float = 0.0
    bulge_boxiness: float = 0.0
    bar_fraction: float = 0.0
    bar_length: float = 2.0
    bar_axis_ratio: float = 0.3
    bar_angle: float = 0.0
    lens_fraction: float = 0.0
    lens_radius: float = 3.0
    arm_contrast: float = 0.0
    arm_count: float = 2.0
    arm_pitch: float = 0.35
    arm_phase: float = 0.0
    arm_sharpness: float = 2.0
    arm_start: float = 0.7
    arm_unevenness: float = 0.0
    handedness: float = 1.0
    flocculence: float = 0.0
    young_fraction: float = 0.3
    inner_ring_fraction: float = 0.0
    inner_ring_radius: float = 2.0
    inner_ring_width: float = 0.3
    inner_ring_axis_ratio: float = 1.0
    inner_ring_break: float = 0.0
    outer_ring_fraction: float = 0.0
    outer_ring_radius: float = 4.0
    outer_ring_width: float = 0.5
    outer_ring_axis_ratio: float = 1.0
    outer_ring_break: float = 0.0
    ring_angle: float = 0.0
    ring_gap: float = 1.0
    clump_fraction: float = 0.0
    clump_spread: float = 0.3
    tail_fraction: float = 0.0
    tail_start: float = 3.0
    tail_sweep: float = 2.0
    tail_pitch: float = 0.5
    tail_angle: float = 0.0
    tail_width: float = 0.15
    tail_count: float = 1.0
    shell_fraction: float = 0.0
    shell_radius: float = 4.0
    shell_angle: float = 0.0
    dust: float = 0.0
    dust_offset: float = 0.0
    bulge_redness: float = 0.0
    disk_redness: float = 0.0
    young_redness: float = 0.0


FIELDS = tuple(field.name for field in fields(Galaxy))
SHARES = (
    "bulge_fraction",
    "bar_fraction",
    "lens_fraction",
    "inner_ring_fraction",
    "outer_ring_fraction",
    "clump_fraction",
    "tail_fraction",
    "shell_fraction",
)


def as_table(galaxies: Sequence[Galaxy]) -> Table:
    """Return the parameters of some galaxies as a table."""
    return {name: np.array([getattr(galaxy, name) for galaxy in galaxies], np.float64) for name in FIELDS}


def as_galaxies(table: Table) -> list[Galaxy]:
    """Return each galaxy of a table by itself."""
    return [
        Galaxy(**dict(zip(FIELDS, map(float, row), strict=True)))
        for row in zip(*(table[name] for name in FIELDS), strict=True)
    ]


class Columns:
    """A `Table` on the device that draws.

    Each name gives a float32 tensor, (galaxy,) or, once `broad`, (galaxy, 1, 1).
    """

    def __init__(self, places: dict[str, int], values: Tensor) -> None:
        self._places = places
        self._values = values  # (name, galaxy, ...): one tensor, so that picking galaxies is one operation

    @classmethod
    def of(cls, table: Table, device: torch.device) -> "Columns":
        """Bring a table to the device."""
        values = torch.from_numpy(np.stack(list(table.values())).astype(np.float32))
        return cls({name: place for place, name in enumerate(table)}, values.to(device))

    def __getitem__(self, name: str) -> Tensor:
        return self._values[self._places[name]]

    def pick(self, chosen: Tensor) -> "Columns":
        """Return the columns of some galaxies."""
        return Columns(self._places, self._values[:, chosen])

    def broad(self) -> "Columns":
        """Return the columns with two more axes, for images."""
        return Columns(self._places, self._values[..., None, None])

    def total(self, names: Sequence[str]) -> Tensor:
        """Return the sum of some columns."""
        return self._values[[self._places[name] for name in names]].sum(0)
