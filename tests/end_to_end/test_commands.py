"""finetune -> predict -> evaluate for every task, and what each command leaves behind."""

import json
import re
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from astropy.table import Table
from sklearn.preprocessing import label_binarize

import zoobot

LABELS = {
    "names": ["--label", "shape"],
    "zero_one": ["--label", "ring"],
    "regression": ["--label", "radius"],
    "tree": ["--tree", "{galaxies}/tree.yaml"],
    "several": ["--label", "has_ring", "--label", "is_large"],
}
CLASSIFIED = {"accuracy", "balanced_accuracy", "auroc", "average_precision", "log_loss", "n"}
SCORES = {
    "names": CLASSIFIED,
    "zero_one": CLASSIFIED,
    "regression": {"rmse", "mae", "r2", "n"},
    "tree": {"loss", "fraction_mae", "n"},
    "several": CLASSIFIED,
}
TREE_COLUMNS = ["feature_ringed", "feature_barred", "feature_smooth", "size_large", "size_small"]
COLUMNS = {
    "names": [
        "shape_bar",
        "shape_disk",
        "shape_ring",
        "shape_predicted",
        "shape_bar_calibrated",
        "shape_disk_calibrated",
        "shape_ring_calibrated",
        "shape_set",
    ],
    "zero_one": ["ring_0", "ring_1", "ring_predicted", "ring_0_calibrated", "ring_1_calibrated", "ring_set"],
    "regression": ["radius", "radius_low", "radius_high"],
    "tree": TREE_COLUMNS,
    "several": [
        "has_ring",
        "is_large",
        "has_ring_calibrated",
        "is_large_calibrated",
        "has_ring_set",
        "is_large_set",
    ],
}
TASKS = list(LABELS)


@pytest.fixture(scope="module")
def runs(galaxies, finetune, tmp_path_factory):
    """Return a function from a task's name to the folder of its run, done once, and the command's answer."""
    done = {}

    def run(task):
        if task not in done:
            out = tmp_path_factory.mktemp(task) / "run"
            options = [part.format(galaxies=galaxies) for part in LABELS[task]]
            done[task] = out, finetune(out, *options, "--blocks", "-1", "--report")
        return done[task]

    return run


@pytest.mark.parametrize("task", TASKS)
def test_finetune_writes_what_it_promises(runs, task):
    out, answer = runs(task)
    for name in (
        "model/config.json",
        "model/model.safetensors",
        "model/reference.safetensors",
        "checkpoints/last.ckpt",
    ):
        assert (out / name).is_file()
    log = pd.read_csv(out / "log.csv")
    assert log["epoch"].tolist() == [0, 1, 2, 3]
    assert {"finetuning/train_loss", "finetuning/val_loss"} <= set(log.columns)
    assert np.isfinite(log["finetuning/train_loss"]).all()

    metrics = json.loads((out / "metrics.json").read_text())
    assert list(metrics) == ["val", "test", "timing"]
    timing = metrics["timing"]
    assert 0 == timing["frozen_pass_seconds"] < timing["fit_seconds"] < timing["before_report_seconds"]
    assert timing["before_report_seconds"] < timing["total_seconds"]
    page = (out / "report.html").read_text()
    assert f"{timing['before_report_seconds']:.0f} s from reading the catalog up to this report" in page
    assert timing["images_per_second"] == pytest.approx(len(log) * 67 / timing["fit_seconds"], rel=0.05)
    assert 0.1 < timing["peak_memory_gb"] < 20
    predictions = pd.read_csv(out / "predictions.csv")
    for part, share in (("val", 0.1), ("test", 0.2)):
        assert SCORES[task] <= set(metrics[part])
        assert abs(metrics[part]["n"] - share * 96) <= 2
    assert len(predictions) == metrics["test"]["n"]
    truth = TREE_COLUMNS if task == "tree" else LABELS[task][1::2]
    columns = predictions.columns.tolist()
    shown = 2 + len(COLUMNS[task])
    assert columns[:shown] == ["id_str", "file_loc", *COLUMNS[task]]
    assert columns[-len(truth) :] == [f"true_{name}" for name in truth]
    assert (task == "tree") == (len(columns) > shown + len(truth)) == (out / "plots" / "coverage.png").is_file()
    for name in ("model", "checkpoints", "log.csv", "metrics.json", "predictions.csv", "report.html", "checks"):
        assert str(out / name) in answer.out
    about, parts = json.loads((out / "about.json").read_text()), pd.read_csv(out / "parts.csv")
    assert parts["part"].value_counts().to_dict() == about["counts"] and sum(about["counts"].values()) == 96
    assert parts.loc[parts["part"] == "test", "id_str"].tolist() == predictions["id_str"].tolist()


