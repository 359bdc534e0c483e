"""The hub path, with the real client against a loopback server, in subprocesses: it reads HF_ENDPOINT at import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from hub_server import hub_server
from timm.models import save_for_hf

# each name in argv is loaded with 1 or 3 channels; the answers, features or error messages, go to stdout as JSON
LOAD = """
import json, sys, time, torch
time.sleep = lambda seconds: None  # the client tries again and again when it reaches nobody; no need to wait for that
from zoobot.encoders import load_encoder
from zoobot.errors import EncoderError
answers = []
for request in sys.argv[1:]:
    name, in_chans = request.rsplit("#", 1)
    try:
        encoder = load_encoder(name, in_chans=int(in_chans))
        images = torch.rand(2, int(in_chans), 64, 64, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            answers.append({"features": encoder(images).tolist(), "mean": encoder.config.mean})
    except EncoderError as err:
        answers.append({"error": str(err)})
print(json.dumps(answers))
"""

RGB = "hf_hub:mwalmsley/zoobot-encoder-tiny"
OTHER = "hf-hub:someone/tiny"
PICKLED = "hf-hub:someone/pickled"
GREY = "hf_hub:mwalmsley/zoobot-encoder-greyscale-tiny"
WRONG = ("hf_hub:nobody/nothing", "hf_hub:someone/gated", "hf_hub:someone/empty", "hf_hub:not a name")


def load(home: Path, endpoint: str, *requests: str) -> list[dict]:
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *requests],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def models() -> dict[str, torch.nn.Module]:
    torch.manual_seed(0)
    return {
        RGB: timm.create_model("test_convnext", num_classes=0).eval(),
        OTHER: timm.create_model("test_convnext", num_classes=7).eval(),
        PICKLED: timm.create_model("test_convnext", num_classes=0).eval(),
        GREY: timm.create_model("test_convnext", num_classes=0, in_chans=1).eval(),
    }


@pytest.fixture(scope="module")
def answers(models, tmp_path_factory) -> dict[str, dict]:
    """Return the answers to all requests: with the server, then with the server gone (keys that start with "gone ")."""
    root, home = tmp_path_factory.mktemp("hub"), tmp_path_factory.mktemp("home")
    for name, model in models.items():
        save_for_hf(model, str(root / name.partition(":")[2]), safe_serialization=name != PICKLED)
    for folder in ("gated", "empty"):
        (root / "someone" / folder).mkdir()
    (root / "someone" / "gated" / "GATED").touch()

    requests = [f"{RGB}#3", f"{OTHER}#3", f"{PICKLED}#3", f"{GREY}#1", f"{GREY}#3", *(f"{name}#3" for name in WRONG)]
    with hub_server(root) as endpoint:
        first = load(home, endpoint, *requests)
    gone = [f"{RGB}#3", f"{PICKLED}#3", f"{GREY}#1", "hf_hub:someone/never-seen#3"]
    again = load(home, endpoint, *gone)
    keys = requests + [f"gone {request}" for request in gone]
    return dict(zip(keys, first + again, strict=True))


def images(in_chans: int) -> torch.Tensor:
    return torch.rand(2, in_chans, 64, 64, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
@pytest.mark.parametrize("request_", [f"{RGB}#3", f"{GREY}#1", f"gone {RGB}#3", f"gone {GREY}#1"])
def test_published_encoders_take_plain_images_and_load_again_without_the_server(models, answers, request_):
    name, in_chans = request_.removeprefix("gone ").split("#")
    torch.testing.assert_close(torch.tensor(answers[request_]["features"]), models[name](images(int(in_chans))))


@torch.no_grad()
@pytest.mark.parametrize("request_", [f"{OTHER}#3", f"{PICKLED}#3", f"gone {PICKLED}#3"])
def test_other_repositories_keep_their_normalisation(models, answers, request_):
    model = models[request_.removeprefix("gone ").removesuffix("#3")]
    mean, std = (torch.tensor(model.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    features = model.forward_head(model.forward_features((images(3) - mean) / std), pre_logits=True)
    torch.testing.assert_close(torch.tensor(answers[request_]["features"]), features)


@torch.no_grad()
def test_greyscale_encoder_on_three_channels_equals_it_on_their_mean(models, answers):
    wanted = models[GREY](images(3).mean(dim=1, keepdim=True))
    torch.testing.assert_close(torch.tensor(answers[f"{GREY}#3"]["features"]), wanted)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (f"{WRONG[0]}#3", ["no encoder 'hf_hub:nobody/nothing'", "check the spelling"]),
        (f"{WRONG[1]}#3", ["not open to you", "log in"]),
        (f"{WRONG[2]}#3", ["holds no timm model"]),
        (f"{WRONG[3]}#3", ["hf_hub:owner/repo"]),
        (
            "gone hf_hub:someone/never-seen#3",
            ["can't be reached", "connect once", "name='bundled'", "pretrained=False"],
        ),
    ],
)
def test_errors_say_what_to_do(answers, request_, words):
    for word in words:
        assert word in answers[request_]["error"]
