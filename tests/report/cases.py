"""Runs made up so that each sentence of a report is true of one and false of another."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from tests.report.folders import classifier_folder, labels_folder, numbers_folder, votes_folder

CASES: dict[str, Callable[[Path], None]] = {}
"""What writes each case's folder"""


def case(write: Callable[[Path], None]) -> Callable[[Path], None]:
    """Add a case by the name of its function."""
    CASES[write.__name__] = write
    return write


def change(path: Path, **values: object) -> None:
    """Change entries of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_scores(folder: Path, part: str, **values: object) -> None:
    """Change scores of one part."""
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics[part] |= values
    (folder / "metrics.json").write_text(json.dumps(metrics))


def settings(folder: Path, **values: object) -> None:
    """Change settings of a run, which ``about.json`` repeats."""
    change(folder / "run.json", **values)
    if "blocks" in values:
        change(folder / "about.json", n_blocks=values["blocks"])


def losses(folder: Path, loss: np.ndarray) -> None:
    """Write a log with this validation loss."""
    log = pd.DataFrame({"epoch": range(len(loss)), "finetuning/val_loss": loss})
    log.to_csv(folder / "log.csv", index=False)


@case
def good(folder: Path) -> None:
    """Write a sound classifier of two classes, of many galaxies, whose calibration gained nothing."""
    classifier_folder(folder, n=600, images=False)


@case
def recalibrated(folder: Path) -> None:
    """Write one whose calibration was kept, and whose calibrated probabilities are still wrong."""
    table = classifier_folder(folder, n=600, images=False)
    for file in ("predictions.csv", "val_predictions.csv"):
        table = pd.read_csv(folder / file)
        table["shape_ring_calibrated"] = table["shape_ring"] ** 3
        table["shape_smooth_calibrated"] = 1 - table["shape_ring_calibrated"]
        table.to_csv(folder / file, index=False)
    scores = {"log_loss": 0.6, "brier": 0.2, "ece": 0.12, "ece_perfect": {"median": 0.01, "q95": 0.04}}
    evidence = {"evidence": "shown", "gain": 0.05, "gain_low": 0.02, "gain_high": 0.08, "n": 300}
    change_scores(folder, "test", calibrated=scores, calibration={"kind": "temperature"} | evidence)


@case
def few_recalibrated(folder: Path) -> None:
    """Write one of few validation galaxies and one epoch, whose calibration was kept and changes next to nothing."""
    classifier_folder(folder, n=50, images=False)
    losses(folder, np.array([1.0]))
    change_scores(folder, "test", calibration={"kind": "temperature", "evidence": "fitted", "gain": 0.001, "n": 25})
    change(folder / "about.json", catalog_notes=["The column shape holds -999."])
    for file in ("predictions.csv", "val_predictions.csv"):
        table = pd.read_csv(folder / file)
        table["shape_ring_calibrated"] = table["shape_ring"] * 0.999
        table["shape_smooth_calibrated"] = 1 - table["shape_ring_calibrated"]
        table.to_csv(folder / file, index=False)


@case
def recalibrated_labels(folder: Path) -> None:
    """Write a multi-label classifier whose calibration is shown to help for one label."""
    table = labels_folder(folder)
    table["bar_calibrated"] = table["bar"] ** 1.2
    table.to_csv(folder / "predictions.csv", index=False)
    each = {"bar": {"evidence": "shown"}, "ring": {"evidence": "none"}}
    change_scores(folder, "test", calibration={"kind": "isotonic", "evidence": "shown", "labels": each})


@case
def too_sure(folder: Path) -> None:
    """Write one whose probabilities rank galaxies, but are far too sure."""
    classifier_folder(folder, n=300, calibrated=False, images=False)
    table = pd.read_csv(folder / "predictions.csv")
    table["shape_ring"] = np.clip((table["shape_ring"] - 0.5) * 1e6 + 0.5, 1e-9, 1 - 1e-9) + 1e-12 * table["shape_ring"]
    table["shape_smooth"] = 1 - table["shape_ring"]
    table.to_csv(folder / "predictions.csv", index=False)


@case
def uncalibrated(folder: Path) -> None:
    """Write one without calibration and without conformal sets."""
    classifier_folder(folder, n=300, calibrated=False, images=False)


@case
def shuffled(folder: Path) -> None:
    """Write one that knows nothing of the labels, with a list of labels that disagree."""
    table = classifier_folder(folder, n=400, skill=0, images=False)
    change_scores(folder, "test", ece=0.2, ece_perfect={"median": 0.01, "q95": 0.04}, calibrated={})
    (folder / "checks").mkdir()
    wrong_labels(table.head(1)).to_csv(folder / "checks" / "labels.csv", index=False)


@case
def folds_know(folder: Path) -> None:
    """Write one whose test galaxies can't be told from guesses, with folds whose predictions can."""
    classifier_folder(folder / "folds", n=200, images=False)
    classifier_folder(folder, n=40, skill=0.1, images=False)


