"""What a pretraining run is asked for: one frozen dataclass, saved beside the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from zoobot.errors import CatalogError, OptionError
from zoobot.files import home, is_folder
from zoobot.settings.compute import RUN, PrecisionOption
from zoobot.settings.data import DATA, TRAINING, Crop, GroupCol, NumWorkers, ReadSettings, absolute
from zoobot.settings.finetune import MODEL, LearningRate, LrDecay, WeightDecay
from zoobot.settings.option import Option
from zoobot.settings.sample import SURVEYS

SIMULATED = "simulated"
HUGGING_FACE = "hf:"

Kind = Literal["simulated", "catalog", "hugging_face"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where some of the galaxies come from."""

    kind: Kind
    where: str
    """The survey that is simulated, the catalog's path, or the Hugging Face data set's path or name"""
    tree: str | None
    """Decision tree of their votes: a packaged one's name, or a YAML file; None, for simulated galaxies, where only the
    truth is learned
    """


def kind_of(galaxies: str) -> Kind:
    """Tell what kind of source an entry of ``PretrainSettings.galaxies`` names."""
    if galaxies == SIMULATED or galaxies.startswith(f"{SIMULATED}:"):
        return "simulated"
    return "hugging_face" if galaxies.startswith(HUGGING_FACE) else "catalog"


def absolute_source(galaxies: str) -> str:
    """Return an entry of ``PretrainSettings.galaxies`` with its path, where it has one, from the root."""
    kind = kind_of(galaxies)
    if kind == "simulated":
        return galaxies
    prefix = HUGGING_FACE if kind == "hugging_face" else ""
    path = home(galaxies.removeprefix(prefix))
    return f"{prefix}{path.absolute()}" if kind == "catalog" or is_folder(path, CatalogError) else galaxies


def absolute_sources(galaxies: Sequence[str]) -> tuple[str, ...]:
    """Return entries of ``PretrainSettings.galaxies`` with their paths from the root."""
    return tuple(absolute_source(one) for one in galaxies)


