"""How galaxies are drawn: their types, and the parameters of `Galaxy` jointly, as real samples have them.

Where the numbers are from: types and their shares in a sample of r < 17.8, Lintott et al. (2011) and Nair & Abraham
(2010); sizes and surface brightness by type, Shen et al. (2003) and Gadotti (2009); bulge fraction and index by type,
Graham & Worley (2008) and Weinzirl et al. (2009); axis ratios of ellipticals, Padilla & Strauss (2008); thickness of
disks, Kregel et al. (2002); pitch with bulge, Kennicutt (1981) and Masters et al. (2019); number of arms, Hart et al.
(2016); bars in 30% (strong) to 60% of disks, longer in early types, Masters et al. (2011) and Erwin (2018); rings and
lenses, inner ones at the bar's end and outer ones at about twice its length, Buta et al. (2015) and Herrera-Endoqui et
al. (2015); mergers, Darg et al. (2010); shells, Atkinson et al. (2013); colors by type, Strateva et al. (2001) and
Fukugita et al. (2007).
"""

from dataclasses import dataclass

import numpy as np

from zoobot.errors import OptionError
from zoobot.simulate.draws import Draws, Mask
from zoobot.simulate.galaxy import FIELDS, Table
from zoobot.simulate.light import EDGE_ON_FROM
from zoobot.simulate.surveys import Survey

KINDS = ("elliptical", "lenticular", "spiral", "irregular", "star")
ELLIPTICAL, LENTICULAR, SPIRAL, IRREGULAR, STAR = range(len(KINDS))
PARAMETER_COLUMNS = 96  # uniform numbers that `draw` uses, with room for a few more
LARGEST_RADIUS = 0.30  # half-light radius over the width of the cutout: most of a galaxy stays inside


@dataclass(frozen=True, kw_only=True)
class Population:
    """How often there are galaxies of each kind, and features of disks.

    Attributes
    ----------
    kinds
        Weights of `KINDS`.
    edge_on
        Share of disks drawn edge-on on top of those that are by chance.
    least_face_on
        Smallest cosine of the inclination of disks, 1 being face-on.
    ring, bar, merger, tails, shells, clumpy
        Probabilities; of `ring`, in a disk of middle type.
    """

    kinds: tuple[float, float, float, float, float]
    edge_on: float = 0.0
    least_face_on: float = 0.0
    ring: float = 0.2
    bar: float = 0.5
    merger: float = 0.04
    tails: float = 0.03
    shells: float = 0.05
    clumpy: float = 0.15


POPULATIONS: dict[str, Population] = {
    "survey": Population(kinds=(0.34, 0.16, 0.43, 0.06, 0.01)),
    "pretraining": Population(
        kinds=(0.20, 0.17, 0.53, 0.09, 0.01),
        edge_on=0.06, ring=0.36, bar=0.5, merger=0.11, tails=0.08, shells=0.12, clumpy=0.25,
    ),
    "rings": Population(kinds=(0.0, 0.42, 0.53, 0.05, 0.0), least_face_on=0.35, bar=0.55, merger=0.04, tails=0.02,
        clumpy=0.2),
}  # fmt: skip
"""``survey``: as often as in a sample of bright galaxies. ``pretraining``: rings, mergers and other rare things 2 to 4
times as often, so that there is something to learn from. ``rings``: disks only, for ringed and ringless ones.
"""


def get_population(name: str) -> Population:
    """Return a population by its name.

    Raises
    ------
    OptionError
        There is none of that name.
    """
    if name not in POPULATIONS:
        msg = f"No population called {name!r}: give one of {', '.join(POPULATIONS)}."
        raise OptionError(msg)
    return POPULATIONS[name]


