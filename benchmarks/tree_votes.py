"""How good are predicted votes?

The head of a tree model is compared with a constant and with ridge regression on the same features.

    python benchmarks/tree_votes.py real ../shared/data --encoder bundled       # Galaxy Zoo 2 votes of real galaxies
    python benchmarks/tree_votes.py choose ../shared/data --encoder bundled # sigmoid or softplus, on folds of the train
    catalog python benchmarks/tree_votes.py simulated --galaxies 8000 --encoder bundled # simulated galaxies: are the
    intervals honest?

Test galaxies take part in nothing: the head is trained on most of the others and calibrated on those that validate.
Plots of the test galaxies go to ``--plots``.
"""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import typer
from sklearn.linear_model import RidgeCV

from zoobot import FinetuneableZoobotTree, GalaxyDataModule, get_trainer, load_encoder, represent, trees
from zoobot.data import ImageSettings, Preprocessing
from zoobot.data.votes import read_votes
from zoobot.predictions import evaluate
from zoobot.report import plot_votes
from zoobot.runs import prepare_process
from zoobot.science import VoteScores, score_votes
from zoobot.settings import ConcentrationKind
from zoobot.trees import VotePosterior

app = typer.Typer(help=__doc__, no_args_is_help=True)
TREE = trees.load("gz2")
FIRST_SEED = 1000
"""Of the simulated galaxies: others than an encoder was pretrained on"""
ENOUGH = 300
"""Galaxies asked, for a question's intervals to be judged"""
KINDS: tuple[ConcentrationKind, ...] = ("sigmoid", "softplus")
FOLDS = 5
MOST_EPOCHS = 200

EncoderOption = Annotated[str, typer.Option(help="What load_encoder takes.")]
SizeOption = Annotated[int | None, typer.Option(help="Pixels a side. Default: the encoder's own.")]
KindOption = Annotated[
    ConcentrationKind, typer.Option(help="How outputs become concentrations: 'softplus' goes below 1.")
]
PlotsOption = Annotated[Path | None, typer.Option(help="Folder for the plots.")]


@app.command()
def real(
    data: Annotated[Path, typer.Argument(help="Folder with gz2_votes/.", envvar="ZOOBOT_TEST_DATA")],
    encoder: EncoderOption = "bundled",
    image_size: SizeOption = None,
    concentrations: KindOption = "sigmoid",
    plots: PlotsOption = None,
    seed: Annotated[int, typer.Option(help="Decides the validation galaxies and the head.")] = 0,
) -> None:
    """Print the metrics of each question on Galaxy Zoo 2 votes, beside those of a constant and of ridge regression."""
    prepare_process()
    logging.getLogger("zoobot").setLevel(logging.ERROR)
    folder = data.absolute() / "gz2_votes"
    train, test = (_placed(read_votes(folder / f"{part}.csv", TREE), folder) for part in ("train", "test"))
    trial = _trial(train, test, encoder, image_size, concentrations, plots, seed)
    scores, ridge = score_votes(trial.posterior, trial.votes), _ridge(train, test, trial.model, trial.size)
    print(f"{encoder}, {concentrations}, {len(train)} galaxies, {len(test)} of them test; errors weighted by votes\n")
    print(
        "| question | asked | loss | constant | skill | error | constant | ridge | bias | leading right | 90% cover |"
    )
    print(f"|{'---|' * 11}")
    for question in TREE.questions:
        one = scores[question.text]
        if not one.n_asked:
            continue
        constant, ridged = (_error(question, values, test) for values in (_mean_fractions(train, test), ridge))
        print(
            f"| {question.text} | {one.n_asked} | {one.loss:.3f} | {one.constant_loss:.3f} | {one.skill:.3f} | "
            f"{one.fraction_mae:.3f} | {constant:.3f} | {ridged:.3f} | {one.fraction_bias:.3f} | {one.accuracy:.2f} "
            f"of {one.n_confident} | {one.coverage['0.9']:.3f} |"
        )