def test_the_model_of_the_best_epoch_is_kept(finetune, tmp_path):
    finetune(tmp_path, "--label", "shape", "--blocks", -1, "--epochs", 60, "--patience", 1, "--learning-rate", 0.02)
    losses = pd.read_csv(tmp_path / "log.csv")["finetuning/val_loss"]
    assert losses.idxmin() == len(losses) - 2  # stopped early: the last is not the best
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    kept = metrics["val"]["log_loss"]  # computed in other batches than in training: equal to bfloat16 rounding
    assert kept == pytest.approx(losses.min(), abs=5e-3)
    assert abs(kept - losses.min()) < 0.2 * abs(kept - losses.iloc[-1])


def figures_of(metrics, part="test"):
    """Return each figure of a part with the score that it is of, by name; those under labels and targets too."""
    figures = dict(metrics[part]["figures"])
    nested = {name: figures.pop(name) for name in ("classes", "labels", "targets", "calibrated") if name in figures}
    found = [(name, one, metrics[part].get(name)) for name, one in figures.items()]
    found += [(name, one, metrics[part]["calibrated"][name]) for name, one in nested.get("calibrated", {}).items()]
    for kind in {"labels", "targets"} & set(nested):
        for own, each in nested[kind].items():
            found += [(f"{own} {name}", one, metrics[part][kind][own].get(name)) for name, one in each.items()]
    return found


@pytest.mark.parametrize("task", TASKS)
def test_every_score_has_an_interval_or_a_reason(runs, task):
    out, answer = runs(task)
    metrics = json.loads((out / "metrics.json").read_text())
    for part in ("val", "test"):
        found = figures_of(metrics, part)
        assert {name for name, _, _ in found} >= SCORES[task] - {"n", "fraction_mae"}
        for name, figure, score in found:
            assert figure["n"] == figure["n_groups"] == metrics[part]["n"]
            if score is not None:
                assert figure["value"] == pytest.approx(score, rel=1e-5)
            if figure["reason"]:
                assert figure["low"] is None
            else:
                assert figure["low"] <= figure["value"] <= figure["high"], name
                assert figure["method"]
    first = next(one for _, one, _ in figures_of(metrics) if one["low"] is not None)
    low, high = (f"{end:.3f}" if abs(end) >= 0.1 else f"{end:.3g}" for end in (first["low"], first["high"]))
    assert f"({low} to {high})" in " ".join(answer.out.split())


