"""Cautions about what is in catalog, images and files.

They are on labels that may be wrong, bad images, odd values, and what was left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoobot.report.findings.suspects import bad_images, suspects
from zoobot.report.run_files import catalog_notes
from zoobot.report.sentences.table import Cause, Sentence, always
from zoobot.report.words import count, have, joined

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings
    from zoobot.report.findings.suspects import BadImages, Suspects

SUSPECTS: Cause[Suspects] = Cause(
    key="suspects",
    name="Labels that disagree with predictions",
    each=suspects,
    when=always,
    gravity="note",
    text=(
        Sentence(
            "suspects.classes",
            lambda found: not found.numbers,
            lambda found: (
                f"{count(found.n, 'label')} {'disagrees' if found.n == 1 else 'disagree'} most with the prediction of "
                "a model that was not trained on the galaxy; the class predicted instead has a median probability of "
                f"{found.probability:.2f}."
            ),
        ),
        Sentence(
            "suspects.numbers",
            lambda found: found.numbers,
            lambda found: (
                f"{count(found.n, 'label')} {'lies' if found.n == 1 else 'lie'} more than 4 standard deviations from "
                "the prediction of a model that was not trained on the galaxy."
            ),
        ),
        Sentence(
            "suspects.look",
            always,
            "Some of them may be wrong, and some galaxies are hard: look at them below.",
        ),
    ),
    documented="the check of labels lists some whose predictions are better than chance",
)

BAD_IMAGES: Cause[BadImages] = Cause(
    key="images",
    name="Images that look bad",
    each=bad_images,
    when=always,
    gravity="note",
    text=(
        Sentence(
            "images.numbers",
            always,
            lambda found: (
                f"{count(found.n, 'image')} {'is' if found.n == 1 else 'are'} of little use: "
                f"{joined([f'{n:,} {name}' for name, n in found.faults.items()])}."
            ),
        ),
    ),
    documented="the check of images lists some",
)

CATALOG: Cause[str] = Cause(
    key="catalog",
    name="Values in the catalog",
    each=lambda run: catalog_notes(run.contents.about),
    when=always,
    gravity="care",
    text=(Sentence("catalog", always, lambda note: note),),
    documented="values that look like labels of another kind, or like placeholders: see [catalogs](catalogs.md)",
)

UNREAD: Cause[str] = Cause(
    key="unread",
    name="Left out of this report",
    each=lambda run: run.contents.unread,
    when=always,
    gravity="note",
    text=(Sentence("unread", always, lambda line: f"{line}."),),
    documented="a file of the folder can't be read",
)

LEFT_OUT: Cause[Any] = Cause(
    key="left_out",
    name="Galaxies left out",
    each=lambda run: [] if run.outcomes is None else [run.outcomes],
    when=lambda outcomes: outcomes.left_out,
    gravity="note",
    text=(
        Sentence(
            "left_out",
            always,
            lambda outcomes: (
                f"{count(outcomes.left_out, 'row')} of predictions.csv {have(outcomes.left_out)} no prediction (the "
                "image could not be read) or no known label. No score counts them."
            ),
        ),
    ),
    documented="rows of `predictions.csv` have no prediction or no known label",
)

NOT_UNDERSTOOD: Cause[Findings] = Cause(
    key="not_understood",
    name="Predictions not understood",
    when=lambda run: run.outcomes is None and "test" in run.contents.tables,
    gravity="note",
    text=(
        Sentence(
            "not_understood.columns",
            lambda run: run.view.kind,
            "predictions.csv lacks columns that this kind of model writes.",
        ),
        Sentence(
            "not_understood.task",
            lambda run: run.task is not None and not run.view.kind,
            lambda run: f"This version of zoobot has no page for the task “{run.task}”.",
        ),
        Sentence(
            "not_understood.kind",
            lambda run: run.task is None,
            "Nothing in the folder says what kind of model wrote predictions.csv.",
        ),
        Sentence("not_understood.left_out", always, "Its plots and galleries are left out."),
    ),
    documented="`predictions.csv` lacks columns that the model's task writes, or is of a task that this version has "
    "no page for",
)
