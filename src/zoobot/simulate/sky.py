"""``SimulatedSurvey``: galaxies by number, as a survey's color pictures, with volunteers' votes and the truth."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zoobot.errors import OptionError
from zoobot.ranges import bounded
from zoobot.simulate.draws import Draws, Mask, Values
from zoobot.simulate.field import (
    CLUMP_COLUMNS,
    NEIGHBOR_COLUMNS,
    Sources,
    add_sources,
    band_fluxes,
    clumps,
    join,
    neighbors,
)
from zoobot.simulate.galaxy import FIELDS, Columns, Galaxy, Table, as_galaxies
from zoobot.simulate.light import TEXTURE_SHAPE, dust, light
from zoobot.simulate.mishaps import add_light, spoil
from zoobot.simulate.observe import REACH, VIEW_COLUMNS, View, add_noise, blur, draw_view, show
from zoobot.simulate.population import PARAMETER_COLUMNS, companions, draw, get_population
from zoobot.simulate.surveys import Survey, get_survey
from zoobot.simulate.truth import Truth, true_values
from zoobot.simulate.volunteers import Volunteers
from zoobot.trees import Schema
from zoobot.trees import load as load_tree

Normals = npt.NDArray[np.float32]

COLUMNS = 2 * (PARAMETER_COLUMNS + CLUMP_COLUMNS) + 16 + NEIGHBOR_COLUMNS + VIEW_COLUMNS
CHUNK = {"cpu": 16, "cuda": 512}  # galaxies drawn together: few stay in a processor's cache, many keep a GPU busy
DUST_OF_BAND = (0.7, 1.0, 1.35)  # extinction over that in the middle band: Cardelli et al. (1989)
SHARPEST = 2.1  # pixels: a PSF narrower than this would ring; pictures made smaller are smoothed to as much
VOTES, PIXELS = 1, 0  # numbers of a galaxy's two streams of random numbers


@dataclass(frozen=True)
class SimulatedBatch:
    """Some simulated galaxies.

    Attributes
    ----------
    image
        float32 (galaxy, 3, size, size) in [0, 1]: the survey's color picture, 8-bit rounding left out.
    votes
        float32 (galaxy, answer): counts in the order of the tree's ``label_cols``; None without a tree.
    answers
        float32 (galaxy, answer): probability of each answer among volunteers who are asked that question; 0 for the
        questions of other surveys' campaigns; None without a tree.
    truth
        True parameters, float32 (galaxy,) each: see `zoobot.simulate.truth`.
    flux
        float32 (galaxy, band, size, size), nanomaggies a pixel, in the order of the survey's bands; None if not asked
        for.
    """

    image: Tensor
    votes: Tensor | None
    answers: Tensor | None
    truth: dict[str, Tensor]
    flux: Tensor | None


@dataclass(frozen=True)
class Scene:
    """All about some galaxies that is drawn before any light is.

    Attributes
    ----------
    galaxies, partners
        Tables of the galaxies in the middle, and of their companions.
    sources
        Clumps, stars and distant galaxies.
    view
        How they are observed.
    """

    galaxies: Table
    partners: Table
    sources: Sources
    view: View


class SimulatedSurvey:
    """A sky of simulated galaxies, observed by one survey.

    Galaxy number k of a seed is the same whatever batch it is in.

    Parameters
    ----------
    survey : str or Survey
        ``sdss``, ``decals``, ``hsc`` or ``euclid``.
    size : int
        Width and height of an image in pixels, at least 32. The field of view stays the same.
    tree : str, Schema or None
        Decision tree whose questions volunteers answer: see `zoobot.simulate.volunteers` for which can be answered.
    seed : int
        0 or more; another gives other galaxies.
    population : str
        ``pretraining`` (rings, mergers and other rare things more often than in nature), ``survey`` (as often),
        ``rings``.

    Raises
    ------
    OptionError
        An unknown name, or a number out of its range.
    TreeError
        A tree with a question that simulated volunteers can't answer; it is named.
    """

    @bounded("simulate")
    def __init__(
        self,
        survey: str | Survey = "decals",
        *,
        size: int = 128,
        tree: "str | Schema | None" = None,
        seed: int = 0,
        population: str = "pretraining",
    ) -> None:
        self.survey = get_survey(survey)
        self.size, self.seed = size, seed
        self.population = get_population(population)
        self.tree = None if tree is None else load_tree(tree)
        self._volunteers = None if self.tree is None else Volunteers(self.tree, self.survey)

    def galaxies(self, numbers: Sequence[int]) -> list[Galaxy]:
        """Return the true parameters of the galaxies with these numbers."""
        scene = self._scene([self._generator(number) for number in numbers])
        return as_galaxies({name: scene.galaxies[name] for name in FIELDS})

    def batch(
        self,
        numbers: Sequence[int],
        *,
        device: torch.device | str = "cpu",
        flux: bool = False,
        ringed: Sequence[bool] | None = None,
    ) -> SimulatedBatch:
        """Return the galaxies with these numbers, drawn on `device`; what is random about them is drawn on the CPU.

        Parameters
        ----------
        numbers
            0 or more each.
        device
            Where to draw, and where the tensors are.
        flux
            Whether to give calibrated flux too.
        ringed
            Which galaxies have a ring, if that is not to be left to chance; only disks have.

        Raises
        ------
        OptionError
            No numbers, or a negative one.
        """
        if len(numbers) == 0 or min(numbers) < 0:
            msg = f"Galaxies have numbers from 0 on, and a batch has at least one; got {list(numbers[:5])}."
            raise OptionError(msg)
        device = torch.device(device)
        generators = [self._generator(number) for number in numbers]
        scene = self._scene(generators, None if ringed is None else np.asarray(ringed, bool))
        step = CHUNK.get(device.type, CHUNK["cuda"])
        chunks = [range(start, min(start + step, len(numbers))) for start in range(0, len(numbers), step)]
        image = torch.empty(len(numbers), 3, self.size, self.size, device=device)
        calibrated = torch.empty_like(image) if flux else None
        # the normal numbers of a chunk are drawn by other threads while the one before it is drawn
        with ThreadPoolExecutor(max_workers=2) as pool:
            waiting = deque(pool.submit(self._normals, [generators[place] for place in chunk]) for chunk in chunks)
            for chunk in chunks:
                light, picture = self._draw(scene, chunk, *waiting.popleft().result(), device)
                image[chunk.start : chunk.stop] = picture
                if calibrated is not None:
                    calibrated[chunk.start : chunk.stop] = light
        votes = answers = None
        truth = true_values(scene.galaxies, scene.partners, scene.view, self.survey)
        if self._volunteers is not None:
            streams = [self._generator(number, VOTES) for number in numbers]
            answers, votes = (
                torch.from_numpy(values.astype(np.float32)).to(device)
                for values in self._volunteers.vote(truth, streams)
            )
        return SimulatedBatch(
            image=image,
            votes=votes,
            answers=answers,
            truth={name: torch.from_numpy(values.astype(np.float32)).to(device) for name, values in truth.items()},
            flux=calibrated,
        )

    def describe(self, numbers: Sequence[int], *, ringed: Sequence[bool] | None = None) -> tuple[Truth, Values]:
        """Return the truth and the votes (galaxy, answer) of the galaxies with these numbers, without drawing them."""
        scene = self._scene(
            [self._generator(number) for number in numbers], None if ringed is None else np.asarray(ringed, bool)
        )
        truth = true_values(scene.galaxies, scene.partners, scene.view, self.survey)
        if self._volunteers is None:
            return truth, np.zeros((len(numbers), 0))
        return truth, self._volunteers.vote(truth, [self._generator(number, VOTES) for number in numbers])[1]

    def _generator(self, number: int, stream: int = PIXELS) -> np.random.Generator:
        return np.random.default_rng([self.seed, number, stream])

    def _normals(self, generators: list[np.random.Generator]) -> tuple[Normals, Normals]:
        """Return normal numbers of each galaxy, for its patches and for its noise."""
        texture = np.empty((len(generators), *TEXTURE_SHAPE), np.float32)
        white = np.empty((len(generators), 3, *[self.size + 2 * REACH] * 2), np.float32)
        for place, generator in enumerate(generators):
            generator.standard_normal(out=texture[place], dtype=np.float32)
            generator.standard_normal(out=white[place], dtype=np.float32)
        return texture, white

    def _scene(self, generators: list[np.random.Generator], ringed: Mask | None = None) -> Scene:
        draws = Draws(np.stack([generator.random(COLUMNS) for generator in generators]))
        galaxies = draw(draws, self.survey, self.population, ringed)
        partners = companions(draws, galaxies, self.survey, self.population)
        view = draw_view(draws, galaxies["width"], self.survey)
        partners["width"] = galaxies["width"]
        partners["clump_fraction"] = partners["clump_fraction"] * partners["partner"]
        sources = join(
            [
                neighbors(draws, galaxies["width"], self.survey),
                clumps(draws, galaxies, self.survey),
                clumps(draws, partners, self.survey),
            ]
        )
        return Scene(galaxies, partners, sources, view)

    def _draw(
        self,
        scene: Scene,
        images: range,
        texture: Normals,
        white: Normals,
        device: torch.device,
    ) -> tuple[Tensor, Tensor]:
        """Return the calibrated flux and the picture of some images of a scene."""
        part = slice(images.start, images.stop)
        near = np.flatnonzero(scene.partners["partner"][part])
        rows = {
            name: np.concatenate([scene.galaxies[name][part], scene.partners[name][part][near]])
            for name in scene.galaxies
        }
        of_image = np.concatenate([np.arange(len(images)), near])
        margin = max(4, self.size // 16)
        canvas = self.size + 2 * margin
        host = Columns.of(
            {"width": scene.view.width[part]} | {n: v[part] for n, v in scene.view.mishaps.items()}, device
        )
        pixel = host["width"] / self.size
        columns = Columns.of(rows, device)
        image_of_row = torch.from_numpy(of_image).to(device)
        patches = torch.from_numpy(texture).to(device)[image_of_row]
        parts = light(columns, pixel[image_of_row], canvas, patches)
        bands = self._bands(rows, parts)
        dusty = (columns["dust"] > 0).nonzero()[:, 0]
        if len(dusty):
            depth = dust(columns.pick(dusty), pixel[image_of_row[dusty]], canvas, patches[dusty])
            bands[dusty] *= torch.exp(-depth[:, None] * torch.tensor(DUST_OF_BAND, device=device)[None, :, None, None])
        flux = bands[: len(images)]
        if len(near):
            flux.index_add_(0, image_of_row[len(images) :], bands[len(images) :])
        add_sources(flux, scene.sources.of(images), self.size)
        noise = torch.from_numpy(scene.view.noise[part].astype(np.float32)).to(device)
        area = (pixel / self.survey.pixel)[:, None] ** 2
        add_light(flux, host, noise * area, self.size)
        seeing = torch.from_numpy(scene.view.seeing[part].astype(np.float32)).to(device)
        shift = torch.from_numpy(scene.view.shift[part].astype(np.float32)).to(device) / pixel[:, None, None]
        fwhm = (seeing / pixel[:, None]).clamp_min(SHARPEST)
        flux = blur(flux, fwhm, shift)[..., margin:-margin, margin:-margin]
        offset = torch.from_numpy(scene.view.offset[part].astype(np.float32)).to(device) * noise * area
        flux = add_noise(flux, torch.from_numpy(white).to(device), noise, pixel, self.survey)
        flux += offset[:, :, None, None]
        spoil(flux, host, noise * area)
        return flux, show(flux, pixel, self.survey)

    def _bands(self, rows: Table, parts: Tensor) -> Tensor:
        """Return bulge, old and young light (galaxy, 3, y, x) as light in each band, by the color of each."""
        redness = np.stack([rows[f"{name}_redness"] for name in ("bulge", "disk", "young")], axis=-1)
        tints = band_fluxes(np.ones_like(redness), redness, self.survey).astype(np.float32)  # (galaxy, part, band)
        weights = torch.from_numpy(tints).to(parts.device).transpose(1, 2)
        return torch.bmm(weights, parts.flatten(2)).view(len(parts), -1, *parts.shape[2:])
