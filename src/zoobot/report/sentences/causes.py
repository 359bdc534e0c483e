"""All causes for caution, in the order in which cautions of one gravity are given."""

from __future__ import annotations

from typing import Any

from zoobot.report.sentences import cautions_counts as counts
from zoobot.report.sentences import cautions_data as data
from zoobot.report.sentences import cautions_guessing as guessing
from zoobot.report.sentences import cautions_known as known
from zoobot.report.sentences import cautions_promises as promises
from zoobot.report.sentences import cautions_training as training
from zoobot.report.sentences.table import Cause

CAUSES: tuple[Cause[Any], ...] = (
    known.SIMULATED,
    known.SEEN,
    known.SEEN_UNKNOWN,
    guessing.INVERTED,
    guessing.NO_BETTER,
    guessing.UNTELLABLE,
    guessing.UNTESTED,
    guessing.LITTLE_BETTER,
    guessing.SHARES,
    guessing.NO_SKILL_QUESTIONS,
    promises.OVERCONFIDENT,
    training.NEVER_FELL,
    training.NOT_CONVERGED,
    counts.SMALL,
    counts.FEW_GALAXIES,
    counts.ABSENT,
    counts.IMBALANCED,
    promises.MISCALIBRATED,
    promises.UNCOVERED,
    promises.DISAGREE,
    known.COPIES,
    known.SHIFT,
    data.SUSPECTS,
    data.BAD_IMAGES,
    data.CATALOG,
    data.UNREAD,
    data.LEFT_OUT,
    data.NOT_UNDERSTOOD,
)
