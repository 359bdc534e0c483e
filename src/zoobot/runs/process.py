"""What a command does to its process before it works."""

from __future__ import annotations

import logging
import warnings

from zoobot.precision import keep_freed_memory


def prepare_process() -> None:
    """Ready this process for a command.

    Memory is kept once touched, and none of torch's advice to its developers is shown.
    """
    keep_freed_memory()
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
