"""Reports, checks and selections are of the arrays that a run keeps.

Tables say the same, and editing them changes nothing.
"""

import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.report.reader import Reader

from zoobot import evaluate, load
from zoobot.errors import ModelFileError
from zoobot.layout import OUTCOMES_FILE
from zoobot.report import write_report
from zoobot.runs import check_run, evaluation_run, select_galaxies
from zoobot.science.predicted import load_predicted, save_predicted

LABELS = {
    "classify": ["--label", "shape", "--folds", 2],
    "ordinal": ["--label", "ring", "--task", "ordinal"],
    "multi_label": ["--label", "has_ring", "--label", "is_large"],
    "regress": ["--label", "radius"],
    "tree": ["--tree", "{galaxies}/tree.yaml"],
}


@pytest.fixture(scope="module")
def runs(galaxies, finetune, tmp_path_factory):
    """Return a function from a task to the folder of its run, done once."""
    done = {}

    def run(task):
        if task not in done:
            done[task] = tmp_path_factory.mktemp(task) / "run"
            finetune(done[task], *(str(one).format(galaxies=galaxies) for one in LABELS[task]))
        return done[task]

    return run


def copy(run, folder):
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("checkpoints", "plots", "report.html"))
    return folder


def page(folder):
    """Return the text of a run's page, but for where and when it was drawn."""
    text = " ".join(Reader(write_report(folder).read_text()).text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC|/\S*", "", text)


def scramble(path):
    """Write a table's predictions anew, so that they say something else."""
    table = pd.read_csv(path)
    rng = np.random.default_rng(0)
    for name in table.select_dtypes("number"):
        table[name] = rng.permutation(table[name])
    table.to_csv(path, index=False)


@pytest.mark.parametrize("task", LABELS)
def test_the_page_of_arrays_is_that_of_tables_and_does_not_change_with_them(runs, task, tmp_path):
    run = runs(task)
    kept = page(copy(run, tmp_path / "kept"))
    without = copy(run, tmp_path / "without")
    for path in without.rglob(OUTCOMES_FILE):
        path.unlink()
    assert page(without) == kept
    for name in ("predictions.csv", "val_predictions.csv"):
        scramble(without / name)
        scramble(tmp_path / "kept" / name)
    assert page(tmp_path / "kept") == kept != page(without)
    (tmp_path / "kept" / "predictions.csv").unlink()
    assert page(tmp_path / "kept") == kept


@pytest.mark.parametrize("task", LABELS)
def test_arrays_are_what_the_saved_model_predicts(runs, task, galaxies):
    run = runs(task)
    kept, model = load_predicted(run / OUTCOMES_FILE)["test"], load(run / "model")
    catalog = pd.read_csv(galaxies / "catalog.csv").assign(id_str=lambda table: table["file_loc"].str[7:-4])
    catalog["file_loc"] = [str(galaxies / file) for file in catalog["file_loc"]]
    own = catalog[catalog["id_str"].isin(kept.ids)] if set(kept.ids) <= set(catalog["id_str"]) else None
    assert own is not None, kept.ids[:3]
    found = evaluate(own.set_index("id_str").loc[list(kept.ids)].reset_index(), model, num_workers=0).predicted(model)
    np.testing.assert_allclose(kept.values, found.values, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(kept.labels, found.labels)
    assert kept.derived.keys() == found.derived.keys()
    assert kept.derived or task == "tree"


@pytest.mark.parametrize("task", LABELS)
def test_labels_are_checked_by_the_arrays(runs, task, tmp_path):
    kept, without = (copy(runs(task), tmp_path / name) for name in ("kept", "without"))
    for path in without.rglob(OUTCOMES_FILE):
        path.unlink()
    found = [check_run(folder, num_workers=0, galleries=False) for folder in (kept, without)]
    pd.testing.assert_frame_equal(found[0].labels, found[1].labels, check_dtype=False, rtol=1e-5)
    assert found[0].sentences() == found[1].sentences()


@pytest.mark.parametrize("options", [["--label", "shape"], ["--label", "shape", "--folds", 2]], ids=["test", "folds"])
def test_galaxies_are_selected_by_the_arrays(finetune, zoobot_command, galaxies, tmp_path, options):
    finetune(tmp_path / "run", *options)
    targets = tmp_path / "targets.csv"
    answer = zoobot_command(
        "predict", galaxies / "catalog.csv", "--model", tmp_path / "run" / "model", "--out", targets
    )
    assert answer.code == 0, answer.err

    def select(folder):
        return select_galaxies(targets, folder, tmp_path / f"of_{folder.name}", purity=0.3, class_name="ring").to_dict()

    kept, without = (copy(tmp_path / "run", tmp_path / name) for name in ("kept", "without"))
    for path in without.rglob(OUTCOMES_FILE):
        path.unlink()
    first, second = select(kept), select(without)
    assert first["threshold"] == pytest.approx(second["threshold"], rel=1e-5)
    assert first["purity"]["value"] == pytest.approx(second["purity"]["value"], rel=1e-5)


def test_damaged_arrays_are_said_and_tables_taken_instead(runs, tmp_path):
    folder = copy(runs("classify"), tmp_path / "run")
    before = page(folder)
    path = folder / OUTCOMES_FILE
    path.write_bytes(path.read_bytes()[:-3] + b"abc")
    after = page(folder)
    assert "can't be read" in after and "can't be read" not in before
    for use in (
        check_run,
        lambda run: select_galaxies(run / "predictions.csv", run, tmp_path / "selected", purity=0.5),
    ):
        with pytest.raises(ModelFileError, match=r"outcomes.safetensors can't be read .* delete it to go on"):
            use(folder)


@pytest.mark.parametrize("task", LABELS)
def test_arrays_of_another_model_are_not_taken_for_this_one(runs, task, tmp_path):
    folder = copy(runs(task), tmp_path / "run")
    kept = load_predicted(folder / OUTCOMES_FILE)
    for name in ("values", "labels"):
        wider = {part: replace(one, **{name: np.tile(getattr(one, name), (1, 2))}) for part, one in kept.items()}
        save_predicted(folder / OUTCOMES_FILE, wider)
        assert "predictions.csv" in page(folder)
    with pytest.raises(ModelFileError, match="another model"):
        check_run(folder, num_workers=0)


def test_an_evaluation_keeps_its_arrays(runs, galaxies, tmp_path):
    out = tmp_path / "out"
    evaluation_run(str(galaxies / "catalog.csv"), str(runs("regress") / "model"), out, num_workers=0, report=False)
    kept = load_predicted(out / OUTCOMES_FILE)
    assert kept["test"].ids == pd.read_csv(out / "predictions.csv", dtype=str)["id_str"].tolist()
    assert kept["seen"].ids == pd.read_csv(out / "seen_predictions.csv", dtype=str)["id_str"].tolist()
    with_arrays = page(out)
    (out / OUTCOMES_FILE).unlink()
    assert page(out) == with_arrays
