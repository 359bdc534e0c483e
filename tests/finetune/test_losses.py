"""Losses equal scipy's, scikit-learn's and torch's, whatever the dtype, and questions without votes cost nothing."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import dirichlet_multinomial
from sklearn.metrics import log_loss
from torch.nn import functional as F

from zoobot.errors import OptionError
from zoobot.finetune.losses import (
    concentrations_from_logits,
    cross_entropy_loss,
    dirichlet_multinomial_loss,
    multi_label_loss,
    regression_loss,
)
from zoobot.finetune.votes_loss import LARGEST_TABLE
from zoobot.trees import Schema, load, names

N_GALAXIES = 5


def random_batch(tree: Schema, seed: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Concentrations in [1, 101] and votes, with none for about half of the questions."""
    rng = np.random.default_rng(seed)
    n_answers = len(tree.label_cols)
    concentrations = rng.uniform(1, 101, (N_GALAXIES, n_answers))
    votes = rng.integers(0, 30, (N_GALAXIES, n_answers))
    for start, end in tree.question_index_groups:
        votes[rng.random(N_GALAXIES) < 0.5, start : end + 1] = 0
    return torch.tensor(concentrations, dtype=dtype), torch.tensor(votes, dtype=dtype)


def scipy_loss(concentrations: torch.Tensor, votes: torch.Tensor, tree: Schema) -> np.ndarray:
    """The oracle: one question and galaxy at a time."""
    a, x = concentrations.double().numpy(), votes.numpy().astype(int)
    return np.array(
        [
            [
                -dirichlet_multinomial.logpmf(x[g, s : e + 1], a[g, s : e + 1], x[g, s : e + 1].sum())
                for s, e in tree.question_index_groups
            ]
            for g in range(len(a))
        ]
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["gz2", "gz_evo_v2", "gz_rings"])
def test_tree_loss_equals_scipy(name, dtype):
    tree = load(name)
    concentrations, votes = random_batch(tree, seed=1, dtype=dtype)
    loss = dirichlet_multinomial_loss(concentrations, votes, tree)
    assert loss.shape == (N_GALAXIES, len(tree.questions))
    assert loss.dtype == dtype
    np.testing.assert_allclose(loss.numpy(), scipy_loss(concentrations, votes, tree), rtol=1e-5, atol=1e-12)


def test_tree_loss_is_exact_where_float32_log_gammas_cancel():
    tree = Schema({"a": ["x", "y"]})
    concentrations, votes = torch.tensor([[101.0, 1.0], [1.0, 101.0]]), torch.tensor([[1.0, 0.0], [80.0, 0.0]])
    loss = dirichlet_multinomial_loss(concentrations, votes, tree)
    np.testing.assert_allclose(loss[0, 0], -np.log(101 / 102), rtol=1e-6)
    np.testing.assert_allclose(loss.numpy(), scipy_loss(concentrations, votes, tree), rtol=1e-6)


def test_tree_loss_is_exact_where_a_prediction_is_sure_and_right():
    tree = Schema({"a": ["x", "y", "z"]})
    concentrations, votes = torch.tensor([[87.654321, 0.01, 0.0123]]), torch.tensor([[1.0, 0.0, 0.0]])
    loss = dirichlet_multinomial_loss(concentrations, votes, tree)
    np.testing.assert_allclose(loss.numpy(), scipy_loss(concentrations, votes, tree), rtol=1e-5)


@pytest.mark.parametrize("most", [LARGEST_TABLE - 1, 2 * LARGEST_TABLE])
def test_tree_loss_of_very_many_votes(most):
    tree = Schema({"a": ["x", "y"]})
    concentrations, votes = torch.tensor([[3.0, 40.0]]), torch.tensor([[most - 7.0, 7.0]])
    loss = dirichlet_multinomial_loss(concentrations, votes, tree)
    np.testing.assert_allclose(loss.numpy(), scipy_loss(concentrations, votes, tree), rtol=1e-5)


def test_probabilities_of_all_outcomes_sum_to_one():
    tree = Schema({"a": ["x", "y", "z"]})
    n = 6
    votes = torch.tensor([[i, j, n - i - j] for i in range(n + 1) for j in range(n + 1 - i)], dtype=torch.float64)
    concentrations = torch.tensor([[0.4, 2.0, 7.0]], dtype=torch.float64).expand(len(votes), 3)
    probabilities = torch.exp(-dirichlet_multinomial_loss(concentrations, votes, tree))
    torch.testing.assert_close(probabilities.sum(), torch.tensor(1.0, dtype=torch.float64))


