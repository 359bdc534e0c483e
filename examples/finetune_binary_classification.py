"""Is there a ring? Finetune a pretrained encoder on your own yes/no labels, see how good it is, and label the rest.

python examples/finetune_binary_classification.py galaxies.csv --label ring --out results/ring --predict survey.csv
"""

from pathlib import Path

import typer

import zoobot


def main(
    catalog: Path,
    label: str = "ring",
    encoder: str = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano",
    out: Path = Path("results/binary"),
    predict: Path | None = None,
    blocks: int = 0,
    epochs: int = 100,
    batch_size: int = 32,
) -> None:
    # The encoder comes first, because it knows the image size that it was trained with.
    pretrained = zoobot.load_encoder(encoder)

    # 70% of the galaxies are for training, 10% decide when to stop, and 20% are kept for the figures below.
    # Each part has the same share of ringed galaxies.
    datamodule = zoobot.GalaxyDataModule(
        label_cols=[label], catalog=catalog, batch_size=batch_size, image_size=pretrained.image_size
    )

    # n_blocks=0 trains the new head alone: quick, and a good start with a few hundred labels.
    # Then try 1, 2, ... blocks of the encoder, counted from the top (-1 is all), and compare the validation losses.
    model = zoobot.FinetuneableZoobotClassifier(num_classes=2, encoder=pretrained, n_blocks=blocks)

    trainer = zoobot.get_trainer(out, max_epochs=epochs)
    trainer.fit(model, datamodule)

    # Training goes on for some epochs after the best one: go back to that.
    best = zoobot.FinetuneableZoobotClassifier.load_from_checkpoint(trainer.checkpoint_callback.best_model_path)

    # How good is it? On galaxies that neither training nor the choice of the best epoch has seen.
    trainer.test(best, datamodule)
    zoobot.predict(datamodule.frames["test"], best, out / "test_predictions.csv")

    # Everything that it takes to use the model, in one folder: zoobot.load(out / "model") needs no network.
    best.save(out / "model")

    # Label the rest. A galaxy whose image is missing or damaged gets NaN and the reason, the others their
    # probabilities.
    if predict is not None:
        zoobot.predict(predict, best, out / "predictions.csv", on_error="skip")


if __name__ == "__main__":
    typer.run(main)
