"""Cautions: what a reader must know before trusting the scores, in plain language, the gravest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoobot.report.sentences.causes import CAUSES

if TYPE_CHECKING:
    from zoobot.report.caution import Caution, Gravity
    from zoobot.report.findings import Findings

ORDER: tuple[Gravity, ...] = ("grave", "care", "note")


def cautions(run: Findings) -> list[Caution]:
    """Return all that a run gives cause for, the gravest first."""
    found = [caution for cause in CAUSES for caution in cause.cautions(run)]
    return sorted(found, key=lambda one: ORDER.index(one.gravity))
