"""Heat maps equal Grad-CAM's formula, lie where the evidence is, and are refused where an encoder has no map."""

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from tests.galaxies import make_catalog, tiny_encoder
from torch import nn
from torch.nn import functional as F

from zoobot.data import Preprocessing
from zoobot.encoders import wrap_encoder
from zoobot.errors import EncoderError, ImageError, OptionError
from zoobot.finetune import FinetuneableZoobotClassifier, FinetuneableZoobotRegressor, FinetuneableZoobotTree
from zoobot.predictions import predict
from zoobot.predictions.explain import explain, heat_maps, spatial_layer
from zoobot.report.explained import draw_explained
from zoobot.science import Reference


def by_hand(network: nn.Module, weights: torch.Tensor, images: torch.Tensor) -> np.ndarray:
    """Grad-CAM of a linear score of timm features, map by ``forward_features``, averaged over quarter turns."""
    total = torch.zeros(len(images), *images.shape[2:])
    for turn in range(4):
        grid = network.forward_features(torch.rot90(images, turn, (2, 3))).detach().requires_grad_()
        score = (network.forward_head(grid) * weights).sum()
        (slope,) = torch.autograd.grad(score, grid)
        raw = F.relu((slope.mean(dim=(2, 3), keepdim=True) * grid).sum(dim=1, keepdim=True))
        large = F.interpolate(raw, images.shape[2:], mode="bilinear", align_corners=False)[:, 0].detach()
        total += torch.rot90(large, -turn, (1, 2))
    return (total / total.amax(dim=(1, 2), keepdim=True).clamp(min=1e-30)).numpy()


@pytest.mark.parametrize("architecture", ["test_resnet", "test_convnext", "test_efficientnet", "test_nfnet"])
def test_equals_the_formula(architecture):
    torch.manual_seed(0)
    network = tiny_encoder(architecture).eval()
    encoder = wrap_encoder(network).eval()
    head = nn.Linear(encoder.num_features, 3)
    images = torch.rand(2, 3, 96, 96)
    heat, chosen = heat_maps(encoder, head, images, 1)
    assert chosen == [1, 1]
    expected = by_hand(network, head.weight[1], encoder.normalise(images))
    assert expected.any()
    np.testing.assert_allclose(heat, expected, atol=1e-4)


def test_the_most_probable_output_is_explained():
    torch.manual_seed(1)
    encoder = wrap_encoder(tiny_encoder()).eval()
    head = nn.Linear(encoder.num_features, 4)
    images = torch.rand(6, 3, 64, 64)
    heat, chosen = heat_maps(encoder, head, images)
    assert chosen == head(encoder(images)).argmax(dim=1).tolist()
    for place in set(chosen):
        alone = heat_maps(encoder, head, images, place)[0]
        rows = np.flatnonzero(np.array(chosen) == place)
        np.testing.assert_allclose(heat[rows], alone[rows], atol=1e-5)


