"""Folders that commands write into.

An overwritten run is there whole, or the new one is, whenever the process is killed.
"""

import ast
import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest

from zoobot import layout
from zoobot.errors import ModelFileError, OutputError
from zoobot.finishing import check_finished
from zoobot.folders import RunFolder, check_file_out, check_folder, refuse_inputs
from zoobot.layout import RUN_FORMAT, kinds
from zoobot.report import write_report
from zoobot.runs import check_run, select_galaxies


def run_in(folder: Path, name: str) -> None:
    """Write a run whose files all say whose they are."""
    (folder / "run.json").write_text(f'{{"catalog": "{name}"}}')
    for path in (
        "model/weights",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
        "folds/fold_0.json",
        "log.csv",
        "metrics.json",
    ):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(name)


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def run_folder(path: Path) -> RunFolder:
    return RunFolder(path, "zoobot finetune")


class Killed(BaseException):
    """As SIGKILL: nothing of the process runs after it."""


@pytest.fixture
def kill_at(monkeypatch):
    """Let the file operation of a number, and all after it, fail, as in a process that is no more.

    Return how many there were.
    """

    def arm(number: int) -> list[int]:
        count = [0]

        def counted(real):
            def call(*args, **options):
                count[0] += 1
                if count[0] >= number:
                    raise Killed
                return real(*args, **options)

            return call

        for home, name in ((os, "rename"), (os, "unlink"), (os, "rmdir"), (os, "mkdir"), (Path, "rename"),
            (Path, "unlink"),
                           (Path, "touch"), (Path, "rmdir"), (Path, "mkdir")):  # fmt: skip
            monkeypatch.setattr(home, name, counted(getattr(home, name)))
        return count

    return arm


def overwrite(path: Path, *, succeeds: bool) -> None:
    folder = run_folder(path)
    folder.claim(resume=False, overwrite=True, elsewhere="another")
    with folder.replaced():
        (path / "run.json").write_text('{"catalog": "new"}')
        os.makedirs(path / "checkpoints", exist_ok=True)  # noqa: PTH103
        (path / "checkpoints" / "best.ckpt").write_text("new")
        if not succeeds:
            msg = "as a full disk"
            raise ValueError(msg)
        (path / "checkpoints" / "last.ckpt").write_text("new")
        folder.drop_earlier()


@pytest.mark.parametrize("succeeds", [True, False])
def test_killed_anywhere_one_run_is_whole(succeeds, kill_at, monkeypatch, tmp_path):
    number, ended = 0, False
    while not ended:
        number += 1
        path = tmp_path / str(number)
        path.mkdir()
        run_in(path, "old")
        (path / "mine.txt").write_text("of the user")
        old = content(path)
        count = kill_at(number)
        with contextlib.suppress(Killed, ValueError):
            overwrite(path, succeeds=succeeds)
        ended = count[0] < number
        monkeypatch.undo()
        run_folder(path).settle()
        left = content(path)
        assert left.pop("mine.txt") == "of the user"
        new = {"run.json": '{"catalog": "new"}', "checkpoints/best.ckpt": "new", "checkpoints/last.ckpt": "new"}
        assert left in ({name: text for name, text in old.items() if name != "mine.txt"}, new), number
        assert succeeds or left != new
        assert sorted(one.name for one in path.iterdir() if one.name.startswith(".")) == []
    assert number > 10


def test_a_run_that_is_refused_is_left_alone(tmp_path):
    folder = run_folder(tmp_path)
    run_in(tmp_path, "old")
    before = content(tmp_path)
    with pytest.raises(OutputError, match="Use --resume to go on"):
        folder.claim(resume=False, overwrite=False, elsewhere="another")
    shutil.rmtree(tmp_path / "checkpoints")
    for resume in (True, False):
        with pytest.raises(OutputError, match="without the checkpoint"):
            folder.claim(resume=resume, overwrite=False, elsewhere="another")
    (tmp_path / "run.json").unlink()
    for resume in (True, False):
        with pytest.raises(OutputError, match="but not run.json"):
            folder.claim(resume=resume, overwrite=False, elsewhere="another")
    assert content(tmp_path) == {name: text for name, text in before.items() if name[:3] not in ("run", "che")}


