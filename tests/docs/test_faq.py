"""Every error text that docs/faq.md quotes is one that zoobot gives, word for word; ``...`` stands for what differs."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import timm
from huggingface_hub.errors import LocalEntryNotFoundError
from tests.docs.pages import blocks_of
from tests.galaxies import make_catalog

import zoobot
from zoobot.encoders.hub import explain_hub_error
from zoobot.errors import EncoderError, ZoobotError
from zoobot.runs import RunSettings, finetune_with

QUOTES = {block.name: " ".join(block.text.split()) for block in blocks_of("docs/faq.md") if block.language == "text"}


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> pd.DataFrame:
    """Return 20 galaxies of two classes, with absolute paths."""
    folder = tmp_path_factory.mktemp("galaxies")
    frame = make_catalog(folder, n_galaxies=20)
    return frame.assign(file_loc=[str(folder / name) for name in frame["file_loc"]])


def classifier(name: str = "test_resnet", **options: object) -> zoobot.FinetuneableZoobotClassifier:
    encoder = timm.create_model(name, pretrained=False, num_classes=0)
    return zoobot.FinetuneableZoobotClassifier(2, encoder=encoder, **options)


def read(table: pd.DataFrame, label: str = "number", **options: object) -> zoobot.GalaxyDataModule:
    datamodule = zoobot.GalaxyDataModule(label, table, **options)
    datamodule.read_catalogs()
    return datamodule


def damaged_image(table: pd.DataFrame, folder: Path) -> None:
    (folder / "half.jpg").write_bytes(Path(table["file_loc"][0]).read_bytes()[:300])
    read(table.assign(file_loc=table["file_loc"].replace(table["file_loc"][0], str(folder / "half.jpg")))).setup()


def no_network(table: pd.DataFrame, folder: Path) -> None:
    raise EncoderError(explain_hub_error("hf_hub:owner/repo", LocalEntryNotFoundError("no route to host")))


def used_folder(table: pd.DataFrame, folder: Path) -> None:
    table.to_csv(folder / "galaxies.csv", index=False)
    settings = RunSettings(
        catalog=str(folder / "galaxies.csv"),
        label_cols=("number",),
        encoder="test_resnet",
        pretrained=False,
        max_epochs=1,
        image_size=32,
    )
    finetune_with(settings, folder / "run")
    finetune_with(settings, folder / "run")


def damaged_checkpoint(table: pd.DataFrame, folder: Path) -> None:
    (folder / "last.ckpt").write_bytes(b"PK\x03\x04 and then the disk was full")
    zoobot.load(folder / "last.ckpt")


def simulated_galaxies(table: pd.DataFrame, folder: Path) -> None:
    train = folder / "simulated_rings" / "train"
    train.mkdir(parents=True)
    table.assign(ring=table["number"], simulated=True).to_csv(train / "catalog.csv")
    zoobot.demo_rings(folder)


MISTAKES: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "missing files": lambda table, _: zoobot.read_catalog(table.assign(file_loc="nowhere.jpg")),
    "a number out of its range": lambda _, __: classifier(learning_rate=float("nan")),
    "no file_loc": lambda table, folder: (
        table.drop(columns="file_loc").to_csv(folder / "galaxies.csv"),
        zoobot.read_catalog(folder / "galaxies.csv"),
    ),
    "repeated id_str": lambda table, _: zoobot.read_catalog(table.assign(id_str="NGC 1300")),
    "no label": lambda table, _: read(table.assign(number=table["number"].where(table.index > 3))),
    "rare class": lambda table, _: read(table.assign(number=(table.index > 17).astype(int))),
    "too many classes": lambda table, _: classifier().learn_from(read(table.assign(number=table.index % 3))),
    "damaged image": damaged_image,
    "no network": no_network,
    "too many blocks": lambda table, _: classifier(n_blocks=9),
    "image size": lambda table, _: classifier("test_convnext").learn_from(read(table, image_size=16)),
    "a name of ours": lambda table, _: classifier().learn_from(read(table.assign(part=table["number"]), label="part")),
    "channels": lambda table, _: classifier().learn_from(read(table, channels=1)),
    "no votes": lambda table, _: zoobot.trees.load("gz2").check_columns(table.columns),
    "used folder": used_folder,
    "damaged checkpoint": damaged_checkpoint,
    "simulated galaxies": simulated_galaxies,
}


def pattern(quote: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part.strip()) for part in quote.split("...")))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_message_is_quoted(mistake, table, tmp_path, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises((ZoobotError, UserWarning)) as caught:
        MISTAKES[mistake](table, tmp_path)
    message = " ".join(str(caught.value).split())
    assert any(pattern(quote).fullmatch(message) for quote in QUOTES.values()), message


def test_there_is_a_mistake_for_each_quote():
    assert len(QUOTES) == len(MISTAKES)
    assert len(set(QUOTES.values())) == len(QUOTES)
