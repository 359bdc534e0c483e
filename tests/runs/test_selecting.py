"""Selecting from a run's folder: which galaxies and columns count, and what is written."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from zoobot.errors import CatalogError, OptionError, OutputError
from zoobot.runs import read_audit, select_galaxies
from zoobot.runs.select import labelled_scores

COLUMNS = ["id_str", "file_loc", "ring_0", "ring_1", "ring_0_calibrated", "ring_1_calibrated"]


def predictions(n, seed, *, share=0.5, calibrated=True, name="g"):
    """A table of predictions, with the truth."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < share).astype(int)
    p = expit(4 * (rng.normal(2.5 * truth, 1) - 1.25))
    table = pd.DataFrame({"id_str": [f"{name}{seed}_{row}" for row in range(n)], "file_loc": "g.jpg"})
    table["ring_0"], table["ring_1"] = 1 - p, p
    if calibrated:
        table["ring_1_calibrated"] = expit(0.6 * np.log(p / (1 - p)))
        table["ring_0_calibrated"] = 1 - table["ring_1_calibrated"]
    return table, truth


@pytest.fixture
def run(tmp_path):
    """A run's folder with test, validation and out of fold predictions."""
    folder = tmp_path / "run"
    (folder / "folds").mkdir(parents=True)
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text(json.dumps({"label_cols": ["ring"]}))
    for name, seed, n in (
        ("predictions.csv", 1, 150),
        ("val_predictions.csv", 2, 80),
        ("folds/predictions.csv", 3, 400),
    ):
        table, truth = predictions(n, seed)
        table.assign(true_ring=truth).to_csv(folder / name, index=False)
    confusion = [[60, 15], [15, 60]]
    (folder / "metrics.json").write_text(json.dumps({"test": {"classes": ["0", "1"], "confusion": confusion}}))
    return folder


@pytest.fixture
def targets(tmp_path):
    table, truth = predictions(3000, 9, share=0.2, name="t")
    table.to_csv(tmp_path / "targets.csv", index=False)
    return tmp_path / "targets.csv", truth


def test_writes_the_sample_and_what_to_expect(run, targets, tmp_path):
    file, truth = targets
    said = []
    selection = select_galaxies(file, run, tmp_path / "out", purity=0.7, n_audit=30, say=said.append)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "selected.csv", "audit.csv", "selection.json", "selection.png", "selection.csv"
    }  # fmt: skip
    table, chosen = pd.read_csv(file), pd.read_csv(tmp_path / "out" / "selected.csv")
    expected = table[table["ring_1_calibrated"] >= selection.threshold]
    assert set(chosen["id_str"]) == set(expected["id_str"]) and len(chosen) == selection.n_selected
    assert chosen["ring_1_calibrated"].is_monotonic_decreasing and chosen["probability"].is_monotonic_decreasing
    true = truth[table["id_str"].isin(chosen["id_str"])].mean()
    assert selection.reached and selection.purity.low <= true <= selection.purity.high
    assert chosen["probability"].mean() == pytest.approx(selection.purity.value, abs=1e-3)
    audit = pd.read_csv(tmp_path / "out" / "audit.csv")
    assert list(audit.columns) == ["id_str", "file_loc", "ring_1_calibrated", "probability", "is_1"]
    assert len(audit) == 30 and set(audit["id_str"]) <= set(chosen["id_str"]) and audit["is_1"].isna().all()
    content = json.loads((tmp_path / "out" / "selection.json").read_text())
    assert content["threshold"] == selection.threshold and content["column"] == "ring_1_calibrated"
    assert "out of fold predictions of 400 labelled galaxies" in content["labelled_galaxies"]
    assert any("ring = 1" in sentence for sentence in said) and content["sentences"][0] in said


