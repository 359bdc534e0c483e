"""Comparing encoders, selecting samples, simulating sets.

These are the options of `compare_encoders`, `select_galaxies` and `write_set`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from zoobot.settings.data import DATA, LookSettings
from zoobot.settings.option import Option, Settings
from zoobot.settings.predict import PassSettings

CurveTask = Literal["classify", "regress"]
Survey = Literal["sdss", "decals", "hsc", "euclid"]
Population = Literal["survey", "pretraining"]

SURVEYS: tuple[Survey, ...] = get_args(Survey)

WANTED, FROM, AUDIT = "What is wanted", "What it is estimated from", "Judging by eye"


@dataclass(frozen=True, kw_only=True)
class CompareSettings(LookSettings, PassSettings):
    """How encoders are compared; see `compare_encoders`."""

    task: Annotated[CurveTask | None, Option("Default: found from the labels.")] = None
    group_col: Annotated[
        str | None,
        Option(
            "Column that says which galaxies depend on one another, such as copies of one object: they stay together "
            "in folds.",
            DATA,
            metavar="COLUMN",
        ),
    ] = None
    n_folds: Annotated[int, Option("Parts, each of which is predicted from the others.", was=("folds",))] = 5
    n_repeats: Annotated[int, Option("Times that galaxies are dealt anew into folds.", was=("repeats",))] = 4
    more: Annotated[int, Option("Predict the gain from this many additional labels.")] = 100
    seed: Annotated[int, Option("Of folds, subsets and bootstrap, the same for all encoders.")] = 42


@dataclass(frozen=True, kw_only=True)
class SelectSettings(Settings):
    """What sample is wanted; see `select_galaxies`."""

    purity: Annotated[
        float | None,
        Option(
            "Share of the selected that are of the class, such as 0.9; the lowest threshold that promises it.", WANTED
        ),
    ] = None
    completeness: Annotated[
        float | None,
        Option("Share of the class that is selected, such as 0.8; the highest threshold that promises it.", WANTED),
    ] = None
    confidence: Annotated[
        float, Option("Share of promises made that hold; lower ones take fewer labels and select more.", WANTED)
    ] = 0.9
    class_name: Annotated[
        str | None, Option("The class to select. Default: the second of two.", WANTED, was=("class",))
    ] = None
    label: Annotated[str | None, Option("The label to select, where the model has several.", WANTED)] = None
    prevalence: Annotated[
        float | None,
        Option("Share of the target galaxies that are of the class. Default: estimated from their scores.", FROM),
    ] = None
    validation: Annotated[
        bool,
        Option(
            "Use validation galaxies as well as test galaxies if the run has no folds; their scores are slightly "
            "optimistic.",
            FROM,
        ),
    ] = False
    n_audit: Annotated[
        int, Option("Galaxies drawn at random from the selected, to judge by eye.", AUDIT, was=("audit",))
    ] = 100
    seed: Annotated[int, Option("Of the random list, and of the bootstrap.", AUDIT)] = 42


@dataclass(frozen=True, kw_only=True)
class SimulateSettings(Settings):
    """Which galaxies are simulated; see `zoobot.simulate.write_set`."""

    room: ClassVar[str] = "simulate"

    n_galaxies: Annotated[int, Option("How many galaxies.", was=("galaxies",))] = 100
    survey: Annotated[Survey, Option("Survey to imitate.")] = "decals"
    tree: Annotated[
        str | None,
        Option(
            "Decision tree that volunteers vote on: a packaged one's name, or a YAML file; 'none' for no votes. "
            "Default: gz2 for sdss, gz_decals_dr5 for decals, gz_cosmic_dawn for hsc, gz_euclid for euclid."
        ),
    ] = None
    seed: Annotated[int, Option("Another seed gives other galaxies.")] = 0
    size: Annotated[
        int, Option("Width of an image in pixels; the field of view stays the same.", was=("image_size",))
    ] = 224
    first: Annotated[int, Option("Number of the first galaxy: sets with other numbers are disjoint.")] = 1
    fits: Annotated[bool, Option("Write calibrated flux too: FITS cubes, in nanomaggies.")] = False
    population: Annotated[Population, Option("'survey' as in nature, 'pretraining' with rare kinds more often.")] = (
        "survey"
    )
