"""Code blocks of Markdown pages.

They are found, and (as a script) run page by page, and what failed is reported.
"""

import contextlib
import io
import json
import os
import re
import shlex
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
)

QUICK = (("max_epochs=100", "max_epochs=1"),)
"""What is replaced in Python blocks before they run, so that tests end soon: nothing else."""

RUN = ("finetune", "predict", "evaluate", "models")
"""Commands that are run as well as parsed: ``finetune`` for one epoch. The demonstration takes too long here."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Where it is, for messages."""
        return f"{self.page}:{self.line}"

    def commands(self) -> list[list[str]]:
        """Return the arguments of each ``zoobot`` command in a block of shell commands."""
        if self.language not in ("bash", "console"):
            return []
        lines = (line.removeprefix("$ ") for line in self.text.splitlines())
        return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("zoobot ")]


def blocks_of(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(page, text.count("\n", 0, match.start(2)) + 1, match[1], match[2]) for match in found]


def run_page(page: str) -> dict[str, str]:
    """Run a page's blocks in order, in one namespace and the current folder; give the trace of each that failed."""
    from typer.main import get_command

    from zoobot.cli import app

    namespace: dict[str, object] = {"__name__": "page"}
    failed = {}
    for block in blocks_of(page):
        try:
            if block.language == "python":
                code = block.text
                for slow, quick in QUICK:
                    code = code.replace(slow, quick)
                exec(compile("\n" * (block.line - 1) + code, block.page, "exec"), namespace)
            for arguments in block.commands():
                if arguments[0] in RUN:
                    epochs = ["--epochs", "1", "--no-report"] if arguments[0] == "finetune" else []
                    get_command(app).main([*arguments, *epochs], standalone_mode=False)
        except Exception:
            failed[block.name] = traceback.format_exc()
    return failed


def main() -> None:
    """Run the pages, each in the folder of its name below the first argument, and write the failures to the second."""
    work, report = map(Path, sys.argv[1:3])
    failed = {}
    for page in PAGES:
        os.chdir(work / Path(page).stem)
        with contextlib.redirect_stdout(io.StringIO()):
            failed |= run_page(page)
    report.write_text(json.dumps(failed))


if __name__ == "__main__":
    main()
