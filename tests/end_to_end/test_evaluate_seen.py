"""`zoobot evaluate` on galaxies that the model has seen.

They are recognized however they are named or turned, and scored apart.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from PIL import Image, ImageOps
from tests.skies import galaxy

N = 64
VOTES = ["feature_ringed", "feature_barred", "feature_smooth", "size_large", "size_small"]
TASKS = {
    "classify": ["--label", "kind"],
    "several": ["--label", "has_ring", "--label", "is_large"],
    "regress": ["--label", "size"],
    "tree": ["--tree", "{tree}"],
}


def catalog_of(folder: Path, seeds: range, *, name: str = "galaxy_{}") -> pd.DataFrame:
    """Write galaxies and their catalog ``catalog.csv``, with labels of every kind, and give it."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for seed in seeds:
        place = seed - seeds[0]
        file = folder / "images" / f"{place:03}.jpg"
        galaxy(seed).save(file, quality=92)
        rows.append(
            (name.format(place), str(file), "ab"[seed % 2], seed % 2, seed // 2 % 2, seed % 7 / 7, 9, 3, 8, 5, 3)
        )
    columns = ["id_str", "file_loc", "kind", "has_ring", "is_large", "size", *VOTES]
    frame = pd.DataFrame(rows, columns=columns)
    frame.to_csv(folder / "catalog.csv", index=False)
    return frame


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> pd.DataFrame:
    return catalog_of(tmp_path_factory.mktemp("labelled"), range(N))


@pytest.fixture(scope="module")
def others(tmp_path_factory) -> pd.DataFrame:
    """Galaxies that no model has seen, under the names of those that it has."""
    return catalog_of(tmp_path_factory.mktemp("others"), range(500, 500 + 24))


@pytest.fixture(scope="module")
def runs(catalog, galaxies, finetune, tmp_path_factory):
    """Return a function from a task's name to the folder of its run, done once."""
    done = {}

    def run(task: str) -> Path:
        if task not in done:
            folder = tmp_path_factory.mktemp(task)
            catalog.to_csv(folder / "catalog.csv", index=False)
            options = [one.format(tree=galaxies / "tree.yaml") for one in TASKS[task]]
            finetune(folder / "run", *options, "--epochs", 2, catalog=folder / "catalog.csv")
            done[task] = folder / "run"
        return done[task]

    return run


@pytest.fixture
def evaluate(zoobot_command, tmp_path):
    """Return a function that evaluates a model on a catalog, and gives metrics, the folder, and what was said."""

    def run(frame: pd.DataFrame, run: Path, *arguments: object) -> tuple[dict, Path, str]:
        frame.to_csv(tmp_path / "evaluated.csv", index=False)
        out = tmp_path / "evaluated"
        command = ["evaluate", tmp_path / "evaluated.csv", "--model", run / "model", "--num-workers", 0]
        answer = zoobot_command(*command, "--out", out, *(arguments or ["--no-report"]))
        assert answer.code == 0, answer.out + answer.err
        return json.loads((out / "metrics.json").read_text()), out, " ".join(answer.out.split())

    return run


def part_of(run: Path, *names: str) -> pd.DataFrame:
    """Return the galaxies of some parts of a run, with all of their labels."""
    parts = pd.read_csv(run / "parts.csv", dtype={"id_str": str})
    catalog = pd.read_csv(run.parent / "catalog.csv", dtype={"id_str": str})
    return catalog[catalog["id_str"].isin(parts.loc[parts["part"].isin(names), "id_str"])]


def changed_copies(frame: pd.DataFrame, folder: Path, change) -> pd.DataFrame:
    """Write changed copies of galaxies under new names, and give their catalog."""
    folder.mkdir()
    files = []
    for place, name in enumerate(frame["file_loc"]):
        files.append(str(folder / f"copy_{place}.jpg"))
        change(Path(name), Path(files[-1]))
    return frame.assign(file_loc=files, id_str=[f"copy_{place}" for place in range(len(frame))])


CHANGES = {
    "bytes": lambda old, new: shutil.copy(old, new),
    "turned": lambda old, new: Image.open(old).transpose(Image.Transpose.ROTATE_90).save(new, quality=92),
    "mirrored": lambda old, new: ImageOps.mirror(Image.open(old)).save(new, quality=92),
    "recompressed": lambda old, new: Image.open(old).save(new, quality=50),
}


@pytest.mark.parametrize("task", TASKS)
def test_training_galaxies_have_no_scores_of_unseen_ones(task, runs, catalog, evaluate):
    run = runs(task)
    parts = pd.read_csv(run / "parts.csv")["part"].value_counts()
    metrics, out, said = evaluate(part_of(run, "train", "val"), run, "--report")
    learned = int(parts["train"] + parts["val"])
    assert "test" not in metrics
    assert metrics["seen"]["n"] == learned
    assert metrics["known"] == {"train": parts["train"], "val": parts["val"], "test": 0, "new": 0}
    assert not (out / "predictions.csv").exists()
    assert len(pd.read_csv(out / "seen_predictions.csv")) == learned
    assert (out / "report.html").is_file()
    assert f"{learned} of {learned} galaxies had a part in the model" in said
    assert "There are no scores of unseen galaxies" in said


@pytest.mark.parametrize("task", TASKS)
def test_a_mixture_is_scored_by_the_unseen_alone(task, runs, others, evaluate):
    run = runs(task)
    seen = part_of(run, "train").head(20)
    fresh = others.assign(id_str=[f"fresh_{name}" for name in others["id_str"]])
    both = pd.concat([seen, fresh]).sample(frac=1, random_state=0)
    metrics, out, _ = evaluate(both, run)
    assert metrics["known"] == {"train": 20, "val": 0, "test": 0, "new": 24}
    alone, _, _ = evaluate(fresh, run)
    assert "seen" not in alone
    for name, value in alone["test"].items():
        if isinstance(value, float):
            assert metrics["test"][name] == pytest.approx(value, abs=1e-5), name
    assert metrics["test"]["n"] == 24
    assert set(pd.read_csv(out / "predictions.csv")["id_str"]) == set(fresh["id_str"])


def test_validation_galaxies_are_seen_and_test_galaxies_are_not(runs, evaluate):
    run = runs("classify")
    metrics, out, _ = evaluate(part_of(run, "val"), run)
    assert "test" not in metrics
    assert set(pd.read_csv(out / "seen.csv")["role"]) == {"val"}
    metrics, out, said = evaluate(part_of(run, "test"), run)
    first = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] == first["test"]["accuracy"]
    assert metrics["known"]["test"] == first["test"]["n"]
    assert "of the test part of the model's run" in said
    assert not (out / "seen_predictions.csv").exists()  # of the evaluation before


