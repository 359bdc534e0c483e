"""Folders, classes and columns with any characters: every table is written, and `select` knows its galaxies again."""

import json
import shutil

import pandas as pd
import pytest

from zoobot.data.tables import read_source


@pytest.fixture(scope="module")
def run(galaxies, finetune, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any") / "Données 星系"
    shutil.copytree(galaxies / "images", folder / "images")
    frame = pd.read_csv(galaxies / "catalog.csv")
    frame["forme"] = frame["shape"].map({"ring": "anneau", "bar": "barrée", "disk": "隆起"})
    frame.to_csv(folder / "catalogue.csv", index=False)
    finetune(folder / "run", "--label", "forme", "--report", catalog=folder / "catalogue.csv")
    return folder


@pytest.mark.parametrize("ending", ["csv", "parquet", "fits", "hdf5"])
def test_predictions_are_written_and_selected_from(ending, run, zoobot_command, tmp_path):
    out = run / f"prédit.{ending}"
    answer = zoobot_command("predict", run / "catalogue.csv", "--model", run / "run" / "model", "--out", out)
    assert answer.code == 0, answer.err
    back = read_source(out)[0]
    assert {"forme_anneau", "forme_barrée", "forme_隆起"} <= set(back.columns)
    assert back["file_loc"].str.contains("星系").all()
    assert set(back["forme_predicted"]) <= {"anneau", "barrée", "隆起"}
    selected = zoobot_command(
        "select",
        out,
        "--model",
        run / "run",
        "--completeness",
        0.5,
        "--class",
        "barrée",
        "--out",
        tmp_path / "sélection",
    )
    assert selected.code == 0, selected.err
    content = json.loads((tmp_path / "sélection" / "selection.json").read_text())
    assert content["selected_and_labelled"] == content["n_selected"] > 0
