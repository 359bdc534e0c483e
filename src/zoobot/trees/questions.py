"""One question of a decision tree, one answer of a question, and how answers are numbered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoobot.errors import TreeError
from zoobot.schema import NULL, either, entries, many, maybe, shown, table, text


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


_TEXTS = many(text())
_ARGUMENTS = entries(
    {
        "questions": entries({}),
        "dependencies": maybe(table(either(text(), _TEXTS, NULL))),
        "name": text(1000),
        "title": text(),
        "campaigns": maybe(table(_TEXTS)),
    }
)


def check_types(questions: object, dependencies: object, name: object, title: object, campaigns: object) -> None:
    """Refuse arguments of a tree that are of another type than they should be.

    Answers are looked at when they are numbered.

    Raises
    ------
    TreeError
        Naming the first of them, what was found and what was expected.
    """
    given = {"questions": questions, "dependencies": dependencies, "name": name, "title": title, "campaigns": campaigns}
    if fault := _ARGUMENTS.fault(given):
        msg = f"This is no tree: {fault}."
        raise TreeError(msg)


def number_answers(question_answer_pairs: Mapping[str, Sequence[str]]) -> dict[str, tuple[Answer, ...]]:
    """Answers of each question with their columns, numbered through the tree."""
    owner: dict[str, str] = {}
    answers_of: dict[str, tuple[Answer, ...]] = {}
    for question, texts in question_answer_pairs.items():
        if not isinstance(question, str) or not question:
            msg = f"A question's name is text, as 'disk-edge-on'; got {shown(question)}."
            raise TreeError(msg)
        if isinstance(texts, str) or not isinstance(texts, Sequence) or not texts:
            msg = f"Question {question!r} has no answers: a list of at least one was expected, got {shown(texts)}."
            raise TreeError(msg)
        answers = []
        for one in texts:
            if not isinstance(one, str) or not one.removeprefix("_"):
                msg = (
                    f"Question {question!r} has the answer {shown(one)}: text was expected (in YAML, put it in quotes)."
                )
                raise TreeError(msg)
            name = one.removeprefix("_")
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
