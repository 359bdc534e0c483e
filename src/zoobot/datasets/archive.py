"""Unpacking an archive of images safely: only plain files, only inside its folder, and all of it or nothing."""

import shutil
import tarfile
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from pathlib import Path, PurePosixPath
from typing import IO

from zoobot.errors import CatalogError
from zoobot.progress import track_steps

MB = 2**20


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
        Not a tar archive, one that is damaged, or one that holds anything but files and folders that stay inside its
        own folder: nothing is kept of it.
    OSError
        The disk is full, or not to be written.
    """
    unpacked = folder.with_name(f"{folder.name}.unpacking")
    shutil.rmtree(unpacked, ignore_errors=True)  # left by an unpacking that was interrupted
    try:
        with archive.open("rb") as file, tarfile.open(fileobj=file) as tar:
            total = archive.stat().st_size // MB + 1
            for member in track_steps(_members(tar, file), f"Unpacking {archive.name}", total, unit="MB"):
                tar.extract(member, unpacked, filter=_plain_members)
            while tar.fileobj and tar.fileobj.read(MB):
                pass  # to the end, where gzip compares its own checksum
        top = unpacked / "images" if (unpacked / "images").is_dir() else unpacked
        for path in sorted(path for path in top.rglob("*") if path.is_file()):
            target = folder / path.relative_to(top)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    except (tarfile.TarError, zlib.error, BadGzipFile, EOFError) as error:
        msg = (
            f"the archive {archive} is damaged or not safe to unpack, so none of it was kept ({error}). "
            "Delete it and download it again"
        )
        raise CatalogError(msg) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _members(tar: tarfile.TarFile, file: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, int]]:
    """Return each member, and how many more MB of the archive's own file were read before it."""
    read = 0
    for member in tar:
        yield member, file.tell() // MB - read
        read = file.tell() // MB


def _plain_members(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """Refuse links, devices and absolute paths as well: images need none, and the standard filter lets some pass."""
    if PurePosixPath(member.name).is_absolute():
        raise tarfile.AbsolutePathError(member)
    if not (member.isfile() or member.isdir()):
        raise tarfile.SpecialFileError(member)
    return tarfile.data_filter(member, folder)