KINDS = {
    "zoobot finetune": {"run.json": '{"catalog": "c.csv"}'},
    "zoobot pretrain": {"run.json": '{"settings": {}}'},
    "zoobot evaluate": {"about.json": '{"versions": {}}', "metrics.json": "{}"},
    "zoobot select": {"selection.json": '{"threshold": 1}'},
    "zoobot compare": {"comparison.json": '{"curves": {}}'},
    "zoobot explain": {"neighbors.csv": "id_str,rank,neighbor\n"},
    "zoobot simulate": {"simulation.json": '{"survey": "sdss"}'},
    "a saved model": {"config.json": "{}", "model.safetensors": ""},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_its_commands_alone(kind, tmp_path):
    for name, text in KINDS[kind].items():
        (tmp_path / name).write_text(text)
    assert kinds(tmp_path) == [kind]
    for own in KINDS:
        if own == kind:
            check_folder(tmp_path, own)
            continue
        with pytest.raises(OutputError, match="Give another folder"):
            check_folder(tmp_path, own)
    for name in KINDS[kind]:
        with pytest.raises(OutputError, match="would be written over"):
            check_file_out(tmp_path / name, {})
    check_file_out(tmp_path / "new.csv", {})


def test_inputs_are_never_outputs_however_they_are_spelled(tmp_path, monkeypatch):
    catalog = tmp_path / "run" / "folds" / "c.csv"
    catalog.parent.mkdir(parents=True)
    catalog.write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    (tmp_path / "link.csv").symlink_to(catalog)
    monkeypatch.chdir(tmp_path)
    spellings = (catalog, "run/folds/c.csv", "run/../run/folds/c.csv", "link/folds/c.csv", "link.csv")
    for spelling in spellings:
        for output in (*spellings, "run/folds", "link/folds", tmp_path / "run"):
            with pytest.raises(OutputError, match="written over or deleted"):
                refuse_inputs({"the catalog": spelling}, [Path(output)])
    refuse_inputs(
        {"the catalog": catalog, "none": None, "a hub": "hf_hub:run", "absent": "x.csv"},
        [Path("run/other.csv"), Path("run/model")],
    )


@pytest.mark.parametrize(("name", "more"), [("about.json", {}), ("run.json", {"settings": {}})])
@pytest.mark.parametrize("version", [RUN_FORMAT + 1, "new", 0])
def test_a_folder_of_a_newer_version_is_refused(tmp_path, name, more, version):
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / name).write_text(json.dumps({"format_version": version, **more}))
    targets = tmp_path / "targets.csv"
    targets.write_text("id_str\n1\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    uses = (
        check_finished,
        write_report,
        check_run,
        lambda folder: select_galaxies(targets, folder, tmp_path / "selected", purity=0.5),
        lambda folder: select_galaxies(targets, folder / "model", tmp_path / "selected", purity=0.5),
    )
    for use in uses:
        with pytest.raises(ModelFileError, match=rf"format of .* is {version!r} .*up to {RUN_FORMAT}.*a newer one"):
            use(tmp_path)


def test_a_run_of_a_newer_version_is_not_resumed(tmp_path):
    run_in(tmp_path, "earlier")
    (tmp_path / "about.json").write_text(json.dumps({"format_version": RUN_FORMAT + 1}))
    with pytest.raises(ModelFileError, match="a newer one"):
        run_folder(tmp_path).claim(resume=True, overwrite=False, elsewhere="another")
    assert not run_folder(tmp_path).claim(resume=False, overwrite=True, elsewhere="another")


@pytest.mark.parametrize("about", ["{}", '{"format_version": 1}', "damaged", "[]"])
def test_folders_of_this_and_of_earlier_versions_are_read(tmp_path, about):
    (tmp_path / "about.json").write_text(about)
    (tmp_path / "run.json").write_text('{"catalog": "a.csv", "format_version": 99}')  # of its settings
    check_finished(tmp_path)


def test_names_of_results_are_written_once():
    source = Path(layout.__file__).parent
    names = layout.RESULT_NAMES | {layout.CHECKPOINTS, layout.LAST_CHECKPOINT, layout.PICKLED_WEIGHTS_FILE}
    found = {
        (path.name, node.value)
        for path in source.rglob("*.py")
        if path != Path(layout.__file__)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert not found
