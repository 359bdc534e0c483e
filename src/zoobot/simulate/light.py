"""The light of galaxies before anyone observes them: old and young stars and the bulge, on a grid of pixels.

A pixel's value is the light at its center times its area, but in the middle of bulges (`zoobot.simulate.bulges`).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from zoobot.simulate.bulges import bulges, sky_axes
from zoobot.simulate.galaxy import SHARES, Columns

EDGE_ON_FROM = 1.38  # radians: disks of a higher inclination are drawn with their vertical profile, without arms
SHELLS = (1.0, 1.45, 2.0, 2.7)  # radii of shells over the innermost one's
TEXTURE_DEPTH = (-3.0, 2.0)  # natural logarithm of radius over scale length at the ends of a texture
TEXTURE_SHAPE = (24, 48)  # radius, angle
TAIL_SCATTER = 0.55  # natural logarithm of how uneven debris is
NEAR_SIDE = 0.8  # share of an inclined disk's dust that lies before the stars on the near side alone
FAR = 15.0  # scale lengths within which all light of a disk is
SMALLEST = 1e-6


class Plane:
    """Where the pixels of each image are in the plane of its galaxy's disk: all (galaxy, y, x), in arcsec and radians.

    With it comes the disk's `texture`, (galaxy, *TEXTURE_SHAPE).
    """

    def __init__(self, galaxies: Columns, pixel: Tensor, canvas: int, texture: Tensor) -> None:
        v = galaxies.broad()
        self.pixel, self.texture = pixel, texture
        self.sky_x, self.sky_y = sky_axes(canvas, pixel)
        shift = v["lopsidedness"] * v["scale_length"]
        x = self.sky_x - v["x"] - shift * v["lopsided_angle"].cos()
        y = self.sky_y - v["y"] - shift * v["lopsided_angle"].sin()
        cosine, sine = v["position_angle"].cos(), v["position_angle"].sin()
        self.along, self.height = x * cosine + y * sine, y * cosine - x * sine
        thin = v["inclination"].cos() ** 2
        self.axis_ratio = (thin + (1 - thin) * v["thickness"] ** 2).sqrt()
        self.across = self.height / self.axis_ratio
        self.squared = (self.along**2 + self.across**2).clamp_min(SMALLEST)
        self.radius = self.squared.sqrt()

    def pick(self, chosen: Tensor) -> "Plane":
        """Return the planes of some galaxies."""
        return _PickedPlane(self, chosen)

    def turned(self, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Return places along and across a direction in the plane of the disk."""
        cosine, sine = angle.cos(), angle.sin()
        return self.along * cosine + self.across * sine, self.across * cosine - self.along * sine


class _PickedPlane(Plane):
    """The planes of some galaxies; each of their quantities is copied when it is first asked for."""

    def __init__(self, whole: Plane, chosen: Tensor) -> None:
        self._whole = whole
        self._chosen = chosen

    def __getattr__(self, name: str) -> Tensor:
        values: Tensor = getattr(self._whole, name)[self._chosen]
        setattr(self, name, values)
        return values


def light(galaxies: Columns, pixel: Tensor, canvas: int, texture: Tensor) -> Tensor:
    """Return the light of galaxies, in nanomaggies a pixel of the reference band.

    It is that of the bulge, of old and of young stars. Clumps are not in it: they are points (`zoobot.simulate.field`).

    Parameters
    ----------
    galaxies : Columns
        (galaxy,) each.
    pixel : Tensor
        Width of a pixel in arcsec, (galaxy,).
    canvas : int
        Width and height of the image in pixels.
    texture : Tensor
        (galaxy, *TEXTURE_SHAPE): independent normal numbers that decide how patchy each galaxy is where.

    Returns
    -------
    Tensor
        float32 (galaxy, 3, canvas, canvas), never NaN; negative only beside the cusp of a bulge that is not yet
        blurred.
    """
    plane = Plane(galaxies, pixel[:, None, None], canvas, texture)
    area = pixel**2 * galaxies["flux"]
    parts = torch.zeros(len(pixel), 3, canvas, canvas, device=pixel.device)
    has_bulge = _indices(galaxies["bulge_fraction"] > 0)
    if len(has_bulge):
        parts[has_bulge, 0] = bulges(galaxies.pick(has_bulge), pixel[has_bulge], canvas)
    share = (1 - galaxies.total(SHARES)).clamp_min(0)
    has_disk = _indices(share > 0)
    if len(has_disk):
        parts[has_disk, 1:] = _disks(galaxies.pick(has_disk), plane.pick(has_disk), share[has_disk])
    for name, part, old in (
        ("bar", _bar, 1.0),
        ("lens", _lens, 1.0),
        ("inner_ring", _inner_ring, 0.5),
        ("outer_ring", _outer_ring, 0.35),
        ("tail", _tails, 0.6),
        ("shell", _shells, 1.0),
    ):
        chosen = _indices(galaxies[f"{name}_fraction"] > 0)
        if len(chosen):
            some = galaxies.pick(chosen)
            drawn = part(some.broad(), plane.pick(chosen)) * some[f"{name}_fraction"][:, None, None]
            parts[chosen, 1] += old * drawn
            if old < 1:
                parts[chosen, 2] += (1 - old) * drawn
    return parts * area[:, None, None, None]


