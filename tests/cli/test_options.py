"""Options are fields of settings: commands have them all, under their names and earlier ones, and files hold them."""

import json
from dataclasses import fields

import pytest
import typer

from zoobot.cli import app
from zoobot.errors import ModelFileError, OptionError
from zoobot.settings import FORMAT_VERSION, PretrainSettings, RunSettings, Settings, options_of

COMMANDS = typer.main.get_command(app).commands
OF_COMMAND: dict[str, type[Settings]] = {
    one.callback.__name__: one.callback.settings[0]
    for one in app.registered_commands
    if hasattr(one.callback, "settings")
}

FORMER = (
    ("finetune", ("--blocks", "2"), ("--n-blocks", "2")),
    ("finetune", ("--epochs", "3"), ("--max-epochs", "3")),
    ("finetune", ("--accumulate", "4"), ("--accumulate-grad-batches", "4")),
    ("finetune", ("--balance", "sampler"), ("--class-balance", "sampler")),
    ("finetune", ("--test", "t.csv"), ("--test-catalog", "t.csv")),
    ("finetune", ("--label", "a", "--label", "b"), ("--label-cols", "a", "--label-cols", "b")),
    ("pretrain", ("--size", "64"), ("--image-size", "64")),
    ("pretrain", ("--workers", "0"), ("--num-workers", "0")),
    ("pretrain", ("--tree", "gz2"), ("--trees", "gz2")),
    ("pretrain", ("--survey", "hsc", "--survey", "sdss"), ("--surveys", "hsc", "--surveys", "sdss")),
    ("pretrain", ("--split", "dev"), ("--hf-split", "dev")),
    ("compare", ("--folds", "3", "--repeats", "2"), ("--n-folds", "3", "--n-repeats", "2")),
    ("select", ("--audit", "7", "--class", "ring"), ("--n-audit", "7", "--class-name", "ring")),
    ("simulate", ("--galaxies", "7", "--image-size", "64"), ("--n-galaxies", "7", "--size", "64")),
    ("explain", ("--map", "grad-cam"), ("--maps", "grad-cam")),
)
"""Command, an option as earlier versions have it, and by its name in Python"""

AT_B9A7A53 = {
    "catalog": "/data/rings.csv", "label_cols": ["ring"], "task": None, "tree": [], "test": "/data/test.csv",
    "encoder": "bundled", "pretrained": True, "blocks": 1, "epochs": 7, "patience": 10, "batch_size": 32,
    "learning_rate": 0.0001, "head": "linear", "concentrations": "sigmoid", "image_size": None, "crop": 0.8,
    "channels": 3, "stretch": None, "flip": True, "class_balance": "none", "group_col": None, "feature_cache": True,
    "views": None, "precision": "auto", "accumulate": 2, "ema_decay": None, "calibration": "auto", "folds": 0,
    "report": True, "num_workers": None, "seed": 42,
}  # fmt: skip
"""``run.json`` as an earlier version wrote it"""


PLACES = {
    "finetune": ("catalog", "--out", "out"), "pretrain": ("out",), "simulate": ("out",), "select": (),
    "compare": ("catalog", "--label", "ring", "--encoder", "bundled"),
    "explain": ("catalog", "--model", "run", "--out", "out"),
}  # fmt: skip
"""What each command can't do without"""


def parsed(command: str, *arguments: str) -> dict[str, object]:
    return COMMANDS[command].make_context(command, [*arguments, *PLACES[command]]).params


@pytest.mark.parametrize(("command", "former", "now"), FORMER, ids=[f"{one} {former[0]}" for one, former, _ in FORMER])
def test_earlier_flags_and_names_in_python_are_the_same_option(command, former, now):
    assert parsed(command, *former) == parsed(command, *now)
    assert parsed(command, *former) != parsed(command)


@pytest.mark.parametrize("command", OF_COMMAND)
def test_a_command_takes_every_field_with_its_default(command):
    params = {one.name: one for one in COMMANDS[command].params}
    for field in fields(OF_COMMAND[command]):
        assert field.name in options_of(OF_COMMAND[command]), f"{field.name} is no option"
        default = params[field.name].default
        if default is not None and default != () and not params[field.name].required:
            assert default == field.default, field.name


