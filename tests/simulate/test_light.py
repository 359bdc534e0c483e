"""The light of galaxies against other people's tools, formulas and symmetries."""

import dataclasses
import warnings

import galsim
import numpy as np
import pytest
import statmorph
import torch
from photutils.morphology import data_properties
from scipy.ndimage import map_coordinates
from scipy.special import k1
from tests.simulate.drawing import draw, radii

from zoobot.simulate import Galaxy
from zoobot.simulate.observe import MOFFAT_BETA

SIZE, PIXEL, FWHM = 128, 0.4, 1.2
ELLIPTICAL = Galaxy(bulge_fraction=1.0, bulge_radius=3.0, bulge_index=4.0, bulge_axis_ratio=0.6, bulge_angle=0.5)
SPIRAL = Galaxy(scale_length=4.0, arm_contrast=0.9, arm_pitch=0.35, arm_start=0.3, young_fraction=0.6, truncation=4.0)


@pytest.mark.parametrize("index", [0.7, 1.0, 2.5, 4.0, 6.0])
@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (0.13, -0.31)])
def test_sersic_profile_is_galsims(index: float, x: float, y: float) -> None:
    galaxy = dataclasses.replace(ELLIPTICAL, bulge_index=index, x=x, y=y)
    ours = draw([galaxy], SIZE, PIXEL, FWHM)[0]
    # GalSim's radius is that of the circle of equal area
    sersic = galsim.Sersic(n=index, half_light_radius=3.0 * 0.6**0.5, flux=galaxy.flux)
    sersic = sersic.shear(q=0.6, beta=galaxy.bulge_angle * galsim.radians).shift(x, y)
    whole = galsim.Convolve(sersic, galsim.Moffat(beta=MOFFAT_BETA, fwhm=FWHM))
    theirs = whole.drawImage(nx=SIZE, ny=SIZE, scale=PIXEL).array
    assert np.abs(ours - theirs).max() < 0.01 * theirs.max()


@pytest.mark.parametrize("index", [0.8, 1.5, 3.0])
def test_bulge_has_its_flux_and_half_of_it_within_its_radius(index: float) -> None:
    galaxy = dataclasses.replace(ELLIPTICAL, bulge_index=index, bulge_axis_ratio=1.0)
    image = draw([galaxy], 512, 0.2)[0]
    assert image.sum() == pytest.approx(galaxy.flux, rel=0.02)
    assert image[radii(512, 0.2) < 3.0].sum() / galaxy.flux == pytest.approx(0.5, abs=0.01)


def test_disk_is_exponential_before_its_end_and_inclination_keeps_its_flux() -> None:
    face_on, inclined, edge_on = draw(
        [Galaxy(truncation=3.5), Galaxy(truncation=3.5, inclination=1.0), Galaxy(truncation=3.5, inclination=np.pi / 2)]
    )
    for image in (face_on, inclined, edge_on):
        assert image.sum() == pytest.approx(100, rel=0.015)
    near, far = (face_on[np.abs(radii() - radius) < 0.1].mean() for radius in (2.0, 4.0))
    assert near / far == pytest.approx(np.exp(1 + (2**4 - 1) / 3.5**4), rel=0.02)


def test_edge_on_disk_is_that_of_van_der_kruit_and_searle() -> None:
    image = draw([Galaxy(inclination=np.pi / 2, thickness=0.3, scale_length=3.0)], 256, 0.1)[0]
    height = (np.arange(256) + 0.5 - 128) * 0.1
    column = image[:, 150] / image[127:129, 150].mean()
    # inclination leaves nothing but half a pixel's softening
    np.testing.assert_allclose(column, np.cosh(height / 0.9) ** -2, atol=0.01)
    along = np.abs(height) / 3
    row = image[127] / image[127, 138]
    np.testing.assert_allclose(row, along * k1(along) / (along * k1(along))[138], rtol=0.035)


@pytest.mark.parametrize(
    "parts",
    [
        {"bar_fraction": 0.2, "bar_length": 3.0},
        {"lens_fraction": 0.2, "lens_radius": 4.0},
        {"inner_ring_fraction": 0.2, "inner_ring_radius": 4.0, "inner_ring_axis_ratio": 0.8},
        {"outer_ring_fraction": 0.2, "outer_ring_radius": 6.0, "outer_ring_break": 0.9},
        {"tail_fraction": 0.2},
        {"shell_fraction": 0.2},
        {"arm_contrast": 1.0, "young_fraction": 0.5},
        {"bulge_fraction": 0.4, "bulge_boxiness": 0.05},
    ],
    ids=lambda parts: next(iter(parts)),
)
def test_components_share_the_flux(parts: dict[str, float]) -> None:
    image = draw([Galaxy(inclination=0.5, **parts)], 256, 0.2, 0.6)[0]
    assert image.sum() == pytest.approx(100, rel=0.02)
    assert image.min() > -1e-6 * image.max()


