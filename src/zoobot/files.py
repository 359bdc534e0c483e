"""Looking at, reading and writing files.

What the system refuses is said in words, and nothing is seen half written.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import io
import json
import math
import os
import platform
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from zoobot.errors import OutputError, ZoobotError
from zoobot.unpacking import unpacked

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""What the system says where a disk, a quota or a limit on file sizes is reached."""

MOST_JSON_BYTES = 500_000_000

Kind = Literal["a file", "a folder", "a pipe", "a socket", "a device"]
"""What can lie at a path"""

REMEDIES = {
    errno.ENAMETOOLONG: "Give a shorter name.",
    errno.EACCES: "Ask for the right to use it, or give another.",
    errno.EPERM: "Ask for the right to use it, or give another.",
    errno.ELOOP: "It is a link that leads to itself: mend it.",
}

# Looking and reading.


def home(path: str | os.PathLike[str]) -> Path:
    """Return a path with ``~`` spelled out, or as it is where there is no such user."""
    # Path.expanduser raises a RuntimeError where there is no such user
    return Path(os.path.expanduser(path))  # noqa: PTH111


def look(path: str | Path, wrong: type[ZoobotError]) -> Kind | None:
    """Return what lies at a path, or at the end of a link; None where there is nothing.

    Raises
    ------
    ZoobotError
        Of the class ``wrong``, where the system won't say: a name that is too long or has a null character, a folder
        that may not be looked into, links in a circle.
    """
    try:
        return kind_of(os.stat(path).st_mode)  # noqa: PTH116 (a NUL is a ValueError, which Path's methods hide)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as err:
        raise wrong(_refusal(path, err)) from err


def kind_of(mode: int) -> Kind:
    """Return what a file's mode says that it is."""
    kinds: dict[Callable[[int], bool], Kind] = {
        stat.S_ISREG: "a file",
        stat.S_ISDIR: "a folder",
        stat.S_ISFIFO: "a pipe",
        stat.S_ISSOCK: "a socket",
    }
    return next((name for test, name in kinds.items() if test(mode)), "a device")


def is_file(path: str | Path, wrong: type[ZoobotError]) -> bool:
    """Tell whether a regular file lies at a path, or nothing.

    Raises
    ------
    ZoobotError
        Of the class ``wrong``: something else lies there, or see `look`.
    """
    found = look(path, wrong)
    if found in ("a file", None):
        return found is not None
    msg = f"{path} is {found}, not a regular file. Put the file in its place, or move it away."
    raise wrong(msg)


def is_folder(path: str | Path, wrong: type[ZoobotError]) -> bool:
    """Tell whether a folder lies at a path; see `look`."""
    return look(path, wrong) == "a folder"


def open_regular(path: str | Path, wrong: type[ZoobotError], *, unpack: bool = False) -> io.BufferedReader:
    """Open a regular file for reading, at once: a pipe would be waited for, and a device never ends.

    Parameters
    ----------
    path
        The file.
    wrong
        Class of the error.
    unpack
        Read what gzip, bzip2 or xz compressed, up to the limit of `zoobot.unpacking`.

    Raises
    ------
    FileNotFoundError
        Nothing lies there.
    ZoobotError
        Of the class ``wrong``: no regular file, or one that the system refuses; when more is read than may be unpacked,
        too.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as err:
        if getattr(err, "errno", None) == errno.ENXIO:
            msg = f"{path} can't be read: it is a socket, not a regular file. Give a file."
            raise wrong(msg) from err
        raise wrong(_refusal(path, err)) from err
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        msg = f"{path} can't be read: it is {kind_of(status.st_mode)}, not a regular file. Give a file."
        raise wrong(msg)
    file = os.fdopen(descriptor, "rb")
    return unpacked(file, status.st_size, str(path), wrong) if unpack else file


def read_json(path: Path, wrong: type[ZoobotError], remedy: str) -> dict[str, Any]:
    """Return the JSON object that a file holds.

    Parameters
    ----------
    path
        The file.
    wrong
        Class of the error.
    remedy
        What to do about a file that is damaged.

    Raises
    ------
    ZoobotError
        Of the class ``wrong``: no such file, or one that holds no JSON object.
    """
    try:
        with open_regular(path, wrong) as file:
            content = json.loads(file.read(MOST_JSON_BYTES))
    except FileNotFoundError as err:
        msg = f"{path} is missing. {remedy}"
        raise wrong(msg) from err
    except (ValueError, RecursionError) as err:
        if isinstance(err, ZoobotError):
            raise
        msg = f"{path} can't be read as JSON ({err}). {remedy}"
        raise wrong(msg) from err
    if not isinstance(content, dict):
        msg = f"{path} holds a {type(content).__name__}, expected a JSON object. {remedy}"
        raise wrong(msg)
    return content


def _refusal(path: str | Path, err: OSError | ValueError) -> str:
    """Word why the system won't look at a path."""
    said = (err.strerror if isinstance(err, OSError) else None) or str(err)
    remedy = REMEDIES.get(getattr(err, "errno", None) or 0, "Give another path.")
    name = str(path)
    return f"{name if len(name) <= 300 else f'{name[:300]}...'} can't be looked at: {said}. {remedy}"