def wrong_labels(table: pd.DataFrame) -> pd.DataFrame:
    """Return what the check of labels writes of these galaxies."""
    return table[["id_str", "file_loc"]].assign(
        label="shape", given="ring", suggested="smooth", score=0.1, probability=0.97
    )


@case
def inverted(folder: Path) -> None:
    """Write one whose predictions are the wrong way round."""
    table = classifier_folder(folder, n=300, images=False)
    table["true_shape"] = table["true_shape"].map({"smooth": "ring", "ring": "smooth"})
    table.to_csv(folder / "predictions.csv", index=False)
    change_scores(folder, "test", auroc=0.08)


@case
def tiny(folder: Path) -> None:
    """Write one of six test galaxies and three validation galaxies, which are too few for conformal sets."""
    classifier_folder(folder, n=6, images=False)
    change_scores(folder, "test", conformal={"level": 0.9, "coverage": 1.0, "expected": [1.0, 1.0], "n_validation": 3})


@case
def pair(folder: Path) -> None:
    """Write one of two test galaxies, which can't tell whether probabilities, sets or parts are as they should be."""
    table = classifier_folder(folder, n=2, images=False, calibrated=False)
    table["true_shape"], table["shape_ring"], table["shape_smooth"] = ["ring", "smooth"], 0.6, 0.4
    table.to_csv(folder / "predictions.csv", index=False)
    change_scores(folder, "val", confusion=[[1, 0], [0, 1]])
    change_scores(folder, "test", confusion=[[0, 1], [1, 0]])
    change_scores(folder, "test", conformal={"level": 0.5, "coverage": 0.0, "expected": [0.0, 1.0], "n_validation": 3})


@case
def one_class(folder: Path) -> None:
    """Write one whose test galaxies are all of one class."""
    from torch import from_numpy

    from zoobot.files import json_ready
    from zoobot.finetune.metrics import classification_scores

    table = classifier_folder(folder, n=80, images=False)
    table = table[table["true_shape"] == "ring"]
    table.to_csv(folder / "predictions.csv", index=False)
    p = table[["shape_smooth", "shape_ring"]].to_numpy(np.float32)
    scores = classification_scores(from_numpy(p), from_numpy(np.ones(len(p))), ["smooth", "ring"])
    change_scores(folder, "test", **json_ready(scores))
    change(folder / "about.json", class_counts={"test": {"smooth": 0, "ring": 40}, "val": {"smooth": 20, "ring": 20}})


@case
def many_classes(folder: Path) -> None:
    """Write one of twenty classes, of which some are never predicted, one has no test galaxies, and all have few."""
    names = tuple(f"kind_{place}" for place in range(20))
    table = classifier_folder(folder, n=200, names=names, images=False)
    table = table[table["true_shape"] != "kind_3"]
    table.to_csv(folder / "predictions.csv", index=False)
    metrics = json.loads((folder / "metrics.json").read_text())
    confusion = np.array(metrics["test"]["confusion"])
    confusion[3], confusion[:, 5] = 0, 0
    change_scores(folder, "test", confusion=confusion.tolist())
    counts = {name: int(n) for name, n in zip(names, confusion.sum(axis=1), strict=True)}
    change(folder / "about.json", class_counts={"test": counts, "val": dict.fromkeys(names, 0) | {"kind_0": 100}})


