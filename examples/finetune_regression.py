"""How strong is the bar? Finetune on one measured number a galaxy, or several.

python examples/finetune_regression.py galaxies.csv --label bar_strength --label bulge_size --out results/bar
"""

from pathlib import Path
from typing import Annotated

import typer

import zoobot


def main(
    catalog: Path,
    label: Annotated[list[str], typer.Option()],
    encoder: str = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano",
    out: Path = Path("results/regression"),
    fractions: bool = False,
    blocks: int = 0,
    epochs: int = 100,
    batch_size: int = 32,
) -> None:
    pretrained = zoobot.load_encoder(encoder)
    datamodule = zoobot.GalaxyDataModule(
        label_cols=label, catalog=catalog, batch_size=batch_size, image_size=pretrained.image_size
    )

    # Labels stay in their own unit: they are scaled inside the model, and predictions and errors come out in that unit.
    # unit_interval=True keeps predictions between 0 and 1, for fractions such as those of votes.
    # loss="huber" is less disturbed by a few wrong labels than "mse".
    model = zoobot.FinetuneableZoobotRegressor(
        num_targets=len(label), loss="huber", unit_interval=fractions, encoder=pretrained, n_blocks=blocks
    )
    trainer = zoobot.get_trainer(out, max_epochs=epochs)
    trainer.fit(model, datamodule)

    best = zoobot.FinetuneableZoobotRegressor.load_from_checkpoint(trainer.checkpoint_callback.best_model_path)
    best.save(out / "model")

    # rmse and mae are in the labels' unit. r2 is 1 for a perfect prediction, and 0 for always predicting the mean.
    trainer.test(best, datamodule)

    # Keep truth beside prediction, for a plot of one against the other.
    predictions = zoobot.predict(datamodule.frames["test"], best)
    for name in label:
        predictions[f"true_{name}"] = datamodule.frames["test"][name]
    predictions.to_csv(out / "test_predictions.csv", index=False)


if __name__ == "__main__":
    typer.run(main)
