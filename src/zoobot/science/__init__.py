"""What an astronomer needs to know of a model's predictions: how good they are, and whether they mean what they say."""

from zoobot.science.alignment import align_scores
from zoobot.science.audit import Audit, audit_rows, audited_purity
from zoobot.science.breakdown import bin_column, breakdown
from zoobot.science.calibration import ScalingKind, fit_isotonic, fit_scaling, fit_temperature, fit_vector
from zoobot.science.conformal import (
    ConformalClasses,
    ConformalIntervals,
    conformal_quantile,
    coverage_p_value,
    exact_binomial_interval,
    expected_coverage,
    fewest_for,
    fit_conformal_classes,
    fit_conformal_intervals,
    score_intervals,
    score_sets,
    set_names,
)
from zoobot.science.duplicates import Copies, count_copies, near_duplicates
from zoobot.science.figure import Figure
from zoobot.science.figures import class_figures, label_figures, number_figures, vote_figures
from zoobot.science.image_faults import image_faults
from zoobot.science.intervals import wilson_interval
from zoobot.science.label_check import likely_label_errors, likely_multi_label_errors, unlikely_measurements
from zoobot.science.learned import Learned, nothing_learned
from zoobot.science.learning_curve import LearningCurve, learning_curve
from zoobot.science.memory import Memory
from zoobot.science.neighbors import nearest, neighbor_table
from zoobot.science.power_law import PowerLaw, fit_power_law
from zoobot.science.prevalence import Prevalence, estimate_prevalence
from zoobot.science.purity import Estimate
from zoobot.science.ranking_intervals import auroc_interval
from zoobot.science.reference import Reference
from zoobot.science.reliability import (
    ChanceEce,
    ReliabilityCurve,
    brier_score,
    calibration_scores,
    ece_of_perfect,
    expected_calibration_error,
    headline_events,
    log_loss,
    multi_label_calibration_scores,
    reliability_curve,
)
from zoobot.science.scaling import Curve, IsotonicScaling, Scaling, TemperatureScaling, VectorScaling, scaling_from_dict
from zoobot.science.seen import Seen, find_seen
from zoobot.science.selected import Selection, Top
from zoobot.science.selection import choose_threshold
from zoobot.science.shift import Shift, measure_shift, shift_by
from zoobot.science.vote_calibration import VoteCalibration, fit_vote_calibration
from zoobot.science.vote_scores import (
    LEVELS,
    PIT_BINS,
    VoteScores,
    best_constant,
    constant_optimism,
    score_votes,
    vote_losses,
)

__all__ = [
    "LEVELS",
    "PIT_BINS",
    "Audit",
    "ChanceEce",
    "ConformalClasses",
    "ConformalIntervals",
    "Copies",
    "Curve",
    "Estimate",
    "Figure",
    "IsotonicScaling",
    "Learned",
    "LearningCurve",
    "Memory",
    "PowerLaw",
    "Prevalence",
    "Reference",
    "ReliabilityCurve",
    "Scaling",
    "ScalingKind",
    "Seen",
    "Selection",
    "Shift",
    "TemperatureScaling",
    "Top",
    "VectorScaling",
    "VoteCalibration",
    "VoteScores",
    "align_scores",
    "audit_rows",
    "audited_purity",
    "auroc_interval",
    "best_constant",
    "bin_column",
    "breakdown",
    "brier_score",
    "calibration_scores",
    "choose_threshold",
    "class_figures",
    "conformal_quantile",
    "constant_optimism",
    "count_copies",
    "coverage_p_value",
    "ece_of_perfect",
    "estimate_prevalence",
    "exact_binomial_interval",
    "expected_calibration_error",
    "expected_coverage",
    "fewest_for",
    "find_seen",
    "fit_conformal_classes",
    "fit_conformal_intervals",
    "fit_isotonic",
    "fit_power_law",
    "fit_scaling",
    "fit_temperature",
    "fit_vector",
    "fit_vote_calibration",
    "headline_events",
    "image_faults",
    "label_figures",
    "learning_curve",
    "likely_label_errors",
    "likely_multi_label_errors",
    "log_loss",
    "measure_shift",
    "multi_label_calibration_scores",
    "near_duplicates",
    "nearest",
    "neighbor_table",
    "nothing_learned",
    "number_figures",
    "reliability_curve",
    "scaling_from_dict",
    "score_intervals",
    "score_sets",
    "score_votes",
    "set_names",
    "shift_by",
    "unlikely_measurements",
    "vote_figures",
    "vote_losses",
    "wilson_interval",
]
