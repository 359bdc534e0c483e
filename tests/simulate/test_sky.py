"""Simulated surveys: repeatable, galaxy by galaxy, alike on every device, and as rich as promised."""

import numpy as np
import pytest
import torch

from zoobot.errors import OptionError, TreeError
from zoobot.simulate import SURVEYS, TRUTH_TARGETS, SimulatedSurvey, Survey
from zoobot.simulate.observe import blur, correlate

SIZE = 48


@pytest.fixture(scope="module")
def sky() -> SimulatedSurvey:
    return SimulatedSurvey("decals", size=SIZE, tree="gz2", seed=3)


@pytest.mark.parametrize("survey", sorted(SURVEYS))
def test_every_survey_gives_pictures_votes_and_truth(survey: str) -> None:
    batch = SimulatedSurvey(survey, size=SIZE, tree="gz2", seed=1).batch(range(40), flux=True)
    assert batch.image.shape == (40, 3, SIZE, SIZE)
    assert batch.image.dtype == torch.float32
    assert 0 <= batch.image.min() < batch.image.max() <= 1
    assert batch.flux is not None
    assert batch.flux.shape == batch.image.shape
    assert torch.isfinite(batch.flux).all()
    assert batch.votes is not None
    assert batch.votes.shape == (40, 30)
    assert all(torch.isfinite(batch.truth[name]).all() and len(batch.truth[name]) == 40 for name in batch.truth)
    assert set(TRUTH_TARGETS) <= set(batch.truth)
    # galaxies are to be seen: the middle is brighter than the border
    middle = batch.image[..., SIZE // 2 - 2 : SIZE // 2 + 2, SIZE // 2 - 2 : SIZE // 2 + 2].mean((1, 2, 3))
    assert (middle - batch.image.mean((1, 2, 3)) > 0.08).float().mean() > 0.9


def test_same_seed_same_pixels_other_seed_others(sky: SimulatedSurvey) -> None:
    first, again = sky.batch(range(20)), SimulatedSurvey("decals", size=SIZE, tree="gz2", seed=3).batch(range(20))
    torch.testing.assert_close(first.image, again.image, rtol=0, atol=0)
    torch.testing.assert_close(first.votes, again.votes, rtol=0, atol=0)
    other = SimulatedSurvey("decals", size=SIZE, tree="gz2", seed=4).batch(range(20))
    assert ((first.image - other.image).abs().amax((1, 2, 3)) > 0.05).all()


def test_a_galaxy_does_not_depend_on_its_batch(sky: SimulatedSurvey) -> None:
    whole = sky.batch(range(40))
    some = sky.batch([33, 2, 17])
    torch.testing.assert_close(some.image, whole.image[[33, 2, 17]], rtol=0, atol=2e-4)
    torch.testing.assert_close(some.votes, whole.votes[[33, 2, 17]], rtol=0, atol=0)
    for name, values in some.truth.items():
        torch.testing.assert_close(values, whole.truth[name][[33, 2, 17]], rtol=0, atol=0)


def test_flux_is_given_only_where_asked_and_does_not_change_the_picture(sky: SimulatedSurvey) -> None:
    plain, calibrated = sky.batch(range(5)), sky.batch(range(5), flux=True)
    assert plain.flux is None
    torch.testing.assert_close(plain.image, calibrated.image, rtol=0, atol=0)


def test_votes_and_truth_do_not_depend_on_the_pixels_size(sky: SimulatedSurvey) -> None:
    larger = SimulatedSurvey("decals", size=2 * SIZE, tree="gz2", seed=3).batch(range(12))
    smaller = sky.batch(range(12))
    torch.testing.assert_close(larger.votes, smaller.votes, rtol=0, atol=0)
    for name, values in larger.truth.items():
        torch.testing.assert_close(values, smaller.truth[name], rtol=0, atol=0)
    binned = torch.nn.functional.avg_pool2d(larger.image, 2)
    for one, other in zip(binned, smaller.image, strict=True):
        assert np.corrcoef(one.flatten(), other.flatten())[0, 1] > 0.7


def test_described_without_being_drawn(sky: SimulatedSurvey) -> None:
    truth, votes = sky.describe(range(10))
    batch = sky.batch(range(10))
    np.testing.assert_array_equal(votes, batch.votes)
    np.testing.assert_allclose(truth["axis_ratio"], batch.truth["axis_ratio"], rtol=1e-6)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_other_devices_agree_with_the_cpu(sky: SimulatedSurvey, device: str) -> None:
    if not (torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()):
        pytest.skip(f"no {device} device here")
    here, there = sky.batch(range(64)), sky.batch(range(64), device=device)
    assert there.image.device.type == device
    torch.testing.assert_close(there.image.cpu(), here.image, rtol=0, atol=2e-3)
    torch.testing.assert_close(there.votes.cpu(), here.votes, rtol=0, atol=0)


def test_pretraining_has_rare_galaxies_more_often_than_nature() -> None:
    shares = {}
    for population in ("survey", "pretraining"):
        truth, _ = SimulatedSurvey("sdss", size=32, seed=2, population=population).describe(range(1500))
        shares[population] = {
            name: np.mean(truth[name] > 0.3)
            for name in ("ring", "merger", "disturbed", "clumps", "arms", "bar", "edge_on")
        }
    assert all(share > 0.02 for share in shares["survey"].values())
    assert all(
        shares["pretraining"][name] > 1.4 * shares["survey"][name] for name in ("ring", "merger", "disturbed", "clumps")
    )
    assert shares["survey"]["merger"] < 0.08


def test_early_types_are_redder_rounder_and_more_concentrated() -> None:
    truth, _ = SimulatedSurvey("sdss", size=32, seed=2, population="survey").describe(range(1500))
    early, late = truth["kind"] <= 1, truth["late"] > 0.5
    assert truth["redness"][early].mean() > truth["redness"][late].mean() + 0.4
    assert truth["index"][early].mean() > truth["index"][late].mean() + 1
    spirals = truth["arms"] > 0.2
    assert np.corrcoef(truth["bulge_fraction"][spirals], truth["arm_pitch"][spirals])[0, 1] < -0.3
    assert abs(truth["handed"].mean()) < 0.03


def test_parameters_of_each_galaxy_are_one_record(sky: SimulatedSurvey) -> None:
    galaxies = sky.galaxies([5, 6])
    truth, _ = sky.describe([5, 6])
    assert [galaxy.bulge_fraction for galaxy in galaxies] == pytest.approx(truth["bulge_fraction"])
    with pytest.raises(AttributeError):
        galaxies[0].flux = 1.0  # type: ignore[misc]


def test_ringed_decides_who_has_a_ring() -> None:
    sky = SimulatedSurvey("decals", size=32, seed=2, population="rings")
    truth, _ = sky.describe(range(100), ringed=[k % 2 == 0 for k in range(100)])
    has_ring = (truth["inner_ring_fraction"] + truth["outer_ring_fraction"]) > 0
    assert has_ring.tolist() == [k % 2 == 0 for k in range(100)]


def test_blur_keeps_light_and_moves_it_where_asked() -> None:
    images = torch.zeros(1, 1, 64, 64)
    images[0, 0, 20, 30] = 7.0
    moved = blur(images, torch.full((1, 1), 3.0), torch.tensor([[[4.0, -2.0]]]))[0, 0]
    assert moved.sum() == pytest.approx(7.0, rel=1e-4)
    assert divmod(int(moved.argmax()), 64) == (18, 34)
    assert (moved > 0.5 * moved.max()).sum().item() == pytest.approx(np.pi * 1.5**2, abs=3)


def test_smoothed_noise_keeps_its_variance_and_is_correlated() -> None:
    white = torch.randn(2, 3, 204, 204, generator=torch.Generator().manual_seed(0))
    smooth = correlate(white, torch.tensor([0.3, 1.2]))
    assert smooth.shape == (2, 3, 200, 200)
    for image, expected in zip(smooth, (0.01, 0.84), strict=True):
        assert image.std() == pytest.approx(1, abs=0.05)
        near = (image[..., 1:] * image[..., :-1]).mean()
        assert near == pytest.approx(expected, abs=0.02)


def test_a_survey_of_ones_own() -> None:
    from dataclasses import replace

    own: Survey = replace(SURVEYS["sdss"], name="own", bands=("I", "R", "B"))
    assert SimulatedSurvey(own, size=32).batch([1]).image.shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"survey": "deccals"}, "No survey called 'deccals'.*Did you mean 'decals'"),
        ({"size": 8}, "size=8 must be at least 32"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
        ({"population": "all"}, "No population called 'all'"),
    ],
)
def test_options_out_of_range_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        SimulatedSurvey(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("numbers", [[], [-1]])
def test_galaxies_are_numbered_from_zero(sky: SimulatedSurvey, numbers: list[int]) -> None:
    with pytest.raises(OptionError, match="Galaxies have numbers from 0 on"):
        sky.batch(numbers)


def test_an_unknown_tree_is_named() -> None:
    with pytest.raises(TreeError, match="gz3"):
        SimulatedSurvey("sdss", tree="gz3")
