"""The top and the bottom of a page: title, banner, what it is about, what was looked at and what was not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoobot.report.sentences.looks import limits, looked_at, not_looked_at
from zoobot.report.sentences.table import Sentence, always
from zoobot.report.words import DASH, count, joined

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings

MOST_CLASSES = 8


TITLE: tuple[Sentence[Findings], ...] = (
    Sentence("title.unknown", lambda run: not run.view.title, lambda run: f"A model of {run.labels}"),
)
"""Of tasks without a view; the others have their own"""

BANNER: tuple[Sentence[Findings], ...] = (
    Sentence(
        "banner.simulated",
        lambda run: run.simulated,
        "SIMULATED GALAXIES: these scores say nothing about real ones",
    ),
)


def _galaxies(run: Findings, *names: str) -> str:
    """Name how many galaxies the parts have where known."""
    known = [part for name in names if (part := run.part(name)).n]
    if len(known) == 1:
        return count(known[0].n, f"{known[0].name} galaxy")
    return joined([f"{part.n:,} {part.name}" for part in known]) + " galaxies"


def _blocks(run: Findings) -> str:
    return "block" if run.blocks == 1 else f"{run.blocks} blocks"


def _scored(run: Findings) -> int:
    """Return how many galaxies an evaluation scored."""
    return run.part("test").n + run.part("seen").n


LEAD: tuple[Sentence[Findings], ...] = (
    Sentence(
        "lead.one_catalog",
        lambda run: run.finetuned and run.parts and not run.own_catalogs,
        lambda run: f"{_galaxies(run, 'train', 'val', 'test')} of {run.catalog or 'one catalog'}.",
    ),
    Sentence(
        "lead.two_catalogs",
        lambda run: run.finetuned and run.parts and run.own_catalogs,
        lambda run: (
            "; ".join(
                [
                    f"{_galaxies(run, *run.split_into)} of {run.catalog}",
                    *(f"{_galaxies(run, part)} of {run.catalog_of(part)}" for part in run.own_catalogs),
                ]
            )
            + "."
        ),
    ),
    Sentence(
        "lead.evaluated",
        lambda run: run.evaluated and _scored(run),
        lambda run: f"{count(_scored(run), 'galaxy')} of {run.catalog}, scored by a saved model.",
    ),
    Sentence(
        "lead.parts",
        lambda run: run.parts and not run.finetuned and not run.evaluated,
        lambda run: f"{_galaxies(run, 'train', 'val', 'test')}.",
    ),
    Sentence(
        "lead.groups",
        lambda run: run.part("test").n_groups,
        lambda run: (
            f"The {count(run.part('test').n, 'test galaxy')} {'is' if run.part('test').n == 1 else 'are'} of "
            f"{count(run.part('test').n_groups or 0, 'independent group')}."
        ),
    ),
    Sentence(
        "lead.classes",
        lambda run: run.view.exclusive and run.contents.shown_classes,
        lambda run: (
            f"Classes: {', '.join(run.contents.shown_classes[:MOST_CLASSES])}"
            f"{' and others' if len(run.contents.shown_classes) > MOST_CLASSES else ''}."
        ),
    ),
    Sentence(
        "lead.head",
        lambda run: run.encoder and run.blocks == 0,
        lambda run: f"Encoder {run.encoder}, frozen; the head was trained.",
    ),
    Sentence(
        "lead.blocks",
        lambda run: run.encoder and (run.blocks or 0) > 0,
        lambda run: f"Encoder {run.encoder}; its top {_blocks(run)} and the head were trained.",
    ),
    Sentence(
        "lead.all_blocks",
        lambda run: run.encoder and run.blocks == -1,
        lambda run: f"Encoder {run.encoder}; all of it and the head were trained.",
    ),
    Sentence(
        "lead.encoder",
        lambda run: run.encoder and run.blocks is None,
        lambda run: f"Encoder {run.encoder}.",
    ),
)


TILE_NAME: tuple[Sentence[tuple[str, str]], ...] = (
    Sentence("tile.name", lambda tile: tile[1] != "seen", lambda tile: tile[0]),
    Sentence("tile.seen", lambda tile: tile[1] == "seen", lambda tile: f"{tile[0]} of seen galaxies"),
)

TILE: tuple[Sentence[str], ...] = (
    Sentence("tile.interval", lambda interval: interval != DASH, lambda interval: f"95% interval {interval}"),
)


@dataclass(frozen=True)
class Looked:
    """What was looked at in a run, what was not, what else is to be said of that, and how many cautions it gave."""

    at: list[str]
    not_at: list[str]
    limits: str
    cautions: int


def looked(run: Findings, cautions: int) -> Looked:
    """Return what was looked at in a run."""
    return Looked(looked_at(run), not_looked_at(run), limits(run), cautions)


LOOKED: tuple[Sentence[Looked], ...] = (
    Sentence(
        "looked.nothing_found",
        lambda looked: not looked.cautions and looked.at,
        lambda looked: f"Nothing gave cause for caution among what was looked at: {joined(looked.at)}.",
    ),
    Sentence(
        "looked.found",
        lambda looked: looked.cautions and looked.at,
        lambda looked: f"Looked at: {joined(looked.at)}.",
    ),
    Sentence(
        "looked.not_at",
        lambda looked: looked.not_at,
        lambda looked: f"Not looked at in this run: {joined(looked.not_at)}.",
    ),
    Sentence("looked.limits", lambda looked: looked.limits, lambda looked: looked.limits),
)


@dataclass(frozen=True)
class Written:
    """When a page was written, by which version, and from which folder."""

    when: str
    version: str
    folder: str


FOOTER: tuple[Sentence[Written], ...] = (
    Sentence(
        "footer",
        always,
        lambda page: f"Written {page.when} by zoobot {page.version} from {page.folder}.",
    ),
)
