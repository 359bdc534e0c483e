"""The report is robust to what is absent, damaged or hostile."""

import json

import pandas as pd
import pytest
from tests.report.folders import classifier_folder
from tests.report.reader import read, said

from zoobot.errors import OptionError, OutputError
from zoobot.report import write_report


def test_a_folder_of_evaluate(tmp_path, no_files):
    classifier_folder(tmp_path)
    for name in ("run.json", "about.json", "log.csv", "val_predictions.csv", "model/config.json"):
        (tmp_path / name).unlink()
    text = said(read(write_report(tmp_path)))
    assert "Classifier of shape" in text and "whole: how the model sees them is not in this folder" in text


@pytest.mark.parametrize("kept", ["metrics.json", "predictions.csv"])
def test_one_file_alone(kept, tmp_path, no_files):
    classifier_folder(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != kept and path.suffix in (".json", ".csv"):
            path.unlink()
    assert "shape" in said(read(write_report(tmp_path))) or kept == "metrics.json"


def test_images_that_are_gone_leave_placeholders(tmp_path, no_files):
    classifier_folder(tmp_path, images=False)
    page = read(write_report(tmp_path))
    assert "img" not in page.tags
    assert "no image" in said(page) and "could not be read and are shown as placeholders" in said(page)


def test_damaged_parts_are_named_and_the_rest_is_shown(tmp_path, no_files):
    classifier_folder(tmp_path)
    (tmp_path / "about.json").write_text("{")
    (tmp_path / "log.csv").write_text("nothing,of,use\n1,2,3\n")
    (tmp_path / "val_predictions.csv").write_text("")
    text = said(read(write_report(tmp_path)))
    for name in ("about.json can't be read", "log.csv lacks the column epoch", "val_predictions.csv can't be read"):
        assert name in text
    assert "Confusion matrix" in text


@pytest.mark.parametrize(
    ("evil", "worse"),
    [
        ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'),
        ("</svg><b>", "--><script>"),
        ("$\\frac{", "a\nb\x00c"),
        ("{{ 7 * 7 }}", "é 环 🌀"),
    ],
)
def test_names_from_catalogs_are_text(evil, worse, tmp_path, no_files):
    classifier_folder(tmp_path, names=("plain", "other"), n=40)
    hostile = {"plain": worse, "other": evil}
    for path in (tmp_path / "predictions.csv", tmp_path / "val_predictions.csv"):
        frame = pd.read_csv(path).replace(hostile)
        frame["id_str"] = evil + frame["id_str"] + worse
        for name, new in hostile.items():
            frame.columns = [column.replace(f"_{name}", f"_{new}") for column in frame.columns]
        frame.to_csv(path, index=False)
    for path in (tmp_path / "metrics.json", tmp_path / "about.json"):
        content = path.read_text().replace("a laptop", json.dumps(evil)[1:-1])
        for name, new in hostile.items():
            content = content.replace(f'"{name}"', json.dumps(new))
        path.write_text(content)
    page = read(write_report(tmp_path))  # its tags are closed in order
    assert not {"script", "b"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    text = said(page).replace("\x00", "").replace("\ufffd", "")
    for name in (evil, worse):
        assert " ".join(name.replace("\x00", "").split()) in text


def test_nothing_to_report_on(tmp_path):
    with pytest.raises(OptionError, match=r"neither metrics\.json nor predictions\.csv"):
        write_report(tmp_path)
    with pytest.raises(OptionError, match="no such folder"):
        write_report(tmp_path / "absent")


def test_another_place_and_one_that_cannot_be_written(tmp_path):
    classifier_folder(tmp_path / "run", n=40)
    path = write_report(tmp_path / "run", out=tmp_path / "pages" / "ring.html")
    assert path == tmp_path / "pages" / "ring.html" and path.is_file()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't be written"):
        write_report(tmp_path / "run", out=tmp_path / "file" / "report.html")