def test_which_labelled_galaxies_count(run):
    assert len(labelled_scores(run, COLUMNS).scores) == 400
    assert len(labelled_scores(run / "model", COLUMNS).scores) == 400
    shutil.rmtree(run / "folds")
    test = labelled_scores(run, COLUMNS)
    assert len(test.scores) == 150 and test.source == "150 test galaxies"
    both = labelled_scores(run, COLUMNS, validation=True)
    assert len(both.scores) == 230 and "optimistic" in both.source
    table = pd.read_csv(run / "predictions.csv")
    np.testing.assert_allclose(test.scores, table["ring_1_calibrated"])
    np.testing.assert_array_equal(test.positive, table["true_ring"] == 1)
    assert len(test.ids) == 230


def test_scores_are_those_that_both_tables_have(run):
    raw = labelled_scores(run, COLUMNS[:4])
    assert raw.column == "ring_1"
    np.testing.assert_allclose(raw.scores, pd.read_csv(run / "folds" / "predictions.csv")["ring_1"])  # none in common
    other = labelled_scores(run, COLUMNS, class_name="0")
    assert (other.column, other.name, other.answer) == ("ring_0_calibrated", "ring = 0", "is_0")
    np.testing.assert_array_equal(other.positive, ~labelled_scores(run, COLUMNS).positive)


def three_classes(run, labels=("shape",), names=("bar", "disk", "ring")):
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 90)
    table = pd.DataFrame(p, columns=[f"shape_{name}" for name in names])
    table.insert(0, "id_str", [f"g{row}" for row in range(90)])
    table.insert(1, "file_loc", "g.jpg")
    table["true_shape"] = rng.choice(names, 90)
    table.to_csv(run / "predictions.csv", index=False)
    shutil.rmtree(run / "folds")
    (run / "metrics.json").write_text(json.dumps({"test": {"classes": list(names), "confusion": [[1]]}}))
    (run / "model" / "config.json").write_text(json.dumps({"label_cols": list(labels)}))
    return table


def test_more_classes_than_two(run):
    table = three_classes(run)
    with pytest.raises(OptionError, match="3 classes: bar, disk, ring. Name the one to select with --class"):
        labelled_scores(run, list(table.columns))
    with pytest.raises(OptionError, match="no class 'spiral'"):
        labelled_scores(run, list(table.columns), class_name="spiral")
    found = labelled_scores(run, list(table.columns), class_name="disk")
    assert found.answer == "is_disk" and found.positive.sum() == (table["true_shape"] == "disk").sum()


@pytest.mark.parametrize(("wanted", "own"), [("at least disk", ["disk", "ring"]), ("at most disk", ["bar", "disk"])])
def test_ordered_classes_are_selected_together(run, tmp_path, wanted, own):
    table = three_classes(run)
    config = run / "model" / "config.json"
    config.write_text(json.dumps({"label_cols": ["shape"], "task": "FinetuneableZoobotOrdinal"}))
    found = labelled_scores(run, list(table.columns), class_name=wanted)
    columns = [f"shape_{name}" for name in own]
    assert found.columns == tuple(columns) and found.name == f"shape {wanted}"
    np.testing.assert_allclose(found.scores, table[columns].sum(axis=1))
    np.testing.assert_array_equal(found.positive, table["true_shape"].isin(own))
    targets = table.drop(columns="true_shape").assign(id_str=[f"t{row}" for row in range(90)])
    targets.to_csv(tmp_path / "targets.csv", index=False)
    selection = select_galaxies(tmp_path / "targets.csv", run, tmp_path / "out", completeness=0.8, class_name=wanted)
    chosen = pd.read_csv(tmp_path / "out" / "selected.csv")
    assert (chosen[columns].sum(axis=1) >= selection.threshold - 1e-9).all() and len(chosen) == selection.n_selected
    with pytest.raises(OptionError, match="3 classes: bar, disk, ring. .* such as 'at most disk'"):
        labelled_scores(run, list(table.columns))
    config.write_text(json.dumps({"label_cols": ["shape"], "task": "FinetuneableZoobotClassifier"}))
    with pytest.raises(OptionError, match="no class 'at"):
        labelled_scores(run, list(table.columns), class_name=wanted)


