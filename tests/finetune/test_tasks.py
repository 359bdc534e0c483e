"""The three tasks and one of the reader's own: losses, predictions, label checks, other people's data modules."""

from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from tests.galaxies import make_catalog, tiny_encoder
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from zoobot import GalaxyDataModule, trees
from zoobot.data import read_catalog
from zoobot.errors import CatalogError, EncoderError, LabelError, OptionError, SplitError
from zoobot.finetune import (
    FinetuneableZoobotAbstract,
    FinetuneableZoobotClassifier,
    FinetuneableZoobotRegressor,
    FinetuneableZoobotTree,
    get_trainer,
)

TREE = {
    "questions": {
        "smooth": {"answers": ["yes", "no"]},
        "arms": {"answers": ["1", "2", "3"], "asked_after": ["smooth_no"]},
    }
}


def galaxies(catalog: object, label_cols: object = "label", **options: object) -> GalaxyDataModule:
    settings = {"image_size": 32, "num_workers": 0, "batch_size": 16, **options}
    return GalaxyDataModule(label_cols, catalog, **settings)  # type: ignore[arg-type]


def fit(
    model: FinetuneableZoobotAbstract, datamodule: L.LightningDataModule, folder: Path, epochs: int = 12
) -> L.Trainer:
    trainer = get_trainer(folder, accelerator="cpu", max_epochs=epochs, enable_progress_bar=False)
    trainer.fit(model, datamodule)
    return trainer


def test_a_classifier_learns_what_can_be_seen(catalog_file: Path, tmp_path: Path) -> None:
    model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder(), n_blocks=-1, learning_rate=3e-3, dropout_prob=0.1)
    trainer = fit(model, galaxies(catalog_file), tmp_path)
    scores = trainer.test(model, galaxies(catalog_file), verbose=False)[0]
    assert scores["finetuning/test_auroc"] > 0.9
    assert model.class_names == ["a", "b"]
    assert model.prediction_columns() == ["label_a", "label_b"]


def test_the_metrics_logged_are_the_issue_s(catalog_file: Path, tmp_path: Path) -> None:
    trainer = fit(FinetuneableZoobotClassifier(2, encoder=tiny_encoder()), galaxies(catalog_file), tmp_path, 2)
    log = pd.read_csv(tmp_path / "log.csv")
    assert log["epoch"].tolist() == [0, 1]
    for name in (
        "train_loss",
        "val_loss",
        "val_accuracy",
        "val_balanced_accuracy",
        "val_auroc",
        "val_average_precision",
        "val_log_loss",
    ):
        assert log[f"finetuning/{name}"].notna().all()
    assert any(name.startswith("lr-") for name in log)
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()
    assert Path(trainer.checkpoint_callback.best_model_path).is_file()  # type: ignore[union-attr]


def test_probabilities_sum_to_one_and_labels_are_smoothed() -> None:
    model = FinetuneableZoobotClassifier(3, encoder=tiny_encoder(), label_smoothing=0.3, class_weights=[1, 2, 3])
    logits = torch.randn(5, 3)
    assert torch.allclose(model.predictions(logits).sum(dim=1), torch.ones(5))
    labels = torch.tensor([0.0, 1, 2, 1, 0])[:, None]
    each = nn.functional.cross_entropy(
        logits, labels[:, 0].long(), torch.tensor([1.0, 2, 3]), label_smoothing=0.3, reduction="none"
    )
    plain = FinetuneableZoobotClassifier(3, encoder=tiny_encoder())
    smooth = FinetuneableZoobotClassifier(3, encoder=tiny_encoder(), label_smoothing=0.3)
    assert not torch.allclose(plain.loss(logits, labels), smooth.loss(logits, labels))
    assert model.loss(logits, labels).shape == each.shape


