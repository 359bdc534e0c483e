"""Our jobs, as the guide's script does them, in a process readied as the commands ready theirs."""

import time
from pathlib import Path
from typing import Any, Literal

import torch
from common import Clock, encoder_of, feature_sum, run_folder
from spec import Spec
from torch import nn

from zoobot import GalaxyDataModule, predict
from zoobot.encoders import load_encoder
from zoobot.finetune import FeatureCache, FinetuneableZoobotClassifier, get_trainer
from zoobot.finetune.feature_cache import cached_data
from zoobot.precision import is_fast_in_bfloat16
from zoobot.predictions import evaluate
from zoobot.runs import prepare_process

prepare_process()

BLOCKS = {"head": 0, "block": 1, "whole": -1}
INPUT_EPOCHS = 4
BARE_SECONDS = 10.0
BARE_WARM_UP = 1
BATCH = 32


def fit(spec: Spec) -> dict[str, Any]:
    """Finetune, and load the best checkpoint."""
    encoder = encoder_of(spec)
    datamodule = GalaxyDataModule([spec.label], spec.catalog, batch_size=BATCH, seed=spec.split_seed)
    model = FinetuneableZoobotClassifier(
        spec.num_classes, encoder=encoder, n_blocks=BLOCKS[spec.trained], seed=spec.seed
    )
    trainer = get_trainer(
        run_folder(spec),
        accelerator="cpu",
        max_epochs=spec.epochs,
        patience=spec.epochs,
        feature_cache=spec.feature_cache,
    )
    measured = Clock().fit(trainer, model, datamodule)
    best = FinetuneableZoobotClassifier.load_from_checkpoint(_best(trainer), encoder=encoder)
    if spec.predict_test:
        evaluate(datamodule.frames["test"], best, keep=True)
    return measured


def score(spec: Spec) -> dict[str, Any]:
    """Finetune on given parts with early stopping, and predict the test part."""
    encoder = load_encoder("imagenet")
    fingerprint = feature_sum(encoder)
    datamodule = GalaxyDataModule(
        [spec.label], train_catalog=spec.train, val_catalog=spec.val, batch_size=BATCH, seed=spec.seed
    )
    model = FinetuneableZoobotClassifier(spec.num_classes, encoder=encoder, n_blocks=0, seed=spec.seed)
    trainer = get_trainer(run_folder(spec), accelerator="cpu", max_epochs=spec.epochs)
    measured = Clock().fit(trainer, model, datamodule)
    best = FinetuneableZoobotClassifier.load_from_checkpoint(_best(trainer), encoder=encoder)
    table = predict(spec.test, best).set_index("id_str")
    return measured | {"fingerprint": fingerprint, "probabilities": table[f"{spec.label}_1"].to_dict()}


def predict_catalog(spec: Spec) -> dict[str, Any]:
    """Predict a catalog into a table on disk."""
    model = FinetuneableZoobotClassifier(spec.num_classes, encoder=encoder_of(spec))
    start = time.perf_counter()
    table = predict(spec.catalog, model, Path(spec.folder) / "predictions.csv")
    return {"images_per_second": len(table) / (time.perf_counter() - start)}


def input_pipeline(spec: Spec) -> dict[str, Any]:
    """Go through the training batches, without a network."""
    datamodule = GalaxyDataModule([spec.label], spec.catalog, batch_size=BATCH)
    datamodule.prepare_data()
    datamodule.setup("fit")
    rates = []
    for _ in range(INPUT_EPOCHS):
        start = time.perf_counter()
        count = sum(len(batch["image"]) for batch in datamodule.train_dataloader())
        rates.append(count / (time.perf_counter() - start))
    return {"images_per_second": sum(rates[1:]) / len(rates[1:]), "first_epoch": rates[0]}


def frozen_pass(spec: Spec) -> dict[str, Any]:
    """Fill the feature cache for the head, images decoded beforehand."""
    datamodule = GalaxyDataModule([spec.label], spec.catalog, batch_size=BATCH)
    datamodule.setup("fit")
    model = FinetuneableZoobotClassifier(spec.num_classes, encoder=encoder_of(spec), n_blocks=0)
    start = time.perf_counter()
    kept = cached_data(model, datamodule, FeatureCache(), device=torch.device("cpu"), epochs=spec.epochs)
    seconds = time.perf_counter() - start
    if kept is None:
        msg = "nothing was kept: the encoder could not be cut, or there is no room"
        raise RuntimeError(msg)
    views = len(kept.train_passes)
    count = views * len(datamodule.frames["train"]) + len(datamodule.frames["val"])
    return {"images_per_second": count / seconds, "views": views, "seconds": seconds}


def bare(spec: Spec) -> dict[str, Any]:
    """Return the images/s of the network alone on one batch that is in memory, in each arithmetic."""
    network = encoder_of(spec).eval()
    images = torch.rand(BATCH, 3, 224, 224)
    return {
        "float32": _rate(network, images, None, torch.contiguous_format),
        "bfloat16": _rate(network, images, torch.bfloat16, torch.channels_last),
        "fast_in_bfloat16": is_fast_in_bfloat16(torch.device("cpu")),
    }


def export_encoder(spec: Spec) -> dict[str, Any]:
    """Write the ImageNet encoder's weights and normalisation as plain tensors, for the other side."""
    encoder = load_encoder("imagenet")
    config = encoder.config
    saved: dict[str, Any] = {
        "architecture": config.architecture,
        "mean": torch.tensor(config.mean),
        "std": torch.tensor(config.std),
        "state": encoder.model.state_dict(),
    }
    torch.save(saved, spec.encoder_file)
    return {"fingerprint": feature_sum(encoder)}


def _rate(
    network: nn.Module,
    images: torch.Tensor,
    dtype: torch.dtype | None,
    layout: Literal[torch.contiguous_format, torch.channels_last],
) -> float:
    network, images = network.to(memory_format=layout), images.contiguous(memory_format=layout)
    count = 0
    with torch.inference_mode(), torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
        for _ in range(BARE_WARM_UP):
            network(images)
        start = time.perf_counter()
        while time.perf_counter() - start < BARE_SECONDS:
            network(images)
            count += len(images)
        return count / (time.perf_counter() - start)


def _best(trainer: Any) -> str:
    return str(trainer.checkpoint_callback.best_model_path)
