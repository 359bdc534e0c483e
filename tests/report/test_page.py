"""The report: complete in itself, right in its figures, and robust to what is absent, damaged or hostile."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from tests.report.folders import classifier_folder, labels_folder, numbers_folder, votes_folder

from zoobot.errors import OptionError, OutputError
from zoobot.report import write_report

VOID = {"meta", "img", "br", "link", "hr"}


class Reader(HTMLParser):
    """Reads a page: its tags and attributes, its text, and whether what is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.stack, self.text, self.attributes = [], [], [], []
        self.feed(html)
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if not self.stack or self.stack[-1] != "style":
            self.text.append(data)


def read(path) -> Reader:
    return Reader(path.read_text(encoding="utf-8"))


def said(page: Reader) -> str:
    return " ".join(" ".join(page.text).split())


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    table = classifier_folder(folder)
    return folder, table, read(write_report(folder))


def test_needs_nothing_from_outside(classifier):
    folder, _, page = classifier
    html = (folder / "report.html").read_text()
    assert not {"script", "iframe", "link", "object"} & set(page.tags)
    for _, name, value in page.attributes:
        if name in ("src", "href", "xlink:href"):
            assert value.startswith(("data:image/", "#"))
    outside = set(re.findall(r"https?://[^\s\"'<)]+", html)) - {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not outside
    assert "url(" not in re.sub(r"url\(#", "", html)
    assert "@media print" in html and "prefers-color-scheme: dark" in html
    assert len(html) < 3_000_000


def test_colors_of_plots_follow_the_page(classifier):
    from zoobot.report.theme import LIGHT

    folder, _, _ = classifier
    drawings = "".join(re.findall(r"<svg.*?</svg>", (folder / "report.html").read_text(), re.DOTALL))
    assert "var(--ink)" in drawings
    assert not [color for color in LIGHT.values() if color in drawings]
    ids = re.findall(r'\bid="([^"]+)"', drawings)
    assert len(ids) == len(set(ids))


def test_scores_are_those_of_metrics_json(classifier):
    folder, table, page = classifier
    scores = json.loads((folder / "metrics.json").read_text())["test"]
    text = said(page)
    for name in ("accuracy", "balanced_accuracy", "auroc", "average_precision", "log_loss", "brier", "ece"):
        assert f"{scores[name]:.3f}" in text, name
    hits = int((table["shape_predicted"] == table["true_shape"]).sum())
    assert scores["accuracy"] == pytest.approx(hits / len(table))
    assert "What was trained on what" in text and "zoobot finetune train.csv" in text and "a laptop" in text


def test_plots_are_saved_with_their_numbers(classifier):
    folder, table, _ = classifier
    names = {path.name for path in (folder / "plots").iterdir()}
    for name in ("confusion", "roc", "purity_completeness", "thresholds", "histograms", "reliability", "loss"):
        assert {f"{name}.png", f"{name}.csv"} <= names
    assert "conformal.json" in names
    confusion = pd.read_csv(folder / "plots" / "confusion.csv").set_index("true")
    expected = pd.crosstab(table["true_shape"], table["shape_predicted"])
    for true, predicted in ((a, b) for a in ("smooth", "ring") for b in ("smooth", "ring")):
        assert confusion.loc[true, predicted] == expected.loc[true, predicted]
    cuts = pd.read_csv(folder / "plots" / "thresholds.csv").set_index("threshold")
    chosen = table["shape_ring_calibrated"] >= 0.6
    hits = (chosen & (table["true_shape"] == "ring")).sum()
    assert cuts.loc[0.6, "purity"] == pytest.approx(hits / chosen.sum())
    assert cuts.loc[0.6, "completeness"] == pytest.approx(hits / (table["true_shape"] == "ring").sum())
    held = [true in sets.split("|") for true, sets in zip(table["true_shape"], table["shape_set"], strict=True)]
    saved = json.loads((folder / "plots" / "conformal.json").read_text())
    assert saved["coverage"][0]["coverage"] == pytest.approx(np.mean(held))


def test_galleries_show_the_surest(classifier):
    _, table, page = classifier
    text = said(page)
    wrong = table[(table["shape_predicted"] == "ring") & (table["true_shape"] == "smooth")]
    surest = wrong.sort_values("shape_ring", ascending=False)["id_str"].iloc[0]
    start = text.index("Surest of “ring”, and wrong")
    assert surest in text[start : start + 120]
    assert sum(tag == "img" for tag in page.tags) >= 20


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            numbers_folder,
            ["Regression of size", "Predicted against true", "What intervals cover", "predicted most too high"],
        ),
        (labels_folder, ["Multi-label classifier of bar, ring", "By label", "Nothing was learned of some labels"]),
        (votes_folder, ["By question", "Where counts fall", "highest predicted fraction of “smooth”"]),
    ],
)
def test_other_tasks(make, expected, tmp_path):
    make(tmp_path)
    text = said(read(write_report(tmp_path)))
    for part in expected:
        assert part in text
    assert list((tmp_path / "plots").glob("*.png"))


def test_many_targets_and_classes(tmp_path):
    numbers_folder(tmp_path / "numbers", names=("a", "b", "c", "d"))
    assert "By target" in said(read(write_report(tmp_path / "numbers")))
    classifier_folder(tmp_path / "classes", n=140, names=tuple(f"class_{k}" for k in range(14)))
    page = read(write_report(tmp_path / "classes"))
    assert "class_13" in said(page)