@pytest.mark.parametrize("change", CHANGES)
def test_copies_under_new_names_are_seen(change, runs, evaluate, tmp_path):
    run = runs("classify")
    copies = changed_copies(part_of(run, "train").head(20), tmp_path / "copies", CHANGES[change])
    metrics, out, _ = evaluate(copies, run)
    assert metrics["known"]["train"] == 20
    table = pd.read_csv(out / "seen.csv")
    assert set(table["how"]) == {"same file" if change == "bytes" else "near copy"}
    assert table["known_id_str"].tolist() == part_of(run, "train")["id_str"].head(20).tolist()


def test_other_galaxies_of_the_same_names_are_new_and_that_is_said(runs, others, evaluate):
    run = runs("classify")
    assert set(others["id_str"]) <= set(pd.read_csv(run / "parts.csv")["id_str"])
    metrics, out, said = evaluate(others, run)
    assert metrics["known"] == {"train": 0, "val": 0, "test": 0, "new": len(others)}
    assert "seen" not in metrics
    assert not (out / "seen_predictions.csv").exists()
    assert f"{len(others)} galaxies with the id of one that the model remembers" in said


def test_the_same_name_and_another_compression_is_seen_by_name(runs, evaluate, tmp_path):
    run = runs("classify")
    known = part_of(run, "train").head(10)
    copies = changed_copies(known, tmp_path / "copies", CHANGES["recompressed"]).assign(id_str=known["id_str"])
    _, out, _ = evaluate(copies, run)
    assert set(pd.read_csv(out / "seen.csv")["how"]) == {"same id"}