def draw(draws: Draws, survey: Survey, population: Population, ringed: Mask | None = None) -> Table:
    """Return the parameters of galaxies at the image's center, and besides those of `Galaxy`:

    ``kind`` (number in `KINDS`), ``late`` (0 for the earliest to 1 for the latest type), ``half_light`` (radius in
    arcsec), ``width`` (of the cutout, arcsec), ``merger`` (1 where there is a merging companion, to be drawn with
    `companions`) and ``disturbed`` (0 to 1).

    Parameters
    ----------
    draws : Draws
        One row per galaxy, of `PARAMETER_COLUMNS`.
    survey : Survey
        Decides sizes and the cutout's width.
    population : Population
        What is drawn how often.
    ringed : ndarray of bool, optional
        Which galaxies have a ring; by chance if not given.
    """
    galaxies: Table = {name: np.zeros(len(draws)) for name in FIELDS}
    kind = draws.choice(population.kinds)
    late = np.select(
        [kind == ELLIPTICAL, kind == LENTICULAR, kind == IRREGULAR],
        [0.0 * kind, draws.uniform(0.0, 0.25), draws.uniform(0.85, 1.0)],
        draws.uniform(0.12, 0.95),
    )
    has_disk = (kind == LENTICULAR) | (kind == SPIRAL) | (kind == IRREGULAR)
    galaxies |= {"kind": kind.astype(float), "late": late}
    merger = draws.chance(population.merger) & (kind != STAR)
    galaxies["merger"] = merger.astype(float)
    _size(galaxies, draws, survey, merger)
    _bulge(galaxies, draws, has_disk)
    _disk(galaxies, draws, population, has_disk)
    _bar(galaxies, draws, population, has_disk)
    _rings(galaxies, draws, population, has_disk, ringed)
    _arms(galaxies, draws, has_disk)
    _clumps(galaxies, draws, population, has_disk)
    _disturbances(galaxies, draws, population, has_disk)
    _colors(galaxies, draws)
    star = kind == STAR
    for name in ("bulge_fraction", "tail_fraction"):
        galaxies[name] = np.where(star, float(name == "bulge_fraction"), galaxies[name])
    galaxies["bulge_radius"] = np.where(star, 0.05, galaxies["bulge_radius"])
    return galaxies


def companions(draws: Draws, galaxies: Table, survey: Survey, population: Population) -> Table:
    """Return the other galaxy of each merging pair, or one that only lies near in the sky, in the units of its cutout.

    Drawn like any galaxy, then moved beside the first, and made as bright and large as befits a pair. ``partner`` is 1
    for those that are there: all of a merger, and chance neighbors of one in twelve others.
    """
    others = draw(draws, survey, population)
    merger = galaxies["merger"] > 0
    near = draws.chance(0.08) & ~merger & (galaxies["kind"] != STAR)
    ratio = np.where(merger, draws.log_normal(0.55, 0.5), draws.log_normal(0.35, 0.8)).clip(0.06, 1.6)
    shrink = galaxies["half_light"] / others["half_light"] * np.sqrt(ratio) * draws.log_normal(1.0, 0.2)
    for name in (
        "scale_length",
        "bulge_radius",
        "bar_length",
        "lens_radius",
        "tail_start",
        "shell_radius",
        "clump_spread",
        "half_light",
    ):
        others[name] = others[name] * shrink
    for ring in ("inner_ring", "outer_ring"):
        for part in ("radius", "width"):
            others[f"{ring}_{part}"] = others[f"{ring}_{part}"] * shrink
    others["flux"] = galaxies["flux"] * ratio
    span = galaxies["half_light"] * np.where(merger, 1.0, 1.6)
    distance = np.minimum(span * draws.uniform(0.6, 3.0), 0.42 * galaxies["width"])
    direction = draws.uniform(0, 2 * np.pi)
    others["x"], others["y"] = distance * np.cos(direction), distance * np.sin(direction)
    others["bulge_fraction"] = np.where(others["kind"] == STAR, 0.5, others["bulge_fraction"])
    others["merger"] = merger.astype(float)
    others["partner"] = (merger | near).astype(float)
    others["ratio"] = ratio
    return others


def _size(galaxies: Table, draws: Draws, survey: Survey, merger: Mask) -> None:
    """Draw half-light radius, surface brightness and cutout, and from them the flux."""
    late = galaxies["late"]
    median, scatter = survey.sizes
    radius = draws.log_normal(median, scatter)
    factor, spread, share = survey.frames
    fixed, fixed_spread, fixed_share = survey.fixed_frames
    grows = radius * draws.log_normal(factor, spread)
    same = draws.log_normal(fixed, fixed_spread) * np.ones(len(draws))
    width = np.where(draws.chance(fixed_share / (share + fixed_share)), same, grows)
    width = np.where(merger, 1.25, 1.0) * width
    radius = np.minimum(radius, LARGEST_RADIUS * width)
    elliptical = galaxies["kind"] == ELLIPTICAL
    mean = np.where(elliptical, 20.1, 20.3 + 1.1 * late + 0.5 * (galaxies["kind"] == IRREGULAR))
    mean = draws.normal(mean + survey.brightness, 0.45, most=2.2) + 0.25 * np.log(radius / median)
    galaxies["half_light"], galaxies["width"] = radius, width
    galaxies["surface_brightness"] = mean
    galaxies["flux"] = 2 * np.pi * radius**2 * 10 ** (0.4 * (22.5 - mean))