def test_a_folder_of_evaluate(tmp_path):
    classifier_folder(tmp_path)
    for name in ("run.json", "about.json", "log.csv", "val_predictions.csv", "model/config.json"):
        (tmp_path / name).unlink()
    text = said(read(write_report(tmp_path)))
    assert "Classifier of shape" in text and "whole, for how the model sees them is not in this folder" in text


@pytest.mark.parametrize("kept", ["metrics.json", "predictions.csv"])
def test_one_file_alone(kept, tmp_path):
    classifier_folder(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != kept and path.suffix in (".json", ".csv"):
            path.unlink()
    assert "shape" in said(read(write_report(tmp_path))) or kept == "metrics.json"


def test_what_a_run_may_have_beside_its_test(tmp_path):
    """Folds, learning curve, breakdown, shift and checks, as the functions that make them write them."""
    from zoobot.science.breakdown import breakdown
    from zoobot.science.learning_curve import learning_curve
    from zoobot.science.shift import Shift

    table = classifier_folder(tmp_path, n=160)
    rng = np.random.default_rng(0)
    truth = (table["true_shape"] == "ring").to_numpy(int)
    (tmp_path / "folds").mkdir()
    folds = [{"accuracy": 0.8 + 0.01 * fold, "auroc": 0.9, "n": 50} for fold in range(5)]
    summary = {"folds": folds, "mean": {"accuracy": 0.82, "auroc": 0.9}, "std": {"accuracy": 0.016, "auroc": 0.0}}
    (tmp_path / "folds" / "metrics.json").write_text(json.dumps(summary))
    curve = learning_curve(rng.normal(0, 1, (160, 3)) + truth[:, None], truth, n_repeats=2, n_draws=50)
    (tmp_path / "learning_curve.json").write_text(json.dumps(curve.to_dict()))
    bins = breakdown(
        pd.Series(rng.uniform(14, 20, 160), name="mag"),
        table[["shape_smooth", "shape_ring"]],
        truth,
        class_names=["smooth", "ring"],
    )
    bins.insert(0, "column", "mag_r")
    bins.to_csv(tmp_path / "breakdown.csv", index=False)
    (tmp_path / "shift.json").write_text(json.dumps(Shift(0.97, 0.95, 0.99, 0.4, 0.3, 0.5, 500, 160).to_dict()))
    (tmp_path / "checks").mkdir()
    wrong = table.head(30)[["id_str", "file_loc"]].assign(
        label="shape", given="ring", suggested="smooth", score=0.1, probability=0.97
    )
    wrong.to_csv(tmp_path / "checks" / "labels.csv", index=False)
    pair = {
        f"{name}_{side}": value
        for side in "ab"
        for name, value in (("id_str", f"twin_{side}"), ("file_loc", table["file_loc"][0]))
    }
    pd.DataFrame([pair | {"part_a": "train", "part_b": "test", "kind": "same", "similarity": 0.999}]).to_csv(
        tmp_path / "checks" / "duplicates.csv", index=False
    )
    bad = table.head(2)[["id_str", "file_loc"]].assign(fault="saturated", extent=0.3, reason="")
    bad.to_csv(tmp_path / "checks" / "images.csv", index=False)
    text = said(read(write_report(tmp_path)))
    assert (
        "0.820" in text
        and curve.sentence() in text
        and "Balanced accuracy by mag_r" in text.replace("balanced", "Balanced")
    )
    assert "Labels that look wrong (24 of 30)" in text and "twin_a" in text and "saturated" in text
    for title in ("The same galaxies in several parts", "Test and training galaxies differ", "Images that look bad"):
        assert title in text
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"folds.csv", "learning_curve_balanced_accuracy.csv", "breakdown_0.csv"} <= names


def test_images_that_are_gone_leave_placeholders(tmp_path):
    classifier_folder(tmp_path, images=False)
    page = read(write_report(tmp_path))
    assert "img" not in page.tags
    assert "no image" in said(page) and "could not be read and are shown as placeholders" in said(page)


def test_damaged_parts_are_named_and_the_rest_is_shown(tmp_path):
    classifier_folder(tmp_path)
    (tmp_path / "about.json").write_text("{")
    (tmp_path / "log.csv").write_text("nothing,of,use\n1,2,3\n")
    (tmp_path / "val_predictions.csv").write_text("")
    text = said(read(write_report(tmp_path)))
    for name in ("about.json can't be read", "log.csv lacks the column epoch", "val_predictions.csv can't be read"):
        assert name in text
    assert "Which classes are taken for which" in text


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</svg><b>",
        "--><script>",
        "$\\frac{",
        "a\nb\x00c",
        "{{ 7 * 7 }}",
        "é 环 🌀",
    ],
)
def test_names_from_catalogs_are_text(evil, tmp_path):
    table = classifier_folder(tmp_path, names=("plain", "other"), n=40)
    for path in (tmp_path / "predictions.csv", tmp_path / "val_predictions.csv"):
        frame = pd.read_csv(path).replace("other", evil)
        frame["id_str"] = evil + frame["id_str"]
        frame.columns = [name.replace("_other", f"_{evil}") for name in frame.columns]
        frame.to_csv(path, index=False)
    for path in (tmp_path / "metrics.json", tmp_path / "about.json"):
        content = path.read_text().replace('"other"', json.dumps(evil))
        path.write_text(content.replace("a laptop", json.dumps(evil)[1:-1]))
    page = read(write_report(tmp_path))  # its tags are closed in order
    assert not {"script", "b"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert " ".join(evil.replace("\x00", "").split())[:8] in said(page).replace("\x00", "").replace("�", "")
    assert "49" not in evil and len(table) == 40


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
