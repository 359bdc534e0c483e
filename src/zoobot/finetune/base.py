"""What all finetuning tasks share.

It is an encoder, a head, frozen blocks, the optimizer, and the training and validation steps.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, Self, TypedDict

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from zoobot.data import Preprocessing, as_batch
from zoobot.data.augment import mixed
from zoobot.data.catalog import check_labels
from zoobot.data.scales import LabelScale
from zoobot.encoders import Encoder, load_encoder, wrap_encoder
from zoobot.errors import EncoderError, LabelError
from zoobot.files import output_path
from zoobot.finetune.metrics import Scores, TableMetric
from zoobot.finetune.optim import parameter_groups, warmup_cosine
from zoobot.finetune.registry import register
from zoobot.finetune.saving import fetch_model, load_model, model_config, save_model
from zoobot.finetune.table_names import OWN, refuse_own, refuse_twice
from zoobot.finetune.task import Task
from zoobot.ranges import bounded
from zoobot.settings import HeadKind

if TYPE_CHECKING:
    from zoobot.science import Memory, Reference

logger = logging.getLogger(__name__)

PARTS = ("train", "val", "test")

FUSED = ("cpu", "cuda")
"""Devices on which torch's AdamW steps through all parameters in one go."""


class FinetuneOptions(TypedDict):
    """The options that all tasks take; see `FinetuneableZoobotAbstract`."""

    name: NotRequired[str | None]
    encoder: NotRequired[nn.Module | None]
    zoobot_checkpoint_loc: NotRequired[str | Path | None]
    pretrained: NotRequired[bool]
    in_chans: NotRequired[int]
    n_blocks: NotRequired[int]
    learning_rate: NotRequired[float]
    lr_decay: NotRequired[float]
    weight_decay: NotRequired[float]
    dropout_prob: NotRequired[float]
    cosine_schedule: NotRequired[bool]
    warmup_epochs: NotRequired[int]
    max_cosine_epochs: NotRequired[int]
    max_learning_rate_reduction_factor: NotRequired[float]
    head: NotRequired[HeadKind]
    seed: NotRequired[int]


