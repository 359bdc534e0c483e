"""Folders that commands write into.

The module says whose they are, what must not be written over, and how an earlier run gives way to a new one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoobot.errors import OptionError, OutputError
from zoobot.files import (
    check_replaceable,
    check_writable,
    end_of_link,
    home,
    is_file,
    is_folder,
    look,
    make_folder,
    output_error,
    sweep,
)
from zoobot.finishing import check_format
from zoobot.layout import (
    ALL_MOVED,
    CHECKPOINTS,
    EARLIER,
    FOLD,
    FOLDS_FOLDER,
    LAST_CHECKPOINT,
    MADE,
    RESULT_NAMES,
    RESULTS,
    RUN_FILE,
    TO_DELETE,
    UNFINISHED,
    kinds,
)
from zoobot.places import refuse_lost

DEEPEST = Path(FOLDS_FOLDER, FOLD.format(99), CHECKPOINTS, "x" * 60)
"""As far below its folder as a command writes: a path that is too long is to be found before work"""


def check_folder(out: Path, own: str, made: Iterable[str] = ()) -> None:
    """Refuse an output that can't be written or that would replace something else.

    Such are a folder that can't be written or that holds what another command wrote, and a pipe, a device or a folder
    for a file of results. It need not be there yet.

    Parameters
    ----------
    out
        The folder.
    own
        The command, such as ``zoobot evaluate``.
    made
        Names of what it writes: where they are there already, an earlier call of it must have written them.

    Raises
    ------
    OutputError
        It is such a folder, or lies in what another command deletes (see `refuse_lost`).
    """
    nearest = next(place for place in (out, *out.absolute().parents) if look(place, OutputError) is not None)
    if not is_folder(nearest, OutputError):
        what = f"{nearest} is {look(nearest, OutputError)}, expected a folder."
        msg = f"{what} Give a folder to write into."
        if nearest != out:
            msg = f"{out} can't be written: {what} Choose a place that you may write to."
        raise OutputError(msg)
    look(out / DEEPEST, OutputError)
    for name in sorted(RESULT_NAMES):
        check_replaceable(out / name)
        if (out / name).is_symlink():
            _refuse_theirs(out / name)
    others = [kind for kind in kinds(out, own) if kind != own]
    if others:
        what = others[0] if others[0].startswith("a ") else f"results of {others[0]}"
        msg = (
            f"{out} holds {what}, which {own} would write over or mix with its own. Give another folder, such as "
            f"{out / 'new'}."
        )
        raise OutputError(msg)
    found = [name for name in made if os.path.lexists(out / name)]
    if found and own not in kinds(out, own):
        msg = f"{out} holds {', '.join(found)}, which {own} would replace. Move it, or choose another folder."
        raise OutputError(msg)
    refuse_lost(out)
    check_writable(nearest)


def refuse_inputs(inputs: Mapping[str, object], outputs: Iterable[Path]) -> None:
    """Refuse to write over, or delete, what a command reads.

    Links and other spellings of the same path count as the path.

    Parameters
    ----------
    inputs
        Paths by what they are; what is no path, or not there, is passed over.
    outputs
        Files and folders that the command writes or deletes.

    Raises
    ------
    OutputError
        An input is one of the outputs or lies in one; or the system won't say what lies at an output.
    """
    outputs = list(outputs)
    for path in outputs:
        look(path, OutputError)
    taken = {os.path.realpath(path): path for path in outputs}
    for what, source in inputs.items():
        if isinstance(source, str | Path) and str(source):
            hit = _hit(home(source), taken)
            if hit is not None:
                msg = (
                    f"{what}, {source}, would be written over or deleted: the results go to {hit}. Give another output."
                )
                raise OutputError(msg)


def _hit(path: Path, taken: Mapping[str, Path]) -> Path | None:
    """Return the output, of those by their real path, that a path is or lies in.

    It is None also for what is no path on this machine.
    """
    try:
        if not path.exists():
            return None
        real = Path(os.path.realpath(path))
        inside = next((taken[str(one)] for one in (real, *real.parents) if str(one) in taken), None)
        return inside or next((out for out in taken.values() if out.exists() and out.samefile(path)), None)
    except (OSError, ValueError):
        return None


def check_file_out(path: Path, inputs: Mapping[str, object]) -> None:
    """Refuse a file for a command's table or page that would replace something else.

    Such is an input of the command, no regular file, or a result of another command.

    Raises
    ------
    OutputError
        It is.
    """
    check_replaceable(path)
    refuse_inputs(inputs, [path])
    _refuse_theirs(path)
    refuse_lost(path)


def _refuse_theirs(path: Path) -> None:
    """Refuse a file that is among a command's results, or a link to one."""
    target = end_of_link(path)
    theirs = kinds(target.parent) if target.name in RESULT_NAMES and target.exists() else []
    if theirs:
        what = theirs[0] if theirs[0].startswith("a ") else f"the results of {theirs[0]}"
        msg = f"{target} is among {what}, and would be written over. Give another name or folder."
        raise OutputError(msg)


