"""How a catalog is read, split and shown: the options of `GalaxyDataModule`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from zoobot.errors import OptionError
from zoobot.files import home
from zoobot.settings.option import Option, Settings

Stretch = Literal["asinh", "linear", "log", "sqrt", "zscale", "lupton"]
ClassBalance = Literal["none", "sampler"]
HDU = int | str
HDUs = HDU | tuple[HDU, ...]

DEFAULT_PERCENTILES = (5.0, 99.8)
"""Percentiles of the pixels that become 0 and 1.

Chosen by eye on DECaLS, DECam, HSC, HST and FIRST cutouts: the sky stays dark with its noise still visible, and faint
discs and radio lobes aren't dimmed by a bright core or a star."""

DATA = "Data"
TRAINING = "Training"


def absolute(path: str) -> str:
    """Return a path from the root, with ``~`` spelled out."""
    return str(home(path).absolute())


def chosen_hdu(given: Sequence[str]) -> HDUs:
    """Return the HDU, or the HDUs, that a command line names: numbers are counted from 0."""
    hdus = tuple(int(one) if one.isdecimal() else one for one in given)
    return hdus[0] if len(hdus) == 1 else hdus


BatchSize = Annotated[int, Option("Batch size.", TRAINING)]
NumWorkers = Annotated[
    int | None, Option("Processes that decode images. Default: one per core, at most 8.", DATA, was=("workers",))
]
MemoryGb = Annotated[
    float | None,
    Option(
        "Memory for decoded images, and for features, in GB; more lies in temporary files. Default: a quarter of what "
        "is free.",
        DATA,
    ),
]
ImageSize = Annotated[
    int | None, Option("Width of the image that the encoder sees, in pixels. Default: the encoder's own.", DATA)
]
Crop = Annotated[float, Option("The centre share of the image's width that is shown.", DATA)]
GroupCol = Annotated[
    str | None,
    Option(
        "Column that says which galaxies belong together, such as copies of one object: they stay in one part.", DATA
    ),
]
DropUnlabelled = Annotated[bool, Option("Leave out galaxies without a label; otherwise they are an error.", DATA)]
Hdu = Annotated[
    HDUs | None,
    Option(
        "HDU of FITS files to read, by number or name; repeat for several bands. Default: as in the model's training, "
        "or the picture, found by the HDUs' names.",
        DATA,
        metavar="HDU",
        given=list[str] | None,
        read=chosen_hdu,
    ),
]


@dataclass(frozen=True, kw_only=True)
class ReadSettings(Settings):
    """How image files are read.

    Parameters
    ----------
    stretch : str, optional
        One of ``asinh``, ``linear``, ``log``, ``sqrt``, ``zscale``, ``lupton`` (`zoobot.data.stretch.stretch_bands`).
        None: ``asinh`` for FITS and floating point TIFF, pictures as they are. A stretch that is given applies to
        pictures too.
    percentiles : tuple of float
        Percentiles of the pixels that become 0 and 1.
    bands : tuple of int, optional
        Bands to pick, counted from 0, in the order wanted.
    hdu : int, str, tuple of these, optional
        HDU of a FITS file, by number or name; several are bands. None: the picture, by its name (`zoobot.data.fits`).

    Raises
    ------
    OptionError
        A setting outside its range.
    """

    stretch: Annotated[
        Stretch | None, Option("How flux becomes brightness. Default: asinh for FITS, none for pictures.", DATA)
    ] = None
    percentiles: Annotated[
        tuple[float, float], Option("Percentiles of the pixels that a stretch makes black and white.", DATA)
    ] = DEFAULT_PERCENTILES
    bands: Annotated[
        tuple[int, ...] | None,
        Option("Band to pick, counted from 0; repeat in the order wanted. Default: all.", DATA, metavar="BAND"),
    ] = None
    hdu: Hdu = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_range(self.percentiles):
            msg = f"percentiles is {self.percentiles!r}: give two numbers, the lower first, between 0 and 100."
            raise OptionError(msg)
        if self.bands is not None and not (
            isinstance(self.bands, tuple) and self.bands and all(map(_is_count, self.bands))
        ):
            msg = f"bands is {self.bands!r}: give the bands to pick as whole numbers from 0, such as (2, 1, 0)."
            raise OptionError(msg)
        hdus = self.hdu if isinstance(self.hdu, tuple) else (self.hdu,)
        if self.hdu is not None and not (hdus and all(isinstance(hdu, str) or _is_count(hdu) for hdu in hdus)):
            msg = f"hdu is {self.hdu!r}: give the number (from 0) or the name of an HDU, or a tuple of these."
            raise OptionError(msg)


