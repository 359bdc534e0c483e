"""Whether results are complete and in a format that this version reads.

Results are marked while they are written, and this is asked before they are read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoobot.errors import CatalogError, ModelFileError
from zoobot.files import look, read_json, write_whole
from zoobot.layout import ABOUT_FILE, RUN_FILE, RUN_FORMAT, UNFINISHED, VERSION_KEY


@contextlib.contextmanager
def finishing(folder: Path, own: str) -> Iterator[None]:
    """Mark a folder's results as unfinished inside; a process that is killed, or fails, leaves the mark.

    See `check_finished`. ``own``: the command, such as ``zoobot evaluate``.
    """
    text = f"The results in this folder are not complete: {own}, which writes them, did not end.\n"
    write_whole(folder / UNFINISHED, text.encode())
    yield
    (folder / UNFINISHED).unlink(missing_ok=True)


def check_finished(folder: Path) -> None:
    """Refuse a folder whose results can't be relied on.

    They were only partly replaced, and may be of two models, or their format is newer than this version.

    Raises
    ------
    CatalogError
        It is such a folder.
    ModelFileError
        See `check_format`.
    """
    check_format(folder)
    if look(folder / UNFINISHED, CatalogError) is not None:
        msg = (
            f"the results in {folder} are not complete: the command that wrote them was interrupted, or failed. Go on "
            "with zoobot finetune --resume, or repeat zoobot evaluate."
        )
        raise CatalogError(msg)


def check_format(folder: Path) -> None:
    """Refuse the folder of a run or an evaluation that a newer version wrote.

    Those that name no version are of the first.

    Raises
    ------
    ModelFileError
        It is such a folder.
    """
    for name in (ABOUT_FILE, RUN_FILE):
        content: dict[str, Any] = {}
        with contextlib.suppress(ModelFileError):  # whoever needs the file says that it is absent or damaged
            content = read_json(folder / name, ModelFileError, "")
        if name == RUN_FILE and "settings" not in content:
            continue  # a finetuning run's settings, which have a version of their own
        version = content.get(VERSION_KEY, 1)
        if not isinstance(version, int) or not 1 <= version <= RUN_FORMAT:
            msg = (
                f"the format of {folder} is {version!r} ({name}), and this version of zoobot reads formats up to "
                f"{RUN_FORMAT}. Use the version of zoobot that wrote it, or a newer one."
            )
            raise ModelFileError(msg)
