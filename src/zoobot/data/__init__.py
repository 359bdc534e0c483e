"""From a catalog to batches of augmented galaxies."""

from zoobot.data.augment import Augmentation
from zoobot.data.batches import Batch, as_batch
from zoobot.data.catalog import read_catalog
from zoobot.data.datamodule import GalaxyDataModule
from zoobot.data.images import read_image
from zoobot.data.pixels import Preprocessing
from zoobot.settings import ImageSettings

__all__ = [
    "Augmentation",
    "Batch",
    "GalaxyDataModule",
    "ImageSettings",
    "Preprocessing",
    "as_batch",
    "read_catalog",
    "read_image",
]