def dust(galaxies: Columns, pixel: Tensor, canvas: int, texture: Tensor) -> Tensor:
    """Return the optical depth of dust (galaxy, y, x).

    It is the lane of an edge-on disk, else lanes along the arms, on the near side.
    """
    plane = Plane(galaxies, pixel[:, None, None], canvas, texture)
    v = galaxies.broad()
    edge_on = (galaxies["inclination"] > EDGE_ON_FROM)[:, None, None]
    return v["dust"] * torch.where(edge_on, _dust_lane(v, plane), _dust_in_arms(v, plane))


def _dust_lane(v: Columns, plane: Plane) -> Tensor:
    height = v["thickness"] * v["scale_length"]
    far = (plane.height - v["dust_offset"] * height) / (
        0.45 * height + 0.12 * v["scale_length"] * v["inclination"].cos()
    )
    return torch.exp(-plane.along.abs() / (1.3 * v["scale_length"])) * _sech2(far)


def _dust_in_arms(v: Columns, plane: Plane) -> Tensor:
    """Return dust in patches at the inner edges of arms.

    There is more of it before the bulge on the near side (sin i) than behind it.
    """
    phase, patches = _winding(v, plane)
    lanes = 0.4 + 0.6 * torch.exp(2.5 * ((phase + 0.8 * v["handedness"]).cos() - 1))
    side = torch.sigmoid(3 * torch.sign(v["dust_offset"]) * plane.across / v["scale_length"])
    near = 1 - NEAR_SIDE * v["inclination"].sin() * (1 - side)
    return torch.exp(-0.7 * plane.radius / v["scale_length"]) * lanes * near * torch.exp(0.6 * patches - 0.18)


def _indices(mask: Tensor) -> Tensor:
    return mask.nonzero()[:, 0]


def _sech2(x: Tensor) -> Tensor:
    """Return 1 / cosh^2, without overflow."""
    decay = torch.exp(-2 * x.abs())
    return 4 * decay / (1 + decay) ** 2


def _disks(galaxies: Columns, plane: Plane, share: Tensor) -> Tensor:
    """Return the old and the young light of disks (galaxy, 2, y, x).

    They have their arms and the gaps inside their rings.
    """
    v = galaxies.broad()
    edge_on = _indices(galaxies["inclination"] > EDGE_ON_FROM)
    disk = _face_on(v, plane)
    if len(edge_on):
        disk[edge_on] = _edge_on(v.pick(edge_on), plane.pick(edge_on))
    disk = disk * share[:, None, None]
    for ring in ("inner_ring", "outer_ring"):
        ringed = _indices(galaxies[f"{ring}_fraction"] > 0)
        if len(ringed):
            disk[ringed] *= _gap(v.pick(ringed), plane.pick(ringed), ring)
    young = v["young_fraction"] * disk
    old = disk - young
    visible = galaxies["inclination"] <= EDGE_ON_FROM
    patchy = _indices(visible & ((galaxies["arm_contrast"] > 0) | (galaxies["flocculence"] > 0)))
    if len(patchy):
        some = v.pick(patchy)
        arms, patches = _arms(some, plane.pick(patchy))
        old[patchy] *= (1 + 0.4 * some["arm_contrast"] * (arms - 1)) * patches**0.35
        young[patchy] *= (1 + some["arm_contrast"] * (arms - 1)) * patches
    return torch.stack([old, young], 1)


def _face_on(v: Columns, plane: Plane) -> Tensor:
    """Return truncated exponential disks of flux 1, seen as ellipses."""
    lengths = plane.radius / v["scale_length"]
    ends = (lengths / v["truncation"]) ** 2
    steps = _steps(v)
    whole = (steps * torch.exp(-steps - (steps / v["truncation"]) ** 4)).mean(-1, keepdim=True) * FAR
    unit = 2 * torch.pi * v["scale_length"] ** 2 * plane.axis_ratio * whole
    return torch.exp(-lengths - ends * ends) / unit


