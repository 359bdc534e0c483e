"""A saved model that is damaged or hostile is refused as such, whatever of it is wrong.

Network and disk are not reached for.
"""

import copy
import json
import os
import shutil
import socket
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from tests.galaxies import tiny_encoder
from timm.models import save_for_hf

import zoobot
from zoobot.data import Preprocessing
from zoobot.encoders import load_encoder
from zoobot.errors import EncoderError, ModelFileError
from zoobot.finetune import FinetuneableZoobotClassifier, FinetuneableZoobotRegressor, FinetuneableZoobotTree
from zoobot.science import Reference
from zoobot.settings import TableOptions

TREE = {
    "questions": {
        "smooth": {"answers": ["yes", "no"]},
        "arms": {"answers": ["1", "2", "3"], "asked_after": ["smooth_no"]},
    }
}
TASKS = ("classes", "labels", "numbers", "votes")

DEEP: object = []
for _ in range(60):
    DEEP = [DEEP]
MISSING = object()
ODD = (
    MISSING, None, "x", "", -1, 0, 2, 0.5, 1e308, -1e308, 10**12, 2**70, [], {}, [[]], [1], {"a": 1}, DEEP,
    float("nan"), float("inf"), True, "hf-hub:a/b", "local-dir:/etc", "/etc/passwd", ["a"] * 5, "é" * 300,
)  # fmt: skip


