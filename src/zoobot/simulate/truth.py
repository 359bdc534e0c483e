"""What is true of simulated galaxies, as numbers for catalogs and as targets for an encoder to learn."""

import numpy as np

from zoobot.simulate.draws import Values
from zoobot.simulate.galaxy import FIELDS, Table
from zoobot.simulate.observe import View
from zoobot.simulate.population import ELLIPTICAL, IRREGULAR, SPIRAL, STAR
from zoobot.simulate.surveys import Survey

Truth = dict[str, Values]


def true_values(galaxies: Table, partners: Table, view: View, survey: Survey) -> Truth:
    """Return what is true of each galaxy.

    All parameters of `Galaxy` under their own names (lengths in arcsec), and

    - ``width`` (of the image, arcsec), ``half_light`` (radius, arcsec), ``size`` (that over the image's width, natural
      logarithm), ``sharpness`` (half-light radius over the PSF's full width at half maximum, natural logarithm),
      ``signal_to_noise`` (of a native pixel within the half-light radius, natural logarithm);
    - ``axis_ratio`` (apparent), ``kind`` (number in `zoobot.simulate.population.KINDS`), ``late`` (0 early to 1 late
      type), ``index`` (Sersic, mean over bulge and disk by light), ``redness`` (mean over components);
    - strengths between 0 (none) and 1: ``disk``, ``edge_on``, ``arms``, ``bar``, ``ring``, ``inner_ring``,
      ``outer_ring``, ``lens``, ``clumps``, ``merger``, ``disturbed``, ``irregular``, ``shells``, ``dust_lane``,
      ``star``;
    - ``arms_two``, ``arms_many``, ``arms_one``, ``loose``, ``tight``: arms times what is in the name; ``handed``: arms
      times handedness.
    """
    g = galaxies
    kind = g["kind"]
    disk = ((kind != ELLIPTICAL) & (kind != STAR)).astype(float)
    face_on = np.clip((1.49 - g["inclination"]) / 0.21, 0, 1) * disk
    edge_on = disk - face_on
    ring = np.maximum(_strength(g["inner_ring_fraction"], 0.12), _strength(g["outer_ring_fraction"], 0.12)) * face_on
    arms = _strength(g["arm_contrast"] * (0.35 + g["young_fraction"]), 0.33) * face_on
    thin = np.cos(g["inclination"]) ** 2
    projected = np.sqrt(thin + (1 - thin) * (1.2 * g["thickness"]) ** 2)
    share = g["bulge_fraction"]
    axis_ratio = disk * (projected * (1 - share) + g["bulge_axis_ratio"] * share) + (1 - disk) * g["bulge_axis_ratio"]
    pitch = np.degrees(g["arm_pitch"])
    brightness = g["flux"] / (2 * np.pi * g["half_light"] ** 2) * survey.pixel**2
    merger = g["merger"] * _strength(partners["ratio"], 0.4)
    derived: Truth = {
        "width": view.width,
        "half_light": g["half_light"],
        "kind": kind,
        "late": g["late"],
        "size": np.log(g["half_light"] / view.width),
        "sharpness": np.log(g["half_light"] / view.seeing[:, 1]),
        "signal_to_noise": np.log(brightness / view.noise[:, 1]),
        "axis_ratio": axis_ratio,
        "index": g["bulge_index"] * share + (1 - share),
        "redness": g["bulge_redness"] * share
        + (1 - share) * (g["disk_redness"] * (1 - g["young_fraction"]) + g["young_redness"] * g["young_fraction"]),
        "disk": disk,
        "edge_on": edge_on,
        "arms": arms,
        "bar": _strength(g["bar_fraction"], 0.075) * face_on,
        "ring": ring,
        "inner_ring": _strength(g["inner_ring_fraction"], 0.12) * face_on,
        "outer_ring": _strength(g["outer_ring_fraction"], 0.12) * face_on,
        "lens": _strength(g["lens_fraction"], 0.15) * face_on,
        "clumps": _strength(g["clump_fraction"], 0.15),
        "merger": merger,
        "disturbed": np.maximum(g["disturbed"], 0.6 * merger),
        "irregular": (kind == IRREGULAR).astype(float),
        "shells": _strength(g["shell_fraction"], 0.12),
        "dust_lane": np.minimum(g["dust"] / 1.5, 1.0) * edge_on,
        "star": (kind == STAR).astype(float),
        "spiral": (kind == SPIRAL).astype(float),
        "arms_one": arms * (g["arm_count"] == 1),
        "arms_two": arms * (g["arm_count"] == 2),
        "arms_many": arms * (g["arm_count"] > 2),
        "loose": arms * np.clip((pitch - 10) / 20, 0, 1),
        "tight": arms * np.clip((30 - pitch) / 20, 0, 1),
        "handed": arms * g["handedness"],
        "trail": view.mishaps["trail"],
    }
    return {name: g[name] for name in FIELDS} | derived


def _strength(share: Values, half: float) -> Values:
    """Return 0 for nothing, 0.5 at `half`, towards 1 for more."""
    values: Values = share**1.5 / (share**1.5 + half**1.5)
    return values


TRUTH_TARGETS: tuple[str, ...] = (
    "disk", "edge_on", "arms", "bar", "inner_ring", "outer_ring", "ring", "lens", "merger", "disturbed", "irregular",
    "clumps", "shells", "dust_lane", "star", "bulge_fraction", "axis_ratio", "late", "index", "redness", "size",
    "arms_one", "arms_two", "arms_many", "loose", "tight", "handed", "lopsidedness",
)  # fmt: skip
"""Names in `SimulatedBatch.truth` that an encoder can learn from images; each is finite for every galaxy."""
