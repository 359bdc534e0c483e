"""Real galaxies: votes by campaign, held-out rows, and what is wrong with a catalog."""

import numpy as np
import pandas as pd
import pytest
import torch

from zoobot import trees
from zoobot.data.images import decode_image
from zoobot.data.pixels import Preprocessing
from zoobot.errors import CatalogError, LabelError
from zoobot.pretrain.galaxies import CatalogGalaxies, MixedGalaxies
from zoobot.pretrain.votes import MergedTrees

PREPROCESSING = Preprocessing(image_size=32)


def galaxies(voted, name: str = "votes", tree: str = "tree", val_fraction: float = 0.25) -> CatalogGalaxies:
    return CatalogGalaxies(
        str(voted / f"{name}.csv"), trees.load(voted / f"{tree}.yaml"), PREPROCESSING, val_fraction=val_fraction, seed=1
    )


def test_mixed_galaxies_keep_pixels_with_their_own_votes(voted):
    sets = [galaxies(voted), galaxies(voted, "other", "other")]
    for one in sets:
        one.decode(0)
    merged = MergedTrees([one.tree for one in sets])
    mixed = MixedGalaxies(sets, merged, "train")
    assert len(mixed) == 36 + 9
    rows = np.array([40, 3, 36, 35])
    batch = mixed.fetch(rows, np.array([0, 1, 2, 3]))
    assert batch["view"].tolist() == [1, 3, 0, 2]  # in the order of the sets
    expected = [(sets[0], 3), (sets[0], 35), (sets[1], 4), (sets[1], 0)]
    for place, (one, row) in enumerate(expected):
        row = one.rows["train"][row]
        kept = decode_image(one.frame["file_loc"][row], PREPROCESSING.images, PREPROCESSING.kept_size)
        assert torch.equal(batch["pixels"][place], torch.from_numpy(kept))
        own = batch["votes"][place, merged.columns(one.tree)]
        assert own.tolist() == one.frame[one.tree.label_cols].iloc[row].tolist()
        assert batch["votes"][place].sum() == own.sum()


def test_pixels_are_the_same_kept_or_decoded_anew(voted):
    kept, anew = galaxies(voted), galaxies(voted)
    kept.decode(0)
    assert kept.is_kept
    assert not anew.is_kept
    rows = np.array([5, 2])
    for name in ("pixels", "label"):
        assert torch.equal(kept.fetch(rows)[name], anew.fetch(rows)[name])


def test_held_out_rows_are_apart(voted):
    rows = galaxies(voted).rows
    assert sorted([*rows["train"], *rows["val"]]) == list(range(48))
    assert len(rows["val"]) == 12


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"shape_flat": -1}, LabelError, "negative"),
        ({"shape_flat": np.inf}, LabelError, "infinite"),
        (
            {"shape_round": 0, "shape_flat": 0, "width_large": np.nan, "width_small": 0},
            CatalogError,
            "has a vote on the tree",
        ),
        ({"shape_flat": None}, CatalogError, "lacks 1 of the columns of its votes"),
    ],
)
def test_what_is_wrong_with_votes_is_said(voted, tmp_path, change, error, message):
    frame = pd.read_csv(voted / "votes.csv")
    frame["file_loc"] = [str(voted / name) for name in frame["file_loc"]]
    frame = frame.drop(columns="shape_flat") if change == {"shape_flat": None} else frame.assign(**change)
    frame.to_csv(tmp_path / "votes.csv", index=False)
    (tmp_path / "tree.yaml").write_text((voted / "tree.yaml").read_text())
    with pytest.raises(error, match=message):
        galaxies(tmp_path)


def test_nan_means_that_nobody_was_asked(voted, tmp_path):
    frame = pd.read_csv(voted / "votes.csv")
    frame["file_loc"] = [str(voted / name) for name in frame["file_loc"]]
    frame.loc[3, ["width_large", "width_small"]] = np.nan
    frame.to_csv(tmp_path / "votes.csv", index=False)
    (tmp_path / "tree.yaml").write_text((voted / "tree.yaml").read_text())
    assert galaxies(tmp_path).labels[3, 2:].tolist() == [0, 0]
