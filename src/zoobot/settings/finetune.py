"""How a model is built and finetuned.

These are the options of `FinetuneableZoobotAbstract`, of the tasks, and of `get_trainer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from zoobot.errors import OptionError
from zoobot.settings.compute import Precision
from zoobot.settings.data import TRAINING, MemoryGb
from zoobot.settings.option import Option, Settings

HeadKind = Literal["linear", "mlp"]
ConcentrationKind = Literal["sigmoid", "softplus"]
CalibrationKind = Literal["auto", "temperature", "vector", "isotonic", "none"]
RegressionLoss = Literal["mse", "mae", "huber"]
BALANCED: Literal["balanced"] = "balanced"
ClassWeights = tuple[float, ...] | Literal["balanced"]

MODEL = "Model"

LearningRate = Annotated[
    float, Option("Learning rate of AdamW: of the head, or in pretraining once warmed up.", TRAINING)
]
LrDecay = Annotated[
    float,
    Option(
        "The learning rate of each block is this times that of the block above it; 1 is the same for all.", TRAINING
    ),
]
WeightDecay = Annotated[float, Option("Weight decay of AdamW; norms and biases have none.", TRAINING)]


def chosen_weights(given: list[str]) -> ClassWeights:
    """Return the class weights that a command line names.

    Raises
    ------
    OptionError
        Neither numbers nor 'balanced'.
    """
    if given == [BALANCED]:
        return BALANCED
    try:
        return tuple(float(one) for one in given)
    except ValueError as err:
        msg = f"class_weights={','.join(given)} must be 'balanced', or one number per class."
        raise OptionError(msg) from err


@dataclass(frozen=True, kw_only=True)
class FinetuneSettings(Settings):
    """The head, and how encoder and head are trained; see `FinetuneableZoobotAbstract`."""

    n_blocks: Annotated[
        int,
        Option(
            "Blocks of the encoder to finetune, from the top: 0 trains the head alone, -1 everything.",
            MODEL,
            was=("blocks",),
        ),
    ] = 0
    head: Annotated[HeadKind, Option("'linear', or 'mlp' for one hidden layer.", MODEL)] = "linear"
    dropout_prob: Annotated[
        float, Option("Probability that a feature is left out before the head in a training step.", MODEL)
    ] = 0.5
    learning_rate: LearningRate = 1e-4
    lr_decay: LrDecay = 0.75
    weight_decay: WeightDecay = 0.05
    cosine_schedule: Annotated[bool, Option("Let the learning rate fall along half a cosine.", TRAINING)] = False
    warmup_epochs: Annotated[int, Option("Epochs over which the learning rate rises linearly first.", TRAINING)] = 0
    max_cosine_epochs: Annotated[int, Option("Epochs that the cosine takes.", TRAINING)] = 100
    max_learning_rate_reduction_factor: Annotated[
        float, Option("Where the cosine ends, as a share of the learning rate.", TRAINING)
    ] = 0.01
    seed: Annotated[int, Option("Decides the split, the order, dropout and the head's first weights.", TRAINING)] = 42


@dataclass(frozen=True, kw_only=True)
class TrainerSettings(Settings):
    """How long is trained, and what is kept; see `get_trainer`."""

    max_epochs: Annotated[int, Option("Train for at most this many epochs.", TRAINING, was=("epochs",))] = 100
    patience: Annotated[int, Option("Stop once the validation loss has not fallen for this many epochs.", TRAINING)] = (
        10
    )
    accumulate_grad_batches: Annotated[
        int, Option("Add up the gradients of this many batches before each step.", TRAINING, was=("accumulate",))
    ] = 1
    ema_decay: Annotated[
        float | None,
        Option(
            "Validate and save a moving average of the weights, with this decay per step, such as 0.99. Default: off.",
            TRAINING,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class CacheSettings(Settings):
    """How features of frozen blocks are kept; see `FeatureCache`."""

    views: Annotated[
        int | None,
        Option(
            "Number of views of each galaxy to keep features of: the first is unaugmented, the others are augmented. "
            "Default: 1 for the head alone, else 8.",
            TRAINING,
        ),
    ] = None
    precision: Precision = "auto"
    memory_gb: MemoryGb = None
    disk_gb: Annotated[
        float, Option("Features larger than this, in GB, are not kept between runs or in temporary files.", TRAINING)
    ] = 10.0


@dataclass(frozen=True, kw_only=True)
class ClassifySettings(Settings):
    """What classification adds; see `FinetuneableZoobotClassifier`."""

    calibration: Annotated[
        CalibrationKind,
        Option("How probabilities are calibrated. 'auto': temperature, or isotonic for several labels.", MODEL),
    ] = "auto"
    label_smoothing: Annotated[
        float, Option("Classes: share of the probability that the loss spreads over all of them.", TRAINING)
    ] = 0.0
    class_weights: Annotated[
        ClassWeights | None,
        Option(
            "Classes: factor on the loss of each, in their order, or 'balanced' for rare classes to count as much as "
            "others; repeat for each class. Default: none.",
            TRAINING,
            metavar="WEIGHT",
            given=list[str] | None,
            read=chosen_weights,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class RegressSettings(Settings):
    """What regression adds; see `FinetuneableZoobotRegressor`."""

    loss: Annotated[
        RegressionLoss,
        Option("Measurements: squared or absolute error, or 'huber', squared within one standard deviation.", MODEL),
    ] = "mse"
    unit_interval: Annotated[bool, Option("Measurements are fractions: predictions stay between 0 and 1.", MODEL)] = (
        False
    )


@dataclass(frozen=True, kw_only=True)
class TreeSettings(Settings):
    """What votes add; see `FinetuneableZoobotTree`."""

    concentrations: Annotated[
        ConcentrationKind,
        Option(
            "Votes: range of the Dirichlet concentrations: 'sigmoid' is 1 to 101, as in published Zoobot models; "
            "'softplus' is above 0 without limit, and fits votes better.",
            MODEL,
        ),
    ] = "sigmoid"