# Writing.


def output_error(path: Path, err: Exception, remedy: str = "Choose a place that you may write to.") -> OutputError:
    """Return the error for a file or folder that can't be written.

    Where the disk is full, it says how much room is left.
    """
    if isinstance(err, OutputError):
        return err
    number = getattr(err, "errno", None)
    if number in FULL:
        msg = f"{path} can't be written, for the disk is full ({os.strerror(number)}): {free_mb(path):,.0f} MB left. "
        return OutputError(f"{msg}Make room, or choose another place.")
    return OutputError(f"{path} can't be written: {getattr(err, 'strerror', None) or err}. {remedy}")


def free_mb(path: Path) -> float:
    """Return how many MB are free where a path lies, or is to lie."""
    for folder in (path, *path.absolute().parents):
        with contextlib.suppress(OSError, ValueError):
            return shutil.disk_usage(folder).free / 1e6
    return 0.0


def output_path(path: str | os.PathLike[str]) -> Path:
    """Return a path to write to with ``~`` spelled out.

    Raises
    ------
    OutputError
        There is no such user.
    """
    full = home(path)
    if str(full).startswith("~"):
        msg = f"{path} is below the home of {full.parts[0][1:]!r}, and there is no such user. Give the whole path."
        raise OutputError(msg)
    return full


def make_folder(folder: Path) -> Path:
    """Make a folder, and those above it, where they are not there yet; return it.

    Raises
    ------
    OutputError
        It can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as err:
        raise output_error(folder, err) from err
    return folder


def check_writable(folder: Path) -> None:
    """Make a folder and try to write into it.

    Raises
    ------
    OutputError
        It can't be made or written.
    """
    make_folder(folder)
    try:
        with tempfile.TemporaryFile(
            dir=folder
        ):  # without a name where the system allows it: a killed process leaves nothing
            pass
    except OSError as err:
        raise output_error(folder, err) from err


PART = re.compile(r"\.(\d+)\.(?:([0-9a-f]{8})\.)?part\.")
"""Name of a file that is being written: by which process, and on which machine; earlier versions did not say the latter
"""

_swept: set[Path] = set()


def sweep(folder: Path) -> None:
    """Delete what processes of this machine that have ended left half written in a folder.

    What can't be deleted stays.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 (of many files)
            match = PART.match(name)
            if match and match[2] in (None, _machine()) and not _lives(int(match[1])):
                (folder / name).unlink(missing_ok=True)


def _lives(process: int) -> bool:
    if os.name == "nt":
        return True  # there, asking would interrupt it
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # another user's
    return True


@functools.cache
def _machine() -> str:
    """Return a few letters for this machine: on a shared disk, another one's processes can't be asked after."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def check_replaceable(path: Path) -> None:
    """Refuse a place for a file where something else is, or a link to where no file can be.

    Raises
    ------
    OutputError
        Saying what is there.
    """
    found = look(path, OutputError)
    if found not in ("a file", None):
        msg = f"{path} is {found}, not a regular file, and is not replaced. Give the name of a file to write."
        raise OutputError(msg)
    target = end_of_link(path)
    if target != path and look(target.parent, OutputError) != "a folder":
        msg = f"{path} is a link to {target}, whose folder is not there. Make that folder, or give another name."
        raise OutputError(msg)


def end_of_link(path: Path) -> Path:
    """Return where a file is written: at the end of a link, which stays, else at the path itself."""
    return Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114 (a NUL is no link)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside a file to write its new content to.

    It takes the file's place at the end, and is gone where writing fails. Its name ends like the file's, for some
    writers go by that. Where the file is a link, what it leads to is replaced.

    Raises
    ------
    OutputError
        The file can't be written, its folder can't be made, or something that is no regular file is there.
    """
    check_replaceable(path)
    path = end_of_link(path)
    if make_folder(path.parent) not in _swept:
        _swept.add(path.parent)
        sweep(path.parent)
    part = path.parent / f".{os.getpid()}.{_machine()}.part.{path.name[-40:]}"
    try:
        yield part
        part.replace(path)
    except BaseException as err:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(err, OSError) and not isinstance(err, ZoobotError):
            raise output_error(path, err) from err
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is never seen half written; see `replacing`."""
    with replacing(path) as part:
        part.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON, whole, for people to read too; see `replacing`.

    NaN and infinity, which JSON has not, become null.
    """
    write_whole(path, json.dumps(json_ready(content), indent=2, allow_nan=False).encode())


def json_ready(content: Any) -> Any:
    """Return plain values as JSON can hold them: NaN and infinity become null."""
    if isinstance(content, dict):
        return {name: json_ready(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [json_ready(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
