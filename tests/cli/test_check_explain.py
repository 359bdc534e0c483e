"""``zoobot check`` and ``zoobot explain`` write what they promise, and say what they found and what they lack."""

import json

import pandas as pd
import pytest
from tests.galaxies import make_catalog, tiny_encoder
from typer.testing import CliRunner

from zoobot.cli import app
from zoobot.data import Preprocessing, read_catalog
from zoobot.finetune import FinetuneableZoobotClassifier
from zoobot.predictions import predict, represent
from zoobot.science import Reference


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder: a model that knows nothing, 20 galaxies, the last the same image as the first."""
    folder = tmp_path_factory.mktemp("run")
    make_catalog(folder, 20)
    frame = read_catalog(folder / "catalog.csv").assign(part=["train"] * 12 + ["test"] * 8)
    frame.loc[19, "file_loc"] = frame["file_loc"][0]
    model = FinetuneableZoobotClassifier(encoder=tiny_encoder(), num_classes=2).eval()
    model.label_cols, model.class_names = ["label"], ["a", "b"]
    model.preprocessing = Preprocessing(image_size=64)
    model.save(folder / "model")
    frame.to_csv(folder / "parts.csv", index=False)
    predict(frame, model, num_workers=0).assign(true_label=frame["label"]).to_csv(
        folder / "predictions.csv", index=False
    )
    return folder


def call(*arguments) -> str:
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert answer.exit_code == 0, answer.output
    return " ".join(answer.output.split())


def test_check(run):
    said = call("check", run, "--num-workers", 0)
    assert "1 pair of near-duplicate images among 20, 1 between parts" in said
    assert "g0_000 and g0_019 (train, test): identical" in said
    assert "There are no folds" in said
    assert {path.name for path in (run / "checks").glob("*.csv")} == {"labels.csv", "duplicates.csv", "images.csv"}
    assert (run / "checks" / "duplicates.png").is_file()


def test_explain(run, tmp_path):
    catalog, model = run / "catalog.csv", run / "model"
    arguments = ("explain", catalog, "--model", model, "--out", tmp_path / "out", "--limit", 2, "--num-workers", 0)
    said = call(*arguments)
    assert "without its training galaxies" in said and "2 galaxies are too few to tell these apart." in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"explain_1.png", "explain.json"}
    content = json.loads((tmp_path / "out" / "explain.json").read_text())
    assert content["maps"] == "occlusion" and content["cells"] == [8, 8] and len(content["galaxies"]) == 2
    assert all("too few to tell" in sentence and sentence in said for sentence in content["sentences"])

    frame = read_catalog(catalog)
    features = represent(frame, model, num_workers=0).filter(regex=r"^feature_\d+$").to_numpy()
    Reference.of(features, frame["id_str"], frame["file_loc"], frame["label"]).save(model)
    call(*arguments, "--map", "grad-cam")
    assert json.loads((tmp_path / "out" / "explain.json").read_text())["maps"] == "grad-cam"
    call(*arguments, "--neighbors", 3, "--target", "label_b", "--no-heat")
    content = json.loads((tmp_path / "out" / "explain.json").read_text())
    assert content["maps"] is None and content["sentences"] == [] and content["sheets"] == ["explain_1.png"]
    assert [galaxy["target"] for galaxy in content["galaxies"]] == ["label_b"] * 2
    table = pd.read_csv(tmp_path / "out" / "neighbors.csv")
    assert len(table) == 6
    assert table["neighbor"][0] in ("g0_000", "g0_019")  # the galaxy itself is in the reference, and so is its copy
    assert table["label"][0] == "a"