def test_multi_label(tmp_path: Path) -> None:
    frame = make_catalog(tmp_path, 60)
    frame["even"] = [(k // 2) % 2 for k in range(60)]
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder(), multi_label=True)
    trainer = fit(model, galaxies(tmp_path / "catalog.csv", ["number", "even"]), tmp_path, 2)
    assert "finetuning/val_auroc" in trainer.callback_metrics
    assert model.prediction_columns() == ["number", "even"]
    assert not torch.allclose(model.predictions(torch.ones(1, 2)).sum(), torch.ones(()))


def test_a_regressor_works_in_the_labels_unit(tmp_path: Path) -> None:
    frame = make_catalog(tmp_path, 80)
    frame["mass"] = 1000 + 500 * frame["size"]
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    datamodule = galaxies(tmp_path / "catalog.csv", "mass", crop=1.0)
    model = FinetuneableZoobotRegressor(
        encoder=tiny_encoder(), n_blocks=-1, learning_rate=3e-3, dropout_prob=0.0, loss="huber"
    )
    trainer = fit(model, datamodule, tmp_path, 15)
    train = datamodule.labels["train"]
    assert model.target_mean.item() == pytest.approx(train.mean(), rel=1e-5)
    assert model.target_std.item() == pytest.approx(train.std(), rel=1e-4)
    scores = trainer.test(model, datamodule, verbose=False)[0]
    assert scores["finetuning/test_rmse"] < 3 * train.std()
    assert 950 < model.predictions(torch.zeros(1, 1)).item() < 1150


def test_unit_interval_keeps_fractions_between_0_and_1(catalog_file: Path) -> None:
    model = FinetuneableZoobotRegressor(encoder=tiny_encoder(), unit_interval=True, num_targets=2)
    predicted = model.predictions(torch.tensor([[-100.0, 100.0]]))
    assert predicted.min() >= 0
    assert predicted.max() <= 1
    bad = read_catalog(catalog_file).assign(size=1.5)
    one = FinetuneableZoobotRegressor(encoder=tiny_encoder(), unit_interval=True)
    with pytest.raises(LabelError, match="60 of 60 galaxies have a label outside 0 to 1"):
        one.check_labels(bad, bad[["size"]].to_numpy(np.float32), ["size"])


def test_a_tree_learns_votes(tmp_path: Path) -> None:
    frame = make_catalog(tmp_path, 60)
    schema = trees.load(TREE)
    rng = np.random.default_rng(0)
    for number, row in frame.iterrows():
        smooth = rng.binomial(20, 0.9 if row["number"] == 0 else 0.2)
        arms = rng.multinomial(20 - smooth, [0.2, 0.5, 0.3])
        for column, votes in zip(schema.label_cols, [smooth, 20 - smooth, *arms], strict=True):
            frame.loc[number, column] = votes
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    model = FinetuneableZoobotTree(TREE, encoder=tiny_encoder(), n_blocks=-1, learning_rate=3e-3, dropout_prob=0.1)
    datamodule = galaxies(tmp_path / "catalog.csv", schema.label_cols)
    trainer = fit(model, datamodule, tmp_path, 10)
    log = pd.read_csv(tmp_path / "log.csv")
    assert (log["finetuning/val_loss/smooth"] < log["finetuning/val_loss"]).all()  # one question's share
    assert log["finetuning/val_loss/arms"].notna().all()
    losses = log["finetuning/train_loss"]
    assert losses.iloc[-1] < 0.8 * losses.iloc[0]
    assert "finetuning/test_fraction_mae" in trainer.test(model, datamodule, verbose=False)[0]
    fractions = model.to_columns(model.predictions(torch.randn(7, 5)))
    assert torch.allclose(fractions[:, :2].sum(dim=1), torch.ones(7))
    assert torch.allclose(fractions[:, 2:].sum(dim=1), torch.ones(7))


def test_a_task_of_ones_own_needs_a_head_and_a_loss(catalog_file: Path, tmp_path: Path) -> None:
    class Contrast(FinetuneableZoobotAbstract):
        num_outputs = 1

        def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
            return nn.functional.softplus(-outputs * (2 * labels - 1)).mean(dim=1)

    model = Contrast(encoder=tiny_encoder(), learning_rate=1e-2)
    trainer = fit(model, galaxies(catalog_file, "number"), tmp_path, 2)
    assert "finetuning/val_loss" in trainer.callback_metrics
    again = Contrast.load_from_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(again(images), model.eval()(images))


class OtherData(L.LightningDataModule):
    """Somebody else's data module."""

    def __init__(self, form: str, labels: Tensor | None = None) -> None:
        super().__init__()
        self.form = form
        self.images = torch.rand(24, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        self.labels = torch.arange(24) % 2 if labels is None else labels

    def loader(self) -> DataLoader[object]:
        def collate(rows: list[tuple[Tensor, Tensor]]) -> object:
            images, labels = (torch.stack(column) for column in zip(*rows, strict=True))
            return {
                "tuple": (images, labels),
                "label": {"image": images, "label": labels},
                "column": {"image": images, "ring": labels},
            }[self.form]

        return DataLoader(TensorDataset(self.images, self.labels), batch_size=8, collate_fn=collate)

    train_dataloader = val_dataloader = predict_dataloader = loader


@pytest.mark.parametrize("form", ["tuple", "label", "column"])
def test_any_data_module_will_do(form: str, tmp_path: Path) -> None:
    datamodule = OtherData(form)
    model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder())
    trainer = fit(model, datamodule, tmp_path, 2)
    assert "finetuning/val_auroc" in trainer.callback_metrics
    predicted = torch.cat(trainer.predict(model, datamodule))  # type: ignore[arg-type]
    assert predicted.shape == (24, 2)


def test_labels_of_any_data_module_are_checked(tmp_path: Path) -> None:
    model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder())
    with pytest.raises(LabelError, match=r"a batch has labels \[0.0, 1.0, 2.0\]. Expected whole numbers from 0 to 1"):
        fit(model, OtherData("tuple", torch.arange(24) % 3), tmp_path, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": [-1, 0, 1] * 20}, "20 of 60 galaxies have a negative class"),
        ({"number": [0.5, 1] * 30}, "galaxies have a fractional class"),
        ({"number": [0, 1, 2] * 20}, r"a class above 1 \(num_classes=2\)"),
        ({"number": 1}, "the same label 1 in column 'number'"),
    ],
)
def test_labels_that_are_not_classes_are_named(
    catalog_file: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    frame = read_catalog(catalog_file).assign(**change)
    with pytest.raises(LabelError, match=message):
        fit(FinetuneableZoobotClassifier(2, encoder=tiny_encoder()), galaxies(frame, "number"), tmp_path, 1)


def test_what_does_not_fit_together_is_named(catalog_file: Path, tmp_path: Path) -> None:
    grey = galaxies(catalog_file, channels=1)
    with pytest.raises(EncoderError, match="the images have 1 channels and the encoder takes 3"):
        fit(FinetuneableZoobotClassifier(2, encoder=tiny_encoder()), grey, tmp_path, 1)
    with pytest.raises(LabelError, match=r"2 label columns \(number, size\)"):
        fit(
            FinetuneableZoobotClassifier(2, encoder=tiny_encoder()),
            galaxies(catalog_file, ["number", "size"]),
            tmp_path,
            1,
        )
    with pytest.raises(EncoderError, match="n_blocks=9, but the encoder .* has 5 blocks"):
        FinetuneableZoobotClassifier(2, encoder=tiny_encoder(), n_blocks=9)
    with pytest.raises(EncoderError, match="name and encoder given"):
        FinetuneableZoobotClassifier(2, encoder=tiny_encoder(), name="resnet18")
    with pytest.raises(EncoderError, match="no encoder given"):
        FinetuneableZoobotClassifier(2)
    with pytest.raises(SplitError):
        fit(
            FinetuneableZoobotClassifier(2, encoder=tiny_encoder()),
            galaxies(read_catalog(catalog_file).head(4)),
            tmp_path,
            1,
        )
    for cache in (True, False):
        without = galaxies(catalog_file, train_fraction=0.8, val_fraction=0.0)
        model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder())
        trainer = get_trainer(tmp_path, accelerator="cpu", enable_progress_bar=False, feature_cache=cache)
        with pytest.raises(CatalogError, match="no val part, only train, test"):
            trainer.fit(model, datamodule=without)
    with pytest.raises(CatalogError, match="lack"):
        FinetuneableZoobotTree(TREE, encoder=tiny_encoder()).check_labels(
            pd.DataFrame(), np.zeros((1, 1), np.float32), ["number"]
        )


