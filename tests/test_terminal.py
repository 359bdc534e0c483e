"""What is written to a terminal is text, whole where it goes into a pipe; names in plots are text too."""

import io
import logging
import warnings
from contextlib import redirect_stderr, redirect_stdout

import pytest
from matplotlib.figure import Figure

from zoobot import trees
from zoobot.cli.ending import run
from zoobot.progress import track
from zoobot.report.theme import new_figure, short, style
from zoobot.terminal import Terminal, make_table, printable

NAMES = (
    "[/x]",
    "[red]",
    "[bold]x[/bold]",
    "{0}",
    "{task}",
    "%s %d",
    ":smile:",
    "$x$",
    "<b>",
    "\\",
    "é 环 🌀",
    "_x",
    "https://a.b/c",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_come_out_as_they_are(name):
    out = io.StringIO()
    with redirect_stdout(out):
        console = Terminal()
        table = make_table((name, "b"), name, caption=name)
        table.add_row(name, name)
        console.print(name)
        console.print(table)
    lines = out.getvalue().splitlines()
    assert lines[0] == name
    assert sum(line.count(name) for line in lines[1:]) == 5


@pytest.mark.parametrize("acting", ["\x1b[31m", "\r", "\x07", "\x9b31m", "\u202e", "\u2028", "\udcff", "\x00"])
def test_what_acts_on_a_terminal_is_written_as_an_escape(acting):
    out = io.StringIO()
    with redirect_stdout(out):
        Terminal().print(f"a{acting}b")
    written = out.getvalue()
    assert acting not in written
    assert written.rstrip("\n") == printable(f"a{acting}b")
    assert written.encode().decode("unicode_escape").rstrip("\n").encode(
        "utf-8", "surrogatepass"
    ) == f"a{acting}b".encode("utf-8", "surrogatepass")


def test_long_names_are_whole_in_a_pipe(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "x y" * 300
    out = io.StringIO()
    with redirect_stdout(out):
        table = make_table((name,))
        table.add_row(name)
        Terminal().print(name)
        Terminal().print(table)
    assert out.getvalue().count(name) == 3


def test_progress_shows_its_description_literally(monkeypatch):
    monkeypatch.setattr("zoobot.progress.PATIENCE_SECONDS", -1)
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    out.isatty = lambda: True
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    list(track([1], "[/x] [red]{0} :smile:", total=1))
    assert "[/x] [red]{0} :smile:" in out.getvalue()


def test_warnings_and_logs_are_one_line_of_text():
    def command(arguments, standalone_mode):
        logging.getLogger("zoobot.some.room").warning("log %s", "[/x]\x1b")
        warnings.warn("warned [red]\x1b", UserWarning, stacklevel=2)

    error = io.StringIO()
    log = logging.getLogger("zoobot")
    before = (list(log.handlers), log.propagate, warnings.showwarning)
    with redirect_stderr(error), warnings.catch_warnings():
        warnings.simplefilter("always")
        with pytest.raises(SystemExit, match="0"):
            run(command, [])
    assert (list(log.handlers), log.propagate, warnings.showwarning) == before
    assert error.getvalue().splitlines() == ["log [/x]\\x1b", "Warning: warned [red]\\x1b"]


@pytest.mark.parametrize("name", ["$\\frac{$", "_hidden", "$x$"])
def test_names_in_plots(name):
    with style():
        figure = new_figure()
        ax = figure.subplots()
        ax.plot([0, 1], [0, 1], label=short(name))
        ax.set(xlabel=short(name), title=short(name))
        legend = ax.legend()
        figure.savefig(io.BytesIO(), format="png")
    assert [text.get_text().strip() for text in legend.get_texts()] == [name]
    tree = trees.load(
        {
            "name": name,
            "title": name,
            "questions": {name: {"answers": [name, "b"]}, "q": {"answers": ["x"], "asked_after": f"{name}_b"}},
        }
    )
    figure = Figure()
    tree.plot(figure.subplots())
    figure.savefig(io.BytesIO(), format="png")
