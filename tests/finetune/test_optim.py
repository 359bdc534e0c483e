"""Parameter groups and the learning-rate schedule."""

import pytest
import torch
from tests.galaxies import tiny_encoder

from zoobot.finetune import FinetuneableZoobotClassifier
from zoobot.finetune.optim import parameter_groups, warmup_cosine


def test_each_block_learns_slower_than_the_one_above() -> None:
    model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder("test_convnext"), n_blocks=2)
    groups = parameter_groups(model.head, model.encoder, 2, learning_rate=1e-3, lr_decay=0.5, weight_decay=0.1)
    rates = {group["name"]: group["lr"] for group in groups}
    top = model.encoder.num_blocks - 1
    assert rates["head"] == 1e-3
    assert rates[f"block{top}"] == pytest.approx(5e-4)
    assert rates[f"block{top - 1}"] == pytest.approx(2.5e-4)
    for group in groups:
        assert (group["weight_decay"] == 0) == all(p.ndim <= 1 for p in group["params"])
    listed = [id(p) for group in groups for p in group["params"]]
    trainable = [id(p) for p in model.parameters() if p.requires_grad]
    assert sorted(listed) == sorted(trainable)  # each once, and no frozen one


def test_warm_up_then_half_a_cosine_then_flat() -> None:
    factor = warmup_cosine(10, 110, 0.1)
    rates = [factor(step) for step in range(150)]
    assert rates[0] == pytest.approx(1 / 11)
    assert rates[10] == 1
    assert rates[60] == pytest.approx(0.55)
    assert rates[110:] == pytest.approx([0.1] * 40)
    assert all(b <= a for a, b in zip(rates[10:], rates[11:], strict=False))
    assert [warmup_cosine(2, 0, 0.1)(step) for step in (0, 1, 2, 500)] == pytest.approx([1 / 3, 2 / 3, 1, 1])


def test_the_optimizer_is_adamw() -> None:
    model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder())
    assert isinstance(model.configure_optimizers(), torch.optim.AdamW)
