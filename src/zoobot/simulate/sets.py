"""Simulated sets on disk.

They are color JPEGs (and FITS cubes) of simulated galaxies with votes, the truth and labels in a catalog.
"""

import logging
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image

from zoobot.errors import OptionError, OutputError
from zoobot.files import home, is_file, read_json, write_json, write_whole
from zoobot.folders import check_folder
from zoobot.layout import CATALOG_FILE, SIMULATION_FILE, kinds
from zoobot.progress import track_steps
from zoobot.ranges import bounded
from zoobot.simulate.fits_cubes import cube
from zoobot.simulate.sky import SimulatedSurvey
from zoobot.simulate.surveys import Survey
from zoobot.simulate.truth import Truth
from zoobot.trees import Schema

logger = logging.getLogger(__name__)

QUALITY = 92  # of JPEGs
BATCH = 32
VERSION = 1  # of the simulator: another one makes other galaxies of the same seed

Row = dict[str, object]


@bounded("simulate")
def write_set(
    folder: str | Path,
    n_galaxies: int,
    *,
    survey: str | Survey = "decals",
    tree: str | Schema | None = "gz2",
    seed: int = 0,
    size: int = 224,
    first: int = 1,
    fits: bool = False,
    population: str = "survey",
) -> pd.DataFrame:
    """Return the catalog of a simulated set, after writing it.

    Its images, ``images/`` (and ``fits/``), come first, and ``catalog.csv`` last. A catalog means a complete set. A run
    that was killed goes on where it was when it is called again with the same settings, and gives the same set as one
    that was not. Galaxy k of a seed is the same whatever `n_galaxies` and `first` are: sets with other numbers are
    disjoint.

    Parameters
    ----------
    folder : str or Path
        Where to write; made if absent.
    n_galaxies : int
        How many galaxies, at least 1.
    survey, tree, seed, size, population
        As of `SimulatedSurvey`.
    first : int
        Number of the first galaxy, at least 1.
    fits : bool
        Write calibrated flux too, as float32 cubes (band, y, x) whose header holds unit, bands and pixel scale.

    Returns
    -------
    pandas.DataFrame
        ``id_str``; ``file_loc`` (absolute; in ``catalog.csv`` relative to `folder`), and ``fits_loc`` with `fits`;
        ``simulated``, always True; ``survey``; the tree's vote columns; and the truth, each name with ``true_`` before
        it (see `zoobot.simulate.truth`).

    Raises
    ------
    OptionError
        A number out of its range, an unknown name, or a folder that holds a set with other settings.
    TreeError
        A question that simulated volunteers can't answer.
    OutputError
        The folder can't be written.
    """
    sky = SimulatedSurvey(survey, size=size, tree=tree, seed=seed, population=population)

    def row(_: int, truth: dict[str, float], votes: Sequence[float]) -> Row:
        names = [] if sky.tree is None else sky.tree.label_cols
        counts = {name: int(count) for name, count in zip(names, votes, strict=True)}
        return {"survey": sky.survey.name} | counts | {f"true_{name}": value for name, value in truth.items()}

    return _write(folder, sky, n_galaxies, first, sky.survey.name, row, population=population, fits=fits)


@bounded("simulate")
def rings(folder: str | Path, n_galaxies: int = 320, *, seed: int = 0, size: int = 224, first: int = 1) -> pd.DataFrame:
    """Return a labelled catalog of simulated DECaLS galaxies, every second one with a ring, after writing their images.

    Galaxies with a ring and without are drawn alike but for the ring, and for fewer arms and lenses where there is one.
    The ringless ones are hard: most have arms, often tightly wound, half have bars, and a third of the early ones a
    lens. Rings go from faint to obvious, some of them broken. Written as `write_set` does, and resumed likewise.

    Parameters
    ----------
    folder : str or Path
        Where to write; made if absent.
    n_galaxies : int
        How many galaxies, at least 1.
    seed : int
        The same seed gives the same pixels; 0 or more.
    size : int
        Width and height of an image in pixels, at least 32. The field of view stays the same.
    first : int
        Number of the first galaxy, at least 1.

    Returns
    -------
    pandas.DataFrame
        ``id_str``; ``file_loc`` (absolute; in ``catalog.csv`` relative to `folder`); ``ring``, 0 or 1; ``simulated``,
        always True; and true parameters: ``ring_radius`` in units of the image's width and 0 where there is no ring,
        strengths between 0 and 1.

    Raises
    ------
    OptionError
        A number out of its range, or a folder that holds a set with other settings.
    OutputError
        The folder can't be written.
    """
    sky = SimulatedSurvey("decals", size=size, seed=seed, population="rings")

    def row(number: int, truth: dict[str, float], _: Sequence[float]) -> Row:
        ring = number % 2 == 0
        kinds = [kind for kind in ("inner", "outer") if truth[f"{kind}_ring_fraction"] > 0]
        radius = max((truth[f"{kind}_ring_radius"] for kind in kinds), default=0.0) / truth["width"]
        return {
            "ring": int(ring),
            "ring_strength": truth["ring"],
            "ring_radius": radius,
            "axis_ratio": truth["axis_ratio"],
            "bar_strength": truth["bar"],
            "arm_strength": truth["arms"],
            "lens_strength": truth["lens"],
            "bulge_fraction": truth["bulge_fraction"],
        }

    return _write(
        folder, sky, n_galaxies, first, "rings", row, population="rings", ringed=lambda number: number % 2 == 0
    )