def test_groups_are_counted_as_one(finetune, galaxies, zoobot_command, tmp_path):
    labelled = pd.read_csv(galaxies / "catalog.csv")
    labelled["file_loc"] = [str(galaxies / name) for name in labelled["file_loc"]]
    labelled["object"] = labelled["shape"] + (labelled.groupby("shape").cumcount() // 4).astype(str)
    labelled.to_csv(tmp_path / "catalog.csv", index=False)
    out = tmp_path / "run"
    finetune(out, "--label", "shape", "--group-col", "object", "--folds", "2", catalog=tmp_path / "catalog.csv")
    metrics = json.loads((out / "metrics.json").read_text())
    folds = json.loads((out / "folds" / "metrics.json").read_text())["folds"]
    for scores in (metrics["test"], metrics["val"], *folds):
        figure = scores["figures"]["accuracy"]
        assert figure["n"] == 4 * figure["n_groups"] == scores["n"]
        assert "groups" in figure["method"]

    new = labelled.assign(id_str=[f"new-{row}" for row in range(len(labelled))])
    new.to_csv(tmp_path / "new.csv", index=False)
    options = ("--model", out / "model", "--out", tmp_path / "scores", "--no-report")
    answer = zoobot_command("evaluate", tmp_path / "new.csv", *options, "--group-col", "object")
    assert answer.code == 0, answer.err
    metrics = json.loads((tmp_path / "scores" / "metrics.json").read_text())
    for part in ("test", "seen"):
        figure = metrics[part]["figures"]["accuracy"]
        assert figure["n"] == 4 * figure["n_groups"] == metrics[part]["n"]
    parts = pd.read_csv(tmp_path / "scores" / "parts.csv")
    assert parts["galaxy_group"].tolist() == labelled["object"].tolist()
    answer = zoobot_command("evaluate", tmp_path / "new.csv", *options, "--group-col", "objects")
    assert answer.code
    assert "no column 'objects' of groups" in answer.err


@pytest.mark.parametrize("task", TASKS)
def test_predict_and_evaluate_repeat_the_test_scores(runs, galaxies, zoobot_command, tmp_path, task):
    run, _ = runs(task)
    tested = pd.read_csv(run / "predictions.csv")
    labelled = pd.read_csv(galaxies / "catalog.csv")
    labelled["file_loc"] = [str(galaxies / name) for name in labelled["file_loc"]]
    catalog = tmp_path / "test.csv"
    labelled[labelled["file_loc"].isin(tested["file_loc"])].to_csv(catalog, index=False)

    answer = zoobot_command("predict", catalog, "--model", run / "model", "--out", tmp_path / "new" / "p.csv")
    assert answer.code == 0, answer.err
    assert f"{len(tested)} galaxies predicted" in answer.out
    predicted = pd.read_csv(tmp_path / "new" / "p.csv")
    pd.testing.assert_frame_equal(predicted, tested[predicted.columns], atol=1e-6)

    answer = zoobot_command("evaluate", catalog, "--model", run / "model", "--out", tmp_path / "scores")
    assert answer.code == 0, answer.err
    again = json.loads((tmp_path / "scores" / "metrics.json").read_text())["test"]
    first = json.loads((run / "metrics.json").read_text())["test"]
    for name in SCORES[task]:
        assert again[name] == pytest.approx(first[name], abs=1e-6)
    assert len(pd.read_csv(tmp_path / "scores" / "predictions.csv")) == len(tested)
    titles = [
        re.findall("<h1>(.*?)</h1>", (folder / "report.html").read_text()) for folder in (run, tmp_path / "scores")
    ]
    assert titles[0] == titles[1] and titles[0]


def test_scores_of_names_equal_those_of_scikit_learn(runs):
    run, _ = runs("names")
    scores, table = read(run)
    classes = ["bar", "disk", "ring"]
    probabilities = table[[f"shape_{name}" for name in classes]].to_numpy()
    truth, guess = table["true_shape"], table["shape_predicted"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert guess.tolist() == [classes[place] for place in probabilities.argmax(axis=1)]
    each_class = label_binarize(truth, classes=classes)
    check(
        scores,
        accuracy=sk.accuracy_score(truth, guess),
        balanced_accuracy=sk.balanced_accuracy_score(truth, guess),
        auroc=sk.roc_auc_score(truth, probabilities / probabilities.sum(axis=1, keepdims=True), multi_class="ovr"),
        average_precision=sk.average_precision_score(each_class, probabilities, average="macro"),
        log_loss=sk.log_loss(truth, probabilities / probabilities.sum(axis=1, keepdims=True), labels=classes),
    )
    assert scores["confusion"] == sk.confusion_matrix(truth, guess, labels=classes).tolist()
    assert list(scores["f1"].values()) == pytest.approx(sk.f1_score(truth, guess, labels=classes, average=None))
    assert scores["auroc"] > 0.7  # the three shapes are easily told apart


def test_scores_of_zero_and_one_equal_those_of_scikit_learn(runs):
    run, _ = runs("zero_one")
    scores, table = read(run)
    truth, probability = table["true_ring"], table["ring_1"]
    check(scores, **binary_scores(truth, probability))
    assert (table["ring_predicted"] == (probability > 0.5)).all()
    assert scores["auroc"] > 0.7


def test_scores_of_regression_equal_those_of_scikit_learn(runs):
    run, _ = runs("regression")
    scores, table = read(run)
    truth, guess = table["true_radius"], table["radius"]
    check(
        scores,
        rmse=sk.root_mean_squared_error(truth, guess),
        mae=sk.mean_absolute_error(truth, guess),
        r2=sk.r2_score(truth, guess),
    )


def test_scores_of_several_labels_are_the_mean_of_scikit_learns(runs):
    run, _ = runs("several")
    scores, table = read(run)
    each = [binary_scores(table[f"true_{label}"], table[label]) for label in ("has_ring", "is_large")]
    check(scores, **{name: np.mean([one[name] for one in each]) for name in each[0]})


def test_vote_fractions_sum_to_one_and_their_error_is_the_mean_over_questions(runs):
    run, _ = runs("tree")
    scores, table = read(run)
    errors = []
    for answers in (TREE_COLUMNS[:3], TREE_COLUMNS[3:]):
        fractions, votes = table[answers].to_numpy(), table[[f"true_{name}" for name in answers]].to_numpy()
        np.testing.assert_allclose(fractions.sum(axis=1), 1, atol=1e-5)
        asked = votes.sum(axis=1) > 0
        observed = votes[asked] / votes[asked].sum(axis=1, keepdims=True)
        errors.append(np.average(np.abs(fractions[asked] - observed).mean(axis=1), weights=votes[asked].sum(axis=1)))
    assert scores["fraction_mae"] == pytest.approx(np.mean(errors), abs=1e-6)


@pytest.mark.parametrize("ending", ["csv", "parquet", "fits", "hdf5"])
def test_predictions_in_every_format(runs, galaxies, zoobot_command, tmp_path, ending):
    run, _ = runs("names")
    path = tmp_path / f"predictions.{ending}"
    answer = zoobot_command("predict", galaxies / "images", "--model", run / "model", "--out", path)
    assert answer.code == 0, answer.err
    table = {"csv": pd.read_csv, "parquet": pd.read_parquet, "fits": read_astropy, "hdf5": read_hdf5}[ending](path)
    assert table.columns.tolist() == ["id_str", "file_loc", *COLUMNS["names"]]
    wanted = zoobot.predict(galaxies / "images", run / "model")
    np.testing.assert_allclose(table["shape_ring"], wanted["shape_ring"], atol=2e-3)
    text = table["shape_predicted"].map(lambda value: value.decode() if isinstance(value, bytes) else value)
    assert text.tolist() == wanted["shape_predicted"].tolist()
    assert list(tmp_path.iterdir()) == [path]  # nothing half written is left


def test_skip_leaves_the_reason_in_the_rows_of_bad_images(runs, galaxies, zoobot_command, tmp_path):
    run, _ = runs("names")
    names = [f"galaxy_{place:03}.jpg" for place in range(5)]
    for name in names[:4]:
        shutil.copy(galaxies / "images" / name, tmp_path / name)
    (tmp_path / names[1]).write_bytes((galaxies / "images" / names[1]).read_bytes()[:400])
    catalog = tmp_path / "catalog.csv"
    pd.DataFrame({"file_loc": names, "shape": ["disk", "ring", "bar", "disk", "ring"]}).to_csv(catalog, index=False)

    stopped = zoobot_command("predict", catalog, "--model", run / "model", "--out", tmp_path / "p.csv")
    assert stopped.code == 2
    assert names[4] in stopped.err
    assert not (tmp_path / "p.csv").exists()

    command = ("predict", catalog, "--model", run / "model", "--out", tmp_path / "p.csv", "--on-error", "skip")
    answer = zoobot_command(*command)
    assert answer.code == 0, answer.err
    assert "3 galaxies predicted, 2 skipped" in answer.out
    table = pd.read_csv(tmp_path / "p.csv", keep_default_na=False, na_values={"shape_ring": ""})
    assert table["id_str"].tolist() == [name.removesuffix(".jpg") for name in names]
    assert table["shape_ring"].isna().tolist() == [False, True, False, False, True]
    assert (table["error"] != "").tolist() == [False, True, False, False, True]
    assert names[1] in table["error"][1]
    assert names[4] in table["error"][4]
    whole = zoobot.predict(galaxies / "images", run / "model")
    np.testing.assert_allclose(table["shape_ring"][[0, 2, 3]], whole["shape_ring"][[0, 2, 3]], atol=2e-3)

    scored = zoobot_command("evaluate", catalog, "--model", run / "model", "--on-error", "skip", "--out", tmp_path)
    assert scored.code == 0, scored.err
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert sum(metrics[part]["n"] for part in ("test", "seen") if part in metrics) == 3


def test_fits_cutouts_in_a_folder_a_class(cutouts, finetune, zoobot_command, tmp_path):
    finetune(tmp_path / "run", "--label", "label", "--channels", 1, "--blocks", -1, catalog=cutouts)
    config = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert config["class_names"] == ["disk", "ring"]
    answer = zoobot_command("predict", cutouts, "--model", tmp_path / "run/model", "--out", tmp_path / "p.csv")
    assert answer.code == 0, answer.err
    table = pd.read_csv(tmp_path / "p.csv")
    assert len(table) == 24
    assert table[["label_disk", "label_ring"]].notna().all(axis=None)


def test_separate_test_catalog(galaxies, finetune, tmp_path):
    frame = pd.read_csv(galaxies / "catalog.csv")
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    frame[:60].to_csv(tmp_path / "train.csv", index=False)
    frame[60:].to_csv(tmp_path / "test.csv", index=False)
    options = ("--label", "ring", "--epochs", 1, "--test", tmp_path / "test.csv")
    finetune(tmp_path / "run", *options, catalog=tmp_path / "train.csv")
    tested = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert tested["file_loc"].tolist() == frame["file_loc"][60:].tolist()


def test_models_prints_json(zoobot_command):
    answer = zoobot_command("models", "--json")
    assert answer.code == 0
    listed = json.loads(answer.out)
    assert all(entry["name"].startswith("hf_hub:") and entry["parameters"] > 0 for entry in listed)
    assert sum(entry["recommended"] for entry in listed) >= 1
    assert "hf_hub:mwalmsley/zoobot-encoder-convnext_nano" in [entry["name"] for entry in listed]


def read_astropy(path):
    return Table.read(path).to_pandas()


def read_hdf5(path):
    with h5py.File(path) as file:
        return pd.DataFrame.from_records(file["table"][()])


def read(run):
    """Return the scores and the predictions of a run's test part."""
    return json.loads((run / "metrics.json").read_text())["test"], pd.read_csv(run / "predictions.csv")


def check(scores, **wanted):
    """Compare scores: predictions.csv holds float32 figures."""
    for name, value in wanted.items():
        assert scores[name] == pytest.approx(value, abs=2e-5), name


def binary_scores(truth, probability):
    """Return scikit-learn's scores of one label."""
    guess = probability > 0.5
    return {
        "accuracy": sk.accuracy_score(truth, guess),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, guess),
        "auroc": sk.roc_auc_score(truth, probability),
        "average_precision": sk.average_precision_score(truth, probability),
        "log_loss": sk.log_loss(truth, probability),
    }


def test_folds_predict_every_labelled_galaxy_once(finetune, tmp_path):
    finetune(tmp_path / "run", "--label", "shape", "--folds", 3, "--epochs", 2)
    folds = tmp_path / "run" / "folds"
    table, summary = pd.read_csv(folds / "predictions.csv"), json.loads((folds / "metrics.json").read_text())
    parts = pd.read_csv(tmp_path / "run" / "parts.csv")
    assert sorted(table["id_str"]) == sorted(parts["id_str"]) and table["id_str"].is_unique
    assert table.groupby(["fold", "true_shape"]).size().between(10, 11).all()  # classes in the same proportions
    for fold, scores in enumerate(summary["folds"]):
        own = table[table["fold"] == fold]
        assert scores["accuracy"] == pytest.approx((own["shape_predicted"] == own["true_shape"]).mean())
    assert summary["mean"]["accuracy"] == pytest.approx(np.mean([one["accuracy"] for one in summary["folds"]]))
    assert summary["std"]["accuracy"] == pytest.approx(np.std([one["accuracy"] for one in summary["folds"]], ddof=1))
    assert sorted(path.name for path in folds.iterdir()) == [
        "metrics.json",
        "origin.json",
        "outcomes.safetensors",
        "predictions.csv",
    ]


@pytest.mark.parametrize("labels", [("--tree", "{galaxies}/tree.yaml"), ("--label", "has_ring", "--label", "is_large")])
def test_folds_of_votes_and_of_several_labels(finetune, galaxies, tmp_path, labels):
    finetune(tmp_path / "run", *(one.format(galaxies=galaxies) for one in labels), "--folds", 2, "--no-report")
    table = pd.read_csv(tmp_path / "run" / "folds" / "predictions.csv")
    assert sorted(table["id_str"]) == sorted(pd.read_csv(tmp_path / "run" / "parts.csv")["id_str"])


def test_scores_by_a_column_of_the_catalog(runs, galaxies, zoobot_command, tmp_path):
    run, _ = runs("names")
    command = ("evaluate", galaxies / "catalog.csv", "--model", run / "model", "--out", tmp_path)
    answer = zoobot_command(*command, "--by", "radius", "--by", "ring")
    assert answer.code == 0, answer.err
    table = pd.read_csv(tmp_path / "breakdown.csv")
    assert table["column"].unique().tolist() == ["radius", "ring"]
    unseen = len(pd.read_csv(run / "predictions.csv"))  # of the 96, the others have trained the model
    for _, own in table.groupby("column"):
        assert own["n"].tolist()[0] == unseen == own["n"].tolist()[1:] @ np.ones(len(own) - 1)
    assert (tmp_path / "report.html").is_file()
    answer = zoobot_command(*command, "--by", "mass")
    assert answer.code == 2 and "no column 'mass'" in answer.err


def test_votes_can_have_concentrations_below_one(galaxies, finetune, tmp_path):
    finetune(tmp_path / "run", "--tree", galaxies / "tree.yaml", "--concentrations", "softplus")
    model = zoobot.load(tmp_path / "run" / "model")
    assert model.concentrations == "softplus"
    assert json.loads((tmp_path / "run" / "run.json").read_text())["concentrations"] == "softplus"
