"""Labels as real catalogs have them: codes other than 0 and 1, spellings, sentinels, classes that only the test has."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from tests.data.writers import WRITERS


@pytest.fixture(scope="module")
def table(galaxies) -> pd.DataFrame:
    frame = pd.read_csv(galaxies / "catalog.csv")
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    return frame.assign(id_str=[f"J{place:04}" for place in range(len(frame))])


@pytest.fixture(scope="module")
def counted_from_0(table, finetune, tmp_path_factory):
    folder = tmp_path_factory.mktemp("codes")
    table.to_csv(folder / "catalog.csv", index=False)
    finetune(folder / "run", "--label", "ring", "--folds", 2, catalog=folder / "catalog.csv")
    return folder / "run"


@pytest.mark.parametrize("codes", [(1, 2), (101, 205), (2019, 2020), (0, 2**53), (-5, 3), (0, 2)])
def test_any_two_codes_give_the_run_that_0_and_1_give(codes, table, counted_from_0, finetune, zoobot_command, tmp_path):
    table.assign(ring=np.where(table["ring"] == 1, codes[1], codes[0])).to_csv(tmp_path / "catalog.csv", index=False)
    run = tmp_path / "run"
    finetune(run, "--label", "ring", "--folds", 2, catalog=tmp_path / "catalog.csv")
    metrics, expected = (json.loads((one / "metrics.json").read_text())["test"] for one in (run, counted_from_0))
    assert metrics["classes"] == [str(code) for code in codes]
    assert metrics["confusion"] == expected["confusion"]
    assert metrics["log_loss"] == expected["log_loss"]
    for part in ("predictions.csv", "folds/predictions.csv"):
        ours, theirs = pd.read_csv(run / part), pd.read_csv(counted_from_0 / part)
        for place, code in enumerate(codes):
            np.testing.assert_array_equal(ours[f"ring_{code}"], theirs[f"ring_{place}"])

    answer = zoobot_command(
        "evaluate", tmp_path / "catalog.csv", "--model", run / "model", "--out", tmp_path / "again", "--no-report"
    )
    assert answer.code == 0, answer.err
    predicted = zoobot_command(
        "predict", tmp_path / "catalog.csv", "--model", run / "model", "--out", tmp_path / "p.parquet"
    )
    assert predicted.code == 0, predicted.err
    assert set(pd.read_parquet(tmp_path / "p.parquet")["ring_predicted"]) <= {str(code) for code in codes}
    selected = zoobot_command(
        "select",
        tmp_path / "p.parquet",
        "--model",
        run,
        "--completeness",
        0.6,
        "--class",
        codes[1],
        "--out",
        tmp_path / "sample",
    )
    assert selected.code == 0, selected.err
    assert f"Selecting ring = {codes[1]}" in selected.out


def test_t_types_are_classes_in_numeric_order(table, finetune, tmp_path):
    types = np.array([-5, -2, 1, 10])[np.arange(len(table)) % 4]
    table.assign(t_type=types).to_csv(tmp_path / "catalog.csv", index=False)
    finetune(tmp_path / "run", "--label", "t_type", "--epochs", 1, catalog=tmp_path / "catalog.csv")
    about = json.loads((tmp_path / "run" / "about.json").read_text())
    assert about["class_names"] == ["-5", "-2", "1", "10"]
    assert about["class_counts"]["test"].keys() == {"-5", "-2", "1", "10"}


def refuse(zoobot_command, quick, tmp_path, *arguments):
    answer = zoobot_command("finetune", tmp_path / "catalog.csv", "--out", tmp_path / "run", *quick, *arguments)
    assert answer.code == 2, answer.out
    assert "Traceback" not in answer.err
    assert not (tmp_path / "run" / "checkpoints").exists()
    return " ".join(answer.err.split())


@pytest.mark.parametrize("classes", [("E", "S", "merger"), (0, 1, 2), (1, 2, 3)])
def test_a_class_that_only_the_test_has_is_refused(classes, table, zoobot_command, quick, tmp_path):
    frame = table.assign(kind=[classes[place % 2] for place in range(len(table))])
    frame[:60].to_csv(tmp_path / "catalog.csv", index=False)
    test = frame[60:].assign(kind=[classes[place % 3] for place in range(36)])
    test.to_csv(tmp_path / "test.csv", index=False)
    said = refuse(zoobot_command, quick, tmp_path, "--label", "kind", "--test", tmp_path / "test.csv")
    assert "12 of 36 galaxies have a class that is not one of" in said
    assert f"({classes[2]})" in said


def test_sentinels_among_targets_are_refused(table, zoobot_command, quick, tmp_path):
    frame = table.assign(radius=table["radius"].mask(table.index < 5, -99.0))
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    said = refuse(zoobot_command, quick, tmp_path, "--label", "radius")
    assert "5 of 96 galaxies have a value that stands for 'not measured', -99 (5 times)" in said


def test_what_is_odd_is_said_and_kept_for_the_report(table, finetune, tmp_path):
    frame = table.assign(kind=np.where(table["ring"] == 1, np.where(table.index < 40, "Ring", "ring"), "none"), tile=7)
    frame["tile"] = np.where(frame.index < 10, -999, frame.index // 2)
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    answer = finetune(
        tmp_path / "run", "--label", "kind", "--group-col", "tile", "--epochs", 1, catalog=tmp_path / "catalog.csv"
    )
    notes = json.loads((tmp_path / "run" / "about.json").read_text())["catalog_notes"]
    assert any("'Ring' (13 galaxies), 'ring' (19 galaxies)" in note for note in notes)
    assert any("10 galaxies have the group -999" in note for note in notes)
    assert all(answer.err.count(note) == 1 for note in notes)


def test_a_number_among_names_is_said_by_every_command_that_reads_labels(
    table, finetune, zoobot_command, encoder, tmp_path
):
    table.assign(shape=table["shape"].mask(table.index % 8 == 0, "999")).to_csv(tmp_path / "catalog.csv", index=False)
    n, run = 12, tmp_path / "run"
    trained = finetune(run, "--label", "shape", "--epochs", 1, catalog=tmp_path / "catalog.csv")
    evaluated = zoobot_command(
        "evaluate", tmp_path / "catalog.csv", "--model", run / "model", "--no-report", "--out", tmp_path / "evaluated"
    )
    compared = zoobot_command(
        "compare", tmp_path / "catalog.csv", "--label", "shape", "--encoder", encoder, "--repeats", 2,
        "--out", tmp_path / "compared"
    )  # fmt: skip
    for answer in (trained, evaluated, compared):
        assert answer.code == 0, answer.err
        assert f"may stand for 'no label': '999' ({n} galaxies)" in " ".join((answer.out + answer.err).split())


def test_galaxies_without_a_label_are_left_out_on_demand_and_counted(table, finetune, zoobot_command, quick, tmp_path):
    frame = table.astype({"shape": object})
    frame.loc[:4, "shape"] = ["", " ", "NA", "None", None]
    frame.to_parquet(tmp_path / "catalog.parquet")
    answer = zoobot_command(
        "finetune", tmp_path / "catalog.parquet", "--label", "shape", "--out", tmp_path / "run", *quick
    )
    assert answer.code == 2
    assert "5 of 96 galaxies have no label (empty or NaN) in column 'shape'" in answer.err
    answer = finetune(
        tmp_path / "run", "--label", "shape", "--drop-unlabelled", "--epochs", 1, catalog=tmp_path / "catalog.parquet"
    )
    assert "5 of 96 galaxies of the catalog have no label, and are left out." in answer.err
    about = json.loads((tmp_path / "run" / "about.json").read_text())
    assert sum(about["counts"].values()) == 91
    assert about["class_names"] == ["bar", "disk", "ring"]
    assert any("5 of 96" in note for note in about["catalog_notes"])


@pytest.fixture(scope="module")
def partly_labelled(table, finetune, tmp_path_factory):
    """Return the folder of a run with a report, on a catalog in which 5 galaxies of 96 have no label."""
    folder = tmp_path_factory.mktemp("partly")
    frame = table.astype({"shape": object})
    frame.loc[:4, "shape"] = ["", " ", "NA", "None", None]
    frame.to_parquet(folder / "catalog.parquet")
    options = ("--label", "shape", "--drop-unlabelled", "--epochs", 1, "--report")
    finetune(folder / "run", *options, catalog=folder / "catalog.parquet")
    return folder


def test_check_and_report_say_how_many_galaxies_have_no_label(partly_labelled, zoobot_command):
    said = "5 of 96 galaxies of the catalog have no label, and are left out."
    answer = zoobot_command("check", partly_labelled / "run")
    assert answer.code == 0, answer.err
    assert said in " ".join(answer.out.split())
    assert said in " ".join((partly_labelled / "run" / "report.html").read_text().split())


@pytest.mark.parametrize("writer", ["csv", "spaced_csv", "tsv", "parquet", "hdf5", "votable", "fits", "ecsv"])
def test_evaluate_counts_galaxies_without_a_label_in_every_format(
    writer, partly_labelled, table, zoobot_command, tmp_path
):
    labels = [None if place < 5 else label for place, label in enumerate(table["shape"][:30])]
    columns = {"id_str": [f"new{place}" for place in range(30)], "file_loc": table["file_loc"][:30].tolist()}
    source = WRITERS[writer](columns | {"shape": labels}, tmp_path)
    command = (
        "evaluate",
        source,
        "--model",
        partly_labelled / "run" / "model",
        "--no-report",
        "--out",
        tmp_path / "out",
    )
    answer = zoobot_command(*command)
    assert answer.code == 2
    assert "5 of 30 galaxies have no label (empty or NaN) in column 'shape': new0" in answer.err
    assert "--drop-unlabelled" in answer.err
    answer = zoobot_command(*command, "--drop-unlabelled")
    assert answer.code == 0, answer.err
    said = "5 of 30 galaxies have no label, and are left out."
    assert said in " ".join(answer.out.split())
    assert json.loads((tmp_path / "out" / "about.json").read_text())["catalog_notes"] == [said]
    assert len(pd.read_csv(tmp_path / "out" / "parts.csv")) == 25


def test_evaluate_counts_images_outside_class_folders(partly_labelled, galaxies, table, zoobot_command, tmp_path):
    for place in range(12):
        folder = tmp_path / "images" / ("" if place < 3 else table["shape"][place])
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(table["file_loc"][place], folder / f"{place}.jpg")
    model = tmp_path / "model"
    shutil.copytree(partly_labelled / "run" / "model", model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"label_cols": ["label"], "digests": None}))
    answer = zoobot_command("evaluate", tmp_path / "images", "--model", model, "--drop-unlabelled")
    assert answer.code == 0, answer.err
    assert "3 of 12 galaxies have no label, and are left out." in " ".join(answer.out.split())


def test_sentinels_are_found_where_a_model_is_evaluated(table, finetune, zoobot_command, tmp_path):
    finetune(tmp_path / "run", "--label", "radius", "--epochs", 1)
    for n, code in ((1, 0), (3, 2)):
        frame = table.assign(radius=table["radius"].mask(table.index < n, -9999.0), z=[-99.0, *range(95)])
        frame.to_csv(tmp_path / "catalog.csv", index=False)
        command = ("evaluate", tmp_path / "catalog.csv", "--model", tmp_path / "run" / "model", "--no-report")
        answer = zoobot_command(*command, "--by", "z", "--out", tmp_path / "out")
        assert answer.code == code, answer.err
        assert f"-9999 ({n} times)" in " ".join((answer.out + answer.err).split())
        if code == 0:
            assert "'z' has values that may stand for 'not measured': -99 (1 times)" in " ".join(answer.out.split())


def test_votes_that_are_none_are_found_in_every_command_that_reads_them(
    table, galaxies, finetune, quick, zoobot_command, tmp_path
):
    tree = ("--tree", galaxies / "tree.yaml")
    frame = table.copy()
    answers = ["feature_ringed", "feature_barred", "feature_smooth", "size_large", "size_small"]
    frame.loc[:3, answers] = 0
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    said = finetune(tmp_path / "run", *tree, "--epochs", 1, catalog=tmp_path / "catalog.csv").err
    assert "4 of 96 galaxies have no votes" in said
    answer = finetune(tmp_path / "dropped", *tree, "--drop-unlabelled", "--epochs", 1, catalog=tmp_path / "catalog.csv")
    assert "4 of 96 galaxies of the catalog have no votes, and are left out." in answer.err
    assert sum(json.loads((tmp_path / "dropped" / "about.json").read_text())["counts"].values()) == 92
    evaluate = ("evaluate", tmp_path / "catalog.csv", "--model", tmp_path / "run" / "model", "--no-report")
    finetuned = ("finetune", tmp_path / "catalog.csv", *tree, "--out", tmp_path / "other", *quick)
    assert "4 of 96 galaxies have no votes" in " ".join(zoobot_command(*evaluate).out.split())
    frame = table.assign(feature_ringed=table["feature_ringed"].mask(table.index < 3, 9999))
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    for command in (evaluate, finetuned):
        answer = zoobot_command(*command)
        assert answer.code == 2, answer.out
        assert "'not measured', 9999 (3 times), in column 'feature_ringed'" in answer.err
    shares = table[answers[:3]].div(table[answers[:3]].sum(axis=1), axis=0)
    table.assign(**shares).to_csv(tmp_path / "catalog.csv", index=False)
    for command in (evaluate, finetuned):
        answer = zoobot_command(*command)
        assert answer.code == 2, answer.out
        assert "vote fractions, where counts are expected, in column 'feature_ringed'" in answer.err