class FinetuneableZoobotAbstract(Task, L.LightningModule):
    """An encoder with a new head.

    Subclass it for a new task: give ``num_outputs`` and `loss`, and whatever else differs.

    Parameters
    ----------
    name
        The encoder to load: a published one (``hf_hub:owner/repo``), any timm model, a folder, or a checkpoint. See
        `load_encoder`.
    encoder
        The encoder itself, as a module in memory, instead of ``name``.
    zoobot_checkpoint_loc
        A Lightning checkpoint whose encoder to take, instead of ``name``.
    pretrained
        False: a timm ``name`` starts from random weights.
    in_chans
        Channels of the images; a pretrained stem is adapted to them.
    n_blocks
        How many of the encoder's blocks to finetune, from the top; 0 trains the head alone and -1 everything. The rest
        is frozen: no gradients, eval mode, norm statistics untouched.
    learning_rate
        AdamW's learning rate of the head.
    lr_decay
        Each block's learning rate is this times that of the block above it (the head's, for the top block); above 0, at
        most 1.
    weight_decay
        AdamW's weight decay; norms and biases have none.
    dropout_prob
        The probability that a feature is left out before the head in a training step.
    cosine_schedule
        The learning rate falls along half a cosine over ``max_cosine_epochs``, to
        ``max_learning_rate_reduction_factor`` times its start.
    warmup_epochs
        Let the learning rate rise linearly over these epochs first.
    max_cosine_epochs, max_learning_rate_reduction_factor
        See ``cosine_schedule``.
    head
        'linear', or 'mlp' for one hidden layer.
    seed
        Decides the head's first weights and the dropout.

    Raises
    ------
    EncoderError, ModelFileError
        No such encoder, not exactly one of name, encoder and zoobot_checkpoint_loc, or more blocks than it has.
    OptionError
        An option out of range.

    Attributes
    ----------
    num_outputs : int
        Width of the head's output; a subclass sets it before calling ``super().__init__``.
    kind : str
        What the task is called on the command line, in ``about.json`` and in reports: class attribute. Default: that of
        the class above, or the name of the class in lower case.
    takes : str or None
        What labels the task takes, see `zoobot.data.labels.LabelKind`: class attribute. Default: None, classes where
        they are names, else numbers.
    by_default : bool
        Whether it is the task for such labels where none is named: class attribute.
    run_options : tuple of str
        Names of constructor arguments that ``zoobot finetune`` and `zoobot.finetune_run` have options for: class
        attribute.
    takes_class_names : bool
        Whether a label column may hold names, which become classes 0, 1, ... in sorted order.
    label_cols : list of str
        Names of the label columns; taken from the data module that it is trained on.
    class_names : list of str
        Names of the classes, where labels are classes; likewise.
    label_scale : zoobot.data.scales.LabelScale or None
        How the labels were scaled to fit float32, where they do not as they are; likewise.
    preprocessing : Preprocessing or None
        How files become images; taken from the `GalaxyDataModule` that it is trained on.
    reference : zoobot.science.Reference or None
        Features of training galaxies, which `zoobot.predict` compares others with; ``zoobot finetune`` gives a model
        its own.
    memory : zoobot.science.Memory or None
        All labelled galaxies of the run, by which ``zoobot evaluate`` knows those that the model has seen; likewise.
    """

    trains_in = torch.float32
    """What the encoder's blocks compute in; a trainer of `get_trainer` sets it while it trains."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Register the task, so that its saved models load with `zoobot.load`."""
        super().__init_subclass__(**options)
        if cls.kind == Task.kind:
            cls.kind = cls.__name__.removeprefix("FinetuneableZoobot").lower()
        register(cls)

    @bounded()
    def __init__(
        self,
        *,
        name: str | None = None,
        encoder: nn.Module | None = None,
        zoobot_checkpoint_loc: str | Path | None = None,
        pretrained: bool = True,
        in_chans: int = 3,
        n_blocks: int = 0,
        learning_rate: float = 1e-4,
        lr_decay: float = 0.75,
        weight_decay: float = 0.05,
        dropout_prob: float = 0.5,
        cosine_schedule: bool = False,
        warmup_epochs: int = 0,
        max_cosine_epochs: int = 100,
        max_learning_rate_reduction_factor: float = 0.01,
        head: HeadKind = "linear",
        seed: int = 42,
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # for weights that are not pretrained
            self.encoder = _get_encoder(name, encoder, zoobot_checkpoint_loc, in_chans, pretrained)
        self.encoder.freeze(n_blocks)
        self.n_blocks = self.encoder.num_blocks if n_blocks == -1 else n_blocks
        self.options: dict[str, Any] = {
            "n_blocks": self.n_blocks,
            "learning_rate": learning_rate,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "dropout_prob": dropout_prob,
            "cosine_schedule": cosine_schedule,
            "warmup_epochs": warmup_epochs,
            "max_cosine_epochs": max_cosine_epochs,
            "max_learning_rate_reduction_factor": max_learning_rate_reduction_factor,
            "head": head,
            "seed": seed,
        }
        self.label_cols: list[str] = []
        self.class_names: list[str] = []
        self.label_scale: LabelScale | None = None
        self.preprocessing: Preprocessing | None = None
        self.reference: Reference | None = None
        self.memory: Memory | None = None
        self._top: list[nn.Module] = []  # in a list, for its modules are the encoder's already
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = self.make_head(head, dropout_prob)
        self.val_table, self.test_table = TableMetric(self._epoch_scores), TableMetric(self._epoch_scores)
        self.losses = nn.ModuleDict({f"{part}_loss": MeanMetric(nan_strategy="disable") for part in PARTS})

    def forward(self, images: Tensor) -> Tensor:
        """Return the head's outputs (batch, output) for images (batch, channel, height, width) in [0, 1]."""
        outputs: Tensor = self.head(self._features(self.encoder, images))
        return outputs

    def frozen_names(self) -> set[str]:
        """Return the names in the state dict whose values finetuning never changes."""
        encoder = self.encoder
        first = encoder.num_blocks - self.n_blocks
        names = encoder.state_dict().keys()
        return {f"encoder.{name}" for name in names if encoder.block_of(name) < first}

    def _features(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """Run the encoder, or part of it, in the precision of this training."""
        if self.trains_in == torch.float32:
            features: Tensor = network(inputs)
            return features
        with torch.autocast(self.device.type, self.trains_in):
            features = network(inputs)
        return features.float()

    def train_from_features(self, top: nn.Module) -> None:
        """Take batches of ``features``, the output of the frozen blocks, from now on.

        ``top`` (the blocks above) and the head are run on them.
        """
        self._top = [top]

    def setup(self, stage: str) -> None:
        """Take names and preprocessing from the data module, and check its labels, before anything is trained."""
        datamodule = getattr(self.trainer, "datamodule", None)
        if stage == "fit" and all(
            hasattr(datamodule, name) for name in ("label_cols", "labels", "frames", "preprocessing")
        ):
            self.learn_from(datamodule)  # a GalaxyDataModule, or the features of one

    def learn_from(self, datamodule: Any) -> None:
        """Take label names and preprocessing from a `GalaxyDataModule` and check that its labels and channels fit.

        Raises
        ------
        LabelError, EncoderError
            Labels or images that don't fit this model.
        """
        if not datamodule.label_cols:
            msg = (
                "the data module has no label_cols. Name the column that holds the labels: "
                "GalaxyDataModule(label_cols=['ring'], ...)."
            )
            raise LabelError(msg)
        for column, names in datamodule.class_names.items():
            if not self.takes_class_names or self.takes not in (None, "classes"):
                wanted = "0 and 1" if self.takes == "flags" else "numbers"
                msg = (
                    f"label column {column!r} holds names ({names[0]!r}), where {type(self).__name__} takes {wanted}. "
                    f"Write {wanted}."
                )
                raise LabelError(msg)
        channels = datamodule.preprocessing.images.channels
        if channels != self.encoder.in_chans:
            msg = (
                f"the images have {channels} channels and the encoder takes {self.encoder.in_chans}. "
                f"Set channels={self.encoder.in_chans} in the data module or in_chans={channels} in the model."
            )
            raise EncoderError(msg)
        self.encoder.check_size(datamodule.preprocessing.image_size)
        for part, labels in datamodule.labels.items():
            large = ~np.isfinite(labels).all(axis=1)
            column = datamodule.label_cols[0]
            check_labels(
                datamodule.frames[part], column, large, "a label too large for float32", "Give it in another unit."
            )
            self.check_labels(datamodule.frames[part], labels, datamodule.label_cols)
        self.label_cols = list(datamodule.label_cols)
        self.preprocessing = datamodule.preprocessing
        if len(self.label_cols) == 1 and self.label_cols[0] in datamodule.class_names:
            self.class_names = list(datamodule.class_names[self.label_cols[0]])
        if "train" in datamodule.labels:
            self.prepare(datamodule.labels["train"])
        refuse_own(self.label_cols, "label column")
        truth = [f"true_{column}" for column in self.label_cols]
        refuse_twice([*OWN, *self.prediction_columns(), *self.derived_columns(), *truth])

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed dropout by epoch and step, so that a resumed run repeats an uninterrupted one."""
        step = np.asarray(batch_idx * self.trainer.world_size + self.global_rank)
        seed = int(mixed(self.options["seed"], np.asarray(self.current_epoch), step) >> np.uint64(1))
        if self.device.type == "cpu":
            torch.default_generator.manual_seed(
                seed
            )  # torch.manual_seed looks for all other devices: 1 ms, as long as a step
        else:
            torch.manual_seed(seed)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the mean loss of a batch."""
        return self._step(batch, "train")[0]

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Keep the loss and the predictions of a validation batch for the scores."""
        self._score(batch, "val")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Keep the loss and the predictions of a test batch for the scores."""
        self._score(batch, "test")

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the predictions (batch, column) of a batch."""
        return self._tensor_in_units(self.predictions(self(as_batch(batch, self.label_cols)["image"])))

    def on_train_epoch_end(self) -> None:
        """Log the training loss."""
        self._log_loss("train")

    def on_validation_epoch_end(self) -> None:
        """Log the validation loss and scores."""
        self._log_loss("val")
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        """Log the test loss and scores."""
        self._log_loss("test")
        self._log_scores("test")

    def configure_optimizers(self) -> Any:
        """Return AdamW with a learning rate per block and, where asked for, the warm-up and cosine schedule."""
        options = self.options
        groups = parameter_groups(
            self.head, self.encoder, self.n_blocks,
            learning_rate=options["learning_rate"], lr_decay=options["lr_decay"], weight_decay=options["weight_decay"],
        )  # fmt: skip
        optimizer = torch.optim.AdamW(groups, fused=self.device.type in FUSED)
        if not options["cosine_schedule"] and options["warmup_epochs"] == 0:
            return optimizer
        epochs = self.trainer.max_epochs or 1
        steps = self.trainer.estimated_stepping_batches / epochs
        factor = warmup_cosine(
            round(options["warmup_epochs"] * steps),
            round(options["max_cosine_epochs"] * steps) if options["cosine_schedule"] else 0,
            options["max_learning_rate_reduction_factor"],
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _step(self, batch: Any, part: str) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean loss, the outputs and the labels of a batch, and add the loss to its epoch's mean."""
        if isinstance(batch, dict) and "features" in batch:
            labels = batch["label"]
            outputs = self.head(self._features(self._top[0], batch["features"]))
        else:
            galaxies = as_batch(batch, self.label_cols or None)
            labels = galaxies["label"]
            outputs = self(galaxies["image"])
        if labels is None:
            msg = (
                "the data module's batches have no labels. Expected (image, label), or a dict with 'image' and 'label'."
            )
            raise LabelError(msg)
        loss = self.loss(outputs, labels).mean()
        self._mean_loss(part).update(loss.detach(), len(labels))
        return loss, outputs, labels

    def _score(self, batch: Any, part: str) -> None:
        _, outputs, labels = self._step(batch, part)
        self._table(part).update(self.predictions(outputs), labels)

    def _tensor_in_units(self, values: Tensor) -> Tensor:
        return values if self.label_scale is None else torch.from_numpy(self.in_units(values.numpy(force=True)))

    def _epoch_scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        return self.scores(self._tensor_in_units(predictions), self._tensor_in_units(labels))

    def _table(self, part: str) -> TableMetric:
        return self.val_table if part == "val" else self.test_table

    def _log_loss(self, part: str) -> None:
        """Log the mean loss of an epoch, over all devices: once, for logging takes as long as a step of a head."""
        mean = self._mean_loss(part)
        self.log(f"finetuning/{part}_loss", mean.compute(), prog_bar=True)
        mean.reset()

    def _mean_loss(self, part: str) -> MeanMetric:
        mean: MeanMetric = self.losses[f"{part}_loss"]  # type: ignore[assignment]  # a ModuleDict forgets of what
        return mean

    def _log_scores(self, part: str) -> None:
        table = self._table(part)
        for name, value in self.epoch_figures(table.compute()).items():
            exact = torch.tensor(value, dtype=torch.float64)  # float32 does not hold every unit
            self.log(f"finetuning/{part}_{name}", exact, rank_zero_only=False, sync_dist=False)
        table.reset()

    # Saving and loading; the file formats are in `zoobot.finetune.saving`.

    def save(self, folder: str | Path) -> Path:
        """Save the complete model (``config.json``, ``model.safetensors``) so that loading it needs nothing else."""
        return save_model(self, output_path(folder))

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # ours needs no hyperparameters from the caller
        cls, checkpoint_path: str | Path, *, encoder: nn.Module | None = None, map_location: Any = "cpu"
    ) -> Self:
        """Return the model saved in a Lightning checkpoint or in a folder written by `save`, without the network.

        Parameters
        ----------
        checkpoint_path
            The checkpoint or folder.
        encoder
            The encoder's module, where it was given in memory and timm can't build it.
        map_location
            The device to put the model on.

        Raises
        ------
        ModelFileError
            A file that is missing, damaged, of a newer version, or of another task.
        """
        return load_model(checkpoint_path, cls, encoder=encoder).to(map_location)

    @classmethod
    def load_from_name(cls, name: str, *, map_location: Any = "cpu") -> Self:
        """Return the finetuned model that a Hugging Face Hub repository (``hf_hub:owner/repo``) holds."""
        return cls.load_from_checkpoint(fetch_model(name), map_location=map_location)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put into the checkpoint all that it takes to rebuild the model."""
        checkpoint["zoobot"] = model_config(self)

    def restore_names(self, config: Mapping[str, Any]) -> None:
        """Take back the names, preprocessing and calibration that a saved configuration holds."""
        if config.get("calibration") is not None:
            self.restore_calibration(config["calibration"])
        self.label_cols = list(config["label_cols"])
        self.class_names = list(config["class_names"])
        self.label_scale = LabelScale.from_dict(config.get("label_scale"))
        self.preprocessing = (
            None if config["preprocessing"] is None else Preprocessing.from_dict(config["preprocessing"])
        )


def _get_encoder(
    name: str | None, encoder: nn.Module | None, checkpoint: str | Path | None, in_chans: int, pretrained: bool
) -> Encoder:
    given = [
        option
        for option, value in (("name", name), ("encoder", encoder), ("zoobot_checkpoint_loc", checkpoint))
        if value is not None
    ]
    if len(given) != 1:
        msg = (
            f"{' and '.join(given) if given else 'no encoder'} given. Expected exactly one of name='hf_hub:...' (or "
            "any timm model), encoder=module and zoobot_checkpoint_loc=path."
        )
        raise EncoderError(msg)
    if encoder is not None:
        return wrap_encoder(encoder, in_chans)
    source = name if checkpoint is None else checkpoint
    assert source is not None  # exactly one was given
    return load_encoder(source, in_chans, pretrained=pretrained)