def fitted(task: str):
    """Return a model of each task, with names, preprocessing and calibration, as ``zoobot finetune`` saves it."""
    torch.manual_seed(0)
    truth = torch.arange(60) % 3
    ones = (torch.rand(60, 2) > 0.5).float()
    if task == "classes":
        model = FinetuneableZoobotClassifier(3, encoder=tiny_encoder(), class_weights=[1, 2, 3])
        names, classes = ["shape"], ["a", "b", "c"]
        known = (torch.randn(60, 3) + 2 * torch.eye(3)[truth]).softmax(1), truth[:, None].float()
    elif task == "labels":
        model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder(), multi_label=True, head="mlp")
        names, classes, known = ["x", "y"], [], ((torch.randn(60, 2) + ones).sigmoid(), ones)
    elif task == "numbers":
        model = FinetuneableZoobotRegressor(encoder=tiny_encoder(), num_targets=2)
        names, classes, known = ["x", "y"], [], (torch.randn(60, 2), torch.randn(60, 2))
    else:
        model = FinetuneableZoobotTree(TREE, encoder=tiny_encoder(), question_weights={"arms": 2.0})
        names, classes = list(model.schema.label_cols), []
        known = 1 + 5 * torch.rand(60, 5), torch.randint(0, 9, (60, 5)).float()
    model = model.eval()
    model.label_cols, model.class_names, model.preprocessing = names, classes, Preprocessing(image_size=32)
    model.calibrate(*known)
    rows = np.random.default_rng(0).normal(size=(9, model.encoder.num_features))
    model.reference = Reference.of(rows, [f"J{n}" for n in range(9)], [f"{n}.jpg" for n in range(9)])
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a saved model of each task."""
    folder = tmp_path_factory.mktemp("saved")
    for task in TASKS:
        fitted(task).save(folder / task)
    save_for_hf(timm.create_model("test_vit", num_classes=0), str(folder / "timm"), safe_serialization=True)
    return folder


@pytest.fixture
def offline(monkeypatch):
    """Fail where anything asks for the network."""

    def refused(*_, **__):
        pytest.fail("it reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def places(value, at=()):
    """Return the place of every entry of a configuration; of a list, of its first and last."""
    yield at
    if isinstance(value, dict):
        for name, one in value.items():
            yield from places(one, (*at, name))
    elif isinstance(value, list) and value:
        for place in {0, len(value) - 1}:
            yield from places(value[place], (*at, place))


def changed(config, at, value):
    """Return a configuration with another value at a place, or none."""
    config = copy.deepcopy(config)
    inner = config
    for step in at[:-1]:
        inner = inner[step]
    if value is MISSING:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return config


def use(folder: Path) -> None:
    """Load a model or an encoder and let it predict."""
    if folder.name.startswith("timm"):
        encoder = load_encoder(folder)
        encoder(torch.zeros(1, encoder.in_chans, encoder.image_size, encoder.image_size))
    else:
        model = zoobot.load(folder)
        with torch.no_grad(), np.errstate(all="ignore"):
            model.to_table(model.predictions(torch.zeros(2, model.num_outputs)).numpy(), TableOptions())


@pytest.mark.parametrize("share", range(4))
@pytest.mark.parametrize("task", [*TASKS, "timm"])
def test_any_entry_may_be_odd(task, share, saved, offline, tmp_path):
    folder = tmp_path / task
    shutil.copytree(saved / task, folder)
    config = json.loads((folder / "config.json").read_text())
    config.pop("digests", None)
    rng = np.random.default_rng(share)
    refused = 0
    for at in dict.fromkeys(places(config)):
        odd = ODD[rng.integers(len(ODD))]
        if not at or (
            at[-1] == "architecture" and odd in (None, "x")
        ):  # a module in memory; one that a newer timm knows
            continue
        (folder / "config.json").write_text(json.dumps(changed(config, at, odd)))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                use(folder)
        except ModelFileError as err:
            refused += str(folder) in str(err)
        except EncoderError:
            assert task == "timm"
    assert refused > 5  # nearly all of them, each naming the folder


@pytest.mark.parametrize(
    "name",
    ["hf-hub:someone/evil", "hf_hub:someone/evil", "local-dir:/tmp", "timm:x", "https://a.b/c", "../x", "a/b", ""],
)
def test_an_architecture_is_no_address_and_no_path(name, saved, offline, tmp_path):
    for folder in ("classes", "timm"):
        shutil.copytree(saved / folder, tmp_path / folder, dirs_exist_ok=True)
        path = tmp_path / folder / "config.json"
        config = json.loads(path.read_text())
        (config if folder == "timm" else config["encoder"])["architecture"] = name
        path.write_text(json.dumps(config))
        with pytest.raises(ModelFileError, match=r"architecture is .*without '/' and ':'"):
            load_encoder(tmp_path / folder)
    with pytest.raises(ModelFileError, match="encoder.architecture"):
        zoobot.load(tmp_path / "classes")


@pytest.mark.parametrize(
    "argument",
    [
        {"checkpoint_path": "/etc/passwd"},
        {"pretrained": True},
        {"pretrained_cfg": {"url": "x"}},
        {"a": {"file": "x"}},
        {"img_size": 10**9},
    ],
)
def test_building_a_network_fetches_nothing(argument, saved, offline, tmp_path):
    for folder in ("classes", "timm"):
        shutil.copytree(saved / folder, tmp_path / folder)
        path = tmp_path / folder / "config.json"
        config = json.loads(path.read_text())
        (config if folder == "timm" else config["encoder"])["model_args"] = argument
        path.write_text(json.dumps(config))
        with pytest.raises(ModelFileError, match="model_args"):
            load_encoder(tmp_path / folder)


@pytest.mark.parametrize("file", ["model.safetensors", "reference.safetensors"])
@pytest.mark.parametrize("place", [0, 9, 0.3, 0.7, -1])
def test_a_byte_that_has_changed_is_found(file, place, saved, tmp_path):
    shutil.copytree(saved / "classes", tmp_path / "model")
    path = tmp_path / "model" / file
    content = bytearray(path.read_bytes())
    content[place if isinstance(place, int) else int(place * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=f"{file} (is damaged|can't be read)"):
        zoobot.load(tmp_path / "model")


def test_a_calibration_that_has_changed_is_found(saved, tmp_path):
    shutil.copytree(saved / "classes", tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    config["calibration"]["scaling"]["gain"] += 1e-3
    path.write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match="'calibration' in .*config.json is damaged, or was changed"):
        zoobot.load(tmp_path / "model")


def test_names_may_be_edited_and_files_replaced_through_the_library(saved, tmp_path):
    """The digests are of what nobody writes by hand; what the library writes later is sealed too."""
    shutil.copytree(saved / "classes", tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    path.write_text(path.read_text().replace('"shape"', '"form"'))
    model = zoobot.load(tmp_path / "model")
    assert model.label_cols == ["form"]
    other = Reference.of(np.eye(5), list("abcde"), list("abcde"))
    other.save(tmp_path / "model")
    assert zoobot.load(tmp_path / "model").reference.ids == tuple("abcde")
    model.reference = None
    model.save(tmp_path / "model")
    assert zoobot.load(tmp_path / "model").reference is None


def test_models_of_versions_without_digests(saved, tmp_path):
    shutil.copytree(saved / "votes", tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    assert set(config.pop("digests")) >= {"model.safetensors", "reference.safetensors"}
    path.write_text(json.dumps(config))
    again, before = zoobot.load(tmp_path / "model"), zoobot.load(saved / "votes")
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in before.state_dict().items())


def nan(tensor):
    return torch.full_like(tensor, float("nan")) if tensor.is_floating_point() else tensor


def one_nan(tensor):
    return (
        tensor.flatten().index_fill(0, torch.tensor([0]), float("nan")).view(tensor.shape)
        if tensor.is_floating_point()
        else tensor
    )


def infinite(tensor):
    return tensor + float("inf") if tensor.is_floating_point() and tensor.ndim > 1 else tensor


def small_integers(tensor):
    return tensor.to(torch.int8)


@pytest.mark.parametrize("spoil", [nan, one_nan, infinite, small_integers])
@pytest.mark.parametrize("kind", ["classes", "checkpoint", "timm", "encoder"])
def test_weights_are_finite_numbers(kind, spoil, saved, tmp_path):
    """Also where there is no digest: in a checkpoint, and in a folder that timm saved."""
    source = saved / ("timm" if kind == "timm" else "classes")
    state = {name: spoil(tensor) for name, tensor in load_file(source / "model.safetensors").items()}
    config = json.loads((source / "config.json").read_text())
    config.pop("digests", None)
    if kind == "checkpoint":
        torch.save({"zoobot": config, "state_dict": state}, tmp_path / "last.ckpt")
        path = tmp_path / "last.ckpt"
    else:
        path = tmp_path / "model"
        path.mkdir()
        (path / "config.json").write_text(json.dumps(config))
        save_file(state, path / "model.safetensors")
    load = zoobot.load if kind in ("classes", "checkpoint") else load_encoder
    with pytest.raises(ModelFileError, match="not finite|expected floating point"):
        load(path)


@pytest.mark.parametrize(
    ("task", "at", "value"),
    [
        ("classes", ("scaling", "temperature"), 1e308),
        ("classes", ("scaling", "temperature"), 0),
        ("classes", ("scaling", "temperature"), float("nan")),
        ("classes", ("conformal", 0, "scores", 0, 0), 1e308),
        ("labels", ("conformal", 1, "scores", 0, 0), 1e308),
        ("numbers", ("conformal", "scores", 0, 0), 1e308),
        ("votes", ("scale", 0), 1e308),
        ("votes", ("offset", 0), float("-inf")),
    ],
)
def test_a_calibration_is_finite_and_in_range(task, at, value, saved, tmp_path):
    shutil.copytree(saved / task, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    config.pop("digests")
    path.write_text(json.dumps(changed(config, ("calibration", *at), value)))
    with pytest.raises(ModelFileError, match=r"calibration\..* is .*, expected"):
        zoobot.load(tmp_path / "model")


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_checkpoint_with_a_changed_byte(place, saved, tmp_path):
    path = tmp_path / "last.ckpt"
    config = json.loads((saved / "classes" / "config.json").read_text())
    torch.save({"zoobot": config, "state_dict": load_file(saved / "classes" / "model.safetensors")}, path)
    assert zoobot.load(path)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged"):
        zoobot.load(path)


def test_a_checkpoint_that_unpacks_to_more_than_it_takes(tmp_path):
    path = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**7))
    with pytest.raises(ModelFileError, match="unpacks to 10 MB"):
        zoobot.load(path)


@pytest.mark.parametrize(("make", "kind"), [(os.mkfifo, "pipe"), (os.mkdir, "folder")])
def test_what_is_no_file_is_not_called_missing(make, kind, saved, tmp_path):
    for file in ("config.json", "model.safetensors", "reference.safetensors", "memory.safetensors"):
        folder = tmp_path / file
        shutil.copytree(saved / "classes", folder)
        (folder / file).unlink(missing_ok=True)
        make(folder / file)
        with pytest.raises(ModelFileError, match=rf"{file} is a {kind}, not a regular file"):
            zoobot.load(folder)
    os.mkfifo(tmp_path / "last.ckpt")
    with pytest.raises(ModelFileError, match=r"last\.ckpt is a pipe"):
        zoobot.load(tmp_path / "last.ckpt")
