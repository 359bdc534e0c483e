"""All causes for caution, in the order in which cautions of one gravity are given."""

from __future__ import annotations

from typing import Any

from zoobot.report.sentences import cautions_galaxies as galaxies
from zoobot.report.sentences import cautions_model as model
from zoobot.report.sentences.table import Cause

CAUSES: tuple[Cause[Any], ...] = (
    galaxies.SIMULATED,
    galaxies.SEEN,
    galaxies.SEEN_UNKNOWN,
    model.INVERTED,
    model.NO_BETTER,
    model.UNTELLABLE,
    model.UNTESTED,
    model.LITTLE_BETTER,
    model.SHARES,
    model.NO_SKILL_QUESTIONS,
    model.OVERCONFIDENT,
    model.NEVER_FELL,
    model.NOT_CONVERGED,
    galaxies.SMALL,
    galaxies.FEW_GALAXIES,
    galaxies.ABSENT,
    galaxies.IMBALANCED,
    model.MISCALIBRATED,
    model.UNCOVERED,
    model.DISAGREE,
    galaxies.COPIES,
    galaxies.SHIFT,
    galaxies.SUSPECTS,
    galaxies.BAD_IMAGES,
    galaxies.CATALOG,
    galaxies.UNREAD,
    galaxies.LEFT_OUT,
    galaxies.NOT_UNDERSTOOD,
)