def test_gradient_of_the_tree_loss():
    tree = load("gz2")
    concentrations, votes = random_batch(tree, seed=2)
    fractional = votes[:2] * 0.37
    fractional[:, 1::3] = 0  # answers that nobody gave, of questions that were asked
    assert torch.autograd.gradcheck(
        lambda c: dirichlet_multinomial_loss(c, fractional, tree), concentrations[:2].requires_grad_()
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from(names()))
def test_zero_votes_give_exactly_zero_loss_and_gradient(seed, name):
    tree = load(name)
    concentrations, votes = random_batch(tree, seed, torch.float32)
    concentrations.requires_grad_()
    loss = dirichlet_multinomial_loss(concentrations, votes, tree)
    loss.sum().backward()
    for question, (start, end) in enumerate(tree.question_index_groups):
        asked = votes[:, start : end + 1].sum(dim=1) > 0
        assert (loss[~asked, question] == 0).all()
        assert (concentrations.grad[~asked, start : end + 1] == 0).all()
        assert (loss[asked, question] > 0).all()
        assert (concentrations.grad[asked, start : end + 1] != 0).any(dim=1).all()


def test_a_batch_without_votes_still_has_a_gradient_of_zero():
    tree = load("gz2")
    concentrations = torch.full((3, len(tree.label_cols)), 2.0, requires_grad=True)
    loss = dirichlet_multinomial_loss(concentrations, torch.zeros_like(concentrations), tree)
    loss.mean().backward()
    assert loss.shape == (3, len(tree.questions))
    assert torch.equal(concentrations.grad, torch.zeros_like(concentrations))


def test_nan_concentrations_matter_only_where_there_are_votes():
    tree = Schema({"a": ["x", "y"], "b": ["x", "y"]})
    concentrations = torch.tensor([[2.0, 3.0, torch.nan, 1.0]], requires_grad=True)
    unasked = dirichlet_multinomial_loss(concentrations, torch.tensor([[1.0, 2.0, 0.0, 0.0]]), tree)
    unasked.sum().backward()
    assert unasked.isfinite().all()
    assert concentrations.grad.isfinite().all()
    asked = dirichlet_multinomial_loss(concentrations, torch.tensor([[1.0, 2.0, 0.0, 1.0]]), tree)
    assert asked.isnan().tolist() == [[False, True]]


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_permuting_questions_permutes_the_loss(data):
    tree = load("gz2")
    order = data.draw(st.permutations(range(len(tree.questions))))
    concentrations, votes = random_batch(tree, seed=data.draw(st.integers(0, 100)))
    pairs = {tree.questions[q].text: [a.name for a in tree.questions[q].answers] for q in order}
    columns = [answer.index for q in order for answer in tree.questions[q].answers]
    permuted = dirichlet_multinomial_loss(concentrations[:, columns], votes[:, columns], Schema(pairs))
    torch.testing.assert_close(permuted, dirichlet_multinomial_loss(concentrations, votes, tree)[:, order])


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_permuting_answers_within_questions_changes_nothing(data):
    tree = load("gz2")
    concentrations, votes = random_batch(tree, seed=data.draw(st.integers(0, 100)))
    columns = [column for s, e in tree.question_index_groups for column in data.draw(st.permutations(range(s, e + 1)))]
    permuted = dirichlet_multinomial_loss(concentrations[:, columns], votes[:, columns], tree)
    torch.testing.assert_close(permuted, dirichlet_multinomial_loss(concentrations, votes, tree))


def test_adding_a_question_without_votes_changes_nothing():
    tree = load("gz2")
    concentrations, votes = random_batch(tree, seed=3)
    content = tree.to_dict()
    content["questions"]["new"] = {"answers": ["yes", "no"]}
    wider = Schema.from_dict(content)
    more_concentrations = torch.cat([concentrations, torch.full((N_GALAXIES, 2), 5.0)], dim=1)
    more_votes = torch.cat([votes, torch.zeros(N_GALAXIES, 2)], dim=1)
    loss = dirichlet_multinomial_loss(more_concentrations, more_votes, wider)
    assert torch.equal(loss[:, :-1], dirichlet_multinomial_loss(concentrations, votes, tree))
    assert (loss[:, -1] == 0).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(0.05, 3))
def test_fractional_votes_follow_the_formula(seed, weight):
    tree = Schema({"a": ["x", "y", "z"]})
    concentrations, votes = random_batch(tree, seed)
    x = votes * weight
    n, total = x.sum(dim=1), concentrations.sum(dim=1)
    expected = -(
        torch.lgamma(total)
        + torch.lgamma(n + 1)
        - torch.lgamma(total + n)
        + (torch.lgamma(concentrations + x) - torch.lgamma(concentrations) - torch.lgamma(x + 1)).sum(dim=1)
    )
    torch.testing.assert_close(dirichlet_multinomial_loss(concentrations, x, tree)[:, 0], expected)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_tree_loss_is_float32_under_autocast(half):
    tree = load("gz_evo_v2")
    concentrations, votes = random_batch(tree, seed=4, dtype=torch.float32)
    with torch.autocast("cpu", dtype=half):
        loss = dirichlet_multinomial_loss(concentrations, votes, tree)
        from_half = dirichlet_multinomial_loss(concentrations.to(half), votes, tree)
    assert torch.equal(loss, dirichlet_multinomial_loss(concentrations, votes, tree))
    assert from_half.dtype == torch.float32
    assert torch.equal(from_half, dirichlet_multinomial_loss(concentrations.to(half).float(), votes, tree))


