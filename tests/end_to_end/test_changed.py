"""A run whose catalog, labels, images, encoder or test catalog changed is not resumed.

Folds of other settings are made anew.
"""

import shutil

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def started(galaxies, finetune, tmp_path_factory):
    """Galaxies of its own, and a run on them."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(galaxies, folder / "galaxies")
    finetune(
        folder / "run", "--label", "ring", "--epochs", 2, "--folds", 2, catalog=folder / "galaxies" / "catalog.csv"
    )
    return folder


CHANGES = {
    "dropped": lambda table: table.drop(index=range(5)),
    "added": lambda table: pd.concat([table, table.tail(3).assign(id_str=["x", "y", "z"])]),
    "shuffled": lambda table: table.sample(frac=1, random_state=0),
    "labels mended": lambda table: table.assign(ring=[1 - table["ring"][0], *table["ring"][1:]]),
    "images swapped": lambda table: table.assign(
        file_loc=[table["file_loc"][1], table["file_loc"][0], *table["file_loc"][2:]]
    ),
}


@pytest.mark.parametrize("change", [*CHANGES, "content of an image", "weights"])
def test_what_changed_is_named(change, started, quick, zoobot_command, encoder, tmp_path):
    shutil.copytree(started, tmp_path / "copy")
    folder = tmp_path / "copy"
    shutil.rmtree(folder / "run")
    shutil.copytree(started / "galaxies", folder / "before")
    command = (
        "finetune",
        folder / "galaxies" / "catalog.csv",
        "--out",
        folder / "run",
        *quick,
        "--label",
        "ring",
        "--epochs",
        2,
    )
    table = pd.read_csv(folder / "galaxies" / "catalog.csv")
    ids = [f"g{place}" for place in range(len(table))]
    table.assign(id_str=ids).to_csv(folder / "galaxies" / "catalog.csv", index=False)
    options = ()
    if change == "weights":
        shutil.copytree(encoder, folder / "encoder")
        options = ("--encoder", folder / "encoder")
    assert zoobot_command(*command, *options).code == 0
    if change == "weights":
        import torch

        weights = torch.load(folder / "encoder" / "pytorch_model.bin", weights_only=True)
        weights[next(iter(weights))] += 1
        torch.save(weights, folder / "encoder" / "pytorch_model.bin")
    elif change == "content of an image":
        names = sorted((folder / "galaxies" / "images").iterdir())
        shutil.copy(names[1], names[0])
    else:
        CHANGES[change](table.assign(id_str=ids)).to_csv(folder / "galaxies" / "catalog.csv", index=False)
    answer = zoobot_command(*command, *options, "--resume")
    assert answer.code == 2 and "has changed since: " in answer.err, answer.out + answer.err


def test_other_folds_are_made_anew(started, galaxies, finetune):
    before = pd.read_csv(started / "run" / "folds" / "predictions.csv")
    finetune(
        started / "run",
        "--label",
        "ring",
        "--epochs",
        2,
        "--folds",
        3,
        "--resume",
        catalog=started / "galaxies" / "catalog.csv",
    )
    after = pd.read_csv(started / "run" / "folds" / "predictions.csv", dtype={"id_str": str})
    assert len(after) == len(before) == after["id_str"].nunique() and sorted(after["fold"].unique()) == [0, 1, 2]


def test_a_run_of_an_earlier_version_goes_on(started, zoobot_command, quick):
    (started / "run" / "checkpoints" / "origin.json").unlink()
    command = (
        "finetune",
        started / "galaxies" / "catalog.csv",
        "--out",
        started / "run",
        *quick,
        "--label",
        "ring",
        "--epochs",
        2,
    )
    answer = zoobot_command(*command, "--resume")
    assert answer.code == 0 and "can't be checked" in " ".join(answer.out.split()), answer.err


@pytest.mark.parametrize("name", ["part", "file_loc", "galaxy_group"])
def test_a_label_of_a_taken_name_is_refused_before_work(name, galaxies, quick, zoobot_command, tmp_path):
    table = pd.read_csv(galaxies / "catalog.csv")
    table["file_loc"] = [str(galaxies / one) for one in table["file_loc"]]
    (table if name in table else table.assign(**{name: table["ring"]})).to_csv(tmp_path / "c.csv", index=False)
    answer = zoobot_command("finetune", tmp_path / "c.csv", "--out", tmp_path / "run", *quick, "--label", name)
    assert answer.code == 2 and f"label column '{name}' has a name" in answer.err
    assert not (tmp_path / "run").exists()
