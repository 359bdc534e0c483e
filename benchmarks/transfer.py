"""How well encoders transfer to real galaxies: a new head on 50, 100, 250 and all labels, several seeds each.

    python benchmarks/transfer.py ../shared/data --encoder imagenet --encoder bundled
    python benchmarks/transfer.py ../shared/data --encoder imagenet --encoder run/encoder --cross-validate

By default heads learn from some galaxies of the train catalogs and are scored on the test catalogs; nothing may be
chosen by that. ``--cross-validate`` leaves the test catalogs alone: each seed holds out another fifth of the train
catalogs. A fifth of the labels (at least one per class) always validates, that is, decides which epoch is best. Classes
weigh alike in training, as they do in the balanced accuracy that is scored. ``--whole`` finetunes the whole network
instead.
"""

import logging
import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from sklearn.model_selection import StratifiedKFold, train_test_split

from zoobot import (
    FinetuneableZoobotAbstract,
    FinetuneableZoobotClassifier,
    FinetuneableZoobotTree,
    GalaxyDataModule,
    evaluate,
    get_trainer,
    load_encoder,
    read_catalog,
    represent,
    trees,
)
from zoobot.data import Augmentation, ImageSettings, Preprocessing
from zoobot.data.labels import read_labels
from zoobot.encoders import Encoder
from zoobot.runs import prepare_process

FOLDS = 5
VALIDATION = 0.2
FEWEST_VOTES = 5
"""Vote fractions are scored where at least so many volunteers were asked."""

TREE = trees.load("gz2")


@dataclass(frozen=True)
class Task:
    """A question about a set of real galaxies."""

    name: str
    folder: str
    label: str | None
    """Column of classes; None for votes on the tree gz2"""
    figure: str
    flip: bool = True

    @property
    def label_cols(self) -> list[str]:
        """Columns of the labels."""
        return TREE.label_cols if self.label is None else [self.label]


TASKS = (
    Task("rings", "rings", "ring", "AUROC"),
    Task("GZ1, six classes", "sdss_gz1", "label", "balanced accuracy", flip=False),  # two of them are mirror images
    Task("GZ1 morphology", "sdss_gz1", "morphology", "balanced accuracy"),
    Task("GZ2 votes", "gz2_votes", None, "vote fraction error"),
)
SIZES = (50, 100, 250, None)


def main(
    data: Annotated[
        Path, typer.Argument(help="Folder with rings/, sdss_gz1/ and gz2_votes/.", envvar="ZOOBOT_TEST_DATA")
    ],
    encoder: Annotated[
        list[str], typer.Option(help="What load_encoder takes; repeat to compare. The first is the baseline.")
    ],
    seeds: Annotated[int, typer.Option(help="How many seeds; at most 5 with --cross-validate.")] = 5,
    image_size: Annotated[int | None, typer.Option(help="Pixels a side. Default: each encoder's own.")] = None,
    learning_rate: Annotated[float, typer.Option(help="Of the head.")] = 1e-3,
    epochs: Annotated[int, typer.Option(help="At most.")] = 200,
    cross_validate: Annotated[
        bool, typer.Option("--cross-validate", help="Score on folds of the train catalogs.")
    ] = False,
    random: Annotated[
        bool, typer.Option("--random", help="Forget what the encoders have learned: random weights.")
    ] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Finetune everything, not the head alone.")] = False,
    tasks: Annotated[str, typer.Option(help="Only tasks whose name begins so, with commas between.")] = "",
    sizes: Annotated[
        str, typer.Option(help="Numbers of labels, with commas between; 'all' is all.")
    ] = "50,100,250,all",
) -> None:
    """Print a table for each task."""
    prepare_process()
    logging.getLogger("zoobot").setLevel(logging.ERROR)
    wanted = tuple(None if size == "all" else int(size) for size in sizes.split(","))
    kind = ("random weights, " if random else "") + ("whole network" if whole else "head only")
    where = "folds of the train catalogs" if cross_validate else "test catalogs"
    print(f"{kind}, {seeds} seeds, {where}; median [lowest, highest]; votes: mean absolute error, lower is better\n")
    for task in TASKS:
        if tasks and not task.name.startswith(tuple(tasks.split(","))):
            continue
        print(
            f"| {task.name}: {task.figure} | {' | '.join(_labels(size) for size in wanted)} "
            f"|\n|---|{'---|' * len(wanted)}"
        )
        for name in encoder:
            with tempfile.TemporaryDirectory() as cache:
                os.environ["ZOOBOT_CACHE"] = cache
                trial = Trial(
                    data, task, load_encoder(name, pretrained=not random), image_size, learning_rate, epochs, whole
                )
                cells = [trial.scores(size, seeds, cross_validate=cross_validate) for size in wanted]
            print(f"| {name} | {' | '.join(map(_cell, cells))} |", flush=True)
        print()


