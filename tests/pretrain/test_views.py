"""Views depend on the galaxy and the pass alone, and vary as much as they say."""

import numpy as np
import torch

from zoobot.pretrain.views import two_views, vary_colors


def test_colors_vary_as_much_as_asked():
    images = torch.full((4000, 3, 1, 1), 0.2)
    keys = np.arange(4000)
    logs = torch.log(vary_colors(images, keys, 0, strength=0.1, seed=1)[:, :, 0, 0] / 0.2)
    # a factor on all channels of 0.1, and one on each of half that
    torch.testing.assert_close(logs.std(), torch.tensor((0.1**2 + 0.05**2) ** 0.5), rtol=0.05, atol=0)
    torch.testing.assert_close(logs.var(dim=1).mean(), torch.tensor(0.05**2), rtol=0.05, atol=0)
    assert abs(logs.mean()) < 0.01


def test_colors_depend_on_galaxy_pass_and_seed():
    images = torch.rand(6, 3, 8, 8)
    keys = np.arange(6)
    varied = vary_colors(images, keys, 0, strength=0.2, seed=1)
    assert torch.equal(vary_colors(images[2:4], keys[2:4], np.zeros(2, int), strength=0.2, seed=1), varied[2:4])
    assert not torch.equal(vary_colors(images, keys, 1, strength=0.2, seed=1), varied)
    assert not torch.equal(vary_colors(images, keys, 0, strength=0.2, seed=2), varied)
    assert vary_colors(images, keys, 0, strength=0, seed=1) is images
    assert varied.min() >= 0
    assert varied.max() <= 1


def test_two_different_views_of_each_galaxy():
    pixels = (255 * torch.rand(3, 3, 40, 40)).to(torch.uint8)
    keys, passes = np.array([7, 8, 9], np.uint64), np.array([0, 0, 1])
    options = {"size": 32, "crop": 0.8, "jitter": 0.1, "seed": 5}
    views = two_views(pixels, keys, passes, **options)
    assert views.shape == (6, 3, 32, 32)
    assert not torch.equal(views[:3], views[3:])
    alone = two_views(pixels[1:2], keys[1:2], passes[1:2], **options)
    assert torch.equal(alone, views[[1, 4]])
