"""The encoders published for finetuning, as ``zoobot models`` lists them."""

from dataclasses import dataclass
from importlib.resources import files

import yaml


@dataclass(frozen=True, kw_only=True)
class PublishedEncoder:
    """An encoder on the Hugging Face Hub.

    Parameters
    ----------
    name
        What `load_encoder` takes: ``hf_hub:owner/repo``.
    greyscale_name
        The same for its variant for images of one channel.
    architecture
        Its name, as in the name of the repository, whose configuration says what timm calls it.
    parameters
        How many it has.
    test_loss
        Loss on the test galaxies of GZ Evo; lower is better.
    recommended
        Whether it is the one to start with.
    """

    name: str
    greyscale_name: str
    architecture: str
    parameters: int
    test_loss: float
    recommended: bool = False


def published_encoders() -> list[PublishedEncoder]:
    """Return the published encoders, by family and from small to large."""
    table = files("zoobot.encoders").joinpath("published.yaml").read_text(encoding="utf-8")
    return [PublishedEncoder(**entry) for entry in yaml.safe_load(table)]
