"""Models, checkpoints and run folders made by zoobot at commit b9a7a53 load and predict the same.

They work with every command.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.old.conftest import HERE, TASKS, Command
from tests.report.reader import read, said

import zoobot
from zoobot.finetune import (
    FinetuneableZoobotAbstract,
    FinetuneableZoobotClassifier,
    FinetuneableZoobotRegressor,
    FinetuneableZoobotTree,
)

CLASSES: dict[str, type[FinetuneableZoobotAbstract]] = {
    "classify": FinetuneableZoobotClassifier,
    "multi_label": FinetuneableZoobotClassifier,
    "regress": FinetuneableZoobotRegressor,
    "tree": FinetuneableZoobotTree,
}
RAW = {
    "classify": ["shape_bar", "shape_disk", "shape_ring"],
    "multi_label": ["has_ring", "is_large"],
    "regress": ["radius"],
    "tree": ["feature_ringed", "feature_barred", "feature_smooth", "size_large", "size_small"],
}
MODELS = [*(f"runs/{task}/model" for task in TASKS), "models/classify", "models/multi_label"]
OPTIONS = {
    "classify": ("--label", "shape", "--folds", 2),
    "multi_label": ("--label", "has_ring", "--label", "is_large", "--blocks", 1, "--no-report"),
    "regress": ("--label", "radius", "--blocks", 1, "--ema-decay", 0.5, "--no-report"),
    "tree": ("--tree", "tree.yaml", "--concentrations", "softplus", "--no-report"),
}
QUICK = ("--encoder", "encoder", "--image-size", 32, "--learning-rate", 0.01, "--batch-size", 16)


def assert_equal(new: pd.DataFrame, old: pd.DataFrame) -> None:
    """Check that a table has the columns of an old one with the same content; numbers to float32's precision."""
    assert set(old) <= set(new)
    for column in old:
        if column == "file_loc":
            assert new[column].map(lambda path: Path(path).name).equals(old[column].map(lambda path: Path(path).name))
        elif old[column].dtype.kind == "f":
            np.testing.assert_allclose(new[column], old[column], rtol=5e-6, atol=1e-6, err_msg=column)
        else:
            assert new[column].tolist() == old[column].tolist(), column


@pytest.mark.parametrize("place", MODELS)
def test_a_saved_model_predicts_what_it_did(old: Path, place: str) -> None:
    parts = Path(place).parts
    stored = HERE / "predictions" / (f"{parts[1]}.csv" if parts[0] == "runs" else f"{parts[1]}_calibrated.csv")
    model = zoobot.load(old / place)
    assert isinstance(model, CLASSES[parts[1]])
    assert_equal(zoobot.predict("catalog.csv", model, num_workers=0), pd.read_csv(stored))


@pytest.mark.parametrize("name", ["best", "last"])
@pytest.mark.parametrize("task", TASKS)
def test_a_checkpoint_loads(old: Path, task: str, name: str) -> None:
    folder = old / "runs" / task / "checkpoints"
    path = folder / "last.ckpt" if name == "last" else next(folder.glob("epoch=*.ckpt"))
    model = CLASSES[task].load_from_checkpoint(path)
    predictions = zoobot.predict("catalog.csv", model, num_workers=0)
    stored = pd.read_csv(HERE / "predictions" / f"{task}.csv")
    assert [column for column in RAW[task] if column in predictions] == RAW[task]
    if name == "best":
        assert_equal(predictions[["id_str", *RAW[task]]], stored[["id_str", *RAW[task]]])
    assert isinstance(zoobot.load(path), CLASSES[task])


@pytest.mark.parametrize("task", TASKS)
def test_the_encoder_of_a_checkpoint_can_be_finetuned(old: Path, task: str) -> None:
    path = next((old / "runs" / task / "checkpoints").glob("epoch=*.ckpt"))
    encoder = zoobot.load_encoder(path)
    assert (encoder.num_features, encoder.num_blocks) == (8, 5)


@pytest.mark.parametrize("task", TASKS)
def test_a_run_folder_gives_a_report(old: Path, command: Command, task: str) -> None:
    run = old / "runs" / task
    command("report", run)
    page = said(read(run / "report.html"))
    metrics = json.loads((run / "metrics.json").read_text())["test"]
    shown = metrics[{"classify": "auroc", "multi_label": "auroc", "regress": "rmse", "tree": "loss"}[task]]
    value = next(iter(shown.values())) if isinstance(shown, dict) else shown
    assert f"{value:.2g}" in page
    assert f"{metrics['n']} test galaxies" in page
    assert (run / "plots" / "loss.csv").is_file()
    if task == "classify":
        assert "2 folds" in page
        assert "learning curve" in page.lower(), page


@pytest.mark.parametrize("task", TASKS)
def test_evaluate_scores_as_it_did(old: Path, command: Command, task: str) -> None:
    run, out = old / "runs" / task, old / "evaluated"
    parts, catalog = pd.read_csv(run / "parts.csv"), pd.read_csv("catalog.csv")
    catalog[catalog["id_str"].isin(parts["id_str"][parts["part"] == "test"])].to_csv("test.csv", index=False)
    command("evaluate", "test.csv", "--model", run / "model", "--out", out)
    before, now = (json.loads((folder / "metrics.json").read_text())["test"] for folder in (run, out))
    for name in before:
        if isinstance(before[name], float):
            assert now[name] == pytest.approx(before[name], rel=1e-5, abs=1e-6), name
    assert (out / "report.html").is_file()


@pytest.mark.parametrize("task", ["classify", "multi_label"])
def test_select_takes_an_old_run(old: Path, command: Command, task: str) -> None:
    run, out = old / "runs" / task, old / "sample"
    which = {"classify": ["--class", "ring"], "multi_label": ["--label", "has_ring"]}
    command("predict", "catalog.csv", "--model", run / "model", "--out", old / "table.csv")
    command("select", old / "table.csv", "--model", run, "--purity", 0.3, "--out", out, *which[task])
    assert {"selected.csv", "selection.json"} <= {path.name for path in out.iterdir()}


@pytest.mark.parametrize("task", TASKS)
def test_predict_takes_a_run_folders_model(old: Path, command: Command, task: str) -> None:
    command("predict", "catalog.csv", "--model", old / "runs" / task / "model", "--out", old / "table.csv")
    assert_equal(pd.read_csv(old / "table.csv"), pd.read_csv(HERE / "predictions" / f"{task}.csv"))


@pytest.mark.parametrize("task", TASKS)
def test_an_old_run_goes_on(old: Path, command: Command, task: str) -> None:
    run = old / "runs" / task
    before = pd.read_csv(run / "log.csv")
    assert len(before) == 3
    command("finetune", "catalog.csv", "--out", run, *QUICK, *OPTIONS[task], "--epochs", 4, "--resume")
    log = pd.read_csv(run / "log.csv")
    assert log["epoch"].tolist() == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(log[list(before)].head(3), before)
    best = log["finetuning/val_loss"].idxmin()
    assert [path.name for path in (run / "checkpoints").glob("epoch=*.ckpt")] == [f"epoch={best}.ckpt"]
    assert_equal(pd.read_csv(run / "parts.csv"), pd.read_csv(HERE / "runs" / task / "parts.csv"))


def test_check_and_explain_take_an_old_run(old: Path, command: Command) -> None:
    run = old / "runs" / "classify"
    command("check", run)
    assert (run / "checks" / "labels.csv").is_file()
    command("explain", "catalog.csv", "--model", run / "model", "--out", old / "explained", "--limit", 2)
    assert any((old / "explained").iterdir())
