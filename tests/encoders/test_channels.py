"""Adapted stems give what the original gave on images that say the same in other channels."""

import pytest
import torch
from torch.nn.functional import conv2d

from zoobot.encoders.channels import adapt_state, adapt_stem
from zoobot.errors import EncoderError


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 3, 8, 8)


def test_from_one_channel_it_sees_the_mean_of_several(images):
    weight = torch.randn(5, 1, 3, 3)
    wanted = conv2d(images.mean(dim=1, keepdim=True), weight)
    torch.testing.assert_close(conv2d(images, adapt_stem(weight, 1, 3)), wanted, rtol=1e-4, atol=1e-5)


def test_to_one_channel_it_sees_equal_channels(images):
    weight = torch.randn(5, 3, 3, 3)
    wanted = conv2d(images[:, :1].expand(-1, 3, -1, -1), weight)
    torch.testing.assert_close(conv2d(images[:, :1], adapt_stem(weight, 3, 1)), wanted, rtol=1e-4, atol=1e-5)


def test_to_more_channels_it_takes_them_in_turn(images):
    weight = torch.randn(5, 3, 3, 3)
    adapted = adapt_stem(weight, 3, 6)
    wanted = conv2d(images, weight)
    torch.testing.assert_close(conv2d(images.repeat(1, 2, 1, 1), adapted), wanted, rtol=1e-4, atol=1e-5)


def test_what_is_not_a_convolution_cannot_be_adapted():
    state, wanted = {"stem.weight": torch.zeros(4, 3)}, {"stem.weight": torch.zeros(4, 5)}
    with pytest.raises(EncoderError, match=r"'stem.weight' of shape \(4, 3\).*from 3 to 5 channels"):
        adapt_state(state, wanted, 3, 5)