def test_tree_loss_trains_after_a_validation_step_in_inference_mode():
    tree = Schema({"a": ["x"] + [f"y{i}" for i in range(17)]})  # no other test has a tree of this shape
    concentrations, votes = random_batch(tree, seed=5)
    with torch.inference_mode():
        before = dirichlet_multinomial_loss(concentrations, votes, tree)
    concentrations.requires_grad_()
    loss = dirichlet_multinomial_loss(concentrations, votes, tree)
    loss.sum().backward()
    assert torch.equal(before, loss)


def test_question_weights_multiply_each_questions_loss_and_gradient():
    tree = Schema({"a": ["x", "y"], "b": ["x", "y", "z"], "c": ["x", "y"]})
    concentrations = torch.tensor([[2.0, 3.0, 1.0, 4.0, 2.0, 5.0, 5.0]] * 2, requires_grad=True)
    votes = torch.tensor([[3.0, 1.0, 0.0, 2.0, 7.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0, 0.0, 2.5, 0.0]])
    weights = torch.tensor([0.5, 3.0, 0.0], dtype=torch.float64)
    plain = dirichlet_multinomial_loss(concentrations, votes, tree)
    (gradient,) = torch.autograd.grad(plain.sum(), concentrations)
    weighted = dirichlet_multinomial_loss(concentrations, votes, tree, question_weights=weights)
    (weighted_gradient,) = torch.autograd.grad(weighted.sum(), concentrations)
    assert weighted.dtype == torch.float32
    torch.testing.assert_close(weighted, plain * weights.float())
    torch.testing.assert_close(weighted_gradient, gradient * torch.tensor([0.5, 0.5, 3.0, 3.0, 3.0, 0.0, 0.0]))


def test_tree_loss_refuses_other_than_one_weight_a_question():
    tree = Schema({"a": ["x", "y"], "b": ["x", "y"]})
    votes = torch.ones(3, 4)
    for shape in ((4,), (1,), (3, 2)):
        with pytest.raises(OptionError, match=r"one weight for each of 2 questions; got shapes \("):
            dirichlet_multinomial_loss(votes, votes, tree, question_weights=torch.ones(shape))


def test_tree_loss_is_the_same_galaxy_by_galaxy():
    tree = load("gz_decals_dr5")
    concentrations, votes = random_batch(tree, seed=6)
    single = [dirichlet_multinomial_loss(concentrations[g : g + 1], votes[g : g + 1], tree) for g in range(N_GALAXIES)]
    torch.testing.assert_close(dirichlet_multinomial_loss(concentrations, votes, tree), torch.cat(single))


def test_integer_votes():
    tree = load("gz2")
    concentrations, votes = random_batch(tree, seed=7)
    expected = dirichlet_multinomial_loss(concentrations, votes, tree)
    assert torch.equal(dirichlet_multinomial_loss(concentrations, votes.long(), tree), expected)


def test_tree_loss_prefers_the_true_fractions_with_real_votes(real_data):
    tree = load("gz2")
    votes = torch.tensor(pd.read_csv(real_data / "gz2_votes" / "train.csv")[tree.label_cols].to_numpy()).float()
    mean_votes = votes.sum(dim=0)
    fractions = torch.cat([mean_votes[s : e + 1] / mean_votes[s : e + 1].sum() for s, e in tree.question_index_groups])
    informed = dirichlet_multinomial_loss((1 + 10 * fractions).expand_as(votes), votes, tree).mean(dim=0)
    ignorant = dirichlet_multinomial_loss(torch.full_like(votes, 3.0), votes, tree).mean(dim=0)
    assert (informed < ignorant).float().mean() >= 0.8


@pytest.mark.parametrize(("shape_c", "shape_x"), [((2, 29), (2, 29)), ((30,), (30,)), ((2, 30), (3, 30))])
def test_tree_loss_refuses_wrong_shapes(shape_c, shape_x):
    with pytest.raises(OptionError, match=r"\(batch, 30\); got shapes"):
        dirichlet_multinomial_loss(torch.ones(shape_c), torch.ones(shape_x), load("gz2"))


