"""No command writes over what it reads, or over another command's results."""

import hashlib
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from astropy.io import fits

from zoobot.predictions import predict, represent, write_table

PRETRAIN = (
    "--architecture", "test_convnext", "--images", 16, "--batch-size", 8, "--val-galaxies", 8, "--size", 32,
    "--accelerator", "cpu", "--workers", 0,
)  # fmt: skip


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def place(finetune, galaxies, encoder, tmp_path_factory) -> Path:
    """A folder with a run, folders of other commands' results, and inputs that have the names of results."""
    folder = tmp_path_factory.mktemp("outputs")
    shutil.copytree(galaxies, folder / "galaxies")
    shutil.copytree(encoder, folder / "encoder")
    finetune(folder / "run", "--label", "ring", "--epochs", 1)
    catalog = folder / "galaxies" / "catalog.csv"
    frame = pd.read_csv(catalog)
    frame["file_loc"] = [str(folder / "galaxies" / name) for name in frame["file_loc"]]
    for name in ("predictions", "comparison", "neighbors", "c", "c_shift", "selected", "parts"):
        frame.to_csv(folder / "galaxies" / f"{name}.csv", index=False)
    shutil.copy(folder / "run" / "predictions.csv", folder / "galaxies" / "selected.csv")
    (folder / "galaxies" / "link.csv").symlink_to(catalog)
    for name, mark in {
        "pretrained": ("run.json", '{"settings": {}}'), "selection": ("selection.json", '{"threshold": 1}'),
        "comparison": ("comparison.json", '{"curves": {}}'),
        "explained": ("neighbors.csv", "id_str,rank,neighbor"), "simulated": ("simulation.json", '{"survey": "sdss"}'),
    }.items():  # fmt: skip
        (folder / name).mkdir()
        (folder / name / mark[0]).write_text(mark[1])
    for name in (
        "selection.json",
        "comparison.json",
        "explain.json",
        "neighbors.csv",
        "explain_2.png",
        "run.json",
        "simulation.json",
    ):
        (folder / f"my_{name}").mkdir()
        (folder / f"my_{name}" / name).write_text('{"mine": 1}')
    (folder / "p.csv").symlink_to("run/predictions.csv")
    (folder / "linked").mkdir()
    (folder / "linked" / "metrics.json").symlink_to("../run/metrics.json")
    (folder / "predicted").mkdir()
    shutil.copy(folder / "run" / "predictions.csv", folder / "predicted")
    audit = pd.DataFrame({"id_str": ["a", "b"], "is_ring": [1, 0]})
    audit.to_csv(folder / "selection" / "selection.csv", index=False)
    (folder / "cutouts").mkdir()
    (folder / "run" / "notes.html").write_text("mine")
    for shape in ("disk", "ring"):
        (folder / "folders" / shape).mkdir(parents=True)
        shutil.copy(folder / "galaxies" / "images" / "galaxy_000.jpg", folder / "folders" / shape / f"{shape}.jpg")
    (folder / "mine" / "plots").mkdir(parents=True)
    for name in ("selected.csv", "comparison.csv", "explain_1.png", "metrics.json", "index.html", "plots/roc.png"):
        (folder / "mine" / name).write_text("mine")
    frame.to_csv(folder / "galaxies" / "other.csv", index=False)
    frame.to_parquet(folder / "galaxies" / "other.parquet")
    for name in ("other.fits", "other.h5"):
        write_table(frame, folder / name)
    for name in ("a.fits", "b.fits"):
        fits.PrimaryHDU([[1.0, 2.0], [3.0, 4.0]]).writeto(folder / "cutouts" / name)
    return folder


