"""Names that users give are text.

In every command they come out as they were given, whatever they mean to a terminal or a plot.
"""

import shutil

import pandas as pd
import pytest
import yaml

from zoobot.terminal import printable

NAME = "_[/x][red]{0}%s:smile:$x_$<b>&\\e\x1b[31m"
"""Markup of rich, of matplotlib and of HTML, formats, an emoji code, what colors a terminal, and what hides from a
legend
"""
FOLDER = NAME.replace("/", "|") + "é"
SHOWN = printable(NAME)


@pytest.fixture(scope="module")
def place(galaxies, encoder, tmp_path_factory):
    """A folder of such a name with a catalog, labels, classes, ids, a tree and an encoder of such names."""
    folder = tmp_path_factory.mktemp("hostile") / FOLDER
    shutil.copytree(galaxies, folder)
    shutil.copytree(encoder, folder / FOLDER)
    frame = pd.read_csv(folder / "catalog.csv")
    frame[NAME] = NAME + frame["shape"]
    frame[f"{NAME} group"] = NAME + (frame.index // 2).astype(str)
    frame["id_str"] = NAME + frame.index.astype(str)
    answers = {f"{NAME}q": ["ringed", "barred", NAME], f"{NAME}r": ["large", "small"]}
    for (question, names), columns in zip(
        answers.items(),
        (["feature_ringed", "feature_barred", "feature_smooth"], ["size_large", "size_small"]),
        strict=True,
    ):
        for answer, column in zip(names, columns, strict=True):
            frame[f"{question}{'' if answer == NAME else '_'}{answer}"] = frame[
                column
            ]  # an answer may bring its own underscore
    frame.to_csv(folder / "catalog.csv", index=False)
    questions = {
        f"{NAME}q": {"answers": answers[f"{NAME}q"]},
        f"{NAME}r": {"answers": answers[f"{NAME}r"], "asked_after": f"{NAME}q{NAME}"},
    }
    (folder / "tree.yaml").write_text(yaml.safe_dump({"name": NAME, "title": NAME, "questions": questions}))
    return folder


@pytest.fixture(scope="module")
def run(place, quick, zoobot_command):
    """A run on these classes, with folds and report."""
    out = place / f"{FOLDER}run"
    groups = ("--group-col", f"{NAME} group", "--folds", 2)
    answer = zoobot_command(
        "finetune",
        place / "catalog.csv",
        "--out",
        out,
        *quick,
        "--encoder",
        place / FOLDER,
        "--label",
        NAME,
        *groups,
        "--report",
    )
    assert answer.code == 0, answer.out + answer.err
    return out, answer


def literal(answer, *words):
    """Check that a command succeeded, and wrote these words and nothing that acts on a terminal."""
    assert answer.code == 0, answer.out + answer.err
    assert "\x1b" not in answer.out + answer.err
    for word in words:
        assert printable(str(word)) in answer.out, answer.out


def test_finetune(run):
    out, answer = run
    literal(answer, out / "report.html", *(f"{NAME}{shape}" for shape in ("bar", "disk", "ring")))


def test_predict(run, place, zoobot_command):
    for ending in ("csv", "parquet"):
        out = place / f"{FOLDER}.{ending}"
        answer = zoobot_command("predict", place / "catalog.csv", "--model", run[0] / "model", "--out", out)
        literal(answer, out)
    assert pd.read_csv(place / f"{FOLDER}.csv")["id_str"][5] == f"{NAME}5"


def test_evaluate(run, place, zoobot_command, tmp_path):
    out = tmp_path / FOLDER
    options = ("--model", run[0] / "model", "--by", f"{NAME} group", "--out", out)
    literal(zoobot_command("evaluate", place / "catalog.csv", *options), out / "breakdown.csv", f"{NAME}ring")


def test_select(run, place, zoobot_command, tmp_path):
    predictions, out = tmp_path / "p.csv", tmp_path / FOLDER
    assert zoobot_command("predict", place / "catalog.csv", "--model", run[0] / "model", "--out", predictions).code == 0
    wanted = ("--completeness", 0.5, "--class", f"{NAME}ring")
    literal(zoobot_command("select", predictions, "--model", run[0], "--out", out, *wanted), f"{NAME}ring", out)


def test_check(run, zoobot_command):
    literal(zoobot_command("check", run[0], "--num-workers", 0), f"{run[0]}/checks/", NAME)


def test_report(run, zoobot_command):
    literal(zoobot_command("report", run[0]), run[0] / "report.html")
    page = (run[0] / "report.html").read_text()
    assert "[red]{0}%s:smile:$x_$&lt;b&gt;&amp;" in page
    assert "<b>&" not in page


def test_explain(run, place, zoobot_command, tmp_path):
    options = ("--model", run[0] / "model", "--limit", 2, "--out", tmp_path / FOLDER, "--num-workers", 0)
    literal(zoobot_command("explain", place / "catalog.csv", *options), tmp_path / FOLDER / "explain_1.png")


def test_compare(place, zoobot_command, tmp_path):
    options = ("--label", NAME, "--image-size", 32, "--repeats", 2, "--num-workers", 0, "--out", tmp_path / FOLDER)
    encoders = ("--encoder", place / FOLDER, "--encoder", "bundled")
    answer = zoobot_command("compare", place / "catalog.csv", *encoders, *options)
    literal(answer, place / FOLDER, f"{NAME} (", tmp_path / FOLDER / "comparison.csv")


def test_votes(place, quick, zoobot_command, tmp_path):
    out = tmp_path / FOLDER
    options = (*quick, "--encoder", place / FOLDER, "--tree", place / "tree.yaml", "--report")
    literal(zoobot_command("finetune", place / "catalog.csv", "--out", out, *options), f"{NAME}q", out)


def test_simulate(place, zoobot_command, tmp_path):
    out = tmp_path / FOLDER
    literal(zoobot_command("simulate", out, "--galaxies", 2, "--size", 40, "--tree", "none"), out / "catalog.csv")


def test_pretrain(place, zoobot_command, tmp_path):
    out = tmp_path / FOLDER
    options = (
        "--architecture", "test_convnext", "--galaxies", place / "catalog.csv", "--tree", place / "tree.yaml",
        "--size", 32, "--images", 16, "--batch-size", 8, "--accelerator", "cpu", "--workers", 0, "--val-galaxies", 8,
    )  # fmt: skip
    literal(zoobot_command("pretrain", out, *options), f"votes on {NAME}", out / "encoder")


def test_demo(monkeypatch, zoobot_command, tmp_path):
    monkeypatch.setattr("zoobot.demo.N_GALAXIES", 60)
    literal(zoobot_command("demo", "--out", tmp_path / FOLDER), tmp_path / FOLDER / "report.html")


def test_cache(monkeypatch, zoobot_command, tmp_path):
    monkeypatch.setenv("ZOOBOT_CACHE", str(tmp_path / FOLDER))
    literal(zoobot_command("cache", "info"), tmp_path / FOLDER)
    literal(zoobot_command("cache", "clear"))


WRONG = {
    "finetune a path": ("finetune", NAME, "--out", "{out}"),
    "finetune a label": ("finetune", "{catalog}", "--label", f"{NAME} no", "--out", "{out}"),
    "finetune a group": ("finetune", "{catalog}", "--label", "ring", "--group-col", f"{NAME} no",
        "--encoder", "bundled", "--out", "{out}"),
    "finetune an encoder": ("finetune", "{catalog}", "--label", "ring", "--encoder", NAME, "--out", "{out}"),
    "finetune a tree": ("finetune", "{catalog}", "--tree", NAME, "--out", "{out}"),
    "finetune a test catalog": ("finetune", "{catalog}", "--label", "ring", "--test", NAME, "--encoder", "bundled",
        "--out", "{out}"),
    "finetune an option": ("finetune", "{catalog}", f"--{NAME}", "1", "--out", "{out}"),
    "finetune a choice": ("finetune", "{catalog}", "--task", NAME, "--out", "{out}"),
    "finetune a number": ("finetune", "{catalog}", "--seed", NAME, "--out", "{out}"),
    "predict a path": ("predict", NAME, "--model", "{model}", "--out", "{out}.csv"),
    "predict a model": ("predict", "{catalog}", "--model", NAME, "--out", "{out}.csv"),
    "predict an output": ("predict", "{catalog}", "--model", "{model}", "--out", NAME),
    "predict a column": ("predict", "{catalog}", "--model", "{model}", "--by", f"{NAME} no", "--out", "{out}.csv"),
    "evaluate a model": ("evaluate", "{catalog}", "--model", NAME),
    "evaluate a column": ("evaluate", "{catalog}", "--model", "{model}", "--by", f"{NAME} no"),
    "select a class": ("select", "{run}/predictions.csv", "--model", "{run}", "--class", NAME, "--purity", 0.5,
        "--out", "{out}"),
    "select a label": ("select", "{run}/predictions.csv", "--model", "{run}", "--label", f"{NAME} no", "--purity", 0.5,
        "--out", "{out}"),
    "select a table": ("select", NAME, "--model", "{run}", "--purity", 0.5, "--out", "{out}"),
    "select a list": ("select", "--audited", NAME),
    "check": ("check", NAME),
    "report": ("report", NAME),
    "explain a target": ("explain", "{catalog}", "--model", "{model}", "--target", f"{NAME} no", "--out", "{out}"),
    "compare a label": ("compare", "{catalog}", "--label", f"{NAME} no", "--encoder", "bundled", "--out", "{out}"),
    "compare an encoder": ("compare", "{catalog}", "--label", "ring", "--encoder", NAME, "--out", "{out}"),
    "pretrain a source": ("pretrain", "{out}", "--galaxies", NAME, "--tree", "gz2", "--architecture", "test_convnext",
        "--images", 8),
    "pretrain an architecture": ("pretrain", "{out}", "--architecture", NAME, "--images", 8),
    "pretrain a survey": ("pretrain", "{out}", "--survey", NAME, "--architecture", "test_convnext", "--images", 8),
    "simulate a survey": ("simulate", "{out}", "--survey", NAME),
    "simulate a population": ("simulate", "{out}", "--population", NAME),
    "simulate a tree": ("simulate", "{out}", "--tree", NAME),
    "cache": ("cache", NAME),
    "no command": (NAME,),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_mistakes(mistake, place, run, zoobot_command, tmp_path):
    known = {"catalog": place / "catalog.csv", "out": tmp_path / "out", "model": run[0] / "model", "run": run[0]}
    arguments = [
        str(known[one[1:-1]])
        if one[1:-1] in known and one[0] == "{"
        else one.replace("{out}", str(known["out"])).replace("{run}", str(run[0]))
        for one in map(str, WRONG[mistake])
    ]
    answer = zoobot_command(*arguments)
    assert answer.code == 2, answer.out + answer.err
    assert any(line.startswith("Error: ") for line in answer.err.splitlines())  # warnings may come before
    assert "Traceback" not in answer.err
    assert "\x1b" not in answer.out + answer.err
    assert "[red]{0}%s:smile:$x_$<b>&" in answer.err