def _edge_on(v: Columns, plane: Plane) -> Tensor:
    """Return edge-on disks of flux 1: van der Kruit & Searle (1981), thickened by what inclination is left."""
    lengths = plane.along.abs() / v["scale_length"]
    height = (v["thickness"] ** 2 + (0.8 * v["inclination"].cos()) ** 2).sqrt() * v["scale_length"]
    height = (height**2 + (0.3 * plane.pixel) ** 2).sqrt()
    steps = _steps(v)
    whole = _edge_on_profile(steps, v["truncation"]).mean(-1, keepdim=True) * FAR
    profile = _edge_on_profile(lengths, v["truncation"])
    return profile * _sech2(plane.height / height) / (4 * whole * v["scale_length"] * height)


def _edge_on_profile(lengths: Tensor, truncation: Tensor) -> Tensor:
    """Return x K1(x), the exponential disk's light seen from its side, as sqrt(1 + pi x / 2) exp(-x): right to 2.3%."""
    ends = (lengths / truncation) ** 2
    return (1 + 0.5 * torch.pi * lengths).sqrt() * torch.exp(-lengths - ends * ends)


def _steps(v: Columns) -> Tensor:
    """Return scale lengths from 0 to `FAR`, (1, 1, step), to integrate profiles along the radius."""
    return (torch.arange(300, device=v["truncation"].device) + 0.5) * (FAR / 300)


def _arms(v: Columns, plane: Plane) -> tuple[Tensor, Tensor]:
    """Return the brightness of spiral arms over the mean around the galaxy, and patchiness of mean 1."""
    phase, patches = _winding(v, plane)
    sharpness = v["arm_sharpness"]
    arms = torch.exp(sharpness * (phase.cos() - 1)) / torch.special.i0e(sharpness)
    arms = arms * (1 + v["arm_unevenness"] * torch.cos(torch.atan2(plane.across, plane.along) - v["ring_angle"]))
    begun = torch.sigmoid(7 * (plane.radius / v["scale_length"] - v["arm_start"]))
    scatter = v["flocculence"]
    return 1 + begun * (arms - 1), torch.exp(scatter * patches - 0.5 * scatter**2)


def _winding(v: Columns, plane: Plane) -> tuple[Tensor, Tensor]:
    """Return the phase of spiral arms, 0 on a ridge, and the texture that is wound up with them.

    Its variance is about 1.
    """
    angle = torch.atan2(plane.across, plane.along)
    depth = _depth(v, plane)
    winding = v["handedness"] * depth / v["arm_pitch"].tan()
    armed = (v["arm_contrast"] > 0).float()
    # pieces of arms are sheared like the arms, so that a flocculent galaxy has a handedness too
    patches = _sample(_smooth(plane.texture), depth, angle - (0.3 + 0.5 * armed) * winding)
    return v["arm_count"] * (angle - winding - v["arm_phase"]) + 0.9 * v["flocculence"] * patches, patches


def _depth(v: Columns, plane: Plane) -> Tensor:
    """Return the natural logarithm of radius over scale length."""
    return 0.5 * plane.squared.log() - v["scale_length"].log()


def _smooth(texture: Tensor) -> Tensor:
    """Return textures (galaxy, radius, angle) on a finer grid that closes around the galaxy, of variance about 1."""
    around = torch.cat([texture[..., -2:], texture, texture[..., :3]], -1)
    height, width = TEXTURE_SHAPE
    fine = F.interpolate(around[:, None], size=(3 * height, 3 * (width + 5)), mode="bicubic", align_corners=False)[:, 0]
    return 1.25 * fine[..., 6 : 6 + 3 * width + 1]


def _sample(texture: Tensor, depth: Tensor, angle: Tensor) -> Tensor:
    """Return a texture at places around the galaxy: (galaxy, y, x)."""
    low, high = TEXTURE_DEPTH
    around = torch.remainder(angle / torch.pi, 2.0) - 1
    places = torch.stack([around, (2 * depth - low - high) / (high - low)], -1)
    return F.grid_sample(texture[:, None], places, mode="bilinear", padding_mode="border", align_corners=True)[:, 0]


def _bar(v: Columns, plane: Plane) -> Tensor:
    """Return bars of flux 1: flat along their length, Gaussian across."""
    along, across = plane.turned(v["bar_angle"])
    width = 0.5 * v["bar_axis_ratio"] * v["bar_length"]
    flux = 1.8128049541 * v["bar_length"] * (2 * torch.pi) ** 0.5 * width * plane.axis_ratio  # 2 Gamma(5/4)
    along = (along / v["bar_length"]) ** 2
    bar: Tensor = torch.exp(-along * along - 0.5 * (across / width) ** 2) / flux
    return bar


def _lens(v: Columns, plane: Plane) -> Tensor:
    """Return lenses of flux 1."""
    flux = torch.pi * 0.9064024771 * v["lens_radius"] ** 2 * plane.axis_ratio  # Gamma(5/4)
    return torch.exp(-((plane.squared / v["lens_radius"] ** 2) ** 4)) / flux


