"""Merged trees: the questions of all, whose loss is the sum of the parts."""

import numpy as np
import pytest
import torch

from zoobot import trees
from zoobot.errors import TreeError
from zoobot.finetune.losses import dirichlet_multinomial_loss
from zoobot.trees import Schema


def test_questions_of_all_and_whose_they_are():
    gz2, rings = trees.load("gz2"), trees.load("gz_rings")
    both = trees.merge([gz2, rings])
    assert both.label_cols == gz2.label_cols + rings.label_cols
    assert both.name == "gz2+gz_rings"
    assert both.campaigns == {
        "gz2": tuple(question.text for question in gz2.questions),
        "gz_rings": tuple(question.text for question in rings.questions),
    }
    assert trees.load(["gz2", "gz_rings"]) == both
    again = trees.load(both.to_dict())
    assert again == both and again.campaigns == both.campaigns


def test_the_loss_is_the_sum_of_the_parts():
    parts = [trees.load("gz2"), trees.load("gz_decals_dr5"), trees.load("gz_hubble")]
    both = trees.merge(parts)
    draw = np.random.default_rng(0)
    concentrations = torch.tensor(draw.uniform(1, 50, (8, len(both.label_cols))))
    votes = torch.tensor(draw.integers(0, 6, (8, len(both.label_cols)))).double()
    total = dirichlet_multinomial_loss(concentrations, votes, both).sum(dim=1)
    sizes = [len(tree.label_cols) for tree in parts]
    each = [
        dirichlet_multinomial_loss(a, x, tree).sum(dim=1)
        for a, x, tree in zip(concentrations.split(sizes, 1), votes.split(sizes, 1), parts, strict=True)
    ]
    assert torch.allclose(total, sum(each))


def test_a_question_asked_alike_is_one_question():
    one = Schema({"merging": ["yes", "no"], "bar": ["yes", "no"]}, name="one")
    two = Schema({"merging": ["yes", "no"], "ring": ["yes", "no"]}, name="two")
    both = trees.merge([one, two])
    assert [question.text for question in both.questions] == ["merging", "bar", "ring"]
    assert both.campaigns["two"] == ("merging", "ring")


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([Schema({"bar": ["strong", "no"]}, name="two")], "'bar' is asked differently by 'one' and 'two'"),
        ([Schema({"ring": ["yes", "no"]}, name="one")], "called 'one'"),
    ],
)
def test_what_cannot_be_merged(others, message):
    with pytest.raises(TreeError, match=message):
        trees.merge([Schema({"bar": ["yes", "no"]}, name="one"), *others])
    with pytest.raises(TreeError, match="No trees"):
        trees.merge([])


def test_a_campaign_of_unknown_questions():
    with pytest.raises(TreeError, match="no question 'ring'"):
        Schema({"bar": ["yes", "no"]}, campaigns={"one": ["ring"]})


@pytest.mark.parametrize("name", ["gz2", "gz_decals_dr5", "gz_rings"])
def test_a_picture_shows_every_question(name):
    tree = trees.load(name)
    ax = tree.plot()
    texts = [line.get_text() for artist in ax.artists for line in artist.offsetbox.get_children()]
    assert {question.text for question in tree.questions} <= set(texts)
    ax.figure.canvas.draw()
