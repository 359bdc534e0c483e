"""`zoobot finetune --group-col`: what is learned of validation and training galaxies counts groups, not galaxies."""

import json

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def grouped(galaxies, tmp_path_factory):
    """Return a catalog in which three galaxies of one class are one object."""
    frame = pd.read_csv(galaxies / "catalog.csv")
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    place = np.arange(len(frame))
    frame["object"] = place // 9 * 3 + place % 3
    path = tmp_path_factory.mktemp("grouped") / "grouped.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("label", ["shape", "radius"])
def test_groups_count_once_in_coverage_and_shift(grouped, finetune, tmp_path, label):
    finetune(tmp_path, "--label", label, "--group-col", "object", "--report", catalog=grouped)
    parts = pd.read_csv(tmp_path / "parts.csv")
    groups, alone = parts.groupby("part")["galaxy_group"].nunique(), parts.groupby("part").size()
    assert (groups < alone).all()
    conformal = json.loads((tmp_path / "metrics.json").read_text())["test"]["conformal"]
    assert conformal.get("targets", {}).get(label, conformal)["n_validation"] == groups["val"]
    assert not conformal["informative"]  # the 90% sets and intervals of so few
    shift = json.loads((tmp_path / "shift.json").read_text())
    assert (shift["n_reference"], shift["n_target"]) == (alone["train"], alone["test"])
    assert (shift["n_reference_groups"], shift["n_target_groups"]) == (groups["train"], groups["test"])
    assert shift["warning"] is None
    assert f"in {groups['test']} groups are too few" in shift["reason"]


def test_a_finetuned_encoder_is_compared_by_validation_galaxies(galaxies, finetune, zoobot_command, tmp_path):
    finetune(tmp_path / "run", "--label", "shape", "--blocks", 1, "--report")
    shift = json.loads((tmp_path / "run" / "shift.json").read_text())
    parts = pd.read_csv(tmp_path / "run" / "parts.csv")["part"]
    assert shift["compared_with"] == "validation"
    assert shift["n_reference"] == (parts == "val").sum()
    assert f"{shift['n_reference']} validation galaxies are too few" in shift["reason"]
    answer = zoobot_command(
        "predict", galaxies / "catalog.csv", "--model", tmp_path / "run" / "model", "--out", tmp_path / "all.csv",
        "--by", "ring", "--num-workers", 0,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert pd.read_csv(tmp_path / "all_shift.csv")["compared_with"].eq("validation").all()


def test_a_test_catalog_of_its_own_needs_no_groups(grouped, galaxies, finetune, tmp_path):
    frame = pd.read_csv(grouped)
    frame.iloc[:60].to_csv(tmp_path / "train.csv", index=False)
    frame.iloc[60:].drop(columns="object").to_csv(tmp_path / "test.csv", index=False)
    finetune(
        tmp_path / "run", "--label", "shape", "--group-col", "object", "--test", tmp_path / "test.csv",
        catalog=tmp_path / "train.csv",
    )  # fmt: skip
    assert len(pd.read_csv(tmp_path / "run" / "predictions.csv")) == 36
