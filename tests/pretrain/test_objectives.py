"""The objectives equal their formulas, and cost nothing where nothing is known."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from zoobot import trees
from zoobot.finetune.losses import concentrations_from_logits, dirichlet_multinomial_loss
from zoobot.pretrain import MergedTrees, TruthLoss, VICReg, VoteLoss
from zoobot.pretrain.vicreg import PROJECTED, projector


def random_votes(tree: trees.Schema, n_galaxies: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 5, (n_galaxies, len(tree.label_cols)))).float()


def test_merged_trees_cost_what_each_costs_by_itself():
    gz2, decals = trees.load("gz2"), trees.load("gz_decals_dr5")
    both = MergedTrees([gz2, decals, trees.load("gz2")])
    assert len(both.trees) == 2
    votes = {tree: random_votes(tree, 4, seed) for seed, tree in enumerate((gz2, decals))}
    spread = torch.cat([both.spread(votes[tree], tree) for tree in (gz2, decals)])
    logits = torch.randn(8, len(both.merged.label_cols), requires_grad=True)
    losses = VoteLoss(both.merged)(logits, spread)
    n_gz2 = len(gz2.questions)
    for tree, rows, questions in ((gz2, slice(0, 4), slice(0, n_gz2)), (decals, slice(4, 8), slice(n_gz2, None))):
        alone = dirichlet_multinomial_loss(
            concentrations_from_logits(logits[rows, both.columns(tree)]), votes[tree], tree
        )
        torch.testing.assert_close(losses[rows, questions], alone)
    assert (losses[:4, n_gz2:] == 0).all()
    assert (losses[4:, :n_gz2] == 0).all()
    losses.sum().backward()
    assert (logits.grad[:4, both.columns(decals)] == 0).all()
    assert (logits.grad[:4, both.columns(gz2)] != 0).any()


def test_questions_are_named_after_their_tree():
    both = MergedTrees([trees.load("gz2"), trees.load("gz_decals_dr5")])
    assert both.merged.questions[0].text == "gz2/smooth-or-featured-gz2"
    assert len(both.merged.questions) == len(trees.load("gz2").questions) + len(trees.load("gz_decals_dr5").questions)


def test_asked_where_there_are_votes():
    tree = trees.Schema({"shape": ["round", "flat"], "width": ["large", "small", "odd"]})
    votes = torch.tensor([[0.0, 3.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.1, 0.0, 0.0]])
    assert VoteLoss(tree).asked(votes).tolist() == [[True, False], [False, True]]


def test_truth_costs_nothing_where_it_is_not_known():
    predicted = torch.randn(3, 4, requires_grad=True)
    truth = torch.randn(3, 4)
    truth[1] = torch.nan
    losses = TruthLoss()(predicted, truth)
    torch.testing.assert_close(losses[[0, 2]], F.smooth_l1_loss(predicted[[0, 2]], truth[[0, 2]], reduction="none"))
    assert (losses[1] == 0).all()
    losses.sum().backward()
    assert (predicted.grad[1] == 0).all()
    assert predicted.grad.isfinite().all()


def vicreg_by_hand(first: np.ndarray, second: np.ndarray) -> float:
    """The oracle: the authors' formula in numpy, with weights 25, 25, 1, divided by 25."""
    total = 25 * ((first - second) ** 2).mean()
    for z in (first, second):
        total += 25 * np.maximum(0, 1 - np.sqrt(z.var(axis=0, ddof=1) + 1e-4)).mean() / 2
        covariance = np.cov(z.T)
        total += (covariance[~np.eye(len(covariance), dtype=bool)] ** 2).sum() / z.shape[1]
    return total / 25


def test_vicreg_equals_its_formula():
    rng = np.random.default_rng(0)
    first, second = 0.5 * rng.normal(size=(2, 16, 6))
    parts = VICReg()(torch.from_numpy(first), torch.from_numpy(second))
    assert float(sum(parts.values())) == pytest.approx(vicreg_by_hand(first, second), rel=1e-6)


def test_vicreg_wants_views_alike_but_galaxies_different():
    torch.manual_seed(0)
    loss = VICReg()
    spread = torch.linalg.qr(torch.randn(64, 8))[0] * 64**0.5
    good = sum(loss(spread, spread).values())
    assert good < 0.02
    assert sum(loss(torch.ones(64, 8), torch.ones(64, 8)).values()) > 0.9
    assert sum(loss(spread, spread.flip(0)).values()) > good + 1
    assert projector(10)(torch.zeros(2, 10)).shape == (2, PROJECTED)
