"""Views: what is random depends on the galaxy and the epoch alone, and the geometry is right."""

import numpy as np
import pytest
import torch
from torch import Tensor

from zoobot.data.augment import Augmentation, _grid, centre_views, custom_views, random_views, uniforms
from zoobot.errors import OptionError

STILL = Augmentation(rotate=False, flip=False, zoom=(1, 1), shift=0)


def smooth(n_images: int = 4, size: int = 48) -> Tensor:
    """Return images that are smooth enough to compare after interpolation: an off-centre blob on a gradient."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    blobs = [torch.exp(-(((x - 0.3) ** 2 + (y + 0.1 * k) ** 2) / 0.08)) * 0.8 + 0.05 * x + 0.1 for k in range(n_images)]
    return torch.stack(blobs)[:, None].repeat(1, 3, 1, 1).clamp(0, 1)


def views(
    pixels: Tensor,
    augmentation: Augmentation,
    *,
    epoch: int = 0,
    size: int = 32,
    crop: float = 2 / 3,
) -> Tensor:
    rows = np.arange(len(pixels))
    return random_views(pixels, rows, np.full(len(pixels), epoch), size=size, crop=crop, augmentation=augmentation)


def test_the_centre_view_of_kept_pixels_is_those_pixels() -> None:
    pixels = torch.randint(0, 256, (2, 3, 48, 48), dtype=torch.uint8)
    assert torch.equal(centre_views(pixels, size=32, crop=32 / 48), pixels[..., 8:40, 8:40].float() / 255)


def test_the_centre_view_is_resized_where_it_must_be() -> None:
    shrunk = centre_views(smooth(), size=24, crop=1.0)
    assert shrunk.shape == (4, 3, 24, 24)
    expected = torch.nn.functional.avg_pool2d(smooth(), 2)
    assert (shrunk - expected).abs().max() < 0.02


def test_without_variation_training_sees_the_centre_view() -> None:
    assert (views(smooth(), STILL) - centre_views(smooth(), size=32, crop=2 / 3)).abs().max() < 1e-5


def test_a_view_depends_on_the_galaxy_and_epoch_but_not_on_its_batch() -> None:
    pixels = smooth()
    everything = views(pixels, Augmentation(erase=0.5, noise=0.05))
    for row in range(4):
        alone = random_views(
            pixels[row : row + 1],
            [row],
            [0],
            size=32,
            crop=2 / 3,
            augmentation=Augmentation(erase=0.5, noise=0.05),
        )
        assert torch.equal(alone[0], everything[row])
    same = pixels[:1].repeat(4, 1, 1, 1)
    assert len({tuple(view.flatten().tolist()) for view in views(same, Augmentation())}) == 4  # each sample its own
    assert not torch.equal(views(pixels, Augmentation(), epoch=1), views(pixels, Augmentation()))


def test_rotation_turns_the_image_by_the_angle_drawn() -> None:
    pixels = smooth(64).mean(dim=0, keepdim=True).repeat(64, 1, 1, 1)
    turned = views(pixels, Augmentation(rotate=True, flip=False, zoom=(1, 1), shift=0))
    angles = uniforms(0, np.zeros(64, int), np.arange(64), 12)[:, 0] * 2 * np.pi
    place = torch.linspace(-1, 1, 32)
    weight = (turned[:, 0] - turned[:, 0].amin(dim=(1, 2), keepdim=True)) ** 4  # the blob alone
    x = (weight.sum(dim=1) * place).sum(dim=1) / weight.sum(dim=(1, 2))
    y = (weight.sum(dim=2) * place).sum(dim=1) / weight.sum(dim=(1, 2))
    found = torch.atan2(y, x).numpy()
    error = np.angle(np.exp(1j * (found + angles - np.median(np.unwrap(np.sort((found + angles) % (2 * np.pi)))))))
    assert np.abs(error).max() < 0.15
    assert np.ptp(angles) > 5


def handedness(images: Tensor) -> Tensor:
    """Say whether three marks run clockwise: invariant under rotation and zoom, reversed by a mirror."""
    size = images.shape[-1]
    place = torch.linspace(-1, 1, size)
    centres = []
    for channel in range(3):
        weight = images[:, channel] ** 4
        total = weight.sum(dim=(1, 2))
        centres.append(
            torch.stack([(weight.sum(dim=1) * place).sum(1) / total, (weight.sum(dim=2) * place).sum(1) / total], dim=1)
        )
    a, b = centres[1] - centres[0], centres[2] - centres[0]
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] > 0


def test_what_is_sampled_is_where_torch_would_sample_it() -> None:
    maps = torch.rand(5, 2, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = torch.nn.functional.affine_grid(maps, [5, 3, 31, 31], align_corners=False)
    torch.testing.assert_close(_grid(maps, 31), expected, rtol=0, atol=1e-6)


def test_whole_numbers_and_fractions_give_the_same_views() -> None:
    whole = (smooth() * 255).round().to(torch.uint8)
    torch.testing.assert_close(
        views(whole, Augmentation()), views(whole.float() / 255, Augmentation()), rtol=0, atol=1e-6
    )


def test_flips_can_be_left_out_where_handedness_is_the_label() -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 48), indexing="ij")
    marks = [torch.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.02) for a, b in ((0.3, 0.0), (-0.1, 0.3), (-0.2, -0.25))]
    spirals = torch.stack(marks)[None].repeat(200, 1, 1, 1)
    assert handedness(views(spirals, Augmentation(flip=False))).unique().numel() == 1
    mirrored = handedness(views(spirals, Augmentation(flip=True))).float().mean()
    assert 0.4 < mirrored < 0.6


def test_zoom_and_shift_stay_in_their_range() -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 96), indexing="ij")
    blob = torch.exp(-(x**2 + y**2) / 0.05)[None, None].repeat(300, 1, 1, 1)
    zoomed = views(blob, Augmentation(rotate=False, flip=False, zoom=(0.8, 1.25), shift=0), size=64)
    flux = zoomed.sum(dim=(1, 2, 3)) / views(blob[:1], STILL, size=64).sum()
    assert 0.8**2 * 0.98 < flux.min() < 0.8**2 * 1.1
    assert 1.25**2 * 0.9 < flux.max() < 1.25**2 * 1.02
    moved = views(blob, Augmentation(rotate=False, flip=False, zoom=(1, 1), shift=0.1), size=64)
    centre = (moved.sum(dim=(1, 2)) * torch.arange(64)).sum(dim=1) / moved.sum(dim=(1, 2, 3)) - 31.5
    assert 0.08 * 64 < centre.abs().max() < 0.105 * 64


def test_everything_stays_in_the_unit_interval() -> None:
    hard = (torch.rand(8, 3, 48, 48) > 0.5).to(torch.uint8) * 255
    seen = views(hard, Augmentation(noise=0.5, erase=1.0, shift=0.3))
    assert seen.dtype == torch.float32
    assert float(seen.min()) >= 0
    assert float(seen.max()) <= 1


def test_erasing_greys_a_rectangle_of_some_views() -> None:
    pixels = smooth(1).repeat(100, 1, 1, 1)
    changed = (
        views(pixels, Augmentation(rotate=False, flip=False, zoom=(1, 1), shift=0, erase=0.5)) - views(pixels, STILL)
    ).abs() > 1e-6
    area = changed.any(dim=1).float().mean(dim=(1, 2))
    assert 0.35 < (area > 0).float().mean() < 0.65
    assert area.max() < 0.25


def test_uniforms_are_uniform_and_independent() -> None:
    draws = uniforms(0, np.repeat(np.arange(10), 500), np.tile(np.arange(500), 10), 4)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert np.abs(draws.mean(axis=0) - 0.5).max() < 0.02
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 0.05
    assert len(np.unique(draws)) == draws.size


def test_custom_transforms_get_one_image_and_numbers_of_its_own() -> None:
    from torchvision.transforms import v2

    pixels = smooth(1).repeat(6, 1, 1, 1)
    transform = v2.Compose([v2.RandomRotation(180), v2.CenterCrop(32)])
    arguments = {"transform": transform, "size": 32, "seed": 1}
    seen = custom_views(pixels, np.arange(6), np.zeros(6, int), **arguments)
    assert len({tuple(view.flatten().tolist()) for view in seen}) == 6
    assert torch.equal(seen, custom_views(pixels, np.arange(6), np.zeros(6, int), **arguments))
    before = torch.random.get_rng_state()
    custom_views(pixels, np.arange(6), np.ones(6, int), **arguments)
    assert torch.equal(before, torch.random.get_rng_state())
    with pytest.raises(OptionError, match=r"shape \(3, 48, 48\), where \(3, 32, 32\)"):
        custom_views(pixels, np.arange(6), np.zeros(6, int), transform=lambda image: image, size=32, seed=1)


@pytest.mark.parametrize(
    "option", [{"zoom": (1.2, 0.8)}, {"zoom": (0, 1)}, {"shift": -0.1}, {"erase": 2}, {"noise": -1}]
)
def test_an_option_out_of_range_is_named(option: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=next(iter(option))):
        Augmentation(**option)  # type: ignore[arg-type]
