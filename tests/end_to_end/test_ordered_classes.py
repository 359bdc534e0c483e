"""Ordered classes on the command line: their order is the user's, and travels with the model."""

import json
from pathlib import Path

import pandas as pd
import pytest
from tests.galaxies import make_catalog
from typer.testing import CliRunner

from zoobot.cli import app

ORDER = ["late", "early", "middle"]  # not the order of the alphabet


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ordinal")
    frame = make_catalog(folder, 90, n_classes=3)
    frame["type"] = [ORDER[number] for number in frame["number"]]
    frame.to_csv(folder / "catalog.csv", index=False)
    return folder


def finetune(folder: Path, *arguments: str) -> None:
    quick = (
        "--encoder",
        "test_resnet",
        "--no-pretrained",
        "--image-size",
        "32",
        "--max-epochs",
        "3",
        "--learning-rate",
        "0.05",
    )
    done = CliRunner().invoke(app, ["finetune", str(folder / "catalog.csv"), "--label", "type", *quick, *arguments])
    assert done.exit_code == 0, done.output


def test_a_run_on_ordered_names(folder: Path) -> None:
    order = [argument for name in ORDER for argument in ("--class", name)]
    finetune(folder, "--task", "ordinal", *order, "--out", str(folder / "run"), "--folds", "2")
    about = json.loads((folder / "run" / "about.json").read_text())
    assert (about["task"], about["class_names"]) == ("ordinal", ORDER)
    scores = json.loads((folder / "run" / "metrics.json").read_text())["test"]
    assert {"class_mae", "within_one", "quadratic_kappa"} <= set(scores["figures"])
    table = pd.read_csv(folder / "run" / "predictions.csv")
    expected = sum(place * table[f"type_{name}"] for place, name in enumerate(ORDER))
    assert table["type_expected"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-5)
    for members in table["type_set"]:
        places = [ORDER.index(name) for name in members.split("|")]
        assert places == list(range(places[0], places[-1] + 1))
    assert (folder / "run" / "report.html").is_file()