class Trial:
    """One encoder on one task."""

    def __init__(
        self,
        data: Path,
        task: Task,
        encoder: Encoder,
        image_size: int | None,
        learning_rate: float,
        epochs: int,
        whole: bool,
    ) -> None:
        self.task, self.encoder, self.whole = task, encoder, whole
        self.start = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
        self.learning_rate, self.epochs = learning_rate, epochs
        self.size = image_size or encoder.image_size
        self.train = read_catalog(data / task.folder / "train.csv")
        self.test = read_catalog(data / task.folder / "test.csv")
        self.features: dict[str, torch.Tensor] = {}

    def scores(self, size: int | None, seeds: int, *, cross_validate: bool) -> list[float]:
        """Return one figure a seed for a number of labels."""
        found = []
        for seed in range(seeds):
            train, test = self._parts(seed) if cross_validate else (self.train, self.test)
            found.append(self._score(_some(train, self.task.label, size, seed), test, seed))
        return found

    def _parts(self, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        strata = self.train[self.task.label] if self.task.label else np.zeros(len(self.train))
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(self.train, strata)
        train, test = list(folds)[seed]
        return self.train.iloc[train].reset_index(drop=True), self.train.iloc[test].reset_index(drop=True)

    def _score(self, labelled: pd.DataFrame, test: pd.DataFrame, seed: int) -> float:
        strata = labelled[self.task.label] if self.task.label else None
        n_val = max(round(VALIDATION * len(labelled)), 1 if strata is None else strata.nunique())
        train, val = train_test_split(labelled, test_size=n_val, random_state=seed, stratify=strata)
        datamodule = GalaxyDataModule(
            self.task.label_cols,
            train_catalog=train.reset_index(drop=True),
            val_catalog=val.reset_index(drop=True),
            image_size=self.size,
            augment=Augmentation(flip=self.task.flip),
            seed=seed,
        )
        self.encoder.load_state_dict(self.start)
        model = self._model(train, seed)
        with tempfile.TemporaryDirectory() as folder:
            trainer = get_trainer(folder, max_epochs=self.epochs, patience=20, enable_progress_bar=False)
            trainer.fit(model, datamodule)
            best = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
            model = type(model).load_from_checkpoint(
                best, encoder=None if model.encoder.config.architecture else self.encoder
            )
        if self.whole:
            table = evaluate(test, model)
            return self._figure_of_scores(table.scores, table.table, test)
        with torch.no_grad():
            outputs = model.eval().head(self._features_of(test, model.preprocessing))
            predictions = model.predictions(outputs)
        if self.task.label is None:
            return _fraction_error(model.to_columns(predictions).numpy(), test)
        classes = read_labels(self.train, self.task.label_cols, kind="classes").classes
        labels = torch.from_numpy(read_labels(test, self.task.label_cols, kind="classes", classes=classes).values)
        return self._figure_of_scores(model.scores(predictions, labels), None, test)

    def _figure_of_scores(self, scores: Any, table: pd.DataFrame | None, test: pd.DataFrame) -> float:
        if self.task.label is None:
            assert table is not None
            return _fraction_error(table[TREE.label_cols].to_numpy(), test)
        return float(scores["auroc" if self.task.figure == "AUROC" else "balanced_accuracy"])

    def _model(self, train: pd.DataFrame, seed: int) -> FinetuneableZoobotAbstract:
        options: dict[str, Any] = {
            "encoder": self.encoder,
            "n_blocks": -1 if self.whole else 0,
            "learning_rate": self.learning_rate,
            "seed": seed,
        }
        if self.task.label is None:
            return FinetuneableZoobotTree(TREE, **options)
        classes = sorted(self.train[self.task.label].unique())
        counts = train[self.task.label].value_counts().reindex(classes, fill_value=1)
        weights = (len(train) / (len(classes) * counts)).tolist()
        return FinetuneableZoobotClassifier(len(classes), class_weights=weights, **options)

    def _features_of(self, frame: pd.DataFrame, preprocessing: Preprocessing | None) -> torch.Tensor:
        """Return the features of galaxies, each computed once."""
        missing = frame[~frame["id_str"].isin(list(self.features))]
        if len(missing):
            settings = preprocessing or Preprocessing(image_size=self.size, images=ImageSettings())
            table = represent(missing.reset_index(drop=True), self.encoder, preprocessing=settings)
            values = torch.tensor(table.filter(like="feature_").to_numpy(np.float32))
            self.features |= dict(zip(table["id_str"], values, strict=True))
        return torch.stack([self.features[name] for name in frame["id_str"]])


def _some(frame: pd.DataFrame, label: str | None, size: int | None, seed: int) -> pd.DataFrame:
    """Return some rows, each class in proportion and at least two of it."""
    if size is None or size >= len(frame):
        return frame
    if label is None:
        return frame.sample(size, random_state=seed).reset_index(drop=True)
    shuffled = frame.sample(frac=1, random_state=seed)
    order = shuffled.groupby(label).cumcount() / shuffled.groupby(label)[label].transform("size")
    first_two = shuffled.groupby(label).cumcount() < 2
    return shuffled.loc[order.where(~first_two, -1).sort_values(kind="stable").index[:size]].reset_index(drop=True)


def _fraction_error(fractions: "np.ndarray[Any, Any]", frame: pd.DataFrame) -> float:
    """Return the mean absolute error of vote fractions, over answers, galaxies, then questions.

    Galaxies count of which enough volunteers were asked.
    """
    errors = []
    for question in TREE.questions:
        answers = question.columns
        votes = frame[TREE.label_cols].to_numpy(float)[:, answers]
        asked = votes.sum(axis=1) >= FEWEST_VOTES
        if asked.any():
            observed = votes[asked] / votes[asked].sum(axis=1, keepdims=True)
            errors.append(np.abs(fractions[asked][:, answers] - observed).mean())
    return float(np.mean(errors))


def _labels(size: int | None) -> str:
    return "all labels" if size is None else f"{size} labels"


def _cell(scores: list[float]) -> str:
    return f"{statistics.median(scores):.3f} [{min(scores):.3f}, {max(scores):.3f}]"


if __name__ == "__main__":
    typer.run(main)