EVALUATE = ("evaluate", "galaxies/c.csv", "--model", "run/model", "--no-report", "--out")
SELECT = ("select", "galaxies/selected.csv", "--model", "run", "--completeness", 0.5, "--out")
COMPARE = ("compare", "galaxies/c.csv", "--label", "shape", "--encoder", "encoder", "--out")
EXPLAIN = ("explain", "galaxies/c.csv", "--model", "run/model", "--limit", 1, "--out")
PREDICT = ("predict", "galaxies/c.csv", "--model", "run/model", "--out")
FINETUNE = ("finetune", "galaxies/c.csv", "--label", "ring", "--encoder", "encoder", "--overwrite", "--out")
FOLDERS = ("run", "pretrained", "selection", "comparison", "explained", "simulated", "encoder")
OWN = {"select": "selection", "compare": "comparison", "explain": "explained", "finetune": "run"}

CASES = [
    *((*command, folder) for command in (EVALUATE, SELECT, COMPARE, EXPLAIN, FINETUNE) for folder in FOLDERS
      if OWN.get(str(command[0])) != folder),
    *(("simulate", folder, "--galaxies", 2, "--size", 40) for folder in ("run", "pretrained", "selection", "galaxies")),
    *(("pretrain", folder, *PRETRAIN, "--overwrite") for folder in ("run", "selection", "comparison", "explained",
        "simulated")),
    *(("demo", "--out", folder) for folder in ("run", "pretrained", "selection", "comparison", "explained")),
    *((*PREDICT, file) for file in (
        "galaxies/c.csv", "galaxies/../galaxies/c.csv", "{cwd}/galaxies/c.csv", "run/predictions.csv", "run/parts.csv",
        "explained/neighbors.csv", "galaxies",
    )),
    ("predict", "galaxies/link.csv", "--model", "run/model", "--out", "galaxies/catalog.csv"),
    ("predict", "galaxies/catalog.csv", "--model", "run/model", "--out", "galaxies/link.csv"),
    (*PREDICT, "p.csv"),
    (*EVALUATE, "linked"),
    ("predict", "galaxies/c_shift.csv", "--model", "run/model", "--by", "radius", "--out", "galaxies/c.csv"),
    ("predict", "cutouts", "--model", "run/model", "--out", "cutouts/b.fits"),
    ("evaluate", "galaxies/predictions.csv", "--model", "run/model", "--out", "galaxies"),
    ("evaluate", "galaxies/parts.csv", "--model", "run/model", "--out", "{cwd}/galaxies/images/.."),
    (*EVALUATE, "predicted"),
    ("select", "galaxies/selected.csv", "--model", "run", "--completeness", 0.5, "--out", "galaxies"),
    ("select", "--audited", "selection/selection.csv"),
    ("compare", "galaxies/comparison.csv", "--label", "shape", "--encoder", "encoder", "--out", "galaxies"),
    ("explain", "galaxies/neighbors.csv", "--model", "run/model", "--limit", 1, "--out", "galaxies"),
    ("report", "run", "--out", "run/metrics.json"),
    ("report", "run", "--out", "galaxies/c.csv"),
    ("report", "run", "--out", "galaxies"),
    ("report", "run", "--out", "selection/report.html"),
    # in what a run deletes when it is repeated, among kept features
    *((*command, f"run/{part}/new") for command in (EVALUATE, SELECT, COMPARE, EXPLAIN, FINETUNE)
      for part in ("model", "checkpoints", "plots", "checks/deep")),
    *((*command, "cache/features/new") for command in (EVALUATE, SELECT, COMPARE, EXPLAIN, FINETUNE)),
    *(("simulate", folder, "--galaxies", 2, "--size", 40) for folder in ("run/plots/new", "run/model/new",
        "cache/features")),
    *(("pretrain", folder, *PRETRAIN) for folder in ("run/checkpoints", "run/model/new", "cache/features")),
    *((*PREDICT, file) for file in ("run/plots/p.csv", "run/model/p.csv", "cache/features/p.csv")),
    ("report", "run", "--out", "run/plots/report.html"),
    # among the galaxies of a catalog that is a folder
    *((command[0], "folders", *command[2:], folder) for command in (EVALUATE, COMPARE, EXPLAIN, FINETUNE)
      for folder in ("folders", "folders/disk", "folders/new", "folders/new/deep")),
    (*FINETUNE[:1], "galaxies/c.csv", "--test", "folders", *FINETUNE[2:], "folders/run"),
    ("predict", "folders", "--model", "run/model", "--out", "folders/new.fits"),
    # files that are there, and of other kinds
    *((*PREDICT, file) for file in ("galaxies/other.csv", "galaxies/other.parquet", "cutouts/a.fits", "other.fits",
        "other.h5")),
    (*SELECT, "mine"), (*COMPARE, "mine"), (*EXPLAIN, "mine"), (*EVALUATE, "mine"), ("demo", "--out", "mine"),
    *(("simulate", folder, "--galaxies", 2, "--size", 40) for folder in ("mine", "folders", "cutouts")),
    (*SELECT, "my_selection.json"), (*COMPARE, "my_comparison.json"), (*FINETUNE, "my_run.json"),
    *((*EXPLAIN, f"my_{name}") for name in ("explain.json", "neighbors.csv", "explain_2.png")),
    ("pretrain", "my_run.json", *PRETRAIN), ("simulate", "my_simulation.json", "--galaxies", 2, "--size", 40),
    ("report", "run", "--out", "mine/index.html"), ("report", "run", "--out", "run/notes.html"),
    ("report", "run", "--out", "mine/new.html"),
]  # fmt: skip


