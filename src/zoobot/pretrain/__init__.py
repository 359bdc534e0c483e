"""Training an encoder, from scratch or on from given weights.

It learns from votes of one or many campaigns, from simulated galaxies, and from unlabelled ones.

- `settings`: what a run is asked for (`PretrainSettings`)
- `run`: a run from settings to an encoder's folder (`pretrain_run`)
- `plan`: which galaxies go into which step
- `datamodule` (`PretrainData`), over `simulated`, `galaxies` (catalogs), `hugging_face` and `views`
- `model` (`PretrainModel`), over the objectives `votes`, `truth` and `vicreg`
- `callbacks`, `tally`, `card`: the moving average and checkpoints, the log's means, the model card
"""

from zoobot.pretrain.datamodule import PretrainData
from zoobot.pretrain.model import PretrainModel
from zoobot.pretrain.run import pretrain_run
from zoobot.pretrain.truth import TruthLoss
from zoobot.pretrain.vicreg import VICReg
from zoobot.pretrain.votes import MergedTrees, VoteLoss
from zoobot.settings.pretrain import PretrainSettings

__all__ = [
    "MergedTrees",
    "PretrainData",
    "PretrainModel",
    "PretrainSettings",
    "TruthLoss",
    "VICReg",
    "VoteLoss",
    "pretrain_run",
]
