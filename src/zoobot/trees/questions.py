"""One question of a decision tree, one answer of a question, and how answers are numbered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoobot.errors import TreeError


@dataclass(frozen=True)
class Answer:
    """One answer of a question.

    Attributes
    ----------
    text : str
        Its column, ``<question>_<answer>``.
    name : str
        The answer alone, as ``featured-or-disk``.
    index : int
        Place of its column in :attr:`Schema.label_cols`.
    """

    text: str
    name: str
    index: int

    @property
    def pretty_text(self) -> str:
        """The answer as one reads it, ``Featured or disk``."""
        words = self.name.replace("-", " ").replace("_", " ").strip()
        return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class Question:
    """One question of a tree.

    Attributes
    ----------
    text : str
        Its name, as ``disk-edge-on``.
    answers : tuple of Answer
        In the order of their columns.
    asked_after : tuple of str
        Columns of the answers after any of which it is asked; empty if it is asked of everybody.
    """

    text: str
    answers: tuple[Answer, ...]
    asked_after: tuple[str, ...]

    @property
    def start_index(self) -> int:
        """Index of the first answer's column."""
        return self.answers[0].index

    @property
    def end_index(self) -> int:
        """Index of the last answer's column: inclusive, so that columns are ``[start_index:end_index + 1]``."""
        return self.answers[-1].index

    @property
    def columns(self) -> slice:
        """Where its answers are in an array of :attr:`Schema.label_cols`."""
        return slice(self.start_index, self.end_index + 1)


def number_answers(question_answer_pairs: Mapping[str, Sequence[str]]) -> dict[str, tuple[Answer, ...]]:
    """Answers of each question with their columns, numbered through the tree."""
    owner: dict[str, str] = {}
    answers_of: dict[str, tuple[Answer, ...]] = {}
    for question, texts in question_answer_pairs.items():
        if not isinstance(question, str) or not question:
            msg = f"A question's name is text, as 'disk-edge-on'; got {question!r}."
            raise TreeError(msg)
        if isinstance(texts, str) or not isinstance(texts, Sequence) or not texts:
            msg = f"Question {question!r} has no answers: a list of at least one was expected, got {texts!r}."
            raise TreeError(msg)
        answers = []
        for text in texts:
            if not isinstance(text, str) or not text.removeprefix("_"):
                msg = f"Question {question!r} has the answer {text!r}: text was expected (in YAML, put it in quotes)."
                raise TreeError(msg)
            name = text.removeprefix("_")
            column = f"{question}_{name}"
            if column in owner:
                msg = f"Questions {owner[column]!r} and {question!r} share the column {column!r}: rename one answer."
                if owner[column] == question:
                    msg = f"Question {question!r} has two answers with the column {column!r}: name each answer once."
                raise TreeError(msg)
            answers.append(Answer(column, name, len(owner)))
            owner[column] = question
        answers_of[question] = tuple(answers)
    return answers_of
