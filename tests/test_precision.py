"""The machine's own arithmetic: what a pass computes in, and that a network is left as it was found."""

import pytest
import timm
import torch

from zoobot.precision import frozen_pass, is_fast_in_bfloat16

CPU = torch.device("cpu")


@pytest.mark.parametrize(("architecture", "batch_normed"), [("resnet10t", True), ("test_convnext", False)])
def test_batch_normed_networks_run_channels_last_and_all_are_left_as_found(
    architecture: str, batch_normed: bool
) -> None:
    network = timm.create_model(architecture, num_classes=0).train()
    convolution = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with frozen_pass(network, CPU, "float32") as dtype:
        assert dtype == torch.float32
        assert convolution.weight.is_contiguous()
        exact = network(images)
    with frozen_pass(network, CPU, "auto") as dtype:
        assert dtype == (torch.bfloat16 if is_fast_in_bfloat16(CPU) else torch.float32)
        channels_last = convolution.weight.is_contiguous(memory_format=torch.channels_last)
        assert channels_last == (batch_normed or is_fast_in_bfloat16(CPU))
        fast = network(images).float()
    assert torch.cosine_similarity(fast, exact).min() > 0.999
    assert network.training
    assert convolution.weight.is_contiguous()
    assert not exact.requires_grad
