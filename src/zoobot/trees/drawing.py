"""A decision tree as text, one line a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoobot.trees.questions import Question
    from zoobot.trees.schema import Schema


def draw(tree: Schema) -> str:
    """Text drawing of `tree`: each line a question with its answers, below the question that leads to it.

    ``smooth → how-rounded: round | cigar`` reads "after the answer smooth, how-rounded is asked". A question that
    can be reached from several questions is drawn with what follows it the first time, and named the other times.
    """
    lines = [_heading(tree)]
    drawn: set[str] = set()

    def add(question: Question, leading_answers: str, indent: str, *, last: bool) -> None:
        branch, below = ("└── ", "    ") if last else ("├── ", "│   ")
        if question.text in drawn:
            lines.append(f"{indent}{branch}{leading_answers}{question.text} (as above)")
            return
        drawn.add(question.text)
        lines.append(
            f"{indent}{branch}{leading_answers}{question.text}: {' | '.join(a.name for a in question.answers)}"
        )
        following = [
            (", ".join(answers), next_question)
            for next_question in tree.questions
            if (answers := [a.name for a in question.answers if a.text in next_question.asked_after])
        ]
        for number, (leading, next_question) in enumerate(following, start=1):
            add(next_question, f"{leading} → ", indent + below, last=number == len(following))

    first_questions = [question for question in tree.questions if not question.asked_after]
    for number, question in enumerate(first_questions, start=1):
        add(question, "", "", last=number == len(first_questions))
    return "\n".join(lines)


def _heading(tree: Schema) -> str:
    """Name, title and size of `tree` in one line."""
    title = f" ({tree.title})" if tree.title else ""
    return f"{tree.name}{title}: {len(tree.questions)} questions, {len(tree.label_cols)} answers"