def test_most_commands_have_settings():
    assert set(OF_COMMAND) | {"report", "demo", "models"} == {one.callback.__name__ for one in app.registered_commands}


@pytest.mark.parametrize("command", OF_COMMAND)
def test_a_name_written_earlier_is_of_one_option(command):
    options = options_of(OF_COMMAND[command])
    names = [was for option in options.values() for was in option.was]
    assert len({*names, *options}) == len(names) + len(options)


@pytest.mark.parametrize(
    ("name", "value"), [("n_blocks", -2), ("learning_rate", 0.0), ("max_epochs", 0), ("crop", 1.5)]
)
def test_a_command_and_python_refuse_a_number_in_the_same_words(name, value):
    with pytest.raises(OptionError) as python:
        RunSettings(catalog="c.csv", **{name: value})
    flag = "--" + name.replace("_", "-")
    with pytest.raises(OptionError) as command:
        parsed("finetune", f"{flag}={value}")
    assert str(command.value) == str(python.value).replace(name, flag)


def test_choices_are_refused_in_python_too():
    for name in ("stretch", "class_balance", "head", "calibration", "loss", "concentrations", "precision"):
        kind = f"{name}='{'x' * 3}' must be "
        with pytest.raises(OptionError, match=kind):
            RunSettings(catalog="c.csv", **{name: "xxx"})


def test_settings_of_an_earlier_version_are_read():
    read = RunSettings.from_file(AT_B9A7A53, "run.json")
    wanted = {
        "test_catalog": "/data/test.csv",
        "n_blocks": 1,
        "max_epochs": 7,
        "accumulate_grad_batches": 2,
        "label_cols": ("ring",),
    }
    assert {name: getattr(read, name) for name in wanted} == wanted
    new = {field.name for field in fields(RunSettings)} - {
        "test_catalog",
        "n_blocks",
        "max_epochs",
        "accumulate_grad_batches",
    }
    for name in new - set(AT_B9A7A53):
        assert getattr(read, name) == RunSettings.__dataclass_fields__[name].default


@pytest.mark.parametrize(
    "settings",
    [
        RunSettings(
            catalog="c.csv",
            label_cols=("a", "b"),
            hdu=(0, "SCI"),
            bands=(2, 0),
            class_weights=(1.0, 2.0),
            ema_decay=0.9,
        ),
        PretrainSettings(
            architecture="convnext_atto", images=9, galaxies=("simulated", "v.csv"), trees=("gz2",), hdu="SCI"
        ),
    ],
    ids=["finetune", "pretrain"],
)
def test_settings_survive_a_file(settings):
    content = json.loads(json.dumps(settings.to_file()))
    assert content["format_version"] == FORMAT_VERSION
    assert type(settings).from_file(content, "run.json") == settings


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"format_version": FORMAT_VERSION + 1, "catalog": "c.csv"},
            "of format 3, and this version of zoobot reads formats up to 2",
        ),
        ({"format_version": "new", "catalog": "c.csv"}, "of format new"),
        ({**AT_B9A7A53, "warp": 9, "spin": 1}, "doesn't know: spin, warp"),
        ({"catalog": "c.csv", "epochs": 0}, "can't be: max_epochs=0 must be at least 1"),
        ({"catalog": "c.csv", "blocks": "one"}, "n_blocks='one' must be a whole number"),
        ({"blocks": 1}, "can't be: .*catalog"),
        ({"of": "something else"}, "says nothing of a run's settings"),
        ({}, "says nothing of a run's settings"),
    ],
    ids=["newer", "no version", "unknown", "out of range", "no number", "incomplete", "of something else", "empty"],
)
def test_settings_files_that_cannot_be_are_refused(content, words):
    with pytest.raises(ModelFileError, match=words):
        RunSettings.from_file(content, "run.json")


@pytest.mark.parametrize(
    ("given", "kept"),
    [(["balanced"], "balanced"), (["1", "2.5"], (1.0, 2.5))],
)
def test_class_weights_are_numbers_or_balanced(given, kept):
    arguments = [part for one in given for part in ("--class-weights", one)]
    read = options_of(RunSettings)["class_weights"].read
    assert read(parsed("finetune", *arguments)["class_weights"]) == kept
    with pytest.raises(OptionError, match="must be 'balanced', or one number per class"):
        read(["heavy"])
