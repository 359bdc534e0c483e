"""A task is its file: it registers itself, its saved models load, and nothing else names it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.galaxies import tiny_encoder
from torch import Tensor

import zoobot
from zoobot.errors import ModelFileError, OptionError
from zoobot.finetune import FinetuneableZoobotAbstract, FinetuneableZoobotClassifier, FinetuneableZoobotMultiLabel
from zoobot.finetune.registry import TASKS, find_task, task_for_labels, task_of_kind

SCRIPT = """
import zoobot
from tests.galaxies import tiny_encoder

class FinetuneableZoobotOutsider(zoobot.FinetuneableZoobotAbstract):
    num_outputs = 1

    def loss(self, outputs, labels):
        return (outputs - labels).square().mean(dim=1)

FinetuneableZoobotOutsider(encoder=tiny_encoder()).save({folder!r})
"""


THEIRS = """
import zoobot

class FinetuneableZoobotDeclared(zoobot.FinetuneableZoobotAbstract):
    num_outputs = 1
"""


class FinetuneableZoobotGaussian(FinetuneableZoobotAbstract):
    """Predicts a mean and the logarithm of a standard deviation, as in the guide."""

    def __init__(self, **options: object) -> None:
        self.num_outputs = 2
        super().__init__(**options)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        mean, log_std = outputs.unbind(dim=1)
        return log_std + 0.5 * ((labels[:, 0] - mean) / log_std.exp()) ** 2


def test_a_task_of_ones_own_is_registered_and_its_saved_models_load(tmp_path: Path) -> None:
    encoder = tiny_encoder()
    model = FinetuneableZoobotGaussian(encoder=encoder).eval()
    assert model.kind == "gaussian"
    assert task_of_kind("gaussian") is FinetuneableZoobotGaussian
    again = zoobot.load(model.save(tmp_path / "model"), encoder=tiny_encoder())
    assert type(again) is FinetuneableZoobotGaussian
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(again(images), model(images))


def test_a_saved_model_whose_class_is_not_imported_says_to_import_it(tmp_path: Path) -> None:
    script = SCRIPT.format(folder=str(tmp_path / "model"))
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
    with pytest.raises(ModelFileError, match="FinetuneableZoobotOutsider', which is not imported. Import the module"):
        zoobot.load(tmp_path / "model", encoder=tiny_encoder())


def test_two_tasks_of_one_name_are_refused_and_the_first_stays() -> None:
    def loss(self: FinetuneableZoobotAbstract, outputs: Tensor, labels: Tensor) -> Tensor:
        return outputs

    before = TASKS["FinetuneableZoobotGaussian"]
    with pytest.raises(OptionError, match="two tasks are called FinetuneableZoobotGaussian"):
        type("FinetuneableZoobotGaussian", (FinetuneableZoobotAbstract,), {"loss": loss, "__qualname__": "Other"})
    assert TASKS["FinetuneableZoobotGaussian"] is before
    with pytest.raises(OptionError, match="both of the kind 'gaussian'"):
        type("Normal", (FinetuneableZoobotAbstract,), {"loss": loss, "kind": "gaussian"})
    assert "Normal" not in TASKS


def test_a_task_defined_anew_in_its_place_replaces_the_one_before() -> None:
    """As when the cell of a notebook runs again."""

    def define() -> type[FinetuneableZoobotAbstract]:
        class FinetuneableZoobotCell(FinetuneableZoobotAbstract):
            num_outputs = 1

        return FinetuneableZoobotCell

    first, second = define(), define()
    assert first is not second
    assert TASKS["FinetuneableZoobotCell"] is second


def test_a_script_that_is_imported_too_defines_its_task_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``python script.py`` does where another module says ``import script``."""
    script = tmp_path / "script.py"
    script.write_text(THEIRS.replace("Declared", "Twice"))
    for name in ("script", "script_as_main"):
        spec = importlib.util.spec_from_file_location(name, script)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        assert TASKS["FinetuneableZoobotTwice"] is module.FinetuneableZoobotTwice


def test_an_unknown_task_is_refused_with_those_there_are() -> None:
    with pytest.raises(OptionError, match="no task 'segment'. Expected one of .*classify.*multi_label.*regress.*tree"):
        task_of_kind("segment")


@pytest.mark.parametrize("labels", ["classes", "flags", "numbers", "votes"])
def test_every_kind_of_labels_has_its_task(labels: str) -> None:
    assert task_for_labels(labels).takes == labels


def test_independent_labels_are_a_task_of_their_own_behind_the_same_call(tmp_path: Path) -> None:
    encoder = tiny_encoder()
    model = FinetuneableZoobotClassifier(3, multi_label=True, encoder=encoder)
    assert type(model) is FinetuneableZoobotMultiLabel
    assert model.multi_label
    assert isinstance(model, FinetuneableZoobotClassifier)
    assert type(FinetuneableZoobotClassifier(3, encoder=encoder)) is FinetuneableZoobotClassifier
    folder = model.save(tmp_path / "model")
    for load in (
        zoobot.load,
        FinetuneableZoobotClassifier.load_from_checkpoint,
        FinetuneableZoobotMultiLabel.load_from_checkpoint,
    ):
        assert type(load(folder, encoder=tiny_encoder())) is FinetuneableZoobotMultiLabel


def test_a_classifier_of_ones_own_is_not_silently_turned_into_another_class() -> None:
    class Weighted(FinetuneableZoobotClassifier):
        """With a loss of its own, say."""

    assert Weighted.kind == "classify"
    with pytest.raises(OptionError, match="make it a subclass of zoobot.FinetuneableZoobotMultiLabel"):
        Weighted(3, multi_label=True, encoder=tiny_encoder())


def test_tasks_that_packages_declare_are_found_by_name_and_by_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_package.py").write_text(THEIRS)
    (tmp_path / "their_package-1.0.dist-info").mkdir()
    (tmp_path / "their_package-1.0.dist-info" / "METADATA").write_text("Name: their_package\nVersion: 1.0\n")
    declared = "[zoobot.tasks]\ndeclared = their_package:FinetuneableZoobotDeclared\n"
    (tmp_path / "their_package-1.0.dist-info" / "entry_points.txt").write_text(declared)
    assert find_task("FinetuneableZoobotDeclared") is None
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_task("FinetuneableZoobotDeclared").__module__ == "their_package"
    assert task_of_kind("declared") is find_task("FinetuneableZoobotDeclared")
