"""What a finetuning run is asked for: all groups of options together, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from zoobot.errors import OptionError
from zoobot.settings.compute import RUN, ComputeSettings
from zoobot.settings.data import (
    DATA,
    TRAINING,
    CatalogSettings,
    ImageSettings,
    LoadSettings,
    SplitSettings,
    ViewSettings,
)
from zoobot.settings.finetune import (
    MODEL,
    CacheSettings,
    ClassifySettings,
    FinetuneSettings,
    RegressSettings,
    TrainerSettings,
    TreeSettings,
)
from zoobot.settings.option import Option

FREE_ON_RESUME = ("max_epochs", "patience", "num_workers", "memory_gb", "device", "folds", "report")
"""Settings that may differ when a run is resumed: the others would make it another run"""


# bases in the reverse of the order that --help shows their options in: dataclasses take the fields of the last one
# first
@dataclass(frozen=True, kw_only=True)
class RunSettings(
    ComputeSettings,
    CacheSettings,
    TrainerSettings,
    TreeSettings,
    RegressSettings,
    ClassifySettings,
    FinetuneSettings,
    LoadSettings,
    ViewSettings,
    ImageSettings,
    SplitSettings,
    CatalogSettings,
):
    """What a finetuning run was asked for; written to ``run.json``.

    One name is one option, in every group that has it, in the file, on the command line and in Python: the groups are
    bases.
    """

    flip: Annotated[
        bool, Option("Mirror half of the training views; --no-flip where handedness is the label.", DATA)
    ] = True
    encoder: Annotated[
        str, Option("hf_hub:owner/repo, a folder, a checkpoint, or any timm model. See: zoobot models.", MODEL)
    ] = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano"
    pretrained: Annotated[bool, Option("--no-pretrained starts a timm model from random weights.", MODEL)] = True
    task: Annotated[
        str | None, Option("classify, ordinal, regress or tree. Default: found from the labels, and said.", MODEL)
    ] = None
    feature_cache: Annotated[bool, Option("Run the frozen blocks once and train from their output.", TRAINING)] = True
    folds: Annotated[
        int,
        Option(
            "Also run K-fold cross-validation with this many folds, so that every labelled galaxy is predicted by a "
            "model that was not trained on it.",
            RUN,
        ),
    ] = 0
    report: Annotated[bool, Option("Write report.html, with checks of labels, images and training set.", RUN)] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        own = {"train": None, "val": self.val_catalog, "test": self.test_catalog}
        for part, catalog in own.items():
            if catalog is None and getattr(self, f"{part}_fraction") == 0:
                remedy = "" if part == "train" else f", or {part}_catalog"
                msg = f"{part}_fraction=0 leaves the {part} part without galaxies: give it a share{remedy}."
                raise OptionError(msg)
