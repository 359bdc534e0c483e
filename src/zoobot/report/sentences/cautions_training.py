"""Cautions about training: did it end well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoobot.report.sentences.table import Cause, Sentence, always
from zoobot.report.words import count

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings
    from zoobot.report.findings.training import Training

STILL_FALLING = 0.005
"""Share of the loss by which it fell in the last tenth of the epochs, from which training was too short"""


def _training(run: Findings) -> list[Training]:
    return [] if run.training is None else [run.training]


NEVER_FELL: Cause[Training] = Cause(
    key="never_fell",
    name="The validation loss did not fall after the first epoch",
    each=_training,
    when=lambda log: log.best == 0 and log.done > 1,
    gravity="care",
    text=(
        Sentence(
            "never_fell",
            always,
            lambda log: (
                f"It was lowest after the first of {log.done} epochs, whose model was kept: further training did not "
                "help. Try a lower learning rate, or label more galaxies."
            ),
        ),
    ),
    documented="the validation loss was lowest after the first of several epochs",
)

NOT_CONVERGED: Cause[Training] = Cause(
    key="not_converged",
    name="Training may not have converged",
    each=_training,
    when=lambda log: log.to_the_end and not (log.best == 0 and log.done > 1),
    gravity=lambda log: "note" if log.fell <= STILL_FALLING else "care",
    text=(
        Sentence(
            "not_converged.all_epochs",
            always,
            lambda log: f"Training ran for {count(log.done, 'epoch')}, all that were asked for.",
        ),
        Sentence(
            "not_converged.still_falling",
            lambda log: log.fell > 0,
            lambda log: f"In the last {_epochs(log)} the lowest validation loss still fell by {log.fell:.1%}.",
        ),
        Sentence(
            "not_converged.not_falling",
            lambda log: log.fell <= 0,
            lambda log: f"In the last {_epochs(log)} the lowest validation loss did not fall.",
        ),
        Sentence(
            "not_converged.remedy",
            lambda log: not log.fell <= STILL_FALLING,
            "Raise --max-epochs or --learning-rate.",
        ),
    ),
    documented=(
        "the last epoch that was asked for was reached; a note only where the lowest validation loss fell by at most "
        f"{STILL_FALLING:.1%} in the last tenth of the epochs"
    ),
)


def _epochs(log: Training) -> str:
    return "epoch" if log.lately == 1 else f"{log.lately} epochs"
