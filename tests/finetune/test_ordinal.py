"""Ordered classes: thresholds in order, probabilities, tables, sets without gaps, saving, and learning."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.galaxies import make_catalog, tiny_encoder

import zoobot
from zoobot.errors import LabelError
from zoobot.finetune import FinetuneableZoobotOrdinal
from zoobot.finetune.ordinal import CumulativeLink
from zoobot.settings import TableOptions


def ordinal(num_classes: int = 4) -> FinetuneableZoobotOrdinal:
    model = FinetuneableZoobotOrdinal(num_classes, encoder=tiny_encoder()).eval()
    model.label_cols, model.class_names = ["t_type"], [str(place - 2) for place in range(num_classes)]
    return model


@given(st.integers(2, 12), st.floats(-40, 40), st.integers(0, 99))
def test_probabilities_are_differences_of_sigmoids(num_classes, number, seed):
    link = CumulativeLink(num_classes).double()
    with torch.no_grad():
        for parameter in link.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed)))
    thresholds = link.thresholds()
    assert (thresholds.diff() > 0).all()
    p = link(torch.tensor([[number]], dtype=torch.float64)).exp()[0].detach()
    below = (thresholds - number).sigmoid()
    ends = torch.cat([torch.zeros(1), below, torch.ones(1)])
    assert torch.allclose(p, ends.diff(), atol=1e-12)
    assert float(p.sum()) == pytest.approx(1)


def test_log_probabilities_far_from_the_thresholds_are_finite_and_have_gradients():
    link = CumulativeLink(5)
    numbers = torch.tensor([[-80.0], [0.0], [80.0]], requires_grad=True)
    log_p = link(numbers)
    assert torch.isfinite(log_p).all()
    log_p.sum().backward()
    assert torch.isfinite(numbers.grad).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in link.parameters())


def test_a_new_model_starts_at_the_shares_of_the_classes():
    link = CumulativeLink(4)
    shares = torch.tensor([0.1, 0.5, 0.3, 0.1])
    link.start_at(shares)
    assert torch.allclose(link(torch.zeros(1, 1)).exp()[0], shares, atol=1e-3)


def test_the_table_has_the_expected_class_and_sets_without_gaps():
    model = ordinal()
    rng = np.random.default_rng(0)
    labels = torch.tensor(rng.integers(0, 4, (400, 1)), dtype=torch.float32)
    p = torch.tensor(0.5 * rng.dirichlet(np.ones(4), 400) + 0.5 * np.eye(4)[labels[:, 0].long()]).float()
    model.calibrate(p, labels)
    table = model.to_table(p.numpy(), TableOptions())
    assert np.allclose(table["t_type_expected"], p.numpy() @ [-2, -1, 0, 1], atol=1e-5)
    order = {name: place for place, name in enumerate(model.class_names)}
    for members in table["t_type_set"]:
        found = [order[name] for name in members.split("|")]
        assert found == list(range(found[0], found[-1] + 1))
    scores = model.final_scores(p, labels)
    assert scores["within_one"] >= scores["accuracy"]
    assert {"class_mae", "quadratic_kappa"} <= set(model.figures(p, labels)) & set(scores)


def test_names_that_are_no_numbers_are_counted_from_0():
    model = ordinal(3)
    assert model.class_values().tolist() == [-2, -1, 0]
    model.class_names = ["E", "S0", "Sa"]
    assert model.class_values().tolist() == [0, 1, 2]


def test_saved_models_repeat_predictions_sets_and_thresholds(tmp_path: Path):
    model = ordinal()
    labels = torch.tensor(np.arange(200) % 4, dtype=torch.float32)[:, None]
    p = torch.rand(200, 4, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    model.calibrate(p, labels)
    again = zoobot.load(model.save(tmp_path / "model"), encoder=tiny_encoder())
    assert type(again) is FinetuneableZoobotOrdinal
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(again(images), model(images))
    pd.testing.assert_frame_equal(again.to_table(p.numpy(), TableOptions()), model.to_table(p.numpy(), TableOptions()))
    assert not again.new


def test_it_learns_and_training_on_keeps_the_thresholds(tmp_path: Path):
    make_catalog(tmp_path, 90, n_classes=3)
    data = zoobot.GalaxyDataModule(label_cols=["number"], catalog=tmp_path / "catalog.csv", image_size=32)
    model = FinetuneableZoobotOrdinal(3, encoder=tiny_encoder(), learning_rate=0.05, dropout_prob=0)
    trainer = zoobot.get_trainer(
        tmp_path / "run", max_epochs=150, patience=150, accelerator="cpu", enable_progress_bar=False
    )
    trainer.fit(model, data)
    log = pd.read_csv(tmp_path / "run" / "log.csv")
    assert log["finetuning/val_loss"].min() < 0.8 * np.log(3)
    assert log["finetuning/val_quadratic_kappa"].max() > 0.5
    learned = model.head[-1].thresholds().detach().clone()
    model.learn_from(data)
    assert torch.equal(model.head[-1].thresholds(), learned)


def test_labels_that_are_no_classes_are_refused(tmp_path: Path):
    frame = make_catalog(tmp_path, 12)
    with pytest.raises(LabelError, match="a fractional class"):
        ordinal().check_labels(frame, np.full((12, 1), 0.5, np.float32), ["size"])
