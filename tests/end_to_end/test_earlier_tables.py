"""A file is replaced by a table of predictions or features only where it is plainly an earlier one.

This holds in every format and for every task.
"""

import shutil

import h5py
import pandas as pd
import pytest
from astropy.io import fits

import zoobot
from zoobot.data.tables import read_source
from zoobot.errors import OutputError
from zoobot.predictions import predict, represent, write_table

TASKS = {
    "classes": ("--label", "shape"),
    "numbered classes": ("--label", "ring"),
    "flags": ("--label", "has_ring", "--label", "is_large"),
    "measurements": ("--label", "radius"),
    "votes": ("--tree", "tree.yaml"),
}
ENDINGS = ("csv", "parquet", "fits", "hdf5")
LOST = r"is there already, and is .*: it would be lost\. Move it, or give another name\."


@pytest.fixture(scope="module")
def models(finetune, galaxies, tmp_path_factory):
    """One model of each task."""
    folder = tmp_path_factory.mktemp("earlier")
    for task, words in TASKS.items():
        words = [galaxies / word if word.endswith(".yaml") else word for word in words]
        finetune(folder / task, *words, "--epochs", 1)
    return {task: zoobot.load(folder / task / "model") for task in TASKS}


@pytest.fixture(scope="module")
def few(galaxies, tmp_path_factory):
    """A catalog of four of the galaxies, with all labels."""
    table = pd.read_csv(galaxies / "catalog.csv").iloc[:4]
    table["file_loc"] = [str(galaxies / name) for name in table["file_loc"]]
    path = tmp_path_factory.mktemp("few") / "few.csv"
    table.assign(id_str=list("abcd")).to_csv(path, index=False)
    return path


def refused(path, write) -> None:
    before = path.read_bytes()
    with pytest.raises(OutputError, match=LOST):
        write(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("task", TASKS)
def test_only_earlier_predictions_are_replaced(task, ending, models, few, tmp_path):
    model, path = models[task], tmp_path / f"p.{ending}"
    for options in ({}, {}, {"n_samples": 2, "on_error": "skip"}, {"n_views": 2}, {}):
        table = predict(few, model, path, num_workers=0, **options)
        assert list(read_source(path)[0].columns) == list(table.columns)
    if not task.startswith("meas") and task != "flags":  # of a model that was not calibrated
        write_table(table.filter(regex="^(?!.*_(calibrated|set|low|high)$)"), path)
        predict(few, model, path, num_workers=0)
    labels = pd.read_csv(few)[["id_str", "file_loc", *model.label_cols]]
    for name, theirs in {
        "labels": labels, "labels and flags": labels.assign(error=""), "joined": table.assign(redshift=0.1),
        "features": represent(few, model, num_workers=0),
        "another task's": labels.rename(columns={model.label_cols[0]: "other_low"}),
        "no galaxies": pd.DataFrame({"flux": [1.0]}),
    }.items():  # fmt: skip
        refused(
            write_table(theirs, tmp_path / f"{name}.{ending}"), lambda path: predict(few, model, path, num_workers=0)
        )


@pytest.mark.parametrize("ending", ENDINGS)
def test_only_earlier_features_are_replaced(ending, models, few, tmp_path):
    path = tmp_path / f"f.{ending}"
    wider = pd.DataFrame({"id_str": ["a"], "file_loc": ["a.jpg"], **{f"feature_{place}": [1.0] for place in range(40)}})
    write_table(wider, path)
    for options in ({}, {"on_error": "skip"}, {}):
        represent(few, models["classes"], path, num_workers=0, **options)
    for name, theirs in {"joined": wider.assign(ring=1), "labels": pd.read_csv(few)}.items():
        theirs = write_table(theirs, tmp_path / f"{name}.{ending}")
        refused(theirs, lambda path: represent(few, models["classes"], path, num_workers=0))


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_no_table_is_not_replaced_but_what_is_empty(ending, models, few, tmp_path):
    path = tmp_path / f"p.{ending}"
    path.touch()
    predict(few, models["classes"], path, num_workers=0)
    written = path.read_bytes()
    contents = {
        "notes": b"Observed in March.\nClouds from 2 h on.\n",
        "cut": written[: len(written) // 2] if ending != "csv" else b"\n",
    }
    for name, content in contents.items():
        path = tmp_path / f"{name}.{ending}"
        path.write_bytes(content)
        refused(path, lambda path: predict(few, models["classes"], path, num_workers=0))


def test_files_that_hold_more_than_the_table_are_not_replaced(models, few, tmp_path):
    for ending in ("fits", "hdf5"):
        predict(few, models["classes"], tmp_path / f"p.{ending}", num_workers=0)
    with h5py.File(tmp_path / "p.hdf5", "a") as file:
        file["mine"] = [1.0]
    fits.append(tmp_path / "p.fits", fits.ImageHDU([[1.0]]).data)
    for ending in ("fits", "hdf5"):
        refused(tmp_path / f"p.{ending}", lambda path: predict(few, models["classes"], path, num_workers=0))


def test_a_table_of_kinds_of_galaxies_is_replaced_by_another_only(finetune, few, zoobot_command, tmp_path):
    out = tmp_path / "p.csv"
    finetune(tmp_path / "run", "--label", "shape", "--epochs", 1, "--report")
    command = (
        "predict",
        few,
        "--model",
        tmp_path / "run" / "model",
        "--num-workers",
        0,
        "--by",
        "radius",
        "--out",
        out,
    )
    mine = shutil.copy(few, tmp_path / "p_shift.csv")
    answer = zoobot_command(*command)
    assert answer.code == 2 and "p_shift.csv is there already" in answer.err
    assert mine.read_bytes() == few.read_bytes() and not out.exists()
    mine.unlink()
    for _ in range(2):
        answer = zoobot_command(*command)
        assert answer.code == 0, answer.err
        assert {"column", "auroc"} <= set(pd.read_csv(mine).columns)
