"""Named data sets: downloads with checksums, and two demo sets that can be simulated where there is no network.

- ``demo``: ``demo_rings`` (ringed or not) and ``demo_gz_candels`` (vote counts).
- ``named``: the other published sets, ``gz2``, ``galaxy_mnist`` and so on.
- ``published``: the table of all published sets, ``published.yaml``.
- ``store``: a set in its folder: downloading what is missing, reading it as a catalog.
- ``download``: fetching a file with its checksum, going on after an interruption.
- ``archive``: unpacking an archive of images safely.
"""

from zoobot.datasets.demo import SimulatedDataWarning, demo_gz_candels, demo_rings
from zoobot.datasets.named import galaxy_mnist, gz2, gz_candels, gz_decals_5, gz_hubble, tidal

__all__ = [
    "SimulatedDataWarning",
    "demo_gz_candels",
    "demo_rings",
    "galaxy_mnist",
    "gz2",
    "gz_candels",
    "gz_decals_5",
    "gz_hubble",
    "tidal",
]
