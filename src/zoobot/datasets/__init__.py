"""Named data sets: downloads with checksums, and the demo set that can be simulated where there is no network.

- ``demo``: ``demo_rings``, ringed or not.
- ``download``: fetching a file with its checksum, and unpacking an archive of images safely.
"""

from zoobot.datasets.demo import SimulatedDataWarning, demo_rings

__all__ = ["SimulatedDataWarning", "demo_rings"]
