"""Losses of the tasks as pure functions: one value per galaxy, or for trees one per galaxy and question."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from zoobot.errors import OptionError
from zoobot.finetune.votes_loss import VotesLoss
from zoobot.settings import ConcentrationKind, RegressionLoss
from zoobot.trees import Schema

CONCENTRATION_RANGE = (1.0, 101.0)  # of the sigmoid head
CONCENTRATION_FLOOR = 0.01  # of the softplus head


def cross_entropy_loss(
    logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0, class_weights: Tensor | None = None
) -> Tensor:
    """Cross entropy of each galaxy's class, shape (batch,).

    A galaxy's loss is multiplied by the weight of its class and does not depend on the rest of its batch, so that the
    plain mean over galaxies is the same however they were batched. That mean equals torch's ``reduction='mean'``
    wherever the galaxies' weights average to one, as the balanced weights
    ``n_galaxies / (n_classes * n_galaxies_of_class)`` do over their catalog.

    Parameters
    ----------
    logits : Tensor of shape (batch, class)
        Computed with in float32, or float64 if given so.
    labels : Tensor of shape (batch,) or (batch, 1)
        Class numbers, 0 to class - 1, of any dtype.
    label_smoothing : float, default 0
        Share of the target, in [0, 1], that is spread evenly over the classes.
    class_weights : Tensor of shape (class,), optional
        Used as they are; with label smoothing, torch's definition.

    Raises
    ------
    OptionError
        Shapes that don't fit each other.
    """
    if logits.ndim != 2 or labels.shape not in {(len(logits),), (len(logits), 1)}:
        _raise_shapes("logits (batch, class) and labels (batch,) or (batch, 1)", logits, labels)
    _check_weights(class_weights, logits)
    logits = _at_least_float32(logits)
    weights = None if class_weights is None else class_weights.to(logits)
    classes = labels.reshape(-1).long()
    return F.cross_entropy(logits, classes, weight=weights, label_smoothing=label_smoothing, reduction="none")


def multi_label_loss(logits: Tensor, labels: Tensor, *, class_weights: Tensor | None = None) -> Tensor:
    """Binary cross entropy of each galaxy, the mean over its labels, shape (batch,).

    Parameters
    ----------
    logits : Tensor of shape (batch, label)
        Computed with in float32, or float64 if given so.
    labels : Tensor of shape (batch, label)
        0 or 1, independent of each other.
    class_weights : Tensor of shape (label,), optional
        Factor of each label's loss before the mean over labels.

    Raises
    ------
    OptionError
        Shapes that don't fit each other.
    """
    if logits.ndim != 2 or labels.shape != logits.shape:
        _raise_shapes("logits and labels of one shape (batch, label)", logits, labels)
    _check_weights(class_weights, logits)
    logits = _at_least_float32(logits)
    weights = None if class_weights is None else class_weights.to(logits)
    losses = F.binary_cross_entropy_with_logits(logits, labels.to(logits), weight=weights, reduction="none")
    return losses.mean(dim=1)


def regression_loss(predicted: Tensor, target: Tensor, kind: RegressionLoss = "mse") -> Tensor:
    """Error of each galaxy's prediction, the mean over its targets, shape (batch,).

    Parameters
    ----------
    predicted, target : Tensor of shape (batch, target)
        In the same unit; computed with in float32, or float64 if `predicted` is.
    kind : {'mse', 'mae', 'huber'}
        Squared error, absolute error, or half the squared error up to an error of 1 and linear beyond.

    Raises
    ------
    OptionError
        Unknown kind, or shapes that differ.
    """
    if predicted.ndim != 2 or target.shape != predicted.shape:
        _raise_shapes("predictions and targets of one shape (batch, target)", predicted, target)
    error_functions: dict[str, Callable[..., Tensor]] = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}
    if kind not in error_functions:
        msg = f"Unknown regression loss {kind!r}: choose 'mse', 'mae' or 'huber'."
        raise OptionError(msg)
    predicted = _at_least_float32(predicted)
    return error_functions[kind](predicted, target.to(predicted), reduction="none").mean(dim=1)


def concentrations_from_logits(logits: Tensor, kind: ConcentrationKind = "sigmoid") -> Tensor:
    """Dirichlet concentrations of a tree head's outputs, same shape, in float32 (float64 if given so).

    Parameters
    ----------
    logits : Tensor of any shape
        Outputs of the head.
    kind : {'sigmoid', 'softplus'}
        ``sigmoid``: 1 + 100 sigmoid(logits), in [1, 101], as the published Zoobot tree heads have it. ``softplus``:
        0.01 + log(1 + exp(logits)), from 0.01 up without bound; below 1 it can say that volunteers agree on one of the
        answers, without knowing on which.

    Raises
    ------
    OptionError
        Unknown kind.
    """
    if kind not in {"sigmoid", "softplus"}:
        msg = f"Unknown map from logits to concentrations {kind!r}: choose 'sigmoid' or 'softplus'."
        raise OptionError(msg)
    logits = _at_least_float32(logits)
    if kind == "softplus":
        return CONCENTRATION_FLOOR + F.softplus(logits)
    low, high = CONCENTRATION_RANGE
    return low + (high - low) * torch.sigmoid(logits)


def dirichlet_multinomial_loss(
    concentrations: Tensor, votes: Tensor, tree: Schema, *, question_weights: Tensor | None = None
) -> Tensor:
    r"""Dirichlet-multinomial negative log likelihood of each question's votes, shape (batch, question).

    With concentrations :math:`a_i` and votes :math:`x_i` for the answers of a question, :math:`A = \sum a_i` and
    :math:`n = \sum x_i`, it is

    .. math::

        -\ln \frac{\Gamma(A)\,\Gamma(n + 1)}{\Gamma(A + n)}
        - \sum_i \ln \frac{\Gamma(a_i + x_i)}{\Gamma(a_i)\,\Gamma(x_i + 1)}

    which has the multinomial coefficient in it: minus ``scipy.stats.dirichlet_multinomial.logpmf``. Only questions with
    votes are computed; the others are exactly 0 and pass no gradient, whatever their concentrations (NaN too).

    Parameters
    ----------
    concentrations : Tensor of shape (batch, answer)
        Above 0, ordered as ``tree.label_cols``.
    votes : Tensor of shape (batch, answer)
        0 or more, in the same order; may be fractional (weighted votes). Not checked here: the catalog does. They get
        no gradient.
    tree : Schema
        Which answers belong to which question.
    question_weights : Tensor of shape (question,), optional
        Factor of each question's loss, 0 or more.

    Returns
    -------
    Tensor of shape (batch, question)
        In the order of ``tree.questions``; float64 if `concentrations` are, else float32, under autocast too.

    Raises
    ------
    OptionError
        Shapes other than (batch, answer), or not one weight per question.

    Notes
    -----
    Log gammas are taken in float64 where the device has it (all but MPS): they are differences of numbers in the
    hundreds, of which float32 leaves three digits. See Walmsley et al. 2022 (MNRAS 509, 3966) for this loss on
    Galaxy Zoo's trees.
    """
    sizes = tuple(len(question.answers) for question in tree.questions)
    n_questions, n_answers = len(sizes), sum(sizes)
    if concentrations.ndim != 2 or concentrations.shape[1] != n_answers or votes.shape != concentrations.shape:
        _raise_shapes(f"concentrations and votes of one shape (batch, {n_answers})", concentrations, votes)
    if question_weights is not None and question_weights.shape != (n_questions,):
        _raise_shapes(f"one weight for each of {n_questions} questions", question_weights)
    concentrations = _at_least_float32(concentrations)
    question_of_answer = _question_of_answer(sizes, concentrations.device)
    losses: Tensor = VotesLoss.apply(concentrations, votes.detach(), question_of_answer, n_questions)
    return losses if question_weights is None else losses * question_weights.to(losses)


@lru_cache(maxsize=128)
def _question_of_answer(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    """Number of each answer's question; kept by tree and device."""
    with torch.inference_mode(False):  # a tensor made in a validation step must serve training steps too
        return torch.repeat_interleave(torch.tensor(sizes, device=device))


def _at_least_float32(values: Tensor) -> Tensor:
    """Same values in float32, or as they are in float64."""
    return values if values.dtype == torch.float64 else values.float()


def _check_weights(class_weights: Tensor | None, logits: Tensor) -> None:
    """One weight per column of the logits, if there are any."""
    if class_weights is not None and class_weights.shape != logits.shape[1:]:
        _raise_shapes("one class weight a column of the logits", class_weights, logits)


def _raise_shapes(expected: str, *tensors: Tensor) -> None:
    shapes = " and ".join(str(tuple(tensor.shape)) for tensor in tensors)
    msg = f"Expected {expected}; got shapes {shapes}."
    raise OptionError(msg)