def test_photutils_measures_the_ellipticity() -> None:
    for axis_ratio in (0.4, 0.7, 1.0):
        galaxy = dataclasses.replace(ELLIPTICAL, bulge_index=1.0, bulge_axis_ratio=axis_ratio)
        measured = data_properties(draw([galaxy], 256, 0.2)[0])
        assert float(measured.ellipticity) == pytest.approx(1 - axis_ratio, abs=0.02)
        if axis_ratio < 1:
            assert float(measured.orientation.to_value("rad")) == pytest.approx(galaxy.bulge_angle, abs=0.02)


@pytest.mark.parametrize("index", [1.0, 2.5, 4.0])
def test_statmorph_measures_the_sersic_index(index: float) -> None:
    galaxy = dataclasses.replace(ELLIPTICAL, bulge_index=index, bulge_axis_ratio=0.7, bulge_radius=4.0)
    image = draw([galaxy], 160, PIXEL, FWHM)[0]
    image = image + np.random.default_rng(0).normal(0, 1e-4 * image.max(), image.shape)
    psf = galsim.Moffat(beta=MOFFAT_BETA, fwhm=FWHM).drawImage(nx=25, ny=25, scale=PIXEL).array
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy's fitter warns of its own
        (found,) = statmorph.source_morphology(
            image, (radii(160, PIXEL) < 25).astype(int), gain=1e6, psf=psf.astype(float)
        )
    assert found.sersic_n == pytest.approx(index, rel=0.1)
    assert found.sersic_ellip == pytest.approx(0.3, abs=0.02)
    assert found.sersic_rhalf * PIXEL == pytest.approx(4.0, rel=0.06)


def pitch(image: np.ndarray, pixel: float, arms: int) -> float:
    """Return the pitch angle in degrees by a Fourier transform in angle and logarithm of radius.

    It is signed (Puerari & Dottori 1992).
    """
    angle, depth = np.linspace(0, 2 * np.pi, 256, endpoint=False), np.linspace(np.log(2.5), np.log(14), 128)
    x, y = (np.exp(depth)[:, None] * f(angle) / pixel + image.shape[0] / 2 - 0.5 for f in (np.cos, np.sin))
    polar = map_coordinates(image, [y, x], order=3)
    polar = polar / polar.mean(1, keepdims=True) - 1
    mode = np.fft.fft(polar, axis=1)[:, arms] * np.hanning(128)
    power = np.abs(np.fft.fft(mode, 8192))
    frequency = 2 * np.pi * np.fft.fftfreq(8192, depth[1] - depth[0])[power.argmax()]
    return float(np.degrees(np.arctan2(arms, abs(frequency))) * np.sign(frequency))


@pytest.mark.parametrize("arms", [1, 2, 4])
@pytest.mark.parametrize("degrees", [12, 20, 32])
def test_pitch_angle_is_measured_by_fourier(arms: int, degrees: float) -> None:
    galaxy = dataclasses.replace(SPIRAL, arm_count=arms, arm_pitch=np.radians(degrees))
    assert abs(pitch(draw([galaxy], 256, 0.15)[0], 0.15, arms)) == pytest.approx(degrees, abs=2)


def test_pitch_is_that_of_the_disk_when_inclined() -> None:
    inclined = draw([dataclasses.replace(SPIRAL, inclination=0.9)], 256, 0.15)[0]
    y, x = np.mgrid[:256, :256].astype(float)
    ratio = (np.cos(0.9) ** 2 + np.sin(0.9) ** 2 * 0.15**2) ** 0.5
    face_on = map_coordinates(inclined, [(y - 127.5) * ratio + 127.5, x], order=3)
    assert abs(pitch(face_on, 0.15, 2)) == pytest.approx(np.degrees(0.35), abs=2)


def test_other_handedness_is_the_mirror_image() -> None:
    clockwise, anticlockwise = draw([SPIRAL, dataclasses.replace(SPIRAL, handedness=-1.0)])
    np.testing.assert_allclose(anticlockwise, clockwise[::-1], rtol=1e-3, atol=1e-6)
    assert not np.allclose(clockwise, clockwise[::-1], rtol=1e-2)
    assert np.sign(pitch(clockwise, 0.4, 2)) == -np.sign(pitch(anticlockwise, 0.4, 2))


