"""Pipes, devices, sockets and bombs where a command reads: every command ends, soon, with one message."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from tests.data.hostile import IMAGES, NO_FILES, TABLES
from tests.end_to_end.options import FILES, OUTPUTS, PATH_OPTIONS, arguments
from tests.guard import guarded

ENDINGS = {
    "catalog": ".csv",
    "test": ".csv",
    "predictions": ".csv",
    "audited": ".csv",
    "unlabelled": ".csv",
    "galaxies": ".csv",
}
ENDINGS |= {"tree": ".yaml", "encoder": ".ckpt", "model": ".ckpt"}
INPUTS = [one for one in PATH_OPTIONS if one not in OUTPUTS]
CATALOGS = [one for one in INPUTS if ENDINGS.get(one[1]) == ".csv"]


@pytest.fixture(scope="module")
def run(finetune, tmp_path_factory):
    """A run with all that a run may have."""
    out = tmp_path_factory.mktemp("hostile") / "run"
    finetune(out, "--label", "ring", "--epochs", 1, "--report", "--folds", 2)
    return out


@pytest.fixture
def known(run, galaxies, encoder, tmp_path):
    return {"catalog": galaxies / "catalog.csv", "run": run, "encoder": encoder, "out": tmp_path / "out"}


def check_refused(answer, name) -> str:
    """Check that a command ended with one message that names a file; give it."""
    assert answer.code == 2, answer.out + answer.err
    assert "Traceback" not in answer.out + answer.err
    errors = [line for line in answer.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and name in answer.err
    return answer.err


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize(("command", "option"), INPUTS, ids=map("-".join, INPUTS))
def test_what_is_no_file_is_not_read(command, option, kind, known, zoobot_command, tmp_path):
    path = tmp_path / f"input{ENDINGS.get(option, '')}"
    NO_FILES[kind](path)
    with guarded(30):
        answer = zoobot_command(*arguments(command, known, **{option: path}))
    check_refused(answer, str(path))


@pytest.mark.parametrize("form", ["csv.gz", "fits.gz", "parquet", "hdf5"])
@pytest.mark.parametrize(("command", "option"), CATALOGS, ids=map("-".join, CATALOGS))
def test_a_catalog_that_unpacks_without_end_is_refused(command, option, form, known, zoobot_command, tmp_path):
    path = tmp_path / f"catalog.{form}"
    TABLES[form]["many rows" if form != "csv.gz" else "one line"][0](path)
    with guarded():
        answer = zoobot_command(*arguments(command, known, **{option: path}))
    assert "unpacks to more than" in check_refused(answer, str(path))


@pytest.mark.parametrize(
    ("ending", "kind"), [("png", "20,000 px"), ("fits", "10^6 px"), ("fits.gz", "9000 px"), ("png", "pipe")]
)
@pytest.mark.parametrize(
    "command", [command for command, option in CATALOGS if option == "catalog"]
)  # fmt: skip
def test_one_hostile_image_of_many(command, ending, kind, known, galaxies, zoobot_command, tmp_path):
    path = tmp_path / f"image.{ending}"
    IMAGES[ending][kind][0](path)
    frame = pd.read_csv(known["catalog"])
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    frame.loc[0, "file_loc"] = str(path)
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    with guarded(120):
        answer = zoobot_command(*arguments(command, known, catalog=tmp_path / "catalog.csv"))
    check_refused(answer, str(path))


READERS = {"predict": "model", "evaluate": "model", "explain": "model", "select": "model", "check": "run"}
"""Commands that read a run or its model, and with which option"""


@pytest.mark.parametrize("command", READERS)
def test_a_run_in_which_one_file_is_none(command, known, run, zoobot_command, tmp_path):
    """It is refused where the command needs the file, passed over where not; never waited for, never replaced."""
    inside = READERS[command] == "model" and command != "select"
    files = [path.relative_to(run) for path in run.rglob("*") if path.is_file() and "plots" not in path.parts]
    named = [name for name in files if name.parts[0] == "model" or not inside]
    assert len(named) >= 4
    for place, name in enumerate(named):
        copied = tmp_path / f"run_{place}"
        shutil.copytree(run, copied)
        (copied / name).unlink()
        NO_FILES["pipe"](copied / name)
        option = {READERS[command]: copied / "model" if inside else copied}
        if command == "select":
            option["predictions"] = known["run"] / "predictions.csv"
        with guarded(60):
            answer = zoobot_command(*arguments(command, known | {"out": tmp_path / f"out_{place}"}, **option))
        assert answer.code in (0, 2) and "Traceback" not in answer.out + answer.err, (name, answer.out + answer.err)
        if answer.code == 2:
            check_refused(answer, name.name if (command, "out") in FILES else "")
        assert not (copied / name).is_file()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_report_on_a_run_of_which_nearly_nothing_is_left(kind, known, run, zoobot_command, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    for path in [path for path in (tmp_path / "run").rglob("*") if path.is_file()]:
        if path.name != "predictions.csv" or path.parent.name == "folds":
            path.unlink()
            NO_FILES[kind](path)
    with guarded():
        answer = zoobot_command(*arguments("report", known, folder=tmp_path / "run"))
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("kind", NO_FILES)
def test_images_that_are_none_are_skipped_where_asked_for(kind, known, galaxies, zoobot_command, tmp_path):
    path = tmp_path / "image.jpg"
    NO_FILES[kind](path)
    frame = pd.read_csv(known["catalog"])
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    frame.loc[0, "file_loc"] = str(path)
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    with guarded():
        answer = zoobot_command(*arguments("predict", known, catalog=tmp_path / "catalog.csv", on_error="skip"))
    assert answer.code == 0, answer.err
    table = pd.read_csv(Path(f"{known['out']}.csv"))
    assert table["ring_1"].isna().sum() == 1 and "not a regular file" in table["error"][0]
