"""What is said of checks: each sentence where it is true, and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from zoobot.report import Checks
from zoobot.science.figure import Figure
from zoobot.science.label_check import COLUMNS

NO_LABELS = pd.DataFrame(columns=COLUMNS)
NO_PAIRS = pd.DataFrame(columns=["id_str_a", "id_str_b", "part_a", "part_b"])
NO_FAULTS = pd.DataFrame(columns=["id_str", "fault"])


def listed(n, probability=0.9, **columns):
    return pd.DataFrame({"id_str": [f"g{k}" for k in range(n)], "label": "ring", "probability": probability}).assign(
        **columns
    )


def judged(p, value=0.8):
    return Figure(value=value, n=40, n_groups=40, chance=0.5, p_value=p, smallest_p=1e-9)


def pairs(*parts, **columns):
    return pd.DataFrame(parts, columns=["part_a", "part_b"]).assign(**columns)


def said(labels=NO_LABELS, duplicates=NO_PAIRS, images=NO_FAULTS, n=40, **settings):
    return Checks(labels, duplicates, images, 40, n, **settings).sentences()


LABELS = {
    "nothing was checked": (
        {"n": 0, "notes": ["Labels were not checked: why."]},
        "Labels were not checked: why.",
        "of 0",
    ),
    "none found": (
        {"label_figures": {"ring": judged(1e-6)}},
        "No label of 40 galaxies disagrees strongly enough with the prediction of a model that was not trained on the "
        "galaxy to be listed.",
        "far from",
    ),
    "one found": (
        {"label_figures": {"ring": judged(1e-6)}, "labels": listed(1)},
        "1 label of 40 galaxies disagrees most with the prediction of a model that was not trained on the galaxy "
        "(median probability of the class predicted instead: 0.90).",
        "can't be told",
    ),
    "unsure": (
        {"label_figures": {"ring": judged(1e-6)}, "labels": listed(3, 0.55)},
        "predicted instead: 0.55",
        "can't be told",
    ),
    "nothing learned": (
        {"label_figures": {"ring": judged(0.4, 0.55)}, "labels": listed(9, 0.55)},
        "Which labels of 40 galaxies are wrong can't be told: the predictions are not known to be better than chance "
        "(AUROC 0.55, p = 0.4). The list of 9 labels means nothing.",
        "disagree",
    ),
    "the wrong way round": (
        {"label_figures": {"ring": judged(1e-6, 0.2)}},
        "not known to be better than chance (AUROC 0.20",
        "means",
    ),
    "nothing to test": (
        {"label_figures": {"ring": judged(np.nan)}},
        "not known to be better than chance.",
        "means nothing",
    ),
    "one of two learned": (
        {
            "label_figures": {"ring": judged(1e-6), "bar": judged(0.3)},
            "labels": pd.concat([listed(2), listed(3, label="bar")]),
        },
        "2 labels of 40 galaxies disagree",
        "can't be told",
    ),
    "measurements": (
        {"labels": listed(2, np.nan)},
        "2 measurements of 40 galaxies lie more than 4 standard deviations from the prediction",
        "probability",
    ),
    "no measurements": ({}, "No measurement of 40 galaxies lies more than 4 standard deviations from", "label of"),
    "copies": (
        {"label_figures": {"ring": judged(1e-6)}, "labels": listed(3, galaxy_group=[5, 5, 6]), "n_label_groups": 14},
        "3 labels, in 2 groups, of 40 galaxies in 14 groups disagree",
        "can't be told",
    ),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels(case):
    settings, present, absent = LABELS[case]
    text = " ".join(said(**settings))
    assert present in text and absent not in text


def test_labels_that_cannot_be_judged_are_named_and_left_out():
    figures = {"ring": judged(1e-6), "bar": judged(0.3)}
    checks = Checks(listed(3, label=["ring", "bar", "bar"]), NO_PAIRS, NO_FAULTS, 40, 40, label_figures=figures)
    assert checks.judged["label"].tolist() == ["ring"]
    assert (
        checks.sentences()[1]
        == "Labels bar could not be judged: predictions of them are not known to be better than chance."
    )


DUPLICATES = {
    "none": (NO_PAIRS, "No near-duplicate images among 40.", "part"),
    "across": (pairs(("train", "test")), "A galaxy in several parts makes scores too good", "within a part"),
    "across for training alone": (pairs(("train", "val")), "in several parts", "in training and test"),
    "within": (pairs(("test", "test"), ("train", "train")), "2 pairs lie within a part and in no group", "too good"),
    "grouped": (
        pairs(("test", "test"), grouped=True),
        "1 pair of near-duplicate images among 40, 1 of them within a group",
        "no group",
    ),
    "seen": (pairs(("seen", "test")), "1 between the galaxies that the model has seen and others", "--group-col"),
}


@pytest.mark.parametrize("case", DUPLICATES)
def test_duplicates(case):
    table, present, absent = DUPLICATES[case]
    text = " ".join(said(duplicates=table)[1:-1])
    assert present in text and absent not in text


def test_images():
    assert said()[-1] == "No bad images."
    faults = pd.DataFrame({"id_str": ["a", "b", "c"], "fault": ["blank", "blank", "saturated"]})
    assert said(images=faults)[-1] == "3 bad images (2 blank, 1 saturated)."
    assert said(images=faults[:1])[-1] == "1 bad image (1 blank)."