@dataclass(frozen=True, kw_only=True)
class ImageSettings(ReadSettings):
    """How image files become arrays; saved beside the weights, so that prediction repeats it.

    Parameters
    ----------
    channels : int
        Channels of the result. A single band is repeated where 3 are asked for; a color picture becomes its luminance
        where 1 is.
    stretch, percentiles, bands, hdu
        See `ReadSettings`.

    Raises
    ------
    OptionError
        A setting outside its range.
    """

    channels: Annotated[int, Option("Channels of the images.", DATA)] = 3


@dataclass(frozen=True, kw_only=True)
class ViewSettings(Settings):
    """What an encoder is shown of each image."""

    image_size: ImageSize = None
    crop: Crop = 0.8


@dataclass(frozen=True, kw_only=True)
class LookSettings(ReadSettings):
    """How images are read and shown to an encoder that may know it itself, from its training.

    What is given replaces that.
    """

    image_size: ImageSize = None
    crop: Annotated[
        float | None,
        Option(
            "The centre share of the image's width that is shown. Default: as in the model's training, or 0.8.", DATA
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class CatalogSettings(Settings):
    """Where the galaxies of a run and their labels are."""

    catalog: Annotated[
        str,
        Option(
            "A table (csv, parquet, FITS, ecsv, VOTable) with a column file_loc, or a folder of images.",
            metavar="CATALOG",
            argument=True,
            read=absolute,
        ),
    ]

    label_cols: Annotated[
        tuple[str, ...],
        Option(
            "Column that holds the labels; repeat for several. A folder with one subfolder per class has the column "
            "'label'. Required unless --tree is given.",
            DATA,
            flag="label",
        ),
    ] = ()
    classes: Annotated[
        tuple[str, ...],
        Option(
            "Class, repeated in the order of the classes, such as --class E --class S0 --class Sa. Default: numbers "
            "by size, names sorted.",
            DATA,
            flag="class",
            metavar="NAME",
        ),
    ] = ()
    tree: Annotated[
        tuple[str, ...],
        Option(
            "Decision tree of the votes: a name such as gz2, or a YAML file; repeat for several campaigns at once.",
            DATA,
        ),
    ] = ()
    val_catalog: Annotated[
        str | None,
        Option("A separate validation catalog. Default: split off CATALOG.", DATA, metavar="CATALOG", read=absolute),
    ] = None
    test_catalog: Annotated[
        str | None,
        Option(
            "A separate test catalog. Default: split off CATALOG.",
            DATA,
            was=("test",),
            metavar="CATALOG",
            read=absolute,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SplitSettings(Settings):
    """Which galaxies of a catalog train, validate and test."""

    train_fraction: Annotated[float, Option("Share of CATALOG to train on; the three shares sum to 1.", DATA)] = 0.7
    val_fraction: Annotated[float, Option("Share of CATALOG to validate on.", DATA)] = 0.1
    test_fraction: Annotated[float, Option("Share of CATALOG to test on.", DATA)] = 0.2
    group_col: GroupCol = None
    drop_unlabelled: DropUnlabelled = False
    class_balance: Annotated[
        ClassBalance, Option("'sampler' draws each class equally often.", DATA, was=("balance",))
    ] = "none"
    seed: Annotated[int, Option("Decides the split, the order, dropout and the head's first weights.", TRAINING)] = 42

    def __post_init__(self) -> None:
        super().__post_init__()
        if abs(self.train_fraction + self.val_fraction + self.test_fraction - 1) > 1e-6:
            msg = (
                f"train_fraction={self.train_fraction}, val_fraction={self.val_fraction} and "
                f"test_fraction={self.test_fraction} must sum to 1."
            )
            raise OptionError(msg)


@dataclass(frozen=True, kw_only=True)
class LoadSettings(Settings):
    """How images are decoded and put together in batches."""

    batch_size: BatchSize = 32
    num_workers: NumWorkers = None
    memory_gb: MemoryGb = None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_range(percentiles: object) -> bool:
    if not isinstance(percentiles, tuple) or len(percentiles) != 2:
        return False
    return all(isinstance(one, int | float) for one in percentiles) and 0 <= percentiles[0] < percentiles[1] <= 100
