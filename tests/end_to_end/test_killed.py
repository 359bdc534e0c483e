"""Killed before any of its changes of files, a command leaves what is whole or what is refused by name.

It can be repeated.
"""

import contextlib
import os
import re
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest
from tests.end_to_end.outcome import outcome

import zoobot
from zoobot.data.tables import read_source
from zoobot.errors import ModelFileError, ZoobotError
from zoobot.predictions import write_table
from zoobot.report import write_report
from zoobot.runs import check_run

CHANGES = ("replace", "rename", "unlink", "rmdir")
"""Functions of the system that change what lies in a folder"""
MODEL = ("model/model.safetensors", "model/config.json")


def killed_before(change: int, run) -> bool:
    """Run a command in a process that is killed before its n-th change of a file.

    Tell whether it was, or ended before.
    """
    process = os.fork()
    if process == 0:
        left = change

        def kill_before(function):
            def call(*arguments, **options):
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)

            return call

        for name in CHANGES:
            setattr(os, name, kill_before(getattr(os, name)))
        try:
            os._exit(run().code)
        finally:
            os._exit(1)
    status = os.waitpid(process, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.fixture(scope="module")
def runs(finetune, tmp_path_factory) -> Path:
    """Two runs on other labels, so that their models and tables differ."""
    folder = tmp_path_factory.mktemp("killed")
    finetune(folder / "ring", "--label", "ring", "--epochs", 1)
    finetune(folder / "large", "--label", "ring", "--epochs", 1, "--seed", 7)
    return folder


def outputs_of(folder: Path) -> bytes:
    """Return the outputs of a run's model for a number of features, as what it predicts depends on."""
    state = zoobot.load(folder / "model").state_dict()
    return b"".join(state[name].numpy().tobytes() for name in sorted(state))


@pytest.mark.parametrize(
    ("option", "first", "step"), [("--resume", 1, 3), ("--overwrite", 4, 3), ("--overwrite", 5, 3)]
)
def test_finetune(option, first, step, runs, galaxies, quick, zoobot_command, tmp_path):
    command = ("finetune", galaxies / "catalog.csv", *quick, "--label", "ring", "--epochs", 1, "--out")
    if option == "--overwrite":
        command = (*command[:-1], "--seed", 7, "--out")
    whole = runs / ("ring" if option == "--resume" else "large")
    allowed = {outputs_of(runs / name) for name in ("ring", "large")}
    change, was_killed = first - step, True
    while was_killed:
        change += step
        out = tmp_path / f"run_{change}"
        if option == "--overwrite":
            shutil.copytree(runs / "ring", out)
        was_killed = killed_before(change, lambda out=out: zoobot_command(*command, out, option))
        if (out / "model").is_dir():
            with contextlib.suppress(ModelFileError):
                assert outputs_of(out) in allowed
        for use in (write_report, lambda folder: check_run(folder, num_workers=0, galleries=False)):
            if not (out / "predictions.csv").is_file() or (out / ".unfinished").is_file():
                with pytest.raises(ZoobotError, match=r"model|predictions\.csv|not complete|nothing to report"):
                    use(out)
        answer = zoobot_command(*command, out, option)
        assert answer.code == 0, (change, answer.err)
        for name in (*MODEL, "predictions.csv", "metrics.json"):
            assert outcome(out, name) == outcome(whole, name), (change, name)
        hidden = [path.name for path in out.rglob(".*")]
        assert hidden == [], (change, hidden)
        shutil.rmtree(out)
    assert change > 10


def test_finetune_with_folds_and_after_an_edit(finetune, galaxies, quick, zoobot_command, tmp_path):
    """Killed while folds are trained and gathered, a run is resumed to what it would have been.

    With an edited catalog, it is refused.
    """
    catalog, edited = tmp_path / "catalog.csv", tmp_path / "edited.csv"
    table = pd.read_csv(galaxies / "catalog.csv")
    table["file_loc"] = [str(galaxies / name) for name in table["file_loc"]]
    table.to_csv(catalog, index=False)
    table.drop(index=5).to_csv(edited, index=False)
    options = ("--label", "ring", "--epochs", 1, "--folds", 2)
    finetune(tmp_path / "whole", *options, catalog=catalog)
    command = ("finetune", catalog, *quick, *options, "--out")
    names = [
        *MODEL,
        "predictions.csv",
        "metrics.json",
        "parts.csv",
        "outcomes.safetensors",
        "folds/predictions.csv",
        "folds/outcomes.safetensors",
        "folds/metrics.json",
    ]
    first, step = 31, 7  # what comes before is tried above
    change, was_killed = first - step, True
    while was_killed:
        change += step
        out = tmp_path / f"run_{change}"
        was_killed = killed_before(change, lambda out=out: zoobot_command(*command, out))
        if (out / ".unfinished").exists():
            with pytest.raises(ZoobotError, match="are not complete"):
                write_report(out)
        before, content = content_of(out), catalog.read_bytes()
        catalog.write_bytes(edited.read_bytes())
        answer = zoobot_command(*command, out, "--resume")
        assert answer.code == 2 and "was started with has changed since" in answer.err, (change, answer.err)
        catalog.write_bytes(content)
        assert content_of(out) == before, change
        answer = zoobot_command(*command, out, "--resume")
        assert answer.code == 0, (change, answer.err)
        for name in names:
            assert outcome(out, name) == outcome(tmp_path / "whole", name), (change, name)
        left = sorted(path.name for path in (out / "folds").iterdir())
        assert left == ["metrics.json", "origin.json", "outcomes.safetensors", "predictions.csv"], change
        assert [path.name for path in out.rglob(".*")] == []
        shutil.rmtree(out)
    assert change > first + 3 * step


def content_of(folder: Path) -> dict[str, bytes]:
    """Return what the files of a folder hold, but for those that are half written."""
    paths = [path for path in folder.rglob("*") if path.is_file() and ".part." not in path.name]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_report(galaxies, quick, zoobot_command, tmp_path):
    """Killed while it looks at a run, or draws, a report is written by the next call.

    The call is one of the command or of a resumed run.
    """
    command = ("finetune", galaxies / "catalog.csv", *quick, "--label", "ring", "--epochs", 1, "--report", "--out")
    run = tmp_path / "run"
    assert killed_before(40, lambda: zoobot_command(*command, run))
    assert not (run / "report.html").exists() and (run / "metrics.json").exists()
    assert zoobot_command(*command, run, "--resume").code == 0
    whole = drawn(run)
    for change in (3, 21):
        (run / "report.html").unlink()
        shutil.rmtree(run / "plots")
        assert killed_before(change, lambda: zoobot_command("report", run))
        assert (run / "plots").exists() and not (run / "report.html").exists()
        assert zoobot_command("report", run).code == 0
        assert drawn(run) == whole, change


def drawn(run: Path) -> dict[str, bytes]:
    """Return a run's report and its plots, but for when it was written, where and how long it took."""
    plots = {name: content for name, content in content_of(run).items() if name.startswith("plots")}
    page = (run / "report.html").read_bytes()
    varying = (
        b"Written .* UTC",
        b"20..-..-..T..:..:..",
        re.escape(str(run.absolute()).encode()),
        b"[0-9.]* (s|GB) [^<]*",
        b" --resume",
    )
    for pattern in varying:
        page = re.sub(pattern, b"", page)
    return plots | {"report.html": page}


def test_evaluate(runs, galaxies, zoobot_command, tmp_path):
    """An evaluation of another model is replaced.

    Never does one read metrics of the one beside predictions of the other.
    """
    command = ("evaluate", galaxies / "catalog.csv", "--num-workers", 0, "--no-report", "--model")
    for name in ("ring", "large"):
        assert zoobot_command(*command, runs / name / "model", "--out", tmp_path / name).code == 0
    names = [path.name for path in (tmp_path / "large").glob("*.*") if path.name != "about.json"]
    change, was_killed = 0, True
    while was_killed:
        change += 2
        out = tmp_path / f"out_{change}"
        shutil.copytree(tmp_path / "ring", out)
        arguments = (*command, runs / "large" / "model", "--out", out)
        was_killed = killed_before(change, lambda arguments=arguments: zoobot_command(*arguments))
        held = {path.name: path.read_bytes() for path in out.glob("*.*") if path.name in names}
        wholes = [{name: (tmp_path / one / name).read_bytes() for name in names} for one in ("ring", "large")]
        if held not in wholes:
            with pytest.raises(ZoobotError, match="are not complete"):
                write_report(out)
            answer = zoobot_command("report", out)
            assert answer.code == 2 and str(out) in answer.err and "are not complete" in answer.err
        answer = zoobot_command(*arguments)
        assert answer.code == 0, (change, answer.err)
        assert {name: (out / name).read_bytes() for name in names} == wholes[1]
        assert [path.name for path in out.rglob(".*")] == []
        shutil.rmtree(out)
    assert change > 5


REPEATED = {
    "select": ("select", "{run}/predictions.csv", "--model", "{run}", "--completeness", 0.5, "--out"),
    "compare": ("compare", "{catalog}", "--label", "ring", "--encoder", "{encoder}", "--image-size", 32, "--repeats", 2,
        "--folds", 2,
                "--num-workers", 0, "--out"),
    "explain": ("explain", "{catalog}", "--model", "{run}/model", "--limit", 9, "--num-workers", 0, "--no-heat",
        "--out"),
}  # fmt: skip


@pytest.mark.parametrize("command", REPEATED)
def test_what_is_repeated(command, runs, galaxies, encoder, zoobot_command, tmp_path):
    """Killed in its first run, or over earlier results, a command can be repeated, and leaves what it would have."""
    known = {"run": runs / "ring", "catalog": galaxies / "catalog.csv", "encoder": encoder}
    words = [str(word).format(**known) for word in REPEATED[command]]
    assert zoobot_command(*words, tmp_path / "whole").code == 0
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    change, was_killed = -1, True
    while was_killed:
        change += 2
        out = tmp_path / f"out_{change}"
        if change % 4 == 1:
            shutil.copytree(tmp_path / "whole", out)
        was_killed = killed_before(change, lambda out=out: zoobot_command(*words, out))
        answer = zoobot_command(*words, out)
        assert answer.code == 0, (change, answer.err)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == whole, change
    assert change > 3


def test_sheets_and_neighbors_of_an_earlier_explanation_go(runs, galaxies, zoobot_command, tmp_path):
    command = ("explain", galaxies / "catalog.csv", "--num-workers", 0, "--no-heat", "--out", tmp_path, "--model")
    assert zoobot_command(*command, runs / "ring" / "model", "--limit", 9).code == 0
    (tmp_path / "neighbors.csv").write_text("id_str,rank,neighbor\n")
    assert (tmp_path / "explain_2.png").is_file()
    assert zoobot_command(*command, runs / "large" / "model", "--limit", 2).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["explain.json", "explain_1.png"]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".fits", ".hdf5"])
def test_predict(ending, runs, galaxies, zoobot_command, tmp_path):
    out, earlier = tmp_path / "here" / f"table{ending}", tmp_path / f"earlier{ending}"
    command = ("predict", galaxies / "catalog.csv", "--num-workers", 0, "--model", runs / "ring" / "model", "--out")
    assert zoobot_command(*command, earlier).code == 0
    write_table(read_source(earlier)[0].iloc[:5], earlier)
    out.parent.mkdir()
    change, was_killed = 0, True
    while was_killed:
        change += 1
        shutil.copy(earlier, out)
        was_killed = killed_before(change, lambda: zoobot_command(*command, out))
        assert was_killed == (out.read_bytes() == earlier.read_bytes())
    assert change > 1
    assert zoobot_command(*command, out).code == 0
    assert [path.name for path in out.parent.iterdir()] == [out.name]