@pytest.mark.parametrize(
    "options",
    [
        {"dropout_prob": 1.0},
        {"learning_rate": 0},
        {"head": "deep"},
        {"lr_decay": 2},
        {"label_smoothing": 1},
        {"class_weights": [1.0]},
    ],
)
def test_an_option_out_of_range_is_named(options: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        FinetuneableZoobotClassifier(2, encoder=tiny_encoder(), **options)  # type: ignore[arg-type]


def test_the_seed_decides_the_head() -> None:
    def head(seed: int) -> Tensor:
        torch.manual_seed(seed + 100)
        weight: Tensor = FinetuneableZoobotClassifier(2, encoder=tiny_encoder(), seed=seed).head[1].weight
        return weight

    assert torch.equal(head(1), head(1))
    assert not torch.equal(head(1), head(2))


def test_an_mlp_head_and_the_cosine_schedule(catalog_file: Path, tmp_path: Path) -> None:
    model = FinetuneableZoobotClassifier(
        2,
        encoder=tiny_encoder(),
        head="mlp",
        cosine_schedule=True,
        warmup_epochs=1,
        max_cosine_epochs=3,
        learning_rate=1e-3,
    )
    fit(model, galaxies(catalog_file), tmp_path, 4)
    rates = pd.read_csv(tmp_path / "log.csv")["lr-AdamW/head"]
    assert rates[1] == pytest.approx(1e-3, rel=1e-6)
    assert rates[3] == pytest.approx(1e-5, rel=1e-6)
