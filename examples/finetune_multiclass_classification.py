"""Which of several classes is it? Classes may be names; rare ones are drawn as often as common ones.

python examples/finetune_multiclass_classification.py galaxies.csv --label morphology --out results/morphology
"""

from pathlib import Path

import typer

import zoobot


def main(
    catalog: Path,
    label: str = "morphology",
    encoder: str = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano",
    out: Path = Path("results/multiclass"),
    blocks: int = 0,
    epochs: int = 100,
    batch_size: int = 32,
) -> None:
    pretrained = zoobot.load_encoder(encoder)

    # Names in the label column become classes, in sorted order, and are kept with the model.
    # class_balance="sampler" draws each class equally often: use it where a class that matters is rare.
    # Where handedness is the label (clockwise spirals), add augment=Augmentation(flip=False) from zoobot.data.
    datamodule = zoobot.GalaxyDataModule(
        label_cols=[label],
        catalog=catalog,
        batch_size=batch_size,
        image_size=pretrained.image_size,
        class_balance="sampler",
    )
    datamodule.read_catalogs()
    classes = datamodule.class_names[label]
    print(f"{len(classes)} classes: {', '.join(classes)}")

    model = zoobot.FinetuneableZoobotClassifier(num_classes=len(classes), encoder=pretrained, n_blocks=blocks)
    trainer = zoobot.get_trainer(out, max_epochs=epochs)
    trainer.fit(model, datamodule)

    best = zoobot.FinetuneableZoobotClassifier.load_from_checkpoint(trainer.checkpoint_callback.best_model_path)
    best.save(out / "model")

    # Balanced accuracy, the mean share of each class that is found, tells more than accuracy where classes are unequal.
    trainer.test(best, datamodule)

    # Which classes are confused? Rows are the true classes, columns the predicted ones.
    test = datamodule.frames["test"]
    predictions = zoobot.predict(test, best, out / "test_predictions.csv")
    confusion = test.groupby([test[label], predictions[f"{label}_predicted"]]).size().unstack(fill_value=0)
    confusion.to_csv(out / "confusion.csv")
    print(confusion)


if __name__ == "__main__":
    typer.run(main)
