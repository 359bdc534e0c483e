"""``from zoobot.pytorch.training import finetune``: the guide's path to `zoobot.finetune`."""

import sys

from zoobot import finetune

sys.modules[f"{__name__}.finetune"] = finetune

__all__ = ["finetune"]
