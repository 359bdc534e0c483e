"""PretrainData: the galaxies of each step, as images on the training device.

Galaxies are labelled and unlabelled, real and simulated.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from zoobot.data.augment import Augmentation, centre_views, random_views
from zoobot.data.pixels import Preprocessing, default_workers
from zoobot.data.rows import as_it_is
from zoobot.errors import CatalogError
from zoobot.pretrain.galaxies import CatalogGalaxies, MixedGalaxies, RealGalaxies
from zoobot.pretrain.plan import Plan, make_plan
from zoobot.pretrain.views import two_views, vary_colors
from zoobot.pretrain.votes import MergedTrees
from zoobot.settings import ImageSettings, ReadSettings
from zoobot.settings.pretrain import PretrainSettings, Source
from zoobot.trees import Schema
from zoobot.trees import load as load_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoobot.pretrain.simulated import Labelled, SimulatedGalaxies

logger = logging.getLogger(__name__)

CHANNELS = 3


class PretrainData(L.LightningDataModule):
    """Batches of labelled images, and views of unlabelled ones, for each step that a plan foresees.

    A batch is a dict: ``image`` float32 (galaxy, 3, size, size) in [0, 1], ``votes`` float32 (galaxy, answer of any
    tree), ``truth`` float32 (galaxy, target), NaN where it is not known, and, where there are unlabelled galaxies,
    ``views`` float32 (2 * galaxy, 3, size, size).

    Parameters
    ----------
    settings
        What to pretrain on.

    Raises
    ------
    CatalogError, LabelError, TreeError, OptionError
        See `CatalogGalaxies` and `HuggingFaceGalaxies`.

    Attributes
    ----------
    trees : MergedTrees or None
        The trees that are voted on.
    plan : Plan
        What each step shows.
    targets : tuple of str
        Names of the true parameters that are learned; none without simulated galaxies.
    """

    def __init__(self, settings: PretrainSettings) -> None:
        super().__init__()
        self.settings = settings
        self.preprocessing = Preprocessing(
            image_size=settings.image_size,
            crop=settings.crop,
            images=ImageSettings(channels=CHANNELS, **vars(ReadSettings.of(settings))),
        )
        self.workers = default_workers() if settings.num_workers is None else settings.num_workers
        sources = settings.sources()
        tree_of = {source.tree: load_tree(source.tree) for source in sources if source.tree is not None}
        self.trees = MergedTrees(list(tree_of.values())) if tree_of else None
        self.real = [
            self._real(source, tree_of[source.tree]) for source in sources if source.tree and source.kind != "simulated"
        ]
        self.simulated: SimulatedGalaxies | None = None
        self.targets: tuple[str, ...] = ()
        surveys = [
            (source.where, None if source.tree is None else tree_of[source.tree])
            for source in sources
            if source.kind == "simulated"
        ]
        if surveys:
            from zoobot.pretrain.simulated import SimulatedGalaxies
            from zoobot.simulate import TRUTH_TARGETS

            self.simulated = SimulatedGalaxies(surveys, self.trees, settings.image_size, settings.seed)
            self.targets = tuple(TRUTH_TARGETS)
        self.cutouts = self._cutouts()
        self.train_set = MixedGalaxies(self.real, self.trees, "train")
        self.val_set = MixedGalaxies(self.real, self.trees, "val")
        self.unlabelled_set = MixedGalaxies([] if self.cutouts is None else [self.cutouts], None, "train")
        self.plan = make_plan(settings, len(self.train_set), len(self.unlabelled_set))

    def setup(self, stage: str | None = None) -> None:
        """Decode the images that are kept in memory."""
        for one in (*self.real, *([] if self.cutouts is None else [self.cutouts])):
            if not one.is_kept:
                one.decode(self.workers)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return this process's share of each step, from the step that the trainer is at."""
        rank, processes = self._place()
        galaxies = StepGalaxies(self.plan, self.train_set, self.unlabelled_set, rank, processes)
        kept = all(one.is_kept for one in self.train_set.sets + self.unlabelled_set.sets)
        return StepLoader(
            galaxies,
            batch_size=None,
            sampler=StepSampler(self.plan.steps_per_epoch, self._next_step),
            num_workers=0 if kept else self.workers,
            collate_fn=as_it_is,
            pin_memory=not self._on_cpu(),
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """Return this process's share of the validation galaxies.

        They are simulated ones that training never sees, and those held out.
        """
        rank, processes = self._place()
        size = self.settings.batch_size
        n_simulated = self.settings.val_galaxies if self.simulated is not None else 0
        batches = [("simulated", start) for start in range(0, n_simulated, size)]
        batches += [("real", start) for start in range(0, len(self.val_set), size)]
        mine = batches[rank::processes] or [("nothing", 0)]  # all processes must come to the end of validation
        kept = all(one.is_kept for one in self.val_set.sets)
        return DataLoader(
            ValidationGalaxies(mine, size, self.val_set),
            batch_size=None,
            shuffle=False,
            num_workers=0 if kept else self.workers,
            collate_fn=as_it_is,
        )

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> dict[str, Tensor]:
        """Make the images, on the device that training runs on."""
        with torch.no_grad():
            if "simulated" in batch:
                return self._training_images(batch)
            return self._validation_images(batch) if batch else {}

    def _training_images(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        settings, size = self.settings, self.settings.image_size
        parts = []
        if len(batch["simulated"]):
            assert self.simulated is not None
            made = self.simulated.batch(batch["simulated"], batch["surveys"], self._device())
            image = vary_colors(made.image, batch["simulated"], 0, strength=settings.jitter, seed=settings.seed)
            parts.append((image, made.votes, made.truth))
        if "real" in batch:
            real = batch["real"]
            crop = self.preprocessing.exact_crop
            augmentation = Augmentation(seed=settings.seed)
            image = random_views(
                real["pixels"], real["key"], real["view"], size=size, crop=crop, augmentation=augmentation
            )
            image = vary_colors(image, real["key"], real["view"], strength=settings.jitter, seed=settings.seed)
            parts.append((image, real["votes"], self._unknown_truth(image)))
        images = dict(zip(("image", "votes", "truth"), map(torch.cat, zip(*parts, strict=True)), strict=True))
        if "unlabelled" in batch:
            cutouts = batch["unlabelled"]
            images["views"] = two_views(
                cutouts["pixels"], cutouts["key"], cutouts["view"], size=size, crop=self.preprocessing.exact_crop,
                jitter=settings.jitter, seed=settings.seed,
            )  # fmt: skip
        return images

    def _validation_images(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        if "pixels" in batch:
            image = centre_views(batch["pixels"], size=self.settings.image_size, crop=self.preprocessing.exact_crop)
            return {"image": image, "votes": batch["votes"], "truth": self._unknown_truth(image)}
        assert self.simulated is not None
        total = self.settings.val_galaxies
        stop = min(total, batch["start"] + self.settings.batch_size)
        made: Labelled = self.simulated.validation(batch["start"], stop, total, self._device())
        return {"image": made.image, "votes": made.votes, "truth": made.truth}

    def _unknown_truth(self, image: Tensor) -> Tensor:
        return torch.full((len(image), len(self.targets)), torch.nan, device=image.device)

    def _real(self, source: Source, tree: Schema) -> RealGalaxies:
        settings = self.settings
        held: dict[str, Any] = {name: getattr(settings, name) for name in ("val_fraction", "seed", "group_col")}
        if source.kind == "hugging_face":
            from zoobot.pretrain.hugging_face import HuggingFaceGalaxies

            return HuggingFaceGalaxies(source.where, settings.hf_split, tree, self.preprocessing, **held)
        return CatalogGalaxies(source.where, tree, self.preprocessing, **held)

    def _cutouts(self) -> CatalogGalaxies | None:
        if self.settings.unlabelled is None:
            return None
        found = CatalogGalaxies(self.settings.unlabelled, None, self.preprocessing, val_fraction=0, seed=0)
        wanted = self.settings.unlabelled_a_step
        if len(found.frame) < wanted:
            msg = (
                f"{self.settings.unlabelled} has {len(found.frame)} galaxies, fewer than the {wanted} of a step: add "
                "more, or lower unlabelled_batch_size."
            )
            raise CatalogError(msg)
        return found

    def _place(self) -> tuple[int, int]:
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _next_step(self) -> int:
        return 0 if self.trainer is None else self.trainer.global_step

    def _device(self) -> torch.device:
        return torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device

    def _on_cpu(self) -> bool:
        return self._device().type == "cpu"


class StepGalaxies(Dataset[dict[str, Any]]):
    """One process's share of each step: numbers of simulated galaxies, pixels of real ones."""

    def __init__(
        self, plan: Plan, labelled: MixedGalaxies, unlabelled: MixedGalaxies, rank: int, processes: int
    ) -> None:
        self.plan = plan
        self.labelled = labelled
        self.unlabelled = unlabelled
        self.rank = rank
        self.processes = processes

    def __len__(self) -> int:
        return self.plan.steps

    def __getitem__(self, step: int) -> dict[str, Any]:
        share = self.plan.step(step, self.rank, self.processes)
        batch: dict[str, Any] = {"simulated": share.simulated, "surveys": share.surveys}
        for name, galaxies, shown in (
            ("real", self.labelled, share.real),
            ("unlabelled", self.unlabelled, share.unlabelled),
        ):
            if len(shown.rows):
                batch[name] = galaxies.fetch(shown.rows, shown.passes)
        return batch


class ValidationGalaxies(Dataset[dict[str, Any]]):
    """Batches of validation galaxies: where simulated ones start, or pixels of real ones."""

    def __init__(self, batches: list[tuple[str, int]], size: int, real: MixedGalaxies) -> None:
        self.batches = batches
        self.size = size
        self.real = real

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> dict[str, Any]:
        kind, start = self.batches[place]
        if kind == "nothing":
            return {}
        if kind == "simulated":
            return {"start": start}
        rows = np.arange(start, min(start + self.size, len(self.real)))
        return {"start": start, **self.real.fetch(rows, np.zeros_like(rows))}


class StepSampler(Sampler[int]):
    """The steps from where training stands to the end of its epoch."""

    def __init__(self, steps_per_epoch: int, next_step: Callable[[], int]) -> None:
        self.steps_per_epoch = steps_per_epoch
        self.next_step = next_step

    def __len__(self) -> int:
        return self.steps_per_epoch

    def __iter__(self) -> Iterator[int]:
        start = self.next_step()
        return iter(range(start, (start // self.steps_per_epoch + 1) * self.steps_per_epoch))


class StepLoader(DataLoader[dict[str, Any]]):
    """A loader that goes on where training stands: it has no state of its own, and tells Lightning so."""

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: the trainer's step says it all."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take nothing."""
