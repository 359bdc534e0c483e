"""What a pretraining run was started with, as digests.

They are of galaxies, votes, trees, the simulator and the encoder's first weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoobot.data.pixels import file_digests
from zoobot.origins import digest_of_weights, short_digest

if TYPE_CHECKING:
    from zoobot.encoders import Encoder
    from zoobot.pretrain.datamodule import PretrainData

MOST_READ = 10_000
"""Files of a catalog whose content counts, drawn evenly; of all others it is their size"""


def origin(data: PretrainData, encoder: Encoder) -> dict[str, str]:
    """Return digests of what decides a run beside its settings, by what they are of.

    Parameters
    ----------
    data
        Its galaxies read. Ids, votes and images count, and where files lie does not.
    encoder
        Before it is trained.
    """
    found = {"weights of the encoder": digest_of_weights(encoder.state_dict())}
    for one in (*data.real, *([] if data.cutouts is None else [data.cutouts])):
        found |= {f"{what} of {one.name}": digest for what, digest in one.digests().items()}
    for tree in () if data.trees is None else data.trees.trees:
        found[f"tree {tree.name}"] = short_digest(json.dumps(tree.to_dict(), sort_keys=True).encode())
    if data.simulated is not None:
        from zoobot.simulate.sets import VERSION

        found["the simulator"] = short_digest(json.dumps([VERSION, *data.targets]).encode())
    return found


def digest_of_files(files: Sequence[str]) -> str:
    """Return a digest of images: of the content of up to `MOST_READ` of them, and of the size of all."""
    sizes = [sum(Path(name).stat().st_size for name in names.split(";")) for names in files]
    step = -(-len(files) // MOST_READ)
    return short_digest(np.array(sizes, np.int64).tobytes() + file_digests(files[::step]).tobytes())