@case
def three_classes(folder: Path) -> None:
    """Write a sound classifier of three classes, one of which has ten times as many galaxies as another."""
    classifier_folder(folder, n=300, names=("a", "b", "c"), images=False)
    change(folder / "about.json", class_counts={"train": {"a": 900, "b": 90, "c": 400}})
    losses(folder, np.linspace(1, 2, 12))


@case
def numbers(folder: Path) -> None:
    """Write a sound regression of one target."""
    numbers_folder(folder, n=120)


@case
def many_numbers(folder: Path) -> None:
    """Write a regression of more galaxies than are drawn one by one."""
    numbers_folder(folder, n=1600)


@case
def few_numbers(folder: Path) -> None:
    """Write a regression of eight test galaxies, whose intervals are infinite."""
    table = numbers_folder(folder, n=8)
    table["size_low"], table["size_high"] = -np.inf, np.inf
    table.to_csv(folder / "predictions.csv", index=False)
    target = {"coverage": 1.0, "expected": [1.0, 1.0], "n_validation": 4}
    change_scores(folder, "test", conformal={"level": 0.9, "coverage": 1.0, "targets": {"size": target}})


@case
def noisy_numbers(folder: Path) -> None:
    """Write a regression that knows nothing, without intervals, with a list of measurements that disagree."""
    table = numbers_folder(folder, skill=0.0)
    table = table.drop(columns=["size_low", "size_high"])
    table.to_csv(folder / "predictions.csv", index=False)
    change_scores(folder, "test", conformal={})
    (folder / "checks").mkdir()
    disagree = table.head(2)[["id_str", "file_loc"]].assign(label="size", given=1.0, suggested=2.0, score=-5.0)
    disagree.assign(probability=np.nan).to_csv(folder / "checks" / "labels.csv", index=False)


@case
def constant_numbers(folder: Path) -> None:
    """Write a regression that predicts the same for all galaxies."""
    table = numbers_folder(folder)
    table["size"] = 10.0
    table.to_csv(folder / "predictions.csv", index=False)


@case
def few_targets(folder: Path) -> None:
    """Write a regression of two targets and four galaxies, too few for intervals."""
    numbers_folder(folder, n=4, names=("a", "b"))


@case
def biased_numbers(folder: Path) -> None:
    """Write a regression whose order is right and whose scale is not."""
    table = numbers_folder(folder)
    table["size"] += 20
    table.to_csv(folder / "predictions.csv", index=False)
    (folder / "checks").mkdir()
    disagree = table.head(2)[["id_str", "file_loc"]].assign(label="size", given=1.0, suggested=2.0, score=-5.0)
    disagree.assign(probability=np.nan).to_csv(folder / "checks" / "labels.csv", index=False)


@case
def one_number(folder: Path) -> None:
    """Write a regression of one test galaxy, which lies outside its interval."""
    numbers_folder(folder, n=1)
    target = {"coverage": 0.0, "expected": [0.0, 1.0], "n_validation": 40}
    change_scores(folder, "test", conformal={"level": 0.9, "coverage": 0.0, "targets": {"size": target}})


@case
def many_targets(folder: Path) -> None:
    """Write a regression of more targets than there are panels, one of which is covered too seldom."""
    names = tuple(f"number_{place}" for place in range(14))
    numbers_folder(folder, names=names)
    targets = {name: {"coverage": 0.9, "expected": [0.8, 0.97], "n_validation": 100} for name in names}
    targets["number_2"]["coverage"] = 0.5
    change_scores(folder, "test", conformal={"level": 0.9, "coverage": 0.9, "targets": targets})


