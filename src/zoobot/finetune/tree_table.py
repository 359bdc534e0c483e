"""The columns of a table of predicted votes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from zoobot.finetune.tables import sample_columns
from zoobot.trees import VotePosterior

if TYPE_CHECKING:
    from numpy.typing import NDArray


def vote_table(posterior: VotePosterior, *, level: float = 0.9, min_asked: float = 0.0) -> pd.DataFrame:
    """Return one row per galaxy with what is believed of its votes; numbers are float32.

    - ``<question>_<answer>``: expected vote fraction, given that the question is asked (0 to 1);
    - ``<question>_<answer>_low``, ``_high``: central credible interval of that fraction at ``level``;
    - ``<question>_<answer>_path``: for answers after which nothing is asked, the probability that a volunteer comes to
      them;
    - ``<question>_p_asked``: probability that a volunteer is asked the question;
    - ``<question>_leading``: the answer with the largest expected fraction;
    - ``<question>_entropy``: of the expected fractions, in nats: 0 where all agree;
    - ``<question>_volunteers``: how many volunteers' votes the belief is worth (the sum of concentrations);
    - with samples, ``<question>_<answer>_std`` and ``_sample_<k>``: the standard deviation of the samples' expected
      fractions, and each.

    Parameters
    ----------
    posterior
        What was predicted.
    level
        Of the credible intervals, between 0 and 1.
    min_asked
        Answers to a question, and what is said of it, are left out (NaN) for galaxies whose ``p_asked`` is below this.

    Raises
    ------
    OptionError
        A level that is not between 0 and 1.
    """
    tree = posterior.tree
    p_asked = posterior.p_asked()
    hidden = p_asked < min_asked  # False for NaN
    hidden_answers = np.repeat(hidden, [len(question.answers) for question in tree.questions], axis=1)
    low, high = posterior.interval(level)
    parts = [
        _columns(posterior.fractions(), tree.label_cols, "", hidden_answers),
        _columns(low, tree.label_cols, "_low", hidden_answers),
        _columns(high, tree.label_cols, "_high", hidden_answers),
        _columns(posterior.path_probabilities(), [answer.text for answer in tree.leaves], "_path"),
    ]
    questions = [question.text for question in tree.questions]
    parts += [
        _columns(p_asked, questions, "_p_asked"),
        _leading(posterior, hidden),
        _columns(posterior.entropy(), questions, "_entropy", hidden),
        _columns(posterior.volunteers(), questions, "_volunteers", hidden),
    ]
    samples = posterior.sample_fractions()
    if samples.shape[1] > 1:
        shown = np.where(hidden_answers[:, None], np.nan, samples).astype(np.float32)
        parts.append(sample_columns(shown.swapaxes(0, 1), tree.label_cols))
    return pd.concat(parts, axis=1)


def _columns(
    values: NDArray[np.float64], names: list[str], ending: str, hidden: NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    shown = values if hidden is None else np.where(hidden, np.nan, values)
    return pd.DataFrame(shown.astype(np.float32), columns=[f"{name}{ending}" for name in names])


def _leading(posterior: VotePosterior, hidden: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the name of each question's leading answer; None where there is none."""
    leading = posterior.leading()
    names = np.array([answer.name for question in posterior.tree.questions for answer in question.answers], object)
    shown = names[leading]
    shown[hidden | (leading < 0)] = None
    return pd.DataFrame(shown, columns=[f"{question.text}_leading" for question in posterior.tree.questions])
