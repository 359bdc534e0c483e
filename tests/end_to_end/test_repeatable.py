"""The same seed gives the same figures, whatever ran before and however many processes decode."""

import pytest
import torch
from tests.end_to_end.outcome import outcome
from torch.utils.data import dataloader

RESULTS = ("model/model.safetensors", "metrics.json", "predictions.csv", "log.csv")
PRETRAINED = ("--label", "shape", "--blocks", -1, "--epochs", 2, "--batch-size", 16)
RANDOM = (*PRETRAINED, "--encoder", "test_resnet", "--no-pretrained")


@pytest.fixture(scope="module")
def first(finetune, tmp_path_factory):
    """Return the folder of a run to compare with."""
    out = tmp_path_factory.mktemp("first") / "run"
    finetune(out, *PRETRAINED)
    return out


def same(one, other, names=RESULTS):
    return all(outcome(one, name) == outcome(other, name) for name in names)


def test_one_seed_gives_the_same_run_twice(first, finetune, tmp_path):
    torch.manual_seed(12345)  # a run depends on its own seed, not on what was drawn before it
    finetune(tmp_path / "again", *PRETRAINED)
    assert same(tmp_path / "again", first)


def test_another_seed_gives_another_run(first, finetune, tmp_path):
    finetune(tmp_path / "other", *PRETRAINED, "--seed", 43)
    assert not same(tmp_path / "other", first, ["predictions.csv"])


def test_worker_processes_do_not_change_the_run(first, finetune, tmp_path, monkeypatch):
    started = []
    iterator = dataloader._MultiProcessingDataLoaderIter

    def counted(loader):
        started.append(loader.num_workers)
        return iterator(loader)

    monkeypatch.setattr(dataloader, "_MultiProcessingDataLoaderIter", counted)
    finetune(tmp_path / "workers", *PRETRAINED, "--num-workers", 2)
    assert started == [2]  # the training images; the other parts are too small to be worth it
    assert same(tmp_path / "workers", first)


def test_random_weights_follow_the_seed(finetune, tmp_path):
    for name, before in (("one", 1), ("two", 2)):
        torch.manual_seed(before)
        finetune(tmp_path / name, *RANDOM)
    assert same(tmp_path / "one", tmp_path / "two")
