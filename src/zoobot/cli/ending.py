"""How a command ends: its exit code, and one message on standard error where it did not do what was asked."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import typer

from zoobot.errors import OptionError, WorkerError, ZoobotError, lacks_memory
from zoobot.files import FULL
from zoobot.stopping import Stopped, stoppable
from zoobot.terminal import Terminal

FAILED, USER_ERROR = 1, 2
OUTPUT_LOST = 74
"""Standard output can't be written: the code of ``sysexits.h`` for that"""
BY_SIGNAL = 128
"""Added to the signal's number, as shells do"""

GO_ON = {
    "finetune": " Go on with the same command and --resume.",
    "pretrain": " Go on with the same command and --resume.",
    "simulate": " Go on with the same command.",
}
"""What to do after a stop, for the commands that can go on"""

NO_MEMORY = (
    "there is not enough memory. Use a smaller --batch-size or --image-size, fewer --num-workers, or another machine."
)

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""typer's error of a command line: its versions have it in different modules"""


def run(app: Callable[..., Any], arguments: Sequence[str]) -> NoReturn:
    """Run a command and end the process with an exit code.

    The code is 0 on success; 1 or 2, with one message, at a failure or a user's mistake; and 128 and more at a signal.

    Parameters
    ----------
    app
        The typer application.
    arguments
        The command line; with ``--debug`` in it, errors are raised.
    """
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        with stoppable(), contextlib.nullcontext() if debug else _said():
            _check_arguments(arguments)
            code = app(arguments, standalone_mode=False)
            sys.stdout.flush()
    except (ZoobotError, UsageError) as err:
        if debug:
            raise
        code = _end(_wording(err), FAILED if isinstance(err, WorkerError) else USER_ERROR)
    except Stopped as stopped:
        command = next((argument for argument in arguments if not argument.startswith("-")), "")
        is_first = os.environ.get("LOCAL_RANK", "0") == "0"  # of several that train together, one says it
        message = f"stopped by {_name(stopped.number)}.{GO_ON.get(command, '')}" if is_first else ""
        code = _end(message, BY_SIGNAL + stopped.number)
    except OSError as err:
        if debug or not (err.errno in (*FULL, errno.EPIPE, errno.EIO) or lacks_memory(err)):
            raise
        if lacks_memory(err):
            code = _end(NO_MEMORY, USER_ERROR)
        else:
            code = _end(f"the output can't be written: {err.strerror}.", OUTPUT_LOST)
            _close_stdout()
    except (MemoryError, RuntimeError) as err:
        if debug or not lacks_memory(err):
            raise
        code = _end(NO_MEMORY, USER_ERROR)
    sys.exit(code if isinstance(code, int) else 0)


def _check_arguments(arguments: Sequence[str]) -> None:
    """Refuse an empty value, and bytes that are no text.

    An empty path would mean the working folder, and no table can hold bytes that are no text.
    """
    for place, argument in enumerate(arguments):
        if any("\ud800" <= letter <= "\udfff" for letter in argument):
            msg = f"{argument} has bytes that are no text (UTF-8). Rename the file or folder."
            raise OptionError(msg)
        name, equals, value = argument.partition("=")
        if not argument.strip() or (name.startswith("--") and equals and not value.strip()):
            option = name if equals else next((one for one in arguments[place - 1 : place] if one.startswith("--")), "")
            msg = f"{option or 'an argument'} is empty. Give a value" + (", or leave it out." if option else ".")
            raise OptionError(msg)


def _wording(err: Exception) -> str:
    """Return the message of an error; that of a command line names the value, and where help is."""
    if isinstance(err, ZoobotError):
        return str(err)
    message = str(err.format_message()).strip().rstrip(".").replace("Value error, ", "")  # type: ignore[attr-defined]
    if not message:
        return ""  # help has been shown
    found = getattr(err.__cause__, "errors", None)
    value = found()[0].get("input") if callable(found) else None
    given = f" (given: {value!r})" if isinstance(value, str) else ""
    context = getattr(err, "ctx", None)
    path = getattr(context, "command_path", "zoobot")
    return f"{message}{given}. See: {path} --help."


def _end(message: str, code: int) -> int:
    """Show a message, where there is one, and return the code."""
    if message:
        try:
            Terminal(stderr=True).print(f"Error: {message}", style="red", soft_wrap=True)
        except OSError:
            logging.getLogger(__name__).debug("standard error can't be written")
    return code


def _name(number: int) -> str:
    return {2: "Ctrl+C (SIGINT)", 15: "SIGTERM"}.get(number, f"signal {number}")


def _close_stdout() -> None:
    """Let nothing be written any more: Python would try to at the end, and say so again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Show warnings, and what the library logs, as one line each, in which names are text."""
    log, handler, shown = logging.getLogger("zoobot"), _TerminalHandler(logging.WARNING), warnings.showwarning
    propagates = log.propagate
    try:
        warnings.showwarning = _show_warning
        log.addHandler(handler)
        log.propagate = False
        yield
    finally:
        warnings.showwarning = shown
        log.removeHandler(handler)
        log.propagate = propagates


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    Terminal(stderr=True).print(f"Warning: {message}", style="yellow", soft_wrap=True)


class _TerminalHandler(logging.Handler):
    """Writes what is logged to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            Terminal(stderr=True).print(record.getMessage(), soft_wrap=True)
        except Exception:
            self.handleError(record)
