"""Plots of votes are written, with a panel for each question that was asked."""

import numpy as np
import pytest
from PIL import Image

from zoobot.errors import OutputError
from zoobot.report import plot_votes
from zoobot.trees import VotePosterior, load


@pytest.fixture
def predicted() -> tuple[VotePosterior, np.ndarray]:
    tree = load("gz2")
    draw = np.random.default_rng(0)
    concentrations = np.exp(draw.normal(1, 1, (60, len(tree.label_cols))))
    votes = draw.integers(0, 9, concentrations.shape).astype(float)
    bulge = tree.get_question("bulge-shape-gz2")
    votes[:, bulge.start_index : bulge.end_index + 1] = 0
    return VotePosterior(tree, concentrations), votes


def test_three_pictures(tmp_path, predicted):
    paths = plot_votes(*predicted, tmp_path / "plots")
    assert [path.name for path in paths] == ["coverage.png", "pit.png", "fractions.png"]
    for path in paths:
        with Image.open(path) as image:
            assert np.asarray(image.convert("L")).std() > 5


def test_a_question_nobody_was_asked_has_no_panel(predicted, monkeypatch, tmp_path):
    from zoobot.report import votes as module

    titles = []
    monkeypatch.setattr(module, "_title", lambda ax, name, below: titles.append(name))
    plot_votes(*predicted, tmp_path)
    assert "has-spiral-arms-gz2" in titles and "bulge-shape-gz2" not in titles


def test_a_folder_that_cannot_be_made(predicted, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        plot_votes(*predicted, tmp_path / "file")
