"""`zoobot report` on what finetuning and evaluating leave, as a user would run it."""

import pytest


@pytest.fixture(scope="module")
def run(tmp_path_factory, finetune):
    folder = tmp_path_factory.mktemp("run")
    finetune(folder, "--label", "shape")
    return folder


def test_of_a_finetuned_model(run, zoobot_command):
    (run / "report.html").unlink(missing_ok=True)
    answer = zoobot_command("report", run)
    assert answer.code == 0, answer.err
    assert str(run / "report.html") in answer.out
    html = (run / "report.html").read_text()
    for part in (
        "Classifier of shape",
        "Confusion matrix",
        "Least certain",
        "Loss by epoch",
        "data:image/jpeg",
    ):
        assert part in html
    assert (run / "plots" / "confusion.csv").is_file()


def test_of_an_evaluation_in_another_place(run, galaxies, zoobot_command, tmp_path):
    answer = zoobot_command(
        "evaluate", galaxies / "catalog.csv", "--model", run / "model", "--out", tmp_path / "test", "--num-workers", 0
    )
    assert answer.code == 0, answer.err
    answer = zoobot_command("report", tmp_path / "test", "--out", tmp_path / "pages" / "shapes.html")
    assert answer.code == 0, answer.err
    assert "no image" not in (tmp_path / "pages" / "shapes.html").read_text()


def test_of_nothing(tmp_path, zoobot_command):
    answer = zoobot_command("report", tmp_path)
    assert answer.code == 2
    assert "zoobot finetune" in answer.err
