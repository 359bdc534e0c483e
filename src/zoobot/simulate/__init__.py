"""Simulated galaxies and simulated volunteers. Everything made here is called simulated.

- ``sky``: ``SimulatedSurvey`` gives galaxies by number: pictures, votes, the truth.
- ``sets``: ``write_set`` and ``rings`` write them as labelled sets of images.
- ``galaxy``, ``population``: a galaxy's true parameters, and how they are drawn jointly.
- ``light``, ``bulges``, ``field``: the light of galaxies, and of clumps, stars and neighbors.
- ``surveys``, ``observe``, ``mishaps``: what a survey makes of it.
- ``opinions``, ``volunteers``: what volunteers think of a galaxy, and how they vote.
- ``truth``: what is true, as numbers.
"""

from zoobot.simulate.galaxy import Galaxy
from zoobot.simulate.sets import rings, write_set
from zoobot.simulate.sky import SimulatedBatch, SimulatedSurvey
from zoobot.simulate.surveys import SURVEYS, Survey
from zoobot.simulate.truth import TRUTH_TARGETS
from zoobot.simulate.volunteers import USUAL_TREES

__all__ = [
    "SURVEYS",
    "TRUTH_TARGETS",
    "USUAL_TREES",
    "Galaxy",
    "SimulatedBatch",
    "SimulatedSurvey",
    "Survey",
    "rings",
    "write_set",
]