@case
def labels(folder: Path) -> None:
    """Write a multi-label classifier, one of whose labels is guessed; one galaxy has another."""
    from torch import from_numpy

    from zoobot.finetune.metrics import multi_label_scores
    from zoobot.science import multi_label_calibration_scores

    table = labels_folder(folder, n=400, names=("bar", "rare", "ring"))
    names, rare = ["bar", "rare", "ring"], np.arange(400) < 1
    table["rare"], table["true_rare"] = np.where(rare, 0.9, 0.05), rare.astype(int)
    table["rare_calibrated"] = table["rare"]
    table.to_csv(folder / "predictions.csv", index=False)
    p, truth = table[names].to_numpy(), table[[f"true_{name}" for name in names]].to_numpy()
    scores = multi_label_scores(from_numpy(p.astype(np.float32)), from_numpy(truth.astype(np.float32)), names)
    change_scores(folder, "test", **(multi_label_calibration_scores(p, truth, names) | scores))


@case
def one_sided_labels(folder: Path) -> None:
    """Write a multi-label classifier of many labels, one of which no test galaxy has, without validation part."""
    from torch import from_numpy

    from zoobot.files import json_ready
    from zoobot.finetune.metrics import multi_label_scores

    names = [f"label_{place}" for place in range(13)]
    table = labels_folder(folder, names=tuple(names))
    table["true_label_0"] = 0
    table.to_csv(folder / "predictions.csv", index=False)
    p, truth = table[names].to_numpy(np.float32), table[[f"true_{name}" for name in names]].to_numpy(np.float32)
    change_scores(folder, "test", **json_ready(multi_label_scores(from_numpy(p), from_numpy(truth), names)))


@case
def votes(folder: Path) -> None:
    """Write what an evaluation of predicted votes leaves."""
    votes_folder(folder)
    change_scores(folder, "test", fraction_mae=0.08)


@case
def few_votes(folder: Path) -> None:
    """Write votes of ten galaxies, which tell nothing."""
    table = votes_folder(folder, n=10)
    truths = [name for name in table.columns if name.startswith("true_")]
    table[truths] = table[truths].sample(frac=1, random_state=0).to_numpy()
    table.to_csv(folder / "predictions.csv", index=False)
    change_scores(folder, "test", questions=scores_of_votes(table))


@case
def wrong_votes(folder: Path) -> None:
    """Write votes that are predicted worse than by a constant, some questions with too narrow intervals."""
    table = votes_folder(folder)
    truths = [name for name in table.columns if name.startswith("true_")]
    table[truths] = table[truths].sample(frac=1, random_state=0).to_numpy()
    volunteers = [name for name in table.columns if name.endswith("_volunteers")]
    table[volunteers] *= 30
    table.to_csv(folder / "predictions.csv", index=False)
    change_scores(folder, "test", questions=scores_of_votes(table))


def scores_of_votes(table: pd.DataFrame) -> dict[str, object]:
    """Return the scores of each question that a table of predicted votes gives."""
    from zoobot import trees
    from zoobot.files import json_ready
    from zoobot.report.outcome_tables import vote_outcomes
    from zoobot.science import score_votes

    found = vote_outcomes(table, trees.load("gz2"))
    return {name: json_ready(one.to_dict()) for name, one in score_votes(found.posterior, found.counts).items()}


@case
def evaluated(folder: Path) -> None:
    """Write what `zoobot evaluate` leaves."""
    classifier_folder(folder, n=120, images=False)
    for name in ("run.json", "log.csv", "val_predictions.csv", "model/config.json"):
        (folder / name).unlink()
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps({"test": metrics["test"]}))
    about = {
        "model": "runs/rings/model",
        "catalog": "/data/other/test.csv",
        "counts": {"test": 120},
        "class_counts": None,
    }
    change(folder / "about.json", **about, n_blocks=2, started="2026-01-01T00:00:00+00:00")


