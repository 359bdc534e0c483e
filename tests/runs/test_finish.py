"""Python gets what the command gets: `finish_run`, `finetune_run`, and a task of one's own from training to report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from tests.galaxies import make_catalog, tiny_encoder
from torch import Tensor
from torch.utils.data import DataLoader
from typer.testing import CliRunner

import zoobot
from zoobot.cli import app
from zoobot.errors import OptionError, OutputError
from zoobot.finetune import FinetuneableZoobotAbstract, FinetuneableZoobotClassifier
from zoobot.finetune.trainer import FinetuneTrainer
from zoobot.runs import Run

QUICK: dict[str, Any] = {"accelerator": "cpu", "enable_progress_bar": False}
OPTIONS: dict[str, Any] = {"max_epochs": 2, "image_size": 32, "learning_rate": 0.01}
SHOWN = ("predictions.csv", "val_predictions.csv", "parts.csv")


class FinetuneableZoobotNormal(FinetuneableZoobotAbstract):
    """Predicts a mean and the logarithm of a standard deviation, as in the guide."""

    def __init__(self, **options: Any) -> None:
        self.num_outputs = 2
        super().__init__(**options)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        mean, log_std = outputs.unbind(dim=1)
        return log_std + 0.5 * ((labels[:, 0] - mean) / log_std.exp()) ** 2


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    make_catalog(tmp_path, 60)
    return tmp_path / "catalog.csv"


def fitted(catalog: Path | pd.DataFrame, folder: Path, label: str = "label", **options: Any) -> FinetuneTrainer:
    """Return a trainer that has done what `OPTIONS` say, by the guide's script."""
    datamodule = zoobot.GalaxyDataModule(label_cols=[label], catalog=catalog, image_size=32, **options)
    model = FinetuneableZoobotClassifier(2, encoder=seeded_encoder(), learning_rate=0.01)
    trainer = zoobot.get_trainer(folder, max_epochs=2, **QUICK)
    trainer.fit(model, datamodule)
    return trainer


def seeded_encoder() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_encoder()


def without_times(metrics: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps({part: own for part, own in metrics.items() if part != "timing"}))


def test_the_guides_script_ends_with_what_the_command_writes(catalog: Path, tmp_path: Path) -> None:
    by_script = zoobot.finish_run(fitted(catalog, tmp_path / "script"))
    by_call = zoobot.finetune_run(
        catalog, "label", tmp_path / "call", encoder=seeded_encoder(), trainer_options=QUICK, **OPTIONS
    )
    assert without_times(by_script.metrics) == without_times(by_call.metrics)
    for name in SHOWN:
        assert (tmp_path / "script" / name).read_text() == (tmp_path / "call" / name).read_text()
    written = [sorted(path.name for path in (tmp_path / which).iterdir()) for which in ("script", "call")]
    assert written[0] == written[1]
    said = [json.loads((tmp_path / which / "run.json").read_text()) for which in ("script", "call")]
    different = {name for name in said[1] if said[0][name] != said[1][name]}
    assert different <= {"encoder", "task", "num_workers", "memory_gb"}
    loaded = zoobot.load(tmp_path / "script" / "model", encoder=tiny_encoder())
    assert loaded.calibration_dict() == by_script.model.calibration_dict() is not None
    assert loaded.reference is not None and loaded.memory is not None


def test_a_table_in_memory_is_a_catalog_as_its_file_is(catalog: Path, tmp_path: Path) -> None:
    frame = zoobot.read_catalog(catalog)
    options = {"encoder": seeded_encoder(), "trainer_options": QUICK, "report": False, **OPTIONS}
    runs = [
        zoobot.finetune_run(one, "label", tmp_path / name, **options) for name, one in (("a", catalog), ("b", frame))
    ]
    assert without_times(runs[0].metrics) == without_times(runs[1].metrics)
    assert json.loads((tmp_path / "b" / "run.json").read_text())["catalog"] == "(in memory)"


def test_folds_of_tables_and_encoders_in_memory(catalog: Path, tmp_path: Path) -> None:
    frame = zoobot.read_catalog(catalog)
    run = zoobot.finetune_run(
        frame, "label", tmp_path / "run", encoder=seeded_encoder(), n_blocks=1, folds=2, report=False,
        trainer_options=QUICK, **OPTIONS,
    )  # fmt: skip
    assert len(pd.read_csv(run.folder / "folds" / "predictions.csv")) == len(frame)


def test_a_run_knows_its_predictions_report_and_scores_and_is_read_again(catalog: Path, tmp_path: Path) -> None:
    run = zoobot.finish_run(fitted(catalog, tmp_path / "run"), report=False)
    assert len(run.predictions) == run.metrics["test"]["n"]
    assert {"label_a", "label_b_calibrated", "label_set", "true_label"} <= set(run.predictions)
    assert "report.html" not in run._repr_html_()
    assert run.report().is_file()
    shown = run._repr_html_()
    assert f"<td>{run.metrics['test']['accuracy']:.3f}</td>" in shown and "report.html" in shown
    again = Run.read(run.folder)
    assert again.metrics["test"] == json.loads(json.dumps(run.metrics["test"]))
    assert type(again.model) is FinetuneableZoobotClassifier


