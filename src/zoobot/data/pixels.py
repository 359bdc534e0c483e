"""Decoding a catalog's images in worker processes, once, and keeping the pixels.

They are kept in memory or in a memory-mapped file.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import psutil
import torch
from torch.utils.data import DataLoader, Dataset

from zoobot.data.fills import FillCount
from zoobot.data.images import decode_with_fills, gives_floats, is_fits
from zoobot.errors import ImageError
from zoobot.files import open_regular
from zoobot.machine import cpu_cores
from zoobot.progress import track, track_steps
from zoobot.ranges import RANGES, check_fields, check_range
from zoobot.settings import ImageSettings, LookSettings
from zoobot.stopping import workers_watched

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.settings import HDUs

logger = logging.getLogger(__name__)

DECODED_PER_STEP = 16
"""Images that a worker hands over at a time."""

WORKERS_PAY_FROM = 64
"""Fewer images than this are decoded sooner than worker processes start."""


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a file becomes the pixels that an encoder sees; saved with the model, so that prediction repeats training.

    Parameters
    ----------
    image_size
        Height and width of the view that the encoder sees, in pixels.
    crop
        The share of the image's width that the view shows, above 0, at most 1.
    images
        How files are read: channels, stretch, bands.
    custom
        True where the user's own transform took the place of the centre view, so that prediction can't repeat it by
        itself.

    Raises
    ------
    OptionError
        An option outside its range.
    """

    image_size: int = 224
    crop: float = 0.8
    images: ImageSettings = field(default_factory=ImageSettings)
    custom: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        check_range(
            f"the width of images to read (image_size={self.image_size} / crop={self.crop})",
            self.kept_size,
            RANGES["kept_size"],
        )

    @property
    def central(self) -> slice:
        """The rows, and the columns, of an image of ``kept_size`` that the encoder sees where nothing is augmented."""
        margin = (self.kept_size - self.image_size) // 2
        return slice(margin, margin + self.image_size)

    @property
    def kept_size(self) -> int:
        """Width in pixels at which images are kept, chosen so that the centre view needs no second interpolation."""
        return self.image_size + 2 * round((self.image_size / self.crop - self.image_size) / 2)

    @property
    def exact_crop(self) -> float:
        """The crop that whole pixels allow: the view's share of the kept width."""
        return self.image_size / self.kept_size

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, for JSON."""
        return asdict(self)

    def with_hdu(self, hdu: HDUs) -> Preprocessing:
        """Return the same for FITS files that have the image in another HDU."""
        return replace(self, images=replace(self.images, hdu=hdu))

    def with_look(self, look: LookSettings) -> Preprocessing:
        """Return the same, with those of other settings that differ from their defaults."""
        given = {one.name: value for one in fields(look) if (value := getattr(look, one.name)) != one.default}
        own = {name: given.pop(name) for name in ("image_size", "crop") if name in given}
        return replace(self, images=replace(self.images, **given), **own)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Preprocessing:
        """Return the settings that `to_dict` wrote."""
        return cls(**{**saved, "images": ImageSettings(**saved["images"])})


class ImageFiles(Dataset[tuple[int, "npt.NDArray[Any] | ImageError", dict[str, float]]]):
    """Decodes file after file.

    Each gives its row, its pixels (channel, kept_size, kept_size) or what was wrong with the file, and its fill values.
    """

    def __init__(self, files: Sequence[str], preprocessing: Preprocessing) -> None:
        self.files = np.asarray(files, dtype=object)
        self.preprocessing = preprocessing

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[int, npt.NDArray[Any] | ImageError, dict[str, float]]:
        try:
            return row, *decode_with_fills(self.files[row], self.preprocessing.images, self.preprocessing.kept_size)
        except ImageError as err:
            return row, err, {}


@dataclass(frozen=True)
class KeptPixels:
    """Decoded images, and what tells them apart."""

    pixels: torch.Tensor
    """(galaxy, channel, kept_size, kept_size): uint8, or float32 in [0, 1] where a file is FITS or has more than 8 bits
    """
    digests: npt.NDArray[np.uint64]
    """(galaxy, 2): 128 bits of the pixels' hash; see `digest`"""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The pixels' type as numpy has it."""
        return np.dtype(np.float32 if self.pixels.is_floating_point() else np.uint8)

    def of(self, rows: npt.NDArray[np.int64]) -> KeptPixels:
        """Return those of some galaxies, in the order of ``rows``."""
        chosen = self.pixels.index_select(0, torch.from_numpy(rows))  # an index in brackets takes ten times as long
        return KeptPixels(chosen, self.digests[rows])


def digest(image: npt.NDArray[Any]) -> tuple[int, int]:
    """Return 128 bits that change with any pixel (blake2b).

    The first 64 bits seed a galaxy's views, and all of them name its kept features.
    """
    content = hashlib.blake2b(image.tobytes(), digest_size=16, person=str(image.dtype).encode()).digest()
    return int.from_bytes(content[:8], "little"), int.from_bytes(content[8:], "little")


def file_digests(files: Sequence[str], *, skip: bool = False) -> npt.NDArray[np.uint64]:
    """Return 128 bits (galaxy, 2) of the content of each galaxy's file, or files (blake2b).

    Reading takes far less time than decoding.

    Parameters
    ----------
    files
        A file for each galaxy, or several with ``;`` between them, whose order counts.
    skip
        Leave zeros where a file can't be read, instead of raising an error.

    Raises
    ------
    ImageError
        A file that can't be read.
    """
    digests = np.zeros((len(files), 2), np.uint64)
    for row, names in enumerate(track(files, "Reading files", len(files))):
        try:
            contents = [_content_digest(name) for name in names.split(";")]
        except OSError as err:
            if skip:
                continue
            if isinstance(err, ImageError):
                raise
            msg = f"{err.filename or names} can't be read: {err.strerror or err}."
            raise ImageError(msg) from err
        digest_of_all = (
            contents[0] if len(contents) == 1 else hashlib.blake2b(b"".join(contents), digest_size=16).digest()
        )
        digests[row] = np.frombuffer(digest_of_all, np.uint64)
    return digests


def _content_digest(name: str) -> bytes:
    with open_regular(name, ImageError) as file:
        return hashlib.file_digest(file, _blake2b).digest()


def _blake2b() -> Any:
    return hashlib.blake2b(digest_size=16)


def decode_files(
    files: Sequence[str],
    preprocessing: Preprocessing,
    *,
    num_workers: int,
    batch_size: int = DECODED_PER_STEP,
    fills: FillCount | None = None,
) -> Iterator[list[tuple[int, npt.NDArray[Any] | ImageError]]]:
    """Return lists of up to ``batch_size`` (row, pixels or error), in the order of ``files``.

    ``fills`` counts their fill values. They are decoded ahead by worker processes; where there are none, or few files,
    by this process when a list is asked for: pictures in threads, FITS one by one.
    """
    for batch in _decoded(files, preprocessing, num_workers, batch_size):
        if fills is not None:
            for _, _, found in batch:
                fills.add(found)
        yield [(row, image) for row, image, _ in batch]


def _decoded(
    files: Sequence[str], preprocessing: Preprocessing, num_workers: int, batch_size: int
) -> Iterator[list[tuple[int, npt.NDArray[Any] | ImageError, dict[str, float]]]]:
    decoder = ImageFiles(files, preprocessing)
    if num_workers and len(files) >= WORKERS_PAY_FROM:
        _ = decoder[0]  # what is said once, of files like it, is said here and not by each process
        yield from DataLoader(
            decoder, batch_size=batch_size, num_workers=num_workers, collate_fn=list, prefetch_factor=4
        )
        return
    with ThreadPoolExecutor(default_workers()) as threads:
        for first in range(0, len(files), batch_size):
            rows = range(first, min(first + batch_size, len(files)))
            one_by_one = any(is_fits(files[row]) for row in rows)  # astropy's warnings are not safe in threads
            yield list((map if one_by_one else threads.map)(decoder.__getitem__, rows))


def prediction_workers(files: Sequence[str], device: torch.device) -> int:
    """Return the number of decoding processes beside an encoder that runs on ``device``.

    None where it computes on the CPU's cores and files are pictures: processes that decode ahead take those cores away
    in the middle of its steps, which then wait for one another.
    """
    return 0 if device.type == "cpu" and not any(map(is_fits, files)) else default_workers()


@workers_watched()
def keep_pixels(
    files: Sequence[str],
    preprocessing: Preprocessing,
    *,
    num_workers: int,
    memory_gb: float | None = None,
    description: str,
    fills: FillCount | None = None,
) -> KeptPixels | None:
    """Decode every image once, and keep the pixels.

    Parameters
    ----------
    files
        The images, as absolute paths.
    preprocessing
        How to decode them.
    num_workers
        Processes that decode.
    memory_gb
        Up to this size the pixels are kept in memory, beyond it in a temporary memory-mapped file. Default: a quarter
        of the memory that is free.
    description
        What the progress bar calls the work.
    fills
        Counts images with fill values.

    Returns
    -------
    The pixels, or None where neither memory nor the temporary folder's disk has room for them.

    Raises
    ------
    ImageError
        Images that can't be read: how many, and the first five with the reason.
    WorkerError
        The system killed a process that decodes.
    """
    dtype = pixel_dtype(files)
    shape = (len(files), preprocessing.images.channels, preprocessing.kept_size, preprocessing.kept_size)
    pixels = _room_for(shape, dtype, psutil.virtual_memory().available / 4 if memory_gb is None else memory_gb * 1e9)
    if pixels is None:
        return None
    digests = np.empty((len(files), 2), np.uint64)
    bad: list[ImageError] = []
    decoded = decode_files(files, preprocessing, num_workers=num_workers, fills=fills)
    steps = ((batch, len(batch)) for batch in decoded)
    for batch in track_steps(steps, description, len(files)):
        for row, image in batch:
            if isinstance(image, ImageError):
                bad.append(image)
            else:
                pixels[row] = as_dtype(image, dtype)
                digests[row] = digest(pixels[row])
    if bad:
        raise_unreadable(bad, len(files))
    return KeptPixels(torch.from_numpy(pixels), digests)


def pixel_dtype(files: Sequence[str]) -> np.dtype[Any]:
    """Return the type that the pixels of these files are kept in.

    It is uint8, or float32 where one file is FITS or has more than 8 bits.
    """
    if any(map(is_fits, files)):
        return np.dtype(np.float32)
    with ThreadPoolExecutor(default_workers()) as threads:  # reading a few bytes of each file is mostly waiting
        return np.dtype(np.float32 if any(threads.map(gives_floats, files)) else np.uint8)


def as_dtype(image: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return an image as ``dtype``: uint8 in 0 to 255 becomes float32 in [0, 1], where both are mixed, and back."""
    if image.dtype == np.uint8 and dtype == np.float32:
        return image.astype(np.float32) / 255
    if image.dtype == np.float32 and dtype == np.uint8:  # a file of more than 8 bits under another kind's name
        rounded: npt.NDArray[np.uint8] = np.rint(image * 255).astype(np.uint8)
        return rounded
    return image


