"""Fetching a published file with its checksum, and unpacking an archive of images safely."""

import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from zoobot.errors import CatalogError

TIMEOUT = 30.0  # seconds without an answer


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its address and the md5 checksum (hexadecimal) that its content must have."""

    url: str
    md5: str


class NoNetworkError(Exception):
    """The server of a data set can't be reached at all."""


class _DownloadBar:
    """A rich progress bar with the four names that pooch asks of one: `total`, `update`, `reset` and `close`."""

    def __init__(self, name: str):
        self.total = 0
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task(f"Downloading {name}", total=None)

    def update(self, n_bytes: int) -> None:
        self._progress.start()
        self._progress.update(self._task, total=self.total or None, advance=n_bytes)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        if not self._progress.disable:
            self._progress.stop()


def fetch(file: RemoteFile, path: Path) -> None:
    """Bring `path` to hold a published file; one that is there with the right checksum is left as it is.

    The file appears under its name only when it is whole and its checksum was right.

    Parameters
    ----------
    file : RemoteFile
        Address and checksum.
    path : Path
        Where to keep it; its folder must exist.

    Raises
    ------
    NoNetworkError
        The server can't be reached.
    CatalogError
        The server refused, the connection broke halfway, or the content has another checksum.
    """
    pooch.get_logger().setLevel("WARNING")  # it prints each address otherwise
    bar = _DownloadBar(path.name)
    try:
        downloader = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT)
        pooch.retrieve(file.url, known_hash=f"md5:{file.md5}", fname=path.name, path=path.parent, downloader=downloader)
    except (requests.ConnectionError, requests.Timeout) as error:
        msg = f"can't reach {file.url}: {error}"
        raise NoNetworkError(msg) from error
    except requests.RequestException as error:
        msg = (
            f"downloading {file.url} failed: {error}. Try again later, download it by other means to {path}, "
            "or take simulated galaxies with simulated=True"
        )
        raise CatalogError(msg) from error
    except ValueError as error:
        msg = (
            f"{file.url} didn't give the file with the published md5 checksum {file.md5}, so it is not used ({error}). "
            "Try again; if it stays so, the file was replaced or altered: take simulated galaxies with simulated=True"
        )
        raise CatalogError(msg) from error
    finally:
        bar.close()


def unpack_images(archive: Path, folder: Path) -> None:
    """Unpack a tar archive of images into `folder`, whether or not the archive has a top folder of the name ``images``.

    Images appear in `folder` only when the whole archive was found good.

    Parameters
    ----------
    archive : Path
        A tar archive, compressed or not.
    folder : Path
        Where the images go; made if absent.

    Raises
    ------
    CatalogError
        Not a tar archive, or one that holds anything but files and folders that stay inside its own folder: nothing
        is kept of it.
    """
    unpacked = folder.with_name(f"{folder.name}.unpacking")
    shutil.rmtree(unpacked, ignore_errors=True)  # left by an unpacking that was interrupted
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter=_plain_members)
        top = unpacked / "images" if (unpacked / "images").is_dir() else unpacked
        for path in sorted(path for path in top.rglob("*") if path.is_file()):
            target = folder / path.relative_to(top)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    except tarfile.TarError as error:
        msg = (
            f"the archive {archive} is damaged or not safe to unpack, so none of it was kept ({error}). "
            "Delete it and download it again"
        )
        raise CatalogError(msg) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _plain_members(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """Refuse links, devices and absolute paths as well: images need none, and the standard filter lets some pass."""
    if PurePosixPath(member.name).is_absolute():
        raise tarfile.AbsolutePathError(member)
    if not (member.isfile() or member.isdir()):
        raise tarfile.SpecialFileError(member)
    return tarfile.data_filter(member, folder)