@app.command()
def choose(
    data: Annotated[Path, typer.Argument(help="Folder with gz2_votes/.", envvar="ZOOBOT_TEST_DATA")],
    encoder: EncoderOption = "bundled",
    image_size: SizeOption = None,
    seeds: Annotated[int, typer.Option(help="Each deals other folds.")] = 3,
) -> None:
    """Print the loss of both kinds of concentrations on folds of the train catalog; its test catalog is left alone."""
    prepare_process()
    logging.getLogger("zoobot").setLevel(logging.ERROR)
    folder = data.absolute() / "gz2_votes"
    frame = _placed(read_votes(folder / "train.csv", TREE), folder)
    losses: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for seed in range(seeds):
        fold = np.random.default_rng(seed).permutation(len(frame)) % FOLDS
        for held_out in range(FOLDS):
            train, test = (frame[chosen].reset_index(drop=True) for chosen in (fold != held_out, fold == held_out))
            for kind in KINDS:
                trial = _trial(train, test, encoder, image_size, kind, None, seed)
                found = (score_votes(one, trial.votes) for one in (trial.posterior, trial.uncalibrated))
                losses[kind].append([_total_loss(one, len(test)) for one in found])
    print(
        f"{encoder}, {len(frame)} galaxies, {seeds} times {FOLDS} folds: loss of a galaxy, summed over its questions\n"
    )
    print("| concentrations | calibrated | as the head gives them |\n|---|---|---|")
    for kind in KINDS:
        print(f"| {kind} | {' | '.join(f'{mean:.3f}' for mean in np.mean(losses[kind], axis=0))} |")
    gain = np.subtract(losses[KINDS[0]], losses[KINDS[1]])
    error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
    told = " | ".join(f"{mean:.3f} ± {one:.3f}" for mean, one in zip(gain.mean(axis=0), error, strict=True))
    print(f"| {KINDS[0]} - {KINDS[1]} | {told} |")


def _total_loss(scores: dict[str, VoteScores], n_galaxies: int) -> float:
    """Return the mean over galaxies of the loss summed over questions."""
    return sum(one.loss * one.n_asked for one in scores.values() if one.n_asked) / n_galaxies


@app.command()
def simulated(
    galaxies: Annotated[int, typer.Option(help="Half of them test.")] = 8000,
    encoder: EncoderOption = "bundled",
    image_size: SizeOption = None,
    concentrations: KindOption = "sigmoid",
    cosine_epochs: Annotated[
        int | None,
        typer.Option(
            help="Let the learning rate fall over so many epochs. Default: it stays, until nothing is gained."
        ),
    ] = None,
    plots: PlotsOption = None,
    seed: Annotated[int, typer.Option(help="Other galaxies, and another head.")] = 0,
) -> None:
    """Print how often vote counts lie in their predicted intervals, and the bias of expected fractions."""
    from zoobot.simulate import write_set

    prepare_process()
    logging.getLogger("zoobot").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        frame = _placed(write_set(folder, galaxies, tree=TREE, seed=FIRST_SEED + seed, size=160), Path(folder))
        half = len(frame) // 2
        train, test = frame.iloc[:half].reset_index(drop=True), frame.iloc[half:].reset_index(drop=True)
        trial = _trial(train, test, encoder, image_size, concentrations, plots, seed, cosine_epochs)
    scores, before = (score_votes(one, trial.votes) for one in (trial.posterior, trial.uncalibrated))
    equal = _equal_bias(trial.posterior.fractions(), trial.votes)
    print(f"simulated galaxies, {encoder}, {concentrations}: {half} to train and validate, {len(test)} test\n")
    print(
        "| question | asked | skill | bias, by votes | bias, by galaxies | 50% | 80% | 90% | 95% | 90%, uncalibrated |"
    )
    print(f"|{'---|' * 10}")
    judged = {question: one for question, one in scores.items() if one.n_asked >= ENOUGH}
    for question, one in judged.items():
        covered = " | ".join(f"{share:.3f}" for share in one.coverage.values())
        print(
            f"| {question} | {one.n_asked} | {one.skill:.3f} | {one.fraction_bias:.4f} | "
            f"{equal[question][0]:.4f} ± {equal[question][1]:.4f} | {covered} | "
            f"{before[question].coverage['0.9']:.3f} |"
        )
    honest = sum(0.88 <= one.coverage["0.9"] <= 0.92 for one in judged.values())
    by_votes = sum(one.fraction_bias < 0.01 for one in judged.values())
    by_galaxies = sum(equal[question][0] < 0.01 for question in judged)
    print(
        f"\n{honest} of {len(judged)} questions cover 88 to 92% at 90%; on {by_votes} no answer has a bias of 0.01 "
        f"where galaxies count by their votes, on {by_galaxies} where they count alike"
    )


@dataclass(frozen=True, eq=False)
class Trial:
    """A trained model, and what it says of the test galaxies, whose votes are (galaxy, answer)."""

    model: FinetuneableZoobotTree
    size: int
    posterior: VotePosterior
    uncalibrated: VotePosterior
    votes: np.ndarray


