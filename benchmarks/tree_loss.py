"""How fast is the Dirichlet-multinomial loss of the largest tree, forward and backward, and how exact?

    python benchmarks/tree_loss.py --threads 1

Ours, a loop over the questions as one would write it in a few lines, and the loss of zoobot 2.9.0 in its own process
and virtual environment (made where it is missing), on the same float32 concentrations and whole votes: the peer cuts
fractional ones to whole. The sides take turns, one pass each a round. Compared are the losses of each galaxy and
question, all with the multinomial coefficient, and the gradients of their sum; "off by" is the largest difference from
the loop in float64.
"""

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from versus.environment import PEER, clean_environment, peer_python
from zoobot.finetune.losses import dirichlet_multinomial_loss
from zoobot.trees import Schema, load

VENV = Path.home() / ".cache" / "zoobot-benchmarks" / "zoobot-2.9.0"
SIDE = Path(__file__).parent / "versus" / "side_tree_loss.py"
MOST_VOLUNTEERS = 40
WARM_UP = 3  # passes that aren't counted

Loss = Callable[[Tensor, Tensor], Tensor]


def main(
    batch: Annotated[int, typer.Option(help="Galaxies a batch.")] = 512,
    tree: Annotated[
        str, typer.Option(help="A packaged tree, its campaigns at the ends of its questions' names.")
    ] = "gz_evo_v2",
    threads: Annotated[int, typer.Option(help="Threads of each side.")] = torch.get_num_threads(),
    repeats: Annotated[int, typer.Option(help="Passes of each side.")] = 50,
    venv: Annotated[Path, typer.Option(help="The peer's virtual environment, made where it is missing.")] = VENV,
) -> None:
    """Print the table."""
    torch.set_num_threads(threads)
    peer = peer_python(venv.absolute())
    schema = load(tree)
    print(
        f"{tree}: {len(schema.questions)} questions, {len(schema.label_cols)} answers; batches of {batch}, "
        f"{threads} threads, median of {repeats} forward and backward passes\n"
    )
    print("| votes on | loss | ms | times ours | off by, loss | off by, gradient |\n|---|---|---|---|---|---|")
    for case, everything in (("own campaign", False), ("every question", True)):
        concentrations, votes = make_batch(schema, batch, everything=everything)
        for row in compare(schema, concentrations, votes, peer, threads, repeats):
            print(f"| {case} | {row} |", flush=True)


def make_batch(schema: Schema, size: int, *, everything: bool) -> tuple[Tensor, Tensor]:
    """Concentrations in [1, 101], and votes on the questions of one campaign a galaxy, or on every question."""
    rng = np.random.default_rng(0)
    concentrations = rng.uniform(1, 101, (size, len(schema.label_cols)))
    campaign_of = np.unique([question.text.rsplit("-", 1)[-1] for question in schema.questions], return_inverse=True)[1]
    campaign = rng.integers(campaign_of.max() + 1, size=size)
    votes = np.zeros_like(concentrations)
    for (first, last), of_question in zip(schema.question_index_groups, campaign_of, strict=True):
        volunteers = rng.integers(1, MOST_VOLUNTEERS + 1, size)
        fractions = rng.dirichlet(np.full(last + 1 - first, 0.5), size)
        asked = everything | (campaign == of_question)
        votes[:, first : last + 1] = rng.multinomial(volunteers, fractions) * asked[:, None]
    return torch.from_numpy(concentrations).float(), torch.from_numpy(votes).float()


def compare(schema: Schema, concentrations: Tensor, votes: Tensor, peer: Path, threads: int, repeats: int) -> list[str]:
    """Return a row a side: its median time, and how far its losses and gradients are from the exact ones."""

    def loop(concentrations: Tensor, votes: Tensor) -> Tensor:
        return plain_loop(concentrations, votes, schema.question_index_groups)

    def ours(concentrations: Tensor, votes: Tensor) -> Tensor:
        return dirichlet_multinomial_loss(concentrations, votes, schema)

    seconds: dict[str, list[float]] = {"ours": [], "plain loop": [], f"zoobot {PEER['zoobot']}": []}
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder) / "inputs.npz", Path(folder) / "outputs.npz"
        questions = {q.text: [f"_{answer.name}" for answer in q.answers] for q in schema.questions}
        np.savez(inputs, concentrations=concentrations, votes=votes, questions=json.dumps(questions))
        command: list[str | Path] = [peer, SIDE, inputs, str(threads), outputs]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment()
        ) as process:
            for _ in range(WARM_UP + repeats):
                times = run(ours, concentrations, votes)[0], run(loop, concentrations, votes)[0], ask(process)
                for side, time_taken in zip(seconds, times, strict=True):
                    seconds[side].append(time_taken)
            process.communicate()
        with np.load(outputs) as arrays:
            theirs = torch.from_numpy(arrays["losses"]), torch.from_numpy(arrays["gradients"])
    exact = run(loop, concentrations.double(), votes.double())[1:]
    values = [run(ours, concentrations, votes)[1:], run(loop, concentrations, votes)[1:], theirs]
    medians = [statistics.median(times[WARM_UP:]) for times in seconds.values()]
    rows = []
    for side, median, got in zip(seconds, medians, values, strict=True):
        off = [f"{(one - true).abs().max():.1e}" for one, true in zip(got, exact, strict=True)]
        rows.append(f"{side} | {1000 * median:.2f} | {median / medians[0]:.1f} | {off[0]} | {off[1]}")
    return rows


def plain_loop(concentrations: Tensor, votes: Tensor, groups: list[tuple[int, int]]) -> Tensor:
    """Loss (galaxy, question) as one would write it, in the dtype of its input."""
    losses = []
    for first, last in groups:
        a, x = concentrations[:, first : last + 1], votes[:, first : last + 1]
        A, n = a.sum(dim=1), x.sum(dim=1)
        of_question = torch.lgamma(A) + torch.lgamma(n + 1) - torch.lgamma(A + n)
        of_answers = torch.lgamma(a + x) - torch.lgamma(a) - torch.lgamma(x + 1)
        losses.append(-of_question - of_answers.sum(dim=1))
    return torch.stack(losses, dim=1)


def run(loss: Loss, concentrations: Tensor, votes: Tensor) -> tuple[float, Tensor, Tensor]:
    """Go forward and backward once: seconds, losses (galaxy, question), gradients (galaxy, answer)."""
    leaf = concentrations.clone().requires_grad_()
    start = time.perf_counter()
    losses = loss(leaf, votes)
    torch.autograd.backward(losses.sum())
    seconds = time.perf_counter() - start
    assert leaf.grad is not None
    return seconds, losses.detach(), leaf.grad


def ask(process: subprocess.Popen[str]) -> float:
    """Let the peer go forward and backward once: seconds."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("pass\n")
    process.stdin.flush()
    return float(process.stdout.readline())


if __name__ == "__main__":
    typer.run(main)
