"""The report of a classifier: complete in itself, and right in its figures."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from tests.report.folders import classifier_folder
from tests.report.reader import read, said

from zoobot.report import write_report
from zoobot.report.words import number


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
        assert number(scores[name]) in text, name
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
    start = text.index("Highest probabilities of “ring”, labelled otherwise")
    assert surest in text[start : start + 120]
    assert sum(tag == "img" for tag in page.tags) >= 20
