"""Occlusion finds what a score depends on, wherever that is and whatever the encoder.

Hiding quarters tells good maps from others.
"""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from tests.galaxies import make_catalog, tiny_encoder
from torch import nn

from zoobot.data import Preprocessing, read_catalog
from zoobot.data.scales import LabelScale
from zoobot.errors import CatalogError, OptionError
from zoobot.finetune import FinetuneableZoobotClassifier, FinetuneableZoobotRegressor, FinetuneableZoobotTree
from zoobot.predictions.explain import explain, score_of
from zoobot.predictions.occlusion import CELLS, blurred, edge_colored, enlarged, falls_by_quarters, occlusion
from zoobot.science.masking import compare_masks

SIZE = 64


class Corner(nn.Module):
    """A score that knows of one corner alone: how much its pixels scatter."""

    def __init__(self, top: int, left: int) -> None:
        super().__init__()
        self.top, self.left = top, left

    def forward(self, images: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        width = SIZE // 4
        corner = images[:, :, self.top : self.top + width, self.left : self.left + width]
        return 10 * corner.std(dim=(1, 2, 3)) * (1 - 2 * columns)


def images(n):
    return torch.from_numpy(np.random.default_rng(0).random((n, 3, SIZE, SIZE))).float()


@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 48), (48, 48), (16, 0)])
def test_finds_the_corner_that_the_score_depends_on(top, left):
    score = Corner(top, left)
    falls = occlusion(score, images(1)[0], torch.tensor(0))
    assert falls.shape == (CELLS, CELLS)
    row, column = divmod(int(falls.argmax()), CELLS)
    assert top <= row * SIZE // CELLS < top + SIZE // 4
    assert left <= column * SIZE // CELLS < left + SIZE // 4
    far = falls[4:, 4:] if top < 32 and left < 32 else falls[:4, :4] if top >= 32 else falls[4:, :4]
    assert far.abs().max() < falls.max() / 3
    assert torch.allclose(occlusion(score, images(1)[0], torch.tensor(1)), -falls)  # what speaks against


