"""How a catalog goes through a model, and what the table of predictions holds: the options of `predict`, `evaluate` and `represent`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from zoobot.settings.compute import RUN, ComputeSettings
from zoobot.settings.data import DATA, BatchSize, Hdu, NumWorkers
from zoobot.settings.option import Option, Settings

Runtime = Literal["torch", "compile", "openvino", "onnx", "auto"]
OnError = Literal["raise", "skip"]

TABLE = "Table"

Limit = Annotated[int | None, Option("Use only this many galaxies, the first of the catalog. Default: all.", DATA)]


@dataclass(frozen=True, kw_only=True)
class PassSettings(ComputeSettings):
    """How images are read and go through a network."""

    batch_size: BatchSize = 64
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
        float,
        Option("Votes: leave out answers to questions that are asked with less than this probability.", TABLE),
    ] = 0.0


@dataclass(frozen=True, kw_only=True)
class PredictSettings(PassSettings, TableOptions):
    """How a catalog is predicted; see `zoobot.predict`."""

    n_samples: Annotated[int, Option("More than 1: repeat with dropout on, for a spread.", TABLE)] = 1
    n_views: Annotated[int, Option("More than 1: average over turned and zoomed views.", TABLE)] = 1
    by: Annotated[
        tuple[str, ...],
        Option(
            "Catalog column whose groups are each compared with the training galaxies, such as 'survey'; repeat for several.",
            TABLE,
            metavar="COLUMN",
        ),
    ] = ()
    limit: Limit = None