def _bulge(galaxies: Table, draws: Draws, has_disk: Mask) -> None:
    late, radius = galaxies["late"], galaxies["half_light"]
    lenticular = galaxies["kind"] == LENTICULAR
    fraction = np.where(lenticular, draws.normal(0.38, 0.12), 0.42 * (1 - late) ** 1.6 + draws.normal(0.03, 0.05))
    galaxies["bulge_fraction"] = np.where(has_disk, fraction.clip(0.005, 0.75), 1.0)
    early_index, late_index = (
        draws.log_normal(3.9, 0.25).clip(2.2, 7.0),
        draws.log_normal(1.0 + 2.2 * (1 - late) ** 2, 0.3),
    )
    galaxies["bulge_index"] = np.where(has_disk, late_index.clip(0.6, 4.5), early_index)
    scale = radius / 1.68 * (1.0 + 0.35 * galaxies["bulge_fraction"])
    galaxies["scale_length"] = np.where(has_disk, scale, radius)
    share = draws.log_normal(0.28, 0.3) * (0.7 + 0.9 * galaxies["bulge_fraction"])
    galaxies["bulge_radius"] = np.where(has_disk, scale * share, radius)
    roundness = np.where(
        has_disk, draws.uniform(0.72, 1.0), 1 - np.abs(draws.normal(0.06, 0.32, most=2.0)).clip(0, 0.68)
    )
    galaxies["bulge_axis_ratio"] = roundness
    boxes = draws.normal(0.0, 0.012)
    galaxies["bulge_boxiness"] = np.where(has_disk, np.abs(boxes), boxes)


def _disk(galaxies: Table, draws: Draws, population: Population, has_disk: Mask) -> None:
    late = galaxies["late"]
    galaxies["position_angle"] = draws.uniform(0, np.pi)
    cosine = np.where(
        draws.chance(population.edge_on), draws.uniform(0, 0.1), draws.uniform(population.least_face_on, 1)
    )
    galaxies["inclination"] = np.where(has_disk, np.arccos(cosine), 0.0)
    galaxies["thickness"] = draws.log_normal(0.17 - 0.05 * late, 0.25).clip(0.07, 0.3)
    galaxies["truncation"] = draws.log_normal(3.9, 0.18)
    tilt = np.where(has_disk, 0.0, draws.normal(0, 0.05))
    galaxies["bulge_angle"] = galaxies["position_angle"] + tilt
    # a bulge is a flattened spheroid: rounder than the disk at any inclination
    flat = galaxies["bulge_axis_ratio"]
    projected = np.sqrt(cosine**2 + (1 - cosine**2) * (0.62 * flat) ** 2)
    galaxies["bulge_axis_ratio"] = np.where(has_disk, np.minimum(projected, 1.0) * (0.94 + 0.06 * flat), flat)
    edge_on = galaxies["inclination"] > EDGE_ON_FROM
    dusty = draws.chance(0.65) & (galaxies["kind"] == SPIRAL)
    depth = np.where(edge_on, draws.uniform(0.4, 2.6), draws.uniform(0.1, 1.1) * np.sin(galaxies["inclination"]))
    galaxies["dust"] = np.where(dusty, depth, 0.0)
    galaxies["dust_offset"] = draws.normal(0, 0.25) + 2.5 * cosine * np.sign(draws.uniform(-1, 1))
    irregular = galaxies["kind"] == IRREGULAR
    shift = np.where(irregular, draws.uniform(0.2, 0.9), np.abs(draws.normal(0, 0.06)) * (0.4 + late))
    galaxies["lopsidedness"] = np.where(has_disk, shift, 0.0)
    galaxies["lopsided_angle"] = draws.uniform(0, 2 * np.pi)
    galaxies["young_fraction"] = np.clip(0.08 + 0.62 * late + draws.normal(0, 0.07), 0.02, 0.8) * has_disk
    galaxies["young_fraction"] *= np.where(galaxies["kind"] == LENTICULAR, 0.3, 1.0)