def remove(folder: Path, names: Iterable[str]) -> None:
    """Delete files, links and folders of a folder by their names; those that are not there are passed over."""
    for path in (folder / name for name in names):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class RunFolder:
    """The folder of a training run, of which there is one at a time.

    Parameters
    ----------
    path
        The folder.
    command
        Which writes it: ``zoobot finetune`` or ``zoobot pretrain``.
    """

    path: Path
    command: str

    @property
    def made(self) -> tuple[str, ...]:
        """Names of all that a run writes, ``run.json`` apart."""
        return MADE[self.command]

    @property
    def newest(self) -> Path:
        """The newest checkpoint."""
        return self.path / CHECKPOINTS / LAST_CHECKPOINT

    def claim(self, *, resume: bool, overwrite: bool, elsewhere: str) -> bool:
        """Tell whether the folder holds a run to go on with; changes nothing but what a killed run left in disorder.

        Parameters
        ----------
        resume, overwrite
            What to do with an earlier run.
        elsewhere
            What to give instead, for the message.

        Raises
        ------
        OptionError
            Both are set.
        OutputError
            There is a run, and neither is set; there is none to resume, but files of one; a folder of another
            command's, or one that can't be written.
        """
        if resume and overwrite:
            msg = (
                "--resume and --overwrite contradict each other. Give --resume to go on with the run, --overwrite to "
                "delete it."
            )
            raise OptionError(msg)
        check_folder(self.path, self.command)
        for folder in (self.path, *(self.path / name for name in self.made)):
            sweep(folder)
        self.settle()
        recorded = (self.path / RUN_FILE).is_file()
        if recorded and self.command not in kinds(self.path, self.command):
            msg = f"{self.path / RUN_FILE} is no record of a run, and would be written over. Move it, or {elsewhere}."
            raise OutputError(msg)
        found = [name for name in self.made if (self.path / name).exists()]
        if overwrite or not (found or recorded):
            return False
        if not recorded:
            msg = (
                f"{self.path} already holds a run's {', '.join(found)}, but not {RUN_FILE}, which says what they are "
                f"of. Use --overwrite to replace them, or {elsewhere}."
            )
            raise OutputError(msg)
        if is_file(self.newest, OutputError):
            if resume:
                check_format(self.path)
                return True
            msg = (
                f"{self.path} already holds a run. Use --resume to go on with it, --overwrite to replace it, or "
                f"{elsewhere}."
            )
            raise OutputError(msg)
        if any(name in found for name in RESULTS[self.command]):
            msg = (
                f"{self.path} already holds a run, without the checkpoint to resume it from. Use --overwrite to "
                f"replace it, or {elsewhere}."
            )
            raise OutputError(msg)
        return False

    @contextlib.contextmanager
    def replaced(self) -> Iterator[None]:
        """Move an earlier run aside for a new one; put it back where the new one ends without a checkpoint.

        A process that is killed inside leaves what `settle` brings in order. See `drop_earlier` too.

        Raises
        ------
        OutputError
            It can't be moved.
        """
        try:
            self._set_aside()
            yield
        finally:
            self.settle()

    def settle(self) -> None:
        """Bring in order what an overwriting run left.

        The earlier run goes where the new one has a checkpoint, else it comes back.

        Raises
        ------
        OutputError
            Something can't be moved or deleted.
        """
        aside = self.path / EARLIER
        try:
            if (self.path / TO_DELETE).exists():
                shutil.rmtree(self.path / TO_DELETE)
            if not aside.is_dir():
                return
            if (aside / ALL_MOVED).exists():
                if self.newest.is_file():
                    self.drop_earlier()
                    return
                self._remove()
                (aside / ALL_MOVED).unlink()
            for path in sorted(aside.iterdir(), key=lambda path: path.name == RUN_FILE):  # the record last
                path.rename(self.path / path.name)
            aside.rmdir()
        except OSError as err:
            raise output_error(aside, err) from err

    def drop_earlier(self) -> None:
        """Delete the earlier run that was moved aside, if there is one: the new one has a checkpoint now."""
        aside = self.path / EARLIER
        if aside.is_dir():
            aside.rename(self.path / TO_DELETE)  # at once, so that what is left of it is never taken for a run
            shutil.rmtree(self.path / TO_DELETE, ignore_errors=True)

    def _set_aside(self) -> None:
        names = [name for name in (RUN_FILE, UNFINISHED, *self.made) if os.path.lexists(self.path / name)]
        if not names:
            return
        aside = make_folder(self.path / EARLIER)
        try:
            for name in names:
                (self.path / name).rename(aside / name)
            (aside / ALL_MOVED).touch()
        except OSError as err:
            raise output_error(aside, err) from err

    def _remove(self) -> None:
        """Delete what a run without a checkpoint wrote."""
        remove(self.path, (RUN_FILE, UNFINISHED, *self.made))

    def refuse_inputs(self, inputs: Mapping[str, object], images: Iterable[str] = ()) -> None:
        """Refuse inputs, and catalogs' images, that lie among what a run writes; see `refuse_inputs`.

        Raises
        ------
        OutputError
            There are such.
        """
        outputs = [self.path / name for name in (RUN_FILE, *self.made)]
        folders = {os.path.dirname(image): image for image in images}  # noqa: PTH120 (of every galaxy)
        refuse_inputs(
            {**inputs, **{f"an image's folder ({image})": folder for folder, image in folders.items()}}, outputs
        )
