"""docs/options.md is what docs/make_options.py writes of today's commands."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_options_is_up_to_date():
    written = runpy.run_path(str(DOCS / "make_options.py"))["page"]()
    assert (DOCS / "options.md").read_text(encoding="utf-8") == written, "run: python docs/make_options.py"
