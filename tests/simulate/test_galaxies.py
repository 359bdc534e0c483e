"""The light of simulated galaxies against formulas, by quadrature and by symmetry."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.special import gammaincinv

from zoobot.simulate import Galaxy, draw_galaxy, light

SIZE = 256
GREEN = 1  # the band whose brightness doesn't depend on redness


@pytest.fixture
def disk() -> Galaxy:
    """Give a face-on disk with hardly any bulge and nothing else."""
    drawn = draw_galaxy(np.random.default_rng(0), ring=False)
    plain = dict.fromkeys(
        ("bar_strength", "arm_strength", "ring_strength", "lens_strength", "clumpiness", "bulge_fraction"), 0.0
    )
    return dataclasses.replace(drawn, **plain, brightness=100.0, scale_length=0.05, axis_ratio=1.0, ring_radius=0.1)


def profile(galaxy: Galaxy, radius: float) -> float:
    """Give the mean brightness of a face-on galaxy at a radius."""
    image = light([galaxy], SIZE)[0, GREEN]
    axis = (torch.arange(SIZE) + 0.5) / SIZE - 0.5
    radii = torch.hypot(axis[:, None], axis[None, :])
    return image[(radii - radius).abs() < 1.0 / SIZE].mean().item()


def test_disk_is_exponential_before_its_truncation(disk: Galaxy) -> None:
    assert profile(disk, 0.05) / profile(disk, 0.1) == pytest.approx(math.exp(1 + (2**4 - 1) / 3.6**4), rel=0.02)


def test_bulge_holds_its_fraction_of_the_light_and_half_of_it_within_its_radius(disk: Galaxy) -> None:
    bulge = dataclasses.replace(disk, bulge_fraction=0.5, bulge_radius=0.04, bulge_index=2.0, bulge_axis_ratio=1.0)
    bulge = dataclasses.replace(bulge, bulge_redness=0.0, disk_redness=0.0)
    image = (light([bulge], SIZE) - light([dataclasses.replace(bulge, bulge_fraction=0.0)], SIZE))[0, GREEN].double()
    axis = (torch.arange(SIZE) + 0.5) / SIZE - 0.5
    radii = torch.hypot(axis[:, None], axis[None, :])
    # flux of an untruncated exponential disk: 2 pi brightness h^2, in pixels
    assert image.sum().item() == pytest.approx(2 * math.pi * 100 * (0.05 * SIZE) ** 2, rel=0.02)
    assert (image[radii < 0.04].sum() / image.sum()).item() == pytest.approx(0.5, abs=0.01)


def test_bulge_profile_follows_sersic(disk: Galaxy) -> None:
    bulge = dataclasses.replace(disk, bulge_fraction=0.9, bulge_radius=0.05, bulge_index=3.0, bulge_axis_ratio=1.0)
    image = (light([bulge], SIZE) - light([dataclasses.replace(bulge, bulge_fraction=0.0)], SIZE))[0, GREEN].double()
    axis = (torch.arange(SIZE).double() + 0.5) / SIZE - 0.5
    radii = torch.hypot(axis[:, None], axis[None, :])
    expected = torch.exp(-gammaincinv(6, 0.5) * ((radii / 0.05) ** (1 / 3) - 1))
    ratio = (image / expected)[radii < 0.2]
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio), rtol=0.003, atol=0)


def test_ring_is_brightest_at_its_radius_with_a_gap_inside(disk: Galaxy) -> None:
    ringed = dataclasses.replace(disk, ring_strength=1.5, ring_width=0.01, ring_evenness=1.0)
    at_ring, inside, outside = (profile(ringed, radius) / profile(disk, radius) for radius in (0.1, 0.068, 0.15))
    assert at_ring > 2
    assert inside < 0.8
    assert outside == pytest.approx(1, abs=0.02)


def test_a_galaxy_turned_by_a_right_angle_is_its_image_turned(disk: Galaxy) -> None:
    drawn = dataclasses.replace(draw_galaxy(np.random.default_rng(3), ring=True), clumpiness=0.0)
    turned = dataclasses.replace(drawn, position_angle=drawn.position_angle + math.pi / 2)
    first, second = light([drawn, turned], 64)
    torch.testing.assert_close(second, first.rot90(-1, (-2, -1)), rtol=1e-3, atol=0.1)


def test_reversed_pitch_mirrors_the_arms(disk: Galaxy) -> None:
    spiral = dataclasses.replace(
        disk, arm_strength=1.0, arm_count=2.0, arm_phase=0.0, position_angle=0.0, pitch_angle=0.3
    )
    other = dataclasses.replace(spiral, pitch_angle=-0.3)
    first, second = light([spiral, other], 64)
    torch.testing.assert_close(second, first.flip(-2), rtol=1e-3, atol=0.05)
    assert not torch.allclose(first, second, atol=1)


def test_light_of_many_equals_light_of_each_and_margin_adds_only_around() -> None:
    galaxies = [draw_galaxy(np.random.default_rng(seed), ring=seed % 2 == 0) for seed in range(40)]
    images = light(galaxies, 48)
    assert images.shape == (40, 3, 48, 48)
    assert torch.isfinite(images).all()
    assert (images >= 0).all()
    torch.testing.assert_close(images[7:8], light(galaxies[7:8], 48), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(light(galaxies, 48, margin=5)[..., 5:-5, 5:-5], images, rtol=1e-3, atol=1e-2)


def test_ring_is_what_the_label_says() -> None:
    for ring in (True, False):
        galaxies = [draw_galaxy(np.random.default_rng(seed), ring=ring) for seed in range(200)]
        assert all((g.ring_strength > 0) == (g.ring_radius > 0) == ring for g in galaxies)
        assert 0.3 < np.mean([g.bar_strength > 0 for g in galaxies]) < 0.7, "bars must not tell ringed from ringless"
    assert any(g.arm_strength > 0 for g in galaxies), "ringless galaxies with arms are the hard negatives"
    assert any(g.lens_strength > 0 for g in galaxies)
