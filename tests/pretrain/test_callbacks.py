"""The moving average and the log's means equal their formulas."""

import torch
from torch.optim.swa_utils import AveragedModel

from zoobot.pretrain.callbacks import AverageWeights
from zoobot.pretrain.tally import Tally


def test_moving_average_with_a_quick_start():
    decay = 0.5
    model = torch.nn.BatchNorm1d(1)
    averaged = AveragedModel(model, use_buffers=True, **AverageWeights(decay)._kwargs)
    expected = None
    for step in range(20):
        with torch.no_grad():
            model.weight.fill_(float(step**2))
            model.running_mean.fill_(float(-step))
            model.num_batches_tracked.fill_(step)
        averaged.update_parameters(model)
        share = min(decay, (1 + step) / (10 + step))
        expected = 0.0 if expected is None else share * expected + (1 - share) * step**2
        torch.testing.assert_close(averaged.module.weight, torch.tensor([expected]))
        assert averaged.module.num_batches_tracked == step
    assert -19 < averaged.module.running_mean < -17


def test_tally_gives_means_over_what_was_added():
    tally = Tally({"total": ["loss"], "questions": ["a", "b", "c"]})
    tally.add("questions", torch.tensor([2.0, 0.0, 1.0]), torch.tensor([1, 0, 4]))
    tally.add("questions", torch.tensor([4.0, 0.0, 1.0]), torch.tensor([1, 0, 4]))
    assert tally.means() == {"a": 3.0, "c": 0.25}
    tally.clear()
    assert tally.means() == {}