def test_sigmoid_concentrations_lie_in_their_range():
    logits = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4])
    concentrations = concentrations_from_logits(logits)
    np.testing.assert_allclose(concentrations[[0, 2, 4]], [1, 51, 101])
    assert (concentrations.diff() > 0).all()
    assert concentrations_from_logits(logits.half()).dtype == torch.float32


def test_softplus_concentrations_stay_above_their_floor():
    concentrations = concentrations_from_logits(torch.tensor([-1e4, 0.0, 500.0], dtype=torch.float64), "softplus")
    np.testing.assert_allclose(concentrations, [0.01, 0.01 + np.log(2), 500.01])
    assert concentrations.dtype == torch.float64
    with pytest.raises(OptionError, match=r"'exp'.*'sigmoid' or 'softplus'"):
        concentrations_from_logits(concentrations, "exp")


@pytest.mark.parametrize("shape", [(40,), (40, 1)])
def test_cross_entropy_equals_sklearn(shape):
    rng = np.random.default_rng(0)
    logits = torch.tensor(rng.normal(size=(40, 3)), dtype=torch.float32)
    labels = torch.tensor(rng.integers(0, 3, 40), dtype=torch.float32)
    loss = cross_entropy_loss(logits, labels.reshape(shape))
    assert loss.shape == (40,)
    np.testing.assert_allclose(loss.mean(), log_loss(labels, logits.double().softmax(dim=1)), rtol=1e-6)


def test_balanced_weights_mean_equals_torchs_weighted_mean_in_any_batches():
    torch.manual_seed(0)
    logits, labels = torch.randn(60, 3), torch.tensor([0.0] * 40 + [1.0] * 15 + [2.0] * 5)
    weights = 60 / (3 * torch.bincount(labels.long()))
    expected = F.cross_entropy(logits, labels.long(), weight=weights)
    whole = cross_entropy_loss(logits, labels, class_weights=weights)
    torch.testing.assert_close(whole.mean(), expected)
    batches = [cross_entropy_loss(logits[i::4], labels[i::4], class_weights=weights) for i in range(4)]
    torch.testing.assert_close(torch.cat(batches).mean(), expected)


def test_label_smoothing_moves_the_best_prediction():
    labels = torch.zeros(1)
    logits = torch.tensor([[np.log(0.95), np.log(0.05)]], requires_grad=True)
    cross_entropy_loss(logits, labels, label_smoothing=0.1).sum().backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), atol=1e-6, rtol=0)


def test_multi_label_loss_weighs_each_label():
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 2), torch.randint(0, 2, (6, 2)).float()
    probabilities = logits.sigmoid()
    by_label = -torch.where(labels == 1, probabilities, 1 - probabilities).log()
    torch.testing.assert_close(multi_label_loss(logits, labels), by_label.mean(dim=1))
    weights = torch.tensor([0.5, 3.0])
    weighted = multi_label_loss(logits, labels, class_weights=weights)
    torch.testing.assert_close(weighted, (by_label * weights).mean(dim=1))


@pytest.mark.parametrize(("kind", "expected"), [("mse", [2.125, 0.0]), ("mae", [1.25, 0.0]), ("huber", [0.8125, 0.0])])
def test_regression_loss_averages_over_targets(kind, expected):
    predicted, target = torch.tensor([[0.5, 2.0], [1.0, 1.0]]), torch.tensor([[0.0, 4.0], [1.0, 1.0]])
    np.testing.assert_allclose(regression_loss(predicted, target, kind), expected)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_other_losses_compute_half_precision_outputs_in_float32(half):
    outputs, labels = torch.randn(4, 2).to(half), torch.tensor([[0.0, 1.0]] * 4)
    for loss in (
        cross_entropy_loss(outputs, labels[:, 0]),
        multi_label_loss(outputs, labels),
        regression_loss(outputs, labels, "mse"),
    ):
        assert loss.dtype == torch.float32
        assert loss.shape == (4,)


def test_other_losses_refuse_what_would_broadcast():
    with pytest.raises(OptionError, match=r"\(4, 2\) and \(4, 2\)"):
        cross_entropy_loss(torch.ones(4, 2), torch.ones(4, 2))
    with pytest.raises(OptionError, match=r"\(4, 2\) and \(4, 1\)"):
        multi_label_loss(torch.ones(4, 2), torch.ones(4, 1))
    with pytest.raises(OptionError, match=r"\(4, 1\) and \(4,\)"):
        regression_loss(torch.ones(4, 1), torch.ones(4), "mse")
    with pytest.raises(OptionError, match="one class weight"):
        cross_entropy_loss(torch.ones(4, 2), torch.ones(4), class_weights=torch.ones(3))
    with pytest.raises(OptionError, match=r"'rmse'.*'mse', 'mae' or 'huber'"):
        regression_loss(torch.ones(4, 1), torch.ones(4, 1), "rmse")