def _inner_ring(v: Columns, plane: Plane) -> Tensor:
    return _ring(v, plane, "inner_ring", along_bar=True)


def _outer_ring(v: Columns, plane: Plane) -> Tensor:
    return _ring(v, plane, "outer_ring", along_bar=False)


def _ring(v: Columns, plane: Plane, ring: str, *, along_bar: bool) -> Tensor:
    """Return rings of flux 1, whole or broken, in patches like the disk."""
    along, across = plane.turned(v["bar_angle"] + (0.0 if along_bar else torch.pi / 2))
    axis_ratio, radius, width = (v[f"{ring}_{name}"] for name in ("axis_ratio", "radius", "width"))
    distance = torch.hypot(along * axis_ratio**0.5, across / axis_ratio**0.5)
    toward = torch.cos(torch.atan2(plane.across, plane.along) - v["ring_angle"])
    broken = v[f"{ring}_break"]
    whole = 1 - broken * torch.sigmoid(-5 * (toward + 0.2))
    missing = broken * torch.sigmoid(-5 * (torch.linspace(0, torch.pi, 64, device=broken.device).cos() + 0.2)).mean()
    flux = (2 * torch.pi) ** 1.5 * radius * width * plane.axis_ratio * (1 - missing)
    shown: Tensor = torch.exp(-0.5 * ((distance - radius) / width) ** 2) * whole / flux
    scatter = 0.8 * v["flocculence"]
    patches = _sample(_smooth(plane.texture), _depth(v, plane), torch.atan2(plane.across, plane.along))
    return shown * torch.exp(scatter * patches - 0.5 * scatter**2)


def _gap(v: Columns, plane: Plane, ring: str) -> Tensor:
    """Return what is left of a disk inside a ring, as if the ring had gathered it, over the mean of the whole disk."""
    radius, width = v[f"{ring}_radius"], v[f"{ring}_width"]
    deep = v["ring_gap"] * (6 * v[f"{ring}_fraction"]).clamp_max(0.75)

    def left(place: Tensor) -> Tensor:
        return 1 - deep * torch.exp(-0.5 * ((place - 0.72 * radius) / (1.3 * width)) ** 2)

    steps = _steps(v)
    weight = steps * torch.exp(-steps)
    return left(plane.radius) / ((left(steps * v["scale_length"]) * weight).sum(-1, keepdim=True) / weight.sum())


def _tails(v: Columns, plane: Plane) -> Tensor:
    """Return tidal tails of flux 1 within the image: they open like spirals, one or two, in streams."""
    angle = torch.atan2(plane.across, plane.along)
    tails = torch.zeros_like(angle)
    for number in (0, 1):
        swept = torch.remainder(v["handedness"] * (angle - v["tail_angle"] - number * torch.pi), 2 * torch.pi)
        ridge = v["tail_start"] * torch.exp(swept * v["tail_pitch"])
        width = v["tail_width"] * ridge * (0.6 + 0.5 * swept)
        fades = torch.exp(-((swept / v["tail_sweep"]) ** 4)) * (1 - torch.exp(-swept / 0.25))
        bright = 1.0 if number == 0 else (v["tail_count"] > 1).float() * 0.7
        tails = tails + bright * fades * torch.exp(-0.5 * ((plane.radius - ridge) / width) ** 2)
    streams = _sample(
        _smooth(plane.texture), _depth(v, plane), angle - 0.7 * v["handedness"] * _depth(v, plane) / v["tail_pitch"]
    )
    tails = tails * torch.exp(TAIL_SCATTER * streams)
    return tails / (tails.sum((-2, -1), keepdim=True) + SMALLEST) / plane.pixel**2


def _shells(v: Columns, plane: Plane) -> Tensor:
    """Return shells of flux 1 within the image: arcs with sharp outer edges, on alternate sides."""
    x, y = plane.sky_x - v["x"], plane.sky_y - v["y"]
    radius = torch.hypot(x, y)
    toward = torch.cos(torch.atan2(y, x) - v["shell_angle"])
    shells = torch.zeros_like(radius)
    for number, ratio in enumerate(SHELLS):
        inside = ratio * v["shell_radius"] - radius
        side = toward if number % 2 == 0 else -toward
        falls = torch.exp(-inside.clamp_min(0) / (0.22 * ratio * v["shell_radius"])) * torch.sigmoid(
            12 * inside / v["shell_radius"]
        )
        shells = shells + falls * torch.exp(2.5 * (side - 1)) / ratio**2
    return shells / (shells.sum((-2, -1), keepdim=True) + SMALLEST) / plane.pixel**2
