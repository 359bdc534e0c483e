"""Units of measurements: scores, intervals and predictions are the same in any, from 1e-45 to 1e100."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.galaxies import make_catalog, tiny_encoder

import zoobot
from zoobot.data import GalaxyDataModule
from zoobot.data.scales import LabelScale
from zoobot.errors import LabelError
from zoobot.finetune import FinetuneableZoobotRegressor, FinetuneableZoobotTree, get_trainer
from zoobot.finetune.metrics import regression_scores
from zoobot.predictions import evaluate, predict

UNITS = [1e-45, 1e-30, 1e-10, 1e3, 1e30, 1e40, 1e100]
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("unit", UNITS)
def test_scores_have_the_unit_and_r2_none(unit: float) -> None:
    truth, guess = RNG.normal(3, 1, (2, 50, 1))
    expected = regression_scores(torch.tensor(guess), torch.tensor(truth), ["size"])
    assert expected["r2"] == pytest.approx(1 - ((truth - guess) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())
    assert expected["rmse"] == pytest.approx(np.sqrt(((truth - guess) ** 2).mean()))
    assert expected["mae"] == pytest.approx(np.abs(truth - guess).mean())
    got = regression_scores(torch.tensor(guess * unit), torch.tensor(truth * unit), ["size"])
    assert got["r2"] == pytest.approx(expected["r2"], rel=1e-9)
    assert got["rmse"] == pytest.approx(expected["rmse"] * unit, rel=1e-9)
    assert got["mae"] == pytest.approx(expected["mae"] * unit, rel=1e-9)


def test_r2_of_targets_that_are_alike_is_nothing() -> None:
    assert np.isnan(regression_scores(torch.zeros(3, 1), torch.ones(3, 1), ["size"])["r2"])
    assert np.isnan(regression_scores(torch.zeros(1, 1), torch.ones(1, 1), ["size"])["r2"])


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("offset", [0.0, 3.0, 2_459_000.0])
def test_scales_lose_nothing(unit: float, offset: float) -> None:
    values = (RNG.normal(offset, 0.3, (200, 1))) * unit
    scale = LabelScale.of(values)
    reduced = scale.reduce(values)
    assert np.isfinite(reduced).all()
    assert reduced.std(dtype=float) > 1e-31
    np.testing.assert_allclose(scale.restore(reduced), values, rtol=0, atol=2e-4 * values.std())
    assert LabelScale.from_dict(json.loads(json.dumps(scale.to_dict()))) == scale


@pytest.mark.parametrize("values", [RNG.normal(0, 1, 50), RNG.uniform(0, 1, 50) * 1e20, np.arange(2000.0), np.zeros(5)])
def test_usual_labels_are_left_as_they_are(values: np.ndarray) -> None:
    assert LabelScale.of(values[:, None]).is_identity


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("units")
    frame = make_catalog(folder)
    return frame.assign(file_loc=[str(folder / name) for name in frame["file_loc"]])


def trained(catalog: pd.DataFrame, unit: float, offset: float, folder: Path) -> FinetuneableZoobotRegressor:
    frame = catalog.assign(size=(catalog["size"] + offset) * unit)
    galaxies = GalaxyDataModule("size", frame, image_size=32, num_workers=0, batch_size=16)
    model = FinetuneableZoobotRegressor(encoder=tiny_encoder_of_0(), learning_rate=1e-2)
    trainer = get_trainer(folder, max_epochs=3, accelerator="cpu", enable_progress_bar=False)
    trainer.fit(model, galaxies)
    assert trainer.callback_metrics["finetuning/val_r2"].isfinite()
    validation = evaluate(galaxies.frames["val"], model)
    model.calibrate(torch.from_numpy(validation.values), torch.from_numpy(validation.labels))
    model.save(folder / "model")
    return model


def tiny_encoder_of_0() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_encoder()


@pytest.mark.parametrize(
    ("unit", "offset"), [(1e-45, 0.0), (1e-30, 0.0), (1e20, 0.0), (1e40, 0.0), (1e44, 0.0), (1.0, 2_459_000.0)]
)
def test_training_and_predictions_are_the_same_in_any_unit(
    catalog: pd.DataFrame, unit: float, offset: float, tmp_path: Path
) -> None:
    expected = trained(catalog, 1.0, 0.0, tmp_path / "plain")
    trained(catalog, unit, offset, tmp_path / "scaled")
    model = zoobot.load(tmp_path / "scaled" / "model")
    frame = catalog.assign(size=(catalog["size"] + offset) * unit)
    theirs, ours = evaluate(catalog, expected), evaluate(frame, model)
    assert ours.scores["r2"] == pytest.approx(theirs.scores["r2"], abs=1e-3)
    assert ours.scores["rmse"] / unit == pytest.approx(theirs.scores["rmse"], rel=1e-3)
    for column in ("finetuning/val_rmse", "finetuning/val_mae"):
        logged = [pd.read_csv(tmp_path / name / "log.csv")[column].to_numpy() for name in ("scaled", "plain")]
        np.testing.assert_allclose(logged[0] / unit, logged[1], rtol=1e-3)
    names = ["size", "size_low", "size_high"]
    got, wanted = (
        predict(frame, model)[names].to_numpy(np.float64),
        predict(catalog, expected)[names].to_numpy(np.float64),
    )
    finite = np.isfinite(wanted)
    assert finite[:, 0].all()
    np.testing.assert_allclose(
        (got / unit - offset)[finite], wanted[finite], rtol=1e-3, atol=1e-3 * catalog["size"].std()
    )


def test_votes_are_never_scaled_but_refused(catalog: pd.DataFrame, tmp_path: Path) -> None:
    tree = {"smooth": ["yes", "no"]}
    frame = catalog.assign(smooth_yes=1e39, smooth_no=3.0)
    galaxies = GalaxyDataModule(["smooth_yes", "smooth_no"], frame, image_size=32, num_workers=0)
    galaxies.read_catalogs()
    with pytest.raises(LabelError, match="a label too large for float32"):
        FinetuneableZoobotTree(zoobot.trees.Schema(tree), encoder=tiny_encoder()).learn_from(galaxies)