def test_heat_of_a_galaxy_in_the_middle_lies_in_the_middle():
    """Each stride of a padded convolution shifts the map by half a pixel of its own."""
    layers: list[nn.Module] = []
    for channels in (3, 1, 1, 1):
        layers.append(nn.Conv2d(channels, 1, 3, 2, 1, bias=False))
        nn.init.constant_(layers[-1].weight, 1.0)
    network = nn.Sequential(*layers, nn.Conv2d(1, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.init.constant_(network[4].weight, 1.0)
    y, x = np.mgrid[:128, :128] - 63.5
    images = torch.from_numpy(np.exp(-0.5 * (x**2 + y**2) / 36)).float().expand(1, 3, 128, 128)
    head = nn.Linear(2, 1, bias=False)
    nn.init.constant_(head.weight, 1.0)
    heat = heat_maps(wrap_encoder(network).eval(), head, images, 0)[0][0]
    assert (heat * y).sum() / heat.sum() == pytest.approx(0, abs=0.5)
    assert (heat * x).sum() / heat.sum() == pytest.approx(0, abs=0.5)


class Brightness(nn.Module):
    """A network whose only feature is the mean of a map that equals the image's mean in cells of 8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.Conv2d(3, 1, 8, 8, bias=False)
        nn.init.constant_(self.cells.weight, 1 / 192)
        self.square = nn.Conv2d(1, 2, 1, bias=False)
        nn.init.constant_(self.square.weight, 1.0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.square(self.cells(images)).mean(dim=(2, 3))


def test_heat_lies_where_the_evidence_is():
    images = torch.zeros(1, 3, 64, 64)
    images[:, :, 40:48, 8:16] = 1
    head = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
    encoder = wrap_encoder(Brightness()).eval()
    heat, _ = heat_maps(encoder, head, images, 0)
    y, x = np.unravel_index(heat[0].argmax(), heat[0].shape)
    assert 40 <= y < 48
    assert 8 <= x < 16
    assert heat[0, :24].max() == 0
    assert not heat_maps(encoder, head, images, 1)[0].any()  # brightness speaks against it


def test_channels_last_and_frozen_encoders():
    network = timm.create_model(
        "swin_tiny_patch4_window7_224", pretrained=False, num_classes=0, img_size=64, window_size=2,
        embed_dim=24, depths=(1, 1), num_heads=(2, 2),
    )  # fmt: skip
    encoder = wrap_encoder(network).eval()
    encoder.freeze(0)
    images = torch.rand(1, 3, 64, 64)
    assert spatial_layer(encoder, images)[1]
    heat, _ = heat_maps(encoder, nn.Linear(encoder.num_features, 2), images, 0)
    assert heat.shape == (1, 64, 64)
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_tokens_are_no_image():
    encoder = wrap_encoder(tiny_encoder("test_vit")).eval()
    size = encoder.image_size
    with pytest.raises(EncoderError, match="no heat map"):
        heat_maps(encoder, nn.Linear(encoder.num_features, 2), torch.rand(1, 3, size, size))


@pytest.fixture
def catalog(tmp_path):
    make_catalog(tmp_path, 6)
    return tmp_path / "catalog.csv"


def prepared(model, **names):
    model.preprocessing = Preprocessing(image_size=64)
    for name, value in names.items():
        setattr(model, name, value)
    return model.eval()


def test_a_catalog(catalog, tmp_path):
    model = prepared(
        FinetuneableZoobotClassifier(encoder=tiny_encoder(), num_classes=2),
        label_cols=["ring"],
        class_names=["no", "yes"],
    )
    found = explain(catalog, model, limit=5, batch_size=2, num_workers=0)
    assert found.heat.shape == (5, 64, 64)
    assert found.views.shape == (5, 3, 64, 64)
    assert found.heat.min() >= 0
    assert found.heat.max() <= 1
    table = predict(catalog, model, num_workers=0, precision="float32")  # as explain computes
    np.testing.assert_allclose(found.frame["ring_yes"], table["ring_yes"][:5], atol=1e-5)
    assert found.targets == [f"ring_{name}" for name in found.frame["ring_predicted"]]
    assert explain(catalog, model, target="ring_no", limit=1, num_workers=0).targets == ["ring_no"]

    reference = Reference.of(found.features, found.frame["id_str"], found.frame["file_loc"], list("abcde"))
    paths = draw_explained(found, reference, model.preprocessing, tmp_path / "out", k=3)
    assert [path.name for path in paths] == ["explain_1.png"]
    with Image.open(paths[0]) as image:
        assert image.width > 600
    assert len(draw_explained(found, None, model.preprocessing, tmp_path / "alone")) == 1


def test_without_maps_an_encoder_of_tokens_will_do(catalog, tmp_path):
    vit = tiny_encoder("test_vit")
    model = prepared(
        FinetuneableZoobotClassifier(encoder=vit, num_classes=2), label_cols=["ring"], class_names=["0", "1"]
    )
    model.preprocessing = Preprocessing(image_size=model.encoder.image_size)
    with pytest.raises(EncoderError, match="--no-heat"):
        explain(catalog, model, maps="grad-cam", num_workers=0)
    found = explain(catalog, model, heat=False, num_workers=0)
    assert found.heat is None
    table = predict(catalog, model, num_workers=0, precision="float32")  # as explain computes
    np.testing.assert_allclose(found.frame["ring_1"], table["ring_1"], atol=1e-5)
    assert found.targets == [f"ring_{name}" for name in table["ring_predicted"]]
    assert len(draw_explained(found, None, model.preprocessing, tmp_path)) == 1


def test_other_tasks_and_mistakes(catalog):
    regressor = prepared(FinetuneableZoobotRegressor(encoder=tiny_encoder(), num_targets=1), label_cols=["size"])
    assert explain(catalog, regressor, num_workers=0).targets == ["size"] * 6
    tree = prepared(FinetuneableZoobotTree("gz2", encoder=tiny_encoder()))
    with pytest.raises(OptionError, match="many questions"):
        explain(catalog, tree, num_workers=0)
    answer = tree.prediction_columns()[0]
    found = explain(catalog, tree, target=answer, limit=2, num_workers=0)
    assert found.targets == [answer] * 2
    with pytest.raises(OptionError, match="no 'bar'"):
        explain(catalog, regressor, target="bar", num_workers=0)
    (catalog.parent / "images" / "g0_001.jpg").write_bytes(b"no image")
    with pytest.raises(ImageError, match="1 of 6"):
        explain(catalog, regressor, num_workers=0)
