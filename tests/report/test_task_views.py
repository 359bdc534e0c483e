"""A task's page is that of its view.

A task without one gets a plain page, whatever its scores and columns look like.
"""

import json

import pytest
from tests.report.cases import change, change_scores
from tests.report.folders import classifier_folder, labels_folder, numbers_folder, votes_folder
from tests.report.reader import read, said

from zoobot.errors import OptionError
from zoobot.finetune.registry import TASKS
from zoobot.report import write_report
from zoobot.report.contents import read_run
from zoobot.report.tasks.classify import ClassesView
from zoobot.report.view import PLAIN, VIEWS, View, view_of
from zoobot.science.metric import Metric

FOLDERS = {"classify": classifier_folder, "multi_label": labels_folder, "regress": numbers_folder, "tree": votes_folder}


@pytest.fixture
def views():
    """Forget the views that a test adds."""
    before = dict(VIEWS)
    yield VIEWS
    VIEWS.clear()
    VIEWS.update(before)


def forget(folder, *names):
    for name in names:
        (folder / name).unlink(missing_ok=True)


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("names_it", ["about.json", "config.json"])
def test_an_unknown_task_gets_a_plain_page_whatever_its_scores_look_like(tmp_path, no_files, kind, names_it):
    FOLDERS[kind](tmp_path)
    if names_it == "about.json":
        about = tmp_path / "about.json"
        about.write_text(json.dumps(json.loads(about.read_text() if about.exists() else "{}") | {"task": "gaussian"}))
    else:
        forget(tmp_path, "about.json")
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / "config.json").write_text(json.dumps({"task": "Gaussian"}))
    change_scores(tmp_path, "test", own_score=0.625)
    assert read_run(tmp_path).view is PLAIN
    page = read(write_report(tmp_path))
    text = said(page)
    assert "A model of" in text and "own_score 0.625" in text
    assert f"no page for the task “{'gaussian' if names_it == 'about.json' else 'Gaussian'}”" in text
    for guess in ("Classifier of", "Multi-label", "Regression of", "Votes on", "By class", "By label", "By question"):
        assert guess not in text
    assert "figcaption" not in page.tags or "Loss by epoch" in text


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_that_names_no_task_is_known_by_its_scores_unless_it_has_others(tmp_path, kind):
    FOLDERS[kind](tmp_path)
    forget(tmp_path, "about.json", "model/config.json")
    assert read_run(tmp_path).view is view_of(kind)
    change_scores(tmp_path, "test", own_score=0.625)
    assert read_run(tmp_path).view is PLAIN


def test_earlier_versions_called_independent_labels_classes(tmp_path):
    labels_folder(tmp_path)
    change(tmp_path / "about.json", task="classify", multi_label=True)
    assert read_run(tmp_path).task == "multi_label"


def test_each_task_that_is_built_in_has_a_view():
    own = {name: task for name, task in TASKS.items() if task.__module__.startswith("zoobot.")}
    kinds = {kind for kind, view in VIEWS.items() if type(view).__module__.startswith("zoobot.")}
    assert {task.kind for task in own.values()} == kinds
    assert {VIEWS[task.kind].saved_as for task in own.values()} == set(own)


def test_a_view_takes_what_it_does_not_say_from_the_view_above_it(tmp_path, views, no_files):
    class GradedView(ClassesView):
        kind = "graded"
        saved_as = "Graded"
        metrics = (Metric("own_score", "grade", tile=True), *ClassesView.metrics)

    classifier_folder(tmp_path)
    change(tmp_path / "about.json", task="graded")
    change_scores(tmp_path, "test", own_score=0.625)
    text = said(read(write_report(tmp_path)))
    for words in ("grade 0.625", "Classifier of shape", "By class", "Confusion matrix"):
        assert words in text


def test_a_kind_has_one_view(views):
    def define(name):
        return type(View)(name, (View,), {"kind": "once", "__module__": __name__, "__qualname__": name})

    define("One")
    again = define("One")
    assert type(views["once"]) is again
    with pytest.raises(OptionError, match="two views are of the kind 'once'"):
        define("Other")
