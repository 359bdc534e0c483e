"""Predictions kept as arrays come back bit for bit, and a byte that has changed is found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobot.errors import ModelFileError
from zoobot.science.predicted import Predicted, joined, load_predicted, save_predicted


def predicted(n=6, names=None, **derived):
    rng = np.random.default_rng(n)
    ids = names or [f"g{place}" for place in range(n)]
    values, labels = rng.random((n, 3)).astype(np.float32), rng.integers(0, 3, (n, 1)).astype(np.float32)
    return Predicted(ids, [f"{name}.jpg" for name in ids], values, labels, derived, left_out=2)


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_names_come_back(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("kept") / "outcomes.safetensors"
    save_predicted(path, {"test": predicted(len(names), names)})
    assert load_predicted(path)["test"].frame["id_str"].tolist() == names


def test_arrays_come_back_bit_for_bit(tmp_path):
    kept = {
        "test": predicted(4, calibrated=np.full((4, 3), 1 / 3, np.float32), sets=np.ones((4, 1, 3), bool)),
        "val": predicted(5, low=np.full((5, 3), -np.inf), high=np.full((5, 3), np.inf)),
    }
    save_predicted(tmp_path / "kept", kept)
    found = load_predicted(tmp_path / "kept")
    assert found.keys() == kept.keys()
    for part, one in kept.items():
        for name, array in {"values": one.values, "labels": one.labels, **one.derived}.items():
            again = {"values": found[part].values, "labels": found[part].labels, **found[part].derived}[name]
            assert again.dtype == array.dtype
            np.testing.assert_array_equal(again, array)
        assert found[part].left_out == 2
    assert load_predicted(tmp_path / "none") == {}


def test_the_same_predictions_are_the_same_bytes(tmp_path):
    kept = {"test": predicted(4, calibrated=np.zeros((4, 3), np.float32), low=np.zeros((4, 3))), "val": predicted(5)}
    for place in range(10):
        save_predicted(tmp_path / str(place), kept)
    assert len({(tmp_path / str(place)).read_bytes() for place in range(10)}) == 1


def test_every_byte_counts(tmp_path):
    path = tmp_path / "kept"
    save_predicted(path, {"test": predicted(3)})
    whole = path.read_bytes()
    for place in [*range(0, len(whole), 7), len(whole) - 1]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        if path.read_bytes() != whole:
            with pytest.raises(ModelFileError, match="can't be read"):
                load_predicted(path)
    path.write_bytes(whole[:-5])
    with pytest.raises(ModelFileError, match="delete it"):
        load_predicted(path)


def test_parts_are_joined():
    both = joined([predicted(3, calibrated=np.zeros((3, 3))), predicted(4)])
    assert len(both.frame) == len(both.values) == len(both.labels) == 7
    assert not both.derived and both.left_out == 4