@dataclass(frozen=True, kw_only=True)
class PretrainSettings(ReadSettings):
    """What to pretrain on, and how. Everything but `FREE_ON_RESUME` decides the weights.

    Each field is an option of ``zoobot pretrain``, whose ``--help`` says what it is for.

    Raises
    ------
    OptionError
        A setting outside its range, or settings that contradict each other.
    """

    room: ClassVar[str] = "pretrain"

    galaxies: Annotated[
        tuple[str, ...],
        Option(
            "simulated (every --survey), simulated:SURVEY, a catalog with votes, or hf:NAME for a Hugging Face data "
            "set (a folder, or its name on the hub, NAME:CONFIG for one of its configurations); repeat for several. "
            "Default: simulated.",
            DATA,
            metavar="SOURCE",
            read=absolute_sources,
        ),
    ] = (SIMULATED,)
    trees: Annotated[
        tuple[str, ...],
        Option(
            "Decision tree of the votes, a name such as gz2, or a YAML file: one for all, or one for each --galaxies "
            "in order. Default: none; only the true parameters of simulated galaxies are learned.",
            DATA,
            flag="tree",
        ),
    ] = ()
    surveys: Annotated[
        tuple[str, ...],
        Option(
            "Survey that 'simulated' stands for: sdss, decals, hsc or euclid; repeat for several. Default: decals.",
            DATA,
            flag="survey",
        ),
    ] = ("decals",)
    simulated_share: Annotated[
        float | None, Option("Share of simulated galaxies in each step, beside real ones. Default: 0.5.", DATA)
    ] = None
    unlabelled: Annotated[
        str | None,
        Option(
            "A catalog of real galaxies to learn from without labels (VICReg), in the same steps.",
            DATA,
            metavar="CATALOG",
            read=absolute,
        ),
    ] = None
    hf_split: Annotated[str, Option("Split of Hugging Face data sets to train on.", DATA, flag="split")] = "train"
    image_size: Annotated[int, Option("Width of the image that the encoder sees, in pixels.", DATA, was=("size",))] = (
        128
    )
    crop: Crop = 0.8
    group_col: GroupCol = None
    val_galaxies: Annotated[int, Option("Simulated galaxies to validate on, which training never sees.", DATA)] = 1024
    val_fraction: Annotated[float, Option("Share of each real catalog that is held out to validate on.", DATA)] = 0.05
    num_workers: NumWorkers = None
    architecture: Annotated[str | None, Option("timm architecture to start from random weights.", MODEL)] = None
    encoder: Annotated[
        str | None,
        Option("Encoder to go on from instead: bundled, imagenet, hf_hub:owner/repo, a folder, a checkpoint.", MODEL),
    ] = None
    drop_path: Annotated[float, Option("Probability that a residual block is skipped for an image.", MODEL)] = 0.0
    images: Annotated[int | None, Option("Labelled images to show in all. This or --epochs is needed.", TRAINING)] = (
        None
    )
    epochs: Annotated[float | None, Option("How often to show each real labelled galaxy.", TRAINING)] = None
    report_images: Annotated[
        int | None, Option("Validate after every N images. Default: 20 times per run.", TRAINING, metavar="N")
    ] = None
    batch_size: Annotated[int, Option("Batch size: labelled images, over all processes together.", TRAINING)] = 64
    unlabelled_batch_size: Annotated[
        int | None,
        Option("Unlabelled galaxies per step, each in two views. Default: half of --batch-size.", TRAINING),
    ] = None
    votes_weight: Annotated[float, Option("Factor of the loss of votes.", TRAINING)] = 0.1
    truth_weight: Annotated[
        float, Option("Factor of the loss of the true parameters of simulated galaxies.", TRAINING)
    ] = 1.0
    unlabelled_weight: Annotated[float, Option("Factor of the loss of unlabelled views.", TRAINING)] = 0.5
    learning_rate: LearningRate = 1e-3
    lr_decay: LrDecay = 1.0
    weight_decay: WeightDecay = 0.05
    warmup_steps: Annotated[
        int | None,
        Option(
            "Steps over which the learning rate rises; it then falls along half a cosine. Default: a twentieth of "
            "all, at most 1000.",
            TRAINING,
        ),
    ] = None
    clip: Annotated[float, Option("Largest norm of the gradient; longer ones are shortened to it.", TRAINING)] = 1.0
    ema_decay: Annotated[
        float,
        Option("Validate and save a moving average of the weights, with this decay per step; 0 for none.", TRAINING),
    ] = 0.999
    jitter: Annotated[float, Option("How much the brightness and colors of training images vary.", TRAINING)] = 0.1
    seed: Annotated[
        int, Option("Decides the first weights, the simulated galaxies, the order, the views and drop path.", TRAINING)
    ] = 42
    precision: PrecisionOption = "auto"
    accelerator: Annotated[str, Option("What to train on: auto, cpu, gpu, mps, as Lightning takes it.", RUN)] = "auto"
    devices: Annotated[int, Option("Devices (processes, on CPUs) to train on, on each node.", RUN)] = 1
    nodes: Annotated[int, Option("Machines to train on.", RUN)] = 1
    sync_batchnorm: Annotated[bool, Option("Compute batch norms over all processes together (GPUs only).", RUN)] = False
    save_minutes: Annotated[float, Option("Write a checkpoint every N minutes.", RUN, metavar="N")] = 5.0
    save_steps: Annotated[int | None, Option("Write a checkpoint every N steps instead.", RUN, metavar="N")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.architecture is None) == (self.encoder is None):
            msg = (
                "give exactly one of architecture (to start from random weights) and encoder (to go on from given "
                "ones)."
            )
            raise OptionError(msg)
        if not self.galaxies or len(set(self.galaxies)) < len(self.galaxies):
            msg = f"galaxies={self.galaxies} must name at least one source of galaxies, and each once."
            raise OptionError(msg)
        if len(self.trees) > 1 and len(self.trees) != len(self.galaxies):
            msg = (
                f"{len(self.galaxies)} sources of galaxies and {len(self.trees)} trees: give one tree for all, or one "
                "for each in the same order."
            )
            raise OptionError(msg)
        self._check_surveys()
        self._check_lengths()

    @property
    def processes(self) -> int:
        """How many processes train."""
        return self.devices * self.nodes

    @property
    def unlabelled_a_step(self) -> int:
        """Unlabelled galaxies a step."""
        if self.unlabelled is None:
            return 0
        return self.batch_size // 2 if self.unlabelled_batch_size is None else self.unlabelled_batch_size

    def sources(self) -> list[Source]:
        """Return where galaxies come from, one entry per survey or catalog."""
        found = []
        for place, name in enumerate(self.galaxies):
            tree = self.trees[place if len(self.trees) > 1 else 0] if self.trees else None
            kind = kind_of(name)
            if kind == "simulated":
                survey = name.partition(":")[2]
                wheres = (survey,) if survey else self.surveys
            else:
                wheres = (name.removeprefix(HUGGING_FACE),)
            found += [Source(kind=kind, where=where, tree=tree) for where in wheres]
        return found

    def _check_surveys(self) -> None:
        kinds = {kind_of(name) for name in self.galaxies}
        wanted = [source.where for source in self.sources() if source.kind == "simulated"]
        unknown = [survey for survey in wanted if survey not in SURVEYS]
        if unknown:
            msg = f"no survey {unknown[0]!r} can be simulated: choose from {', '.join(SURVEYS)}."
            raise OptionError(msg)
        if len(set(wanted)) < len(wanted):
            msg = f"a survey is simulated twice: {', '.join(wanted)}. Name each once."
            raise OptionError(msg)
        if not self.trees and kinds != {"simulated"}:
            msg = "the votes of a catalog need their decision tree: give one for each catalog, such as gz_decals_dr5."
            raise OptionError(msg)
        if self.simulated_share is not None and not ("simulated" in kinds and len(kinds) > 1):
            msg = (
                f"simulated_share={self.simulated_share} needs both simulated and real galaxies: name both in "
                "galaxies, or leave it out."
            )
            raise OptionError(msg)

    def _check_lengths(self) -> None:
        if (self.images is None) == (self.epochs is None):
            msg = (
                "give either how many images to show in all (images), or how often to show each real labelled galaxy "
                "(epochs)."
            )
            raise OptionError(msg)
        if self.epochs is not None and all(kind_of(name) == "simulated" for name in self.galaxies):
            msg = (
                "simulated galaxies never end, so that there are no epochs of them: give images, how many to show in "
                "all."
            )
            raise OptionError(msg)
        for name, size in (("batch_size", self.batch_size), ("unlabelled_batch_size", self.unlabelled_a_step)):
            if size % self.processes:
                msg = (
                    f"{name} is {size}, which {self.processes} processes can't share evenly: choose a multiple of "
                    f"{self.processes}."
                )
                raise OptionError(msg)
        if self.unlabelled is not None and self.unlabelled_a_step < 2:
            msg = (
                f"unlabelled_batch_size={self.unlabelled_a_step} must be at least 2: galaxies are compared with each "
                "other."
            )
            raise OptionError(msg)


FREE_ON_RESUME = (
    "precision",
    "accelerator",
    "devices",
    "nodes",
    "sync_batchnorm",
    "save_minutes",
    "save_steps",
    "num_workers",
)
"""Settings that may differ when a run is resumed: they decide where and how fast it computes, not what."""