def raise_unreadable(bad: Sequence[ImageError], total: int) -> NoReturn:
    """Raise one ImageError for all images that can't be read."""
    reasons = "\n  ".join(str(err) for err in bad[:5])
    more = "\n  ..." if len(bad) > 5 else ""
    msg = (
        f"{len(bad)} of {total} images can't be read:\n  {reasons}{more}\nMend or replace the files, or drop their "
        "rows."
    )
    raise ImageError(msg)


def default_workers() -> int:
    """Return the number of decoding processes that suits this machine: one a usable core, at most eight."""
    cores = cpu_cores()
    return min(8, cores)


def _room_for(shape: tuple[int, ...], dtype: np.dtype[Any], memory_bytes: float) -> npt.NDArray[Any] | None:
    """Return an array in memory, else on disk, else None."""
    needed = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if needed <= memory_bytes:
        return np.empty(shape, dtype)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    where = (
        f"{needed / 1e9:.1f} GB of decoded pixels exceed the {memory_bytes / 1e9:.1f} GB of memory set aside for them"
    )
    if needed > free / 2:
        logger.warning(
            "%s, and the temporary folder has %.1f GB free: images are decoded anew each epoch.", where, free / 1e9
        )
        return None
    logger.info("%s: they go to a temporary file in %s.", where, tempfile.gettempdir())
    with tempfile.TemporaryFile() as file:  # unlinked at once: the mapping keeps it alive, and nothing is left behind
        return np.memmap(file, dtype, "w+", shape=shape)
