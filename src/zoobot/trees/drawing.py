"""A decision tree as text, one line per question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoobot.trees.questions import Question


def draw(questions: Sequence[Question], heading: str) -> str:
    """Return a tree as text.

    Its heading comes first, then each question on a line with its answers, below the question that leads to it.
    ``smooth → how-rounded: round | cigar`` reads "after the answer smooth, how-rounded is asked". A question that can
    be reached from several questions is drawn with what follows it the first time, and named the other times.
    """
    lines = [heading]
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
            for next_question in questions
            if (answers := [a.name for a in question.answers if a.text in next_question.asked_after])
        ]
        for number, (leading, next_question) in enumerate(following, start=1):
            add(next_question, f"{leading} → ", indent + below, last=number == len(following))

    first_questions = [question for question in questions if not question.asked_after]
    for number, question in enumerate(first_questions, start=1):
        add(question, "", "", last=number == len(first_questions))
    return "\n".join(lines)
