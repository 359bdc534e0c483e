"""Published and bundled encoders, and any timm model, as ordered lists of blocks.

- `load`: one door to all encoders (`load_encoder`, `wrap_encoder`)
- `encoder`: the encoder itself, its configuration and its freezing
- `blocks`: which block each parameter belongs to
- `channels`: pretrained stems for other channels
- `timm_models`, `hub`, `saved`: where encoders come from
- `saving`, `bundled`: encoders written by themselves, and the one that comes with the package
- `probe`: running a network without leaving a trace
- `published`: the encoders that ``zoobot models`` lists
"""

from zoobot.encoders.encoder import Encoder, EncoderConfig
from zoobot.encoders.load import load_encoder, wrap_encoder
from zoobot.encoders.published import PublishedEncoder, published_encoders
from zoobot.encoders.saved import read_saved
from zoobot.encoders.saving import save_encoder

__all__ = [
    "Encoder",
    "EncoderConfig",
    "PublishedEncoder",
    "load_encoder",
    "published_encoders",
    "read_saved",
    "save_encoder",
    "wrap_encoder",
]
