"""A pretraining run whose galaxies, votes, trees, simulator or encoder changed is not resumed.

What changed is named.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import datasets
from zoobot.encoders import load_encoder, save_encoder
from zoobot.errors import CatalogError
from zoobot.pretrain import PretrainSettings, pretrain_run
from zoobot.pretrain.origin import digest_of_files


def made_of_everything(quick: Callable[..., PretrainSettings], folder: Path) -> PretrainSettings:
    return quick(
        galaxies=("simulated", str(folder / "votes.csv"), f"hf:{folder / 'set'}"),
        trees=("gz2", str(folder / "tree.yaml"), str(folder / "other.yaml")),
        unlabelled=str(folder / "unlabelled.csv"),
        encoder=str(folder / "encoder"),
        images=8,
    )


def write_set(folder: Path, *, first: bytes, red: int = 1) -> None:
    """Write a Hugging Face data set of 12 galaxies."""
    files = sorted((folder / "images").glob("g1_*.jpg"))
    content = {
        "image": [{"bytes": first if place == 0 else file.read_bytes(), "path": None} for place,
            file in enumerate(files)],
        "color_red": [red] * len(files), "color_blue": [3] * len(files),
    }  # fmt: skip
    table = datasets.Dataset.from_dict(content, datasets.Features({
        "image": datasets.Image(), "color_red": datasets.Value("int64"), "color_blue": datasets.Value("int64"),
    }))  # fmt: skip
    shutil.rmtree(folder / "set", ignore_errors=True)
    table.save_to_disk(folder / "set")


@pytest.fixture(scope="module")
def started(voted, tmp_path_factory):
    """Return a folder of galaxies of its own, with an encoder to start from."""
    folder = tmp_path_factory.mktemp("changed") / "galaxies"
    shutil.copytree(voted, folder)
    write_set(folder, first=(folder / "images" / "g1_000.jpg").read_bytes())
    with torch.random.fork_rng():
        save_encoder(load_encoder("test_convnext", 3, pretrained=False), folder / "encoder", card="")
    return folder


def edit(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        change(pd.read_csv(folder / name)).to_csv(folder / name, index=False)

    return write


def swap_images(folder: Path) -> None:
    shutil.copy(folder / "images" / "g0_001.jpg", folder / "images" / "g0_000.jpg")


def other_answer(folder: Path) -> None:
    tree = (folder / "tree.yaml").read_text()
    (folder / "tree.yaml").write_text(tree.replace("asked_after: shape_round", "asked_after: shape_flat"))


def other_weights(folder: Path) -> None:
    encoder = load_encoder(str(folder / "encoder"))
    with torch.no_grad():
        next(iter(encoder.parameters())).add_(1)
    save_encoder(encoder, folder / "encoder", card="")


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "rows dropped": (edit("votes.csv", lambda table: table.drop(index=range(3))), "ids of "),
    "rows shuffled": (edit("votes.csv", lambda table: table.sample(frac=1, random_state=0)), "ids of "),
    "votes": (edit("votes.csv", lambda table: table.assign(shape_round=table["shape_round"] + 1)), "votes of "),
    "images": (swap_images, "images of "),
    "unlabelled": (edit("unlabelled.csv", lambda table: table.drop(index=0)), "unlabelled.csv"),
    "votes of a data set": (lambda folder: write_set(folder, first=(folder / "images" / "g1_000.jpg").read_bytes(),
        red=2), "votes of "),
    "images of a data set": (lambda folder: write_set(folder, first=(folder / "images" / "g1_001.jpg").read_bytes()),
        "images of "),
    "tree": (other_answer, "tree tree"),
    "encoder": (other_weights, "weights of the encoder"),
}  # fmt: skip


@pytest.mark.parametrize("change", [*CHANGES, "simulator"])
def test_what_changed_is_named(change, started, quick, tmp_path, monkeypatch):
    folder = tmp_path / "galaxies"
    shutil.copytree(started, folder)
    settings = made_of_everything(quick, folder)
    pretrain_run(settings, tmp_path / "run")
    before = (tmp_path / "run" / "checkpoints" / "last.ckpt").read_bytes()
    pretrain_run(settings, tmp_path / "run", resume=True)  # nothing has changed
    if change == "simulator":
        monkeypatch.setattr("zoobot.simulate.sets.VERSION", 99)
        named = "the simulator"
    else:
        write, named = CHANGES[change]
        write(folder)
    with pytest.raises(CatalogError, match="has changed since: .*with --overwrite") as caught:
        pretrain_run(settings, tmp_path / "run", resume=True)
    assert named in str(caught.value)
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").read_bytes() == before


def test_a_run_of_an_earlier_version_is_resumed_with_a_word(quick, tmp_path):
    settings = quick(images=8)
    pretrain_run(settings, tmp_path)
    (tmp_path / "checkpoints" / "origin.json").unlink()
    said: list[str] = []
    pretrain_run(settings, tmp_path, resume=True, say=said.append)
    assert any("can't be checked" in sentence for sentence in said)
    assert not (tmp_path / "checkpoints" / "origin.json").exists()


def test_of_many_files_content_counts_evenly_and_size_always(tmp_path, monkeypatch):
    monkeypatch.setattr("zoobot.pretrain.origin.MOST_READ", 3)
    files = [str(tmp_path / f"{place}.png") for place in range(7)]
    for file in files:
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(file)
    before = digest_of_files(files)
    assert before == digest_of_files(files)
    for place, changes in ((0, True), (1, False), (3, True), (6, True)):
        whole = Path(files[place]).read_bytes()
        Path(files[place]).write_bytes(whole[:-1] + b"x")
        assert (digest_of_files(files) != before) == changes
        Path(files[place]).write_bytes(whole + b"x")
        assert digest_of_files(files) != before
        Path(files[place]).write_bytes(whole)
