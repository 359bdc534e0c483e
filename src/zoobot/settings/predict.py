"""How a catalog goes through a model: the options of `predict`, `evaluate`, `represent`, `explain` and `check_run`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from zoobot.settings.compute import RUN, ComputeSettings
from zoobot.settings.data import DATA, DropUnlabelled, Hdu, LookSettings, NumWorkers
from zoobot.settings.option import Option, Settings

Runtime = Literal["torch", "compile", "openvino", "onnx", "auto"]
OnError = Literal["raise", "skip"]
MapKind = Literal["occlusion", "grad-cam"]

TABLE = "Table"

PassBatchSize = Annotated[int, Option("Batch size.", RUN)]

GroupedScores = Annotated[
    str | None,
    Option(
        "Column that says which galaxies belong together, such as copies of one object: intervals and tests count "
        "them as one.",
        DATA,
        metavar="COLUMN",
    ),
]


@dataclass(frozen=True, kw_only=True)
class PassSettings(ComputeSettings):
    """How images are read and go through a network."""

    batch_size: PassBatchSize = 64
    on_error: Annotated[
        OnError, Option("'skip' goes on where an image can't be read, and says so in the table.", DATA)
    ] = "raise"
    hdu: Hdu = None
    num_workers: NumWorkers = None
    runtime: Annotated[
        Runtime,
        Option("What runs the encoder; 'auto' tries those that are installed where it would take over a minute.", RUN),
    ] = "torch"


@dataclass(frozen=True, kw_only=True)
class TableOptions(Settings):
    """What a table of predictions is to hold; see `zoobot.predict`."""

    level: Annotated[float, Option("Coverage of credible intervals, and of conformal sets and intervals.", TABLE)] = 0.9
    by_class: Annotated[
        bool,
        Option("Conformal sets keep the coverage for the galaxies of each class, not only for all together.", TABLE),
    ] = False
    min_asked: Annotated[
        float, Option("Votes: leave out answers to questions that are asked with less than this probability.", TABLE)
    ] = 0.0


@dataclass(frozen=True, kw_only=True)
class PredictSettings(TableOptions, PassSettings):
    """How a catalog is predicted; see `zoobot.predict`."""

    n_samples: Annotated[int, Option("More than 1: repeat with dropout on, for a spread.", TABLE)] = 1
    n_views: Annotated[int, Option("More than 1: average over turned and zoomed views.", TABLE)] = 1
    by: Annotated[
        tuple[str, ...],
        Option(
            "Catalog column whose groups are each compared with the training galaxies, such as 'survey'; repeat for "
            "several.",
            TABLE,
            metavar="COLUMN",
        ),
    ] = ()
    limit: Annotated[
        int | None, Option("Predict only this many galaxies, the first of the catalog. Default: all.", DATA)
    ] = None


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(PassSettings):
    """How a model is scored on a labelled catalog; see `evaluation_run`."""

    by: Annotated[
        tuple[str, ...],
        Option(
            "Catalog column to break the scores down by, such as redshift; repeat for several. Needs --out.",
            TABLE,
            metavar="COLUMN",
        ),
    ] = ()
    group_col: GroupedScores = None
    drop_unlabelled: DropUnlabelled = False
    report: Annotated[bool, Option("Write report.html, with checks of labels, images and shift.", RUN)] = True


@dataclass(frozen=True, kw_only=True)
class RepresentSettings(LookSettings, PassSettings):
    """How a catalog becomes features; see `zoobot.represent`."""

    keep: Annotated[
        bool,
        Option("Take features that an earlier run kept, and keep those that are new. See: zoobot cache info.", RUN),
    ] = False


@dataclass(frozen=True, kw_only=True)
class CheckSettings(ComputeSettings):
    """How the galaxies of a run are checked; see `check_run`."""

    num_workers: NumWorkers = None
    galleries: Annotated[bool, Option("Draw pictures of what is found.", RUN)] = True


@dataclass(frozen=True, kw_only=True)
class ExplainSettings(Settings):
    """Which predictions are explained, and how; see `zoobot.predictions.explain.explain`."""

    limit: Annotated[int, Option("Explain only this many galaxies, the first of the catalog.", DATA)] = 16
    target: Annotated[
        str | None,
        Option("The predicted column to explain, such as ring_1. Default: each galaxy's most probable class."),
    ] = None
    heat: Annotated[bool, Option("Draw heat maps; --no-heat shows neighbors alone.")] = True
    maps: Annotated[
        MapKind,
        Option(
            "'occlusion' measures by how much the prediction falls where parts of the image are hidden, with any "
            "encoder. 'grad-cam' is faster and needs a convolutional encoder.",
            was=("map",),
        ),
    ] = "occlusion"
    neighbors: Annotated[int, Option("Training galaxies to show beside each.")] = 5
    group_col: GroupedScores = None
    batch_size: PassBatchSize = 16
    hdu: Hdu = None
    num_workers: NumWorkers = None
