"""The commands, a file per group. Each is a few lines over the library; heavy imports wait until a command runs."""

from __future__ import annotations

import sys

# isort: off
# in the order of --help
from zoobot.cli import finetune  # noqa: F401
from zoobot.cli import predict  # noqa: F401
from zoobot.cli import evaluate  # noqa: F401
from zoobot.cli import select  # noqa: F401
from zoobot.cli import compare  # noqa: F401
from zoobot.cli import report  # noqa: F401
from zoobot.cli import pretrain  # noqa: F401
from zoobot.cli import simulate  # noqa: F401
from zoobot.cli import encoders  # noqa: F401
from zoobot.cli import check  # noqa: F401
from zoobot.cli import explain  # noqa: F401

# isort: on
from zoobot.cli.common import app
from zoobot.cli.ending import run

__all__ = ["app", "main"]


def main() -> None:
    """Run a command: a user's mistake is one red message and exit code 2, with the traceback only on ``--debug``."""
    run(app, sys.argv[1:])