def _trial(
    train: pd.DataFrame,
    test: pd.DataFrame,
    encoder: str,
    image_size: int | None,
    concentrations: ConcentrationKind,
    plots: Path | None,
    seed: int,
    cosine_epochs: int | None = None,
) -> Trial:
    """Train a head, calibrate it on the galaxies that validated, and predict the test galaxies."""
    start = load_encoder(encoder)
    size = image_size or start.image_size
    galaxies = GalaxyDataModule(
        TREE.label_cols,
        train,
        test_catalog=test,
        image_size=size,
        batch_size=64,
        stratify=False,
        train_fraction=0.7,
        val_fraction=0.2,
        test_fraction=0.1,
        seed=seed,
    )
    epochs = cosine_epochs or MOST_EPOCHS
    model = FinetuneableZoobotTree(
        TREE,
        encoder=start,
        concentrations=concentrations,
        learning_rate=1e-3,
        cosine_schedule=cosine_epochs is not None,
        max_cosine_epochs=epochs,
        max_learning_rate_reduction_factor=0.01,
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = get_trainer(folder, max_epochs=epochs, patience=20, enable_progress_bar=False)
        trainer.fit(model, galaxies)
        best = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
        model = type(model).load_from_checkpoint(best)
    before = evaluate(test, model).posterior(model)
    checked = evaluate(galaxies.frames["val"], model)
    model.calibrate(torch.from_numpy(checked.values), torch.from_numpy(checked.labels))
    found = evaluate(test, model)
    posterior = found.posterior(model)
    if plots is not None:
        print(*plot_votes(posterior, found.labels, plots))
    return Trial(model, size, posterior, before, found.labels)


def _equal_bias(expected: np.ndarray, votes: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return each question's largest bias of an answer's fraction, galaxies counting alike, and its standard error."""
    biases = {}
    for question in TREE.questions:
        counts = votes[:, question.columns]
        asked = counts.sum(axis=1) > 0
        if asked.sum() > 1:
            errors = expected[asked][:, question.columns] - counts[asked] / counts[asked].sum(axis=1, keepdims=True)
            worst = int(np.abs(errors.mean(axis=0)).argmax())
            biases[question.text] = (
                abs(float(errors[:, worst].mean())), float(errors[:, worst].std(ddof=1) / np.sqrt(asked.sum()))
            )  # fmt: skip
    return biases


def _ridge(train: pd.DataFrame, test: pd.DataFrame, model: FinetuneableZoobotTree, size: int) -> np.ndarray:
    """Return the fractions that ridge regression on the encoder's features predicts, its strength by leave-one-out."""
    settings = Preprocessing(image_size=size, images=ImageSettings())
    features, others = (
        represent(frame, model.encoder, preprocessing=settings).filter(like="feature_").to_numpy()
        for frame in (train, test)
    )
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    predicted = np.zeros((len(test), len(TREE.label_cols)))
    for question in TREE.questions:
        votes, columns = _votes(train, question)
        total = votes.sum(axis=1)
        asked = total > 0
        fit = RidgeCV(np.logspace(0, 6, 13)).fit(
            (features[asked] - mean) / spread, votes[asked] / total[asked, None], sample_weight=total[asked]
        )
        guess = np.clip(fit.predict((others - mean) / spread), 1e-6, None)
        predicted[:, columns] = guess / guess.sum(axis=1, keepdims=True)
    return predicted


def _mean_fractions(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    """Return the fractions of all training votes together, for each test galaxy."""
    parts = [_votes(train, question)[0].sum(axis=0) for question in TREE.questions]
    return np.tile(np.concatenate([part / part.sum() for part in parts]), (len(test), 1))


def _error(question: trees.Question, fractions: np.ndarray, frame: pd.DataFrame) -> float:
    """Return the mean absolute error of vote fractions, weighted by votes."""
    votes, columns = _votes(frame, question)
    total = votes.sum(axis=1)
    asked = total > 0
    error = np.abs(fractions[asked, columns] - votes[asked] / total[asked, None]).mean(axis=1)
    return float(np.average(error, weights=total[asked]))


def _votes(frame: pd.DataFrame, question: trees.Question) -> tuple[np.ndarray, slice]:
    columns = question.columns
    return frame[TREE.label_cols[columns]].to_numpy(float), columns


def _placed(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return a table whose paths start at the root."""
    return frame.assign(file_loc=[str(folder / path) for path in frame["file_loc"]])


if __name__ == "__main__":
    app()