def test_a_model_without_memory_says_so(runs, others, evaluate, tmp_path):
    run = runs("classify")
    alone = tmp_path / "alone"
    shutil.copytree(run / "model", alone / "model")
    (alone / "model" / "memory.safetensors").unlink()
    _, out, said = evaluate(part_of(run, "train").head(10), alone)
    assert "does not remember the galaxies of its training" in said
    assert not json.loads((out / "about.json").read_text())["looked"]["seen"]["done"]
    assert "known" not in json.loads((out / "metrics.json").read_text())


def test_a_model_in_the_folder_of_its_run_is_told_by_it(runs, others, zoobot_command, tmp_path):
    """An older model without memory, and a checkpoint, which never has one."""
    run = tmp_path / "run"
    shutil.copytree(runs("classify"), run)
    frame = pd.concat([part_of(runs("classify"), "train").head(6), part_of(runs("classify"), "val"), others.head(4)])
    frame.assign(id_str=[f"n{place}" for place in range(len(frame))]).to_csv(tmp_path / "some.csv", index=False)
    expected = {"train": 6, "val": len(frame) - 10, "test": 0, "new": 4}
    checkpoint = next(path for path in (run / "checkpoints").glob("*.ckpt") if path.name != "last.ckpt")
    for place, model in enumerate((checkpoint, run / "model", checkpoint)):
        if place == 1:
            (run / "model" / "memory.safetensors").unlink()
        out = tmp_path / f"out{place}"
        answer = zoobot_command("evaluate", tmp_path / "some.csv", "--model", model, "--no-report", "--out", out)
        assert answer.code == 0, answer.out + answer.err
        assert json.loads((out / "metrics.json").read_text())["known"] == expected
        assert "older version" not in answer.out


def test_a_model_with_a_reference_alone_knows_those_galaxies(catalog, finetune, evaluate, tmp_path):
    catalog.to_csv(tmp_path / "catalog.csv", index=False)
    run = tmp_path / "run"
    finetune(run, "--label", "kind", "--epochs", 1, "--report", catalog=tmp_path / "catalog.csv")
    copies = changed_copies(part_of(run, "train").head(10), tmp_path / "copies", CHANGES["turned"])
    shutil.move(run / "model", tmp_path / "alone" / "model")
    (tmp_path / "alone" / "model" / "memory.safetensors").unlink()
    metrics, out, said = evaluate(pd.concat([copies, part_of(run, "val")]), tmp_path / "alone")
    assert metrics["known"]["train"] == 10  # the validation galaxies are not among them
    assert "written by an older version" in said
    assert "older version" in json.loads((out / "about.json").read_text())["looked"]["seen"]["why"]


def test_what_was_looked_at_and_what_not(runs, others, evaluate):
    run = runs("classify")
    looked = json.loads((run / "about.json").read_text())["looked"]
    assert {name: one["done"] for name, one in looked.items()} == dict.fromkeys(
        ("shift", "duplicates", "images", "labels", "learning_curve"), False
    )
    assert all("--no-report" in one["why"] for one in looked.values())
    copy = others.head(1).assign(id_str="again")
    _, out, said = evaluate(pd.concat([others, copy]), run, "--report")
    looked = json.loads((out / "about.json").read_text())["looked"]
    assert looked["seen"] == {"done": True, "n": 25, "why": ""}
    assert looked["duplicates"]["done"]
    assert looked["labels"]["n"] == 25
    assert "no features of training galaxies" in looked["shift"]["why"]
    assert "1 pair of near-duplicate images among 25" in said
    assert len(pd.read_csv(out / "checks" / "duplicates.csv")) == 1
    assert (out / "checks" / "duplicates.png").is_file()