def test_independent_labels(run):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id_str": [f"g{row}" for row in range(60)], "file_loc": "g.jpg"})
    for name in ("ring", "bar"):
        table[name], table[f"true_{name}"] = rng.random(60), rng.integers(0, 2, 60)
    table.to_csv(run / "predictions.csv", index=False)
    shutil.rmtree(run / "folds")
    (run / "about.json").write_text(
        json.dumps({"task": "classify", "multi_label": True, "label_cols": ["ring", "bar"]})
    )
    with pytest.raises(OptionError, match="2 label columns. Name one of: ring, bar"):
        labelled_scores(run, list(table.columns))
    found = labelled_scores(run, list(table.columns), label="bar")
    assert (found.column, found.name, found.answer) == ("bar", "bar", "is_bar")
    np.testing.assert_array_equal(found.positive, table["true_bar"] == 1)
    with pytest.raises(OptionError, match="leave --class-name out"):
        labelled_scores(run, list(table.columns), label="bar", class_name="1")


def test_audit_that_is_filled_in(run, targets, tmp_path):
    file, truth = targets
    out = tmp_path / "out"
    select_galaxies(file, run, out, purity=0.8, n_audit=50)
    select_galaxies(file, run, out, purity=0.8, n_audit=50)  # nothing is lost by that
    audit = pd.read_csv(out / "audit.csv")
    truth_of = dict(zip(pd.read_csv(file)["id_str"], truth, strict=True))
    audit["is_1"] = audit["id_str"].map(truth_of)
    audit.to_csv(out / "audit.csv", index=False)
    found = read_audit(out / "audit.csv")
    assert found.judged == 50 and found.right == audit["is_1"].sum()
    assert json.loads((out / "audit.json").read_text())["purity"] == found.purity
    with pytest.raises(OutputError, match="holds answers"):
        select_galaxies(file, run, out, purity=0.8)
    with pytest.raises(CatalogError, match="no audit list"):
        read_audit(out / "selected.csv")


def test_a_label_may_start_as_the_answers_do(run, targets, tmp_path):
    files = [targets[0], *(run / name for name in ("predictions.csv", "val_predictions.csv", "folds/predictions.csv"))]
    for file in files:
        pd.read_csv(file).rename(columns=lambda name: name.replace("ring", "is_ring")).to_csv(file, index=False)
    (run / "model" / "config.json").write_text(json.dumps({"label_cols": ["is_ring"]}))
    out = tmp_path / "out"
    select_galaxies(targets[0], run, out, purity=0.8, n_audit=50)
    select_galaxies(targets[0], run, out, purity=0.8, n_audit=50)  # nothing is filled in yet
    audit = pd.read_csv(out / "audit.csv")
    assert list(audit.columns[2:]) == ["is_ring_1_calibrated", "probability", "is_1"]
    audit["is_1"] = [1] * 45 + [0] * 5
    audit.to_csv(out / "audit.csv", index=False)
    assert read_audit(out / "audit.csv").right == 45
    with pytest.raises(OutputError, match="holds answers"):
        select_galaxies(targets[0], run, out, purity=0.8)