def evaluate_again(folder: Path, known: dict[str, int], why: str = "") -> None:
    """Write what `zoobot evaluate` leaves that looked for galaxies which the model has seen."""
    evaluated(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["known"] = known
    if known["train"]:
        metrics["seen"] = metrics["test"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    looks = {
        "seen": {"done": True, "n": 120, "why": why},
        "labels": {"done": False, "n": 0, "why": "Labels were not checked."},
    }
    change(folder / "about.json", looked=looks)


@case
def unseen(folder: Path) -> None:
    """Write an evaluation on galaxies of which none had a part in the model, but some are of its test part."""
    evaluate_again(folder, {"train": 0, "val": 0, "test": 20, "new": 100})


@case
def some_seen(folder: Path) -> None:
    """Write an evaluation on galaxies of which some had a part in the model, and others are copies of these."""
    evaluate_again(folder, {"train": 30, "val": 10, "test": 0, "new": 120})
    (folder / "checks").mkdir()
    write_pairs(folder, ("test_00001", "test", "r1", "seen"))


@case
def perhaps_seen(folder: Path) -> None:
    """Write an evaluation of an older model, which remembers some of its galaxies alone."""
    evaluate_again(folder, {"train": 0, "val": 0, "test": 0, "new": 120}, "The model was written by an older version.")


@case
def all_seen(folder: Path) -> None:
    """Write an evaluation on galaxies that all had a part in the model."""
    evaluate_again(folder, {"train": 110, "val": 10, "test": 0, "new": 0})
    (folder / "predictions.csv").unlink()
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics.pop("test")
    (folder / "metrics.json").write_text(json.dumps(metrics))


@case
def predictions_alone(folder: Path) -> None:
    """Write a folder of nothing but predictions."""
    classifier_folder(folder, n=60, images=False)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "predictions.csv" and path.suffix in (".json", ".csv"):
            path.unlink()


@case
def numbers_alone(folder: Path) -> None:
    """Write a folder of nothing but predictions of a number, which might be the probability of a label."""
    numbers_folder(folder, n=40)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "predictions.csv" and path.suffix in (".json", ".csv"):
            path.unlink()


@case
def scores_alone(folder: Path) -> None:
    """Write a folder of nothing but scores, of a kind that is not known."""
    classifier_folder(folder, n=60, images=False)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "metrics.json" and path.suffix in (".json", ".csv"):
            path.unlink()
    (folder / "metrics.json").write_text(json.dumps({"test": {"accuracy": 0.5, "n": 10}}))


@case
def damaged(folder: Path) -> None:
    """Write a folder with a file that can't be read, rows without predictions, and a table of another kind of model."""
    table = classifier_folder(folder, n=120, images=False)
    table.loc[:4, ["shape_smooth", "shape_ring"]] = np.nan
    table.to_csv(folder / "predictions.csv", index=False)
    (folder / "log.csv").write_text("nothing\n1\n")


@case
def another_kind(folder: Path) -> None:
    """Write a folder whose predictions lack the columns of its task."""
    table = classifier_folder(folder, n=120, images=False)
    table.drop(columns="shape_ring").to_csv(folder / "predictions.csv", index=False)


@case
def own_task(folder: Path) -> None:
    """Write a run of a task that is not built in, whose scores and columns happen to be those of a classifier."""
    classifier_folder(folder, n=60, images=False)
    change(folder / "about.json", task="gaussian")
    change_scores(folder, "test", own_score=0.625)


@case
def ordered(folder: Path) -> None:
    """Write a classifier of ordered classes."""
    classifier_folder(folder, n=120, names=("a", "b", "c"), images=False)
    change(folder / "about.json", task="ordinal")
    change_scores(folder, "test", class_mae=0.25, within_one=0.96875, quadratic_kappa=0.8125)


@case
def simulated(folder: Path) -> None:
    """Write a run on simulated galaxies, whose test catalog is separate and whose encoder was finetuned whole."""
    classifier_folder(folder, n=60)
    change(folder / "about.json", simulated=True)
    settings(folder, test="/data/other/test.csv", blocks=-1)
    losses(folder, np.array([1.0]))
    settings(folder, epochs=1)


@case
def apart(folder: Path) -> None:
    """Write a run whose validation and test galaxies have catalogs of their own."""
    classifier_folder(folder, n=60, images=False)
    settings(folder, test_catalog="/data/other/test.csv", val_catalog="/data/other/val.csv")


@case
def top_block(folder: Path) -> None:
    """Write a run that finetuned one block, and whose validation loss still fell at its last epoch."""
    classifier_folder(folder, n=120, images=False)
    settings(folder, blocks=1)
    losses(folder, np.linspace(2, 1, 30))
    (folder / "shift.json").write_text(json.dumps({"auroc": None, "n_target": 3, "n_reference": 5, "warning": None}))


@case
def top_blocks(folder: Path) -> None:
    """Write a run that finetuned two blocks, and whose loss no longer fell at its last epoch."""
    classifier_folder(folder, n=120, images=False)
    settings(folder, blocks=2, epochs=20)
    losses(folder, np.r_[np.linspace(2, 1, 15), np.full(5, 1.1)])
    timing = {"fit_seconds": 3.0, "total_seconds": 9.0, "before_report_seconds": 8.0, "peak_memory_gb": 1.0}
    change(folder / "metrics.json", timing=timing)


@case
def unknown_blocks(folder: Path) -> None:
    """Write an older run, which doesn't say how many blocks it finetuned, nor when it started."""
    classifier_folder(folder, n=120, images=False)
    for name in ("run.json", "about.json"):
        content = json.loads((folder / name).read_text())
        for key in ("blocks", "n_blocks", "epochs", "machine", "command"):
            content.pop(key, None)
        (folder / name).write_text(json.dumps(content))


@case
def disagreeing(folder: Path) -> None:
    """Write a run whose test galaxies are unlike those of validation: accuracy, coverage and features say so."""
    classifier_folder(folder, n=600, images=False)
    change_scores(folder, "val", confusion=[[149, 1], [1, 149]])
    change_scores(folder, "test", confusion=[[200, 100], [100, 200]])
    change_scores(folder, "test", conformal={"level": 0.9, "coverage": 0.7, "n_validation": 300})
    write_shift(folder, auroc=0.97, far=0.4)


def write_shift(folder: Path, *, auroc: float, far: float, **more: object) -> None:
    """Write ``shift.json`` with these figures."""
    from zoobot.science import Shift

    chance = {"far_p": 1e-6 if far > 0.05 else 0.4, "auroc_p": 1e-6 if auroc > 0.8 else 0.3, "far_expected": 0.012}
    shift = Shift(auroc, auroc - 0.02, auroc + 0.02, far, max(0, far - 0.1), far + 0.1, 500, 600, 500, 600, **chance)
    content = shift.to_dict() | more
    (folder / "shift.json").write_text(json.dumps(content))


@case
def grouped(folder: Path) -> None:
    """Write a run with groups, whose finetuned encoder compares with validation galaxies.

    It has copies within a group.
    """
    table = classifier_folder(folder, n=120, images=False)
    settings(folder, group_col="object", blocks=2)
    ids = table["id_str"].tolist()
    parts = pd.DataFrame({"id_str": ids, "file_loc": "g.jpg", "part": "test", "shape": table["true_shape"]})
    parts["galaxy_group"] = np.arange(len(parts)) // 3
    parts.to_csv(folder / "parts.csv", index=False)
    write_shift(folder, auroc=0.6, far=0.01, compared_with="validation", n_target_groups=40)
    (folder / "checks").mkdir()
    write_pairs(folder, (ids[0], "test", ids[1], "test"))


def write_pairs(folder: Path, *pairs: tuple[str, str, str, str]) -> None:
    """Write near copies, each as two ids with their parts."""
    rows = [
        {
            "id_str_a": a, "id_str_b": b, "part_a": part_a, "part_b": part_b, "similarity": 0.99, "kind": "copy",
            "file_loc_a": "/nowhere/a.jpg", "file_loc_b": "/nowhere/b.jpg",
        }
        for a, part_a, b, part_b in pairs
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "checks" / "duplicates.csv", index=False)


@case
def copied(folder: Path) -> None:
    """Write a run with near copies between all parts and within the test part.

    It has folds, bad images and doubtful labels.
    """
    table = classifier_folder(folder, n=160)
    (folder / "checks").mkdir()
    pairs = (("t1", "test", "r1", "train"), ("t2", "test", "v1", "val"), ("v2", "val", "r2", "train"))
    write_pairs(folder, *pairs, ("test_00003", "test", "test_00004", "test"))
    wrong_labels(table.head(30)).to_csv(folder / "checks" / "labels.csv", index=False)
    bad = table.head(2)[["id_str", "file_loc"]].assign(fault="saturated", extent=0.3, reason="")
    bad.to_csv(folder / "checks" / "images.csv", index=False)
    (folder / "folds").mkdir()
    folds = [{"accuracy": 0.8 + 0.01 * fold, "auroc": 0.9, "n": 50} for fold in range(5)]
    summary = {"folds": folds, "mean": {"accuracy": 0.82, "auroc": 0.9}, "std": {"accuracy": 0.016, "auroc": 0.0}}
    (folder / "folds" / "metrics.json").write_text(json.dumps(summary))
    write_shift(folder, auroc=0.6, far=0.01)
    (folder / "learning_curve.json").write_text(json.dumps({"sizes": [20, 40], "scores": {}, "sentence": "Measured."}))


@case
def copied_in_training(folder: Path) -> None:
    """Write a run with a near copy within the training part.

    It has folds of other scores than the test part, and bins of a column.
    """
    classifier_folder(folder, n=160, images=False)
    (folder / "checks").mkdir()
    write_pairs(folder, ("r1", "train", "r2", "train"))
    (folder / "folds").mkdir()
    folds = [{"r2": 0.8 + 0.01 * fold, "n": 50} for fold in range(2)]
    (folder / "folds" / "metrics.json").write_text(
        json.dumps({"folds": folds, "mean": {"r2": 0.82}, "std": {"r2": 0.01}})
    )
    rows = [{"column": "mag", "bin": "14 to 16", "n": 80}, {"column": "mag", "bin": "16 to 18", "n": 80}]
    bins = pd.DataFrame(rows).assign(accuracy=[0.8, 0.7], accuracy_low=0.6, accuracy_high=0.9)
    bins.to_csv(folder / "breakdown.csv", index=False)


@case
def curved(folder: Path) -> None:
    """Write a run with a learning curve, and scores by bins of a column with those of all galaxies."""
    from zoobot.science.breakdown import breakdown
    from zoobot.science.learning_curve import learning_curve

    table = classifier_folder(folder, n=300, images=False)
    rng = np.random.default_rng(0)
    truth = (table["true_shape"] == "ring").to_numpy(int)
    curve = learning_curve(rng.normal(0, 1, (300, 30)) + 0.35 * truth[:, None], truth, n_repeats=2, n_draws=50)
    content = curve.to_dict()
    law = {"reason": "", "floor": 0.1, "b": 1.0, "c": 0.5, "n_now": 200, "more": 100}
    content["scores"]["balanced_accuracy"]["power_law"] |= law
    content["scores"]["auroc"]["power_law"]["reason"] = "it misses its points"
    (folder / "learning_curve.json").write_text(json.dumps(content))
    probabilities = table[["shape_smooth", "shape_ring"]]
    bins = breakdown(pd.Series(rng.uniform(14, 20, 300)), probabilities, truth, class_names=["smooth", "ring"])
    bins.insert(0, "column", "mag_r")
    bins.to_csv(folder / "breakdown.csv", index=False)
    write_shift(folder, auroc=0.5, far=0.0, reason="too alike", n_target=3)
    change(folder / "shift.json", auroc=None)
