"""What would volunteers answer? Finetune on vote counts for all questions of a Galaxy Zoo decision tree at once.

The catalog has a column of vote counts for each answer, named <question>_<answer>: for the tree gz2, from
smooth-or-featured-gz2_smooth on. `print(zoobot.trees.load("gz2"))` draws a tree.

python examples/finetune_counts_full_tree.py votes.csv --tree gz2 --out results/gz2
"""

from pathlib import Path

import torch
import typer

import zoobot


def main(
    catalog: Path,
    tree: str = "gz2",
    encoder: str = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano",
    out: Path = Path("results/tree"),
    blocks: int = 0,
    epochs: int = 100,
    batch_size: int = 32,
) -> None:
    # A packaged tree's name (zoobot.trees.names() lists them), or a YAML file of your own.
    schema = zoobot.trees.load(tree)
    print(schema)

    pretrained = zoobot.load_encoder(encoder)
    datamodule = zoobot.GalaxyDataModule(
        label_cols=schema.label_cols, catalog=catalog, batch_size=batch_size, image_size=pretrained.image_size
    )

    # The loss compares distributions of votes (Dirichlet-multinomial): an answer of 3 in 4 volunteers counts for less
    # than one of 30 in 40, and a question that was not asked of a galaxy counts for nothing.
    model = zoobot.FinetuneableZoobotTree(schema, encoder=pretrained, n_blocks=blocks)
    trainer = zoobot.get_trainer(out, max_epochs=epochs)
    trainer.fit(model, datamodule)

    best = zoobot.FinetuneableZoobotTree.load_from_checkpoint(trainer.checkpoint_callback.best_model_path)
    trainer.test(best, datamodule)

    # Correct how sure it is by the validation galaxies, where that helps, and keep it with the model.
    checked = zoobot.evaluate(datamodule.frames["val"], best)
    best.calibrate(torch.from_numpy(checked.values), torch.from_numpy(checked.labels))
    best.save(out / "model")

    # Expected vote fractions, their credible intervals, and how likely each question is asked: deep answers mean little
    # where that is small.
    zoobot.predict(datamodule.frames["test"], best, out / "test_predictions.csv", min_asked=0.5)


if __name__ == "__main__":
    typer.run(main)