def _bar(galaxies: Table, draws: Draws, population: Population, has_disk: Mask) -> None:
    late, scale = galaxies["late"], galaxies["scale_length"]
    barred = draws.chance(population.bar * np.where(galaxies["kind"] == IRREGULAR, 0.6, 1.0)) & has_disk
    strong = draws.chance(0.55)
    galaxies["bar_length"] = (
        scale * draws.log_normal(1.25 - 0.45 * late, 0.25).clip(0.45, 2.2) * np.where(strong, 1.1, 0.8)
    )
    galaxies["bar_axis_ratio"] = np.where(strong, draws.uniform(0.2, 0.36), draws.uniform(0.35, 0.55))
    share = np.where(strong, draws.uniform(0.08, 0.24), draws.uniform(0.03, 0.1))
    galaxies["bar_fraction"] = np.where(barred, share * (1 - 0.6 * galaxies["bulge_fraction"]), 0.0)
    galaxies["bar_angle"] = draws.uniform(0, np.pi)


def _rings(galaxies: Table, draws: Draws, population: Population, has_disk: Mask, ringed: Mask | None) -> None:
    """Draw rings and lenses. Which of the two rings a ringed galaxy has: inner, outer, or both."""
    late, scale = galaxies["late"], galaxies["scale_length"]
    barred = galaxies["bar_fraction"] > 0
    probability = population.ring * np.where(barred, 1.35, 0.75) * (1.3 - 0.9 * late)
    by_chance = draws.chance(probability) & has_disk
    has_ring = by_chance if ringed is None else ringed & has_disk
    which = draws.choice((0.45, 0.38, 0.17))
    free = scale * draws.uniform(1.0, 2.2)
    inner = np.where(barred, galaxies["bar_length"] * draws.uniform(0.98, 1.15), 0.75 * free)
    strength = draws.log_normal(0.14, 0.5).clip(0.05, 0.4)
    for ring, present, radius, ratios in (
        ("inner_ring", which != 1, inner, (0.75, 1.0)),
        ("outer_ring", which != 0, np.where(barred, inner * draws.uniform(1.75, 2.3), 1.15 * free), (0.82, 1.0)),
    ):
        radius = np.minimum(radius, 0.36 * galaxies["width"])
        galaxies[f"{ring}_radius"] = radius
        galaxies[f"{ring}_width"] = radius * draws.uniform(0.08, 0.19)
        galaxies[f"{ring}_axis_ratio"] = draws.uniform(*ratios)
        broken = np.where(draws.chance(0.3), draws.uniform(0.5, 1.0), draws.uniform(0, 0.3))
        galaxies[f"{ring}_break"] = broken
        share = strength * (1 - 0.7 * galaxies["bulge_fraction"]) * draws.uniform(0.7, 1.1)
        galaxies[f"{ring}_fraction"] = np.where(has_ring & present, share, 0.0)
    galaxies["ring_angle"] = draws.uniform(0, 2 * np.pi)
    # most rings are the bright edge of a plateau; few stand free with a gap inside
    galaxies["ring_gap"] = draws.uniform() ** 1.5
    edge = has_ring & draws.chance(0.5)
    lens = draws.chance(np.where(edge, 1.0, np.where(has_ring, 0.05, 0.3)) * (1 - 0.8 * late)) & has_disk
    galaxies["lens_fraction"] = np.where(lens, draws.uniform(0.06, 0.25), 0.0)
    ring_radius = np.where(which == 1, galaxies["outer_ring_radius"], galaxies["inner_ring_radius"])
    lens_radius = np.where(edge, 1.05 * ring_radius, scale * draws.uniform(1.1, 2.1))
    galaxies["lens_radius"] = np.minimum(lens_radius, 0.36 * galaxies["width"])


def _arms(galaxies: Table, draws: Draws, has_disk: Mask) -> None:
    late = galaxies["late"]
    ringed = (galaxies["inner_ring_fraction"] + galaxies["outer_ring_fraction"]) > 0
    armed = draws.chance(np.where(ringed, 0.55, 0.9)) & (galaxies["kind"] == SPIRAL)
    armed |= draws.chance(0.12) & (galaxies["kind"] == LENTICULAR)
    galaxies["arm_contrast"] = np.where(armed, draws.uniform(0.3, 1.0) * (0.55 + 0.45 * late), 0.0)
    count = draws.choice((0.07, 0.6, 0.15, 0.09, 0.09)) + 1
    galaxies["arm_count"] = count.astype(float)
    pitch = draws.normal(11 + 17 * late, 5.0).clip(6, 42)
    galaxies["arm_pitch"] = np.radians(pitch)
    galaxies["arm_phase"] = draws.uniform(0, 2 * np.pi)
    galaxies["arm_sharpness"] = draws.uniform(1.0, 4.0) * np.where(count > 2, 0.8, 1.0)
    barred = galaxies["bar_fraction"] > 0
    from_bar = 0.85 * galaxies["bar_length"] / galaxies["scale_length"]
    galaxies["arm_start"] = np.where(barred, from_bar, draws.uniform(0.3, 0.8))
    galaxies["arm_unevenness"] = np.abs(draws.normal(0, 0.22)).clip(0, 0.7)
    galaxies["handedness"] = np.where(draws.chance(0.5), 1.0, -1.0)
    # two arms begin at the ends of the bar
    ends = galaxies["bar_angle"] - galaxies["handedness"] * np.log(np.maximum(from_bar, 0.1)) / np.tan(
        galaxies["arm_pitch"]
    )
    galaxies["arm_phase"] = np.where(barred & (count == 2), ends, galaxies["arm_phase"])
    flocculent = draws.uniform(0.1, 0.75) * (0.3 + late)
    galaxies["flocculence"] = np.where(has_disk, np.where(galaxies["kind"] == LENTICULAR, 0.06, flocculent), 0.0)
    galaxies["flocculence"] = np.where(galaxies["kind"] == IRREGULAR, draws.uniform(0.5, 1.0), galaxies["flocculence"])