def test_mistakes_are_named(run, targets, tmp_path):
    file, _ = targets
    pd.read_csv(file).rename(columns=lambda name: name.replace("ring", "bar")).to_csv(
        tmp_path / "bars.csv", index=False
    )
    with pytest.raises(CatalogError, match="no column ring_1"):
        select_galaxies(tmp_path / "bars.csv", run, tmp_path / "out", purity=0.9)
    with pytest.raises(OptionError, match="nothing to report on in"):
        select_galaxies(file, tmp_path / "nowhere", tmp_path / "out", purity=0.9)
    (tmp_path / "empty.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CatalogError, match="no column id_str"):
        select_galaxies(tmp_path / "empty.csv", run, tmp_path / "out", purity=0.9)
    (run / "about.json").write_text(json.dumps({"task": "regress", "label_cols": ["ring"]}))
    with pytest.raises(OptionError, match=r"not one of classes \(regress\)"):
        select_galaxies(file, run, tmp_path / "out", purity=0.9)


def test_labelled_galaxies_among_the_selected_are_counted(run, tmp_path):
    said = []
    table = pd.read_csv(run / "predictions.csv").drop(columns="true_ring")
    table.to_parquet(tmp_path / "targets.parquet")
    selection = select_galaxies(tmp_path / "targets.parquet", run, tmp_path / "out", completeness=0.5, say=said.append)
    assert f"{selection.n_selected} of the selected galaxies are labelled galaxies of the run." in said


def test_out_of_fold_scores_are_brought_to_the_models_scale(run):
    """The run's model is bolder than those of the folds, as the galaxies that both predicted show."""
    folds = pd.read_csv(run / "folds" / "predictions.csv")
    log_odds = np.log(folds["ring_1_calibrated"] / folds["ring_0_calibrated"])
    bolder = expit(2 * log_odds + 0.5)
    test = folds.head(150).assign(ring_1_calibrated=bolder, ring_0_calibrated=1 - bolder)
    test.to_csv(run / "predictions.csv", index=False)
    found = labelled_scores(run, COLUMNS)
    np.testing.assert_allclose(found.scores, bolder, atol=0.02)  # but for log odds that are cut off
    assert "on the scale that the run's model has for 150 of them" in found.source


def test_galaxies_that_trained_the_model_are_left_out(run, targets, tmp_path):
    file, _ = targets
    table = pd.read_csv(file)
    pd.DataFrame({"id_str": table["id_str"][:1000], "part": ["train"] * 800 + ["val"] * 200}).to_csv(
        run / "parts.csv", index=False
    )
    said = []
    selection = select_galaxies(file, run, tmp_path / "out", completeness=0.5, say=said.append)
    assert selection.n_target == 2200
    assert any("800 of the 3,000 target galaxies trained the model and are left out" in sentence for sentence in said)
    assert not set(pd.read_csv(tmp_path / "out" / "selected.csv")["id_str"]) & set(table["id_str"][:800])
    table[:800].to_csv(tmp_path / "trained.csv", index=False)
    with pytest.raises(CatalogError, match="all 800 target galaxies trained the model"):
        select_galaxies(tmp_path / "trained.csv", run, tmp_path / "out", completeness=0.5)


def test_groups_of_a_run_count_once(run, targets, tmp_path):
    """Out of fold predictions of 400 galaxies that are 100 objects in four copies each, as parts.csv says."""
    file, _ = targets
    folds = pd.read_csv(run / "folds" / "predictions.csv")
    parts = folds[["id_str"]].assign(part="train", galaxy_group=[f"o{row // 4}" for row in range(400)])
    folds["true_ring"] = np.repeat(folds["true_ring"][::4].to_numpy(), 4)
    folds.to_csv(run / "folds" / "predictions.csv", index=False)
    parts.to_csv(run / "parts.csv", index=False)
    said = []
    selection = select_galaxies(file, run, tmp_path / "out", completeness=0.5, say=said.append)
    assert sum(selection.labelled.values()) == 100 and selection.n_labelled == 400
    assert any("400 labelled galaxies are 100" in sentence for sentence in said)
    shutil.rmtree(run / "folds")
    parts.assign(id_str=pd.read_csv(run / "predictions.csv")["id_str"].reindex(range(400))).to_csv(run / "parts.csv")
    both = labelled_scores(run, COLUMNS, validation=True)
    assert len(np.unique(both.groups[:150])) == 38 and len(np.unique(both.groups)) == 38 + 80