def test_falls_are_means_over_the_squares_that_hide_a_cell():
    """Against a score that counts hidden cells one by one."""
    weights = torch.rand(CELLS, CELLS, generator=torch.Generator().manual_seed(0))
    bright = torch.ones(1, SIZE, SIZE)
    cells = torch.arange(SIZE) * CELLS // SIZE

    def score(some, _columns):
        dark = (some[:, 0] < 1).float()
        return -(dark * weights[cells][:, cells]).sum(dim=(1, 2))

    bright[0, 0, 0] = 1
    expected = torch.zeros(CELLS, CELLS)
    for width in (2, 4):
        total, count = torch.zeros(CELLS, CELLS), torch.zeros(CELLS, CELLS)
        for top in range(CELLS - width + 1):
            for left in range(CELLS - width + 1):
                square = slice(top, top + width), slice(left, left + width)
                total[square] += weights[square].sum() * (SIZE // CELLS) ** 2
                count[square] += 1
        expected += total / count / 2
    image = bright - 1e-3 * torch.rand(1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    whole = torch.ones_like(image)

    def exact(some, columns):
        return score(torch.where(some == image, whole, torch.zeros_like(some)), columns)

    assert torch.allclose(occlusion(exact, image, torch.tensor(0), batch_size=7), expected, rtol=1e-3)


@pytest.mark.parametrize("hide", [blurred, edge_colored])
def test_hiding_quarters_tells_maps_of_this_score_from_maps_of_another(hide):
    some, columns, rng = images(10), torch.zeros(10, dtype=torch.long), np.random.default_rng(0)
    corner, middle = Corner(0, 0), Corner(24, 24)
    maps = enlarged(torch.stack([occlusion(corner, image, torch.tensor(0)) for image in some]), some)
    own = compare_masks(*falls_by_quarters(corner, some, hide(some), columns, maps, rng))
    assert own.against_center.verdict == own.against_random.verdict == "better"
    assert own.center.value == pytest.approx(0, abs=1e-6)
    other = compare_masks(*falls_by_quarters(middle, some, hide(some), columns, maps, rng))
    assert other.against_center.verdict == "worse"
    assert other.hottest.value < other.center.value / 10
    few = compare_masks(*(falls[:9] for falls in falls_by_quarters(corner, some, hide(some), columns, maps, rng)))
    assert few.against_center.verdict == few.against_random.verdict == "untellable"


def test_quarters_are_quarters_and_random_places_are_anywhere():
    """Of images whose hidden pixels are counted.

    Random places hide each pixel as often as any other, the center no more than the edge.
    """
    n = 200
    some = torch.rand(n, 1, SIZE, SIZE)
    hidden = torch.full_like(some, 2)
    seen: list[torch.Tensor] = []

    def score(masked, _columns):
        seen.append((masked == 2).float().mean(dim=(0, 1)))
        return -(masked == 2).float().mean(dim=(1, 2, 3))

    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    blob = -((y - 32) ** 2 + (x - 20) ** 2).float().expand(n, SIZE, SIZE)
    for maps in (blob, torch.rand(n, SIZE, SIZE), torch.zeros(n, SIZE, SIZE)):
        found = falls_by_quarters(score, some, hidden, torch.zeros(n), maps, np.random.default_rng(0))
        np.testing.assert_allclose(found, 0.25)
    _, *places, hottest, central = seen[:7]
    assert hottest[32, 20] == 1 and hottest[32, 60] == 0
    assert central[16:48, 16:48].min() == 1 and central.sum() == SIZE**2 / 4
    anywhere = torch.stack(places).mean(dim=0)
    assert (anywhere - 0.25).abs().max() < 0.09  # 800 places, 5.9 standard errors


def test_hiding_takes_detail_and_leaves_the_level():
    flat = torch.full((1, 3, SIZE, SIZE), 0.4)
    assert torch.allclose(blurred(flat), flat, atol=1e-5)
    assert torch.allclose(edge_colored(flat), flat)
    noise = images(1)
    assert blurred(noise).std() < noise.std() / 10
    assert blurred(noise).mean() == pytest.approx(float(noise.mean()), abs=0.01)
    noise[:, 1, 8:-8, 8:-8] += 5  # a galaxy leaves the color of the edge alone
    shown = edge_colored(noise)
    assert shown.std(dim=(2, 3)).max() == 0 and shown[0, 1].max() < 1


@pytest.fixture
def catalog(tmp_path):
    make_catalog(tmp_path, 6)
    return tmp_path / "catalog.csv"


def prepared(model, **names):
    model.preprocessing = Preprocessing(image_size=SIZE)
    for name, value in names.items():
        setattr(model, name, value)
    return model.eval()


@pytest.mark.parametrize("architecture", ["test_convnext", "test_vit"])
def test_every_encoder_has_maps_by_default(catalog, architecture):
    encoder = tiny_encoder(architecture)
    model = FinetuneableZoobotClassifier(encoder=encoder, num_classes=3)
    model.preprocessing = Preprocessing(image_size=model.encoder.image_size if architecture == "test_vit" else SIZE)
    model.label_cols, model.class_names = ["shape"], ["bar", "disk", "ring"]
    model.eval()
    found = explain(catalog, model, limit=3, num_workers=0)
    assert found.maps == "occlusion" and found.cells == (8, 8) and found.falls.shape == (3, 8, 8)
    assert found.heat.shape == (3, *found.views.shape[2:]) and found.heat.min() >= 0 and found.heat.max() <= 1
    views = torch.from_numpy(found.views)
    chosen = torch.tensor([model.prediction_columns().index(target) for target in found.targets])
    again = occlusion(score_of(model), views[1], chosen[1])
    np.testing.assert_allclose(found.falls[1], again, atol=1e-4)
    assert set(found.comparisons) == {"blur", "edge color"} and found.comparisons["blur"].hottest.n == 3
    np.testing.assert_allclose(found.largest, found.falls.clip(min=0).max(axis=(1, 2)), rtol=0.2)
    saved = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert saved["hidden_quarters"]["blur"]["against_center"]["verdict"] == "untellable"
    assert [galaxy["target"] for galaxy in saved["galaxies"]] == found.targets
    np.testing.assert_allclose([galaxy["falls"] for galaxy in saved["galaxies"]], found.falls, rtol=1e-3, atol=1e-6)


def test_copies_of_one_galaxy_count_as_one(tmp_path):
    make_catalog(tmp_path, 11)
    model = prepared(FinetuneableZoobotClassifier(encoder=tiny_encoder(), num_classes=2), label_cols=["ring"])
    frame = read_catalog(tmp_path / "catalog.csv")
    copies = pd.concat([frame.assign(id_str=frame["id_str"] + name, of=frame["id_str"]) for name in ("", "_2")])
    alone = explain(copies, model, num_workers=0).comparisons["blur"].against_center
    grouped = explain(copies, model, group_col="of", num_workers=0).comparisons["blur"].against_center
    assert (alone.n_groups, grouped.n_groups) == (22, 11) and alone.value == pytest.approx(grouped.value)
    assert grouped.high - grouped.low > alone.high - alone.low and grouped.smallest_p > alone.smallest_p
    with pytest.raises(CatalogError, match="no column 'tile' of groups"):
        explain(copies, model, group_col="tile", num_workers=0)


def test_scores_are_logits_of_the_probabilities(catalog):
    model = prepared(FinetuneableZoobotClassifier(encoder=tiny_encoder(), num_classes=3), label_cols=["shape"])
    some = images(4)
    p = model.predictions(model.head(model.encoder(some))).detach()
    for column in range(3):
        logits = score_of(model)(some, torch.full((4,), column))
        assert torch.allclose(logits.sigmoid(), p[:, column], atol=1e-5)
    flags = prepared(FinetuneableZoobotClassifier(encoder=tiny_encoder(), num_classes=2, multi_label=True))
    p = flags.predictions(flags.head(flags.encoder(some))).detach()
    assert torch.allclose(score_of(flags)(some, torch.ones(4, dtype=torch.long)).sigmoid(), p[:, 1], atol=1e-5)


def test_scores_of_measurements_and_votes_are_those_of_their_tables(catalog):
    regressor = prepared(FinetuneableZoobotRegressor(encoder=tiny_encoder(), num_targets=1), label_cols=["size"])
    found = explain(catalog, regressor, limit=2, num_workers=0)
    assert found.score == "the prediction"
    views = torch.from_numpy(found.views)
    np.testing.assert_allclose(
        score_of(regressor)(views, torch.zeros(2, dtype=torch.long)), found.frame["size"], rtol=1e-4
    )
    regressor.label_scale = LabelScale((2.0,), (0.25,))  # as training leaves it
    scaled = explain(catalog, regressor, limit=2, num_workers=0)
    np.testing.assert_allclose(scaled.falls, 0.25 * found.falls, rtol=1e-3, atol=1e-6)
    tree = prepared(FinetuneableZoobotTree("gz2", encoder=tiny_encoder()))
    answer = tree.prediction_columns()[0]
    found = explain(catalog, tree, target=answer, limit=2, num_workers=0)
    assert found.score == "the expected fraction" and found.falls.shape == (2, 8, 8)


def test_unknown_maps_are_refused(catalog):
    model = prepared(FinetuneableZoobotClassifier(encoder=tiny_encoder(), num_classes=2), label_cols=["ring"])
    with pytest.raises(OptionError, match="'occlusion' or 'grad-cam'"):
        explain(catalog, model, maps="lime", num_workers=0)