@pytest.mark.parametrize("words", CASES, ids=lambda words: " ".join(map(str, (words[0], *words[-2:]))))
def test_nothing_that_is_there_is_changed(words, place, zoobot_command, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("ZOOBOT_CACHE", str(place / "cache"))
    before = hashes(place)
    answer = zoobot_command(*(str(word).format(cwd=os.getcwd()) for word in words))  # noqa: PTH109
    assert answer.code == 2, answer.out + answer.err
    assert "Traceback" not in answer.err and answer.err.count("Error: ") == 1
    assert hashes(place) == before


def test_tables_of_predictions_and_features_are_replaced(place, zoobot_command, tmp_path):
    catalog, model = place / "galaxies" / "c.csv", place / "run" / "model"
    for name in ("p.csv", "p.parquet", "p.fits", "p.h5"):
        for _ in range(2):
            predict(catalog, model, tmp_path / name, num_workers=0)
        predict(catalog, model, tmp_path / name, n_samples=2, on_error="skip", num_workers=0)
        predict(catalog, model, tmp_path / name, num_workers=0)
        represent(catalog, model, tmp_path / f"features_{name}", num_workers=0)
        represent(catalog, model, tmp_path / f"features_{name}", on_error="skip", num_workers=0)
    for _ in range(2):
        answer = zoobot_command("report", place / "run", "--out", tmp_path / "page" / "report.html")
        assert answer.code == 0, answer.err


def test_a_link_as_output_stays(place, zoobot_command, tmp_path):
    (tmp_path / "disk").mkdir()
    catalog, model = place / "galaxies" / "c.csv", place / "run" / "model"
    for name in ("p.csv", "p.parquet", "p.fits", "p.h5"):
        (tmp_path / name).symlink_to(f"disk/{name}")
        for _ in range(2):
            answer = zoobot_command("predict", catalog, "--model", model, "--num-workers", 0, "--out", tmp_path / name)
            assert answer.code == 0, answer.err
            assert (tmp_path / name).is_symlink() and (tmp_path / "disk" / name).is_file()


def test_unfinished_results_are_refused(place, zoobot_command, monkeypatch):
    monkeypatch.chdir(place)
    (place / "run" / ".unfinished").touch()
    for words in (("report", "run"), ("check", "run"), (*SELECT, "new")):
        answer = zoobot_command(*words)
        assert answer.code == 2 and "are not complete" in answer.err, words
    (place / "run" / ".unfinished").unlink()
