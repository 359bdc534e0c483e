"""A test catalog that overlaps the catalog trained on is refused before training; what may be an overlap is said."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def table(galaxies) -> pd.DataFrame:
    frame = pd.read_csv(galaxies / "catalog.csv")
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    return frame.assign(
        id_str=[f"J{place:04}" for place in range(len(frame))], tile=[place // 4 for place in range(len(frame))]
    )


@pytest.fixture
def run(zoobot_command, quick, tmp_path):
    """Return a function that finetunes on one catalog and tests on another."""

    def run(train: pd.DataFrame, test: pd.DataFrame, *arguments):
        train.to_csv(tmp_path / "train.csv", index=False)
        test.to_csv(tmp_path / "test.csv", index=False)
        options = ["--label", "ring", "--test", tmp_path / "test.csv", "--out", tmp_path / "run", "--epochs", 1]
        return zoobot_command("finetune", tmp_path / "train.csv", *quick, *options, *arguments)

    return run


def test_the_same_galaxies_are_refused(run, table, tmp_path):
    answer = run(table[:60], table[50:80])
    assert answer.code == 2
    assert "10 of 30 galaxies of the test catalog have the very image" in answer.err
    assert "J0050, J0051, J0052, J0053, J0054, ..." in answer.err
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_byte_copies_under_other_names_are_refused(run, table, tmp_path):
    copies = table[:5].assign(id_str=[f"copy{place}" for place in range(5)])
    copies["file_loc"] = [
        shutil.copy(name, tmp_path / f"copy{place}.jpg") for place, name in enumerate(copies["file_loc"])
    ]
    answer = run(table[:60], pd.concat([table[60:], copies]))
    assert answer.code == 2
    assert "5 of 41 galaxies" in answer.err


def test_the_same_ids_of_other_images_are_said(run, table):
    answer = run(table[:60], table[60:].assign(id_str=table["id_str"][:36].tolist()))
    assert answer.code == 0, answer.err
    assert "36 of 36 galaxies of the test catalog have the id of a galaxy" in " ".join(answer.out.split())


def test_the_same_groups_are_said(run, table):
    answer = run(table[:62], table[62:], "--group-col", "tile")
    assert answer.code == 0, answer.err
    assert "2 of 34 galaxies of the test catalog have the tile of a galaxy" in " ".join(answer.out.split())
    answer = run(table[:60], table[60:], "--group-col", "tile", "--overwrite")
    assert answer.code == 0, answer.err
    assert "of the test catalog" not in " ".join(answer.out.split())


def test_copies_in_one_catalog_are_said_without_a_report_too(zoobot_command, quick, table, tmp_path):
    copies = table.assign(id_str=[f"copy{place}" for place in range(len(table))])
    pd.concat([table, copies]).to_csv(tmp_path / "twice.csv", index=False)
    answer = zoobot_command(
        "finetune", tmp_path / "twice.csv", *quick, "--label", "ring", "--epochs", 1, "--out", tmp_path / "run"
    )
    assert answer.code == 0, answer.err
    parts = pd.read_csv(tmp_path / "run" / "parts.csv")
    by_file = parts.groupby("file_loc")["part"].agg(set)
    copied = sum({"test"} < parts_of_one for parts_of_one in by_file)
    assert copied > 5
    assert f"{copied} test galaxies have the very image of a training or validation galaxy" in " ".join(
        answer.out.split()
    )


def test_select_takes_unseen_galaxies_alone(table, finetune, zoobot_command, tmp_path):
    table.to_csv(tmp_path / "catalog.csv", index=False)
    run = tmp_path / "run"
    finetune(run, "--label", "ring", catalog=tmp_path / "catalog.csv")
    parts = pd.read_csv(run / "parts.csv")
    seen = table[table["id_str"].isin(parts.loc[parts["part"] != "test", "id_str"])]

    def select_from(catalog: pd.DataFrame, folder: Path):
        catalog.to_csv(tmp_path / "some.csv", index=False)
        model = ["--model", folder]
        answer = zoobot_command(
            "evaluate", tmp_path / "some.csv", *model, "--no-report", "--out", tmp_path / "evaluated"
        )
        assert answer.code == 0, answer.err
        answer = zoobot_command("predict", tmp_path / "some.csv", *model, "--out", tmp_path / "predictions.csv")
        assert answer.code == 0, answer.err
        arguments = ["--model", tmp_path / "evaluated", "--completeness", 0.5, "--out", tmp_path / "selected"]
        return zoobot_command("select", tmp_path / "predictions.csv", *arguments)

    answer = select_from(seen, run / "model")
    assert answer.code == 2
    assert f"all {len(seen)} galaxies that were evaluated" in answer.err
    assert "Evaluate galaxies that it has not seen" in answer.err
    answer = select_from(table, run / "model")
    assert answer.code == 0, answer.err
    n_test = int((parts["part"] == "test").sum())
    assert (
        f"{n_test} test galaxies"
        in json.loads((tmp_path / "selected" / "selection.json").read_text())["labelled_galaxies"]
    )
    shutil.copytree(run / "model", tmp_path / "alone")
    (tmp_path / "alone" / "memory.safetensors").unlink()
    answer = select_from(seen, tmp_path / "alone")
    assert answer.code == 0, answer.err
    assert "not known whether the model has seen them" in " ".join(answer.out.split())