def test_handedness_one_turns_clockwise_outwards_as_displayed() -> None:
    image = draw([dataclasses.replace(SPIRAL, arm_count=1.0)], 256, 0.15)[0]
    angle = np.linspace(0, 2 * np.pi, 360, endpoint=False)  # y points down: growing angles go clockwise
    places = []
    for radius in (5.0, 6.0):
        ring = map_coordinates(image, [127.5 + radius / 0.15 * np.sin(angle), 127.5 + radius / 0.15 * np.cos(angle)])
        places.append(angle[ring.argmax()])
    assert 0 < (places[1] - places[0]) % (2 * np.pi) < np.pi


def test_ring_is_brightest_at_its_radius() -> None:
    ringed, plain = draw(
        [Galaxy(inner_ring_fraction=0.2, inner_ring_radius=5.0, scale_length=3.0), Galaxy(scale_length=3.0)]
    )
    at, inside, outside = (
        ringed[np.abs(radii() - r) < 0.2].mean() / plain[np.abs(radii() - r) < 0.2].mean() for r in (5, 3.6, 9)
    )
    assert at > 1.5 * inside
    assert at > 1.5 * outside


def test_a_quarter_turn_turns_the_image() -> None:
    galaxy = dataclasses.replace(SPIRAL, inclination=0.8, bar_fraction=0.1, inner_ring_fraction=0.1, bulge_fraction=0.1)
    turned = dataclasses.replace(
        galaxy, position_angle=np.pi / 2, bulge_angle=galaxy.bulge_angle + np.pi / 2, lopsided_angle=np.pi / 2
    )
    first, second = draw([galaxy, turned])
    np.testing.assert_allclose(second, np.rot90(first, -1), rtol=2e-3, atol=1e-5)


def test_dust_lane_darkens_the_middle_of_an_edge_on_disk() -> None:
    from zoobot.simulate.galaxy import Columns, as_table
    from zoobot.simulate.light import TEXTURE_SHAPE, dust

    columns = Columns.of(as_table([Galaxy(inclination=np.pi / 2, dust=1.5)]), torch.device("cpu"))
    depth = dust(columns, torch.tensor([0.2]), 64, torch.zeros(1, *TEXTURE_SHAPE))[0]
    assert depth[31:33].mean() > 5 * depth[20].mean()
    assert depth.max() <= 1.5


def test_dust_of_an_inclined_disk_lies_before_its_near_side() -> None:
    from zoobot.simulate.galaxy import Columns, as_table
    from zoobot.simulate.light import TEXTURE_SHAPE, dust

    near, far = (Galaxy(inclination=1.0, dust=1.0, dust_offset=side, arm_contrast=0.0) for side in (1.0, -1.0))
    columns = Columns.of(as_table([near, far]), torch.device("cpu"))
    depths = dust(columns, torch.tensor([0.2, 0.2]), 64, torch.zeros(2, *TEXTURE_SHAPE))
    above, below = depths[:, 34:44, 24:40].mean((1, 2)), depths[:, 20:30, 24:40].mean((1, 2))
    assert above[0] > 1.5 * below[0]
    assert below[1] > 1.5 * above[1]
    assert depths.min() >= 0


def test_disk_inside_a_ring_without_a_gap_is_the_plain_disk() -> None:
    ring = {"inner_ring_fraction": 0.2, "inner_ring_radius": 4.0, "inner_ring_width": 0.4}
    inside = [draw([Galaxy(ring_gap=gap, **ring)], 64, 0.2)[0][32, 46] for gap in (0.0, 1.0)]
    plain = draw([Galaxy()], 64, 0.2)[0][32, 46]
    assert inside[0] == pytest.approx(0.8 * plain, rel=0.05)
    assert inside[1] < 0.6 * inside[0]


def test_rings_are_as_patchy_as_their_disk() -> None:
    ring = {"inner_ring_fraction": 0.9, "inner_ring_radius": 4.0, "inner_ring_width": 0.4}
    even, patchy = (draw([Galaxy(flocculence=f, **ring)], 64, 0.2)[0] for f in (0.0, 0.8))
    y, x = np.mgrid[:64, :64] - 31.5
    on_ring = np.abs(np.hypot(x, y) * 0.2 - 4.0) < 0.15
    assert even[on_ring].std() / even[on_ring].mean() < 0.1
    assert patchy[on_ring].std() / patchy[on_ring].mean() > 0.3