def test_results_go_elsewhere_where_asked_and_never_over_others(catalog: Path, tmp_path: Path) -> None:
    trainer = fitted(catalog, tmp_path / "trained")
    run = zoobot.finish_run(trainer, out=tmp_path / "results", report=False)
    assert (run.folder / "log.csv").read_text() == (tmp_path / "trained" / "log.csv").read_text()
    with pytest.raises(OutputError, match="already holds a run's model and metrics.json. Give overwrite=True"):
        zoobot.finish_run(trainer, out=tmp_path / "results")
    zoobot.finish_run(trainer, out=tmp_path / "results", overwrite=True, report=False)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "selection.json").write_text('{"threshold": 0.5}')
    with pytest.raises(OutputError, match="zoobot select"):
        zoobot.finish_run(trainer, out=tmp_path / "theirs")


def test_what_can_not_be_finished_is_refused_with_what_to_do(catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"Call trainer.fit\(model, datamodule\) first"):
        zoobot.finish_run(zoobot.get_trainer(tmp_path / "new", **QUICK))
    with pytest.raises(OptionError, match="takes a trainer of zoobot.get_trainer"):
        zoobot.finish_run(L.Trainer(logger=False, enable_checkpointing=False))  # type: ignore[arg-type]
    frame = zoobot.read_catalog(catalog)
    parts = zoobot.GalaxyDataModule(
        label_cols=["label"], train_catalog=frame[:40], val_catalog=frame[40:], image_size=32
    )
    trainer = zoobot.get_trainer(tmp_path / "parts", max_epochs=1, **QUICK)
    trainer.fit(FinetuneableZoobotClassifier(2, encoder=tiny_encoder()), parts)
    with pytest.raises(OptionError, match="no test part. Give it catalog=, or test_catalog="):
        zoobot.finish_run(trainer)
    assert not (tmp_path / "parts" / "run.json").exists()

    class Theirs(L.LightningDataModule):
        def train_dataloader(self) -> DataLoader[Any]:
            images, labels = torch.rand(8, 3, 32, 32), torch.arange(8) % 2
            return DataLoader(list(zip(images, labels, strict=True)), batch_size=4)

        val_dataloader = train_dataloader

    trainer = zoobot.get_trainer(tmp_path / "theirs", max_epochs=1, **QUICK)
    trainer.fit(FinetuneableZoobotClassifier(2, encoder=tiny_encoder()), Theirs())
    with pytest.raises(OptionError, match="was fitted on a Theirs. Use zoobot.evaluate"):
        zoobot.finish_run(trainer)


def test_an_unknown_option_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no option 'n_block'. Did you mean n_blocks?"):
        zoobot.finetune_run(tmp_path / "none.csv", "label", tmp_path / "out", n_block=1)
    with pytest.raises(OptionError, match="max_epochs"):
        zoobot.finetune_run(tmp_path / "none.csv", "label", tmp_path / "out", max_epochs=-1)


def test_a_task_of_ones_own_goes_from_training_to_the_report(catalog: Path, tmp_path: Path) -> None:
    """As the guide promises; no file of the package names it."""
    frame = pd.read_csv(catalog).assign(strength=lambda table: table["size"] * 100 + np.arange(len(table)) % 3)
    frame["file_loc"] = [str(catalog.parent / name) for name in frame["file_loc"]]
    frame.to_csv(tmp_path / "bars.csv", index=False)
    bars = zoobot.GalaxyDataModule(label_cols=["strength"], catalog=tmp_path / "bars.csv", image_size=32)
    trainer = zoobot.get_trainer(tmp_path / "run", max_epochs=2, **QUICK)
    trainer.fit(FinetuneableZoobotNormal(encoder=tiny_encoder(), learning_rate=0.01), bars)
    run = zoobot.finish_run(trainer)
    assert json.loads((run.folder / "about.json").read_text())["task"] == "normal"
    page = (run.folder / "report.html").read_text()
    assert "strength" in page
    assert "Classifier of" not in page and "Regression of" not in page
    assert list(run.predictions.filter(like="output_")) == ["output_0", "output_1"]
    trainer = zoobot.get_trainer(tmp_path / "timm", max_epochs=1, **QUICK)
    trainer.fit(FinetuneableZoobotNormal(name="test_resnet", pretrained=False), bars)
    saved = zoobot.finish_run(trainer, report=False).folder / "model"
    assert type(zoobot.load(saved)) is FinetuneableZoobotNormal
    arguments = ["evaluate", str(tmp_path / "bars.csv"), "--model", str(saved), "--out", str(tmp_path / "evaluated")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "evaluated" / "report.html").is_file()
    done = CliRunner().invoke(app, ["report", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    named = [path for path in Path(zoobot.__file__).parent.rglob("*.py") if "ZoobotNormal" in path.read_text()]
    assert named == []
