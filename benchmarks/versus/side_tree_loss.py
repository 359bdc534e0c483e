"""The tree loss of zoobot 2.9.0 in its own process.

It goes forward and backward for each line it is sent, and answers with the seconds.

    python side_tree_loss.py inputs.npz THREADS outputs.npz

It is driven through what its signatures and docstrings show: votes come as a dict with an entry a vote column, whose
making isn't timed.
"""

import json
import sys
import time
import warnings

import numpy as np
import torch
from zoobot.pytorch.training.losses import CustomMultiQuestionLoss, get_dirichlet_neg_log_prob


def main(inputs: str, threads: str, outputs: str) -> None:
    """Answer until the input ends, then write the losses and gradients of the last pass.

    Losses are (galaxy, question), gradients (galaxy, answer).
    """
    warnings.simplefilter("ignore")
    torch.set_num_threads(int(threads))
    arrays = np.load(inputs)
    questions: dict[str, list[str]] = json.loads(str(arrays["questions"]))
    columns = [question + answer for question, answers in questions.items() for answer in answers]
    votes = dict(zip(columns, torch.from_numpy(arrays["votes"]).T.contiguous(), strict=True))
    concentrations = torch.from_numpy(arrays["concentrations"]).requires_grad_()
    loss = CustomMultiQuestionLoss(questions, get_dirichlet_neg_log_prob)
    for _ in sys.stdin:
        concentrations.grad = None
        start = time.perf_counter()
        losses = loss(concentrations, votes)
        losses.sum().backward()
        print(time.perf_counter() - start, flush=True)
    np.savez(outputs, losses=losses.detach().numpy(), gradients=concentrations.grad.numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
