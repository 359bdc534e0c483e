"""The decision tree of a volunteer project: which questions there are, their answers, and who is asked what."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoobot.errors import CatalogError, OptionError, TreeError
from zoobot.schema import shown
from zoobot.trees.drawing import draw
from zoobot.trees.questions import Answer, Question, check_types, number_answers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_QUESTIONS = 500

_ROUNDING = 1e-4  # how far vote fractions may stray from [0, 1]: fractions in half precision do


class Schema:
    """Decision tree: questions, answers, and after which answers each question is asked.

    A tree doesn't change once made. Two trees are equal where they have the same questions, answers and dependencies in
    the same order, whatever their names.

    Parameters
    ----------
    question_answer_pairs : mapping of str to sequence of str
        Answers of each question, with or without a leading underscore:
        ``{'smooth-or-featured': ['_smooth', '_featured-or-disk'], 'bar': ['yes', 'no']}``.
        Their order is the order of the vote columns.
    dependencies : mapping of str to str, sequence of str, or None, optional
        Column of the answer (or of the several answers) after which a question is asked:
        ``{'smooth-or-featured': None, 'bar': 'smooth-or-featured_featured-or-disk'}``. A question that is missing
        here, or has None, is asked of everybody.
    name, title : str, optional
        Short name, and what the tree is of.
    campaigns : mapping of str to sequence of str, optional
        Of a tree merged from several (see :func:`zoobot.trees.merge`): the questions of each.

    Raises
    ------
    TreeError
        No questions, a question without answers, a column that two answers share, a dependency on an answer that is not
        in the tree, of a question that is not in the tree, or that goes round in a cycle, or a campaign with a question
        that is not in the tree. The message names the question.
    """

    def __init__(
        self,
        question_answer_pairs: Mapping[str, Sequence[str]],
        dependencies: Mapping[str, str | Sequence[str] | None] | None = None,
        *,
        name: str = "tree",
        title: str = "",
        campaigns: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        check_types(question_answer_pairs, dependencies, name, title, campaigns)
        self.name = name
        self.title = title
        dependencies = dependencies or {}
        if not 1 <= len(question_answer_pairs) <= MOST_QUESTIONS:
            msg = (
                f"Tree {name!r} has {len(question_answer_pairs)} questions: give 1 to {MOST_QUESTIONS}, each with its "
                "answers."
            )
            if not question_answer_pairs:
                msg = f"Tree {name!r} has no questions: give at least one question with its answers."
            raise TreeError(msg)
        answers_of = number_answers(question_answer_pairs)
        self._answers = {answer.text: answer for answers in answers_of.values() for answer in answers}
        for question in dependencies:
            if question not in answers_of:
                msg = (
                    f"Dependency of a question that is not in tree {name!r}: {question!r}.{_hint(question, answers_of)}"
                )
                raise TreeError(msg)
        self._questions = {
            question: Question(question, answers, self._check_parents(question, dependencies.get(question)))
            for question, answers in answers_of.items()
        }
        place = {question: number for number, question in enumerate(self._questions)}
        self._question_of_answer = [place[q.text] for q in self._questions.values() for _ in q.answers]
        self._parents = [[self._answers[column].index for column in q.asked_after] for q in self._questions.values()]
        self._parents_first = self._sort_parents_first()
        self.campaigns = {campaign: tuple(questions) for campaign, questions in (campaigns or {}).items()}
        for question in (question for questions in self.campaigns.values() for question in questions):
            self.get_question(question)

    def _check_parents(self, question: str, asked_after: str | Sequence[str] | None) -> tuple[str, ...]:
        """Columns of the answers before `question`, in column order, checked to be answers of this tree."""
        columns = [asked_after] if isinstance(asked_after, str) else list(asked_after or [])
        for column in columns:
            if column not in self._answers:
                msg = (
                    f"Question {question!r} is asked after {column!r}, which is no answer of the tree: expected a "
                    f"column '<question>_<answer>'.{_hint(column, self._answers)}"
                )
                raise TreeError(msg)
        if len(set(columns)) < len(columns):
            msg = f"Question {question!r} is asked after the same answer twice: {columns}. Name each answer once."
            raise TreeError(msg)
        return tuple(sorted(columns, key=lambda column: self._answers[column].index))

    def _sort_parents_first(self) -> list[int]:
        """Numbers of the questions, each after all that can lead to it."""
        leads_to = {
            number: {self._question_of_answer[answer] for answer in parents}
            for number, parents in enumerate(self._parents)
        }
        try:
            return list(TopologicalSorter(leads_to).static_order())
        except CycleError as error:
            questions = list(self._questions)
            circle = " -> ".join(repr(questions[number]) for number in error.args[1])
            msg = f"Questions are asked after each other in a cycle: {circle}. Let one of them depend on nothing."
            raise TreeError(msg) from error

    @property
    def questions(self) -> tuple[Question, ...]:
        """Questions in the order of their columns."""
        return tuple(self._questions.values())

    @property
    def label_cols(self) -> list[str]:
        """Vote columns, ``<question>_<answer>``, in order."""
        return list(self._answers)

    @property
    def question_index_groups(self) -> list[tuple[int, int]]:
        """First and last column index of each question; the last is inclusive, as in Galaxy Zoo's convention."""
        return [(question.start_index, question.end_index) for question in self.questions]

    @property
    def leaves(self) -> tuple[Answer, ...]:
        """Answers after which no question is asked, in the order of their columns."""
        leading = {column for question in self.questions for column in question.asked_after}
        return tuple(answer for column, answer in self._answers.items() if column not in leading)

    def get_question(self, text: str) -> Question:
        """Question called `text`; TreeError if there is none."""
        if text not in self._questions:
            self._raise_unknown("question", text, self._questions)
        return self._questions[text]

    def get_answer(self, column: str) -> Answer:
        """Answer whose column is `column`; TreeError if there is none."""
        if column not in self._answers:
            self._raise_unknown("answer column", column, self._answers)
        return self._answers[column]

    def p_asked(self, vote_fractions: ArrayLike) -> NDArray[np.floating]:
        """Probability that a volunteer is asked each question, shape (..., question).

        A path is a chain of answers from a question that everybody is asked; its probability is the product of their
        fractions. P(asked) is the sum over the paths that lead to the question. Paths are taken to exclude each other,
        as two answers of one question do; where a tree has paths that one volunteer can follow together, the sum is an
        upper bound and stops at 1.

        Parameters
        ----------
        vote_fractions : array_like of shape (..., answer)
            Fraction of each question's votes for each answer, in [0, 1], ordered as :attr:`label_cols`. A NaN (no
            votes) makes the questions after that answer NaN, except where nobody is asked in the first place: there
            they are 0.

        Raises
        ------
        OptionError
            The last axis is not as long as there are answers, or a value lies outside [0, 1].
        """
        return self._p_asked(self._check_fractions(vote_fractions))

    def joint_p(self, vote_fractions: ArrayLike, question_or_answer: str) -> NDArray[np.floating]:
        """Probability that a volunteer is asked a question and gives an answer: P(asked) times its vote fraction.

        Parameters
        ----------
        vote_fractions : array_like of shape (..., answer)
            As for :meth:`p_asked`, with its NaN policy.
        question_or_answer : str
            An answer's column gives shape (...); a question's name gives (..., answer of that question), which sum to
            P(asked). A text that is both is taken as the answer.

        Raises
        ------
        TreeError
            Neither a question nor an answer of the tree.
        OptionError
            As for :meth:`p_asked`.
        """
        fractions = self._check_fractions(vote_fractions)
        if question_or_answer in self._answers:
            columns: int | slice = self._answers[question_or_answer].index
            number = self._question_of_answer[columns]
        elif question_or_answer in self._questions:
            question = self._questions[question_or_answer]
            columns = question.columns
            number = self._question_of_answer[question.start_index]
        else:
            self._raise_unknown("question or answer column", question_or_answer, [*self._questions, *self._answers])
        asked = self._p_asked(fractions)[..., number]
        return _follow(asked if isinstance(columns, int) else asked[..., np.newaxis], fractions[..., columns])

    def check_columns(self, columns: Iterable[str]) -> None:
        """Check that a catalog with these columns has one for each answer.

        Raises
        ------
        CatalogError
            Some answers have no column; names the first five and their number.
        """
        present = set(columns)
        missing = [column for column in self.label_cols if column not in present]
        if not missing:
            return
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        msg = (
            f"The catalog lacks {len(missing)} of the {len(self._answers)} vote columns of tree {self.name!r}: "
            f"{', '.join(missing[:5])}{more}. Expected a column of vote counts for each "
            "answer, named '<question>_<answer>'; rename the catalog's columns, or choose the tree they belong to."
        )
        raise CatalogError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Tree as plain dicts, lists and text, for YAML or JSON; :meth:`from_dict` takes it back."""
        questions: dict[str, dict[str, list[str]]] = {}
        for question in self.questions:
            questions[question.text] = {"answers": [answer.name for answer in question.answers]}
            if question.asked_after:
                questions[question.text]["asked_after"] = list(question.asked_after)
        content = {"name": self.name, "title": self.title, "questions": questions}
        if self.campaigns:
            content["campaigns"] = {campaign: list(questions) for campaign, questions in self.campaigns.items()}
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Tree from a dict in one of two forms.

        Parameters
        ----------
        content : mapping
            Either ``{'questions': {question: {'answers': [...], 'asked_after': [...]}}}``, where ``asked_after`` may be
            left out, or ``{'question_answer_pairs': ..., 'dependencies': ...}``; both with ``name``, ``title`` and
            ``campaigns`` if they have them.

        Raises
        ------
        TreeError
            Neither form, or not a tree (see :class:`Schema`).
        """
        labels: dict[str, Any] = {key: content[key] for key in ("name", "title") if content.get(key) is not None}
        labels["campaigns"] = content.get("campaigns")
        pairs = content.get("question_answer_pairs")
        if isinstance(pairs, Mapping):
            return cls(pairs, content.get("dependencies"), **labels)
        questions = content.get("questions")
        if not isinstance(questions, Mapping):
            msg = f"A tree needs 'questions', a mapping of each question to its answers; got {shown(questions)}."
            raise TreeError(msg)
        for question, parts in questions.items():
            if not isinstance(parts, Mapping) or "answers" not in parts or set(parts) - {"answers", "asked_after"}:
                msg = (
                    f"Question {question!r} needs 'answers' and may have 'asked_after', nothing else; got "
                    f"{shown(parts)}."
                )
                raise TreeError(msg)
        return cls(
            {question: parts["answers"] for question, parts in questions.items()},
            {question: parts.get("asked_after") for question, parts in questions.items()},
            **labels,
        )

    def _check_fractions(self, vote_fractions: ArrayLike) -> NDArray[np.floating]:
        """Fractions as an array of floats, one per column, all of them in [0, 1] or NaN."""
        fractions = np.asarray(vote_fractions)
        if not np.issubdtype(fractions.dtype, np.floating):
            fractions = fractions.astype(np.float64)
        if fractions.ndim == 0 or fractions.shape[-1] != len(self._answers):
            msg = (
                f"Vote fractions of shape {fractions.shape} don't fit tree {self.name!r}: "
                f"the last axis must hold its {len(self._answers)} answers."
            )
            raise OptionError(msg)
        outside = fractions[(fractions < -_ROUNDING) | (fractions > 1 + _ROUNDING)]
        if outside.size:
            msg = f"Vote fractions lie in [0, 1], got {outside[0]}: divide counts by the votes for their question."
            raise OptionError(msg)
        return fractions

    def _p_asked(self, fractions: NDArray[np.floating]) -> NDArray[np.floating]:
        """P(asked) from checked fractions."""
        asked = np.ones((*fractions.shape[:-1], len(self._questions)), dtype=fractions.dtype)
        for number in self._parents_first:
            if self._parents[number]:
                paths = [
                    _follow(asked[..., self._question_of_answer[a]], fractions[..., a]) for a in self._parents[number]
                ]
                asked[..., number] = np.minimum(np.sum(paths, axis=0), 1)
        return asked

    def _raise_unknown(self, kind: str, text: str, known: Iterable[str]) -> NoReturn:
        msg = f"Tree {self.name!r} has no {kind} {text!r}.{_hint(text, known)}"
        raise TreeError(msg)

    def __eq__(self, other: object) -> bool:
        return self.questions == other.questions if isinstance(other, Schema) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.questions)

    def __repr__(self) -> str:
        return f"<Schema {self.name!r}: {len(self._questions)} questions, {len(self._answers)} answers>"

    def __str__(self) -> str:
        title = f" ({self.title})" if self.title else ""
        size = f"{len(self.questions)} questions, {len(self.label_cols)} answers"
        return draw(self.questions, f"{self.name}{title}: {size}")

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the tree with matplotlib, questions as boxes and answers along the lines between them; gives the axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw. Default: a new figure, as large as the tree needs.
        """
        from zoobot.trees.plotting import plot

        return plot(self.questions, self.title or self.name, ax)


def _follow(asked: NDArray[np.floating], fraction: NDArray[np.floating]) -> NDArray[np.floating]:
    """Probability of going on with an answer: `asked` times `fraction`, and 0 (not NaN) where nobody is asked."""
    return np.where(asked == 0, asked, asked * fraction)


def _hint(text: object, known: Iterable[str]) -> str:
    """Sentence that names the nearest known text, or nothing."""
    close = difflib.get_close_matches(str(text), list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
