"""What a finetuning run's checkpoints and folds were made of, as digests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from zoobot.data.pixels import file_digests
from zoobot.origins import digest_of_weights, short_digest
from zoobot.report.contents import PARTS

if TYPE_CHECKING:
    from zoobot.data import GalaxyDataModule
    from zoobot.finetune import FinetuneableZoobotAbstract

MIXED = "Galaxies that trained the model could be tested on."
"""Why a run is not gone on with where something has changed"""


def origin(datamodule: GalaxyDataModule, model: FinetuneableZoobotAbstract) -> dict[str, str]:
    """Return digests of what decides a run beside its settings, by what they are of.

    Parameters
    ----------
    datamodule
        Its catalogs read; ids, the content of image files, labels and groups count, part by part, and where files lie
        does not.
    model
        Before it is trained: the encoder's weights and the tree count.
    """
    found = {}
    for part in PARTS:
        frame = datamodule.frames[part]
        found[f"ids of the {part} part"] = short_digest("\n".join(frame["id_str"].astype(str)).encode())
        found[f"images of the {part} part"] = short_digest(file_digests(frame["file_loc"].tolist()).tobytes())
        found[f"labels of the {part} part"] = short_digest(
            np.ascontiguousarray(datamodule.labels[part], np.float64).tobytes()
        )
        if datamodule.group_col is not None and datamodule.group_col in frame:
            groups = frame[datamodule.group_col].astype(str)
            found[f"groups of the {part} part"] = short_digest("\n".join(groups).encode())
    found["weights of the encoder"] = digest_of_weights(model.encoder.state_dict())
    found["names of classes"] = short_digest(json.dumps(list(model.class_names)).encode())
    return found | {what: short_digest(text.encode()) for what, text in model.made_of().items()}
