"""Signals: one that stops a command, and one that kills a process that decodes images for it.

A command that is stopped leaves nothing half written.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from zoobot.errors import WorkerError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl+C, and what batch systems and ``kill`` send"""


class Stopped(BaseException):
    """A signal asked this process to stop. No mistake, so that no handler of errors takes it for one.

    Parameters
    ----------
    number
        The signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` at a signal to stop; at the next one, end at once.

    Outside the main thread, where signals don't arrive, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process = os.getpid()

    def stop(number: int, _: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        if os.getpid() == process:
            if hasattr(signal, "SIGCHLD"):  # torch would take the end of its workers for their failure
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _end_helpers()
            raise Stopped(number)
        os.kill(
            os.getpid(), number
        )  # a process that decodes images: the one that it works for says what there is to say

    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        for number in SIGNALS:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def workers_watched() -> Iterator[None]:
    """Say what it means where the system kills a process that decodes images for what is inside.

    torch raises its own error anywhere in this process, not only where it waits for images, so that all of the work has
    to be inside.

    Raises
    ------
    WorkerError
        The system killed one.
    """
    try:
        yield
    except RuntimeError as err:
        said = str(err).partition("\n")[0]
        if not said.startswith("DataLoader worker (pid"):
            raise
        msg = (
            f"a process that decodes images was killed, most likely for want of memory ({said.rstrip('. ')}). Use "
            "fewer of them, such as --num-workers 1 (num_workers=1), or a smaller --batch-size or --image-size."
        )
        raise WorkerError(msg) from err


def _end_helpers() -> None:
    """End the processes that decode images or train together with this one.

    They write nothing, and would wait for it or blame it.
    """
    import psutil

    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if child.cmdline()[1:][-len(sys.argv) :] == sys.argv:
                child.kill()
