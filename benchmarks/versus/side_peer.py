"""The same jobs with zoobot 2.9.0 and galaxy-datasets 0.0.25, with their own defaults.

They are used as their README and signatures show.
"""

import time
from pathlib import Path
from typing import Any

import pandas as pd
from common import Clock, encoder_of, feature_sum, run_folder
from galaxy_datasets.pytorch.galaxy_datamodule import CatalogDataModule
from galaxy_datasets.transforms import get_galaxy_transform, minimal_view_config
from spec import Spec
from zoobot.pytorch.predictions import predict_on_catalog

from zoobot.pytorch.training import finetune

MODES = {"head": "head_only", "whole": "full"}
INPUT_EPOCHS = 3
BATCH = 32


def fit(spec: Spec) -> dict[str, Any]:
    """Finetune, and load the best checkpoint."""
    encoder = encoder_of(spec)
    datamodule = CatalogDataModule(
        label_cols=[spec.label], catalog=pd.read_csv(spec.catalog), batch_size=BATCH, seed=spec.split_seed
    )
    model = _classifier(spec, encoder)
    trainer = finetune.get_trainer(
        str(run_folder(spec)), accelerator="cpu", max_epochs=spec.epochs, patience=spec.epochs
    )
    measured = Clock().fit(trainer, model, datamodule)
    finetune.FinetuneableZoobotClassifier.load_from_checkpoint(_best(trainer), encoder=encoder)
    return measured


def score(spec: Spec) -> dict[str, Any]:
    """Finetune on given parts with early stopping, and predict the test part."""
    encoder = encoder_of(spec)
    fingerprint = feature_sum(encoder)
    datamodule = CatalogDataModule(
        label_cols=[spec.label],
        train_catalog=pd.read_csv(spec.train),
        val_catalog=pd.read_csv(spec.val),
        test_catalog=pd.read_csv(spec.test),
        batch_size=BATCH,
        seed=spec.seed,
    )
    model = _classifier(spec, encoder)
    trainer = finetune.get_trainer(str(run_folder(spec)), accelerator="cpu", max_epochs=spec.epochs)
    measured = Clock().fit(trainer, model, datamodule)
    best = finetune.FinetuneableZoobotClassifier.load_from_checkpoint(_best(trainer), encoder=encoder)
    table = _predictions(spec, best, spec.test).set_index("id_str")
    return measured | {"fingerprint": fingerprint, "probabilities": table["class_1"].astype(float).to_dict()}


def predict_catalog(spec: Spec) -> dict[str, Any]:
    """Predict a catalog into a table on disk."""
    model = _classifier(spec, encoder_of(spec))
    start = time.perf_counter()
    table = _predictions(spec, model, spec.catalog)
    return {"images_per_second": len(table) / (time.perf_counter() - start)}


def input_pipeline(spec: Spec) -> dict[str, Any]:
    """Go through the training batches, without a network."""
    datamodule = CatalogDataModule(label_cols=[spec.label], catalog=pd.read_csv(spec.catalog), batch_size=BATCH)
    datamodule.prepare_data()
    datamodule.setup("fit")
    loader = datamodule.train_dataloader()
    rates = []
    for _ in range(INPUT_EPOCHS):
        start = time.perf_counter()
        count = sum(len(batch["image"]) for batch in loader)
        rates.append(count / (time.perf_counter() - start))
    return {"images_per_second": sum(rates[1:]) / len(rates[1:]), "first_epoch": rates[0]}


def _classifier(spec: Spec, encoder: Any) -> Any:
    return finetune.FinetuneableZoobotClassifier(
        num_classes=spec.num_classes,
        label_col=spec.label,
        encoder=encoder,
        training_mode=MODES[spec.trained],
        seed=spec.seed,
    )


def _predictions(spec: Spec, model: Any, catalog: str) -> pd.DataFrame:
    """Predict with the view that its data module evaluates with by default."""
    save_loc = Path(spec.folder) / "predictions.csv"
    predict_on_catalog.predict(
        pd.read_csv(catalog),
        model,
        save_loc=str(save_loc),
        label_cols=[f"class_{place}" for place in range(spec.num_classes)],
        inference_transform=get_galaxy_transform(minimal_view_config()),
        trainer_kwargs={"accelerator": "cpu"},
    )
    return pd.read_csv(save_loc)


def _best(trainer: Any) -> str:
    return str(trainer.checkpoint_callback.best_model_path)
