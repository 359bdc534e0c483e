"""``from zoobot.pytorch.training import finetune``: the guide's path to `zoobot.finetune`."""

import sys

import zoobot.finetune as finetune

sys.modules[f"{__name__}.finetune"] = finetune

__all__ = ["finetune"]
