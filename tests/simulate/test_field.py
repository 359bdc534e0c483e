"""Small sources and mishaps: where they are said to be, with the light they are said to have, and nowhere else."""

import numpy as np
import pytest
import torch

from zoobot.simulate import SURVEYS, Galaxy
from zoobot.simulate.draws import Draws
from zoobot.simulate.field import CLUMP_COLUMNS, NEIGHBOR_COLUMNS, Sources, add_sources, band_fluxes, clumps, neighbors
from zoobot.simulate.galaxy import Columns, as_table
from zoobot.simulate.mishaps import add_light, spoil

SIZE, CANVAS = 64, 72
MISHAPS = ("trail", "gap", "edge", "background", "bright_star")


def one_source(radius: float, x: float = 0.1, y: float = -0.2) -> Sources:
    values = (np.array([value]) for value in (x, y, radius, 0.7, 0.4))
    return Sources(np.array([1]), *values, np.array([[3.0, 2.0, 1.0]]))


@pytest.mark.parametrize("radius", [0.0, 0.02])
def test_a_source_has_its_flux_at_its_place_in_its_image(radius: float) -> None:
    images = torch.zeros(2, 3, CANVAS, CANVAS)
    add_sources(images, one_source(radius), SIZE)
    assert images[0].abs().sum() == 0
    torch.testing.assert_close(images[1].sum((1, 2)), torch.tensor([3.0, 2.0, 1.0]))
    place = (torch.arange(CANVAS) + 0.5 - CANVAS / 2) / SIZE
    image = images[1, 0] / 3
    assert (image.sum(0) * place).sum() == pytest.approx(0.1, abs=0.006)
    assert (image.sum(1) * place).sum() == pytest.approx(-0.2, abs=0.006)


def test_what_lies_beyond_the_canvas_is_left_out() -> None:
    images = torch.zeros(2, 3, CANVAS, CANVAS)
    add_sources(images, one_source(0.02, x=0.7), SIZE)
    assert images.abs().sum() == 0


def test_old_stars_are_redder_than_young_ones() -> None:
    old, young = band_fluxes(np.array([1.0, 1.0]), np.array([1.0, -1.0]), SURVEYS["sdss"])
    assert old[0] / old[2] > 1.5 * young[0] / young[2]
    assert old[1] == young[1] == 1


def test_fields_have_more_faint_sources_than_bright_and_more_where_wider() -> None:
    uniforms = np.random.default_rng(0).random((200, NEIGHBOR_COLUMNS))
    narrow, wide = (neighbors(Draws(uniforms), np.full(200, width), SURVEYS["sdss"]) for width in (20.0, 60.0))
    assert len(wide.image) > 3 * len(narrow.image)
    flux = wide.flux[:, 1] / SURVEYS["sdss"].faintest
    assert flux.min() >= 1
    assert (flux < 3).sum() > 3 * (flux > 10).sum() > 0


def test_clumps_have_their_share_of_the_light_and_lie_on_the_arms() -> None:
    galaxy = Galaxy(clump_fraction=0.3, arm_contrast=1.0, arm_count=2.0, arm_pitch=0.4, young_redness=0.0)
    table = {name: np.repeat(values, 50) for name, values in (as_table([galaxy]) | {"width": np.array([40.0])}).items()}
    found = clumps(Draws(np.random.default_rng(0).random((50, CLUMP_COLUMNS))), table, SURVEYS["sdss"])
    assert found.flux[:, 1].sum() / 50 == pytest.approx(0.3 * galaxy.flux)
    x, y = found.x * 40, found.y * 40
    phase = np.arctan2(y, x) - np.log(np.hypot(x, y) / galaxy.scale_length) / np.tan(galaxy.arm_pitch)
    on_arm = np.abs(np.angle(np.exp(2j * phase))) < 0.4
    assert on_arm.mean() > 0.75
    none = clumps(
        Draws(np.random.default_rng(0).random((50, CLUMP_COLUMNS))),
        table | {"clump_fraction": np.zeros(50)},
        SURVEYS["sdss"],
    )
    assert len(none.image) == 0


def marks(**happened: float) -> Columns:
    """Return mishaps of two images, of which only the first has any."""
    table = {name: np.array([happened.get(name, 0.0), 0.0]) for name in MISHAPS}
    return Columns.of(
        table | {"place": np.full(2, 0.4), "angle": np.full(2, 0.2), "strength": np.full(2, 0.5)}, torch.device("cpu")
    )


@pytest.mark.parametrize("name", ["trail", "bright_star"])
def test_light_is_added_to_marked_images_only(name: str) -> None:
    images = torch.zeros(2, 3, CANVAS, CANVAS)
    add_light(images, marks(**{name: 1.0}), torch.ones(2, 3), SIZE)
    assert images[0].max() > 3
    assert images[0].min() >= 0
    assert images[1].abs().sum() == 0


@pytest.mark.parametrize("name", ["gap", "edge", "background"])
def test_marked_images_are_spoilt_and_no_others(name: str) -> None:
    images = torch.ones(2, 3, SIZE, SIZE)
    spoil(images, marks(**{name: 1.0}), torch.ones(2, 3))
    assert (images[1] == 1).all()
    changed = images[0] != 1
    assert 0.01 < changed.float().mean() < 1
    assert images[0][changed].max() == 0 if name == "gap" else images[0].mean() > 1.02
