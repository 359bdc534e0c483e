"""Small catalogs with votes, one tree of our own, and settings of runs that take a second."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.galaxies import make_catalog

from zoobot.pretrain import PretrainSettings

SIZE = 32

TREE = """
questions:
  shape: {answers: [round, flat]}
  width: {answers: [large, small], asked_after: shape_round}
"""


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Compute in one thread: networks this small lose by sharing, and cores may be busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def voted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``votes.csv``, ``other.csv`` and ``tree.yaml``.

    The first has 48 galaxies, and the second 12, with votes on gz_rings' questions.
    """
    folder = tmp_path_factory.mktemp("voted")
    (folder / "tree.yaml").write_text(TREE)
    frame = make_catalog(folder, n_galaxies=48)
    rng = np.random.default_rng(0)
    flat = rng.binomial(20, np.where(frame["number"] == 1, 0.9, 0.1))
    large = rng.binomial(20 - flat, np.where(frame["size"] > 0.16, 0.9, 0.1))
    votes = {"shape_round": 20 - flat, "shape_flat": flat, "width_large": large, "width_small": 20 - flat - large}
    frame.assign(**votes).to_csv(folder / "votes.csv", index=False)
    (folder / "other.yaml").write_text("questions:\n  color: {answers: [red, blue]}\n")
    other = make_catalog(folder, n_galaxies=12, seed=1)
    other.assign(color_red=np.arange(12), color_blue=3).to_csv(folder / "other.csv", index=False)
    pd.read_csv(folder / "catalog.csv").to_csv(folder / "unlabelled.csv", index=False)
    return folder


@pytest.fixture
def quick() -> Callable[..., PretrainSettings]:
    """Return a function that makes settings of a short run on simulated galaxies; options that are given count."""

    def make(**options: Any) -> PretrainSettings:
        usual: dict[str, Any] = {
            "architecture": "test_convnext", "trees": ("gz2",), "image_size": SIZE, "images": 96, "batch_size": 8,
            "report_images": 32, "val_galaxies": 8, "warmup_steps": 2, "accelerator": "cpu", "num_workers": 0,
        }  # fmt: skip
        if "encoder" in options:
            del usual["architecture"]
        if "epochs" in options:
            del usual["images"]
        return PretrainSettings(**usual | options)

    return make
