"""Tables of predicted votes.

They test what the columns hold, samples, views and ensembles as mixtures, and calibration kept with the model.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from astropy.table import Table
from tests.predictions.test_predict import PREPROCESSING, tiny_encoder

import zoobot
from zoobot import FinetuneableZoobotTree
from zoobot.errors import OptionError, TreeError
from zoobot.science import VoteCalibration
from zoobot.trees import Schema, VotePosterior

TREE = Schema(
    {"shape": ["smooth", "featured"], "arms": ["yes", "no"], "count": ["1", "2", "3"]},
    {"arms": "shape_featured", "count": "arms_yes"},
)


def tree_model(seed: int = 0, **options) -> FinetuneableZoobotTree:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = FinetuneableZoobotTree(TREE, encoder=tiny_encoder(), seed=seed, **options)
        torch.nn.init.normal_(model.head[-1].weight, std=3)
    model.preprocessing = PREPROCESSING
    return model.eval()


def test_columns(catalog_file: Path) -> None:
    table = zoobot.predict(catalog_file, tree_model())
    assert table.columns.tolist() == [
        "id_str", "file_loc", *TREE.label_cols,
        *(f"{answer}_low" for answer in TREE.label_cols), *(f"{answer}_high" for answer in TREE.label_cols),
        "shape_smooth_path", "arms_no_path", "count_1_path", "count_2_path", "count_3_path",
        "shape_p_asked", "arms_p_asked", "count_p_asked", "shape_leading", "arms_leading", "count_leading",
        "shape_entropy", "arms_entropy", "count_entropy", "shape_volunteers", "arms_volunteers", "count_volunteers",
    ]  # fmt: skip
    assert np.allclose(table["arms_p_asked"], table["shape_featured"], atol=1e-6)
    assert np.allclose(table["count_p_asked"], table["shape_featured"] * table["arms_yes"], atol=1e-6)
    assert np.allclose(table.filter(like="_path").sum(axis=1), 1, atol=1e-5)
    for answer in TREE.label_cols:
        assert (table[f"{answer}_low"] <= table[answer]).all() and (table[answer] <= table[f"{answer}_high"]).all()
    wide = zoobot.predict(catalog_file, tree_model(), level=0.99)
    assert (wide["shape_smooth_low"] < table["shape_smooth_low"]).all()


def test_answers_to_unlikely_questions_are_left_out(catalog_file: Path) -> None:
    everything = zoobot.predict(catalog_file, tree_model())
    cut = float(everything["count_p_asked"].median())
    table = zoobot.predict(catalog_file, tree_model(), min_asked=cut)
    hidden = everything["count_p_asked"] < cut
    assert 0 < hidden.sum() < len(table)
    for column in ("count_2", "count_2_low", "count_entropy", "count_volunteers", "count_leading"):
        assert table[column].isna().equals(hidden)
    assert np.allclose(table["count_p_asked"], everything["count_p_asked"])
    with pytest.raises(OptionError, match="min_asked=50"):
        zoobot.predict(catalog_file, tree_model(), min_asked=50)


def test_an_ensemble_is_a_mixture(catalog_file: Path) -> None:
    models = [tree_model(seed) for seed in range(3)]
    table = zoobot.predict(catalog_file, models)
    alone = [zoobot.predict(catalog_file, model) for model in models]
    assert np.allclose(table["arms_yes"], np.mean([one["arms_yes"] for one in alone], axis=0), atol=1e-6)
    assert np.allclose(table["arms_yes_sample_2"], alone[2]["arms_yes"], atol=1e-6)
    assert (table["shape_volunteers"] <= np.max([one["shape_volunteers"] for one in alone], axis=0) + 1e-3).all()
    other = FinetuneableZoobotTree("gz_rings", encoder=tiny_encoder())
    with pytest.raises(OptionError, match="predict different things"):
        zoobot.predict(catalog_file, [models[0], other])
    with pytest.raises(OptionError, match="no model"):
        zoobot.predict(catalog_file, [])


def test_views_and_samples_are_components(catalog_file: Path) -> None:
    one = zoobot.predict(catalog_file, tree_model())
    views = zoobot.predict(catalog_file, tree_model(), n_views=3)
    assert np.allclose(views["arms_yes_sample_0"], one["arms_yes"], atol=1e-6)  # the first is the centre
    assert not np.allclose(views["arms_yes_sample_1"], one["arms_yes"], atol=1e-4)
    assert zoobot.predict(catalog_file, tree_model(), n_views=3, batch_size=2)["arms_yes"].to_numpy() == pytest.approx(
        views["arms_yes"].to_numpy(), abs=1e-5
    )
    both = zoobot.predict(catalog_file, tree_model(), n_views=2, n_samples=2)
    assert {f"arms_yes_sample_{k}" for k in range(4)} <= set(both) and "arms_yes_sample_4" not in both
    with pytest.raises(OptionError, match="n_views=0"):
        zoobot.predict(catalog_file, tree_model(), n_views=0)


@pytest.mark.parametrize("ending", ["csv", "parquet", "fits"])
def test_saved_loaded_and_written_it_gives_the_same_table(catalog_file: Path, tmp_path: Path, ending: str) -> None:
    model = tree_model(concentrations="softplus", question_weights={"arms": 2.0})
    model.calibration = VoteCalibration((0.5, 1.0, 2.0), (0.2, 0.2, 0.0, 0.0, -0.4, 0.0, 0.4), (0.1, 0.0, 0.1))
    model.save(tmp_path / "model")
    table = zoobot.predict(catalog_file, tmp_path / "model", tmp_path / f"votes.{ending}")
    pd.testing.assert_frame_equal(table, zoobot.predict(catalog_file, model))
    path = tmp_path / f"votes.{ending}"
    kept = {"csv": pd.read_csv, "parquet": pd.read_parquet, "fits": lambda at: Table.read(at).to_pandas()}[ending](path)
    assert np.allclose(kept["count_3_high"], table["count_3_high"], atol=1e-6)
    assert kept["shape_leading"].astype(str).tolist() == table["shape_leading"].tolist()


def test_calibration_changes_concentrations_as_it_says() -> None:
    model = tree_model()
    outputs = torch.randn(5, 7)
    before = model.predictions(outputs)
    model.calibration = VoteCalibration((0.5, 1.0, 1.0), (0.2, -0.1, *[0.0] * 5), (0.1, 0.0, 0.0))
    after = model.predictions(outputs)
    assert torch.allclose(after[:, :2], before[:, :2].sqrt() * torch.tensor([0.2, -0.1]).exp())
    assert torch.allclose(after[:, 2:], before[:, 2:])


def test_calibrating_lowers_the_loss_or_stays_away() -> None:
    model = tree_model()
    draw = np.random.default_rng(0)
    right = np.exp(draw.normal(1, 1, (600, 7)))
    fractions = VotePosterior(TREE, right).fractions()
    votes = np.concatenate(
        [[draw.multinomial(20, row[part]) for row in fractions] for part in (slice(0, 2), slice(2, 4), slice(4, 7))],
        axis=1
    )  # fmt: skip
    model.calibrate(torch.tensor(right), torch.tensor(votes))  # volunteers agree more than was predicted
    assert model.calibration is not None and min(model.calibration.gain) > 0
    model.calibrate(torch.tensor(right[:10]), torch.tensor(votes[:10]))
    assert model.calibration is None


def test_weights_of_questions() -> None:
    outputs, votes = torch.randn(4, 7), torch.randint(0, 5, (4, 7)).float()
    plain, weighted = tree_model(), tree_model(question_weights={"arms": 3.0})
    difference = weighted.loss(outputs, votes) - plain.loss(outputs, votes)
    without = tree_model(question_weights={"arms": 0.0})
    assert torch.allclose(difference, 2 * (plain.loss(outputs, votes) - without.loss(outputs, votes)), atol=1e-4)
    with pytest.raises(TreeError, match="'bar'"):
        tree_model(question_weights={"bar": 1.0})
    with pytest.raises(OptionError, match="must be at least 0"):
        tree_model(question_weights={"arms": -1.0})
    with pytest.raises(OptionError, match="exponential"):
        tree_model(concentrations="exponential")
