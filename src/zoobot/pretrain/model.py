"""PretrainModel: an encoder with a head for each objective, trained on their weighted sum."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from zoobot.data.augment import mixed
from zoobot.encoders import Encoder
from zoobot.encoders.saved import FORMAT
from zoobot.encoders.saving import encoder_config
from zoobot.finetune.base import FUSED
from zoobot.finetune.optim import parameter_groups, warmup_cosine
from zoobot.pretrain.plan import Plan, warmup_steps
from zoobot.pretrain.tally import Tally
from zoobot.pretrain.truth import TruthLoss
from zoobot.pretrain.vicreg import VICReg, projector
from zoobot.pretrain.votes import MergedTrees, VoteLoss

if TYPE_CHECKING:
    from zoobot.settings.pretrain import PretrainSettings

STAGE = "pretraining"
LOWEST_LEARNING_RATE = 0.01
"""What the learning rate ends at, as a share of its height."""

FIRST_LOGIT = -3.0
"""The vote head's first bias: concentrations of about 6, which don't claim to know yet."""

VIEW_PARTS = ("alike", "spread", "independent")


class PretrainModel(L.LightningModule):
    """What is trained.

    It is the encoder, a linear head for the votes and one for the truth, and a projector for unlabelled views.

    Parameters
    ----------
    encoder
        The encoder, all of it trainable.
    trees
        The trees that are voted on, or None.
    targets
        Names of the true parameters, or none.
    settings, plan
        How to train.
    """

    trains_in = torch.float32
    """What the encoder computes in; `pretrain_run` sets it while it trains."""

    def __init__(
        self,
        encoder: Encoder,
        trees: MergedTrees | None,
        targets: tuple[str, ...],
        settings: PretrainSettings,
        plan: Plan,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.trees = trees
        self.settings = settings
        self.plan = plan
        self.truth_loss, self.view_loss = TruthLoss(), VICReg()
        self.vote_loss = None if trees is None else VoteLoss(trees.merged)
        self.heads = nn.ModuleDict()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            if trees is not None:
                votes = nn.Linear(encoder.num_features, len(trees.merged.label_cols))
                nn.init.constant_(votes.bias, FIRST_LOGIT)
                self.heads["votes"] = votes
            if targets:
                self.heads["truth"] = nn.Linear(encoder.num_features, len(targets))
            if settings.unlabelled is not None:
                self.heads["projector"] = projector(encoder.num_features)
        groups = {
            "total": ["loss"],
            "trees": [f"votes/{tree.name}" for tree in (trees.trees if trees else [])],
            "questions": [f"votes/{question.text}" for question in (trees.merged.questions if trees else [])],
            "targets": [f"truth/{target}" for target in targets],
            "views": [f"unlabelled/{part}" for part in VIEW_PARTS],
        }
        self.tallies = {"train": Tally(groups), "val": Tally(groups)}
        self.scores: dict[str, float] = {}
        self.seconds_before = 0.0
        self.started_at: float | None = None

    @property
    def seconds(self) -> float:
        """How long training has taken, earlier legs of a resumed run included."""
        return self.seconds_before + (0.0 if self.started_at is None else time.perf_counter() - self.started_at)

    def forward(self, images: Tensor) -> Tensor:
        """Return the features (batch, feature) of images (batch, channel, height, width) in [0, 1]."""
        with torch.autocast(self.device.type, self.trains_in, enabled=self.trains_in != torch.float32):
            features: Tensor = self.encoder(images)
        return features.float()

    def on_train_start(self) -> None:
        """Start the clock."""
        self.started_at = time.perf_counter()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed drop path by step and process, so that a resumed run repeats an uninterrupted one."""
        place = np.asarray(self.global_step * self.trainer.world_size + self.global_rank)
        torch.manual_seed(int(mixed(self.settings.seed, np.asarray(2), place) >> np.uint64(1)))

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the weighted sum of the objectives.

        Each is a mean over the labelled galaxies of the step (or the unlabelled ones).
        """
        images = batch["image"]
        everything = torch.cat([images, batch["views"]]) if "views" in batch else images
        features = self(everything)
        loss = self._labelled_loss(features[: len(images)], batch, "train")
        if "views" in batch:
            loss = loss + self._view_loss(features[len(images) :])
        self._tally("total", loss[None], torch.ones(1), "train")
        self.log("loss", loss.detach(), prog_bar=True, logger=False)
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Add a batch, if it is one, to the validation losses."""
        if not batch:
            return
        n_galaxies = len(batch["image"])
        loss = self._labelled_loss(self(batch["image"]), batch, "val")
        self._tally("total", loss[None] * n_galaxies, torch.full((1,), n_galaxies), "val")

    def on_train_epoch_end(self) -> None:
        """Write the epoch's row of the log."""
        self._report("train", {"learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"]})

    def on_validation_epoch_end(self) -> None:
        """Write the validation losses into the epoch's row of the log."""
        self.scores = self._report("val", {})

    def configure_optimizers(self) -> Any:
        """Return AdamW with a learning rate per block, and its schedule by steps: a linear rise, then half a cosine."""
        settings = self.settings
        groups = parameter_groups(
            self.heads, self.encoder, self.encoder.num_blocks,
            learning_rate=settings.learning_rate, lr_decay=settings.lr_decay, weight_decay=settings.weight_decay,
        )  # fmt: skip
        optimizer = torch.optim.AdamW(groups, fused=self.device.type in FUSED)
        factor = warmup_cosine(warmup_steps(settings, self.plan), self.plan.steps, LOWEST_LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put in what it takes to resume in the middle of an epoch, and to load the encoder by itself."""
        checkpoint[FORMAT] = encoder_config(self.encoder)
        checkpoint[STAGE] = {
            "settings": self.settings.to_dict(),
            "totals": self._joined("train"),
            "scores": self.scores,
            "seconds": self.seconds,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back; the first process takes what all had added up."""
        kept = checkpoint[STAGE]
        if self.global_rank == 0:
            self.tallies["train"].totals = kept["totals"]
        self.scores, self.seconds_before = kept["scores"], kept["seconds"]

    def _labelled_loss(self, features: Tensor, batch: dict[str, Tensor], part: str) -> Tensor:
        """Return the weighted votes and truth objectives.

        Each is the mean over all galaxies of the batch, whether they have them or not.
        """
        loss = features.new_zeros(())
        if self.vote_loss is not None:
            losses = self.vote_loss(self.heads["votes"](features), batch["votes"])
            loss = loss + self.settings.votes_weight * losses.sum(dim=1).mean()
            self._tally_votes(losses.detach(), self.vote_loss.asked(batch["votes"]), part)
        if "truth" in self.heads:
            losses = self.truth_loss(self.heads["truth"](features), batch["truth"])
            loss = loss + self.settings.truth_weight * losses.mean()
            self._tally("targets", losses.sum(dim=0), batch["truth"].isfinite().sum(dim=0), part)
        return loss

    def _view_loss(self, features: Tensor) -> Tensor:
        """Return the weighted objective of the unlabelled views, of all processes together."""
        embeddings = self.heads["projector"](features)
        first, second = embeddings.chunk(2)
        if self.trainer.world_size > 1:
            gather = self.trainer.strategy.all_gather
            first, second = (gather(view, sync_grads=True).flatten(0, 1) for view in (first, second))
        parts = self.view_loss(first, second)
        values = torch.stack([parts[name] for name in VIEW_PARTS])
        self._tally("views", values, torch.ones(len(values)), "train")
        return self.settings.unlabelled_weight * values.sum()

    def _tally(self, group: str, sums: Tensor, counts: Tensor, part: str) -> None:
        self.tallies[part].add(group, sums, counts.to(sums.device))

    def _tally_votes(self, losses: Tensor, asked: Tensor, part: str) -> None:
        """Add losses (galaxy, question) to their questions, and summed over questions to their trees."""
        assert self.trees is not None
        self._tally("questions", losses.sum(dim=0), asked.sum(dim=0), part)
        sizes = [len(tree.questions) for tree in self.trees.trees]
        sums = torch.stack([one.sum() for one in torch.split(losses, sizes, dim=1)])
        counts = torch.stack([one.any(dim=1).sum() for one in torch.split(asked, sizes, dim=1)])
        self._tally("trees", sums, counts, part)

    def _joined(self, part: str) -> dict[str, Tensor]:
        """Return the sums and counts of all processes together."""
        reduce = self.trainer.strategy.reduce
        return {
            group: reduce(totals.to(self.device, copy=True), reduce_op="sum").cpu()  # a copy: it is summed in place
            for group, totals in self.tallies[part].totals.items()
        }

    def _report(self, part: str, others: dict[str, float]) -> dict[str, float]:
        tally = self.tallies[part]
        means = tally.means(self._joined(part))
        tally.clear()
        row = {f"{STAGE}/{part}_{name}": value for name, value in means.items()} | others
        if self.logger is not None:
            self.logger.log_metrics(row | {"epoch": self.current_epoch}, self.global_step)
            self.logger.save()  # an epoch can take an hour, and the run can be killed
        return means
