"""Several campaigns' trees as one, so that a model learns them side by side."""

from collections.abc import Sequence

from zoobot.errors import TreeError
from zoobot.trees.schema import Schema


def merge(trees: Sequence[Schema], *, name: str | None = None) -> Schema:
    """One tree with the questions of several, one tree after the other.

    Each galaxy has votes for its own campaign's only. The loss of a galaxy under the merged tree is that under its own
    tree, for questions without votes cost nothing. What is predicted for a galaxy are the answers that each campaign's
    volunteers would give.

    Parameters
    ----------
    trees : sequence of Schema
        The campaigns. A question that several ask in the same words, with the same answers after the same answers, is
        one question; the packaged trees' questions end in their campaign's name and stay apart.
    name : str, optional
        Default: the trees' names, joined with ``+``.

    Returns
    -------
    Schema
        Its ``campaigns`` says which questions are whose.

    Raises
    ------
    TreeError
        No trees, two of one name, or a question that two trees ask differently.
    """
    if not trees:
        msg = "No trees to merge: give at least one."
        raise TreeError(msg)
    names = [tree.name for tree in trees]
    for tree_name in names:
        if names.count(tree_name) > 1:
            msg = (
                f"Two of the trees to merge are called {tree_name!r}: give each another name, for losses are logged "
                "by it."
            )
            raise TreeError(msg)
    questions = {question.text: question for question in trees[0].questions}
    owner = dict.fromkeys(questions, names[0])
    for tree in trees[1:]:
        for question in tree.questions:
            known = questions.setdefault(question.text, question)
            owner.setdefault(question.text, tree.name)
            same = [answer.name for answer in known.answers] == [answer.name for answer in question.answers]
            if not same or set(known.asked_after) != set(question.asked_after):
                msg = (
                    f"Question {question.text!r} is asked differently by {owner[question.text]!r} and {tree.name!r} "
                    "(other answers, or after others): rename it in one of them, as "
                    f"{question.text + '-' + tree.name!r}."
                )
                raise TreeError(msg)
    return Schema(
        {text: [answer.name for answer in question.answers] for text, question in questions.items()},
        {text: question.asked_after for text, question in questions.items()},
        name=name or "+".join(names),
        title=" and ".join(tree.title for tree in trees if tree.title),
        campaigns={tree.name: [question.text for question in tree.questions] for tree in trees},
    )
