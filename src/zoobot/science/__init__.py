"""What an astronomer needs to know of a model's predictions: how good they are, and whether they mean what they say."""

from zoobot.science.vote_calibration import VoteCalibration, fit_vote_calibration
from zoobot.science.vote_scores import LEVELS, PIT_BINS, VoteScores, best_constant, score_votes

__all__ = [
    "LEVELS",
    "PIT_BINS",
    "VoteCalibration",
    "VoteScores",
    "best_constant",
    "fit_vote_calibration",
    "score_votes",
]