def _write(
    folder: str | Path,
    sky: SimulatedSurvey,
    n_galaxies: int,
    first: int,
    prefix: str,
    row: Callable[[int, dict[str, float], Sequence[float]], Row],
    *,
    population: str,
    fits: bool = False,
    ringed: Callable[[int], bool] | None = None,
) -> pd.DataFrame:
    folder = home(folder).absolute()
    settings = {
        "version": VERSION,
        "set": prefix,
        "survey": sky.survey.name,
        "tree": None if sky.tree is None else sky.tree.to_dict(),
        "seed": sky.seed,
        "size": sky.size,
        "population": population,
        "fits": fits,
    }
    numbers = range(first, first + n_galaxies)
    batches = [numbers[start : start + BATCH] for start in range(0, n_galaxies, BATCH)]
    rows: list[Row] = []
    check_folder(folder, "zoobot simulate")
    if folder.is_dir() and not kinds(folder) and any(not path.name.startswith(".") for path in folder.iterdir()):
        msg = (
            f"{folder} holds files that were not simulated, among which simulated galaxies would lie. Choose another "
            "folder."
        )
        raise OutputError(msg)
    _check_settings(folder, settings)
    steps = ((batch, len(batch)) for batch in batches)
    for batch in track_steps(steps, "Simulating galaxies", n_galaxies):
        ids = [f"sim_{prefix}_{number:06d}" for number in batch]
        labels = None if ringed is None else [ringed(number) for number in batch]
        truth, votes = _finish(folder, sky, batch, ids, labels, fits=fits)
        for place, (number, name) in enumerate(zip(batch, ids, strict=True)):
            files = {"file_loc": f"images/{name}.jpg"} | ({"fits_loc": f"fits/{name}.fits"} if fits else {})
            own = {key: float(np.float32(values[place])) for key, values in truth.items()}
            rows.append({"id_str": name} | files | {"simulated": True} | row(number, own, votes[place].tolist()))
    catalog = pd.DataFrame(rows)
    write_whole(folder / CATALOG_FILE, catalog.to_csv(index=False).encode())
    logger.info("simulated %d galaxies (seed %d) in %s", n_galaxies, sky.seed, folder)
    for column in ("file_loc", "fits_loc") if fits else ("file_loc",):
        catalog[column] = [str(folder / file) for file in catalog[column]]
    return catalog


def _finish(
    folder: Path, sky: SimulatedSurvey, batch: range, ids: list[str], ringed: list[bool] | None, *, fits: bool
) -> tuple[Truth, npt.NDArray[np.float64]]:
    """Return the truth and the votes of a batch, after writing those of its images that are not there."""
    pictures = [folder / "images" / f"{name}.jpg" for name in ids]
    cubes = [folder / "fits" / f"{name}.fits" for name in ids] if fits else []
    if not all(path.exists() for path in (*pictures, *cubes)):
        drawn = sky.batch(batch, flux=fits, ringed=ringed)
        pixels = (255 * drawn.image).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        for path, one in zip(pictures, pixels, strict=True):
            write_whole(path, _jpeg(one))
        if drawn.flux is not None:
            flux, widths = drawn.flux.numpy(), drawn.truth["width"].tolist()
            for path, one, width in zip(cubes, flux, widths, strict=True):
                write_whole(path, cube(one, width / sky.size, sky.survey))
    truth, votes = sky.describe(batch, ringed=ringed)
    return truth, votes


def _check_settings(folder: Path, settings: Row) -> None:
    """Save a set's settings, or raise an OptionError where the folder holds a set with others."""
    path = folder / SIMULATION_FILE
    if not is_file(path, OutputError):
        write_json(path, settings)
        return
    before = read_json(path, OutputError, "Choose another folder.")
    different = [name for name, value in settings.items() if before.get(name) != value]
    if different:
        changes = ", ".join(
            f"{name} {before.get(name)!r}, now {settings[name]!r}" for name in different if name != "tree"
        )
        msg = (
            f"{folder} holds a simulated set with other settings ({changes or 'another tree'}): "
            "give the same settings to go on with it, or another folder."
        )
        raise OptionError(msg)


def _jpeg(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return the file of a color picture, (y, x, 3)."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=QUALITY)
    return file.getvalue()
