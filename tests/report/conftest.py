"""Fixtures of the report's tests."""

import pytest


@pytest.fixture
def no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no PNG beside the page, which takes as long as the page does."""
    monkeypatch.setattr("zoobot.report.theme.Plot.save", lambda plot, folder: None)
