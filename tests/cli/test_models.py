"""``zoobot models``, ``--version`` and ``--help`` say what there is."""

import pytest
import typer
from typer.testing import CliRunner

from zoobot.cli import app
from zoobot.encoders import published_encoders
from zoobot.version import __version__

COMMANDS = typer.main.get_command(app).commands


def said(*arguments: str) -> str:
    answer = CliRunner().invoke(app, arguments, env={"COLUMNS": "400"})
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_the_version():
    assert said("--version").split() == ["zoobot", __version__]


def test_every_published_encoder_is_listed():
    listed = said("models")
    for encoder in published_encoders():
        assert encoder.name in listed
    assert "bundled" in listed and "imagenet" in listed


def test_help_names_every_command_with_its_first_sentence():
    overview = said("--help")
    for name, command in COMMANDS.items():
        assert name in overview
        assert command.help.splitlines()[0].split()[0] in overview


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_has_a_help(name):
    for option in COMMANDS[name].params:
        assert getattr(option, "help", None), f"{name} {option.name}"
