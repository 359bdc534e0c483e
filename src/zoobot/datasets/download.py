"""Fetching a published file: checked by its md5 checksum, and going on where an earlier download was interrupted."""

import hashlib
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests
import urllib3

from zoobot.errors import CatalogError
from zoobot.progress import track, track_steps

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30.0  # without an answer
TRIES = 5  # connections in one call, where they keep breaking off
PAUSE_SECONDS = 2.0  # between them
MB = 2**20


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its address, and the md5 checksum (hexadecimal) of its content, None if none was published."""

    url: str
    md5: str | None

    @property
    def name(self) -> str:
        """The file's own name, as in its address."""
        return self.url.partition("?")[0].rpartition("/")[2]


class NoNetworkError(Exception):
    """The server of a data set can't be reached at all."""


def fetch(file: RemoteFile, path: Path) -> None:
    """Bring `path` to hold a published file; one that is there with the right checksum is left as it is.

    The file appears under its name only when it is whole and its checksum was right. Until then it grows beside it as
    ``<name>.<md5>.part``, and the next call asks the server for the rest alone (HTTP Range), even after a kill. A
    server that sends the whole file all the same is taken at its word, from the start. A connection that breaks off is
    made anew a few times.

    Parameters
    ----------
    file : RemoteFile
        Address and checksum. Without a checksum the content can't be checked, which the log says.
    path : Path
        Where to keep it; its folder must exist.

    Raises
    ------
    NoNetworkError
        The server can't be reached.
    CatalogError
        The server refused, the connection kept breaking off (what came is kept), or the content has another checksum
        (nothing is kept).
    OSError
        The disk is full, or not to be written.
    """
    if is_kept(file, path):
        return
    part = path.with_name(f"{path.name}.{file.md5 or 'unchecked'}.part")
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        try:
            if _receive(file, part):
                break
        except NoNetworkError:
            if not attempt:
                raise
    else:
        msg = (
            f"the connection broke off {TRIES} times while downloading {file.url}. What came is kept in {part}: call "
            f"again to go on from there, or download it by other means to {path}"
        )
        raise CatalogError(msg)
    if file.md5 is None:
        logger.warning("no checksum was published for %s: whether its content is right can't be checked", path.name)
    elif (found := _md5(part)) != file.md5:
        part.unlink()
        msg = (
            f"{file.url} gave a file with md5 checksum {found}, not the published {file.md5}, so it was not kept. Try "
            "again; if it stays so, the file was replaced or altered since: don't use it"
        )
        raise CatalogError(msg)
    part.replace(path)


def is_kept(file: RemoteFile, path: Path) -> bool:
    """Tell whether `path` holds the file, with the published checksum where there is one."""
    return path.is_file() and (file.md5 is None or _md5(path) == file.md5)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        pieces = iter(partial(stream.read, MB), b"")
        for piece in track(pieces, f"Checking {path.name}", path.stat().st_size // MB + 1, unit="MB"):
            digest.update(piece)
    return digest.hexdigest()


def _receive(file: RemoteFile, part: Path) -> bool:
    """Add to `part` what one connection gives; tell whether it's whole now, False where the connection broke off."""
    have = part.stat().st_size if part.is_file() else 0
    with _ask(file, have) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable and have:
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return True
            logger.warning("%s is not a part of %s: it is downloaded from the start", part, file.url)
            part.unlink()
            return False
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            msg = f"downloading {file.url} failed: {error}. Try again later, or download it by other means"
            raise CatalogError(msg) from error
        start = _start(response)
        if start not in (0, have):
            part.unlink()
            return False
        if start:
            logger.info("going on with %s at byte %d", part, start)
        with part.open("ab" if start else "wb") as stream:
            try:
                for piece in track_steps(_pieces(response), *_progress(response, file, start), unit="MB"):
                    stream.write(piece)
            except urllib3.exceptions.HTTPError as error:
                logger.warning("the connection broke off while downloading %s (%s)", file.url, error)
                return False
    return True


def _ask(file: RemoteFile, have: int) -> requests.Response:
    """Ask the server for the file, from byte `have` on."""
    headers = {"Accept-Encoding": "identity"}  # the published bytes: a checksum and a range count those
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        return requests.get(file.url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)
    except (requests.ConnectionError, requests.Timeout) as error:
        msg = f"can't reach {file.url}: {error}"
        raise NoNetworkError(msg) from error
    except requests.RequestException as error:
        msg = f"downloading {file.url} failed: {error}. Try again later, or download it by other means"
        raise CatalogError(msg) from error


def _start(response: requests.Response) -> int:
    """Return the place in the file of the first byte that a server sends: 0 where it sends the whole file."""
    if response.status_code != requests.codes.partial_content:
        return 0
    place = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(place[1]) if place else -1


def _pieces(response: requests.Response) -> Iterator[tuple[bytes, int]]:
    """Return the content as it comes, so that nothing of it is lost where it breaks off.

    Each piece comes with the MB that it completes.
    """
    got = 0
    while piece := response.raw.read1(MB, decode_content=False):
        yield piece, (got + len(piece)) // MB - got // MB
        got += len(piece)


def _progress(response: requests.Response, file: RemoteFile, start: int) -> tuple[str, int]:
    """Return the text of the progress bar and its length in MB."""
    length = int(response.headers.get("Content-Length", 0))
    return f"Downloading {'the rest of ' if start else ''}{file.name}", length // MB + 1