def _clumps(galaxies: Table, draws: Draws, population: Population, has_disk: Mask) -> None:
    late, radius = galaxies["late"], galaxies["half_light"]
    irregular = galaxies["kind"] == IRREGULAR
    clumpy = draws.chance(population.clumpy * (0.2 + 1.3 * late)) & has_disk
    some = draws.uniform(0.0, 0.06) * late**2 * has_disk
    galaxies["clump_fraction"] = np.where(clumpy | (irregular & draws.chance(0.7)), draws.uniform(0.08, 0.35), some)
    galaxies["clump_fraction"] *= galaxies["kind"] != LENTICULAR
    galaxies["clump_spread"] = radius * draws.uniform(0.04, 0.13)


def _disturbances(galaxies: Table, draws: Draws, population: Population, has_disk: Mask) -> None:
    radius = galaxies["half_light"]
    merger = galaxies["merger"] > 0
    tails = (draws.chance(population.tails) | (merger & draws.chance(0.65))) & (galaxies["kind"] != STAR)
    galaxies["tail_fraction"] = np.where(tails, draws.log_normal(0.12, 0.5).clip(0.04, 0.3), 0.0)
    galaxies["tail_start"] = radius * draws.uniform(0.9, 1.7)
    galaxies["tail_sweep"] = draws.uniform(1.2, 3.6)
    galaxies["tail_pitch"] = draws.uniform(0.15, 0.55)
    galaxies["tail_angle"] = draws.uniform(0, 2 * np.pi)
    fan = draws.chance(np.where(merger, 0.4, 0.2))
    galaxies["tail_width"] = np.where(fan, draws.uniform(0.18, 0.45), draws.uniform(0.07, 0.18))
    galaxies["tail_count"] = np.where(draws.chance(0.5), 2.0, 1.0)
    shells = draws.chance(population.shells) & (galaxies["kind"] == ELLIPTICAL)
    galaxies["shell_fraction"] = np.where(shells, draws.uniform(0.06, 0.2), 0.0)
    galaxies["shell_radius"] = radius * draws.uniform(1.2, 2.2)
    galaxies["shell_angle"] = galaxies["position_angle"] + draws.normal(0, 0.3)
    galaxies["lopsidedness"] = galaxies["lopsidedness"] + (merger & has_disk) * draws.uniform(0.0, 0.5)
    galaxies["disturbed"] = np.maximum(
        np.minimum(galaxies["tail_fraction"] / 0.15, 1), np.minimum(galaxies["shell_fraction"] / 0.15, 1)
    )


def _colors(galaxies: Table, draws: Draws) -> None:
    late = galaxies["late"]
    own = draws.normal(0, 0.2)
    distant = draws.uniform(-0.1, 0.3)  # redshift reddens
    galaxies["bulge_redness"] = 0.72 - 0.45 * late + own + distant
    galaxies["disk_redness"] = 0.6 - 1.05 * late + own + draws.normal(0, 0.12) + distant
    galaxies["young_redness"] = -0.1 - 1.2 * late + own + draws.normal(0, 0.15) + distant
    star = galaxies["kind"] == STAR
    galaxies["bulge_redness"] = np.where(star, draws.normal(0.3, 1.2), galaxies["bulge_redness"])
    brighter = np.where(star, draws.log_normal(2.0, 1.2), 1.0)
    galaxies["flux"] = galaxies["flux"] * brighter
