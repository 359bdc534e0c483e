"""The task that labels ask for, and an encoder whose random weights the seed decides."""

import pandas as pd
import pytest
import torch

from zoobot.errors import OptionError
from zoobot.runs.build import build_encoder, choose_task
from zoobot.runs.trained import Given
from zoobot.settings import RunSettings
from zoobot.trees import load

GALAXIES = pd.DataFrame(
    {
        "id_str": list("abcdef"), "name": ["disk", "ring"] * 3, "flag": [0, 1] * 3, "other": [1, 1, 0] * 2,
        "type": [-5, 2, 10] * 2, "size": [0.5, 1.5, 2.5, 3.25, 4.5, 5.75],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("task", "columns", "classes", "chosen"),
    [
        (None, ["name"], (), "classify"),
        (None, ["flag"], (), "classify"),
        (None, ["type"], (), "classify"),
        (None, ["size"], (), "regress"),
        (None, ["flag", "other"], (), "multi-label"),
        (None, ["size", "type"], (), "regress"),
        (None, ["size"], ("0.5", "1.5"), "classify"),
        ("classify", ["flag", "other"], (), "multi-label"),
        ("regress", ["flag"], (), "regress"),
        ("ordinal", ["type"], (), "ordinal"),
    ],
)
def test_labels_ask_for_a_task(task, columns, classes, chosen):
    assert choose_task(task, GALAXIES, columns, None, classes).kind.replace("_", "-") == chosen


def test_votes_ask_for_the_tree():
    assert choose_task(None, GALAXIES, [], load("gz_rings")).kind == "tree"


def test_what_there_is_no_task_for_is_refused():
    with pytest.raises(OptionError, match="classes are those of one label column"):
        choose_task(None, GALAXIES, ["flag", "other"], None, ("0", "1"))
    with pytest.raises(OptionError, match="there is no task 'guess'"):
        choose_task("guess", GALAXIES, ["flag"], None)


def test_the_seed_decides_random_weights():
    def weights(seed: int) -> torch.Tensor:
        settings = RunSettings(
            catalog="", label_cols=("ring",), encoder="test_efficientnet", pretrained=False, seed=seed
        )
        torch.rand(seed)  # whatever was drawn before
        return torch.cat([one.flatten() for one in build_encoder(settings, Given()).parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
