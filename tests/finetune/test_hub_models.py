"""Finetuned models from the Hub: the real client against a loopback server, then with the server gone."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from tests.encoders.hub_server import hub_server
from tests.galaxies import tiny_encoder

from zoobot.finetune import FinetuneableZoobotClassifier

SCRIPT = """
import sys, torch, zoobot
from zoobot.errors import ModelFileError
from zoobot.finetune import FinetuneableZoobotClassifier
try:
    model = zoobot.load(sys.argv[1])
    again = FinetuneableZoobotClassifier.load_from_name(sys.argv[1])
except ModelFileError as err:
    print("refused:", err)
else:
    images = torch.ones(1, 3, 32, 32)
    assert torch.equal(model(images), again(images))
    print("loaded:", model(images)[0, 0].item(), model.label_cols)
"""


def run(name: str, home: Path, endpoint: str) -> str:
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout.strip() or done.stderr


def test_a_finetuned_model_is_fetched_once(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder()).eval()
    model.label_cols = ["ring"]
    model.save(tmp_path / "hub" / "owner" / "rings")
    expected = f"loaded: {model(torch.ones(1, 3, 32, 32))[0, 0].item()} ['ring']"
    with hub_server(tmp_path / "hub") as endpoint:
        assert run("hf_hub:owner/rings", tmp_path / "home", endpoint) == expected
    assert run("hf_hub:owner/rings", tmp_path / "home", endpoint) == expected  # the server is gone
    assert run("hf_hub:owner/bars", tmp_path / "home", endpoint).startswith(
        "refused: the weights of 'hf_hub:owner/bars' are not here"
    )