def test_shift_is_measured_against_the_training_galaxies(catalog, finetune, evaluate, tmp_path):
    catalog.to_csv(tmp_path / "catalog.csv", index=False)
    run = tmp_path / "run"
    finetune(run, "--label", "kind", "--epochs", 1, "--report", catalog=tmp_path / "catalog.csv")
    assert json.loads((run / "about.json").read_text())["looked"]["shift"]["done"]
    noise = tmp_path / "noise"
    noise.mkdir()
    for place in range(30):
        pixels = np.random.default_rng(place).integers(0, 255, (100, 100, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(noise / f"{place}.png")
    frame = pd.DataFrame({"file_loc": [str(noise / f"{place}.png") for place in range(30)], "kind": ["a", "b"] * 15})
    _, out, _ = evaluate(frame, run, "--report")
    assert json.loads((out / "shift.json").read_text())["n_target"] == 30
    assert json.loads((out / "about.json").read_text())["looked"]["shift"] == {"done": True, "n": 30, "why": ""}


def test_bands_in_several_files_and_fits(finetune, zoobot_command, tmp_path):
    rows = []
    for place in range(30):
        grey = np.asarray(galaxy(place).convert("L"), np.float32)
        names = [str(tmp_path / f"{band}_{place}.fits") for band in "gr"]
        for name, factor in zip(names, (1, 0.7), strict=True):
            fits.PrimaryHDU(factor * grey).writeto(name)
        rows.append((";".join(names), "ab"[place % 2]))
    frame = pd.DataFrame(rows, columns=["file_loc", "kind"])
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    finetune(tmp_path / "run", "--label", "kind", "--channels", 2, "--epochs", 1, catalog=tmp_path / "catalog.csv")
    mixed = frame.head(6).copy()
    mixed.loc[0, "file_loc"] = ";".join(reversed(frame["file_loc"][0].split(";")))  # the other order is another file
    mixed["id_str"] = [f"n{place}" for place in range(6)]
    mixed.to_csv(tmp_path / "mixed.csv", index=False)
    answer = zoobot_command(
        "evaluate", tmp_path / "mixed.csv", "--model", tmp_path / "run" / "model", "--out", tmp_path / "out"
    )
    assert answer.code == 0, answer.out + answer.err
    table = pd.read_csv(tmp_path / "out" / "seen.csv")
    assert table["how"].tolist() == ["near copy", *["same file"] * 5]


def test_a_folder_with_a_subfolder_for_each_class(catalog, finetune, zoobot_command, tmp_path):
    for kind, name in zip(catalog["kind"], catalog["file_loc"], strict=True):
        (tmp_path / "cutouts" / kind).mkdir(parents=True, exist_ok=True)
        shutil.copy(name, tmp_path / "cutouts" / kind)
    finetune(tmp_path / "run", "--label", "label", "--epochs", 1, catalog=tmp_path / "cutouts")
    arguments = ["--model", tmp_path / "run" / "model", "--no-report"]
    answer = zoobot_command("evaluate", tmp_path / "cutouts", *arguments, "--out", tmp_path / "out")
    assert answer.code == 0, answer.out + answer.err
    parts = pd.read_csv(tmp_path / "run" / "parts.csv")["part"].value_counts().to_dict()
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["known"] == parts | {"new": 0}


def test_without_a_folder_unseen_galaxies_alone_are_scored(runs, zoobot_command):
    run = runs("classify")
    answer = zoobot_command("evaluate", run.parent / "catalog.csv", "--model", run / "model")
    assert answer.code == 0, answer.err
    assert "had a part in the model" in " ".join(answer.out.split())
    n_test = json.loads((run / "metrics.json").read_text())["test"]["n"]
    counts = next(line.split() for line in answer.out.splitlines() if line.split()[1:2] == ["n"])
    assert counts[3:6:2] == [str(n_test), str(N - n_test)]


def test_images_that_can_not_be_read(runs, others, evaluate, tmp_path):
    run = runs("classify")
    broken = pd.concat([part_of(run, "train").head(3), others.head(6).assign(id_str=[f"n{k}" for k in range(6)])])
    broken = broken.reset_index(drop=True)
    broken.loc[5, "file_loc"] = str(tmp_path / "nowhere.jpg")
    metrics, out, _ = evaluate(broken, run, "--on-error", "skip", "--report")
    assert metrics["test"]["n"] == 5
    assert metrics["known"] == {"train": 3, "val": 0, "test": 0, "new": 6}
    assert pd.read_csv(out / "checks" / "images.csv")["fault"].tolist() == ["unreadable"]


def test_a_run_is_not_evaluated_into(runs, others, zoobot_command, tmp_path):
    run = runs("classify")
    others.to_csv(tmp_path / "c.csv", index=False)
    before = (run / "metrics.json").read_bytes()
    answer = zoobot_command("evaluate", tmp_path / "c.csv", "--model", run / "model", "--out", run)
    assert answer.code == 2
    assert "holds results of zoobot finetune" in answer.err
    assert (run / "metrics.json").read_bytes() == before
