"""``zoobot select`` and ``zoobot compare`` as a user runs them, from a finetuned model to a judged sample."""

import json

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def run(galaxies, finetune, zoobot_command, tmp_path_factory):
    """A run with folds, and its predictions of the same galaxies."""
    folder = tmp_path_factory.mktemp("select")
    finetune(folder / "run", "--label", "ring", "--folds", "2")
    answer = zoobot_command(
        "predict", galaxies / "catalog.csv", "--model", folder / "run" / "model", "--out", folder / "predictions.csv"
    )
    assert answer.code == 0, answer.err
    return folder


def test_select_and_audit(run, zoobot_command, tmp_path):
    out = tmp_path / "sample"
    answer = zoobot_command(
        "select", run / "predictions.csv", "--completeness", "0.6", "--model", run / "run", "--out", out, "--audit", 20
    )
    assert answer.code == 0, answer.out + answer.err
    text = " ".join(answer.out.split())
    assert "Selecting ring = 1" in text and "out of fold predictions of 96 labelled galaxies" in text
    assert "The highest scores" in text and "audit.csv" in text
    selected = pd.read_csv(out / "selected.csv")
    content = json.loads((out / "selection.json").read_text())
    assert len(selected) == content["n_selected"] > 0
    audit = pd.read_csv(out / "audit.csv")
    audit.assign(is_1="yes").to_csv(out / "audit.csv", index=False)
    answer = zoobot_command("select", "--audited", out / "audit.csv")
    assert (
        answer.code == 0 and f"{len(audit)} of {len(audit)} judged galaxies are of the class: purity 1.00" in answer.out
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "PREDICTIONS and --model and --out are missing"),
        (
            ["{folder}/predictions.csv", "--model", "{folder}/run", "--out", "{out}"],
            "either a purity or a completeness",
        ),
        (["{folder}/predictions.csv", "--model", "{out}", "--out", "{out}", "--purity", "0.9"], "nothing to report on"),
        (["{folder}/predictions.csv", "--model", "{folder}/run", "--out", "{out}", "--purity", "90"], "purity=90"),
        (["{folder}/nowhere.csv", "--model", "{folder}/run", "--out", "{out}", "--purity", "0.9"], "no catalog at"),
        (["--audited", "{folder}/predictions.csv"], "no audit list"),
    ],
)
def test_mistakes_are_one_message(arguments, said, run, zoobot_command, tmp_path):
    answer = zoobot_command("select", *(one.format(folder=run, out=tmp_path / "out") for one in arguments))
    assert answer.code == 2 and said in answer.err and "Traceback" not in answer.err


def test_compare(galaxies, encoder, zoobot_command, tmp_path):
    arguments = [
        "compare",
        galaxies / "catalog.csv",
        "--encoder",
        encoder,
        "--image-size",
        32,
        "--repeats",
        2,
        "--num-workers",
        0,
    ]
    answer = zoobot_command(*arguments, "--label", "shape", "--out", tmp_path / "out")
    assert answer.code == 0, answer.out + answer.err
    text = " ".join(answer.out.split())
    assert (
        "96 labelled galaxies; shape (bar: 32, disk: 32, ring: 32)." in text and "balanced accuracy by labels" in text
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"comparison.{end}" for end in ("csv", "json", "png")
    }
    answer = zoobot_command(*arguments, "--label", "radius")
    assert answer.code == 0 and "R² by labels" in answer.out
    answer = zoobot_command(*arguments, "--label", "nothing")
    assert answer.code == 2 and "lacks 1 of 1 label columns" in answer.err
