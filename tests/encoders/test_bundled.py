"""The encoder in the package.

It is written and read back, and (where this copy has one) loaded without network and caches.
"""

import json
import os
import subprocess
import sys

import pytest
import torch

from zoobot.encoders import bundled, load_encoder, save_encoder, wrap_encoder
from zoobot.errors import EncoderError, OutputError

TINY = "test_efficientnet"


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    encoder = load_encoder(TINY, pretrained=False).train()
    encoder(torch.rand(8, 3, 64, 64))  # norm statistics that are not 0 and 1
    return encoder.eval()


@pytest.fixture
def packaged(encoder, tmp_path, monkeypatch):
    """Let the package hold a tiny encoder."""
    bundled.export_bundled(encoder, tmp_path / "bundled", "# A tiny one\n")
    monkeypatch.setattr(bundled, "files", lambda package: tmp_path)
    return tmp_path / "bundled"


@torch.no_grad()
def test_round_trip(packaged, encoder):
    loaded = load_encoder("bundled")
    assert loaded.name == "bundled"
    assert (loaded.num_blocks, loaded.image_size) == (encoder.num_blocks, encoder.image_size)
    assert (loaded.config.mean, loaded.config.std) == (encoder.config.mean, encoder.config.std)
    assert all(tensor.dtype == torch.float32 for tensor in loaded.parameters())
    images = torch.rand(4, 3, 64, 64)
    torch.testing.assert_close(loaded(images), encoder(images), rtol=0.02, atol=0.02)
    for name, buffer in encoder.named_buffers():
        assert torch.equal(loaded.get_buffer(name), buffer), name  # norm statistics are not rounded
    assert (packaged / "README.md").read_text() == "# A tiny one\n"
    full = sum(tensor.nbytes for tensor in encoder.parameters())
    assert (packaged / "model.safetensors").stat().st_size < 0.75 * full
    assert load_encoder("bundled", in_chans=1)(images[:, :1]).shape == (4, encoder.num_features)


def test_size_is_limited(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "LARGEST_BYTES", 1000)
    with pytest.raises(EncoderError, match="more than 0 MB"):
        bundled.export_bundled(encoder, tmp_path / "bundled", "")
    assert not (tmp_path / "bundled").exists()


def test_weights_beyond_float16_are_refused(encoder, tmp_path):
    with torch.no_grad():
        next(encoder.parameters()).view(-1)[0] = 1e6
    with pytest.raises(EncoderError, match="beyond float16"):
        bundled.export_bundled(encoder, tmp_path / "bundled", "")


def test_absence_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "files", lambda package: tmp_path)
    assert not bundled.has_bundled()
    with pytest.raises(EncoderError, match="comes without the encoder 'bundled'.*imagenet"):
        load_encoder("bundled")


def test_saved_encoders_must_be_buildable_and_the_folder_writable(encoder, tmp_path):
    module = wrap_encoder(
        torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 4))
    )
    with pytest.raises(EncoderError, match="can't build again"):
        save_encoder(module, tmp_path / "encoder", card="")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't be written"):
        save_encoder(encoder, tmp_path / "file" / "encoder", card="")


def test_details_travel_in_the_configuration(encoder, tmp_path):
    save_encoder(encoder, tmp_path, card="", details={"pretraining": {"size": 64}})
    assert json.loads((tmp_path / "config.json").read_text())["pretraining"] == {"size": 64}
    assert torch.equal(
        load_encoder(tmp_path).state_dict()["model.conv_stem.weight"], encoder.state_dict()["model.conv_stem.weight"]
    )


NO_NETWORK = """
import socket, torch
def refuse(*args, **kwargs):
    raise OSError("the network is cut off")
socket.socket.connect = refuse
socket.create_connection = refuse
from zoobot import FinetuneableZoobotClassifier
model = FinetuneableZoobotClassifier(name="bundled", num_classes=2).eval()
size = model.encoder.image_size
assert torch.isfinite(model(torch.rand(2, 3, size, size))).all()
"""


@pytest.mark.skipif(not bundled.has_bundled(), reason="this copy of the package has no bundled encoder yet")
def test_the_packaged_one_needs_no_network_and_no_cache(tmp_path):
    folder = bundled.bundled_folder()
    assert (folder / "model.safetensors").stat().st_size <= bundled.LARGEST_BYTES
    assert (folder / "README.md").is_file()
    places = {name: str(tmp_path) for name in ("HOME", "HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME", "ZOOBOT_CACHE")}
    subprocess.run([sys.executable, "-c", NO_NETWORK], check=True, env={**os.environ, **places})
