"""Any data module's batch becomes the one batch type."""

import pytest
import torch

from zoobot.data import as_batch
from zoobot.errors import CatalogError

IMAGE = torch.rand(4, 3, 8, 8)
LABEL = torch.tensor([0, 1, 1, 0])


def test_tuples_tensors_and_dicts_agree() -> None:
    expected = as_batch({"image": IMAGE, "label": LABEL[:, None].float(), "id_str": ["a", "b", "c", "d"]})
    assert expected["label"] is not None
    assert expected["label"].shape == (4, 1)
    assert expected["id_str"] == ["a", "b", "c", "d"]
    for batch in (
        (IMAGE, LABEL),
        [IMAGE, LABEL],
        {"image": IMAGE, "ring": LABEL},
        {"image": IMAGE, "ring": LABEL, "id_str": list("abcd")},
    ):
        found = as_batch(batch)
        assert torch.equal(found["image"], IMAGE)
        assert torch.equal(found["label"], expected["label"])
    assert as_batch(IMAGE)["label"] is None


def test_columns_come_in_the_order_of_label_cols() -> None:
    batch = {"image": IMAGE, "bar": LABEL, "ring": 1 - LABEL}
    label = as_batch(batch, ["ring", "bar"])["label"]
    assert torch.equal(label, torch.stack([1 - LABEL, LABEL], dim=1).float())
    assert as_batch({"image": IMAGE}, ["ring"])["label"] is None
    with pytest.raises(CatalogError, match=r"lacks the labels \['spiral'\]"):
        as_batch(batch, ["ring", "spiral"])


def test_bytes_become_the_unit_interval() -> None:
    image = as_batch((torch.full((1, 3, 2, 2), 255, dtype=torch.uint8), LABEL[:1]))["image"]
    assert image.dtype == torch.float32
    assert float(image.max()) == 1.0


@pytest.mark.parametrize("batch", [{"pixels": IMAGE}, (IMAGE,), "images"])
def test_another_form_is_refused(batch: object) -> None:
    with pytest.raises(CatalogError, match="batch"):
        as_batch(batch)
