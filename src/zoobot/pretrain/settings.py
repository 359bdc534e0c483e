"""What a pretraining run is asked for: one frozen dataclass, saved beside the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoobot.errors import CatalogError, OptionError
from zoobot.files import home, is_folder
from zoobot.precision import Precision
from zoobot.ranges import check_fields

if TYPE_CHECKING:
    from zoobot.data.fits import HDUs

SIMULATED = "simulated"
HUGGING_FACE = "hf:"
SURVEYS = ("sdss", "decals", "hsc", "euclid")

Kind = Literal["simulated", "catalog", "hugging_face"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where some of the galaxies come from."""

    kind: Kind
    where: str
    """The survey that is simulated, the catalog's path, or the Hugging Face data set's path or name"""
    tree: str | None
    """Decision tree of their votes: a packaged one's name, or a YAML file; None, for simulated galaxies, where only the truth is learned"""


@dataclass(frozen=True, kw_only=True)
class PretrainSettings:
    """What to pretrain on, and how. Everything but `FREE_ON_RESUME` decides the weights.

    Parameters
    ----------
    galaxies
        Where galaxies come from; each one of ``simulated`` (every survey of ``surveys``), ``simulated:SURVEY``, the path of a catalog
        (anything `read_catalog` takes), or ``hf:NAME`` for a Hugging Face data set (a folder that ``save_to_disk`` wrote, a folder of
        parquet files, or a name on the hub, ``NAME:CONFIG`` for one of its configurations).
    trees
        The decision tree of each entry of ``galaxies``, in the same order, or one for all. Each galaxy has votes for its own tree's
        questions only; the same tree given twice is learned as one. Empty: only the true parameters of simulated galaxies are learned.
    surveys
        The surveys that ``simulated`` stands for.
    simulated_share
        The share of simulated galaxies in each step. Default: a half beside real ones.
    unlabelled
        A catalog of real galaxies to learn from without labels (VICReg), or None.
    hf_split
        The split of Hugging Face data sets to train on.
    architecture
        A timm architecture, to start from random weights; exclusive with ``encoder``.
    encoder
        The encoder to go on from: anything `load_encoder` takes.
    size
        Height and width of the images that the encoder sees, in pixels.
    hdu
        HDU of FITS files; see `ImageSettings`.
    crop
        The centre share of a real image's width that is shown, above 0, at most 1.
    images
        How many labelled images to show in all. Either this or ``epochs`` is needed.
    epochs
        How often to show each real labelled galaxy.
    report_images
        Validate and write a row of the log each time about so many images are done. Default: a twentieth of them all.
    batch_size
        Labelled images a step, over all processes together.
    unlabelled_batch_size
        Unlabelled galaxies a step, over all processes together, each seen in two views. Default: half of ``batch_size``.
    votes_weight, truth_weight, unlabelled_weight
        Factors of the three objectives, whose sum is the loss: see `VoteLoss`, `TruthLoss` and `VICReg`.
    learning_rate
        AdamW's, once warmed up.
    lr_decay
        Each block's learning rate is this times that of the block above it (the heads', for the top block); 1 is the same for all.
    weight_decay
        AdamW's weight decay; norms and biases have none.
    warmup_steps
        Steps over which the learning rate rises from 0. Default: a twentieth of all, at most 1000. Then it falls along half a cosine.
    clip
        The largest norm of the gradient; longer ones are shortened to it.
    ema_decay
        What is validated and saved is a moving average of the weights with this decay a step (less in the first steps); 0 for none.
    drop_path
        The probability that a residual block is skipped for an image (stochastic depth).
    jitter
        How much the brightness and colors of training images vary: the standard deviation of the logarithm of the factor.
    val_galaxies
        Simulated galaxies to validate on, of a sort that training never sees.
    val_fraction
        The share of each real catalog that is held out to validate on.
    precision
        'auto': bfloat16 and channels-last where that is fast; 'float32': never.
    accelerator, devices, nodes
        What to train on, as Lightning takes them; processes are ``devices * nodes``, and each takes its share of every step.
    sync_batchnorm
        Compute batch norms over all processes together (GPUs only).
    save_minutes, save_steps
        How often to write a checkpoint to resume from: after so many minutes, or so many steps where that is given.
    workers
        Processes that decode images. Default: one a core, at most 8.
    seed
        Decides the first weights, which galaxies are simulated, the order, the views and drop path.

    Raises
    ------
    OptionError
        A setting outside its range, or settings that contradict each other.
    """

    galaxies: tuple[str, ...] = (SIMULATED,)
    trees: tuple[str, ...] = ()
    surveys: tuple[str, ...] = ("decals",)
    simulated_share: float | None = None
    unlabelled: str | None = None
    hf_split: str = "train"
    architecture: str | None = None
    encoder: str | None = None
    size: int = 128
    hdu: HDUs | None = None
    crop: float = 0.8
    images: int | None = None
    epochs: float | None = None
    report_images: int | None = None
    batch_size: int = 64
    unlabelled_batch_size: int | None = None
    votes_weight: float = 0.1
    truth_weight: float = 1.0
    unlabelled_weight: float = 0.5
    learning_rate: float = 1e-3
    lr_decay: float = 1.0
    weight_decay: float = 0.05
    warmup_steps: int | None = None
    clip: float = 1.0
    ema_decay: float = 0.999
    drop_path: float = 0.0
    jitter: float = 0.1
    val_galaxies: int = 1024
    val_fraction: float = 0.05
    precision: Precision = "auto"
    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    sync_batchnorm: bool = False
    save_minutes: float = 5.0
    save_steps: int | None = None
    workers: int | None = None
    seed: int = 42

    def __post_init__(self) -> None:
        check_fields(self, "pretrain")
        if (self.architecture is None) == (self.encoder is None):
            msg = "give exactly one of architecture (to start from random weights) and encoder (to go on from given ones)."
            raise OptionError(msg)
        if not self.galaxies or len(set(self.galaxies)) < len(self.galaxies):
            msg = f"galaxies={self.galaxies} must name at least one source of galaxies, and each once."
            raise OptionError(msg)
        if len(self.trees) > 1 and len(self.trees) != len(self.galaxies):
            msg = (
                f"{len(self.galaxies)} sources of galaxies and {len(self.trees)} trees: give one tree for all, or one for each in the "
                "same order."
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
        """Return where galaxies come from, one entry a survey or catalog."""
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

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON has them (lists for tuples)."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

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
                f"simulated_share={self.simulated_share} needs both simulated and real galaxies: name both in galaxies, or leave it "
                "out."
            )
            raise OptionError(msg)

    def _check_lengths(self) -> None:
        if (self.images is None) == (self.epochs is None):
            msg = "give either how many images to show in all (images), or how often to show each real labelled galaxy (epochs)."
            raise OptionError(msg)
        if self.epochs is not None and all(kind_of(name) == "simulated" for name in self.galaxies):
            msg = "simulated galaxies never end, so that there are no epochs of them: give images, how many to show in all."
            raise OptionError(msg)
        for name, size in (("batch_size", self.batch_size), ("unlabelled_batch_size", self.unlabelled_a_step)):
            if size % self.processes:
                msg = f"{name} is {size}, which {self.processes} processes can't share evenly: choose a multiple of {self.processes}."
                raise OptionError(msg)
        if self.unlabelled is not None and self.unlabelled_a_step < 2:
            msg = f"unlabelled_batch_size={self.unlabelled_a_step} must be at least 2: galaxies are compared with each other."
            raise OptionError(msg)


FREE_ON_RESUME = (
    "precision",
    "accelerator",
    "devices",
    "nodes",
    "sync_batchnorm",
    "save_minutes",
    "save_steps",
    "workers",
)
"""Settings that may differ when a run is resumed: they decide where and how fast it computes, not what."""


def absolute(galaxies: str) -> str:
    """Return an entry of ``PretrainSettings.galaxies`` with its path, where it has one, from the root."""
    kind = kind_of(galaxies)
    if kind == "simulated":
        return galaxies
    prefix = HUGGING_FACE if kind == "hugging_face" else ""
    path = home(galaxies.removeprefix(prefix))
    return f"{prefix}{path.absolute()}" if kind == "catalog" or is_folder(path, CatalogError) else galaxies


def kind_of(galaxies: str) -> Kind:
    """Tell what kind of source an entry of ``PretrainSettings.galaxies`` names."""
    if galaxies == SIMULATED or galaxies.startswith(f"{SIMULATED}:"):
        return "simulated"
    return "hugging_face" if galaxies.startswith(HUGGING_FACE) else "catalog"
